"""Which policies are in force, and which cannot be used: what gates say of them, kept in the audit log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from approval_tui.domain import events
from approval_tui.domain.policy_notes import SAID_AGAIN_AFTER, PolicyNote, PolicyStanding
from approval_tui.store.transaction import NothingToDo, Transaction
from approval_tui.store.transactions.log import event_from_row
from approval_tui.store.transactions.records import append_event

_MOST_NOTES = 10_000
"""How far back what was said of policies is looked through; that is done when a gate reads one, and by a console."""

_MOST_PROBLEMS = 20
_LONGEST_PROBLEM = 2000
"""Of a broken file, the log keeps so many faults, and so many characters of each: a file may be all faults."""


def note_policy(tx: Transaction, note: PolicyNote) -> bool:
    """Records what is in force, or cannot be used, unless the log says so already; says whether it did.

    That a policy cannot be used is said again after a while, so that it is known to hold still.
    """
    tx.serialize("policies")
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
