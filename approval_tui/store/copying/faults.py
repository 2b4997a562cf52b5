"""What is said where a copy cannot be finished, because one of its ends is not as it must be."""

from __future__ import annotations

from shlex import quote

from approval_tui.domain.audit import Problem, Verification
from approval_tui.domain.errors import LogBroken, StoreBusy, StoreCorrupt


def refuse_unsound(verification: Verification, location: str, not_done: str) -> None:
    """Raises LogBroken where the store at that location, which may be shown, does not verify."""
    if not verification.is_sound:
        raise log_broken(verification.problems[0], location, not_done)


def log_broken(problem: Problem, location: str, not_done: str) -> LogBroken:
    """The error for a store that does not verify."""
    where = f"event {problem.seq}" if problem.request_id is None else f"request {problem.request_id}"
    return LogBroken(
        f"The store {location} does not verify: {problem.what} ({where}).",
        not_done=not_done,
        to_do=f"`approval-tui --store {quote(location)} audit verify` names all that is wrong.",
    )


def differs(table: str, key: str, source: str, target: str, how: str) -> StoreCorrupt:
    """The error for a row that is not the same at both ends; `how` says what is not."""
    return StoreCorrupt(
        f"The {table} row {key} of {target} is not that of {source}: {how}.",
        not_done=unfinished(target),
        to_do="Find out who wrote to one of them beside approval-tui; then remove the copy and copy again.",
    )


def other_log(source: str, target: str, seq: int) -> StoreCorrupt:
    """The error for a source that does not hold what an earlier run copied from it."""
    return StoreCorrupt(
        f"The store {source} is not the one that {target} was begun from: event {seq} is another, or is gone.",
        not_done=unfinished(target),
        to_do="Remove the unfinished copy and copy again, or name the store that it was begun from.",
    )


def pruned_meanwhile(source: str, target: str) -> StoreBusy:
    """The error for a source whose log was cut while it was copied."""
    return StoreBusy(
        f"The log of {source} was sealed or pruned while it was copied.",
        not_done=unfinished(target),
        to_do="Remove the unfinished copy and copy again.",
    )


def outrun(source: str, target: str) -> StoreBusy:
    """The error for a source that is written faster than it can be copied."""
    return StoreBusy(
        f"The store {source} is written faster than it is copied.",
        not_done=unfinished(target),
        to_do="Stop the agents that use it, then run the copy again: it goes on where it is.",
    )


def unfinished(target: str) -> str:
    """What was not done, wherever a copy stops."""
    return f"The copy {target} is not finished, and nobody can use it."
