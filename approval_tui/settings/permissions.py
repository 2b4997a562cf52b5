"""Who may touch the store's files: its folder is 0700 and its file 0600."""

from __future__ import annotations

import os
import stat

from approval_tui.domain.errors import StoreUnavailable

PRIVATE_FOLDER = 0o700
PRIVATE_FILE = 0o600
_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


def ensure_private_folder(folder: str) -> None:
    """Makes the folder, and those above it that are missing, with mode 0700.

    A folder that is already there keeps its mode: it may be shared on purpose. Raises StoreUnavailable.
    """
    missing = []
    current = folder
    while current and not os.path.isdir(current):
        missing.append(current)
        parent = os.path.dirname(current)
        if parent == current:
            break
        current = parent
    try:
        for path in reversed(missing):
            try:
                os.mkdir(path, PRIVATE_FOLDER)
            except FileExistsError:
                if not os.path.isdir(path):
                    raise
            else:
                os.chmod(path, PRIVATE_FOLDER)
    except OSError as error:
        raise StoreUnavailable(
            f"The folder {folder} cannot be made: {error.strerror}.",
            not_done="The store was not opened and nothing may run.",
            to_do="Choose another place with --store or APPROVAL_TUI_STORE, or mend the permissions.",
        ) from None


def ensure_folder_of_own(folder: str) -> None:
    """Makes the folder where it is missing; raises StoreUnavailable for one that is not this user's alone."""
    ensure_private_folder(folder)
    if not is_private_folder(folder):
        raise StoreUnavailable(
            f"The folder {folder} can be written by other users, or is not yours.",
            not_done="Nothing was kept there, and the call does not run.",
            to_do=f"Look at what it holds, then take it away, or `chmod 700 {folder}`.",
        )


def is_private_folder(folder: str) -> bool:
    """Whether the folder is there, is this user's, and nobody else may write in it."""
    try:
        status = os.stat(folder)
    except OSError:
        return False
    if os.name != "posix":
        return stat.S_ISDIR(status.st_mode)
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & _OTHERS_MAY_WRITE


def ensure_private_file(path: str) -> None:
    """Makes the file with mode 0600 if it is missing; refuses one that other users may write.

    Whoever can write the store can approve, so such a file proves nothing. Raises StoreUnavailable.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE))
        return
    except FileExistsError:
        pass
    except OSError as error:
        raise StoreUnavailable(
            f"The store {path} cannot be made: {error.strerror}.",
            not_done="Nothing was opened and nothing may run.",
            to_do="Choose another place with --store or APPROVAL_TUI_STORE, or mend the permissions.",
        ) from None
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        raise StoreUnavailable(
            f"The store {path} cannot be read: {error.strerror}.",
            not_done="Nothing was opened and nothing may run.",
            to_do="Mend the permissions of the file and its folder.",
        ) from None
    if os.name == "posix" and stat.S_ISREG(mode) and mode & _OTHERS_MAY_WRITE:
        raise StoreUnavailable(
            f"The store {path} can be written by other users (mode {stat.S_IMODE(mode):04o}).",
            not_done="It was not opened: its decisions could be anyone's.",
            to_do=f"Look at what it holds, then `chmod 600 {path}`.",
        )


def replace_private_file(path: str, data: bytes) -> None:
    """Puts a file with mode 0600 in the place of what is there, whole or not at all; raises OSError."""
    unfinished = f"{path}.{os.getpid()}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
    with os.fdopen(os.open(unfinished, flags, PRIVATE_FILE), "wb") as file:
        file.write(data)
    os.replace(unfinished, path)
