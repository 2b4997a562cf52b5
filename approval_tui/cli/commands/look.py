"""The commands that only look at requests: list, show, history."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from approval_tui.cli import output
from approval_tui.cli.environment import Environment
from approval_tui.cli.exit_codes import DONE
from approval_tui.domain.lifecycle import PENDING
from approval_tui.store.transactions.filters import EVERYTHING, FIELDS, Filter, Word, is_open

if TYPE_CHECKING:
    from approval_tui.cli.progress import Progress
    from approval_tui.display.redaction import Redactor
    from approval_tui.domain.models import Request
    from approval_tui.store.blocking import BlockingStore

_PAGE = 500
_WIDEST_NAME = 24
_NARROWEST_PREVIEW = 28


def list_requests(options: Namespace, environment: Environment) -> int:
    """Prints the requests of one status; those that wait, oldest first."""
    chosen = _chosen(options)
    with environment.open_store() as store:
        requests = store.reader.list(chosen, most=options.limit)
        if len(requests) == options.limit:
            _say_what_is_not_listed(store, chosen, options.limit)
        if options.json:
            output.print_json_array(request.to_json() for request in requests)
            return DONE
        if not requests:
            output.narrate(f"{_nothing(chosen)} in {store.location}.")
    print_requests(requests, environment.redactor(), environment.now(), is_waiting=options.status == PENDING)
    return DONE


def show(options: Namespace, environment: Environment) -> int:
    """Prints one request with its whole payload."""
    with environment.open_store() as store:
        request = store.reader.find(options.id)
        if options.json:
            output.print_json(request.to_json())
            return DONE
        from approval_tui.cli.request_text import attempt_before, precedents_of, print_request

        previous, precedents = attempt_before(request, store.reader), precedents_of(request, store.reader)
    redactor = environment.redactor(reveal=options.reveal)
    print_request(request, redactor, environment.now(), previous=previous, precedents=precedents)
    return DONE


def history(options: Namespace, environment: Environment) -> int:
    """Prints what no longer waits, newest first."""
    chosen = _chosen(options)
    with environment.open_store() as store:
        before = None if options.before is None else store.reader.find(options.before).id
        pages = _pages(store, chosen, before, options.limit)
        if options.json:
            output.print_json_array(request.to_json() for page in pages for request in page)
            return DONE
        requests = [request for page in pages for request in page]
    if not requests:
        output.narrate("Nothing in the history matches.")
    print_requests(requests, environment.redactor(), environment.now(), is_waiting=False)
    if len(requests) == options.limit:
        same = "approval-tui history" if chosen == EVERYTHING else "the same with"
        output.narrate(f"Older ones: {same} --before {requests[-1].id}")
    return DONE


def print_requests(requests: Sequence[Request], redactor: Redactor, now: int, *, is_waiting: bool) -> None:
    """A table of requests at that moment (ms UTC); every outside text in it is visible, and secrets are masked."""
    from approval_tui.display.badges import risk_badge, status_badge
    from approval_tui.display.preview import preview_line
    from approval_tui.display.visible import visible_text
    from approval_tui.display.width import cell_width, cut, pad
    from approval_tui.domain.clock import format_duration

    plain = output.is_plain()
    tools = [cut(visible_text(request.tool), _WIDEST_NAME) for request in requests]
    requesters = [cut(visible_text(request.requester), _WIDEST_NAME) for request in requests]
    tool_width = max(map(cell_width, ("TOOL", *tools)))
    requester_width = max(map(cell_width, ("REQUESTER", *requesters)))

    def call(tool: str, requester: str, preview: str) -> str:
        return output.GAP.join((pad(tool, tool_width), pad(requester, requester_width), preview))

    rows = [
        (
            request.id,
            format_duration(now - request.created_at),
            format_duration(request.expires_at - now) if is_waiting else status_badge(request).text(plain=plain),
            risk_badge(request.risk).text(plain=plain),
            call(tool, requester, _votes(request, is_waiting) + preview_line(request.effective_arguments, redactor)),
        )
        for request, tool, requester in zip(requests, tools, requesters, strict=True)
    ]
    headers = ("ID", "AGE", "LEFT" if is_waiting else "STATUS", "RISK", call("TOOL", "REQUESTER", "ARGUMENTS"))
    output.print_table(headers, rows, least=tool_width + requester_width + _NARROWEST_PREVIEW)


def _votes(request: Request, is_waiting: bool) -> str:
    """How many votes of how many there are, before what is asked, where several count."""
    if not is_waiting or request.requirements.quorum == 1:
        return ""
    from approval_tui.display.quorum_words import count_words

    return f"{count_words(request)}  "


def _chosen(options: Namespace) -> Filter:
    """The filter of the options; those that a command does not have leave it open."""
    given = vars(options)
    return Filter(
        status=options.status,
        **{part: given.get(part) for part in FIELDS},
        words=tuple(map(Word, given.get("text") or ())),
    )


def _pages(store: BlockingStore, chosen: Filter, before: str | None, limit: int) -> Iterator[tuple[Request, ...]]:
    """The history in short reads, newest first, up to `limit` requests in all."""
    from approval_tui.cli.progress import Progress

    left = limit
    with Progress() as progress:
        if chosen.words or chosen.tool or chosen.session or chosen.risk:
            yield from _search(store, chosen, before, limit, progress)
            return
        while left > 0:
            page = store.reader.history(chosen, before=before, most=min(_PAGE, left))
            if not page:
                return
            yield page
            left -= len(page)
            before = page[-1].id
            progress("requests read", limit - left, limit)


def _search(
    store: BlockingStore, chosen: Filter, before: str | None, limit: int, progress: Progress
) -> Iterator[tuple[Request, ...]]:
    """The same where few of many may match and no index knows which."""
    scanned = found = 0
    total = store.reader.history_count() if before is None else 0
    while found < limit:
        step = store.reader.search_history(chosen, before=before, most=min(_PAGE, limit - found))
        yield step.requests
        found += len(step.requests)
        scanned += step.scanned
        before = step.before
        progress("requests searched", scanned, total)
        if before is None:
            return


def _nothing(chosen: Filter) -> str:
    if not is_open(chosen):
        return "No such request matches"
    return {
        "pending": "Nothing waits for a decision",
        "in_doubt": "No call is in doubt",
    }.get(chosen.status or "", f"No request is {chosen.status}")


def _say_what_is_not_listed(store: BlockingStore, chosen: Filter, limit: int) -> None:
    if chosen.status != PENDING:
        output.narrate(f"At most {limit} are listed; --limit gives more.")
        return
    waiting = store.reader.pending_page(chosen, most=1).total or 0
    if waiting > limit:
        match = "wait" if is_open(chosen) else "wait and match"
        output.narrate(f"{waiting} {match}; the oldest {limit} are listed, --limit gives more.")
