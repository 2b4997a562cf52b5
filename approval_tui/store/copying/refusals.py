"""What is said of a place that cannot be copied into."""

from __future__ import annotations

from approval_tui.domain.errors import InvalidInput, StoreIncompatible

_UNTOUCHED = "Nothing was copied, and what is there was left as it is."


def not_new(location: str, what: str) -> InvalidInput:
    """The error for a place where something else is."""
    return InvalidInput(
        f"A copy needs a new place, and {location} is {what}.", not_done=_UNTOUCHED, to_do="Name another place."
    )


def copy_of_another(location: str, theirs: str, ours: str) -> InvalidInput:
    """The error for an unfinished copy of another store than ours; all are locations as they may be shown."""
    return InvalidInput(
        f"{location} is an unfinished copy of {theirs}, and not of {ours}.",
        not_done=_UNTOUCHED,
        to_do=f"Finish it from {theirs}, named as it was then, or remove it, or name another place.",
    )


def copy_of_another_version(location: str) -> StoreIncompatible:
    """The error for an unfinished copy that another version of this program began."""
    return StoreIncompatible(
        f"{location} is an unfinished copy that another version of approval-tui began.",
        not_done=_UNTOUCHED,
        to_do="Finish it with that version, or remove it and copy again.",
    )
