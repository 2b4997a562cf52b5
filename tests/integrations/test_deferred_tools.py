"""Which deferred calls the console answers, beside which others, and what becomes of the approvals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_ai import RunContext
from pydantic_ai.capabilities import Hooks
from pydantic_ai.exceptions import ApprovalRequired, CallDeferred, ModelRetry, SkipToolExecution, ToolFailed
from pydantic_ai.messages import ToolCallPart
from pydantic_ai.tools import DeferredToolRequests, ToolDefinition
from pydantic_ai.toolsets import AbstractToolset, ApprovalRequiredToolset, ExternalToolset, FunctionToolset

from approval_tui.integrations.pydantic_ai import ApprovalToolset, approve_in_console
from approval_tui.store.blocking import BlockingStore
from tests.gate.both_forms import no_store_thread
from tests.gate.workflows import only_request
from tests.integrations.deferring import Cleaner, agent_that_calls, delete, statuses
from tests.integrations.runs import call, returned
from tests.integrations.scripted_reviewer import YES, edited, no, scripted_reviewer
from tests.support import assert_sound, until


@pytest.fixture(autouse=True)
def nothing_is_left_open() -> Iterator[None]:
    """Each test ends without a store's thread, whichever way its runs ended."""
    yield
    until(no_store_thread)


# --- the kinds of tools ------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["approval_reason", "approval_description"])
async def test_a_tool_that_asks_by_itself_gives_the_agents_reason_and_gets_its_metadata_back(
    default_store: str, key: str
) -> None:
    agent = agent_that_calls(call("move", path="a"), capabilities=[approve_in_console()])
    moved: list[Any] = []

    @agent.tool
    def move(ctx: RunContext[None], path: str) -> str:
        if not ctx.tool_call_approved:
            raise ApprovalRequired(metadata={key: "the disk is full", "volume": 7})
        moved.append((path, ctx.tool_call_metadata["volume"]))
        return "moved"

    with scripted_reviewer(default_store, lambda _: YES) as reviewer:
        await agent.run("go")
    assert [request.reason for request in reviewer.requests] == ["the disk is full"]
    assert moved == [("a", 7)]


async def test_a_tool_that_asks_only_for_some_arguments_runs_the_others_unasked(default_store: str) -> None:
    calls = [call("move", path, path=path) for path in ("a", "/etc/b", "/etc/c")]
    agent = agent_that_calls(calls, capabilities=[approve_in_console()])
    moved: list[str] = []

    @agent.tool
    def move(ctx: RunContext[None], path: str) -> None:
        if path.startswith("/etc") and not ctx.tool_call_approved:
            raise ApprovalRequired
        moved.append(path)

    with scripted_reviewer(
        default_store, lambda request: YES if "b" in request.arguments["path"] else no()
    ) as reviewer:
        await agent.run("go")
    assert sorted(request.arguments["path"] for request in reviewer.requests) == ["/etc/b", "/etc/c"]
    assert moved == ["a", "/etc/b"]


Wrap = Callable[[AbstractToolset[None]], AbstractToolset[None]]


SHORT, WHOLE = {"path": "a"}, {"path": "a", "force": False}


def around_required(tools: AbstractToolset[None]) -> AbstractToolset[None]:
    return ApprovalToolset(ApprovalRequiredToolset(tools))


@pytest.mark.parametrize(
    ("wrap", "arguments", "times"),
    [
        pytest.param(ApprovalRequiredToolset, SHORT, 1, id="required"),
        pytest.param(lambda tools: ApprovalRequiredToolset(ApprovalToolset(tools)), SHORT, 1, id="around a toolset"),
        pytest.param(around_required, WHOLE, 1, id="a toolset around required"),
        pytest.param(lambda tools: ApprovalToolset(around_required(tools)), WHOLE, 1, id="two around required"),
        # A toolset shows what the tool would get, defaults too; the model wrote less, which is another call.
        pytest.param(around_required, SHORT, 2, id="a toolset around required, with less"),
    ],
)
async def test_toolsets_that_want_approval_have_a_call_asked_once_for_each_form_in_which_it_is_shown(
    default_store: str, wrap: Wrap, arguments: dict[str, Any], times: int
) -> None:
    deleted: list[tuple[str, bool]] = []

    def delete(path: str, force: bool = False) -> None:
        deleted.append((path, force))

    agent = agent_that_calls(call("delete", **arguments), capabilities=[approve_in_console()])
    with scripted_reviewer(default_store, lambda _: YES) as reviewer:
        await agent.run("go", toolsets=[wrap(FunctionToolset([delete]))])
    assert deleted == [("a", False)]
    assert len(reviewer.requests) == times


async def test_an_edit_is_asked_once_too_where_a_toolset_wants_approval_as_well(default_store: str) -> None:
    files = Cleaner(capabilities=[])
    toolset = FunctionToolset[None]()
    toolset.add_function(files.delete, requires_approval=True)
    agent = agent_that_calls(delete("a"), capabilities=[approve_in_console()])
    with scripted_reviewer(default_store, lambda _: edited(path="b")) as reviewer:
        await agent.run("go", toolsets=[ApprovalToolset(toolset)])
    assert files.deleted == ["b"]
    assert len(reviewer.requests) == 1


async def test_external_calls_are_left_to_whoever_runs_them(default_store: str) -> None:
    fetch = ToolDefinition(name="fetch", parameters_json_schema={"type": "object"})
    files = Cleaner([delete("a"), call("fetch", url="b")], capabilities=[approve_in_console()])
    with scripted_reviewer(default_store, lambda _: YES) as reviewer:
        run = await files.agent.run("go", toolsets=[ExternalToolset([fetch])])
    assert isinstance(run.output, DeferredToolRequests)
    assert ([each.tool_name for each in run.output.calls], run.output.approvals) == (["fetch"], [])
    assert files.deleted == ["a"]
    assert [request.tool for request in reviewer.requests] == ["delete"]


async def test_external_calls_alone_ask_nobody_and_open_no_store(default_store: str) -> None:
    fetch = ToolDefinition(name="fetch", parameters_json_schema={"type": "object"})
    agent = agent_that_calls(call("fetch", url="b"), capabilities=[approve_in_console()])
    run = await agent.run("go", toolsets=[ExternalToolset([fetch])])
    assert isinstance(run.output, DeferredToolRequests)
    assert [each.tool_name for each in run.output.calls] == ["fetch"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"path": "harmless", "path": "/"}', "path"),
        ('{"path": "a", "more": {"x": 1, "x": 2}}', "x"),
        ('{"path": "a", "more": NaN}', "NaN"),
        ('{"path": "a", "more": [-Infinity]}', "Infinity"),
        ('{"path": "a", "more": 1e400}', "$.more"),
    ],
)
async def test_arguments_with_two_readings_are_not_asked_and_denied_to_the_model(
    desk: BlockingStore, text: str, said: str
) -> None:
    written = ToolCallPart("delete", text, tool_call_id="delete")
    agent = agent_that_calls(written, capabilities=[approve_in_console()])

    @agent.tool_plain(requires_approval=True)
    def delete(path: str, more: Any = None) -> None:
        raise AssertionError(f"it ran with {path}")

    told = returned((await agent.run("go")).all_messages())["delete"]
    assert told.outcome == "denied"
    assert said in str(told.content)
    assert statuses(desk) == {}


@pytest.mark.parametrize("written", [None, "", "{}", {}], ids=repr)
async def test_a_call_without_arguments_is_shown_as_such(default_store: str, written: Any) -> None:
    agent = agent_that_calls(ToolCallPart("restart", written, tool_call_id="a"), capabilities=[approve_in_console()])
    restarted: list[str] = []

    @agent.tool_plain(requires_approval=True)
    def restart() -> None:
        restarted.append("now")

    with scripted_reviewer(default_store, lambda _: YES) as reviewer:
        await agent.run("go")
    assert [request.arguments for request in reviewer.requests] == [{}]
    assert restarted == ["now"]


async def test_an_edit_may_leave_no_arguments(default_store: str) -> None:
    agent = agent_that_calls(call("sweep", path="/"), capabilities=[approve_in_console()])
    swept: list[str] = []

    @agent.tool_plain(requires_approval=True)
    def sweep(path: str = "the default") -> None:
        swept.append(path)

    with scripted_reviewer(default_store, lambda _: edited()):
        await agent.run("go")
    assert swept == ["the default"]


# --- how calls end -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raised", "status", "outcome", "detail"),
    [
        (None, "consumed", "succeeded", None),
        (ModelRetry("another path, please"), "consumed", "failed", "another path, please"),
        (ToolFailed("the disk is gone"), "consumed", "failed", "the disk is gone"),
        (OSError("no such file"), "consumed", "failed", "OSError: no such file"),
        (CallDeferred(), "consumed", "succeeded", None),
    ],
    ids=["success", "retry", "failure", "error", "handed on"],
)
async def test_how_an_approved_call_ended_is_reported(
    default_store: str, desk: BlockingStore, raised: Exception | None, status: str, outcome: str, detail: str | None
) -> None:
    agent = agent_that_calls(call("work"), capabilities=[approve_in_console()])

    @agent.tool_plain(requires_approval=True)
    def work() -> str:
        if raised is not None:
            raise raised
        return "worked"

    with scripted_reviewer(default_store, lambda _: YES):
        if isinstance(raised, OSError):
            with pytest.raises(OSError, match="no such file"):
                await agent.run("go")
        else:
            await agent.run("go")
    request = only_request(desk)
    assert (request.status, request.outcome) == (status, outcome)
    assert detail is None or detail in str(request.outcome_detail)
    assert_sound(desk)


async def test_a_call_that_another_capability_answers_instead_did_not_run(
    default_store: str, desk: BlockingStore
) -> None:
    def answer(ctx: RunContext[Any], *, call: ToolCallPart, tool_def: ToolDefinition, args: dict[str, Any]) -> Any:
        raise SkipToolExecution("from the cache")

    files = Cleaner(delete("a"), capabilities=[approve_in_console(), Hooks(before_tool_execute=answer)])
    with scripted_reviewer(default_store, lambda _: YES):
        told = await files.told()
    assert (told["a"].content, files.deleted) == ("from the cache", [])
    assert statuses(desk) == {"a": ["approved"]}


# --- what a tool would drop --------------------------------------------------------------------


class Options(BaseModel):
    """A model ignores what it does not know, as most do."""

    force: bool = False


@pytest.mark.parametrize("by", ["the model", "the reviewer"])
async def test_an_argument_that_the_tool_would_drop_without_a_word_does_not_run(
    by: str, default_store: str, desk: BlockingStore
) -> None:
    """Who read `dry_run` would believe that it counts."""
    dropped = {"options": {"force": True, "dry_run": True}}
    written = dropped if by == "the model" else {"options": {"force": True}}
    agent = agent_that_calls(call("purge", "purge", **written), capabilities=[approve_in_console()])
    purged: list[Options] = []

    @agent.tool_plain(requires_approval=True)
    def purge(options: Options) -> str:
        purged.append(options)
        return "purged"

    with scripted_reviewer(default_store, lambda _: YES if by == "the model" else edited(**dropped)):
        told = returned((await agent.run("go")).all_messages())
    assert purged == []
    assert "options.dry_run, which the tool does not take" in str(told["purge"].content)
    assert only_request(desk).status == "cancelled"
    assert_sound(desk)
