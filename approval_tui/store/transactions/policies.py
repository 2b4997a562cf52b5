"""What a policy decides without asking anybody: counted, and recorded in the audit log."""

from __future__ import annotations

from approval_tui.domain import events
from approval_tui.domain.calls import Call, CheckedCall
from approval_tui.domain.canonical import JsonObject, canonical_hash, tagged_hash
from approval_tui.domain.checks import check_name
from approval_tui.domain.errors import LimitReached, SessionHeld
from approval_tui.domain.holds import HELD_BACK
from approval_tui.domain.lifecycle import ALLOW, DENY
from approval_tui.domain.models import Request
from approval_tui.domain.verdicts import Verdict
from approval_tui.store.transaction import NothingToDo, RecordedRefusal, Transaction
from approval_tui.store.transactions.counters import first_over_limit, refuse_moved, release, reserve_all
from approval_tui.store.transactions.held import refuse_held
from approval_tui.store.transactions.records import append_event, load_request

_ADMISSION = b"\xff"
"""Begins what is hashed for an admission: no text does, so that no claim on a request can be given back as one."""


def admit(tx: Transaction, checked: CheckedCall, verdict: Verdict, *, claim_id: str) -> None:
    """Records that the policy allows the call, and counts it; the claim gives the counts back if it does not run.

    Raises LimitReached and SessionHeld, which are recorded as denials, and CountersMoved.
    """
    check_name("claim", claim_id)
    _refuse_held(tx, checked)
    refuse_moved(tx, verdict.counts)
    over = first_over_limit(tx, verdict.reservations)
    if over is not None:
        record_tool_call(tx, checked.call, DENY, over.rule, None, arguments=checked.arguments)
        raise RecordedRefusal(LimitReached(over))
    holder = _holder(claim_id)
    reserve_all(tx, holder, verdict.reservations)
    claim = holder if verdict.reservations else None
    record_tool_call(tx, checked.call, ALLOW, None, None, arguments=checked.arguments, claim=claim)


def _refuse_held(tx: Transaction, checked: CheckedCall) -> None:
    call = checked.call
    try:
        refuse_held(tx, call.requester, call.session)
    except SessionHeld as held:
        record_tool_call(tx, call, DENY, HELD_BACK, None, arguments=checked.arguments)
        raise RecordedRefusal(held) from None


def record_denial(tx: Transaction, checked: CheckedCall, verdict: Verdict) -> None:
    """Records that the policy denied the call, so that nobody was asked."""
    record_tool_call(tx, checked.call, DENY, verdict.rule, verdict.rule_hash, arguments=checked.arguments)


def record_refusal(tx: Transaction, request_id: str, verdict: Verdict) -> None:
    """Records that the policy does not let run what was approved of the request."""
    request = load_request(tx, request_id)
    record_tool_call(tx, request, DENY, verdict.rule, verdict.rule_hash, request_id=request_id)


def give_back(tx: Transaction, claim_id: str) -> None:
    """Takes back what a call that the policy allowed had counted, because it did not run; the second time nothing."""
    holder = _holder(claim_id)
    if release(tx, holder) == 0:
        raise NothingToDo(None)
    append_event(tx, events.TOOL_CALL_NOT_RUN, None, {}, {"claim": holder})


def record_tool_call(
    tx: Transaction,
    call: Call | Request,
    verdict: str,
    rule: str | None,
    rule_hash: str | None,
    *,
    arguments: JsonObject | None = None,
    claim: str | None = None,
    request_id: str | None = None,
) -> None:
    """Records what a policy decided without asking; of arguments that no request holds, only the hash is kept."""
    details: JsonObject = {
        "verdict": verdict,
        "rule": rule,
        "rule_hash": rule_hash,
        "tool": call.tool,
        "server": call.server,
        "requester": call.requester,
        "session": call.session,
        "arguments": None if arguments is None else canonical_hash(arguments),
        "claim": claim,
    }
    if isinstance(call, Call) and call.call_id is not None:
        details["call_id"] = call.call_id
    append_event(tx, events.TOOL_CALL, request_id, {}, details)


def _holder(claim_id: str) -> str:
    """The name under which an allowed call holds what it counted; its claim cannot be told from it."""
    return tagged_hash(_ADMISSION + claim_id.encode())
