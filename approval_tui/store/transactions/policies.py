"""What policies decide without asking anybody, and which policies are in force: rows of the audit log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from approval_tui.domain import events
from approval_tui.domain.calls import Call, CheckedCall
from approval_tui.domain.canonical import JsonObject, canonical_hash, tagged_hash
from approval_tui.domain.checks import check_name
from approval_tui.domain.errors import LimitReached
from approval_tui.domain.lifecycle import ALLOW, DENY
from approval_tui.domain.models import Request
from approval_tui.domain.policy_notes import SAID_AGAIN_AFTER, PolicyNote, PolicyStanding
from approval_tui.domain.verdicts import Verdict
from approval_tui.store.transaction import NothingToDo, RecordedRefusal, Transaction
from approval_tui.store.transactions.counters import first_over_limit, refuse_moved, release, reserve_all
from approval_tui.store.transactions.log import event_from_row
from approval_tui.store.transactions.records import append_event, load_request

_MOST_NOTES = 10_000
"""How far back what was said of policies is looked through; that is done when a gate reads one, and by a console."""

_MOST_PROBLEMS = 20
_LONGEST_PROBLEM = 2000
"""Of a broken file, the log keeps so many faults, and so many characters of each: a file may be all faults."""

_ADMISSION = b"\xff"
"""Begins what is hashed for an admission: no text does, so that no claim on a request can be given back as one."""


def admit(tx: Transaction, checked: CheckedCall, verdict: Verdict, *, claim_id: str) -> None:
    """Records that the policy allows the call, and counts it; the claim gives the counts back if it does not run.

    Raises LimitReached, which is recorded as a denial, and CountersMoved.
    """
    check_name("claim", claim_id)
    refuse_moved(tx, verdict.counts)
    over = first_over_limit(tx, verdict.reservations)
    if over is not None:
        record_tool_call(tx, checked.call, DENY, over.rule, None, arguments=checked.arguments)
        raise RecordedRefusal(LimitReached(over))
    holder = _holder(claim_id)
    reserve_all(tx, holder, verdict.reservations)
    claim = holder if verdict.reservations else None
    record_tool_call(tx, checked.call, ALLOW, None, None, arguments=checked.arguments, claim=claim)


def record_denial(
    tx: Transaction, checked: CheckedCall | None, verdict: Verdict, *, request_id: str | None = None
) -> None:
    """Records that the policy denied the call, or what was approved of the request with that id."""
    if request_id is not None:
        request = load_request(tx, request_id)
        record_tool_call(tx, request, DENY, verdict.rule, verdict.rule_hash, request_id=request_id)
    elif checked is not None:
        record_tool_call(tx, checked.call, DENY, verdict.rule, verdict.rule_hash, arguments=checked.arguments)


def give_back(tx: Transaction, claim_id: str) -> None:
    """Takes back what a call that the policy allowed had counted, because it did not run; the second time nothing."""
    holder = _holder(claim_id)
    if release(tx, holder) == 0:
        raise NothingToDo(None)
    append_event(tx, events.TOOL_CALL_NOT_RUN, None, {}, {"claim": holder})


def note_policy(tx: Transaction, note: PolicyNote) -> bool:
    """Records what is in force, or cannot be used, unless the log says so already; says whether it did.

    That a policy cannot be used is said again after a while, so that it is known to hold still.
    """
    note = _as_kept(note)
    standing = next((each for each in _standings(tx) if each.note.file == note.file), None)
    is_said = standing is not None and (standing.note.hash, standing.note.problems) == (note.hash, note.problems)
    if standing is not None and is_said and not (note.problems and tx.now - standing.at >= SAID_AGAIN_AFTER):
        raise NothingToDo(False)
    details = {
        "file": note.file,
        "hash": note.hash,
        "problems": list(note.problems),
        "requester": note.requester,
    }
    append_event(tx, events.POLICY_REJECTED if note.problems else events.POLICY_RELOADED, None, {}, details)
    return True


def policy_standings(tx: Transaction) -> Sequence[PolicyStanding]:
    """The newest that gates said of each policy's file, newest first."""
    newest: dict[str, PolicyStanding] = {}
    for standing in _standings(tx):
        newest.setdefault(standing.note.file, standing)
    return tuple(newest.values())


def _standings(tx: Transaction) -> Iterator[PolicyStanding]:
    """All that gates said of policies, newest first."""
    for row in tx.rows("policy_events", {"most": _MOST_NOTES}):
        event = event_from_row(row)
        details = event.body.get("details")
        if not isinstance(details, dict):
            continue
        problems = details.get("problems")
        note = PolicyNote(
            str(details.get("file")),
            str(details.get("hash")),
            tuple(map(str, problems)) if isinstance(problems, list) else (),
            None if details.get("requester") is None else str(details.get("requester")),
        )
        yield PolicyStanding(note, event.at)


def _as_kept(note: PolicyNote) -> PolicyNote:
    """The note as the log can hold it: a file's name need not be UTF-8, and its faults may be many and long."""
    problems = tuple(_cut(_storable(each)) for each in note.problems[:_MOST_PROBLEMS])
    if len(note.problems) > _MOST_PROBLEMS:
        problems += (f"{len(note.problems) - _MOST_PROBLEMS:,} more",)
    requester = None if note.requester is None else _storable(note.requester)
    return PolicyNote(_storable(note.file), note.hash, problems, requester)


def _storable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_PROBLEM else f"{text[:_LONGEST_PROBLEM]}..."


def _holder(claim_id: str) -> str:
    """The name under which an allowed call holds what it counted; its claim cannot be told from it."""
    return tagged_hash(_ADMISSION + claim_id.encode())


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
    details = {
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
    append_event(tx, events.TOOL_CALL, request_id, {}, details)
