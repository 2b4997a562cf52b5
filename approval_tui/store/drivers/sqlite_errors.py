"""SQLite's errors in our words: what happened, what was not done, what to do now."""

from __future__ import annotations

import sqlite3

from approval_tui.domain.errors import (
    ApprovalTuiError,
    InvalidInput,
    StoreCorrupt,
    StoreIncompatible,
    StoreUnavailable,
)

_NOT_DONE = "Nothing was written and nothing may run."


def in_our_words(error: sqlite3.Error | OverflowError | UnicodeError, path: str) -> ApprovalTuiError:
    """The error of our tree that says the same."""
    if isinstance(error, OverflowError | UnicodeError):
        return InvalidInput(
            f"A value cannot be stored: {error}.", not_done=_NOT_DONE, to_do="Correct it and try again."
        )
    name = getattr(error, "sqlite_errorname", "") or ""
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StoreUnavailable(
            f"The store {path} is held by another program.",
            not_done=_NOT_DONE,
            to_do="Find what holds it (a backup, a debugger, a stopped process) and try again.",
        )
    if name.startswith("SQLITE_FULL"):
        return StoreUnavailable(
            f"The disk of the store {path} is full.", not_done=_NOT_DONE, to_do="Make room and try again."
        )
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH")):
        return StoreUnavailable(
            f"The store {path} cannot be opened for writing ({error}).",
            not_done=_NOT_DONE,
            to_do="Mend the permissions of the file and its folder, or choose another --store.",
        )
    if name.startswith("SQLITE_NOTADB"):
        return not_a_store(path, "it is no SQLite database")
    if name.startswith("SQLITE_CORRUPT"):
        return StoreCorrupt(
            f"The store {path} is damaged ({error}).",
            not_done=_NOT_DONE,
            to_do="Copy the file as it is, then restore a backup.",
        )
    return StoreUnavailable(
        f"The store {path} failed: {error}{f' ({name})' if name else ''}.",
        not_done=_NOT_DONE,
        to_do="Check the disk and the file; `approval-tui audit verify` checks what the store holds.",
    )


def not_a_store(path: str, why: str) -> StoreIncompatible:
    """The error for a file that is not ours; it is left as it is."""
    return StoreIncompatible(
        f"{path} is not an approval store: {why}.",
        not_done="It was left as it is, and nothing may run.",
        to_do="Point --store or APPROVAL_TUI_STORE at another file.",
    )
