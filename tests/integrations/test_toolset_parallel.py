"""Several calls at once: beside one another in one step, in other runs, on other threads and their event loops."""

from __future__ import annotations

import asyncio

from pydantic_ai.toolsets import FunctionToolset

from approval_tui import Gate
from approval_tui.domain.models import Request
from approval_tui.integrations.pydantic_ai import ApprovalToolset
from approval_tui.store.blocking import BlockingStore
from tests.integrations.runs import Files, agent_with, approving, call, run, run_sync, store_threads
from tests.integrations.scripted_reviewer import YES, Verdict, edited, no, scripted_reviewer
from tests.support import assert_sound, until


async def test_ten_calls_wait_together_and_each_runs_only_for_its_own_yes(
    default_store: str, desk: BlockingStore
) -> None:
    files = Files()
    said = {str(number): YES for number in range(10)}
    said |= {str(number): no(f"not {number}") for number in (1, 4, 7)}
    said |= {str(number): edited(path=f"{number} edited") for number in (2, 5)}

    def once_all_wait(request: Request) -> Verdict | None:
        return said[request.arguments["path"]] if len(reviewer.requests) == 10 else None

    with scripted_reviewer(default_store, once_all_wait) as reviewer:
        toolset = ApprovalToolset(files.toolset(), on_denied="tell_model")
        told = await run(toolset, [call("delete", str(number), path=str(number)) for number in range(10)])
    expected = {
        str(number): f"Approval denied for delete: not {number}"
        if number in (1, 4, 7)
        else f"deleted {number} edited"
        if number in (2, 5)
        else f"deleted {number}"
        for number in range(10)
    }
    assert {call_id: part.content for call_id, part in told.items()} == expected
    assert sorted(files.done) == ["delete 0", "delete 2 edited", "delete 3", "delete 5 edited"] + [
        f"delete {number}" for number in (6, 8, 9)
    ]
    assert len({request.id for request in reviewer.requests}) == 10
    assert_sound(desk)


async def test_the_same_call_twice_in_one_step_is_approved_twice(default_store: str) -> None:
    files = Files()
    said = iter([YES, no("once is enough")])
    with scripted_reviewer(default_store, lambda request: next(said)) as reviewer:
        toolset = ApprovalToolset(files.toolset(), on_denied="tell_model")
        told = await run(toolset, [call("delete", "first", path="a"), call("delete", "second", path="a")])
    assert files.done == ["delete a"]
    assert sorted(str(part.content) for part in told.values()) == [
        "Approval denied for delete: once is enough",
        "deleted a",
    ]
    assert len(reviewer.requests) == 2


async def test_runs_beside_one_another_ask_each_for_itself(default_store: str) -> None:
    """Two conversations of one agent make the same call; what one was granted is nothing to the other."""
    files = Files()

    def once_both_wait(request: Request) -> Verdict | None:
        return YES if len(reviewer.requests) == 2 else None

    with scripted_reviewer(default_store, once_both_wait) as reviewer:
        async with Gate("release-bot", dedupe_window=0) as gate:
            agent = agent_with(ApprovalToolset(files.toolset(), gate=gate), call("delete", path="a"))
            await asyncio.gather(agent.run("go"), agent.run("go"))
    assert files.done == ["delete a", "delete a"]
    assert len({request.session for request in reviewer.requests}) == 2


async def test_an_agent_that_a_tool_runs_on_another_thread_has_its_calls_asked_by_the_same_gate(
    default_store: str,
) -> None:
    """The inner run has an event loop of its own there; the store was opened on the outer one."""
    files = Files()
    async with Gate("release-bot") as gate:
        toolset = ApprovalToolset(files.toolset(), gate=gate)
        sub_agent = agent_with(toolset, call("delete", path="a"), [call("read", path="b"), call("read", "c", path="c")])

        async def delegate(task: str) -> str:
            return await asyncio.to_thread(run_sync, sub_agent)

        outer = ApprovalToolset(FunctionToolset([delegate]), gate=gate)
        with scripted_reviewer(default_store, lambda request: YES) as reviewer:
            told = await run(outer, call("delegate", task="clean up"))
    assert told["delegate"].content == "done"
    assert [asked.tool for asked in reviewer.requests] == ["delegate", "delete", "read", "read"]
    assert files.done[0] == "delete a"
    assert sorted(files.done[1:]) == ["read b", "read c"]


async def test_two_tools_may_run_agents_on_threads_at_the_same_time_by_the_same_gate(default_store: str) -> None:
    """The store is opened by whichever inner run comes first, and goes on when that run's event loop has ended."""
    files = Files()

    def once_both_wait(request: Request) -> Verdict | None:
        return YES if len(reviewer.requests) >= 2 else None

    async with Gate("release-bot") as gate:
        toolset = ApprovalToolset(files.toolset(), gate=gate)

        async def delegate(path: str) -> str:
            return await asyncio.to_thread(run_sync, agent_with(toolset, call("delete", path=path)))

        unasked = ApprovalToolset(FunctionToolset([delegate]), approving())
        with scripted_reviewer(default_store, once_both_wait) as reviewer:
            await run(unasked, [call("delegate", path, path=path) for path in ("a", "b")])
            await run(toolset, call("delete", path="c"))
    assert sorted(files.done) == ["delete a", "delete b", "delete c"]
    assert len(reviewer.requests) == 3


async def test_a_toolset_without_a_gate_serves_runs_on_several_threads_at_once(default_store: str) -> None:
    files = Files()
    toolset = ApprovalToolset(files.toolset())

    def once_all_wait(request: Request) -> Verdict | None:
        return YES if len(reviewer.requests) == 3 else None

    with scripted_reviewer(default_store, once_all_wait) as reviewer:
        before = store_threads()
        agents = [agent_with(toolset, call("delete", path=path)) for path in ("a", "b", "c")]
        assert await asyncio.gather(*(asyncio.to_thread(run_sync, agent) for agent in agents)) == ["done"] * 3
        until(lambda: store_threads() == before)
    assert sorted(files.done) == ["delete a", "delete b", "delete c"]


def test_a_toolset_without_a_gate_serves_one_event_loop_after_another(default_store: str) -> None:
    files = Files()
    agent = agent_with(ApprovalToolset(files.toolset()), call("delete", path="a"))
    with scripted_reviewer(default_store, lambda request: YES):
        assert [run_sync(agent), run_sync(agent)] == ["done", "done"]
    assert files.done == ["delete a", "delete a"]
