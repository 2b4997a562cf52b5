"""Runs with deferred calls that are cancelled, or whose store fails: what is withdrawn, and that nothing stays open."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import anyio
import pytest
from pydantic_ai import CancellationToken
from pydantic_ai.exceptions import RunCancelled

from approval_tui.domain.errors import StoreUnavailable
from approval_tui.domain.models import Request
from approval_tui.integrations.pydantic_ai import approve_in_console
from approval_tui.store.bells import Bells
from approval_tui.store.blocking import BlockingStore
from tests.gate.both_forms import no_store_thread, waiters
from tests.integrations.deferring import Cleaner, agent_that_calls, delete, outcomes, statuses
from tests.integrations.runs import call
from tests.integrations.scripted_reviewer import YES, scripted_reviewer
from tests.store.tampering import attack, raw
from tests.support import approve, until


@pytest.fixture(autouse=True)
def nothing_is_left_open() -> Iterator[None]:
    """Each test ends without a store's thread, whichever way its runs ended."""
    yield
    until(no_store_thread)


@pytest.mark.parametrize("wait", [True, "1m"])
@pytest.mark.parametrize("by", ["task", "token"])
async def test_a_run_that_is_cancelled_takes_back_what_it_asked(
    default_store: str, desk: BlockingStore, wait: bool | str, by: str
) -> None:
    files = Cleaner([delete(path) for path in "abc"], capabilities=[approve_in_console(wait=wait)])
    token = CancellationToken()
    with scripted_reviewer(default_store, lambda _: None) as reviewer:
        run = asyncio.create_task(files.agent.run("clean up", cancellation_token=token))
        await reviewer.have_come(3)
        if by == "task":
            run.cancel()
        else:
            token.cancel()
        with pytest.raises((asyncio.CancelledError, RunCancelled)):
            await run
    assert files.deleted == []
    assert statuses(desk) == {path: ["cancelled"] for path in "abc"}


def test_a_run_that_is_cancelled_with_its_loop_leaves_no_store_open(default_store: str, desk: BlockingStore) -> None:
    files = Cleaner([delete(path) for path in "abc"], capabilities=[approve_in_console()])

    async def run_and_cancel() -> None:
        async def cancel() -> None:
            await all_waiting(desk, 3)
            tasks.cancel_scope.cancel()  # which cancels again and again, until the run has ended

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(cancel)
            await files.agent.run("clean up")

    asyncio.run(run_and_cancel())
    until(no_store_thread)
    assert statuses(desk) == {path: ["cancelled"] for path in "abc"}


async def test_a_run_that_is_cancelled_while_a_tool_runs_reports_that_it_failed(
    default_store: str, desk: BlockingStore
) -> None:
    agent = agent_that_calls(call("work"), capabilities=[approve_in_console()])
    has_begun = asyncio.Event()

    @agent.tool_plain(requires_approval=True)
    async def work() -> None:
        has_begun.set()
        await asyncio.Event().wait()

    with scripted_reviewer(default_store, lambda _: YES):
        run = asyncio.create_task(agent.run("go"))
        await has_begun.wait()
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
    assert outcomes(desk) == [("consumed", "failed")]


async def test_a_run_that_is_cancelled_takes_back_what_was_approved_for_it_too(desk: BlockingStore) -> None:
    files = Cleaner([delete("a"), delete("b")], capabilities=[approve_in_console()])
    run = asyncio.create_task(files.agent.run("clean up"))
    asked = await all_waiting(desk, 2)
    approve(desk, asked["a"])
    await asyncio.to_thread(until, lambda: waiters(desk, asked["a"]) == 0)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert files.deleted == []
    assert statuses(desk) == {"a": ["cancelled"], "b": ["cancelled"]}


async def all_waiting(desk: BlockingStore, count: int) -> dict[str, Request]:
    """The pending requests by path, as soon as there are so many and the run waits for each."""
    await asyncio.to_thread(until, lambda: [waiters(desk, each) for each in desk.reviewer.list()] == [1] * count)
    return {request.arguments["path"]: request for request in desk.reviewer.list()}


@pytest.mark.parametrize("wait", [True, "1m"])
async def test_one_call_whose_store_fails_ends_the_run_and_takes_back_the_others(
    desk: BlockingStore, wait: bool | str
) -> None:
    files = Cleaner([delete(path) for path in "abc"], capabilities=[approve_in_console(wait=wait)])
    run = asyncio.create_task(files.agent.run("clean up"))
    broken = (await all_waiting(desk, 3))["b"].id
    attack(desk, "UPDATE requests SET requirements = '?' WHERE id = ?", (broken,))
    Bells(f"{desk.location}.bells").ring([broken])
    with pytest.raises(StoreUnavailable):
        await run
    assert files.deleted == []
    others = raw(desk).execute("SELECT status FROM requests WHERE id != ?", (broken,)).fetchall()
    assert others == [("cancelled",), ("cancelled",)]


async def test_a_store_that_cannot_be_opened_ends_the_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("APPROVAL_TUI_STORE", str(tmp_path / "file" / "approvals.db"))
    files = Cleaner([delete("a"), delete("b")], capabilities=[approve_in_console()])
    with pytest.raises(StoreUnavailable):
        await files.agent.run("clean up")
    assert files.deleted == []


def test_runs_on_several_threads_share_one_console(default_store: str, desk: BlockingStore) -> None:
    console = approve_in_console()
    files = [Cleaner([delete(f"{who}{path}") for path in "xyz"], capabilities=[console]) for who in "ab"]
    with scripted_reviewer(default_store, lambda _: YES), ThreadPoolExecutor() as threads:
        for _ in threads.map(lambda each: asyncio.run(each.agent.run("clean up")), files):
            pass
    assert [sorted(each.deleted) for each in files] == [["ax", "ay", "az"], ["bx", "by", "bz"]]
    assert outcomes(desk) == [("consumed", "succeeded")] * 6
