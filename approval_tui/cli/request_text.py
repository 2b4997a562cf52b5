"""One request as a person reads it on paper or in a terminal: every field, and the whole payload."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from approval_tui.cli import output
from approval_tui.display.glyphs import ASCII, UNICODE, Glyphs
from approval_tui.display.payload import payload_rows, wrap_rows
from approval_tui.display.redaction import Redactor
from approval_tui.display.request_view import request_fields
from approval_tui.display.width import cell_width, pad, wrap
from approval_tui.domain.canonical import JsonObject, exact_json
from approval_tui.domain.errors import StoreCorrupt
from approval_tui.domain.models import DENIAL, Request
from approval_tui.domain.precedents import Precedents, may_be_unusual

if TYPE_CHECKING:
    from approval_tui.display.reading_aids import Aid
    from approval_tui.store.blocking_reader import BlockingReader

_LABEL_WIDTH = 12
_INDENT = "  "
_TO_COPY = ("id", "digest")  # in one piece, so that they can be copied


def attempt_before(request: Request, reader: BlockingReader) -> Request | None:
    """The request of the attempt before this one, if there is one that can be read."""
    if request.attempt is None or request.attempt.previous is None:
        return None
    try:
        return next(iter(reader.get_many((request.attempt.previous,))), None)
    except StoreCorrupt as error:
        output.narrate(str(error))
        return None


def precedents_of(request: Request, reader: BlockingReader) -> Precedents | None:
    """What came before the request; None where it is over, so that nobody asks what is unusual about it."""
    return reader.precedents(request.id) if may_be_unusual(request) else None


def print_request(
    request: Request,
    redactor: Redactor,
    now: int,
    *,
    edited: JsonObject | None = None,
    previous: Request | None = None,
    precedents: Precedents | None = None,
) -> None:
    """Prints all of it as it is at that moment (ms UTC), nothing cut.

    `edited` are arguments that a reviewer is about to put in place. `previous` is the request of the attempt before
    it; how they differ is printed, too. What is unusual is told by the `precedents`.
    """
    width = max(40, output.terminal_width())
    glyphs = ASCII if output.is_plain() else UNICODE
    for field in request_fields(request, now, redactor, glyphs, previous=previous):
        _print_field(field.label, field.text, width)
    would_run = request if edited is None else replace(request, edited_arguments_text=exact_json(edited))
    if precedents is not None:
        from approval_tui.display.unusual import what_is_unusual

        _print_aids(what_is_unusual(would_run, precedents, redactor, glyphs), width, glyphs)
    _print_reading_aids(would_run, redactor, width, glyphs)
    _print_payload("arguments", request.arguments, redactor, width, glyphs)
    if request.edited_arguments is not None:
        _print_payload(
            "arguments that may run, edited by the reviewer", request.edited_arguments, redactor, width, glyphs
        )
    if previous is not None:
        _print_changes(previous, request, redactor, width, glyphs)
    if edited is not None:
        _print_payload("your arguments, which would run instead", edited, redactor, width, glyphs)
        _print_diff("what your edit changes", request.arguments, edited, redactor, width, glyphs)
        if request.edit_taken_as == DENIAL:
            from approval_tui.domain.edits import EDIT_IS_DENIAL

            output.print_line("")
            output.print_line(EDIT_IS_DENIAL)


def _print_field(label: str, text: str, width: int) -> None:
    """The label and the text beside it; text that goes on stays right of the labels and can imitate none."""
    if cell_width(label) >= _LABEL_WIDTH:
        for row in wrap(label, width):
            output.print_line(row)
        label = ""
    for row in [text] if label in _TO_COPY else wrap(text, width - _LABEL_WIDTH):
        output.print_line(pad(label, _LABEL_WIDTH) + row)
        label = ""


def _print_reading_aids(request: Request, redactor: Redactor, width: int, glyphs: Glyphs) -> None:
    """What helps to read a coding agent's call: the parts of its command, or what becomes of files."""
    from approval_tui.display.reading_aids import has_reading_aids, reading_aids

    if not has_reading_aids(request):
        return
    from approval_tui.settings.files_on_disk import read_for_review

    _print_aids(reading_aids(request, read_for_review, redactor, glyphs, home=os.path.expanduser("~")), width, glyphs)


def _print_aids(aids: Sequence[Aid], width: int, glyphs: Glyphs) -> None:
    for aid in aids:
        output.print_line("")
        output.print_line(f"{aid.title}:")
        for row in aid.rows:
            room = width - len(_INDENT)
            first, *more = wrap(row.text, room - len(row.lead), onward=room - len(glyphs.continued))
            output.print_line(f"{_INDENT}{row.lead}{first}")
            for piece in more:
                output.print_line(f"{_INDENT}{glyphs.continued}{piece}")


def _print_changes(previous: Request, request: Request, redactor: Redactor, width: int, glyphs: Glyphs) -> None:
    before, after = previous.arguments, request.arguments
    if previous.context != request.context:
        before, after = ({"arguments": each.arguments, "context": each.context} for each in (previous, request))
    _print_diff(f"what the new attempt changed since {previous.id}", before, after, redactor, width, glyphs)


def _print_diff(
    title: str, before: JsonObject, after: JsonObject, redactor: Redactor, width: int, glyphs: Glyphs
) -> None:
    from approval_tui.display.diff import diff_rows

    diff = diff_rows(before, after, redactor, glyphs)
    output.print_line("")
    output.print_line(f"{title} (- was, + is):")
    if not any(change.mark.strip() for change in diff.rows):
        output.print_line(f"{_INDENT}Nothing: the arguments are the same.")
        return
    if not diff.is_compared:
        output.print_line(f"{_INDENT}Too long to compare: rows that stayed are marked, too.")
    for change in diff.rows:
        for row in wrap_rows([change.row], width - len(_INDENT) - len(change.mark), glyphs):
            output.print_line(f"{_INDENT}{change.mark}{row.plain}")


def _print_payload(title: str, arguments: JsonObject, redactor: Redactor, width: int, glyphs: Glyphs) -> None:
    output.print_line("")
    output.print_line(f"{title}:")
    for row in wrap_rows(payload_rows(arguments, redactor, glyphs), width - len(_INDENT), glyphs):
        output.print_line(_INDENT + row.plain)
