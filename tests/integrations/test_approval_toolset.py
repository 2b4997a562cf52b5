"""A toolset whose calls a callback decides, as in pydantic-ai-blocking-approval, and the modes of its 0.8."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import pytest
from pydantic_ai.toolsets import FunctionToolset

from approval_tui.domain.errors import ConfigurationError, InvalidInput
from approval_tui.integrations.pydantic_ai import (
    ApprovalBlocked,
    ApprovalCallback,
    ApprovalDecision,
    ApprovalDenied,
    ApprovalRequest,
    ApprovalResult,
    ApprovalToolset,
)
from tests.integrations.runs import Files, Server, agent_with, approving, call, denying, run, run_sync

DELETE_A = call("delete", path="a")


# --- yes and no --------------------------------------------------------------------------------


async def test_what_the_callback_approves_runs_once_with_what_it_was_asked_about() -> None:
    files, asked = Files(), approving()
    told = await run(ApprovalToolset(files.toolset(), asked), DELETE_A)
    assert files.done == ["delete a"]
    assert told["delete"].content == "deleted a"
    assert asked.requests == [
        ApprovalRequest(tool_name="delete", tool_args={"path": "a"}, description="delete(path='a')")
    ]


async def test_what_the_callback_denies_never_runs_and_ends_the_run_with_the_note() -> None:
    files, asked = Files(), denying("not a")
    with pytest.raises(ApprovalDenied, match="Approval denied for delete: not a") as caught:
        await run(ApprovalToolset(files.toolset(), asked), DELETE_A)
    assert (caught.value.tool_name, caught.value.decision.note) == ("delete", "not a")
    assert files.done == []
    assert asked.tools == ["delete"]


@pytest.mark.parametrize("answer", [True, False, None, "yes", {"approved": True}])
async def test_an_answer_that_is_no_decision_is_an_error_and_nothing_runs(answer: Any) -> None:
    files = Files()
    with pytest.raises(TypeError, match="approval_callback must return ApprovalDecision"):
        await run(ApprovalToolset(files.toolset(), lambda request: answer), DELETE_A)
    assert files.done == []


async def test_a_decision_whose_approval_is_no_boolean_approves_nothing() -> None:
    files = Files()
    unchecked = ApprovalDecision.model_construct(approved="no", note=None, remember="none")
    with pytest.raises((TypeError, ApprovalDenied)):
        await run(ApprovalToolset(files.toolset(), lambda request: unchecked), DELETE_A)
    assert files.done == []


async def test_what_the_callback_raises_ends_the_run_and_nothing_runs() -> None:
    files = Files()

    def fall_over(request: ApprovalRequest) -> ApprovalDecision:
        raise ConnectionError("the chat is down")

    with pytest.raises(ConnectionError, match="the chat is down"):
        await run(ApprovalToolset(files.toolset(), fall_over), DELETE_A)
    assert files.done == []


async def test_a_pre_approved_tool_runs_and_nobody_is_asked() -> None:
    files, asked = Files(), denying()
    toolset = ApprovalToolset(files.toolset(), asked, {"read": {"pre_approved": True}})
    await run(toolset, call("read", path="a"))
    assert (files.done, asked.tools) == (["read a"], [])
    with pytest.raises(ApprovalDenied):
        await run(toolset, DELETE_A)
    assert files.done == ["read a"]


def test_it_works_in_a_run_without_asyncio() -> None:
    files = Files()
    assert run_sync(agent_with(ApprovalToolset(files.toolset(), approving()), DELETE_A)) == "done"
    assert files.done == ["delete a"]


# --- callbacks ---------------------------------------------------------------------------------


@pytest.mark.parametrize("is_approved", [True, False])
async def test_an_async_callback_is_awaited(is_approved: bool) -> None:
    files = Files()
    asked: list[str] = []

    async def decide(request: ApprovalRequest) -> ApprovalDecision:
        await asyncio.sleep(0)
        asked.append(request.description)
        return ApprovalDecision(approved=is_approved, note="as the chat said")

    toolset = ApprovalToolset(files.toolset(), decide)
    if is_approved:
        await run(toolset, DELETE_A)
    else:
        with pytest.raises(ApprovalDenied, match="as the chat said"):
            await run(toolset, DELETE_A)
    assert asked == ["delete(path='a')"]
    assert files.done == (["delete a"] if is_approved else [])


async def test_calls_of_one_step_wait_for_an_async_callback_beside_one_another() -> None:
    """Ten at once, of which every second one is denied: each body runs for its own yes with its own arguments."""
    files = Files()
    waiting: list[str] = []
    all_wait = asyncio.Event()

    async def decide(request: ApprovalRequest) -> ApprovalDecision:
        path = request.tool_args["path"]
        waiting.append(path)
        if len(waiting) == 10:
            all_wait.set()
        await all_wait.wait()
        return ApprovalDecision(approved=int(path) % 2 == 0, note=f"not {path}")

    toolset = ApprovalToolset(files.toolset(), decide, on_denied="tell_model")
    told = await run(toolset, [call("delete", str(number), path=str(number)) for number in range(10)])
    assert sorted(files.done) == [f"delete {number}" for number in range(0, 10, 2)]
    for number in range(10):
        expected = f"deleted {number}" if number % 2 == 0 else f"Approval denied for delete: not {number}"
        assert told[str(number)].content == expected
        assert told[str(number)].outcome == ("success" if number % 2 == 0 else "failed")


async def test_a_callback_may_approve_what_json_cannot_say() -> None:
    received: list[float] = []

    def wait(seconds: float) -> str:
        received.append(seconds)
        return "waited"

    asked = approving()
    await run(ApprovalToolset(FunctionToolset([wait]), asked), call("wait", seconds=float("inf")))
    assert asked.tools == ["wait"]
    assert received == [float("inf")]


@pytest.mark.parametrize("options", [{"approval_callback": approving()}, {"mode": "approve_all"}])
async def test_asking_does_not_use_up_what_can_be_read_only_once(options: dict[str, Any]) -> None:
    received: list[list[int]] = []

    def add(numbers: Iterable[int]) -> int:
        received.append(list(numbers))
        return 0

    await run(ApprovalToolset(FunctionToolset([add]), **options), call("add", numbers=[1, 2]))
    assert received == [[1, 2]]


async def test_what_changes_in_the_arguments_while_a_callback_is_asked_does_not_run() -> None:
    received: list[Any] = []

    def write(lines: list[dict[str, str]]) -> str:
        received.append(lines)
        return "written"

    async def decide(request: ApprovalRequest) -> ApprovalDecision:
        request.tool_args["lines"][0]["text"] = "something else"
        return ApprovalDecision(approved=True)

    with suppress(ApprovalDenied, InvalidInput):  # refused, or run as it was asked: either is well
        await run(ApprovalToolset(FunctionToolset([write]), decide), call("write", lines=[{"text": "hello"}]))
    assert received in ([], [[{"text": "hello"}]])


# --- a callback that remembers for the session -------------------------------------------------


def remembering(prompt: Callable[[ApprovalRequest], str]) -> ApprovalCallback:
    """The cache that pydantic-ai-blocking-approval leaves to its callers: [y]es, [n]o, or for the [s]ession."""
    kept: dict[tuple[str, str], ApprovalDecision] = {}

    def decide(request: ApprovalRequest) -> ApprovalDecision:
        key = (request.tool_name, json.dumps(request.tool_args, sort_keys=True, default=str))
        if key in kept:
            return kept[key]
        said = prompt(request)
        if said == "n":
            return ApprovalDecision(approved=False, note="User denied")
        decision = ApprovalDecision(approved=True, remember="session" if said == "s" else "none")
        if decision.remember == "session":
            kept[key] = decision
        return decision

    return decide


@pytest.mark.parametrize(("said", "prompts"), [("s", 1), ("y", 2)])
async def test_a_callback_that_remembers_asks_once_for_the_session_and_each_time_otherwise(
    said: str, prompts: int
) -> None:
    files = Files()
    prompted: list[str] = []

    def prompt(request: ApprovalRequest) -> str:
        prompted.append(request.description)
        return said

    toolset = ApprovalToolset(files.toolset(), remembering(prompt))
    await run(toolset, DELETE_A, call("delete", "again", path="a"))
    assert files.done == ["delete a", "delete a"]
    assert len(prompted) == prompts
    await run(toolset, call("delete", path="b"))
    assert len(prompted) == prompts + 1


async def test_a_callback_that_remembers_forgets_denials() -> None:
    files = Files()
    said = iter(["n", "y"])
    toolset = ApprovalToolset(files.toolset(), remembering(lambda request: next(said)))
    with pytest.raises(ApprovalDenied, match="User denied"):
        await run(toolset, DELETE_A)
    await run(toolset, DELETE_A)
    assert files.done == ["delete a"]


# --- modes and denials -------------------------------------------------------------------------


async def test_approve_all_asks_nobody_and_runs_what_would_be_asked() -> None:
    files, asked = Files(), denying()
    await run(ApprovalToolset(files.toolset(), asked, mode="approve_all"), DELETE_A)
    assert (files.done, asked.tools) == (["delete a"], [])


async def test_strict_asks_nobody_and_denies_what_would_be_asked() -> None:
    files, asked = Files(), approving()
    toolset = ApprovalToolset(files.toolset(), asked, {"read": {"pre_approved": True}}, mode="strict")
    with pytest.raises(ApprovalDenied, match="Strict mode") as caught:
        await run(toolset, DELETE_A)
    assert caught.value.decision.approved is False
    await run(toolset, call("read", path="a"))
    assert (files.done, asked.tools) == (["read a"], [])


class Locked(FunctionToolset[Any]):
    """Never lets anything run."""

    def needs_approval(self, name: str, tool_args: Any, ctx: Any, config: Any) -> ApprovalResult:
        return ApprovalResult.blocked("it is locked")


@pytest.mark.parametrize("mode", ["interactive", "approve_all", "strict"])
async def test_what_is_blocked_runs_in_no_mode_and_nobody_is_asked(mode: Any) -> None:
    files, asked = Files(), approving()
    with pytest.raises(ApprovalBlocked, match="Blocked delete: it is locked") as caught:
        await run(ApprovalToolset(Locked(files.functions()), asked, mode=mode), DELETE_A)
    assert caught.value.reason == "it is locked"
    assert (files.done, asked.tools) == ([], [])


async def test_a_model_may_be_told_of_denials_and_blocks_and_the_run_goes_on() -> None:
    files = Files()
    told = await run(ApprovalToolset(files.toolset(), denying("not a"), on_denied="tell_model"), DELETE_A)
    assert (told["delete"].content, told["delete"].outcome) == ("Approval denied for delete: not a", "failed")
    told = await run(ApprovalToolset(Locked(files.functions()), on_denied="tell_model"), DELETE_A)
    assert (told["delete"].content, told["delete"].outcome) == ("Blocked delete: it is locked", "failed")
    told = await run(ApprovalToolset(files.toolset(), mode="strict", on_denied="tell_model"), DELETE_A)
    assert told["delete"].content == "Approval denied for delete: Strict mode"
    assert files.done == []


# --- what it shows of the toolset inside -------------------------------------------------------


def test_it_has_the_id_of_the_toolset_inside_and_what_only_that_has() -> None:
    inner = Server("ping")
    toolset = ApprovalToolset(inner, approving())
    assert toolset.id == "server"
    assert toolset.calls is inner.calls
    with pytest.raises(AttributeError, match="nothing"):
        _ = toolset.nothing


async def test_a_configured_tool_that_is_not_there_ends_the_run_before_the_model_is_asked() -> None:
    files = Files()
    toolset = ApprovalToolset(files.toolset(), approving(), {"raed": {"pre_approved": True}})
    with pytest.raises(ConfigurationError, match=r"raed is no tool of FunctionToolset.*; read is one") as caught:
        await run(toolset, DELETE_A)
    assert "No call may run." in str(caught.value)
    assert files.done == []


async def test_a_configured_tool_that_is_like_no_other_is_named_too() -> None:
    toolset = ApprovalToolset(Files().toolset(), approving(), {"xyz": {"pre_approved": False}})
    with pytest.raises(ConfigurationError, match=r"xyz is no tool of FunctionToolset") as caught:
        await run(toolset, DELETE_A)
    assert "is one" not in str(caught.value)
