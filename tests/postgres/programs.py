"""Where PostgreSQL's own programs are on this machine, and as whom they may run."""

from __future__ import annotations

import glob
import importlib
import os
import pwd
import re
import shutil
from typing import NamedTuple

DEBIAN = "/usr/lib/postgresql/*/bin"
"""Where Debian and its children keep each version's programs, outside the PATH."""

SYSTEM_USER = "postgres"
"""Who runs them where the tests are run by the super-user, which PostgreSQL refuses to run as."""


class Unavailable(Exception):
    """Why no PostgreSQL can be started for tests, and what would help."""


class Programs(NamedTuple):
    """The folder of `initdb` and `postgres`, and the user who runs them if that is another."""

    folder: str
    user: str | None


def programs() -> Programs:
    """The programs on the PATH, otherwise Debian's of the newest version; raises `Unavailable`."""
    try:
        importlib.import_module("psycopg")
    except ImportError as error:
        raise Unavailable(f"psycopg cannot be imported ({error}): pip install 'psycopg[binary,pool]'") from None
    folder = _folder()
    if os.geteuid() != 0:
        return Programs(folder, None)
    try:
        pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        raise Unavailable(
            f"it does not run as root, and there is no user {SYSTEM_USER!r} here: useradd --system {SYSTEM_USER}"
        ) from None
    return Programs(folder, SYSTEM_USER)


def _folder() -> str:
    on_path = shutil.which("initdb")
    candidates = [os.path.dirname(os.path.realpath(on_path))] if on_path else []
    candidates += sorted(glob.glob(DEBIAN), key=_version, reverse=True)
    for folder in candidates:
        if all(os.access(os.path.join(folder, name), os.X_OK) for name in ("initdb", "postgres")):
            return folder
    raise Unavailable(
        f"neither the PATH nor {DEBIAN} has its programs initdb and postgres: apt-get install postgresql"
        " (macOS: brew install postgresql)"
    )


def _version(folder: str) -> tuple[int, ...]:
    """The numbers in the name of a version's folder, as 9.6 or 17."""
    return tuple(int(number) for number in re.findall(r"\d+", folder))
