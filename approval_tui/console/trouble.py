"""What the banner says when something is wrong with the store or a policy: a word, what happened, what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from approval_tui.domain.errors import (
    ApprovalTuiError,
    StoreBusy,
    StoreCorrupt,
    StoreFull,
    StoreIncompatible,
    StoreMissing,
    StoreReadOnly,
    StoreReplaced,
)
from approval_tui.domain.names import quoted_name
from approval_tui.domain.policy_notes import REJECTION_COUNTS_FOR, PolicyStanding

_LONGEST_NAME = 40

_WORDS: tuple[tuple[type[ApprovalTuiError], str], ...] = (
    (StoreMissing, "NO STORE YET"),
    (StoreReplaced, "STORE REPLACED"),
    (StoreBusy, "STORE HELD"),
    (StoreFull, "DISK FULL"),
    (StoreReadOnly, "READ ONLY"),
    (StoreIncompatible, "NOT A STORE OF THIS VERSION"),
    (StoreCorrupt, "STORE DAMAGED"),
)


class Trouble(NamedTuple):
    """A word for the status bar, and the sentences of the banner."""

    word: str
    text: str


def trouble_of(error: ApprovalTuiError, again_after: float | None = None) -> Trouble:
    """How the error is shown while it lasts; `again_after` are the s to the next try of a server that is away."""
    word = next((word for kind, word in _WORDS if isinstance(error, kind)), "STORE AWAY")
    going_on = "This console goes on by itself."
    if again_after is not None:
        going_on = f"This console connects again by itself; the next try is in {again_after:g} s."
    parts = [error.happened, "Nothing can be decided meanwhile.", error.to_do, going_on]
    return Trouble(word, " ".join(part for part in parts if part).replace("`", ""))


def policy_trouble(standings: Sequence[PolicyStanding], now: int) -> Trouble | None:
    """How it is shown that a policy's file cannot be used, as long as gates say so; `now` is in ms UTC."""
    for standing in standings:
        note = standing.note
        if not note.problems or now - standing.at > REJECTION_COUNTS_FOR:
            continue
        first, more = note.problems[0], len(note.problems) - 1
        said = f"{first} (and {more} more)." if more else first if first.endswith("?") else f"{first}."
        who = "A gate" if note.requester is None else f"The gate of {quoted_name(note.requester, _LONGEST_NAME)}"
        return Trouble(
            "POLICY REFUSED",
            f"{said} {who} goes on with the policy it had; one that had none runs nothing. "
            f"Mend the file, and it is read again; approval-tui policy validate names every fault.",
        )
    return None


def readonly_trouble(why: str) -> Trouble:
    """How it is shown that nothing can be decided here, though everything can be read."""
    return Trouble("READ ONLY", f"{why} Everything can be read; nothing can be decided here.")
