"""A file's text as it is on disk now, for a reviewer who sees what a call would change in it.

The path is an agent's: whatever stands there, nothing is waited for, and nothing but a regular file is opened.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass

LARGEST_FILE = 2 * 1024 * 1024
"""Bytes of a file that are read at most."""

_LONGEST_PATH = 4096

_OPENING = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_BINARY", 0)
)

#: Files that the system makes up; some of them do something when they are read.
_OF_THE_SYSTEM = ("/proc", "/sys")

_KINDS = (
    (stat.S_ISDIR, "it is a folder"),
    (stat.S_ISFIFO, "it is a pipe"),
    (stat.S_ISSOCK, "it is a socket"),
    (stat.S_ISCHR, "it is a device"),
    (stat.S_ISBLK, "it is a device"),
)

_WORDS = {
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.ELOOP: "its links lead nowhere but to themselves",
    errno.ENAMETOOLONG: "its name is too long",
    errno.ENOTDIR: "what should be a folder of its path is none",
    errno.ENOENT: "it was there, and is no longer",
}


@dataclass(frozen=True)
class FileOnDisk:
    """What stands at a path; the text is None where the file is missing, or where a problem says why."""

    text: str | None
    problem: str | None  #: safe to show; a missing file is none, but a missing folder is one
    real_path: str | None  #: where the path leads, another one where it has links; an outside text
    is_missing: bool = False


def read_for_review(location: str) -> FileOnDisk:
    """What stands at this absolute path; never raises and never waits for a device or another program."""
    real_path = None
    try:
        location.encode()
        if "\0" in location:
            return FileOnDisk(None, "its path holds a character that no path may have", None)
        if len(os.fsencode(location)) > _LONGEST_PATH:  # to follow its links would take the square of its length
            return FileOnDisk(None, _WORDS[errno.ENAMETOOLONG], None)
        if not os.path.isabs(location):
            return FileOnDisk(None, "its path does not begin at the root", None)
        real_path = os.path.realpath(location)
        try:
            real_path = os.path.realpath(location, strict=True)
        except FileNotFoundError:
            return FileOnDisk(None, _problem_of_folder(os.path.dirname(real_path)), real_path, is_missing=True)
        return _read(real_path)
    except UnicodeError:
        return FileOnDisk(None, "its path holds characters that no path may have", None)
    except OSError as error:
        return FileOnDisk(None, _words(error), real_path)


def _problem_of_folder(folder: str) -> str | None:
    """What is wrong with the folder of a file that is not there; raises OSError where it may not be looked into."""
    try:
        is_folder = stat.S_ISDIR(os.stat(folder).st_mode)
    except FileNotFoundError:
        return "its folder is not there either"
    return None if is_folder else _WORDS[errno.ENOTDIR]


def _read(path: str) -> FileOnDisk:
    """The file's text; raises OSError."""
    for folder in _OF_THE_SYSTEM:
        if path == folder or path.startswith(f"{folder}/"):
            return FileOnDisk(None, f"what is in {folder} is not read: the system makes it up", path)
    problem = _problem(os.stat(path, follow_symlinks=False))  # what is opened by mistake may do something
    if problem:
        return FileOnDisk(None, problem, path)
    descriptor = os.open(path, _OPENING)
    try:
        problem = _problem(os.fstat(descriptor))
        if problem:
            return FileOnDisk(None, problem, path)
        data = _bytes(descriptor)
    finally:
        os.close(descriptor)
    if len(data) > LARGEST_FILE:
        return FileOnDisk(None, f"too large to be compared here (more than {LARGEST_FILE:,} bytes)", path)
    try:
        return FileOnDisk(data.decode("utf-8"), None, path)
    except UnicodeDecodeError:
        return FileOnDisk(None, "it is not text in UTF-8", path)


def _problem(status: os.stat_result) -> str | None:
    """Why such a file is not read."""
    if not stat.S_ISREG(status.st_mode):
        return next((words for is_kind, words in _KINDS if is_kind(status.st_mode)), "it is no regular file")
    if status.st_size > LARGEST_FILE:
        return f"too large to be compared here ({status.st_size:,} bytes)"
    return None


def _bytes(descriptor: int) -> bytes:
    """What the file holds, up to one byte more than is read at most."""
    data = bytearray()
    while len(data) <= LARGEST_FILE:
        piece = os.read(descriptor, LARGEST_FILE + 1 - len(data))
        if not piece:
            break
        data += piece
    return bytes(data)


def _words(error: OSError) -> str:
    return _WORDS.get(error.errno or 0) or f"it cannot be read: {error.strerror or type(error).__name__}"
