"""The console beside other handlers, beside another console, and as a bare handler that sees no call run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic_ai import RunContext
from pydantic_ai.capabilities import HandleDeferredToolCalls
from pydantic_ai.exceptions import UserError
from pydantic_ai.tools import DeferredToolRequests, DeferredToolResults

from approval_tui import Gate
from approval_tui.integrations.pydantic_ai import approve_in_console
from approval_tui.store.blocking import BlockingStore
from tests.gate.both_forms import no_store_thread
from tests.integrations.deferring import Cleaner, asked_by, delete, statuses
from tests.integrations.scripted_reviewer import YES, edited, no, scripted_reviewer
from tests.support import approve, assert_sound, until


@pytest.fixture(autouse=True)
def nothing_is_left_open() -> Iterator[None]:
    """Each test ends without a store's thread, whichever way its runs ended."""
    yield
    until(no_store_thread)


def answering(*paths: str) -> HandleDeferredToolCalls[Any]:
    """A capability that approves the deletion of these paths by itself."""

    def answer(ctx: RunContext[Any], requests: DeferredToolRequests) -> DeferredToolResults:
        own = [each for each in requests.approvals if each.args_as_dict()["path"] in paths]
        return requests.build_results(approvals={each.tool_call_id: True for each in own})

    return HandleDeferredToolCalls(handler=answer)


async def test_what_another_handler_approves_is_no_business_of_the_consoles(default_store: str) -> None:
    files = Cleaner([delete("a"), delete("b")], capabilities=[answering("a"), approve_in_console()])
    with scripted_reviewer(default_store, lambda _: no()) as reviewer:
        told = await files.told()
    assert [request.arguments["path"] for request in reviewer.requests] == ["b"]
    assert (told["a"].outcome, told["b"].outcome, files.deleted) == ("success", "denied", ["a"])


async def test_what_the_application_approves_itself_is_no_business_of_the_consoles(desk: BlockingStore) -> None:
    messages, requests = await Cleaner(delete("a"), capabilities=[]).ended()
    files = Cleaner(capabilities=[approve_in_console()])
    await files.resumed(messages, requests.build_results(approve_all=True))
    assert files.deleted == ["a"]
    assert statuses(desk) == {}


async def test_calls_left_open_name_their_request_though_another_answers_after(desk: BlockingStore) -> None:
    files = Cleaner([delete("a"), delete("b")], capabilities=[approve_in_console(wait=False), answering("a")])
    _, requests = await files.ended()
    assert files.deleted == ["a"]
    assert {call_id: request.arguments["path"] for call_id, request in asked_by(requests, desk).items()} == {"b": "b"}


async def test_calls_left_open_name_their_request_though_another_answered_before(desk: BlockingStore) -> None:
    files = Cleaner([delete("a"), delete("b")], capabilities=[answering("a"), approve_in_console(wait=False)])
    _, requests = await files.ended()
    assert files.deleted == ["a"]
    assert {call_id: request.arguments["path"] for call_id, request in asked_by(requests, desk).items()} == {"b": "b"}


async def test_what_another_handler_approves_after_the_console_waits_for_nobody(desk: BlockingStore) -> None:
    files = Cleaner(delete("a"), capabilities=[approve_in_console(wait=False), answering("a")])
    await files.told()
    assert files.deleted == ["a"]
    assert statuses(desk) == {"a": ["cancelled"]}


async def test_a_run_that_may_not_end_with_open_calls_leaves_none_that_wait_for_nobody(desk: BlockingStore) -> None:
    files = Cleaner(delete("a"), capabilities=[approve_in_console(wait=False)])
    with pytest.raises(UserError, match="DeferredToolRequests"):
        await files.agent.run("go", output_type=str)
    assert statuses(desk) == {"a": ["cancelled"]}


async def test_a_run_that_fails_leaves_what_another_run_asked(desk: BlockingStore) -> None:
    _, requests = await Cleaner(delete("a"), capabilities=[approve_in_console(wait=False)]).ended()
    other = Cleaner([delete("a"), delete("b")], capabilities=[approve_in_console(wait=False)])
    with pytest.raises(UserError, match="DeferredToolRequests"):
        await other.agent.run("go", output_type=str)
    assert asked_by(requests, desk)["a"].status == "pending"
    assert statuses(desk) == {"a": ["pending"], "b": ["cancelled"]}


async def test_two_consoles_on_one_agent_ask_once(default_store: str, desk: BlockingStore) -> None:
    files = Cleaner([delete("a"), delete("b")], capabilities=[approve_in_console(), approve_in_console()])
    with scripted_reviewer(
        default_store, lambda request: YES if request.arguments["path"] == "a" else no()
    ) as reviewer:
        await files.told()
    assert files.deleted == ["a"]
    assert len(reviewer.requests) == 2
    assert statuses(desk) == {"a": ["consumed"], "b": ["denied"]}


# --- as a bare handler -------------------------------------------------------------------------


async def test_a_bare_handler_uses_each_approval_once_and_leaves_its_claims_open(
    default_store: str, desk: BlockingStore
) -> None:
    batch = [delete("a"), delete("b"), delete("c"), delete("a", "a again")]
    async with Gate("cleaner", claim_lifetime=0.1) as gate:
        handler = HandleDeferredToolCalls(handler=approve_in_console(gate))
        files = Cleaner(batch, capabilities=[handler])
        verdicts = {"a": [YES, no("once is enough")], "b": [no("b is needed")], "c": [edited(path="C")]}
        with scripted_reviewer(default_store, lambda request: verdicts[request.arguments["path"]].pop(0)):
            told = await files.told()
    assert sorted(files.deleted) == ["C", "a"]
    assert "b is needed" in str(told["b"].content)
    assert sorted([told["a"].outcome, told["a again"].outcome]) == ["denied", "success"]
    used = [request for request in desk.reviewer.history() if request.status == "consumed"]
    assert len(used) == 2
    until(lambda: all(desk.reviewer.get(request.id).in_doubt for request in used))
    assert_sound(desk)


async def test_a_bare_handler_leaves_open_what_nobody_decided(desk: BlockingStore) -> None:
    console = approve_in_console(wait=False)
    files = Cleaner(delete("a"), capabilities=[HandleDeferredToolCalls(handler=console)])
    _, requests = await files.ended()
    assert files.deleted == []
    assert asked_by(requests, desk)["a"].status == "pending"


async def test_what_a_bare_handler_left_open_runs_once_however_often_it_is_resumed(desk: BlockingStore) -> None:
    console = approve_in_console(wait=False)
    files = Cleaner(delete("a"), capabilities=[HandleDeferredToolCalls(handler=console)])
    messages, requests = await files.ended()
    approve(desk, asked_by(requests, desk)["a"])
    for _ in range(2):
        await files.resumed(messages, await console.decisions(requests))
    assert files.deleted == ["a"]
    assert statuses(desk) == {"a": ["consumed"]}


async def test_what_a_bare_handler_left_open_runs_once_under_a_console_that_is_a_capability(
    desk: BlockingStore,
) -> None:
    console = approve_in_console(wait=False)
    bare = Cleaner(delete("a"), capabilities=[HandleDeferredToolCalls(handler=console)])
    messages, requests = await bare.ended()
    approve(desk, asked_by(requests, desk)["a"])
    files = Cleaner(capabilities=[console])
    for _ in range(2):
        await files.resumed(messages, await console.decisions(requests))
    assert files.deleted == ["a"]
