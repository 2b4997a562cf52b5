"""The gate around a function: approved by name, run with what was approved, and still the same function outside."""

from __future__ import annotations

import asyncio
import enum
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from approval_tui import ApprovalDenied, ApprovalPending, Gate
from approval_tui.domain.errors import InvalidInput
from approval_tui.domain.models import Request
from approval_tui.store.blocking import BlockingStore
from tests.gate.both_forms import history, new_gate, reviewing
from tests.support import ANN, approve, assert_sound, deny

Judge = Callable[[Request], object]


def edit(desk: BlockingStore, arguments: dict[str, Any]) -> Judge:
    """A reviewer who approves with these arguments in the place of the agent's."""

    def decide(request: Request) -> None:
        desk.reviewer.decide(request.id, "approve", reviewer=ANN, digest=request.digest, edited_arguments=arguments)

    return decide


def yes(desk: BlockingStore) -> Judge:
    return lambda request: approve(desk, request)


# --- arguments by name -------------------------------------------------------------------------


def test_arguments_are_approved_by_name_with_their_defaults(gate: Gate, desk: BlockingStore) -> None:
    @gate.requires_approval
    def deploy(environment: str, version: int, /, *, dry: bool = False, host: str | None = None) -> tuple[Any, ...]:
        return environment, version, dry, host

    with reviewing(desk, yes(desk)) as came:
        assert deploy("production", 2, host="web-2") == ("production", 2, False, "web-2")
    assert came[0].tool == "deploy"
    assert came[0].arguments == {"environment": "production", "version": 2, "dry": False, "host": "web-2"}
    assert list(came[0].arguments) == ["environment", "version", "dry", "host"]
    assert history(desk, came[0])[-1] == "outcome"


def test_the_same_call_written_in_another_way_is_the_same_call(gate: Gate, desk: BlockingStore) -> None:
    @gate.requires_approval
    def deploy(environment: str, version: int = 1) -> str:
        return f"{environment} {version}"

    with reviewing(desk, yes(desk), yes(desk)) as came:
        deploy("production")
        deploy(version=1, environment="production")
    assert came[0].fingerprint == came[1].fingerprint


def test_further_arguments_are_a_list_and_further_keywords_stand_beside_the_others(
    gate: Gate, desk: BlockingStore
) -> None:
    @gate.requires_approval
    def copy(first: str, *others: str, into: str, **options: Any) -> tuple[Any, ...]:
        return first, others, into, options

    with reviewing(desk, yes(desk), yes(desk)) as came:
        assert copy("a", "b", "c", into="x", mode=1, others_too=[2]) == (
            "a",
            ("b", "c"),
            "x",
            {"mode": 1, "others_too": [2]},
        )
        assert copy("a", into="x") == ("a", (), "x", {})
    assert came[0].arguments == {"first": "a", "others": ["b", "c"], "into": "x", "mode": 1, "others_too": [2]}
    assert came[1].arguments == {"first": "a", "others": [], "into": "x"}


@pytest.mark.parametrize("keyword", ["others", "options", "first"])
def test_a_keyword_that_is_named_like_a_parameter_cannot_pass_for_it(
    keyword: str, gate: Gate, desk: BlockingStore
) -> None:
    @gate.requires_approval
    def copy(first: str, /, *others: str, **options: Any) -> tuple[Any, ...]:
        return first, others, options

    if keyword == "options":
        with reviewing(desk, yes(desk)):
            assert copy("a", "b", **{keyword: "x"}) == ("a", ("b",), {"options": "x"})
    else:
        with pytest.raises(InvalidInput, match="twice"):
            copy("a", "b", **{keyword: "x"})
        assert desk.reviewer.head() is None


def test_what_runs_is_the_json_that_was_shown(gate: Gate, desk: BlockingStore) -> None:
    class Level(enum.StrEnum):
        HIGH = "high"

    @gate.requires_approval
    def note(level: Any, pair: Any, numbers: Any) -> Any:
        return level, pair, numbers

    with reviewing(desk, yes(desk)):
        level, pair, numbers = note(Level.HIGH, (1, 2), {"a": 1.5})
    assert (type(level), level) == (str, "high")
    assert (pair, numbers) == ([1, 2], {"a": 1.5})


def test_a_call_that_does_not_fit_the_function_asks_nobody(gate: Gate, desk: BlockingStore) -> None:
    @gate.requires_approval
    def deploy(environment: str) -> None: ...

    wrong_calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
        ((), {}),
        (("a", "b"), {}),
        ((), {"environment": "a", "version": 1}),
    ]
    for positional, keywords in wrong_calls:
        with pytest.raises(TypeError):
            deploy(*positional, **keywords)
    assert desk.reviewer.head() is None


# --- methods -----------------------------------------------------------------------------------


def test_a_methods_object_is_no_argument_and_reaches_the_method(gate: Gate, desk: BlockingStore) -> None:
    class Host:
        def __init__(self, name: str) -> None:
            self.name = name

        @gate.requires_approval
        def restart(self, service: str) -> str:
            return f"{self.name}: {service}"

        @classmethod
        @gate.requires_approval
        def rename(cls, name: str) -> str:
            return f"{cls.__name__} {name}"

        @staticmethod
        @gate.requires_approval
        def reload(service: str) -> str:
            return service

        @gate.requires_approval
        async def stop(self, service: str) -> str:
            return f"{self.name} stops {service}"

    with reviewing(desk, *[edit(desk, {"service": "nginx"}), edit(desk, {"name": "b"}), yes(desk)]) as came:
        assert Host("web-2").restart("cron") == "web-2: nginx"
        assert Host.rename("a") == "Host b"
        assert Host.reload("cron") == "cron"
    assert [request.arguments for request in came] == [{"service": "cron"}, {"name": "a"}, {"service": "cron"}]

    async def stop() -> str:
        try:
            return await Host("web-2").stop("cron")
        finally:
            await gate.aclose()

    with reviewing(desk, yes(desk)) as came:
        assert asyncio.run(stop()) == "web-2 stops cron"
    assert came[0].arguments == {"service": "cron"}


# --- edits -------------------------------------------------------------------------------------


def test_a_reviewers_edits_are_put_back_where_the_arguments_were(gate: Gate, desk: BlockingStore) -> None:
    @gate.requires_approval
    def copy(first: str, /, second: str, *others: str, into: str = "y", **options: Any) -> tuple[Any, ...]:
        return first, second, others, into, options

    edited = {"first": "A", "second": "B", "others": ["C", "D"], "into": "z", "mode": 2, "new": [3]}
    with reviewing(desk, edit(desk, edited)) as came:
        assert copy("a", "b", "c", mode=1) == ("A", "B", ("C", "D"), "z", {"mode": 2, "new": [3]})
    assert came[0].arguments == {"first": "a", "second": "b", "others": ["c"], "into": "y", "mode": 1}


@pytest.mark.parametrize(
    ("edited", "what"),
    [
        ({}, "lack 'name'"),
        ({"name": "b", "others": [], "force": True}, "have 'force', which the function does not take"),
        ({"name": "b"}, "lack 'others'"),
        ({"name": "b", "others": "c"}, "have no list for 'others'"),
    ],
)
def test_edits_that_do_not_fit_the_function_withdraw_the_request(
    edited: dict[str, Any], what: str, gate: Gate, desk: BlockingStore
) -> None:
    @gate.requires_approval
    def delete_branch(name: str, *others: str) -> None:
        raise AssertionError("the function ran")

    with reviewing(desk, edit(desk, edited)) as came, pytest.raises(InvalidInput) as caught:
        delete_branch("a")
    assert what in str(caught.value)
    assert "The function was not called." in str(caught.value)
    assert desk.reviewer.get(came[0].id).status == "cancelled"
    assert history(desk, came[0]) == ["submitted", "edited", "approved", "consumed", "rolled_back", "cancelled"]
    assert_sound(desk)


def test_an_error_of_the_function_itself_is_a_failure_and_not_an_unfit_edit(gate: Gate, desk: BlockingStore) -> None:
    @gate.requires_approval
    def delete_branch(name: str) -> None:
        raise InvalidInput("No such branch.", not_done="", to_do="")

    with reviewing(desk, yes(desk)) as came, pytest.raises(InvalidInput):
        delete_branch("a")
    assert desk.reviewer.get(came[0].id).outcome == "failed"


# --- the function outside ----------------------------------------------------------------------


def test_generators_are_refused_when_they_are_decorated(gate: Gate) -> None:
    def plain() -> Iterator[int]:
        yield 1

    async def on_a_loop() -> AsyncIterator[int]:
        yield 1

    for generator in (plain, on_a_loop):
        with pytest.raises(TypeError, match="is a generator"):
            gate.requires_approval(generator)


def test_name_documentation_and_signature_are_kept(gate: Gate) -> None:
    def delete_branch(name: str, force: bool = False) -> int:
        """Deletes a branch."""
        return len(name)

    async def delete_tag(name: str) -> int:
        """Deletes a tag."""
        return len(name)

    for function in (delete_branch, delete_tag):
        guarded = gate.requires_approval(function)
        assert guarded.__name__ == function.__name__
        assert guarded.__doc__ == function.__doc__
        assert inspect.signature(guarded) == inspect.signature(function)
        assert inspect.iscoroutinefunction(guarded) == inspect.iscoroutinefunction(function)


def test_tool_reason_and_risk_may_be_named_where_the_function_is_decorated(gate: Gate, desk: BlockingStore) -> None:
    @gate.requires_approval(tool="git_delete", reason="Cleans up.", risk="high")
    def delete_branch(name: str) -> str:
        return name

    with reviewing(desk, yes(desk)) as came:
        assert delete_branch("a") == "a"
    assert (came[0].tool, came[0].reason, came[0].risk) == ("git_delete", "Cleans up.", "high")


def test_a_denied_function_does_not_run(gate: Gate, desk: BlockingStore) -> None:
    @gate.requires_approval
    def delete_branch(name: str) -> None:
        raise AssertionError("the function ran")

    with (
        reviewing(desk, lambda request: deny(desk, request, "Keep it.")),
        pytest.raises(ApprovalDenied, match="Keep it"),
    ):
        delete_branch("main")


def test_what_the_function_raises_is_raised_and_reported(gate: Gate, desk: BlockingStore) -> None:
    @gate.requires_approval
    def delete_branch(name: str) -> None:
        raise FileNotFoundError(name)

    with reviewing(desk, yes(desk)) as came, pytest.raises(FileNotFoundError, match="main"):
        delete_branch("main")
    assert desk.reviewer.get(came[0].id).outcome_detail == "FileNotFoundError: main"


async def test_an_async_function_waits_on_the_loop_and_gives_its_result(store_path: str, desk: BlockingStore) -> None:
    async with new_gate(store_path) as gate:

        @gate.requires_approval
        async def deploy(environment: str, *hosts: str) -> tuple[Any, ...]:
            await asyncio.sleep(0)
            return environment, hosts

        @gate.requires_approval
        async def fail() -> None:
            raise ConnectionError("the host is down")

        with reviewing(desk, edit(desk, {"environment": "staging", "hosts": ["b"]}), yes(desk)) as came:
            assert await deploy("production", "a") == ("staging", ("b",))
            with pytest.raises(ConnectionError):
                await fail()
    assert came[0].arguments == {"environment": "production", "hosts": ["a"]}
    assert desk.reviewer.get(came[1].id).outcome == "failed"


async def test_an_async_function_whose_edits_do_not_fit_withdraws_the_request(
    store_path: str, desk: BlockingStore
) -> None:
    async with new_gate(store_path) as gate:

        @gate.requires_approval
        async def deploy(environment: str) -> None:
            raise AssertionError("the function ran")

        with reviewing(desk, edit(desk, {"place": "staging"})) as came, pytest.raises(InvalidInput, match="lack"):
            await deploy("production")
    assert desk.reviewer.get(came[0].id).status == "cancelled"


def test_every_call_of_a_function_asks_again(gate: Gate, desk: BlockingStore) -> None:
    @gate.requires_approval
    def delete_branch(name: str) -> str:
        return name

    with reviewing(desk, yes(desk), yes(desk)) as came:
        assert [delete_branch("a"), delete_branch("a")] == ["a", "a"]
    assert came[0].id != came[1].id
    with pytest.raises(ApprovalPending), gate.guard("delete_branch", {"name": "a"}, wait=False):
        raise AssertionError("the block ran")
