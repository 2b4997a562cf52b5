"""The file in which a coding agent's hooks stand: read with care, and changed whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from contextlib import suppress
from typing import NamedTuple

from approval_tui.domain.errors import ApprovalTuiError, ConfigurationError, Conflict
from approval_tui.integrations.coding_agents.agent import USER
from approval_tui.integrations.coding_agents.json_text import JsonFault, line_and_column

LARGEST_FILE = 1_000_000
BACKUP = ".approval-tui-backup"

_EMPTY = "{}\n"
_MARK = "\ufeff"
_UNTOUCHED = "Nothing was changed."
_MOST_BACKUPS = 1000
_READING = (
    os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0)
)  # a pipe in its place is opened, and seen to be one
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0)


class SettingsFile(NamedTuple):
    """What was read: the path, the file that it leads to, and its bytes; None where there is no file yet.

    `text` is the JSON, and `mark` the byte order mark before it.
    """

    path: str
    target: str
    data: bytes | None
    mark: str
    text: str

    def refusal(self, fault: JsonFault, agent: str) -> ConfigurationError:
        """The error for a file that cannot be edited, or that the agent does not read."""
        line, column = line_and_column(self.text, fault.position)
        return ConfigurationError(
            [f"{self.path}:{line}:{column}: {fault.what}."],
            not_done=_UNTOUCHED,
            to_do=f"{agent} may ignore the whole file as it is. Correct it there, and run this again.",
        )


def read_settings(path: str) -> SettingsFile:
    """The file as it is, links followed; raises ConfigurationError where it is none that could be edited."""
    target = os.path.realpath(path)
    data = _bytes_of(path, target)
    if data is None:
        return SettingsFile(path, target, None, "", _EMPTY)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        before = data[: error.start].decode()
        line, column = line_and_column(before, len(before))
        raise _unusable(f"{path}:{line}:{column}: not UTF-8: {error.reason}.") from None
    mark = _MARK if text.startswith(_MARK) else ""
    return SettingsFile(path, target, data, mark, text.removeprefix(_MARK))


def write_settings(found: SettingsFile, text: str, scope: str) -> str | None:
    """Puts the text in the file's place, and gives the path of the backup; None for a file that was not there.

    Mode and owner stay. Raises Conflict where the file is no longer what was read, and ConfigurationError where it
    cannot be written; then it is untouched.
    """
    try:
        _make_folder(os.path.dirname(found.target), scope)
        if found.data is None:
            _replace(found, text.encode(), scope)
            return None
        backup, is_new = _back_up(found.target, found.data)
        try:
            _replace(found, (found.mark + text).encode(), scope)
        except BaseException:
            if is_new:
                _remove(backup)
            raise
    except OSError as error:
        raise _unwritable(found.path, error) from None
    return backup


def _bytes_of(path: str, target: str) -> bytes | None:
    try:
        with open(os.open(target, _READING), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise _unusable(f"{path}: is no file.")
            data = file.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(f"{path}: cannot be read: {error.strerror or error}.") from None
    if len(data) > LARGEST_FILE:
        raise _unusable(f"{path}: has more than {LARGEST_FILE:,} bytes, and no settings have so many.")
    return data


def _make_folder(folder: str, scope: str) -> None:
    """Makes the folder and those above it that are missing: the user's own are private."""
    if os.path.isdir(folder):
        return
    parent = os.path.dirname(folder)
    if parent != folder:
        _make_folder(parent, scope)
    with suppress(FileExistsError):
        os.mkdir(folder, 0o700 if scope == USER else 0o777)
    if not os.path.isdir(folder):
        raise NotADirectoryError(errno.ENOTDIR, f"{folder} is no folder")


def _back_up(target: str, data: bytes) -> tuple[str, bool]:
    """Keeps what was there beside it, under the first name that is free or already holds the same.

    Gives the path, and whether it was made now.
    """
    mode = stat.S_IMODE(os.stat(target).st_mode)
    for number in range(1, _MOST_BACKUPS):
        path = f"{target}{BACKUP}" + (f"-{number}" if number > 1 else "")
        try:
            descriptor = os.open(path, _NEW, 0o600)
        except FileExistsError:
            if _holds(path, data):
                return path, False
            continue
        try:
            _fill(descriptor, data, mode)
        except BaseException:
            _remove(path)
            raise
        return path, True
    raise OSError(errno.EEXIST, f"there are {_MOST_BACKUPS:,} backups beside it")


def _holds(path: str, data: bytes) -> bool:
    try:
        if os.path.islink(path):
            return False
        return _bytes_of(path, path) == data
    except ApprovalTuiError:
        return False


def _replace(found: SettingsFile, data: bytes, scope: str) -> None:
    folder, name = os.path.split(found.target)
    unfinished = os.path.join(folder, f".{name}.approval-tui-{secrets.token_hex(8)}")
    if found.data is not None and not os.access(found.target, os.W_OK):
        raise PermissionError(errno.EACCES, "it is read-only")
    try:
        descriptor = os.open(unfinished, _NEW, 0o600)
        before = None if found.data is None else os.stat(found.target)
        mode = (0o600 if scope == USER else 0o644) if before is None else stat.S_IMODE(before.st_mode)
        _fill(descriptor, data, mode, before)
        if _bytes_of(found.path, found.target) != found.data or os.path.realpath(found.path) != found.target:
            raise _changed(found.path)
        os.replace(unfinished, found.target)
    except BaseException:
        _remove(unfinished)
        raise
    with suppress(OSError):  # the file is in its place; some file systems cannot sync a folder
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _fill(descriptor: int, data: bytes, mode: int, owner: os.stat_result | None = None) -> None:
    """Writes it all to the disk, and gives the file that mode, and the owner where there was one."""
    with open(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        mine = os.fstat(descriptor)
        if owner is not None and (owner.st_uid, owner.st_gid) != (mine.st_uid, mine.st_gid):
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
        os.fchmod(descriptor, mode)
        os.fsync(descriptor)


def _remove(path: str) -> None:
    with suppress(OSError):
        os.unlink(path)


def _unusable(problem: str) -> ConfigurationError:
    return ConfigurationError([problem], not_done=_UNTOUCHED, to_do="Correct or move it, and run this again.")


def _changed(path: str) -> Conflict:
    return Conflict(
        f"{path} was changed by somebody else in this moment.", not_done=_UNTOUCHED, to_do="Run this again."
    )


def _unwritable(path: str, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        [f"{path}: cannot be written: {error.strerror or error}."],
        not_done="It was not changed.",
        to_do="Mend the permissions of the file and its folder, or put the lines of `--dry-run` in by hand.",
    )
