"""PostgreSQL's errors in our words: what happened, what was not done, what to do now."""

from __future__ import annotations

import psycopg
from psycopg import errors

from approval_tui.domain.errors import (
    ApprovalTuiError,
    InvalidInput,
    StoreAway,
    StoreBusy,
    StoreCorrupt,
    StoreFull,
    StoreIncompatible,
    StoreInDoubt,
    StoreReadOnly,
    StoreUnavailable,
)

_NOT_DONE = "Nothing was written and nothing may run."
_AWAY = (
    errors.AdminShutdown,
    errors.CrashShutdown,
    errors.CannotConnectNow,
    errors.IdleSessionTimeout,
    errors.IdleInTransactionSessionTimeout,
)
_HELD = (errors.LockNotAvailable, errors.QueryCanceled, errors.DeadlockDetected, errors.SerializationFailure)
_NOT_ALLOWED = (errors.InsufficientPrivilege, errors.ReadOnlySqlTransaction)
_REFUSED_LOGIN = (errors.InvalidPassword, errors.InvalidAuthorizationSpecification, errors.InvalidCatalogName)
_WORDS_OF_REFUSED_LOGINS = (
    "authentication failed",
    "no password supplied",
    "does not exist",
    "pg_hba.conf",
    "not permitted to log in",
    "permission denied for database",
    "server does not support SSL",
)
AGAIN = (errors.DeadlockDetected, errors.SerializationFailure)
"""After these, nothing was done, and the same transaction may succeed."""


def in_our_words(error: psycopg.Error, location: str) -> ApprovalTuiError:
    """The error of our tree that says the same."""
    why = first_line(error)
    if isinstance(error, _HELD):
        return StoreBusy(
            f"The store {location} is held by others ({why}).",
            not_done=_NOT_DONE,
            to_do="Try again; `approval-tui store check` shows how the store is.",
        )
    if isinstance(error, errors.TooManyConnections):
        return StoreBusy(
            f"The server of the store {location} takes no more connections ({why}).",
            not_done=_NOT_DONE,
            to_do="Raise max_connections there, or let agents ask over `approval-tui serve`.",
        )
    if isinstance(error, errors.DiskFull):
        return StoreFull(
            f"The disk of the store {location} is full ({why}).", not_done=_NOT_DONE, to_do="Make room and try again."
        )
    if isinstance(error, _NOT_ALLOWED):
        return StoreReadOnly(
            f"The store {location} does not allow this ({why}).",
            not_done=_NOT_DONE,
            to_do="Use a database role that may: agents ask in names of their own, reviewers decide, and the owner "
            "makes the store, keeps it in order and gives roles (`approval-tui store init`).",
        )
    if isinstance(error, errors.UndefinedTable | errors.UndefinedColumn | errors.UndefinedFunction):
        return StoreIncompatible(
            f"The store {location} is not as approval-tui made it ({why}).",
            not_done=_NOT_DONE,
            to_do="Run `approval-tui store check`.",
        )
    if isinstance(error, errors.DataCorrupted | errors.IndexCorrupted):
        return StoreCorrupt(
            f"The store {location} is damaged ({why}).",
            not_done=_NOT_DONE,
            to_do="Copy the server's files as they are, then restore a backup.",
        )
    if isinstance(error, psycopg.DataError):
        return not_storable(error)
    if is_refused_login(error):
        return StoreUnavailable(
            f"The server does not let this user into {location}: {why}.",
            not_done=_NOT_DONE,
            to_do="Check the user, its password (~/.pgpass) and the name of the database.",
        )
    if is_away(error):
        return away(location, why)
    return StoreUnavailable(
        f"The store {location} failed: {why}.",
        not_done=_NOT_DONE,
        to_do="See the server's log; `approval-tui audit verify` checks what the store holds.",
    )


def not_storable(error: psycopg.DataError | UnicodeError) -> InvalidInput:
    """The error for a value that is none of the database's, such as a lone surrogate."""
    return InvalidInput(
        f"A value cannot be stored: {first_line(error)}.", not_done=_NOT_DONE, to_do="Correct it and try again."
    )


def is_refused_login(error: psycopg.Error) -> bool:
    """Whether the server was there and refused; libpq tells that in words alone."""
    if isinstance(error, _REFUSED_LOGIN):
        return True
    said = str(error)
    is_first = isinstance(error, psycopg.OperationalError) and error.sqlstate is None
    return is_first and any(words in said for words in _WORDS_OF_REFUSED_LOGINS)


def is_away(error: psycopg.Error) -> bool:
    """Whether the connection is lost or could not be made, which may pass by itself."""
    if isinstance(error, errors.TooManyConnections) or is_refused_login(error):
        return False
    return isinstance(error, _AWAY) or (isinstance(error, psycopg.OperationalError) and error.sqlstate is None)


def away(location: str, why: str) -> StoreAway:
    """The error for a server that cannot be reached."""
    return StoreAway(
        f"The store {location} cannot be reached: {why}.",
        not_done=_NOT_DONE,
        to_do="Check the server and the network; what was decided is kept there.",
    )


def commit_unknown(location: str, why: str) -> StoreInDoubt:
    """The error where the connection was lost while a transaction was ending, and its fate cannot be asked."""
    return StoreInDoubt(
        f"The connection to the store {location} was lost at the end of a transaction ({why}), and whether it was "
        "recorded cannot be asked now.",
        not_done="It is not known whether it was written; nothing may run on it.",
        to_do="Look at the request before you try again.",
    )


def unanswered(location: str, why: str) -> StoreInDoubt:
    """The error for a server that was told to write something and says nothing."""
    return StoreInDoubt(
        f"The store {location} does not answer: {why}.",
        not_done="It is not known whether it was written; nothing may run on it.",
        to_do="Look at the request before you try again.",
    )


def closed(location: str) -> StoreUnavailable:
    """The error for a store that its owner has closed."""
    return StoreUnavailable(f"The store {location} was closed.", not_done="Nothing was done.", to_do="Open it again.")


def first_line(error: BaseException) -> str:
    """What the error says, in one line and without a full stop at its end."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__).removeprefix("connection is bad: ").rstrip(".")
