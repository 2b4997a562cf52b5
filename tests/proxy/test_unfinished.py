"""Calls that a server begins and ends later, as tasks or after it got input: one claim, and one report."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from approval_tui.domain.calls import Admission
from approval_tui.gate.guard import GuardedCall
from approval_tui.proxy import unfinished
from approval_tui.proxy.unfinished import Unfinished, UnfinishedCalls, ended_task, task_of
from approval_tui.store.blocking import BlockingStore
from tests.gate.policies import edit
from tests.proxy.client import Message, RawClient, recorded
from tests.proxy.conftest import StartProxy
from tests.proxy.support_calls import DONE, approved, asked, done_with, run_approved
from tests.support import assert_sound, event_names

INPUT = {"answer": "input", "n": 1}
ANSWERS: Message = {"name": {"action": "accept", "content": {"name": "x"}}}
BEGUN = ["request_submitted", "request_approved", "request_reused", "request_consumed"]


# --- tasks (2025-11-25) ------------------------------------------------------------------------


def test_a_call_that_runs_as_a_task_is_reported_when_its_result_is_fetched(
    start_proxy: StartProxy, desk: BlockingStore, record: Path
) -> None:
    proxy = start_proxy("--hold", "0")
    for name, outcome in (("good", "succeeded"), ("bad", "failed")):
        request, answer = run_approved(proxy, desk, "write", {"answer": "task", "id": name}, task={"ttl": 60_000})
        assert answer["result"] == {"task": {"taskId": name, "status": "working"}}
        assert (request.status, request.outcome) == ("consumed", None)
        proxy.ask("tasks/result", {"taskId": "another"})
        assert desk.reviewer.get(request.id).outcome is None
        assert proxy.ask("tasks/result", {"taskId": name})["result"]["isError"] == (outcome == "failed")
        assert desk.reviewer.get(request.id).outcome == outcome
        proxy.ask("tasks/result", {"taskId": name})
        assert event_names(desk, request) == [*BEGUN, "outcome_reported"]
    assert [call["task"] for call in recorded(record)] == [{"ttl": 60_000}] * 2
    assert_sound(desk)


def tell(proxy: RawClient, task_id: str, status: str) -> None:
    """Has the server say of itself what became of a task."""
    params = {"taskId": task_id, "status": status, "statusMessage": "no room"}
    note = {"jsonrpc": "2.0", "method": "notifications/tasks/status", "params": params}
    proxy.ask("test/say", {"line": json.dumps(note)})
    assert note in proxy.messages


def test_a_task_whose_end_the_server_tells_by_itself_is_reported_then_and_can_be_given_back(
    start_proxy: StartProxy, desk: BlockingStore
) -> None:
    proxy = start_proxy("--hold", "0", "--rollback-on", "error")
    good, _ = run_approved(proxy, desk, "write", {"answer": "task", "id": "a"}, task={})
    bad, _ = run_approved(proxy, desk, "write", {"answer": "task", "id": "error"}, task={})
    tell(proxy, "a", "working")
    tell(proxy, "nobody's", "completed")
    assert [desk.reviewer.get(each.id).outcome for each in (good, bad)] == [None, None]
    tell(proxy, "a", "completed")
    assert desk.reviewer.get(good.id).outcome == "succeeded"
    assert "error" in proxy.ask("tasks/result", {"taskId": "error"})
    assert desk.reviewer.get(bad.id).status == "consumed", "perhaps the server only knows no such task any more"
    tell(proxy, "error", "failed")
    assert desk.reviewer.get(bad.id).status == "approved"
    assert event_names(desk, bad) == [*BEGUN, "claim_rolled_back"]
    assert_sound(desk)


@pytest.mark.parametrize(
    ("method", "params", "result", "ended"),
    [
        ("notifications/tasks/status", {"taskId": "t", "status": "completed"}, None, [("t", None)]),
        ("notifications/tasks/status", {"taskId": "t", "status": "working"}, None, []),
        ("notifications/tasks/status", {"taskId": "t", "status": "input_required"}, None, []),
        ("notifications/tasks/status", {"taskId": 5, "status": "completed"}, None, []),
        ("notifications/message", {"taskId": "t", "status": "completed"}, None, []),
        ("tasks/get", {"taskId": "t"}, {"taskId": "t", "status": "completed"}, [("t", None)]),
        ("tasks/get", {"taskId": "t"}, {"status": "completed"}, []),
        (
            "tasks/get",
            {"taskId": "t"},
            {"taskId": "t", "status": "failed", "statusMessage": "no room"},
            [("t", "the task failed: no room")],
        ),
        (
            "tasks/cancel",
            {"taskId": "t"},
            {"taskId": "t", "status": "cancelled"},
            [("t", "the task cancelled: the server says no more")],
        ),
        (
            "tasks/list",
            {},
            {"tasks": [{"taskId": "t", "status": "completed"}, {"taskId": "u", "status": "working"}, "v", None]},
            [("t", None)],
        ),
        ("tasks/list", {}, {"tasks": "none"}, []),
        ("tasks/result", {"taskId": "t"}, {"content": [], "isError": False}, [("t", None)]),
        (
            "tasks/result",
            {"taskId": "t"},
            {"content": [{"type": "text", "text": "no room"}], "isError": True},
            [("t", "no room")],
        ),
        ("tasks/result", {"taskId": ["t"]}, {}, []),
    ],
)
def test_a_task_ends_with_what_says_so_and_with_nothing_else(
    method: str, params: Message, result: Message | None, ended: list[tuple[str, str | None]]
) -> None:
    assert [(task.id, task.failure) for task in ended_task(method, params, result)] == ended


@pytest.mark.parametrize(
    ("result", "task"),
    [
        ({"task": {"taskId": "t"}}, "t"),
        ({"resultType": "task", "taskId": "t"}, "t"),
        ({"taskId": "t"}, None),
        ({"task": {"taskId": 5}}, None),
        ({"task": "t", "content": []}, None),
        ({"content": []}, None),
    ],
)
def test_a_call_runs_as_a_task_where_its_result_says_so_in_either_form(result: Message, task: str | None) -> None:
    assert task_of(result) == task


# --- input that a server wants first (2026-07-28) ----------------------------------------------


def goes_on(
    proxy: RawClient, tool: str = "write", arguments: Message = INPUT, state: str | None = "state-1"
) -> Message:
    """Sends a call again with what the server wanted, as a client of 2026-07-28 does."""
    return proxy.call(tool, arguments, inputResponses=ANSWERS, **({} if state is None else {"requestState": state}))


def test_a_call_that_wants_input_goes_on_with_its_one_claim_once_and_no_other_call_does(
    start_proxy: StartProxy, desk: BlockingStore, record: Path
) -> None:
    proxy = start_proxy("--hold", "0")
    refused = goes_on(proxy)
    assert refused["error"]["code"] == -32602, "nothing has begun that could go on"
    request, answer = run_approved(proxy, desk, "write", INPUT)
    assert answer["result"] == {"resultType": "input_required", "requestState": "state-1", "inputRequests": {}}
    assert (request.status, request.outcome) == ("consumed", None)

    others: list[Message] = [
        goes_on(proxy, state="state-2"),
        goes_on(proxy, state=None),
        goes_on(proxy, arguments={**INPUT, "n": 2}),
        goes_on(proxy, tool="read"),
        proxy.call("write", {**INPUT, "n": 2}, requestState="state-1"),
    ]
    assert [other["error"]["code"] for other in others] == [-32602] * len(others)
    assert len(recorded(record)) == 1
    assert desk.reviewer.get(request.id).outcome is None

    assert goes_on(proxy, arguments=dict(reversed(INPUT.items())))["result"] == DONE
    assert recorded(record)[1:] == [
        recorded(record)[1]
        | {"name": "write", "arguments": INPUT, "requestState": "state-1"}
        | {"inputResponses": ANSWERS}
    ]
    assert goes_on(proxy)["error"]["code"] == -32602, "it went on once"
    assert len(recorded(record)) == 2
    assert event_names(desk, request) == [*BEGUN, "outcome_reported"]
    assert desk.reviewer.get(request.id).outcome == "succeeded"
    assert_sound(desk)


def test_what_goes_on_runs_with_the_reviewers_arguments_to_its_end(
    start_proxy: StartProxy, desk: BlockingStore, record: Path
) -> None:
    proxy = start_proxy("--hold", "0")
    request = asked(proxy, desk, "write", {"n": 1})
    edit(desk, request, {"n": 2, "answer": "input"})
    wanted = proxy.call("write", {"n": 1})["result"]
    assert (wanted["resultType"], "_meta" in wanted) == ("input_required", False)
    assert goes_on(proxy, arguments={"n": 2, "answer": "input"})["error"]["code"] == -32602
    assert goes_on(proxy, arguments={"n": 1})["result"] == done_with(
        request, 'n was 1, is 2; answer was added: "input"'
    )
    assert [call["arguments"] for call in recorded(record)] == [{"n": 2, "answer": "input"}] * 2
    assert_sound(desk)


def test_the_same_call_from_its_beginning_asks_anew_while_one_waits_for_input(
    start_proxy: StartProxy, desk: BlockingStore, record: Path
) -> None:
    proxy = start_proxy("--hold", "0")
    first, _ = run_approved(proxy, desk, "write", INPUT)
    second = approved(proxy, desk, "write", INPUT)
    assert second.id != first.id
    assert proxy.call("write", INPUT)["result"]["resultType"] == "input_required"
    assert [goes_on(proxy).get("result") for _ in range(3)] == [DONE, DONE, None], "two began, and two went on"
    assert [desk.reviewer.get(each.id).outcome for each in (first, second)] == ["succeeded", "succeeded"]
    assert len(recorded(record)) == 4
    assert_sound(desk)


# --- what is kept, and how much ----------------------------------------------------------------


def begun(name: str = "write") -> Unfinished:
    return Unfinished(AsyncExitStack(), GuardedCall(Admission("claim", {})), name, "hash")


def test_a_call_is_recognised_by_its_tool_its_arguments_and_its_state_together() -> None:
    kept = UnfinishedCalls()
    call = begun()
    kept.keep(call, "state")
    for tool, arguments, state in (("read", "hash", "state"), ("write", "other", "state"), ("write", "hash", None)):
        assert kept.take(tool, arguments, state) is None
    assert kept.take("write", "hash", "state") is call
    assert kept.take("write", "hash", "state") is None


@pytest.mark.parametrize("state", [None, 5, ["state"]])
def test_a_server_that_gives_no_state_gets_its_call_again_without_one(state: Any) -> None:
    kept = UnfinishedCalls()
    call = begun()
    kept.keep(call, state)
    assert kept.take("write", "hash", "5") is None
    assert kept.take("write", "hash", None) is call


def test_of_too_many_unfinished_calls_the_oldest_are_forgotten_and_stay_in_doubt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(unfinished, "MOST_KEPT", 2)
    kept = UnfinishedCalls()
    for number in range(4):
        kept.keep(begun(), f"state-{number % 3}")
        kept.keep_task(begun(), f"task-{number % 3}")
    assert [kept.take("write", "hash", f"state-{number}") is None for number in range(3)] == [False, True, False]
    assert [kept.take_task(f"task-{number}") is None for number in range(3)] == [False, True, False]
    assert kept.take_task("task-0") is None
