"""Runs that are resumed with other calls, requests or results than those that were asked, or too late."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from pydantic_ai.capabilities import HandleDeferredToolCalls
from pydantic_ai.messages import ModelMessage, ModelResponse, ToolCallPart
from pydantic_ai.tools import DeferredToolRequests, DeferredToolResults, ToolApproved

from approval_tui import Gate
from approval_tui.domain.errors import ApprovalTuiError, InvalidInput
from approval_tui.integrations.pydantic_ai import ConsoleApprovals, approve_in_console
from approval_tui.store.blocking import BlockingStore
from tests.gate.both_forms import no_store_thread
from tests.gate.workflows import requests_of
from tests.integrations.deferring import Cleaner, asked_by, delete, statuses
from tests.integrations.scripted_reviewer import YES, no, scripted_reviewer
from tests.support import ANN, approve, assert_sound, deny, until


@pytest.fixture(autouse=True)
def nothing_is_left_open() -> Iterator[None]:
    """Each test ends without a store's thread, whichever way its runs ended."""
    yield
    until(no_store_thread)


class Resumer(Cleaner):
    """The cleaner in a later process: with a tool more, and a console that waits for nobody."""

    def __init__(self, console: ConsoleApprovals[Any] | None = None, name: str = "cleaner") -> None:
        self.console = console or approve_in_console(wait=False, timeout=0.1)
        super().__init__(capabilities=[self.console], name=name)

        @self.agent.tool_plain(requires_approval=True)
        def wipe(path: str) -> None:
            self.deleted.append(f"wiped {path}")


async def ended(*paths: str, name: str = "cleaner") -> tuple[list[ModelMessage], DeferredToolRequests]:
    """A run that ended with the deletion of these paths open."""
    return await Cleaner(
        [delete(path) for path in paths], capabilities=[approve_in_console(wait=False)], name=name
    ).ended()


def with_call(messages: list[ModelMessage], changed: ToolCallPart) -> list[ModelMessage]:
    """The messages with another call in the place of the one with that id."""
    return [
        replace(message, parts=[changed if getattr(part, "tool_call_id", 0) == "a" else part for part in message.parts])
        if isinstance(message, ModelResponse)
        else message
        for message in messages
    ]


# --- another call than the one that was asked --------------------------------------------------


NOT_TAKEN = pytest.param(ToolCallPart("delete", {"path": "a", "force": True}, tool_call_id="a"), id="another parameter")
CHANGED = [
    pytest.param(ToolCallPart("delete", {"path": "/"}, tool_call_id="a"), id="another argument"),
    pytest.param(ToolCallPart("wipe", {"path": "a"}, tool_call_id="a"), id="another tool"),
    pytest.param(ToolCallPart("delete", '{"path": "/", "path": "a"}', tool_call_id="a"), id="two readings"),
]


@pytest.mark.parametrize("changed", [*CHANGED, NOT_TAKEN])
async def test_changed_requests_get_no_decision(desk: BlockingStore, changed: ToolCallPart) -> None:
    _, requests = await ended("a")
    approve(desk, asked_by(requests, desk)["a"])
    requests.approvals[0] = changed
    with pytest.raises(InvalidInput):
        await Resumer().console.decisions(requests)
    assert statuses(desk) == {"a": ["approved"]}


@pytest.mark.parametrize("changed", CHANGED)
async def test_changed_messages_do_not_run(desk: BlockingStore, changed: ToolCallPart) -> None:
    messages, requests = await ended("a", "b")
    for request in asked_by(requests, desk).values():
        approve(desk, request)
    files = Resumer()
    results = await files.console.decisions(requests)
    with pytest.raises(InvalidInput):
        await files.resumed(with_call(messages, changed), results)
    assert [each for each in files.deleted if each != "b"] == []
    assert statuses(desk)["a"] == ["approved"]


async def test_changed_requests_and_messages_run_nothing_that_was_not_approved(desk: BlockingStore) -> None:
    messages, requests = await ended("a", "b")
    asked = asked_by(requests, desk)
    approve(desk, asked["a"])
    deny(desk, asked["b"])
    requests.metadata["b"] = requests.metadata["a"]  # b was denied, a was approved
    files = Resumer()
    with pytest.raises(InvalidInput):
        await files.console.decisions(requests)
    results = requests.build_results(approve_all=True, metadata=requests.metadata)
    with pytest.raises(InvalidInput):
        await files.resumed(messages, results)
    assert "b" not in files.deleted


@pytest.mark.parametrize("edit", [{"path": "/"}, {"path": "a"}], ids=["other arguments", "those before the edit"])
async def test_a_changed_edit_does_not_run(desk: BlockingStore, edit: dict[str, Any]) -> None:
    messages, requests = await ended("a")
    asked = asked_by(requests, desk)["a"]
    desk.reviewer.decide(asked.id, "approve", reviewer=ANN, digest=asked.digest, edited_arguments={"path": "a.old"})
    files = Resumer()
    results = await files.console.decisions(requests)
    assert results.approvals["a"] == ToolApproved(override_args={"path": "a.old"})
    results.approvals["a"] = ToolApproved(override_args=edit)
    try:
        told = await files.resumed(messages, results)
    except InvalidInput:
        pass
    else:
        assert told["a"].outcome == "failed"
    assert files.deleted == []
    assert statuses(desk) == {"a": ["approved"]}


# --- another request than the one that was asked ----------------------------------------------


@pytest.mark.parametrize(
    "named",
    ["x", None, {}, {"request": 7}, {"request": ["a"]}, {"request": ""}, {"request": "apr_" + "0" * 32}],
    ids=str,
)
async def test_metadata_that_names_no_request_runs_nothing(desk: BlockingStore, named: Any) -> None:
    messages, requests = await ended("a")
    deny(desk, asked_by(requests, desk)["a"])
    requests.metadata["a"] = {"approval_tui": named}
    files = Resumer()
    with contextlib.suppress(ApprovalTuiError):
        results = await files.console.decisions(requests)
        assert not isinstance(results.approvals["a"], ToolApproved)
    with contextlib.suppress(ApprovalTuiError):
        await files.resumed(messages, requests.build_results(approve_all=True, metadata=requests.metadata))
    assert files.deleted == []


async def test_calls_without_metadata_are_asked_anew(default_store: str, desk: BlockingStore) -> None:
    messages, requests = await ended("a", "b")
    for request in asked_by(requests, desk).values():
        approve(desk, request)
    requests.metadata.clear()
    files = Resumer()
    with scripted_reviewer(
        default_store, lambda request: YES if request.arguments["path"] == "a" else no("b is new")
    ) as reviewer:
        results = await files.console.decisions(requests)
        told = await files.resumed(messages, results)
    assert sorted(request.arguments["path"] for request in reviewer.requests) == ["a", "b"]
    assert files.deleted == ["a"]
    assert "b is new" in str(told["b"].content)


async def test_calls_without_metadata_find_the_approval_where_the_requester_is_the_same(desk: BlockingStore) -> None:
    messages, requests = await ended("a")
    approve(desk, asked_by(requests, desk)["a"])
    requests.metadata.clear()
    files = Resumer(approve_in_console(requester="cleaner", wait=False))
    await files.resumed(messages, await files.console.decisions(requests))
    assert files.deleted == ["a"]
    assert statuses(desk) == {"a": ["consumed"]}


async def test_what_another_requester_was_approved_is_not_used_for_a_bare_handler_either(
    default_store: str, desk: BlockingStore
) -> None:
    console = approve_in_console(requester="cleaner", wait=False)
    bare = Cleaner(delete("a"), capabilities=[HandleDeferredToolCalls(handler=console)])
    messages, requests = await bare.ended()
    _, of_another = await ended("a", name="release-bot")
    foreign = approve(desk, asked_by(of_another, desk)["a"])
    requests.metadata["a"]["approval_tui"]["request"] = foreign.id
    with scripted_reviewer(default_store, lambda _: no("not the cleaner")), contextlib.suppress(ApprovalTuiError):
        await bare.resumed(messages, await console.decisions(requests))
    assert bare.deleted == []
    assert desk.reviewer.get(foreign.id).status == "approved"


async def test_what_another_requester_was_approved_is_not_used(default_store: str, desk: BlockingStore) -> None:
    messages, requests = await ended("a")
    _, of_another = await ended("a", name="release-bot")
    foreign = approve(desk, asked_by(of_another, desk)["a"])
    requests.metadata["a"] = of_another.metadata["a"]
    files = Resumer()
    with scripted_reviewer(default_store, lambda _: no("not the cleaner")), contextlib.suppress(ApprovalTuiError):
        await files.resumed(messages, await files.console.decisions(requests))
    assert files.deleted == []
    assert desk.reviewer.get(foreign.id).status == "approved"


async def test_an_agent_under_another_name_asks_anew_or_is_given_its_old_name(
    default_store: str, desk: BlockingStore
) -> None:
    messages, requests = await ended("a")
    approve(desk, asked_by(requests, desk)["a"])
    renamed = Resumer(name="new-cleaner")
    results = await renamed.console.decisions(requests)
    with scripted_reviewer(default_store, lambda _: no("who are you?")) as reviewer:
        told = await renamed.resumed(messages, results)
    assert [request.requester for request in reviewer.requests] == ["new-cleaner"]
    assert "who are you?" in str(told["a"].content)
    assert renamed.deleted == []
    known = Resumer(approve_in_console(requester="cleaner", wait=False), name="new-cleaner")
    await known.resumed(messages, await known.console.decisions(requests))
    assert known.deleted == ["a"]


async def test_a_gate_of_another_requester_does_not_use_the_approval(desk: BlockingStore) -> None:
    messages, requests = await ended("a")
    approved = approve(desk, asked_by(requests, desk)["a"])
    async with Gate("release-bot") as gate:
        files = Resumer(approve_in_console(gate, wait=False, timeout=0.1))
        results = await files.console.decisions(requests)
        told = await files.resumed(messages, results)
    assert told["a"].outcome == "failed"
    assert files.deleted == []
    assert desk.reviewer.get(approved.id).status == "approved"


# --- too late ----------------------------------------------------------------------------------


async def test_an_approval_that_was_revoked_does_not_run(desk: BlockingStore) -> None:
    messages, requests = await ended("a", "b")
    asked = asked_by(requests, desk)
    approved = {each: approve(desk, asked[each]) for each in "ab"}
    files = Resumer()
    desk.reviewer.revoke(approved["a"].id, reviewer=ANN, reason="a is needed after all")
    results = await files.console.decisions(requests)
    desk.reviewer.revoke(approved["b"].id, reviewer=ANN, reason="and b as well")
    told = await files.resumed(messages, results)
    assert "a is needed after all" in str(told["a"].content)
    assert "and b as well" in str(told["b"].content)
    assert files.deleted == []
    assert statuses(desk) == {"a": ["denied"], "b": ["denied"]}


async def test_what_expired_before_the_run_is_resumed_does_not_run(desk: BlockingStore) -> None:
    async with Gate("cleaner", approval_lifetime=0.05) as gate:
        undecided = Cleaner([delete("a")], capabilities=[approve_in_console(gate, wait=False, timeout=0.2)])
        unused = Cleaner([delete("b")], capabilities=[approve_in_console(gate, wait=False)])
        runs = [await undecided.ended(), await unused.ended()]
    asked = [next(iter(asked_by(requests, desk).values())) for _, requests in runs]
    approve(desk, asked[1])
    until(lambda: [desk.reviewer.get(request.id).status for request in asked] == ["expired"] * 2)
    files = Resumer()
    told = [str((await files.resumed(messages, await files.console.decisions(r))).popitem()) for messages, r in runs]
    assert "was not decided in time" in told[0]
    assert "was approved and not used in time" in told[1]
    assert files.deleted == []


async def test_results_that_were_used_already_run_nothing_and_ask_nobody(desk: BlockingStore) -> None:
    messages, requests = await ended("a")
    approve(desk, asked_by(requests, desk)["a"])
    files = Resumer()
    results = await files.console.decisions(requests)
    await files.resumed(messages, results)
    told = await files.resumed(messages, results)
    assert files.deleted == ["a"]
    assert told["a"].outcome in ("failed", "denied")
    assert statuses(desk) == {"a": ["consumed"]}
    assert_sound(desk)


async def test_of_two_identical_calls_that_were_approved_together_one_runs(desk: BlockingStore) -> None:
    first = Cleaner([delete("a"), delete("a", "again")], capabilities=[approve_in_console(wait=False)])
    messages, requests = await first.ended()
    asked = asked_by(requests, desk)
    assert asked["a"].id == asked["again"].id
    approve(desk, asked["a"])
    files = Resumer()
    told = await files.resumed(messages, await files.console.decisions(requests))
    assert sorted(part.outcome for part in told.values()) == ["failed", "success"]
    assert files.deleted == ["a"]


async def test_the_decisions_say_who_made_them_and_leave_out_what_is_open(desk: BlockingStore) -> None:
    _, requests = await ended("a", "b", "c")
    asked = asked_by(requests, desk)
    approve(desk, asked["a"])
    deny(desk, asked["b"])
    results: DeferredToolResults = await Resumer().console.decisions(requests, wait=False)
    assert results.answered_by == {"a": "ann", "b": "ann"}
    assert sorted(results.approvals) == ["a", "b"]
    assert {request.id for request in requests_of(desk)} == {request.id for request in asked.values()}
    assert desk.reviewer.get(asked["c"].id).status == "pending"
