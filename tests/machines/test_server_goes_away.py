"""A server that goes away and comes back: nothing is lost, nothing is done twice, and nothing is decided by it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Literal
from urllib.parse import quote

import psycopg
import pytest

from approval_tui.domain.calls import Call, Submitted, check_call
from approval_tui.domain.errors import StoreAway, StoreInDoubt
from approval_tui.domain.ids import new_request_id
from approval_tui.domain.models import Request
from approval_tui.store import open_store, open_store_blocking
from approval_tui.store.blocking import BlockingStore
from approval_tui.store.drivers import postgres, postgres_async
from approval_tui.store.opening import Opening
from approval_tui.store.transaction import Transaction
from approval_tui.store.transactions import submitting
from tests.machines.cutting import CuttingWire
from tests.postgres.servers import OwnServer, Server
from tests.support import ANN, LONG, approve, assert_sound, consume, event_names, run_worker, submit, until


@pytest.fixture
def url(own_postgres: OwnServer) -> str:
    return own_postgres.url(own_postgres.new_schema())


@pytest.fixture
def call() -> Call:
    return Call(tool="shell", arguments={"command": "make deploy"}, requester="release-bot", session="run-1")


@pytest.mark.parametrize("how", ["fast", "immediate"])
def test_a_restart_decides_nothing_and_whoever_waits_gets_the_answer(
    how: Literal["fast", "immediate"], own_postgres: OwnServer, url: str, call: Call
) -> None:
    with open_store_blocking(url) as reviewing, open_store_blocking(url) as asking:
        request = submit(asking, call)
        answers: list[Request] = []
        waiting = threading.Thread(target=lambda: answers.append(asking.requester.wait(request.id)))
        waiting.start()
        own_postgres.restart(how)
        assert reviewing.reviewer.get(request.id) == request
        approve(reviewing, request)
        waiting.join(LONG)
        assert [answer.status for answer in answers] == ["approved"]
        claim = consume(asking, request)
        own_postgres.restart(how)
        asking.requester.report_outcome(request.id, claim.id, "succeeded")
        assert event_names(reviewing, request) == [
            "request_submitted", "request_approved", "request_consumed", "outcome_reported",
        ]  # fmt: skip
        assert_sound(reviewing)


async def test_an_async_wait_goes_on_over_a_restart_and_changes_say_that_the_server_is_away(
    own_postgres: OwnServer, url: str, call: Call
) -> None:
    async with open_store(url) as store, open_store(url, patience=0.0) as watching:
        request = (await store.requester.submit(call)).request
        changes = watching.reviewer.changes()
        await anext(changes)
        waiting = asyncio.create_task(store.requester.wait(request.id))
        await asyncio.to_thread(own_postgres.stop, "immediate")
        with pytest.raises(StoreAway, match="cannot be reached"):
            await asyncio.wait_for(_watched_to_its_end(changes), LONG)
        assert not waiting.done()
        await asyncio.to_thread(own_postgres.start)
        await store.reviewer.decide(request.id, "deny", reviewer=ANN, digest=request.digest)
        async with asyncio.timeout(LONG):
            assert (await waiting).status == "denied"


async def _watched_to_its_end(changes: AsyncIterator[None]) -> None:
    async for _ in changes:
        pass


def test_while_the_server_is_away_nothing_runs_and_the_error_says_so(
    own_postgres: OwnServer, url: str, call: Call
) -> None:
    with open_store_blocking(url, patience=0.0) as store:
        request = approve(store, submit(store, call))
        own_postgres.stop()
        for attempt in (lambda: consume(store, request), lambda: store.reviewer.get(request.id)):
            with pytest.raises(StoreAway) as caught:
                attempt()
            assert "Nothing was written and nothing may run." in str(caught.value)
        with pytest.raises(StoreAway):
            open_store_blocking(url)
        own_postgres.start()
        assert consume(store, request).request.status == "consumed"


async def test_a_server_that_freezes_says_nothing_and_counts_as_away(
    own_postgres: OwnServer, url: str, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_async, "LONGEST_SILENCE", 0.5)
    async with open_store(url, patience=0.0) as store:
        frozen = await store.reviewer._engine.read(lambda tx: tx._connection.info.backend_pid)  # type: ignore[attr-defined]
        request = (await store.requester.submit(call)).request
        os.kill(frozen, signal.SIGSTOP)
        try:
            with pytest.raises(StoreAway, match="has not answered"):
                await store.reviewer.get(request.id)
        finally:
            os.kill(frozen, signal.SIGCONT)
        assert (await store.reviewer.get(request.id)).status == "pending"


def test_a_program_ends_whose_server_froze(own_postgres: OwnServer, url: str) -> None:
    open_store_blocking(url).close()
    try:
        assert run_worker("frozen", url, seconds=LONG) == "away\n"
    finally:
        with psycopg.connect(url) as connection:
            for (pid,) in connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE application_name = 'approval-tui'"
            ):
                os.kill(pid, signal.SIGCONT)


async def test_connections_that_are_lost_while_many_ask_make_no_call_fail(postgres_url: str, call: Call) -> None:
    name = "many who ask"
    end_all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s"
    async with open_store(f"{postgres_url}&application_name={quote(name)}") as store:

        async def ask(who: int) -> None:
            for number in range(60):
                each = replace(call, arguments={"who": who, "number": number})
                assert (await store.requester.submit(each)).created

        asking = [asyncio.create_task(ask(who)) for who in range(10)]
        with psycopg.connect(postgres_url, autocommit=True) as administrator:
            while not all(task.done() for task in asking):
                await asyncio.to_thread(administrator.execute, end_all, [name])
                await asyncio.wait(asking, timeout=0.2)
        await asyncio.gather(*asking)
        assert (await store.reviewer.verify()).problems == ()


# --- the wire is cut at the end of a transaction -------------------------------------------------


@pytest.fixture
def wire(postgres_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CuttingWire]:
    folder = tmp_path_factory.mktemp("w")
    with CuttingWire(postgres_server.folder, folder) as cutting:
        yield cutting


@pytest.fixture
def wired(wire: CuttingWire, postgres_server: Server, postgres_url: str) -> Iterator[BlockingStore]:
    """A store over that wire."""
    with open_store_blocking(postgres_url.replace(quote(postgres_server.folder), quote(wire.folder))) as store:
        yield store


@pytest.mark.parametrize("cuts", [["before"], ["after"], ["before", "before"], ["before", "after"]], ids=" ".join)
def test_a_decision_whose_answer_is_lost_is_recorded_once(
    cuts: list[str], wire: CuttingWire, wired: BlockingStore, postgres_url: str, call: Call
) -> None:
    request = submit(wired, call)
    wire.cuts += cuts
    assert approve(wired, request).status == "approved"
    assert wire.cut == len(cuts)
    with open_store_blocking(postgres_url) as store:
        assert event_names(store, request) == ["request_submitted", "request_approved"]
        assert_sound(store)


@pytest.mark.parametrize("cut", ["before", "after"])
def test_a_claim_whose_answer_is_lost_is_taken_once_and_its_holder_has_it(
    cut: str, wire: CuttingWire, wired: BlockingStore, call: Call
) -> None:
    request = approve(wired, submit(wired, call))
    wire.cuts.append(cut)
    claim = consume(wired, request)
    wired.requester.report_outcome(request.id, claim.id, "succeeded")
    assert_sound(wired)


def test_what_nobody_can_be_asked_about_is_said_to_be_in_doubt_and_never_done_again(
    wire: CuttingWire, wired: BlockingStore, postgres_url: str, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "LONGEST_DOUBT", 0.1)
    request = submit(wired, call)
    wire.is_down = True
    wire.cuts += ["after"]
    with pytest.raises(StoreInDoubt, match="not known whether it was written"):
        approve(wired, request)
    with open_store_blocking(postgres_url) as store:
        until(lambda: store.reviewer.get(request.id).status == "approved")
        assert event_names(store, request) == ["request_submitted", "request_approved"]


def test_what_takes_the_number_of_a_transaction_that_a_crash_lost_is_not_taken_for_it(
    own_postgres: OwnServer, url: str, call: Call
) -> None:
    """The server crashes before it keeps anything of a submission, and gives its number to the next one."""

    def submitted_in_a_crash(tx: Transaction) -> Submitted:
        submitted = submitting.submit(tx, check_call(call))
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(url) as victim:
            os.kill(victim.info.backend_pid, signal.SIGKILL)
            until(lambda: victim.execute("SELECT 1") is None)
        until(lambda: _is_asked(url, replace(call, tool="other")))
        return submitted

    opening = Opening(url, create=True, readonly=False, clock=None, new_id=new_request_id, patience=LONG)
    with contextlib.closing(opening.engine()) as engine, pytest.raises(StoreInDoubt):
        engine.write(submitted_in_a_crash)
    with open_store_blocking(url) as store:
        assert [request.tool for request in store.reviewer.list()] == ["other"]
        assert_sound(store)


def _is_asked(url: str, call: Call) -> bool:
    """Whether the server is there again and took the call."""
    with contextlib.suppress(StoreAway), open_store_blocking(url) as store:
        submit(store, call)
        return True
    return False
