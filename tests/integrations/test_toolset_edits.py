"""Arguments that are not the agent's any more: a reviewer's edits, and what changes while a person looks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pydantic import SecretStr
from pydantic_ai import RunContext
from pydantic_ai.exceptions import ModelRetry
from pydantic_ai.tools import Tool
from pydantic_ai.toolsets import FunctionToolset

from approval_tui.domain.errors import InvalidInput
from approval_tui.domain.models import Request
from approval_tui.integrations.pydantic_ai import ApprovalToolset
from approval_tui.store.blocking import BlockingStore
from tests.integrations.arguments import (
    MEANT,
    SHOWN,
    WRITTEN,
    Address,
    Colour,
    Half,
    Holding,
    Person,
    Received,
    toolset_of_many_kinds,
)
from tests.integrations.runs import call, run
from tests.integrations.scripted_reviewer import YES, Verdict, edited, scripted_reviewer

# --- edits -------------------------------------------------------------------------------------


async def test_an_edit_reaches_the_tool_as_its_own_types(default_store: str, desk: BlockingStore) -> None:
    received = Received()
    said = {
        **SHOWN,
        "day": "2027-01-01",
        "colour": "red",
        "price": "5",
        "person": {"fullName": "Bo", "born": "1999-09-09", "addresses": []},
    }
    with scripted_reviewer(default_store, lambda request: edited(**said)) as reviewer:
        await run(ApprovalToolset(toolset_of_many_kinds(received)), call("book", **WRITTEN))
    assert received.calls == [
        {
            **MEANT,
            "day": date(2027, 1, 1),
            "colour": Colour.RED,
            "price": Decimal("5"),
            "person": Person(fullName="Bo", born=date(1999, 9, 9), addresses=[]),
        }
    ]
    assert desk.reviewer.get(reviewer.requests[0].id).outcome == "succeeded"


# --- edits that the tool does not take ---------------------------------------------------------


def paying(received: Received) -> FunctionToolset[Any]:
    def pay(to: Address, amount: int) -> str:
        return received.keep(to=to, amount=amount)

    return FunctionToolset([pay])


PAY = call("pay", to={"street": "High"}, amount=5)


@pytest.mark.parametrize(
    "said",
    [
        edited(to={"street": "High"}, amount="much"),
        edited(to={"number": 1}, amount=5),
        edited(amount=5),
        edited(to={"street": "High"}, amount=5, currency="EUR"),
        edited(to={"street": "High", "country": "FR"}, amount=5),
        edited(),
    ],
    ids=["a wrong type", "a missing field", "a missing argument", "an unknown argument", "an unknown field", "nothing"],
)
async def test_an_edit_that_the_tool_does_not_take_does_not_run_and_is_withdrawn(
    said: Verdict, default_store: str, desk: BlockingStore
) -> None:
    received = Received()
    with (
        scripted_reviewer(default_store, lambda request: said) as reviewer,
        pytest.raises(InvalidInput, match="did not run"),
    ):
        await run(ApprovalToolset(paying(received)), PAY)
    assert received.calls == []
    withdrawn = desk.reviewer.get(reviewer.requests[0].id)
    assert (withdrawn.status, withdrawn.outcome) == ("cancelled", None)


async def test_an_edit_that_the_tools_own_check_refuses_does_not_run(default_store: str, desk: BlockingStore) -> None:
    received = Received()

    async def check(ctx: RunContext[Any], amount: int) -> None:
        if amount > 10:
            raise ModelRetry("at most 10")

    def pay(amount: int) -> str:
        return received.keep(amount=amount)

    toolset = ApprovalToolset(FunctionToolset([Tool(pay, args_validator=check)]))
    with (
        scripted_reviewer(default_store, lambda request: edited(amount=11)) as reviewer,
        pytest.raises(Exception, match=r"at most 10|exceeded max retries"),
    ):
        await run(toolset, *(call("pay", str(number), amount=5) for number in range(3)))
    assert received.calls == []
    assert desk.reviewer.get(reviewer.requests[0].id).status == "cancelled"


# --- arguments that change ---------------------------------------------------------------------


def change_path(arguments: dict[str, Any]) -> None:
    arguments["path"] = "b"


def change_deep(arguments: dict[str, Any]) -> None:
    arguments["more"]["lines"].append("rm")


def change_model(arguments: dict[str, Any]) -> None:
    arguments["address"].street = "Low"


def change_what_is_not_shown(arguments: dict[str, Any]) -> None:
    arguments["half"].kept = "swordfish"


def change_kind(arguments: dict[str, Any]) -> None:
    arguments["more"]["lines"] = SecretStr("**********")


@pytest.mark.parametrize("change", [change_path, change_deep, change_model, change_what_is_not_shown, change_kind])
async def test_arguments_that_change_while_a_person_looks_do_not_run(
    change: Callable[[dict[str, Any]], None], default_store: str, desk: BlockingStore
) -> None:
    received = Received()

    def write(path: str, more: dict[str, Any], address: Address, half: Half) -> str:
        return received.keep(path=path, more=more, address=address, half=half)

    holding = Holding(ApprovalToolset(FunctionToolset([write])))

    def change_and_approve(request: Request) -> Verdict:
        change(holding.held[0])
        return YES

    given: dict[str, Any] = {"path": "a", "more": {"lines": ["ls"]}, "address": {"street": "High"}}
    with (
        scripted_reviewer(default_store, change_and_approve) as reviewer,
        pytest.raises(InvalidInput, match=r"did not run"),
    ):
        await run(holding, call("write", half={"shown": "a"}, **given))
    assert received.calls == []
    given_back = desk.reviewer.get(reviewer.requests[0].id)
    assert (given_back.status, given_back.outcome) == ("approved", None)


async def test_an_edit_runs_whatever_became_of_the_agents_own_arguments(default_store: str) -> None:
    received = Received()

    def write(path: str, more: Any) -> str:
        return received.keep(path=path, more=more)

    holding = Holding(ApprovalToolset(FunctionToolset([write])))

    def change_and_edit(request: Request) -> Verdict:
        change_path(holding.held[0])
        return edited(path="edited", more=[1])

    with scripted_reviewer(default_store, change_and_edit):
        await run(holding, call("write", path="a", more=[]))
    assert received.calls == [{"path": "edited", "more": [1]}]
