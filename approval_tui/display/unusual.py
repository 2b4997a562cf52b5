"""What is unusual about a request: what was never asked, approved or named before, and letters that deceive the eye.

These are marks for reading; they decide nothing. Each row has a lead of ours and begins with words of ours, so that no
text of an agent can pass for one.
"""

from __future__ import annotations

from collections.abc import Iterator

from approval_tui.display.call_texts import call_texts
from approval_tui.display.differences import Differences, differences
from approval_tui.display.glyphs import UNICODE, Glyphs
from approval_tui.display.reading_aids import NOTE, PLAIN, Aid, AidRow
from approval_tui.display.redaction import Redactor
from approval_tui.display.unusual_letters import rows_of_letters, rows_of_names
from approval_tui.display.unusual_places import rows_of_places
from approval_tui.display.unusual_rows import marked, none_approved, noted, quoted
from approval_tui.domain.canonical import record_json
from approval_tui.domain.clock import format_timestamp
from approval_tui.domain.errors import StoreCorrupt
from approval_tui.domain.models import Request
from approval_tui.domain.precedents import Precedents, may_be_unusual

TITLE = "what is unusual"

MOST_DIFFERENCES = 5
"""Differences to the last approved call that are listed; one more row says how many there are beyond them."""


def what_is_unusual(
    request: Request, precedents: Precedents, redactor: Redactor, glyphs: Glyphs = UNICODE
) -> tuple[Aid, ...]:
    """The marks on a request, held against what came before it; none where nothing is unusual, or all is over."""
    if not may_be_unusual(request):
        return ()
    try:
        rows = tuple(_rows(request, precedents, redactor, glyphs))
    except StoreCorrupt:  # what stands in the place of its arguments says so
        return ()
    return (Aid(TITLE, rows),) if rows else ()


def unusual_sentences(request: Request, precedents: Precedents, redactor: Redactor) -> list[str]:
    """The same for whoever looks at no screen, one sentence for each row."""
    return [row.text for aid in what_is_unusual(request, precedents, redactor) for row in aid.rows]


def _rows(request: Request, precedents: Precedents, redactor: Redactor, glyphs: Glyphs) -> Iterator[AidRow]:
    redactor = _knowing_secrets(redactor, request)
    texts, is_whole = call_texts(request, redactor, glyphs)
    approved = [(call, call_texts(call, redactor, glyphs).texts) for call in precedents.approved]
    yield from _rows_of_firsts(request, precedents, glyphs)
    yield from rows_of_names(request, precedents, glyphs)
    yield from rows_of_letters(texts, (text.text for _, earlier in approved for text in earlier), glyphs)
    yield from rows_of_places(request, texts, approved, precedents, glyphs)
    if not is_whole:
        yield noted("its texts are too long for all of them to be looked through here", glyphs)
    yield from _rows_of_differences(request, precedents, redactor, glyphs)


def _knowing_secrets(redactor: Redactor, *calls: Request) -> Redactor:
    """A redactor that masks the secrets of these calls wherever they stand, as far as their texts are looked at."""
    lifted = redactor.lifted()
    return redactor.knowing(text.text for call in calls for text in call_texts(call, lifted).texts)


def _rows_of_firsts(request: Request, precedents: Precedents, glyphs: Glyphs) -> Iterator[AidRow]:
    """What happens for the first time; of two that follow from each other, only one is said."""
    looked_at = precedents.calls_looked_at
    if precedents.is_first:
        yield marked("the first request in this store", glyphs)
        return
    if precedents.is_first_of_requester:
        yield marked("the first request of this requester", glyphs)
    if precedents.is_first_of_tool:
        yield marked("the first call of this tool by anybody", glyphs)
    elif not precedents.approved:
        none = "no call" if looked_at is None else f"none of the last {looked_at:,} calls"
        yield marked(f"{none} of this tool was approved before", glyphs)
    elif precedents.is_first_of_requester_for_tool and not precedents.is_first_of_requester:
        none = "the first call of this tool" if looked_at is None else f"none of the last {looked_at:,} calls of it is"
        yield marked(f"{none} by this requester", glyphs)
    if precedents.approved and all(call.server != request.server for call in precedents.approved):
        last = precedents.approved[0].server
        this = "was without a server" if request.server is None else "was of this server"
        other = "had none" if last is None else f"was of {quoted(last, glyphs)}"
        yield marked(f"{none_approved(precedents)} {this}; the last one {other}", glyphs)


def _rows_of_differences(
    request: Request, precedents: Precedents, redactor: Redactor, glyphs: Glyphs
) -> Iterator[AidRow]:
    """How it differs from the last approved call of the same tool and server, its requester's if there is one.

    Nothing where the very same call was approved before.
    """
    same_server = [call for call in precedents.approved if call.server == request.server]
    asked = _asked(request)
    if not same_server or any(_asked(call) == asked for call in same_server):
        return
    own = [call for call in same_server if call.requester == request.requester]
    last = (own or same_server)[0]
    whose = "by this requester" if own else f"which was by another requester, {quoted(last.requester, glyphs)}"
    moment = format_timestamp(last.created_at if last.decided_at is None else last.decided_at)
    yield marked(f"other than the last approved call of this tool{' ' if own else ', '}{whose} ({moment}):", glyphs)
    knowing = _knowing_secrets(redactor, request, last)
    found = _all_differences(last, request, knowing, glyphs)
    for said in found.said:
        yield AidRow(glyphs.bar, said, PLAIN)
    if found.more:
        yield AidRow(glyphs.bar, f"{found.more:,} more values are other, new or missing", NOTE)


def _all_differences(last: Request, request: Request, redactor: Redactor, glyphs: Glyphs) -> Differences:
    before, after = last.effective_arguments, request.effective_arguments
    said, more = differences("argument", before, after, redactor, glyphs, most=MOST_DIFFERENCES)
    left = MOST_DIFFERENCES - len(said)
    of_context = differences("context", last.context, request.context, redactor, glyphs, most=left)
    return Differences(said + of_context.said, more + of_context.more)


def _asked(request: Request) -> str:
    return record_json([request.effective_arguments, request.context])
