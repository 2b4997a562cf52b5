"""The table of requests that are decided together: each with its whole call, and those that are left out with why.

A request stands in it with every row of its arguments and context, so that what is approved from the table was shown;
one that is too long for a table is read by itself. No Textual.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from approval_tui.console.documents import Line, Payload, digest_fits, payload_of, unreadable
from approval_tui.display.badges import risk_badge, status_badge
from approval_tui.display.glyphs import Glyphs
from approval_tui.display.redaction import Redactor
from approval_tui.display.width import cut, wrap
from approval_tui.domain.bulk import BulkResult, Chosen, why_not_in_bulk
from approval_tui.domain.clock import format_age
from approval_tui.domain.errors import StoreCorrupt
from approval_tui.domain.lifecycle import PENDING
from approval_tui.domain.models import Request
from approval_tui.domain.status_words import describe_status

LONGEST_IN_TABLE = 2_000
"""Characters of arguments and context beyond which a request is not approved from a table."""

LARGEST_LOOKED_AT = 20_000
"""Stored characters beyond which that is said without a look at them."""


class Item(NamedTuple):
    """One request of the table, as it was when the table was shown, and why it is not approved from it, if so."""

    request: Request
    why_not: str | None

    @property
    def chosen(self) -> Chosen:
        """What is decided: this id with this digest."""
        return Chosen(self.request.id, self.request.digest)


def items_of(requests: Sequence[Request]) -> tuple[Item, ...]:
    """The table's items, those that can be approved from it first."""
    items = [Item(request, _why_not(request)) for request in requests]
    return tuple(sorted(items, key=lambda item: item.why_not is not None))


class Table(NamedTuple):
    """The lines at one width; `total` counts the characters of all that can be approved, `rows` their rows by id."""

    lines: tuple[Line, ...]
    total: int
    rows: Mapping[str, int]


def table_of(
    items: Sequence[Item],
    now_as: Mapping[str, Request],
    results: Mapping[str, BulkResult],
    redactor: Redactor,
    width: int,
    now: int,
    glyphs: Glyphs,
) -> Table:
    """The table; `now_as` says what requests have become since, `results` what was decided of them."""
    lines: list[Line] = []
    rows: dict[str, int] = {}
    total = 0
    for number, item in enumerate(items, start=1):
        lines += _head_lines(number, len(items), item, width, now, glyphs)
        lines += _news_lines(item, now_as, results, redactor, width, glyphs)
        if item.why_not is not None:
            why_not = glyphs.visible(redactor.redact(item.why_not, glyphs))
            lines += wrapped_lines(f"not approved from here: {why_not}", width, "note", glyphs)
        if item.request.reason is not None:
            said = glyphs.visible(redactor.redact(item.request.reason, glyphs))
            lines += wrapped_lines(f"agent says {glyphs.open_quote}{said}{glyphs.close_quote}", width, "agent", glyphs)
        payload = _payload(item, redactor, width, glyphs)
        is_counted = item.why_not is None
        for line in (*payload.lines, *payload.context):
            span = line.span if is_counted else None
            lines.append(Line(line.pieces, None if span is None else (total + span[0], total + span[1])))
        if is_counted:
            total += payload.total
            rows[item.request.id] = len(payload.lines) + len(payload.context)
        lines.append(Line((("", "plain"),)))
    return Table(tuple(lines), total, rows)


def _payload(item: Item, redactor: Redactor, width: int, glyphs: Glyphs) -> Payload:
    request = item.request
    if _size(request) > LARGEST_LOOKED_AT:
        words = f"({_size(request):,} characters, not shown here)"
        return Payload((Line(((words, "note"),)),), (), 0, ())
    try:
        return payload_of(request, redactor, width, glyphs)
    except StoreCorrupt as error:
        return unreadable(error)


def _why_not(request: Request) -> str | None:
    if request.status != PENDING:
        return f"it is {describe_status(request)}"
    why = why_not_in_bulk(request)
    if why is None and request.requirements.reason_required:
        why = "its rule asks for a reason"
    if why is None and _size(request) > LONGEST_IN_TABLE:
        why = f"too long for a table ({_size(request):,} characters); read it by itself"
    if why is None and not digest_fits(request):
        why = "THE DIGEST DOES NOT FIT; somebody wrote to the store"
    return why


def _size(request: Request) -> int:
    edited = request.edited_arguments_text
    return len(request.context_text) + len(request.arguments_text if edited is None else edited)


def _head_lines(number: int, count: int, item: Item, width: int, now: int, glyphs: Glyphs) -> list[Line]:
    request = item.request
    title = f"{glyphs.horizontal * 2} {number} of {count}  "
    tool = cut(glyphs.name(request.tool), 60, glyphs)
    requester = cut(glyphs.name(request.requester), 60, glyphs)
    risk = risk_badge(request.risk).text(plain=glyphs.is_ascii)
    words = f"{title}{tool} for {requester}  {risk}  {format_age(now - request.created_at)} old"
    lines = wrapped_lines(words, width, "title", glyphs)
    if request.session is not None:
        lines += wrapped_lines(f"session {glyphs.name(request.session)}", width, "label", glyphs)
    if request.server is not None:
        lines += wrapped_lines(f"server {glyphs.name(request.server)}", width, "label", glyphs)
    if glyphs.name(request.tool) != tool or glyphs.name(request.requester) != requester:
        whole = f"{glyphs.name(request.tool)} for {glyphs.name(request.requester)}"
        lines += wrapped_lines(whole, width, "label", glyphs)
    return [*lines, *wrapped_lines(request.id, width, "label", glyphs)]


def _news_lines(
    item: Item,
    now_as: Mapping[str, Request],
    results: Mapping[str, BulkResult],
    redactor: Redactor,
    width: int,
    glyphs: Glyphs,
) -> list[Line]:
    """What was decided of it here, or what it has become by itself since the table was shown."""
    result = results.get(item.request.id)
    if result is not None and result.decided is not None:
        badge = status_badge(result.decided)
        return wrapped_lines(badge.text(plain=glyphs.is_ascii), width, badge.role, glyphs)
    if result is not None:
        why = "" if result.error is None else glyphs.visible(redactor.redact(result.error.happened, glyphs))
        return wrapped_lines(f"NOT DECIDED: {why}", width, "bad", glyphs)
    current = now_as.get(item.request.id)
    if has_changed(item, current):
        words = "gone" if current is None else describe_status(current)
        if current is not None and current.status == PENDING:
            words = "changed by another reviewer"
        said = glyphs.visible(redactor.redact(words, glyphs))
        return wrapped_lines(f"SINCE THEN: {said}. It is not decided from here.", width, "bad", glyphs)
    return []


def has_changed(item: Item, current: Request | None) -> bool:
    """Whether the request is not what the table shows any more."""
    return current is None or (current.status, current.digest) != (item.request.status, item.request.digest)


def wrapped_lines(text: str, width: int, role: str, glyphs: Glyphs) -> list[Line]:
    """The text in as many rows as it takes; those that go on from the one above say so."""
    first, *more = wrap(text, max(10, width - 1), onward=max(10, width - 3))
    return [Line(((first, role),)), *(Line(((glyphs.continued, "note"), (row, role))) for row in more)]
