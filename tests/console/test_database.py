"""The console on a database: its clock counts, its absence is said, and its return is noticed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from approval_tui.console.app import ConsoleApp
from approval_tui.domain.calls import Call
from approval_tui.domain.clock import HOUR, system_clock
from approval_tui.domain.decisions import Reviewer
from approval_tui.domain.models import Request
from approval_tui.store import open_store_blocking
from tests.console.driver import Console
from tests.postgres.servers import OwnServer
from tests.support import ManualClock, event_names, submit

CALL = Call(tool="shell", arguments={"command": "make deploy"}, requester="release-bot", session="run-1")


@asynccontextmanager
async def console_on(url: str) -> AsyncIterator[Console]:
    """The console on that database, once it has loaded what waits; its arming delay is over."""
    monotonic = ManualClock(0)
    app = ConsoleApp(url, reviewer=Reviewer("ann", via="console"), monotonic=monotonic)
    async with app.run_test(size=(140, 34)) as pilot:
        console = Console(pilot, ManualClock(), monotonic)
        await console.until(lambda: console.screen.is_live and console.app.contract.is_painted)
        await console.settle()
        monotonic.move(1000)
        yield console


def asked(url: str) -> Request:
    with open_store_blocking(url) as store:
        return submit(store, CALL)


async def test_what_an_agent_asks_elsewhere_appears_and_is_decided_from_the_keyboard(postgres_url: str) -> None:
    with open_store_blocking(postgres_url) as agents:
        async with console_on(postgres_url) as console:
            request = submit(agents, CALL)
            await console.see("make deploy")
            await console.press("a")
            await console.until(lambda: console.shown.status == "approved")
        decision = agents.reviewer.get(request.id).decisions[0]
        assert (decision.reviewer, decision.via, decision.evidence.kind) == ("ann", "console", "shown")


async def test_the_time_left_is_that_of_the_database_wherever_the_console_runs(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("approval_tui.console.store_watch.system_clock", lambda: system_clock() + 3 * HOUR)
    asked(postgres_url)
    async with console_on(postgres_url) as console:
        await console.until(lambda: "9m5" in console.text())
        assert console.shown.status == "pending"


async def test_a_server_that_goes_away_is_said_decides_nothing_and_is_taken_up_again(own_postgres: OwnServer) -> None:
    url = own_postgres.url(own_postgres.new_schema())
    request = asked(url)
    async with console_on(url) as console:
        own_postgres.stop("immediate")
        await console.see("STORE AWAY")
        said = " ".join(console.text().split())
        assert "cannot be reached" in said
        assert "This console connects again by itself; the next try is in" in said
        await console.press("a")
        assert console.shown.status == "pending"
        own_postgres.start()
        await console.until(lambda: console.screen.is_live)
        await console.until(lambda: "STORE AWAY" not in console.text())
        await console.press("a")
        await console.until(lambda: console.shown.status == "approved")
    with open_store_blocking(url) as store:
        assert event_names(store, request) == ["request_submitted", "request_approved"]


async def test_a_password_in_the_location_is_never_on_the_screen(postgres_url: str) -> None:
    asked(postgres_url)
    async with console_on(f"{postgres_url}&password=hunter2") as console:
        text = console.text()
        assert "postgresql:///approvals" in text
        assert "hunter2" not in text
