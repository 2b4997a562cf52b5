"""What the panes say, as lines of marked pieces: a request with its story, an event, a payload. No Textual."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from approval_tui.display import payload
from approval_tui.display.diff import REMOVED, Diff, diff_rows
from approval_tui.display.event_view import event_content, event_fields, event_words, problem_words
from approval_tui.display.glyphs import Glyphs
from approval_tui.display.preview import preview_lines
from approval_tui.display.reading_aids import Aid
from approval_tui.display.redaction import Redactor
from approval_tui.display.request_view import (
    Field,
    attempt_fields,
    context_fields,
    fields_after_context,
    fields_before_context,
)
from approval_tui.display.width import cell_width, pad, wrap, wrap_words
from approval_tui.domain.audit import Event, Verification
from approval_tui.domain.clock import format_timestamp
from approval_tui.domain.errors import ApprovalTuiError, StoreCorrupt
from approval_tui.domain.identity import digest_for
from approval_tui.domain.models import Request

_LABEL = 12
_LONG_PAYLOAD = 12
_NARROWEST = 10
_COUNTED = ("label", "plain")
_NO_LEAD = " "
_ATTEMPT = "the new attempt"
_FIRST_OF_STORY, _LAST_OF_STORY = 20, 100

LARGEST_COMPARED = 50_000
"""Characters of stored arguments beyond which two attempts are not compared: it is done beside the keys."""


class Line(NamedTuple):
    """One line: pieces of text with the role of each; `span` where it shows a part of the payload."""

    pieces: tuple[tuple[str, str], ...]
    span: tuple[int, int] | None = None

    @property
    def plain(self) -> str:
        """The line as plain text."""
        return "".join(text for text, _ in self.pieces)


class Payload(NamedTuple):
    """What is approved, at one width: the rows of the arguments and of the context, and a preview.

    Both are counted in characters, `total` in all, so that what was seen of them is the same at every width. Where an
    edit is read before it is approved, the rows that say what it changed are counted behind them.
    """

    lines: tuple[Line, ...]
    context: tuple[Line, ...]
    total: int
    preview: tuple[str, ...]
    edit: tuple[Line, ...] = ()

    @property
    def counted(self) -> list[Line]:
        """The lines that have to be seen before it is approved."""
        return [line for line in (*self.lines, *self.context, *self.edit) if line.span is not None]


def payload_of(
    request: Request, redactor: Redactor, width: int, glyphs: Glyphs, *, counts_edit: bool = False
) -> Payload:
    """The whole payload, wrapped; nothing of it is left out. With `counts_edit`, so are the rows of the edit."""
    rows = payload.payload_rows(request.effective_arguments, redactor, glyphs)
    shown = payload.wrap_rows(rows, max(_NARROWEST, width - 1), glyphs)
    total = payload.span_total(rows)
    context: list[Line] = []
    for field in context_fields(request, redactor, glyphs):
        for line in field_lines(field, width, glyphs):
            end = total + sum(len(text) for text, role in line.pieces if role in _COUNTED)
            context.append(Line(line.pieces, (total, end)))
            total = end
    preview = tuple(preview_lines(request.effective_arguments, redactor, glyphs=glyphs))
    edit: tuple[Line, ...] = ()
    if request.edited_arguments is not None:
        diff = diff_rows(request.arguments, request.edited_arguments, redactor, glyphs)
        edit = tuple(diff_lines(diff, "the edit", width, glyphs, begin=total if counts_edit else None))
        total = max((line.span[1] for line in edit if line.span is not None), default=total)
    return Payload(tuple(_payload_line(row) for row in shown), tuple(context), total, preview, edit)


def preparing(characters: int) -> Payload:
    """What stands in place of a large payload until it has been worked out."""
    words = f"Working out {characters:,} characters ..."
    return Payload((Line(((words, "note"),)),), (), 0, ())


def unreadable(error: StoreCorrupt) -> Payload:
    """What stands in place of a payload that cannot be read; it counts a character that no row shows."""
    return Payload((Line(((f"{error.happened} Do not approve.", "bad"),)),), (), 1, ())


def digest_fits(request: Request) -> bool:
    """Whether the request's digest is that of what is shown; if not, somebody wrote to the store's file."""
    try:
        return digest_for(request, request.effective_arguments) == request.digest
    except ApprovalTuiError:
        return False


def request_lines(
    request: Request,
    shown: Payload,
    redactor: Redactor,
    width: int,
    now: int,
    glyphs: Glyphs,
    *,
    is_intact: bool,
    story: Sequence[Event] | None = (),
    previous: Request | None = None,
    changes: Sequence[Line] = (),
    aids: Sequence[Line] = (),
) -> list[Line]:
    """Everything about one request: its fields, the payload, what an edit changed, and what became of it.

    `previous` is the request of the attempt before it, `changes` are the lines that say how they differ, `aids` those
    that help to read the call.

    Without a story, only its fields and the payload: what is approved, and whose it is.
    """
    lines = _head(request, shown, redactor, width, now, glyphs, is_intact, previous)
    if story is None:
        return [*lines, *_arguments(request, shown, width, glyphs)]
    if len(shown.lines) > _LONG_PAYLOAD:
        lines += [_blank(), title_line("preview", width, glyphs)]
        for text in shown.preview:
            first, *more = wrap(text, max(_NARROWEST, width - 3), onward=max(_NARROWEST, width - 5))
            lines.append(Line(((f"  {first}", "plain"),)))
            lines += [Line(((f"  {glyphs.continued}", "note"), (row, "plain"))) for row in more]
    lines += aids
    lines += [_blank(), *_arguments(request, shown, width, glyphs)]
    lines += shown.edit
    lines += changes
    if story:
        lines += _story_lines(story, redactor, width, glyphs)
    return lines


def bad_lines(text: str, width: int) -> list[Line]:
    """A sentence of ours that nobody may miss."""
    return _wrapped(text, width, "bad")


def event_lines(event: Event, redactor: Redactor, width: int, now: int, glyphs: Glyphs) -> list[Line]:
    """Everything about one event of the audit log, its body whole."""
    lines: list[Line] = []
    for field in event_fields(event, now, redactor, glyphs):
        lines += field_lines(field, width, glyphs)
    rows = payload.payload_rows(event_content(event), redactor, glyphs)
    shown = payload.wrap_rows(rows, max(_NARROWEST, width - 1), glyphs)
    body = [Line(_payload_line(row).pieces) for row in shown]
    title, end = title_line("what it records", width, glyphs), title_line("end of the event", width, glyphs)
    return [*lines, _blank(), title, *body, end]


def verification_lines(verification: Verification, width: int, at: int, glyphs: Glyphs) -> list[Line]:
    """What a check of the log found."""
    counts = f"{verification.events:,} events and {verification.requests:,} requests"
    head = [title_line(f"verified at {format_timestamp(at)}", width, glyphs)]
    if verification.is_sound:
        return [*head, *_wrapped(f"The log verifies: {counts} fit.", width, "good"), _blank()]
    lines = [*head, *_wrapped(f"THE LOG DOES NOT VERIFY ({counts} checked). Nothing was changed.", width, "bad")]
    for problem in verification.problems:
        lines += _wrapped(problem_words(problem, glyphs), width, "bad")
    return [*lines, _blank()]


def _head(
    request: Request,
    shown: Payload,
    redactor: Redactor,
    width: int,
    now: int,
    glyphs: Glyphs,
    is_intact: bool,
    previous: Request | None,
) -> list[Line]:
    """Every field of the request; those of its context learn whether they were seen."""
    lines: list[Line] = []
    if not is_intact:
        lines += _wrapped("THE DIGEST DOES NOT FIT. Somebody wrote to the store; do not approve.", width, "bad")
    for field in fields_before_context(request, now, glyphs):
        lines += field_lines(field, width, glyphs)
    for field in attempt_fields(request, previous, redactor, glyphs):
        lines += field_lines(field, width, glyphs)
    lines += shown.context
    for field in fields_after_context(request, now, redactor, glyphs):
        lines += field_lines(field, width, glyphs)
    return lines


def _arguments(request: Request, shown: Payload, width: int, glyphs: Glyphs) -> list[Line]:
    rows = len(shown.lines)
    kind = "arguments, edited by the reviewer" if request.edited_arguments is not None else "arguments"
    title = f"{kind} ({rows:,} {'row' if rows == 1 else 'rows'}, all of them)"
    return [title_line(title, width, glyphs), *shown.lines, title_line("end of the arguments", width, glyphs)]


def changes_between_attempts(
    previous: Request, request: Request, redactor: Redactor, width: int, glyphs: Glyphs
) -> list[Line]:
    """How what is asked differs from what was asked with the attempt before; too much is not compared here."""
    if max(len(each.arguments_text) for each in (previous, request)) > LARGEST_COMPARED:
        words = f"Too large to compare here; the attempt before is {previous.id}."
        return [_blank(), title_line("what the new attempt changed", width, glyphs), *_wrapped(words, width, "note")]
    if previous.context == request.context:
        return diff_lines(diff_rows(previous.arguments, request.arguments, redactor, glyphs), _ATTEMPT, width, glyphs)
    before, after = ({"arguments": each.arguments, "context": each.context} for each in (previous, request))
    return diff_lines(diff_rows(before, after, redactor, glyphs), _ATTEMPT, width, glyphs)


def diff_lines(diff: Diff, what: str, width: int, glyphs: Glyphs, *, begin: int | None = None) -> list[Line]:
    """What `what` changed, row by row; with `begin` the rows are parts of a payload that are counted from there."""
    is_same = diff.is_compared and not any(change.mark.strip() for change in diff.rows)
    title = f"what {what} changed (- was, + is)" if diff.is_compared else f"all before {what} (-), all after it (+)"
    lines = [_blank(), title_line(title, width, glyphs)]
    if is_same:
        return [*lines, *_wrapped("Nothing: the arguments are the same.", width, "note")]
    if not diff.is_compared:
        lines += _wrapped("Too long to compare: rows that stayed are marked, too.", width, "note")
    for change in diff.rows:
        role = "plain" if not change.mark.strip() else "removed" if change.mark == REMOVED else "added"
        shown = payload.wrap_row(change.row, max(_NARROWEST, width - 1 - len(change.mark)), begin or 0, glyphs)
        for row in shown:
            span = None if begin is None else (row.begin, row.end)
            lines.append(Line(((change.mark, role), (row.plain, role)), span))
        if begin is not None:
            begin = shown[-1].end
    return lines


def notice_lines(title: str, notices: Sequence[tuple[str, str]], width: int, glyphs: Glyphs) -> list[Line]:
    """Sentences of ours with the role of each, below a title; broken at blanks."""
    lines = [title_line(title, width, glyphs)]
    for text, role in notices:
        lines += [Line(((row, role),)) for row in wrap_words(text, max(_NARROWEST, width - 1))]
    return lines


def aid_lines(aids: Sequence[Aid], width: int, glyphs: Glyphs) -> list[Line]:
    """The aids wrapped; a row that goes on says so in the place of its lead, so that no text can imitate it."""
    lines: list[Line] = []
    for aid in aids:
        lines += [_blank(), title_line(aid.title, width, glyphs)]
        for row in aid.rows:
            lead = row.lead or _NO_LEAD
            room = max(_NARROWEST, width - 1 - len(lead))
            first, *more = wrap(row.text, room, onward=max(_NARROWEST, width - 1 - len(glyphs.continued)))
            lines.append(Line(((lead, "note"), (first, row.role))))
            lines += [Line(((glyphs.continued, "note"), (piece, row.role))) for piece in more]
    return lines


def _story_lines(story: Sequence[Event], redactor: Redactor, width: int, glyphs: Glyphs) -> list[Line]:
    events = "event" if len(story) == 1 else "events"
    lines = [_blank(), title_line(f"its story ({len(story)} {events})", width, glyphs)]
    for event in _told(story):
        if event is None:
            lines += _wrapped(
                f"  ... {len(story) - _FIRST_OF_STORY - _LAST_OF_STORY:,} more, which the audit log shows",
                width,
                "note",
            )
            continue
        lines.append(Line(((pad(f"{event.seq}", 7) + format_timestamp(event.at), "label"),)))
        said = event_words(event, redactor, glyphs)
        words = f"{glyphs.visible(event.name)}{f': {said}' if said else ''}"
        lines += [Line(((f"  {row}", "plain"),)) for row in wrap_words(words, max(_NARROWEST, width - 3))]
    return lines


def _told(story: Sequence[Event]) -> Sequence[Event | None]:
    """The beginning and the end of a long story, and None for what lies between."""
    if len(story) <= _FIRST_OF_STORY + _LAST_OF_STORY:
        return story
    return [*story[:_FIRST_OF_STORY], None, *story[-_LAST_OF_STORY:]]


def _payload_line(row: payload.ShownRow) -> Line:
    return Line(((row.lead, "note"), (row.label, "key"), (row.text, row.kind)), (row.begin, row.end))


def _blank() -> Line:
    return Line((("", "plain"),))


def title_line(text: str, width: int, glyphs: Glyphs) -> Line:
    """The line above a part of a document."""
    rule = glyphs.horizontal
    return Line(((f"{rule * 2} {text} {rule * width}"[: max(0, width - 1)], "title"),))


def _wrapped(text: str, width: int, role: str) -> list[Line]:
    return [Line(((row, role),)) for row in wrap(text, width - 1)]


def field_lines(field: Field, width: int, glyphs: Glyphs) -> list[Line]:
    """The label and the text beside it; what a person said is broken at blanks, everything else where a row ends.

    A label too long to stand beside its text has rows of its own, and so has the text of a pane too narrow for both.
    """
    role = "agent" if field.from_agent else "plain"
    text = f"{glyphs.open_quote}{field.text}{glyphs.close_quote}" if field.from_agent else field.text
    break_rows = wrap_words if field.is_prose else wrap
    indent = _LABEL if width - 1 - _LABEL >= _NARROWEST else 1
    rows = break_rows(text, max(_NARROWEST, width - 1 - indent))
    if cell_width(field.label) < indent:
        padding = " " * (indent - cell_width(field.label))
        lines = [Line(((field.label, "label"), (padding, "padding"), (rows.pop(0), role)))]
    else:
        room = max(_NARROWEST, width - 1)
        first, *more = wrap(field.label, room, onward=room - cell_width(glyphs.continued))
        lines = [Line(((first, "label"),))]
        lines += [Line(((glyphs.continued, "padding"), (row, "label"))) for row in more]
    return lines + [Line(((" " * indent, "padding"), (row, role))) for row in rows]
