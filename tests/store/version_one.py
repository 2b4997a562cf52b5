"""A store as the first version left it, with rows: made with the first migration alone."""

from __future__ import annotations

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.models import Request
from approval_tui.store import open_store_blocking
from approval_tui.store.drivers import sqlite_migrations
from tests.support import approve, consume, deny, submit


def make_store_of_version_one(path: str) -> list[Request]:
    """Makes it and gives its requests: one waits, one is denied, one approved, one claimed, one reported."""
    with pytest.MonkeyPatch.context() as yesterday:
        yesterday.setattr(sqlite_migrations, "MIGRATIONS", sqlite_migrations.MIGRATIONS[:1])
        yesterday.setattr(sqlite_migrations, "SCHEMA_VERSION", 1)
        with open_store_blocking(path) as store:
            made = [submit(store, Call(f"tool-{number}", {"n": number}, "bot")) for number in range(5)]
            deny(store, made[1], "no")
            approve(store, made[2])
            consume(store, approve(store, made[3]))
            claim = consume(store, approve(store, made[4]))
            store.requester.report_outcome(made[4].id, claim.id, "succeeded")
            return [store.reader.get(request.id) for request in made]
