"""What anybody can do to a store who can write its file."""

from __future__ import annotations

import sqlite3
from typing import Any

from approval_tui.domain import chain
from approval_tui.domain.audit import Head, Problem
from approval_tui.domain.canonical import canonical_json
from approval_tui.store.blocking import BlockingStore

TRIGGERS = (
    "requests_lifecycle",
    "requests_call_is_fixed",
    "requests_attempt_is_fixed",
    "requests_are_kept",
    "events_are_append_only_update",
    "events_are_append_only_delete",
    "grants_are_fixed",
    "grants_stay_revoked",
    "grants_are_kept",
    "grants_matchers_are_fixed",
    "grants_are_not_unused",
    "holds_are_kept",
    "requests_edit_taken_as_is_fixed",
    "tokens_are_fixed",
    "tokens_stay_revoked",
    "tokens_are_kept",
)


def raw(store: BlockingStore) -> sqlite3.Connection:
    """What anybody has who can write the file."""
    return sqlite3.connect(store.location, isolation_level=None)


def attack(store: BlockingStore, statement: str, parameters: Any = ()) -> None:
    """Changes the file as somebody would who takes the triggers and checks out of the way first."""
    connection = raw(store)
    for trigger in TRIGGERS:
        connection.execute(f"DROP TRIGGER {trigger}")
    connection.execute("PRAGMA ignore_check_constraints = ON")
    assert connection.execute(statement, parameters).rowcount > 0
    connection.close()


def forge(store: BlockingStore, name: str, request_id: str | None, body: Any, at: int | None = None) -> None:
    """Appends an event whose hash is right, as one can who knows the format."""
    head = store.reviewer.head()
    assert head is not None
    text = canonical_json(body)
    connection = raw(store)
    connection.execute(
        "INSERT INTO events (seq, request_id, name, at, body, hash) VALUES (?, ?, ?, ?, ?, ?)",
        (head.seq + 1, request_id, name, head.at if at is None else at, text.decode(),
         chain.link(head.seq + 1, head.hash, text)),
    )  # fmt: skip
    connection.close()


def problems(store: BlockingStore, expected: Head | None = None) -> tuple[Problem, ...]:
    found = store.reviewer.verify(expected).problems
    assert found
    return found
