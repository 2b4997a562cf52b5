"""Lets many processes open, at once, a store that one more migration lies ahead of; prints what each found."""

from __future__ import annotations

import json
import sys

from approval_tui.store import open_store_blocking
from approval_tui.store.drivers import sqlite_migrations
from tests.store.workers.family import Body, Start, run_together
from tests.support import sqlite_engine


def opener(path: str) -> Body:
    def body(start: Start) -> list[int]:
        start()
        with open_store_blocking(path) as store:
            version = sqlite_engine(store).connection.execute("PRAGMA user_version").fetchone()[0]
            added = sqlite_engine(store).connection.execute("SELECT count(*) FROM added").fetchone()[0]
            return [version, added, store.reviewer.overview().pending]

    return body


def main(path: str, folder: str, names: str, processes: str) -> None:
    sqlite_migrations._FOLDER = folder
    sqlite_migrations.MIGRATIONS = tuple(names.split(","))  # type: ignore[assignment]
    sqlite_migrations.SCHEMA_VERSION = len(sqlite_migrations.MIGRATIONS)
    print(json.dumps(run_together([opener(path)] * int(processes))))


if __name__ == "__main__":
    main(*sys.argv[1:])
