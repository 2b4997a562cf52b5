"""Deferred calls that are decided while the run waits: what runs, what does not, and what the model is told."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_ai.messages import DeferredToolResultsEvent, ToolCallPart
from pydantic_ai.models.test import TestModel

from approval_tui import Gate
from approval_tui.domain.models import Request
from approval_tui.integrations.pydantic_ai import approve_in_console
from approval_tui.store.blocking import BlockingStore
from tests.gate.both_forms import no_store_thread
from tests.gate.policies import PAY, judged_without_asking, policy_file, value_of
from tests.integrations.deferring import Cleaner, agent_that_calls, delete, outcomes, statuses
from tests.integrations.runs import call, returned
from tests.integrations.scripted_reviewer import YES, Verdict, edited, no, scripted_reviewer
from tests.support import assert_sound, until


@pytest.fixture(autouse=True)
def nothing_is_left_open() -> Iterator[None]:
    """Each test ends without a store's thread, whichever way its runs ended."""
    yield
    until(no_store_thread)


HOSTILE = (
    '{"n": [9007199254740993, -12345678901234567890, 0.1, 1e21, 1.0, -0.0, true, null], "\\u202e": "\\u0000int:7",'
    ' "text": "rm\\n\\u001b[2J\\\\u{202E} \\ud83d\\ude00 caf\\u00e9 cafe\\u0301", "": {"deep": [[[]]], "": ""}}'
)


@pytest.mark.parametrize("is_text", [True, False])
async def test_an_approved_call_runs_with_exactly_the_arguments_that_were_shown(
    default_store: str, is_text: bool
) -> None:
    arguments = f'{{"content": {HOSTILE}}}'
    written = ToolCallPart("save", arguments if is_text else json.loads(arguments), tool_call_id="save")
    agent = agent_that_calls(written, capabilities=[approve_in_console()])
    saved: list[Any] = []

    @agent.tool_plain(requires_approval=True)
    def save(content: Any) -> None:
        saved.append(content)

    with scripted_reviewer(default_store, lambda _: YES) as reviewer:
        await agent.run("go")
    (shown,) = reviewer.requests
    assert (shown.tool, shown.requester) == ("save", "cleaner")
    assert shown.session is not None
    assert repr(saved) == repr([shown.arguments["content"]]) == repr([json.loads(HOSTILE)])


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Order(BaseModel):
    due: datetime.date
    colours: set[Colour]


async def test_an_edited_call_runs_with_the_reviewers_arguments_in_the_tools_own_types(
    default_store: str, desk: BlockingStore
) -> None:
    agent = agent_that_calls(
        call("order", order={"due": "2030-01-02", "colours": ["red"]}), capabilities=[approve_in_console()]
    )
    ordered: list[Order] = []

    @agent.tool_plain(requires_approval=True)
    def order(order: Order) -> str:
        ordered.append(order)
        return "ordered"

    edit = edited(order={"due": "2031-12-24", "colours": ["blue", "red"]})
    with scripted_reviewer(default_store, lambda _: edit):
        told = returned((await agent.run("go")).all_messages())
    assert ordered == [Order(due=datetime.date(2031, 12, 24), colours={Colour.RED, Colour.BLUE})]
    assert (told["order"].outcome, told["order"].content) == ("success", "ordered")
    assert outcomes(desk) == [("consumed", "succeeded")]


async def test_an_edit_that_the_tool_does_not_take_runs_nothing_and_the_model_may_ask_again(
    default_store: str, desk: BlockingStore
) -> None:
    calls = [delete("a", "first"), delete("a", "second")]
    files = Cleaner(*calls, capabilities=[approve_in_console()])
    edits = iter([edited(path=["not", "a", "path"]), edited(path="b")])
    with scripted_reviewer(default_store, lambda _: next(edits)) as reviewer:
        told = await files.told()
    assert told["first"].outcome == "retried"
    assert "valid string" in str(told["first"].content)
    assert (told["second"].outcome, files.deleted) == ("success", ["b"])
    assert [request.arguments for request in reviewer.requests] == [{"path": "a"}] * 2
    assert ("consumed", "succeeded") in outcomes(desk)


async def test_a_denied_call_never_runs_and_its_reason_reaches_the_model(
    default_store: str, desk: BlockingStore
) -> None:
    files = Cleaner(delete("a"), capabilities=[approve_in_console()])
    with scripted_reviewer(default_store, lambda _: no("a is the only copy")):
        told = await files.told()
    assert told["a"].outcome == "denied"
    assert "was denied by ann: a is the only copy." in str(told["a"].content)
    assert files.deleted == []
    assert statuses(desk) == {"a": ["denied"]}


async def test_a_call_that_nobody_decides_in_time_does_not_run(desk: BlockingStore) -> None:
    files = Cleaner(delete("a"), capabilities=[approve_in_console(timeout=0.2)])
    told = await files.told()
    assert told["a"].outcome == "denied"
    assert "was not decided in time" in str(told["a"].content)
    assert files.deleted == []
    assert statuses(desk) == {"a": ["expired"]}


async def test_the_policy_allows_denies_and_has_calls_asked(
    default_store: str, desk: BlockingStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APPROVAL_TUI_POLICY", policy_file(tmp_path, PAY).path)
    amounts = (50, 500, 5000)
    calls = [call("pay", f"pay {amount}", amount=amount) for amount in amounts]
    agent = agent_that_calls([*calls, call("locked")], capabilities=[approve_in_console()])
    paid: list[int] = []

    @agent.tool_plain(requires_approval=True)
    def locked() -> None:
        paid.append(-1)

    @agent.tool_plain(requires_approval=True)
    def pay(amount: int) -> str:
        paid.append(amount)
        return f"paid {amount}"

    with scripted_reviewer(default_store, lambda _: YES) as reviewer:
        told = returned((await agent.run("go")).all_messages())
    assert [request.arguments for request in reviewer.requests] == [{"amount": 500}]
    assert sorted(paid) == [50, 500]
    assert value_of(desk) == 550
    assert {call_id: part.outcome for call_id, part in told.items()} == {
        "pay 50": "success",
        "pay 500": "success",
        "pay 5000": "denied",
        "locked": "denied",
    }
    assert "Nobody may pay more than 1000." in str(told["pay 5000"].content)
    assert "Keep away." in str(told["locked"].content)
    assert [verdict for verdict, _ in judged_without_asking(desk)].count("allow") == 1


async def test_an_edit_that_the_policy_denies_does_not_run(
    default_store: str, desk: BlockingStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APPROVAL_TUI_POLICY", policy_file(tmp_path, PAY).path)
    agent = agent_that_calls(call("pay", amount=500), capabilities=[approve_in_console()])
    paid: list[int] = []

    @agent.tool_plain(requires_approval=True)
    def pay(amount: int) -> None:
        paid.append(amount)

    with scripted_reviewer(default_store, lambda _: edited(amount=5000)):
        told = returned((await agent.run("go")).all_messages())
    assert paid == []
    assert "Nobody may pay more than 1000." in str(told["pay"].content)
    assert outcomes(desk) == [("cancelled", None)]
    assert value_of(desk) == 0


async def test_ten_parallel_calls_each_get_their_own_decision(default_store: str, desk: BlockingStore) -> None:
    paths = "abcdefghij"
    said: dict[str, Verdict] = dict.fromkeys(paths, YES)
    said |= {"b": no("not b"), "e": edited(path="E"), "g": no(), "j": edited(path="a")}
    files = Cleaner([delete(path) for path in paths], capabilities=[approve_in_console()])
    seen: set[str] = set()

    def decide(request: Request) -> Verdict | None:
        seen.add(request.arguments["path"])
        return said[request.arguments["path"]] if len(seen) == len(paths) else None

    with scripted_reviewer(default_store, decide):
        told = await files.told()
    assert sorted(files.deleted) == sorted("acdEfhia")
    assert {path: told[path].outcome for path in paths if told[path].outcome != "success"} == {
        "b": "denied",
        "g": "denied",
    }
    assert "not b" in str(told["b"].content)
    assert told["e"].content == "deleted E"
    assert [outcome for _, outcome in outcomes(desk)].count("succeeded") == 8
    assert_sound(desk)


async def test_of_two_identical_calls_in_one_batch_one_approval_lets_one_run(
    default_store: str, desk: BlockingStore
) -> None:
    files = Cleaner([delete("a", "one"), delete("a", "other")], capabilities=[approve_in_console()])
    verdicts = iter([YES, no("once is enough")])
    with scripted_reviewer(default_store, lambda _: next(verdicts)) as reviewer:
        told = await files.told()
    assert files.deleted == ["a"]
    assert len(reviewer.requests) == 2
    (refused,) = [part for part in told.values() if part.outcome != "success"]
    assert "once is enough" in str(refused.content)
    assert outcomes(desk) == [("consumed", "succeeded"), ("denied", None)]


async def test_an_approval_for_the_session_lets_both_of_two_identical_calls_run(
    default_store: str, desk: BlockingStore
) -> None:
    files = Cleaner([delete("a", "one"), delete("a", "other")], capabilities=[approve_in_console()])
    with scripted_reviewer(default_store, lambda _: Verdict("approve", for_session=True)) as reviewer:
        await files.told()
    assert files.deleted == ["a", "a"]
    assert len(reviewer.requests) == 1
    assert outcomes(desk) == [("consumed", "succeeded")] * 2


async def test_the_run_reports_who_answered(default_store: str) -> None:
    files = Cleaner([delete("a"), delete("b")], capabilities=[approve_in_console()])
    answered: list[dict[str, str]] = []
    with scripted_reviewer(default_store, lambda request: YES if request.arguments["path"] == "a" else no()):
        async with files.agent.iter("clean up") as run:
            async for node in run:
                if files.agent.is_call_tools_node(node):
                    async with node.stream(run.ctx) as events:
                        answered += [
                            e.results.answered_by async for e in events if isinstance(e, DeferredToolResultsEvent)
                        ]
    assert answered == [{"a": "ann", "b": "ann"}]


async def test_what_the_test_model_makes_up_is_asked_too(default_store: str, desk: BlockingStore) -> None:
    files = Cleaner(capabilities=[approve_in_console()])
    with scripted_reviewer(default_store, lambda _: YES) as reviewer, files.agent.override(model=TestModel()):
        await files.agent.run("clean up")
    (request,) = reviewer.requests
    assert files.deleted == [request.arguments["path"]]


async def test_a_given_gate_asks_in_its_own_name_and_session(default_store: str, desk: BlockingStore) -> None:
    async with Gate("release-bot", session="night", context={}) as gate:
        files = Cleaner(delete("a"), capabilities=[approve_in_console(gate)])
        with scripted_reviewer(default_store, lambda _: YES) as reviewer:
            await files.told()
    (request,) = reviewer.requests
    assert (request.requester, request.session, request.context) == ("release-bot", "night", {})
    assert files.deleted == ["a"]


async def test_an_agent_without_a_name_asks_as_pydantic_ai_or_as_it_is_told(default_store: str) -> None:
    with scripted_reviewer(default_store, lambda _: YES) as reviewer:
        for requester in (None, "night-shift"):
            agent = Cleaner(delete("a"), capabilities=[approve_in_console(requester=requester)], name=None)
            await agent.agent.run("clean up", infer_name=False)
    assert [request.requester for request in reviewer.requests] == ["pydantic-ai", "night-shift"]
