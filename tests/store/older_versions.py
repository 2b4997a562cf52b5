"""Stores as older versions left them, with rows: today's program fills one, and what it added since is taken away."""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any, TypeVar

import pytest

from approval_tui.domain import chain
from approval_tui.domain.calls import Call
from approval_tui.domain.canonical import record_json
from approval_tui.domain.clock import Clock, system_clock
from approval_tui.domain.models import Request
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from approval_tui.store.drivers import sqlite_migrations
from tests.support import approve, consume, deny, submit

R = TypeVar("R")

ADDED = {5: ("attempt",)}
"""What a version was the first to write into a request's row and into the event that made it."""

TOLD = {8: ("matcher", "most_uses")}
"""What a version was the first to tell of a grant in the event that gave it."""


def make_store_of_version(
    path: str, version: int, fill: Callable[[BlockingStore], R], clock: Clock = system_clock
) -> R:
    """Makes a store with the first `version` migrations alone, with the requests that `fill` makes and their events."""
    with pytest.MonkeyPatch.context() as yesterday:
        yesterday.setattr(sqlite_migrations, "MIGRATIONS", sqlite_migrations.MIGRATIONS[:version])
        yesterday.setattr(sqlite_migrations, "SCHEMA_VERSION", version)
        open_store_blocking(path).close()
    with tempfile.TemporaryDirectory() as folder:
        today = os.path.join(folder, "store", "approvals.db")
        with open_store_blocking(today, clock=clock) as store:
            filled = fill(store)
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.row_factory = sqlite3.Row
            connection.execute("ATTACH ? AS today", (today,))
            _take_over(connection, _since(ADDED, version), _since(TOLD, version))
    return filled


def _since(written: Mapping[int, tuple[str, ...]], version: int) -> list[str]:
    """What only later versions than that one wrote."""
    return [name for since, names in written.items() if since > version for name in names]


def _take_over(connection: sqlite3.Connection, unknown: list[str], untold: list[str]) -> None:
    """Copies requests and events without the columns and details that are unknown yet; the chain is linked anew."""
    columns = ", ".join(row["name"] for row in connection.execute("PRAGMA main.table_info(requests)"))
    connection.execute("BEGIN")
    connection.execute(f"INSERT INTO main.requests ({columns}) SELECT {columns} FROM today.requests")
    previous = chain.GENESIS
    for event in connection.execute("SELECT * FROM today.events ORDER BY seq").fetchall():
        body: dict[str, Any] = json.loads(event["body"])
        for column in unknown:
            body["changes"].pop(column, None)
        for name in untold:
            body["details"].pop(name, None)
        text = record_json(body)
        previous = chain.link(event["seq"], previous, text.encode())
        connection.execute(
            "INSERT INTO main.events (seq, request_id, name, at, body, hash) VALUES (?, ?, ?, ?, ?, ?)",
            (event["seq"], event["request_id"], event["name"], event["at"], text, previous),
        )
    connection.execute("COMMIT")


def five_lives(store: BlockingStore) -> list[Request]:
    """Five requests: one waits, one is denied, one approved, one claimed, one reported."""
    made = [submit(store, Call(f"tool-{number}", {"n": number}, "bot", session="run-1")) for number in range(5)]
    deny(store, made[1], "no")
    approve(store, made[2])
    consume(store, approve(store, made[3]))
    claim = consume(store, approve(store, made[4]))
    store.requester.report_outcome(made[4].id, claim.id, "succeeded")
    return [store.reader.get(request.id) for request in made]
