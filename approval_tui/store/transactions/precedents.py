"""What was asked and approved before a request, read in so many rows and characters at most."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from approval_tui.domain.errors import StoreCorrupt
from approval_tui.domain.models import VIA_POLICY, Request
from approval_tui.domain.precedents import Precedents
from approval_tui.store.transaction import Row, Transaction, first_row
from approval_tui.store.transactions.queries import BEFORE_EVERY_ID
from approval_tui.store.transactions.records import load_request

MOST_CALLS = 1000
"""Older calls of the tool among which those that were approved are looked for."""

MOST_APPROVED = 50
"""Approved calls that are given."""

MOST_OF_REQUESTER = 10
"""Approved calls of the same requester that are given though many others of the tool are newer."""

MOST_CHARACTERS = 500_000
"""Stored characters of approved calls that are read; the call that reaches beyond them is the last."""

MOST_NAMES = 1000
"""Tools, and requesters, whose names are given."""

MOST_REQUESTS_FOR_SERVERS = 1000
"""Older requests whose servers are given."""

_BY_POLICY = f'%"via":"{VIA_POLICY}"%'
"""What only a policy's decision holds as it is stored: inside of a text there, each quote is escaped."""


def precedents(tx: Transaction, request_id: str) -> Precedents:
    """What came before the request; raises RequestNotFound, and StoreCorrupt where it cannot be read itself."""
    request = load_request(tx, request_id)
    here = {"tool": request.tool, "requester": request.requester, "before": request.id}
    end = first_row(tx.rows("older_call_of_tool", {**here, "skipped": MOST_CALLS}))
    between = {**here, "above": BEFORE_EVERY_ID if end is None else end["id"]}
    tools, requesters = (tx.rows(name, {**here, "most": MOST_NAMES}) for name in ("tools_seen", "requesters_seen"))
    servers = tx.rows("servers_seen", {**here, "most": MOST_REQUESTS_FOR_SERVERS})
    approved, are_all = _approved(tx, between)
    return Precedents(
        is_first=not tx.rows("older_request", here),
        is_first_of_requester=not tx.rows("older_request_of_requester", here),
        is_first_of_tool=not tx.rows("older_call_of_tool", {**here, "skipped": 0}),
        is_first_of_requester_for_tool=not tx.rows("older_call_of_tool_by_requester", between),
        calls_looked_at=None if end is None else MOST_CALLS,
        approved=approved,
        are_all_approved=are_all,
        tools=_names(tools),
        requesters=_names(requesters),
        servers=tuple(row["name"] for row in servers if type(row["name"]) is str),
        are_all_names=max(len(tools), len(requesters)) < MOST_NAMES,
    )


def _approved(tx: Transaction, between: dict[str, str]) -> tuple[tuple[Request, ...], bool]:
    """The approved calls, newest first, and whether they are all; the newest of the requester is read before others."""
    parameters = {**between, "by_policy": _BY_POLICY}
    own = tx.rows("approved_calls_of_requester", {**parameters, "most": MOST_OF_REQUESTER})
    every = tx.rows("approved_calls_of_tool", {**parameters, "most": MOST_APPROVED})
    ids = dict.fromkeys(row["id"] for row in (*own[:1], *every, *own))
    found: list[Request] = []
    read = characters = 0
    for request_id in ids:
        if characters > MOST_CHARACTERS:
            break
        read += 1
        for request in _readable(tx, request_id):
            characters += len(request.arguments_text) + len(request.context_text)
            characters += len(request.edited_arguments_text or "")
            found.append(request)
    are_all = read == len(ids) and len(every) < MOST_APPROVED
    return tuple(sorted(found, key=lambda request: request.id, reverse=True)), are_all


def _readable(tx: Transaction, request_id: str) -> Iterator[Request]:
    """The request, unless somebody spoiled its row: then it is nobody's call."""
    try:
        request = load_request(tx, request_id)
    except StoreCorrupt:
        return
    names = (request.requester, request.server or "")
    if all(type(name) is str for name in names) and type(request.decided_at) in (int, type(None)):
        yield request


def _names(rows: Sequence[Row]) -> tuple[str, ...]:
    return tuple(row["name"] for row in rows if row["is_older"] and type(row["name"]) is str)
