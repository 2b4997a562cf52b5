"""What a person is shown is what runs: arguments of every kind, and those that cannot be shown."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from pydantic import BaseModel, Field, SecretStr
from pydantic_ai.toolsets import FunctionToolset

from approval_tui.domain.errors import InvalidInput
from approval_tui.integrations.pydantic_ai import ApprovalToolset
from approval_tui.store.blocking import BlockingStore
from tests.integrations.arguments import (
    MEANT,
    SHOWN,
    WRITTEN,
    Address,
    Half,
    Passing,
    Received,
    toolset_of_many_kinds,
)
from tests.integrations.runs import call, run
from tests.integrations.scripted_reviewer import YES, edited, scripted_reviewer

# --- as they were shown ------------------------------------------------------------------------


async def test_arguments_of_every_kind_are_shown_as_json_and_run_as_they_are(default_store: str) -> None:
    received = Received()
    with scripted_reviewer(default_store, lambda request: YES) as reviewer:
        await run(ApprovalToolset(toolset_of_many_kinds(received)), call("book", **WRITTEN))
    assert reviewer.requests[0].arguments == SHOWN
    assert received.calls == [MEANT]
    assert {name: type(value) for name, value in received.calls[0].items()} == {
        name: type(value) for name, value in MEANT.items()
    }


async def test_defaults_that_the_model_left_out_are_shown_because_they_run(default_store: str) -> None:
    received = Received()

    def pay(amount: int, currency: str = "EUR") -> str:
        return received.keep(amount=amount, currency=currency)

    with scripted_reviewer(default_store, lambda request: YES) as reviewer:
        await run(ApprovalToolset(FunctionToolset([pay])), call("pay", amount=5))
    assert reviewer.requests[0].arguments == received.calls[0] == {"amount": 5, "currency": "EUR"}


async def test_arguments_without_names_and_further_ones_arrive_where_they_belong(default_store: str) -> None:
    received = Received()

    def mix(first: int, /, second: int, *rest: int, **named: int) -> str:
        return received.keep(first=first, second=second, rest=rest, named=named)

    with scripted_reviewer(default_store, lambda request: edited(first=9, second=2, rest=[3, 8], z=5)):
        toolset = ApprovalToolset(FunctionToolset([mix]))
        await run(toolset, call("mix", first=1, second=2, rest=[3, 4], z=5))
    assert received.calls == [{"first": 9, "second": 2, "rest": (3, 8), "named": {"z": 5}}]


async def test_a_tool_that_takes_one_model_takes_it_approved_and_edited(default_store: str) -> None:
    received = Received()

    def move(address: Address) -> str:
        return received.keep(address=address)

    said = iter([YES, edited(address={"street": "Low", "number": 2})])
    with scripted_reviewer(default_store, lambda request: next(said)) as reviewer:
        toolset = ApprovalToolset(FunctionToolset([move]))
        await run(toolset, call("move", street="High"), call("move", "again", street="High"))
    assert [call["address"] for call in received.calls] == [Address(street="High"), Address(street="Low", number=2)]
    assert reviewer.requests[0].arguments == {"address": {"street": "High", "number": 1}}


async def test_a_model_with_a_field_of_the_arguments_own_name_is_refused_because_it_reads_in_two_ways(
    default_store: str, desk: BlockingStore
) -> None:
    """The framework's validator reads `{"page": {...}}` as that field, not as the argument."""

    class Page(BaseModel):
        page: dict[str, Any]
        revision: int = 0

    received = Received()

    def write(page: Page) -> str:
        return received.keep(page=page)

    write.__annotations__["page"] = Page
    with pytest.raises(InvalidInput, match="cannot be shown exactly as JSON"):
        await run(ApprovalToolset(FunctionToolset([write])), call("write", page={"text": "hello"}, revision=5))
    assert (received.calls, desk.reviewer.list()) == ([], ())


class Renamed(BaseModel):
    amount: int = Field(validation_alias="betrag")


class Printed(BaseModel):
    amount: int = Field(serialization_alias="betrag")


@pytest.mark.parametrize(("kind", "key"), [(Renamed, "betrag"), (Printed, "amount")])
async def test_a_model_that_is_read_by_one_name_and_written_by_another_can_be_approved(
    kind: Any, key: str, default_store: str
) -> None:
    received = Received()

    def pay(sum_of: Any, twice: bool) -> str:
        return received.keep(amount=sum_of.amount, kind=type(sum_of))

    pay.__annotations__["sum_of"] = kind
    with scripted_reviewer(default_store, lambda request: YES):
        await run(ApprovalToolset(FunctionToolset([pay])), call("pay", sum_of={key: 5}, twice=True))
    assert received.calls == [{"amount": 5, "kind": kind}]


# --- arguments that cannot be shown ------------------------------------------------------------


LOOP: list[Any] = []
LOOP.append(LOOP)

CANNOT_BE_SHOWN: dict[str, tuple[Any, Any]] = {
    "a secret": (SecretStr, SecretStr("swordfish")),
    "an excluded field": (Half, Half(shown="a", kept="swordfish")),
    "no number": (float, float("nan")),
    "no end": (float, float("inf")),
    "half a character": (Any, "\ud800"),
    "half a key": (Any, {"\udfff": 1}),
    "bytes that are no text": (bytes, b"\xff\xfe"),
    "an object": (Any, object()),
    "a loop": (Any, LOOP),
}


@pytest.mark.parametrize("what", CANNOT_BE_SHOWN)
async def test_what_cannot_be_shown_is_not_asked_and_does_not_run(
    what: str, default_store: str, desk: BlockingStore
) -> None:
    kind, value = CANNOT_BE_SHOWN[what]
    received = Received()

    def send(note: str, value: Any = None) -> str:
        return received.keep(value=value)

    send.__annotations__["value"] = kind
    toolset = Passing(ApprovalToolset(FunctionToolset([send])), lambda arguments: {**arguments, "value": value})
    with scripted_reviewer(default_store, lambda request: YES) as reviewer, pytest.raises(InvalidInput):
        await run(toolset, call("send", note="look"))
    assert (received.calls, reviewer.requests, desk.reviewer.list()) == ([], [], ())


@pytest.mark.parametrize(
    ("kind", "written"), [(SecretStr, "swordfish"), (Half, {"shown": "a", "kept": "b"}), (float, float("nan"))]
)
async def test_what_a_model_wrote_that_cannot_be_shown_does_not_run(
    kind: Any, written: Any, default_store: str, desk: BlockingStore
) -> None:
    received = Received()

    def send(note: str, value: Any) -> str:
        return received.keep(value=value)

    send.__annotations__["value"] = kind
    with pytest.raises(InvalidInput):
        await run(ApprovalToolset(FunctionToolset([send])), call("send", note="look", value=written))
    assert (received.calls, desk.reviewer.list()) == ([], ())


@pytest.mark.parametrize("has_validator", [True, False])
async def test_a_secret_is_refused_whether_or_not_the_tool_can_check_it(
    has_validator: bool, default_store: str
) -> None:
    """Outside of a run there may be no tool; a secret would still be shown as asterisks."""
    received: list[Any] = []

    class Plain(FunctionToolset[Any]):
        async def call_tool(self, name: str, tool_args: Any, ctx: Any, tool: Any) -> Any:
            received.append(tool_args)

    def send(password: SecretStr, note: str) -> None:
        """Has a validator for both."""

    nothing: Any = None
    inner = Plain([send])
    tool = inner._tool_for(inner.tools["send"], inner.tools["send"].tool_def, 1, "send") if has_validator else nothing
    arguments = {"password": SecretStr("swordfish"), "note": "look"}
    with scripted_reviewer(default_store, lambda request: YES) as reviewer, pytest.raises(InvalidInput):
        await ApprovalToolset(inner).call_tool("send", arguments, nothing, tool)
    assert (received, reviewer.requests) == ([], [])


async def test_what_a_wrapper_outside_put_in_is_shown_or_refused(default_store: str) -> None:
    received = Received()

    def send(value: Any, note: str) -> str:
        return received.keep(value=value, note=note)

    with scripted_reviewer(default_store, lambda request: YES) as reviewer:
        toolset = ApprovalToolset(FunctionToolset([send]))
        await run(Passing(toolset, lambda arguments: {**arguments, "note": "added"}), call("send", value=1, note="a"))
        dated = Passing(toolset, lambda arguments: {**arguments, "value": date(2026, 5, 1)})
        with pytest.raises(InvalidInput):
            await run(dated, call("send", value=1, note="a"))
    assert [asked.arguments for asked in reviewer.requests] == [{"value": 1, "note": "added"}]
    assert received.calls == [{"value": 1, "note": "added"}]
