"""The commands that only look at requests: list, show, history."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from approval_tui.cli import output
from approval_tui.cli.environment import Environment
from approval_tui.cli.exit_codes import DONE
from approval_tui.domain.lifecycle import PENDING
from approval_tui.store.transactions.queries import Filter

if TYPE_CHECKING:
    from approval_tui.display.redaction import Redactor
    from approval_tui.domain.models import Request
    from approval_tui.store.blocking import BlockingStore

_PAGE = 500
_WIDEST_NAME = 24
_NARROWEST_PREVIEW = 28


def list_requests(options: Namespace, environment: Environment) -> int:
    """Prints the requests of one status; those that wait, oldest first."""
    with environment.open_store() as store:
        requests = store.reader.list(Filter(status=options.status), most=options.limit)
        if len(requests) == options.limit:
            _say_what_is_not_listed(store, options)
        if options.json:
            output.print_json_array(request.to_json() for request in requests)
            return DONE
        if not requests:
            output.narrate(f"{_nothing(options.status)} in {store.path}.")
    print_requests(requests, environment.redactor(), is_waiting=options.status == PENDING)
    return DONE


def show(options: Namespace, environment: Environment) -> int:
    """Prints one request with its whole payload."""
    with environment.open_store() as store:
        request = store.reader.find(options.id)
    if options.json:
        output.print_json(request.to_json())
    else:
        from approval_tui.cli.request_text import print_request

        print_request(request, environment.redactor(reveal=options.reveal))
    return DONE


def history(options: Namespace, environment: Environment) -> int:
    """Prints what no longer waits, newest first."""
    chosen = Filter(options.status, options.requester, options.tool, options.session)
    with environment.open_store() as store:
        before = None if options.before is None else store.reader.find(options.before).id
        pages = _pages(store, chosen, before, options.limit)
        if options.json:
            output.print_json_array(request.to_json() for page in pages for request in page)
            return DONE
        requests = [request for page in pages for request in page]
    if not requests:
        output.narrate("Nothing in the history matches.")
    print_requests(requests, environment.redactor(), is_waiting=False)
    if len(requests) == options.limit:
        output.narrate(f"Older ones: approval-tui history --before {requests[-1].id}")
    return DONE


def print_requests(requests: Sequence[Request], redactor: Redactor, *, is_waiting: bool) -> None:
    """A table of requests; every outside text in it is visible, and secrets are masked."""
    from approval_tui.display.badges import risk_badge, status_badge
    from approval_tui.display.preview import preview_line
    from approval_tui.display.visible import visible_text
    from approval_tui.display.width import cell_width, cut, pad
    from approval_tui.domain.clock import format_duration, system_clock

    now = system_clock()
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
            call(tool, requester, preview_line(request.effective_arguments, redactor)),
        )
        for request, tool, requester in zip(requests, tools, requesters, strict=True)
    ]
    headers = ("ID", "AGE", "LEFT" if is_waiting else "STATUS", "RISK", call("TOOL", "REQUESTER", "ARGUMENTS"))
    output.print_table(headers, rows, least=tool_width + requester_width + _NARROWEST_PREVIEW)


def _pages(store: BlockingStore, chosen: Filter, before: str | None, limit: int) -> Iterator[tuple[Request, ...]]:
    """The history in short reads, newest first, up to `limit` requests in all."""
    from approval_tui.cli.progress import Progress

    left = limit
    with Progress() as progress:
        while left > 0:
            page = store.reader.history(chosen, before=before, most=min(_PAGE, left))
            if not page:
                return
            yield page
            left -= len(page)
            before = page[-1].id
            progress("requests read", limit - left, limit)


def _nothing(status: str) -> str:
    return {
        "pending": "Nothing waits for a decision",
        "in_doubt": "No call is in doubt",
    }.get(status, f"No request is {status}")


def _say_what_is_not_listed(store: BlockingStore, options: Namespace) -> None:
    if options.status != PENDING:
        output.narrate(f"At most {options.limit} are listed; --limit gives more.")
        return
    waiting = store.reader.pending_count()
    if waiting > options.limit:
        output.narrate(f"{waiting} wait; the oldest {options.limit} are listed, --limit gives more.")
