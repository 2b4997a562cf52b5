"""Checks of a store in an SQLite file: who may touch it, whether it is whole, and whether its guards are ours."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator

from approval_tui.domain.store_checks import OK, WARNING, WRONG, Check, format_size
from approval_tui.settings.permissions import is_private_folder
from approval_tui.store.drivers.sqlite_migrations import SCHEMA_VERSION, bring_up_to_date

LEAST_ROOM = 100_000_000
"""Bytes that should be free on the disk."""

LARGEST_LOG = 256_000_000
"""Bytes of a write-ahead log that is folded back as it should be."""

_MOST_FAULTS = 5
_FORMAT_OFFSET = 18
_WRITE_AHEAD = b"\x02\x02"


def sqlite_checks(path: str, connection: sqlite3.Connection, *, quick: bool) -> tuple[Check, ...]:
    """What is found of the file at that path, to which the connection is open; raises sqlite3.Error, and OSError."""
    return (
        *_permissions(path),
        _journal(path),
        _schema(connection),
        _integrity(connection, quick=quick),
        _guards(connection),
        _size(path),
        _room(path),
    )


def _permissions(path: str) -> Iterator[Check]:
    status = os.stat(path)
    mode = stat.S_IMODE(status.st_mode)
    if os.name != "posix":
        yield Check("file", OK, path)
        return
    if status.st_uid != os.geteuid():
        yield Check("file", WARNING, "it is another user's, who can write what it holds")
    elif mode & 0o077:
        yield Check("file", WARNING, f"mode {mode:04o}: others can look into it; `chmod 600` keeps them out")
    else:
        yield Check("file", OK, f"mode {mode:04o}")
    folder = os.path.dirname(path)
    if is_private_folder(folder):
        yield Check("folder", OK, f"only this user writes in {folder}")
    else:
        yield Check("folder", WARNING, f"others can write in {folder}, and so put another file in the store's place")


def _journal(path: str) -> Check:
    """SQLite keeps in the file's head how it is written; a connection that only reads may say something else."""
    with open(path, "rb") as file:
        file.seek(_FORMAT_OFFSET)
        is_write_ahead = file.read(2) == _WRITE_AHEAD
    if is_write_ahead:
        return Check("journal", OK, "a write-ahead log")
    return Check("journal", WRONG, "not a write-ahead log; opening the store once for writing turns it on")


def _schema(connection: sqlite3.Connection) -> Check:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    return Check("schema", OK if version == SCHEMA_VERSION else WRONG, f"version {version} of {SCHEMA_VERSION}")


def _integrity(connection: sqlite3.Connection, *, quick: bool) -> Check:
    name = "quick_check" if quick else "integrity_check"
    faults = [row[0] for row in connection.execute(f"PRAGMA {name}({_MOST_FAULTS})")]
    if faults == ["ok"]:
        return Check("integrity", OK, f"SQLite's {name} finds nothing")
    return Check("integrity", WRONG, f"SQLite's {name} finds: {'; '.join(map(str, faults))}")


def _guards(connection: sqlite3.Connection) -> Check:
    """The triggers, held against those of a store that is made now."""
    ours, found = _fresh_triggers(), _triggers(connection)
    parts = (
        ("missing", sorted(ours.keys() - found.keys())),
        ("changed", sorted(name for name in ours.keys() & found.keys() if ours[name] != found[name])),
        ("not ours", sorted(found.keys() - ours.keys())),
    )
    wrong = [f"{what}: {', '.join(names)}" for what, names in parts if names]
    if wrong:
        return Check("guards", WRONG, f"{'; '.join(wrong)}; somebody wrote to the file past approval-tui")
    return Check("guards", OK, f"all {len(ours)} triggers are there, with our text")


def _fresh_triggers() -> dict[str, str]:
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as fresh:
        bring_up_to_date(fresh, ":memory:")
        return _triggers(fresh)


def _triggers(connection: sqlite3.Connection) -> dict[str, str]:
    return {row[0]: row[1] for row in connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")}


def _size(path: str) -> Check:
    log = 0
    with contextlib.suppress(OSError):
        log = os.stat(f"{path}-wal").st_size
    words = f"{format_size(os.stat(path).st_size)}, and {format_size(log)} in the write-ahead log"
    if log > LARGEST_LOG:
        return Check("size", WARNING, f"{words}: some program reads for long, and keeps it from being folded back")
    return Check("size", OK, words)


def _room(path: str) -> Check:
    free = shutil.disk_usage(os.path.dirname(path)).free
    words = f"{format_size(free)} free"
    return Check("disk", OK, words) if free >= LEAST_ROOM else Check("disk", WARNING, f"only {words}")
