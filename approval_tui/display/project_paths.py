"""Where a path lies by its spelling: inside the project or not.

Only the letters are looked at. A symbolic link inside the project may lead out of it, and `link/..` may not lead
back; nothing here can see that. What reads the disk tells of links.
"""

from __future__ import annotations

import posixpath

OUTSIDE = "outside the project"
CANNOT_BE_TOLD = "cannot be told whether outside the project"


def where_path_lies(path: str, working_directory: str | None, home: str | None = None) -> str | None:
    """None for a path inside the working directory, else words that say where it lies, or that it cannot be told.

    A relative path begins at the working directory, and `~` stands for `home` where that is given. What a shell
    would still replace (`$NAME`, backticks, `~other`) is not guessed, and neither is an unknown directory.
    """
    project = _plain_directory(working_directory)
    if project is None or any(sign in path for sign in ("\0", "$", "`")):
        return CANNOT_BE_TOLD
    if path.startswith("~"):
        known_home = _plain_directory(home)
        if known_home is None or path[1:2] not in ("", "/"):
            return CANNOT_BE_TOLD
        path = known_home + path[1:]
    elif not path.startswith("/"):
        path = f"{project}/{path}"
    lies = _normal(path)
    return None if project == "/" or lies == project or lies.startswith(f"{project}/") else OUTSIDE


def _plain_directory(directory: str | None) -> str | None:
    """The directory without `.`, `..` and needless slashes; None where it is no absolute path."""
    if directory is None or not directory.startswith("/") or "\0" in directory:
        return None
    return _normal(directory)


def _normal(path: str) -> str:
    """An absolute path without `.`, `..` and needless slashes; two slashes at its beginning are one."""
    return posixpath.normpath("/" + path.lstrip("/"))
