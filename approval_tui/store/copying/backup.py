"""Backs a store up into one file, which gets its name when it is complete and verified."""

from __future__ import annotations

import contextlib
import errno
import os
from contextlib import closing

from approval_tui.domain.clock import system_clock
from approval_tui.domain.copies import Backup
from approval_tui.domain.database_urls import is_database_url, shown_location
from approval_tui.domain.errors import InvalidInput, StoreFull, StoreReadOnly, StoreUnavailable
from approval_tui.domain.ids import new_request_id
from approval_tui.settings.permissions import PRIVATE_FILE
from approval_tui.store.copying.faults import refuse_unsound
from approval_tui.store.copying.procedure import copy_store, verified
from approval_tui.store.drivers.sqlite_copying import SqliteSource
from approval_tui.store.drivers.sqlite_readonly import ReadonlySqliteEngine
from approval_tui.store.locations import resolved_location
from approval_tui.store.procedures import Progress

_NO_BACKUP = "No backup was made."
_BESIDE = ("", "-wal", "-shm", "-journal", ".turn")
_KINDS: dict[int | None, type[StoreUnavailable]] = {
    errno.EACCES: StoreReadOnly,
    errno.EPERM: StoreReadOnly,
    errno.EROFS: StoreReadOnly,
    errno.ENOSPC: StoreFull,
    errno.EDQUOT: StoreFull,
}


def back_up(location: str, file: str, progress: Progress) -> Backup:
    """Writes the store at that location, as it is at one moment, to a new file of mode 0600, and verifies it.

    Others may go on writing to the store. Raises InvalidInput for a file that is there, LogBroken where the store does
    not verify, and StoreUnavailable.
    """
    source = resolved_location(location)
    if not file:
        raise InvalidInput("The name of the backup is empty.", not_done=_NO_BACKUP, to_do="Name a new file.")
    path = os.path.abspath(os.path.expanduser(file))
    if os.path.lexists(path):
        raise _exists(path)
    partial = f"{path}.{os.getpid()}.partial"
    _make(partial)
    try:
        if is_database_url(source):
            copied = copy_store(source, partial, progress)
            backup = Backup(copied.source, path, copied.rows["events"], copied.rows["requests"], copied.head)
        else:
            backup = _back_up_file(source, partial, path, progress)
        _give_name(partial, path)
    finally:
        for end in _BESIDE:
            with contextlib.suppress(OSError):
                os.unlink(f"{partial}{end}")
    return backup


def _back_up_file(source: str, partial: str, path: str, progress: Progress) -> Backup:
    def tell(done: int, total: int) -> None:
        progress("pages copied", done, total)

    with closing(SqliteSource(source, clock=system_clock, new_id=new_request_id)) as store:
        head = store.back_up(partial, tell)
    with closing(ReadonlySqliteEngine(partial, clock=system_clock, new_id=new_request_id)) as copy:
        verification = verified(copy, head, progress)
    refuse_unsound(verification, shown_location(source), _NO_BACKUP)
    return Backup(source, path, verification.events, verification.requests, head)


def _make(partial: str) -> None:
    """Makes the empty file that is filled, and that others may not read; one that is there is not taken."""
    try:
        os.close(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE))
    except OSError as error:
        raise _cannot_be_made(partial, error) from None


def _give_name(partial: str, path: str) -> None:
    """Gives the file its name, and replaces nothing; it is on the disk under that name then."""
    try:
        os.link(partial, path)
    except FileExistsError:
        raise _exists(path) from None
    except OSError:  # a file system without links
        if os.path.lexists(path):
            raise _exists(path) from None
        try:
            os.rename(partial, path)
        except OSError as error:
            raise _cannot_be_made(path, error) from None
    with contextlib.suppress(OSError):  # not every system lets a folder be opened
        folder = os.open(os.path.dirname(path), os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _exists(path: str) -> InvalidInput:
    return InvalidInput(
        f"{path} exists already.",
        not_done=f"{_NO_BACKUP} What is there was left as it is.",
        to_do="Name a new file.",
    )


def _cannot_be_made(path: str, error: OSError) -> StoreUnavailable:
    return _KINDS.get(error.errno, StoreUnavailable)(
        f"The file {path} cannot be written: {error.strerror}.",
        not_done=_NO_BACKUP,
        to_do="Make room or mend the permissions of its folder, or name another place.",
    )
