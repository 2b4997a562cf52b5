"""What policies decide without asking anybody, and which policies are in force: rows of the audit log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from approval_tui.domain import events
from approval_tui.domain.calls import CheckedCall
from approval_tui.domain.canonical import canonical_hash, tagged_hash
from approval_tui.domain.checks import check_name
from approval_tui.domain.errors import LimitReached
from approval_tui.domain.verdicts import ALLOW, DENY, Verdict
from approval_tui.store.transaction import NothingToDo, RecordedRefusal, Transaction
from approval_tui.store.transactions.counters import first_over_limit, refuse_moved, release, reserve_all
from approval_tui.store.transactions.log import event_from_row
from approval_tui.store.transactions.records import append_event

_MOST_STANDINGS = 200


@dataclass(frozen=True)
class PolicyNote:
    """What a gate has to say of a policy's file: its content's hash, and what is wrong with it, if anything is."""

    file: str
    hash: str
    problems: tuple[str, ...] = ()
    requester: str | None = None


@dataclass(frozen=True)
class PolicyStanding:
    """The newest that was said of one policy's file, and when (ms UTC)."""

    note: PolicyNote
    at: int


def admit(tx: Transaction, checked: CheckedCall, verdict: Verdict, *, claim_id: str) -> None:
    """Records that the policy allows the call, and counts it; the claim gives the counts back if it does not run.

    Raises LimitReached, which is recorded as a denial, and CountersMoved.
    """
    check_name("claim", claim_id)
    refuse_moved(tx, verdict.counts)
    over = first_over_limit(tx, verdict.reservations)
    if over is not None:
        _record(tx, checked, DENY, over.rule, None)
        raise RecordedRefusal(LimitReached(over))
    holder = tagged_hash(claim_id.encode())
    reserve_all(tx, holder, verdict.reservations)
    _record(tx, checked, ALLOW, verdict.rule, verdict.rule_hash, holder if verdict.reservations else None)


def record_denial(tx: Transaction, checked: CheckedCall, verdict: Verdict) -> None:
    """Records that the policy denied the call."""
    _record(tx, checked, DENY, verdict.rule, verdict.rule_hash)


def give_back(tx: Transaction, claim_id: str) -> None:
    """Takes back what a call that the policy allowed had counted, because it did not run; the second time nothing."""
    holder = tagged_hash(claim_id.encode())
    if release(tx, holder) == 0:
        raise NothingToDo(None)
    append_event(tx, events.TOOL_CALL_NOT_RUN, None, {}, {"claim": holder})


def note_policy(tx: Transaction, note: PolicyNote) -> bool:
    """Records what is in force, or cannot be used, unless the log says so already; says whether it did."""
    standing = next((each.note for each in policy_standings(tx) if each.note.file == note.file), None)
    if standing is not None and (standing.hash, standing.problems) == (note.hash, note.problems):
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
    standings: dict[str, PolicyStanding] = {}
    for row in tx.rows("policy_events", {"most": _MOST_STANDINGS}):
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
        standings.setdefault(note.file, PolicyStanding(note, event.at))
    return tuple(standings.values())


def _record(
    tx: Transaction,
    checked: CheckedCall,
    verdict: str,
    rule: str | None,
    rule_hash: str | None,
    claim: str | None = None,
) -> None:
    call = checked.call
    details = {
        "verdict": verdict,
        "rule": rule,
        "rule_hash": rule_hash,
        "tool": call.tool,
        "server": call.server,
        "requester": call.requester,
        "session": call.session,
        "arguments": canonical_hash(checked.arguments),
        "claim": claim,
    }
    append_event(tx, events.TOOL_CALL, None, {}, details)
