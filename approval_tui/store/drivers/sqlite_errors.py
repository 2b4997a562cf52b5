"""SQLite's errors in our words: what happened, what was not done, what to do now."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3

from approval_tui.domain.errors import (
    ApprovalTuiError,
    InvalidInput,
    StoreBusy,
    StoreCorrupt,
    StoreFull,
    StoreIncompatible,
    StoreMissing,
    StoreReadOnly,
    StoreReplaced,
    StoreUnavailable,
)

_NOT_DONE = "Nothing was written and nothing may run."
_HELD = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_READONLY_RECOVERY", "SQLITE_READONLY_CANTLOCK")
_NOT_WRITABLE = ("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH")
_KINDS_OF_SYSTEM_ERRORS: dict[int | None, type[StoreUnavailable]] = {
    errno.EACCES: StoreReadOnly,
    errno.EPERM: StoreReadOnly,
    errno.EROFS: StoreReadOnly,
    errno.ENOSPC: StoreFull,
    errno.EDQUOT: StoreFull,
}


def in_our_words(error: sqlite3.Error | OverflowError | UnicodeError, path: str) -> ApprovalTuiError:
    """The error of our tree that says the same."""
    if isinstance(error, OverflowError | UnicodeError):
        return InvalidInput(
            f"A value cannot be stored: {error}.", not_done=_NOT_DONE, to_do="Correct it and try again."
        )
    name = getattr(error, "sqlite_errorname", "") or ""
    if name.startswith(_HELD):
        return StoreBusy(
            f"The store {path} is held by another program.",
            not_done=_NOT_DONE,
            to_do="Find what holds it (a backup, a debugger, a stopped process) and try again.",
        )
    if name.startswith("SQLITE_FULL") or (name.startswith("SQLITE_IOERR") and _is_disk_full(path)):
        return StoreFull(f"The disk of the store {path} is full.", not_done=_NOT_DONE, to_do="Make room and try again.")
    if name == "SQLITE_READONLY_DBMOVED":
        return replaced(path)
    if name.startswith(_NOT_WRITABLE):
        return _not_openable(error, path, name)
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


def missing(path: str, what: str = "There is no store") -> StoreMissing:
    """The error where nothing was made in place of a store that is not there."""
    return StoreMissing(
        f"{what} at {path}.",
        not_done="Nothing was made there and nothing may run.",
        to_do="Check --store and APPROVAL_TUI_STORE; agents make the store with their first request, and "
        "`approval-tui demo` shows how it works.",
    )


def replaced(path: str) -> StoreReplaced:
    """The error for a file that is no longer the one that was opened."""
    return StoreReplaced(
        f"The store {path} was moved or replaced while it was open.",
        not_done="Nothing was read or written.",
        to_do="Find out by whom, then open the store again.",
    )


def opened_for_reading(path: str) -> StoreReadOnly:
    """The error for a write to a store that was opened so that it cannot be written."""
    return StoreReadOnly(
        f"The store {path} was opened for reading only.",
        not_done="Nothing was written.",
        to_do="Open it again without --readonly to decide.",
    )


def of_its_kind(error: StoreUnavailable) -> StoreUnavailable:
    """The same error as StoreReadOnly or StoreFull, where the system's error behind it says so."""
    cause = error.__context__
    kind = _KINDS_OF_SYSTEM_ERRORS.get(cause.errno) if isinstance(cause, OSError) else None
    return error if kind is None else kind(error.happened, not_done=error.not_done, to_do=error.to_do)


def _not_openable(error: sqlite3.Error, path: str, name: str) -> StoreUnavailable:
    kind = StoreUnavailable
    if name.startswith("SQLITE_READONLY") or not _is_writable(path):
        kind = StoreReadOnly
    return kind(
        f"The store {path} cannot be opened for writing ({error}).",
        not_done=_NOT_DONE,
        to_do="Mend the permissions of the file and its folder, or choose another --store.",
    )


def _is_writable(path: str) -> bool:
    return os.access(path, os.W_OK) and os.access(os.path.dirname(path), os.W_OK)


def _is_disk_full(path: str) -> bool:
    """Whether its disk has no room: SQLite may report that as an error of input or output."""
    with contextlib.suppress(OSError, AttributeError):
        return os.statvfs(os.path.dirname(path)).f_bavail == 0
    return False
