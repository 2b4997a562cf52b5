"""Rows that somebody wrote past the commands: refused before they are drawn, said in the banner, never approvable."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, NamedTuple

import pytest

from approval_tui.console import store_watch
from approval_tui.console.app import ConsoleApp
from approval_tui.console.row_check import check_row
from approval_tui.domain.audit import Event
from approval_tui.domain.decisions import Reviewer
from approval_tui.domain.errors import StoreCorrupt
from approval_tui.domain.models import Request
from approval_tui.settings.actions import AUDIT_VIEW, HISTORY_VIEW, PENDING_VIEW
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from tests.console.conftest import OpenConsole
from tests.console.driver import Console
from tests.console.test_filtering import filter_by
from tests.seeded import seed_day
from tests.store.tampering import TRIGGERS
from tests.support import ManualClock, deny, event_names

NO_TEXT = (5, 1.5, b"\xff", ["x"])
NO_TIME = ("soon", 1.5, b"5", True, 2**62, -(2**62), 253_402_300_800_000)
NONSENSE: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(("id", "tool", "requester", "fingerprint", "digest"), (None, *NO_TEXT)),
    **dict.fromkeys(("server", "session", "reason", "risk", "rule_hash", "outcome_detail"), NO_TEXT),
    **dict.fromkeys(("created_at", "expires_at", "approval_lifetime"), (None, *NO_TIME)),
    **dict.fromkeys(("approval_expires_at", "decided_at", "consumed_at", "claim_expires_at", "outcome_at"), NO_TIME),
    "status": (None, "zebra", "PENDING", "", b"pending", 5),
    "outcome": ("zebra", "", b"failed", 5),
}
"""What no command writes into a column of a request, though SQLite keeps it."""

DECISION = {
    "verdict": "approve",
    "reviewer": "ann",
    "reason": None,
    "digest": "v1:sha256:0",
    "evidence": {"kind": "shown", "rows": 1, "shown_ms": 3200},
    "via": "console",
    "os_user": "ann",
    "tty": None,
    "decided_at": 1_800_000_000_000,
}
WRONG_DECISIONS: dict[str, Any] = {
    "no list": {},
    "a number for a decision": [5],
    "a decision without its digest": [{key: value for key, value in DECISION.items() if key != "digest"}],
    "a word too many": [{**DECISION, "more": 1}],
    "a token that is no text": [{**DECISION, "token": 5}],
    **{f"{key} is a list": [{**DECISION, key: []}] for key in ("verdict", "reviewer", "digest", "via", "reason")},
    **{
        f"{key} is {value!r}": [{**DECISION, "evidence": {**DECISION["evidence"], key: value}}]  # type: ignore[dict-item]
        for key, value in (("kind", None), ("rows", "1"), ("rows", 1.5), ("shown_ms", None), ("more", 1))
    },
    "a time that never comes": [{**DECISION, "decided_at": 1e300}],
    "no time": [{**DECISION, "decided_at": None}],
    "a wrong one behind a right one": [DECISION, {**DECISION, "verdict": 5}],
}
WRONG_EVENTS: dict[str, tuple[Any, ...]] = {
    "seq": (None, "1", b"1", 1.5),
    "name": (None, *NO_TEXT),
    "at": (None, *NO_TIME),
    "hash": (None, *NO_TEXT),
    "request_id": NO_TEXT,
}


class Day(NamedTuple):
    """A store with a day behind it: what waits, what no longer waits, and the log."""

    pending: list[Request]
    history: tuple[Request, ...]
    events: tuple[Event, ...]


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Day:
    path, clock = str(tmp_path_factory.mktemp("day") / "store" / "approvals.db"), ManualClock()
    pending = seed_day(path, clock)
    with open_store_blocking(path, clock=clock) as store:
        return Day(pending, store.reviewer.history(), store.reviewer.events())


# --- one row ---------------------------------------------------------------------------------------


def test_whatever_the_commands_write_can_be_shown(day: Day) -> None:
    assert {request.status for request in day.history} == {"consumed", "approved", "denied", "expired", "cancelled"}
    rows: list[Request | Event] = [*day.pending, *day.history, *day.events]
    for row in rows:
        check_row(row)


@pytest.mark.parametrize("field", NONSENSE)
def test_a_field_that_holds_what_no_command_writes_is_refused_by_its_name(field: str, day: Day) -> None:
    for value in NONSENSE[field]:
        with pytest.raises(StoreCorrupt) as raised:
            check_row(dataclasses.replace(day.history[0], **{field: value}))
        assert f"{field} holds what no command writes" in raised.value.happened, value
        assert "audit verify" in raised.value.to_do


@pytest.mark.parametrize("what", WRONG_DECISIONS)
def test_decisions_that_cannot_be_drawn_are_refused(what: str, day: Day) -> None:
    check_row(dataclasses.replace(day.history[0], decisions_text=json.dumps([DECISION])))
    with pytest.raises(StoreCorrupt):
        check_row(dataclasses.replace(day.history[0], decisions_text=json.dumps(WRONG_DECISIONS[what])))


@pytest.mark.parametrize("field", WRONG_EVENTS)
def test_an_event_that_cannot_be_drawn_is_refused_and_named(field: str, day: Day) -> None:
    for value in WRONG_EVENTS[field]:
        wrong = dataclasses.replace(day.events[0], **{field: value})
        with pytest.raises(StoreCorrupt) as raised:
            check_row(wrong)
        assert raised.value.happened == f"Event {wrong.seq!a} of the audit log cannot be read."
        assert "audit verify" in raised.value.to_do


# --- rows of a store -------------------------------------------------------------------------------


class Forgery(NamedTuple):
    """One column of one row, and what somebody wrote into it."""

    table: str
    column: str
    value: Any


FORGERIES = {
    "bytes for a tool": Forgery("requests", "tool", b"\xff"),
    "a text for a time": Forgery("requests", "expires_at", "tomorrow"),
    "a time past every calendar": Forgery("requests", "created_at", -(2**62)),
    "decisions of another kind": Forgery("requests", "decisions", '[{"verdict": "approve"}]'),
    "arguments that are no JSON": Forgery("requests", "arguments", "{nonsense"),
    "a context that is a list": Forgery("requests", "context", "[]"),
    "requirements that are a word": Forgery("requests", "requirements", '"none"'),
    "a quorum that is a word": Forgery("requests", "requirements", '{"quorum": "x", "reviewers": []}'),
    "a reviewer that is a number": Forgery("requests", "requirements", '{"reviewers": [1]}'),
    "a context that is no number": Forgery("requests", "context", '{"a": NaN}'),
    "a context without end": Forgery("requests", "context", '{"a": 1e999}'),
}
"""What no command writes, in a row that still counts as pending."""


@contextmanager
def forged(path: str, forgery: Forgery, key: str | int) -> Iterator[None]:
    """Somebody wrote this into the row with that key, and puts back afterwards what was there."""
    table, column, value = forgery
    name = "id" if table == "requests" else "seq"
    with closing(sqlite3.connect(path, isolation_level=None)) as forger:
        for trigger in TRIGGERS:
            forger.execute(f"DROP TRIGGER IF EXISTS {trigger}")
        forger.execute("PRAGMA ignore_check_constraints = ON")
        ((before,),) = forger.execute(f"SELECT {column} FROM {table} WHERE {name} = ?", (key,)).fetchall()
        forger.execute(f"UPDATE {table} SET {column} = ? WHERE {name} = ?", (value, key))
        yield
        forger.execute(f"UPDATE {table} SET {column} = ? WHERE {name} = ?", (before, key))


# --- on the screen ---------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def looks_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that could not be read is tried again in a moment."""
    monkeypatch.setattr(store_watch, "RETRY", 0.1)


async def test_a_row_that_cannot_be_shown_when_the_console_opens_is_said_and_nothing_can_be_decided(
    store_path: str, clock: ManualClock, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    with forged(store_path, FORGERIES["bytes for a tool"], requests[0].id):
        monotonic, reviewer = ManualClock(0), Reviewer("ann", via="console")
        app = ConsoleApp(store_path, reviewer=reviewer, clock=clock, monotonic=monotonic)
        async with app.run_test(size=(140, 34)) as pilot:
            console = Console(pilot, clock, monotonic)
            await console.see("STORE DAMAGED")
            await console.settle()
            said = " ".join(console.text().split())
            assert f"The row of request {requests[0].id} cannot be read" in said
            assert "Run approval-tui audit verify" in said
            await console.press("enter", "d", "a")
            await console.see("There is nothing to approve.")
            assert console.app.screen is console.screen
    assert [event_names(reviewing_store, each) for each in requests] == [["request_submitted"]] * 4


async def test_a_row_that_becomes_one_while_the_console_is_open_stops_every_decision_until_it_is_mended(
    open_console: OpenConsole, store_path: str, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        for what in ("bytes for a tool", "requirements that are a word"):
            with forged(store_path, FORGERIES[what], requests[2].id):  # another one than is on the screen
                await console.see("STORE DAMAGED")
                await console.press("a")
                await console.see("The store is away. Nothing can be decided until it is back.")
                assert console.shown.id == requests[0].id
            await console.until(lambda: console.screen.is_live and "STORE DAMAGED" not in console.text())
        assert event_names(reviewing_store, requests[0]) == ["request_submitted"]
        await console.press("a")
        await console.until(lambda: console.shown.status == "approved")
    assert [event_names(reviewing_store, each) for each in requests[1:]] == [["request_submitted"]] * 3


async def test_a_row_that_no_list_shows_is_said_too_while_nobody_looks(
    open_console: OpenConsole, store_path: str, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        await filter_by(console, requests[3].tool)
        await console.until(lambda: console.screen.waiting == [requests[3].id])
        await console.look_away()
        with forged(store_path, Forgery("requests", "created_at", "soon"), requests[0].id):
            await console.see("STORE DAMAGED")


async def test_what_a_refused_command_brings_along_is_looked_at_before_it_is_shown(
    open_console: OpenConsole, store_path: str, requests: list[Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_console() as console:
        monkeypatch.setattr(store_watch.StoreWatch, "poke", lambda *_, **__: None)
        monkeypatch.setattr(store_watch, "load_page", never)
        with forged(store_path, Forgery("requests", "status", "zebra"), requests[0].id):
            await console.press("a")
            await console.see(f"The row of request {requests[0].id} cannot be read")
            assert console.shown.status == "pending"


async def never(*_: object) -> None:
    """Nothing is loaded any more."""
    await asyncio.Event().wait()


async def test_a_row_of_the_history_or_the_log_that_cannot_be_shown_troubles_only_its_own_list(
    open_console: OpenConsole, store_path: str, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    denied = deny(reviewing_store, requests[3])
    cases: tuple[tuple[str, str, str | int, Forgery], ...] = (
        ("2", HISTORY_VIEW, denied.id, Forgery("requests", "status", "zebra")),
        ("2", HISTORY_VIEW, denied.id, Forgery("requests", "outcome", "zebra")),
        ("3", AUDIT_VIEW, 2, Forgery("events", "at", 2**62)),
        ("3", AUDIT_VIEW, 2, Forgery("events", "name", b"\xff")),
    )
    async with open_console() as console:
        for key, view, row, forgery in cases:
            with forged(store_path, forgery, row):
                await console.press(key)
                await console.until(lambda view=view: console.screen.place == view)  # type: ignore[misc]
                await console.see("STORE DAMAGED")
                await console.press("1")
                await console.until(lambda: console.screen.place == PENDING_VIEW and console.screen.is_live)
                await console.until(lambda: "STORE DAMAGED" not in console.text())
                assert console.shown.id == requests[0].id
        await console.press("a")
        await console.until(lambda: console.shown.status == "approved")
