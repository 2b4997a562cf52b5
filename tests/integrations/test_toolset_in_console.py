"""Calls of a toolset that wait in the store until a person decides, and what the person, the model and the run see."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from pydantic_ai import Agent, DeferredToolRequests
from pydantic_ai.exceptions import ApprovalRequired, CallDeferred, ModelRetry, ToolFailed
from pydantic_ai.toolsets import FunctionToolset

from approval_tui import Gate
from approval_tui.domain.errors import PolicyError, StoreUnavailable
from approval_tui.domain.models import Request
from approval_tui.integrations.pydantic_ai import (
    ApprovalBlocked,
    ApprovalDecision,
    ApprovalDenied,
    ApprovalToolset,
)
from approval_tui.store.blocking import BlockingStore
from tests.gate.policies import policy_file
from tests.integrations.runs import Files, Server, agent_with, call, model_that_calls, run
from tests.integrations.scripted_reviewer import YES, Verdict, no, scripted_reviewer
from tests.support import assert_sound

DELETE_A = call("delete", path="a")


# --- yes and no --------------------------------------------------------------------------------


async def test_an_approved_call_runs_once_with_what_was_shown(default_store: str, desk: BlockingStore) -> None:
    files = Files()
    with scripted_reviewer(default_store, lambda request: YES) as reviewer:
        told = await run(ApprovalToolset(files.toolset()), DELETE_A)
    (asked,) = reviewer.requests
    assert (asked.tool, asked.arguments, asked.requester) == ("delete", {"path": "a"}, "release-bot")
    assert (files.done, told["delete"].content) == (["delete a"], "deleted a")
    ended = desk.reviewer.get(asked.id)
    assert (ended.status, ended.outcome) == ("consumed", "succeeded")
    assert_sound(desk)


async def test_a_denied_call_never_runs_and_the_run_ends_with_the_reason(default_store: str) -> None:
    files = Files()
    with (
        scripted_reviewer(default_store, lambda request: no("use the archive")),
        pytest.raises(ApprovalDenied, match="Approval denied for delete: use the archive") as caught,
    ):
        await run(ApprovalToolset(files.toolset()), DELETE_A)
    assert caught.value.decision == ApprovalDecision(approved=False, note="use the archive")
    assert caught.value.tool_name == "delete"
    assert files.done == []


async def test_a_denial_without_a_reason_has_no_note(default_store: str) -> None:
    with (
        scripted_reviewer(default_store, lambda request: no()),
        pytest.raises(ApprovalDenied, match="no reason given") as caught,
    ):
        await run(ApprovalToolset(Files().toolset()), DELETE_A)
    assert caught.value.decision.note is None


async def test_the_reason_of_a_denial_can_reach_the_model_and_the_run_goes_on(default_store: str) -> None:
    files = Files()
    toolset = ApprovalToolset(files.toolset(), on_denied="tell_model")
    with scripted_reviewer(default_store, lambda request: YES if request.arguments["path"] == "b" else no("not a")):
        told = await run(toolset, DELETE_A, call("delete", "again", path="b"))
    assert (told["delete"].content, told["delete"].outcome) == ("Approval denied for delete: not a", "failed")
    assert told["again"].content == "deleted b"
    assert files.done == ["delete b"]


async def test_a_model_that_makes_a_denied_call_again_meets_the_denial_and_asks_nobody(default_store: str) -> None:
    files = Files()
    toolset = ApprovalToolset(files.toolset(), on_denied="tell_model")
    with scripted_reviewer(default_store, lambda request: no("not a")) as reviewer:
        told = await run(toolset, DELETE_A, call("delete", "again", path="a"))
    assert told["again"].content == "Approval denied for delete: not a"
    assert (len(reviewer.requests), files.done) == (1, [])


async def test_a_call_that_nobody_decides_on_in_time_does_not_run(desk: BlockingStore) -> None:
    files = Files()
    async with Gate("release-bot", timeout=0.02) as gate:
        with pytest.raises(ApprovalDenied, match="nobody decided in time"):
            await run(ApprovalToolset(files.toolset(), gate=gate), DELETE_A)
    (request,) = desk.reviewer.history()
    assert (request.status, files.done) == ("expired", [])


async def test_a_cancelled_run_withdraws_what_it_asked(default_store: str, desk: BlockingStore) -> None:
    files = Files()
    with scripted_reviewer(default_store, lambda request: None) as reviewer:
        running = asyncio.create_task(run(ApprovalToolset(files.toolset()), DELETE_A))
        (asked,) = await reviewer.have_come(1)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert (desk.reviewer.get(asked.id).status, files.done) == ("cancelled", [])


async def test_a_denial_that_ends_the_run_withdraws_what_else_it_asked(default_store: str, desk: BlockingStore) -> None:
    files = Files()

    def deny_the_first(request: Request) -> Verdict | None:
        return no("stop") if len(reviewer.requests) == 3 and request.arguments["path"] == "0" else None

    calls = [call("delete", str(number), path=str(number)) for number in range(3)]
    with scripted_reviewer(default_store, deny_the_first) as reviewer, pytest.raises(ApprovalDenied, match="stop"):
        await run(ApprovalToolset(files.toolset()), calls)
    statuses = {asked.arguments["path"]: desk.reviewer.get(asked.id).status for asked in reviewer.requests}
    assert statuses == {"0": "denied", "1": "cancelled", "2": "cancelled"}
    assert files.done == []


async def test_a_request_that_was_withdrawn_from_elsewhere_does_not_run(
    default_store: str, desk: BlockingStore
) -> None:
    files = Files()
    with scripted_reviewer(default_store, lambda request: None) as reviewer:
        running = asyncio.create_task(run(ApprovalToolset(files.toolset()), DELETE_A))
        (asked,) = await reviewer.have_come(1)
        desk.requester.cancel(asked.id, requester="release-bot", reason="changed my mind")
        with pytest.raises(ApprovalDenied):
            await running
    assert files.done == []


# --- who asks, and in which words --------------------------------------------------------------


async def test_the_requester_is_the_agent_and_the_session_its_conversation(default_store: str) -> None:
    with scripted_reviewer(default_store, lambda request: YES) as reviewer:
        agent = agent_with(ApprovalToolset(Files().toolset()), DELETE_A, name="cleaner")
        result = await agent.run("go")
    (asked,) = reviewer.requests
    assert (asked.requester, asked.session) == ("cleaner", result.conversation_id)
    assert asked.reason is None


async def test_a_gate_that_is_given_asks_in_its_own_name(default_store: str) -> None:
    with scripted_reviewer(default_store, lambda request: YES) as reviewer:
        async with Gate("ci", session="build-7") as gate:
            await run(ApprovalToolset(Files().toolset(), gate=gate), DELETE_A)
        async with Gate("ci") as gate:
            result = await agent_with(ApprovalToolset(Files().toolset(), gate=gate), DELETE_A).run("go")
    assert [asked.requester for asked in reviewer.requests] == ["ci", "ci"]
    assert [asked.session for asked in reviewer.requests] == ["build-7", result.conversation_id]


async def test_the_toolsets_own_words_are_shown_as_the_reason(default_store: str) -> None:
    class Wordy(FunctionToolset[Any]):
        def get_approval_description(self, name: str, tool_args: dict[str, Any], ctx: Any) -> str:
            return f"Delete {tool_args['path']} for good"

    with scripted_reviewer(default_store, lambda request: YES) as reviewer:
        await run(ApprovalToolset(Wordy(Files().functions())), DELETE_A)
    assert reviewer.requests[0].reason == "Delete a for good"


# --- the policy --------------------------------------------------------------------------------

TRASH = """
    default: allow
    tools:
      delete: {rules: [{name: keep, action: deny, on_deny: Nothing is deleted here.}]}
      move: {rules: [{name: ask, action: require_approval}]}
"""


async def test_the_policy_lets_calls_run_blocks_them_or_has_them_asked(
    default_store: str, tmp_path: Path, desk: BlockingStore
) -> None:
    server = Server("read", "delete", "move")
    with scripted_reviewer(default_store, lambda request: YES) as reviewer:
        async with Gate("release-bot", policy=policy_file(tmp_path, TRASH).path) as gate:
            toolset = ApprovalToolset(server, gate=gate)
            await run(toolset, [call("read", path="a"), call("move", path="a")])
            with pytest.raises(ApprovalBlocked, match=r"Blocked delete: .*Nothing is deleted here\.") as caught:
                await run(toolset, call("delete", path="a"))
            told = await run(ApprovalToolset(server, gate=gate, on_denied="tell_model"), call("delete", path="a"))
    assert "Nothing is deleted here." in (caught.value.reason or "")
    assert (told["delete"].content, told["delete"].outcome) == (str(caught.value), "failed")
    assert sorted(name for name, _ in server.calls) == ["move", "read"]
    assert [asked.tool for asked in reviewer.requests] == ["move"]
    assert_sound(desk)


async def test_a_policy_that_cannot_be_read_lets_nothing_run(tmp_path: Path) -> None:
    files = Files()
    async with Gate("release-bot", policy=policy_file(tmp_path, "default: maybe").path) as gate:
        with pytest.raises(PolicyError):
            await run(ApprovalToolset(files.toolset(), gate=gate, on_denied="tell_model"), DELETE_A)
    assert files.done == []


@pytest.mark.parametrize("on_denied", ["raise", "tell_model"])
async def test_without_a_store_nothing_runs(on_denied: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = Files()
    (tmp_path / "file").write_text("this is no folder")
    monkeypatch.setenv("APPROVAL_TUI_STORE", str(tmp_path / "file" / "approvals.db"))
    with pytest.raises(StoreUnavailable):
        await run(ApprovalToolset(files.toolset(), on_denied=on_denied), DELETE_A)
    assert files.done == []


# --- how calls ended ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "raised"), [(RuntimeError("it fell over"), RuntimeError), (ToolFailed("it is full"), None)]
)
async def test_a_body_that_fails_is_reported_as_failed(
    error: Exception, raised: Any, default_store: str, desk: BlockingStore
) -> None:
    def delete(path: str) -> str:
        raise error

    with scripted_reviewer(default_store, lambda request: YES) as reviewer:
        running = run(ApprovalToolset(FunctionToolset([delete])), DELETE_A)
        if raised is None:
            assert (await running)["delete"].content == "it is full"
        else:
            with pytest.raises(raised):
                await running
    ended = desk.reviewer.get(reviewer.requests[0].id)
    assert (ended.status, ended.outcome) == ("consumed", "failed")
    assert str(error) in (ended.outcome_detail or "")


async def test_a_body_that_asks_the_model_to_try_again_failed_and_the_next_try_asks_anew(
    default_store: str, desk: BlockingStore
) -> None:
    tries: list[str] = []

    def delete(path: str) -> str:
        tries.append(path)
        if len(tries) == 1:
            raise ModelRetry("not yet")
        return "deleted"

    with scripted_reviewer(default_store, lambda request: YES) as reviewer:
        told = await run(ApprovalToolset(FunctionToolset([delete])), DELETE_A, call("delete", "again", path="a"))
    assert told["again"].content == "deleted"
    assert [desk.reviewer.get(asked.id).outcome for asked in reviewer.requests] == ["failed", "succeeded"]


@pytest.mark.parametrize(
    ("raised", "status", "outcome"),
    [(ApprovalRequired, "approved", None), (CallDeferred, "consumed", "succeeded")],
    ids=["asks for itself", "hands its work on"],
)
async def test_a_tool_that_asks_for_itself_gives_the_approval_back_and_one_that_hands_its_work_on_used_it(
    raised: Any, status: str, outcome: str | None, default_store: str, desk: BlockingStore
) -> None:
    def delete(path: str) -> str:
        raise raised

    agent: Agent[None, Any] = Agent(
        model_that_calls(DELETE_A),
        toolsets=[ApprovalToolset(FunctionToolset([delete]))],
        output_type=[str, DeferredToolRequests],
        name="release-bot",
    )
    with scripted_reviewer(default_store, lambda request: YES) as reviewer:
        result = await agent.run("go")
    assert isinstance(result.output, DeferredToolRequests)
    asked = desk.reviewer.get(reviewer.requests[0].id)
    assert (asked.status, asked.outcome) == (status, outcome)
    assert_sound(desk)


async def test_a_body_that_is_cancelled_half_way_is_reported_as_failed(default_store: str, desk: BlockingStore) -> None:
    is_running = asyncio.Event()

    async def delete(path: str) -> str:
        is_running.set()
        await asyncio.Event().wait()
        return "never"

    with scripted_reviewer(default_store, lambda request: YES) as reviewer:
        running = asyncio.create_task(run(ApprovalToolset(FunctionToolset([delete])), DELETE_A))
        await is_running.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert desk.reviewer.get(reviewer.requests[0].id).outcome == "failed"
