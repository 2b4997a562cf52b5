"""What the banner says when something is wrong with the store: a word, what happened, and what to do. No Textual."""

from __future__ import annotations

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


def trouble_of(error: ApprovalTuiError) -> Trouble:
    """How the error is shown while it lasts."""
    word = next((word for kind, word in _WORDS if isinstance(error, kind)), "STORE AWAY")
    parts = [error.happened, "Nothing can be decided meanwhile.", error.to_do, "This console goes on by itself."]
    return Trouble(word, " ".join(part for part in parts if part).replace("`", ""))


def readonly_trouble(why: str) -> Trouble:
    """How it is shown that nothing can be decided here, though everything can be read."""
    return Trouble("READ ONLY", f"{why} Everything can be read; nothing can be decided here.")
