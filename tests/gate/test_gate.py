"""The gate: the block runs after a yes and only then, with what was approved, and its end is reported (R2, R6)."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import threading
from pathlib import Path
from typing import Any, NoReturn

import pytest

from approval_tui import (
    ApprovalCancelled,
    ApprovalDenied,
    ApprovalExpired,
    ApprovalPending,
    Gate,
    NotApproved,
    StoreUnavailable,
)
from approval_tui.domain.clock import MINUTE
from approval_tui.domain.errors import ConfigurationError, InvalidInput, InvalidJson
from approval_tui.domain.models import Request
from approval_tui.gate.guard import GuardedCall
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from tests.gate.both_forms import FORMS, MAKE_DEPLOY, history, new_gate, pending_after, reviewing, use, waiters
from tests.support import ANN, approve, assert_sound, deny, until


def must_not_run(call: GuardedCall) -> NoReturn:
    raise AssertionError(f"the block ran with {call.arguments}")


def only_request(desk: BlockingStore) -> Request:
    """The one request of the store, as it is now."""
    (request,) = [*desk.reviewer.list(), *desk.reviewer.history()]
    return request


# --- yes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_an_approved_block_runs_with_the_claims_arguments_and_its_end_is_reported(
    form: str, gate: Gate, desk: BlockingStore
) -> None:
    with reviewing(desk, lambda request: approve(desk, request)) as came:
        result = use(form, gate, lambda call: (call.id, call.arguments, desk.reviewer.get(str(call.id)).status))
    assert result == (came[0].id, MAKE_DEPLOY, "consumed")
    request = only_request(desk)
    assert (request.status, request.outcome, request.outcome_detail) == ("consumed", "succeeded", None)
    assert history(desk, request) == ["submitted", "approved", "consumed", "outcome"]
    assert_sound(desk)


@pytest.mark.parametrize("form", FORMS)
def test_edited_arguments_reach_the_block_in_the_place_of_the_agents(
    form: str, gate: Gate, desk: BlockingStore
) -> None:
    def edit(request: Request) -> None:
        desk.reviewer.decide(
            request.id, "approve", reviewer=ANN, digest=request.digest, edited_arguments={"command": "make check"}
        )

    with reviewing(desk, edit):
        ran = use(form, gate, lambda call: (call.arguments, call.request and call.request.arguments))
    assert ran == ({"command": "make check"}, MAKE_DEPLOY)


@pytest.mark.parametrize("form", FORMS)
def test_what_the_agent_changes_after_asking_does_not_run(form: str, gate: Gate, desk: BlockingStore) -> None:
    arguments = {"steps": ["check"]}

    def approve_and_change(request: Request) -> None:
        arguments["steps"].append("publish")
        approve(desk, request)

    with reviewing(desk, approve_and_change):
        ran = use(form, gate, lambda call: call.arguments, arguments=arguments)
    assert ran == {"steps": ["check"]}


@pytest.mark.parametrize("form", FORMS)
def test_a_request_carries_what_gate_and_call_say_of_themselves(
    form: str, store_path: str, desk: BlockingStore
) -> None:
    gate = Gate("release-bot", session="run-7", server="ops", store=store_path, context={"host": "web-2"}, timeout="2m")
    with gate, reviewing(desk, lambda request: approve(desk, request)) as came:
        use(form, gate, lambda call: None, reason="All checks passed.", risk="high", server="web")
    (request,) = came
    assert (request.tool, request.requester, request.session, request.server) == (
        "shell",
        "release-bot",
        "run-7",
        "web",
    )
    assert (request.reason, request.risk, request.context) == ("All checks passed.", "high", {"host": "web-2"})
    assert request.expires_at - request.created_at == 2 * MINUTE


def test_by_default_the_working_directory_is_the_context(
    store_path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with Gate("release-bot", store=store_path) as gate:
        assert gate.submit_blocking("shell", MAKE_DEPLOY).context == {"working_directory": str(tmp_path)}
        assert gate.submit_blocking("shell", MAKE_DEPLOY, context={"a": 1}).context == {"a": 1}


def test_durations_come_from_the_call_then_the_gate_then_the_configuration(store_path: str, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("requests:\n  timeout: 3m\n  approval_lifetime: 4m\n")
    with Gate("release-bot", store=store_path, config=str(config)) as gate:
        configured = gate.submit_blocking("a", {})
        given = gate.submit_blocking("b", {}, timeout=60)
    with Gate("release-bot", store=store_path, config=str(config), approval_lifetime="5m", timeout="6m") as gate:
        set_by_gate = gate.submit_blocking("c", {})
    assert [each.expires_at - each.created_at for each in (configured, given, set_by_gate)] == [
        3 * MINUTE,
        MINUTE,
        6 * MINUTE,
    ]
    assert [each.approval_lifetime for each in (configured, given, set_by_gate)] == [4 * MINUTE, 4 * MINUTE, 5 * MINUTE]


# --- no ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_a_denied_call_does_not_run_and_the_error_carries_the_reviewers_reason(
    form: str, gate: Gate, desk: BlockingStore
) -> None:
    with (
        reviewing(desk, lambda request: deny(desk, request, "Not on a Friday.")),
        pytest.raises(ApprovalDenied) as caught,
    ):
        use(form, gate, must_not_run)
    assert caught.value.reason == "Not on a Friday."
    assert "denied by ann: Not on a Friday." in str(caught.value)
    assert caught.value.request == only_request(desk)
    assert caught.value.request.status == "denied"
    assert history(desk, caught.value.request) == ["submitted", "denied"]


@pytest.mark.parametrize("form", FORMS)
def test_a_denial_without_a_reason_says_so(form: str, gate: Gate, desk: BlockingStore) -> None:
    with reviewing(desk, lambda request: deny(desk, request)), pytest.raises(ApprovalDenied) as caught:
        use(form, gate, must_not_run)
    assert caught.value.reason is None
    assert "without a reason" in str(caught.value)


@pytest.mark.parametrize("form", FORMS)
def test_the_same_call_again_gets_the_same_denial_without_asking(form: str, gate: Gate, desk: BlockingStore) -> None:
    denied = deny(desk, gate.submit_blocking("shell", MAKE_DEPLOY), "No.")
    with pytest.raises(ApprovalDenied, match="No\\."):
        use(form, gate, must_not_run)
    assert only_request(desk).id == denied.id


@pytest.mark.parametrize("form", FORMS)
def test_a_call_that_nobody_decides_in_time_expires(form: str, gate: Gate, desk: BlockingStore) -> None:
    with pytest.raises(ApprovalExpired, match="was not decided in time"):
        use(form, gate, must_not_run, timeout="30ms")
    assert history(desk, only_request(desk)) == ["submitted", "expired"]


@pytest.mark.parametrize("form", FORMS)
def test_a_call_that_a_reviewer_expires_does_not_run(form: str, gate: Gate, desk: BlockingStore) -> None:
    with (
        reviewing(desk, lambda request: desk.reviewer.expire(request.id, reviewer=ANN)),
        pytest.raises(ApprovalExpired),
    ):
        use(form, gate, must_not_run)


@pytest.mark.parametrize("form", FORMS)
def test_a_call_that_its_requester_withdraws_elsewhere_does_not_run(form: str, gate: Gate, desk: BlockingStore) -> None:
    with (
        reviewing(desk, lambda request: desk.requester.cancel(request.id, requester="release-bot")),
        pytest.raises(ApprovalCancelled, match="was withdrawn"),
    ):
        use(form, gate, must_not_run)


@pytest.mark.parametrize("form", FORMS)
def test_an_approval_that_was_revoked_before_its_use_is_a_denial(form: str, gate: Gate, desk: BlockingStore) -> None:
    request = gate.submit_blocking("shell", MAKE_DEPLOY)
    approve(desk, request)
    desk.reviewer.revoke(request.id, reviewer=ANN, reason="The window was moved.")
    with pytest.raises(ApprovalDenied) as caught:
        use(form, gate, must_not_run)
    assert caught.value.reason == "The window was moved."


@pytest.mark.parametrize("form", FORMS)
def test_every_refusal_is_a_not_approved_that_names_the_request(form: str, gate: Gate, desk: BlockingStore) -> None:
    with reviewing(desk, lambda request: deny(desk, request)) as came, pytest.raises(NotApproved) as caught:
        use(form, gate, must_not_run)
    assert caught.value.request is not None
    assert caught.value.request.id == came[0].id
    assert came[0].id in str(caught.value)
    assert "The call did not run." in str(caught.value)


# --- how the block ends ------------------------------------------------------------------------


class ExitStatus(Exception):
    pass


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (ExitStatus("exit 1"), "ExitStatus: exit 1"),
        (ExitStatus(), "ExitStatus"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (ValueError("odd \ud800 and \u202e"), "ValueError: odd \\ud800 and \u202e"),
    ],
    ids=["text", "no text", "interrupt", "odd text"],
)
def test_an_exception_inside_reports_failed_with_its_type_and_message(
    form: str, error: BaseException, detail: str, gate: Gate, desk: BlockingStore
) -> None:
    def fail(_: GuardedCall) -> NoReturn:
        raise error

    with reviewing(desk, lambda request: approve(desk, request)), pytest.raises(type(error)):
        use(form, gate, fail)
    request = only_request(desk)
    assert (request.outcome, request.outcome_detail) == ("failed", detail)
    assert_sound(desk)


@pytest.mark.parametrize("form", FORMS)
def test_a_very_long_message_is_reported_as_far_as_there_is_room(form: str, gate: Gate, desk: BlockingStore) -> None:
    def fail(_: GuardedCall) -> NoReturn:
        raise ExitStatus("é" * 100_000)

    with reviewing(desk, lambda request: approve(desk, request)), pytest.raises(ExitStatus):
        use(form, gate, fail)
    detail = only_request(desk).outcome_detail
    assert detail is not None
    assert detail.startswith("ExitStatus: éé")
    assert len(detail) > 10_000


@pytest.mark.parametrize("form", FORMS)
def test_a_call_that_did_not_run_gives_its_approval_back_for_the_next_attempt(
    form: str, gate: Gate, desk: BlockingStore
) -> None:
    with reviewing(desk, lambda request: approve(desk, request)):
        use(form, gate, lambda call: call.did_not_run())
    request = only_request(desk)
    assert (request.status, request.outcome, request.consumed_at) == ("approved", None, None)
    assert use(form, gate, lambda call: call.id) == request.id
    assert history(desk, request) == [
        "submitted",
        "approved",
        "consumed",
        "rolled_back",
        "reused",
        "consumed",
        "outcome",
    ]
    assert_sound(desk)


@pytest.mark.parametrize("form", FORMS)
def test_an_exception_before_the_call_ran_gives_the_approval_back_and_is_raised(
    form: str, gate: Gate, desk: BlockingStore
) -> None:
    def give_up(call: GuardedCall) -> NoReturn:
        call.did_not_run()
        raise ExitStatus("the host is down")

    with reviewing(desk, lambda request: approve(desk, request)), pytest.raises(ExitStatus):
        use(form, gate, give_up)
    request = only_request(desk)
    assert request.status == "approved"
    last = desk.reviewer.events(request_id=request.id)[-1]
    assert last.body["details"] == {"detail": "ExitStatus: the host is down"}


@pytest.mark.parametrize("form", FORMS)
def test_a_call_that_ran_is_not_run_again_on_the_same_approval(form: str, gate: Gate, desk: BlockingStore) -> None:
    with reviewing(desk, lambda request: approve(desk, request)):
        use(form, gate, lambda call: None)
    with pytest.raises(ApprovalPending):
        use(form, gate, must_not_run, wait=False)


def test_a_guard_stands_around_one_call_only(gate: Gate, desk: BlockingStore) -> None:
    guard = gate.guard("shell", MAKE_DEPLOY, wait=False)
    approve(desk, gate.submit_blocking("shell", MAKE_DEPLOY))
    with guard:
        pass
    with pytest.raises(RuntimeError, match="one call"), guard:
        raise AssertionError("the block ran again")


# --- without waiting ---------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_without_waiting_the_same_call_later_finds_its_approval_and_uses_it(
    form: str, gate: Gate, desk: BlockingStore
) -> None:
    with pytest.raises(ApprovalPending) as first:
        use(form, gate, must_not_run, wait=False)
    with pytest.raises(ApprovalPending) as second:
        use(form, gate, must_not_run, wait=False)
    request = first.value.request
    assert second.value.request.id == request.id
    assert f"approval-tui approve {request.id}" in str(first.value)
    assert desk.reviewer.get(request.id).status == "pending"
    approve(desk, request)
    assert use(form, gate, lambda call: (call.id, call.arguments), wait=False) == (request.id, MAKE_DEPLOY)
    assert desk.reviewer.get(request.id).outcome == "succeeded"
    with pytest.raises(ApprovalPending) as third:
        use(form, gate, must_not_run, wait=False)
    assert third.value.request.id != request.id


@pytest.mark.parametrize("form", FORMS)
def test_without_waiting_a_denial_is_met_as_a_denial(form: str, gate: Gate, desk: BlockingStore) -> None:
    with pytest.raises(ApprovalPending) as caught:
        use(form, gate, must_not_run, wait=False)
    deny(desk, caught.value.request, "No.")
    with pytest.raises(ApprovalDenied, match="No\\."):
        use(form, gate, must_not_run, wait=False)


@pytest.mark.parametrize("change", [{"arguments": {"command": "make publish"}}, {"tool": "other"}, {"server": "x"}])
def test_an_approval_serves_no_other_call(change: dict[str, Any], gate: Gate, desk: BlockingStore) -> None:
    approve(desk, gate.submit_blocking("shell", MAKE_DEPLOY))
    with pytest.raises(ApprovalPending):
        use("blocking", gate, must_not_run, wait=False, **change)


def test_an_approval_serves_no_other_requester_and_no_other_context(
    gate: Gate, store_path: str, desk: BlockingStore
) -> None:
    approve(desk, gate.submit_blocking("shell", MAKE_DEPLOY))
    for other in (
        Gate("build-bot", session="run-1", store=store_path, context={}),
        Gate("release-bot", session="run-1", store=store_path, context={"working_directory": "/srv"}),
    ):
        with other, pytest.raises(ApprovalPending):
            use("blocking", other, must_not_run, wait=False)


def test_asking_ahead_and_waiting_does_not_use_the_approval(gate: Gate, desk: BlockingStore) -> None:
    request = gate.submit_blocking("shell", MAKE_DEPLOY)
    assert gate.wait_blocking(request.id, timeout=0).status == "pending"
    with reviewing(desk, lambda each: approve(desk, each)):
        assert gate.wait_blocking(request.id).status == "approved"
    assert desk.reviewer.get(request.id).status == "approved"
    with gate.guard("shell", MAKE_DEPLOY, wait=False) as call:
        assert call.id == request.id


async def test_asking_ahead_and_waiting_on_an_event_loop_does_not_use_the_approval(
    store_path: str, desk: BlockingStore
) -> None:
    async with new_gate(store_path) as gate:
        request = await gate.submit("shell", MAKE_DEPLOY)
        assert (await gate.wait(request.id, timeout=0)).status == "pending"
        with reviewing(desk, lambda each: approve(desk, each)):
            assert (await gate.wait(request.id)).status == "approved"
        async with gate.guard("shell", MAKE_DEPLOY, wait=False) as call:
            assert call.id == request.id


# --- several callers ---------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_a_caller_that_loses_the_race_for_an_approval_asks_anew(
    form: str, store_path: str, desk: BlockingStore
) -> None:
    ran: list[str] = []

    def agent() -> None:
        with new_gate(store_path) as gate:
            use(form, gate, lambda call: ran.append(str(call.id)))

    threads = [threading.Thread(target=agent, daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    first = pending_after(desk, set())
    until(lambda: waiters(desk, first) == 2)
    approve(desk, first)
    second = pending_after(desk, {first.id})
    assert desk.reviewer.get(first.id).status == "consumed"
    approve(desk, second)
    for thread in threads:
        thread.join()
    assert sorted(ran) == sorted([first.id, second.id])
    assert history(desk, first) == ["submitted", "reused", "approved", "consumed", "outcome"]
    assert_sound(desk)


async def test_parallel_guards_of_one_gate_each_run_their_own_call(store_path: str, desk: BlockingStore) -> None:
    def edit(request: Request) -> None:
        arguments = {"number": request.arguments["number"], "seen": True}
        desk.reviewer.decide(request.id, "approve", reviewer=ANN, digest=request.digest, edited_arguments=arguments)

    async with new_gate(store_path) as gate:

        async def agent(number: int) -> Any:
            async with gate.guard("shell", {"number": number}) as call:
                return call.arguments

        with reviewing(desk, *[edit] * 20):
            ran = await asyncio.gather(*(agent(number) for number in range(20)))
    assert ran == [{"number": number, "seen": True} for number in range(20)]
    assert {request.outcome for request in desk.reviewer.history()} == {"succeeded"}
    assert_sound(desk)


async def test_one_denial_does_not_touch_the_other_guards_of_the_loop(store_path: str, desk: BlockingStore) -> None:
    def judge(request: Request) -> None:
        (deny if request.arguments["number"] == 3 else approve)(desk, request)

    async with new_gate(store_path) as gate:

        async def agent(number: int) -> int:
            async with gate.guard("shell", {"number": number}):
                return number

        with reviewing(desk, *[judge] * 6):
            ended = await asyncio.gather(*(agent(number) for number in range(6)), return_exceptions=True)
    assert isinstance(ended.pop(3), ApprovalDenied)
    assert ended == [0, 1, 2, 4, 5]


def test_threads_may_share_a_blocking_gate(gate: Gate, desk: BlockingStore) -> None:
    ran: dict[int, Any] = {}

    def agent(number: int) -> None:
        with gate.guard("shell", {"number": number}) as call:
            ran[number] = call.arguments

    threads = [threading.Thread(target=agent, args=(number,), daemon=True) for number in range(8)]
    with reviewing(desk, *[lambda request: approve(desk, request)] * 8):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert ran == {number: {"number": number} for number in range(8)}
    assert_sound(desk)


def test_a_gate_may_serve_one_event_loop_after_another_and_blocking_code_between(
    gate: Gate, desk: BlockingStore
) -> None:
    async def ask(number: int) -> str | None:
        async with gate.guard("shell", {"number": number}) as call:
            return call.id

    with reviewing(desk, *[lambda request: approve(desk, request)] * 3) as came:
        first = asyncio.run(ask(1))
        with gate.guard("shell", {"number": 2}) as call:
            second = call.id
        third = asyncio.run(ask(3))
    assert [first, second, third] == [request.id for request in came]
    asyncio.run(gate.aclose())


# --- no store, no run --------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("how", ["folder", "no database", "other database", "below a file", "unknown engine"])
def test_without_a_usable_store_nothing_runs(form: str, how: str, tmp_path: Path) -> None:
    location = tmp_path / "approvals.db"
    if how == "folder":
        location.mkdir()
    elif how == "no database":
        location.write_text("no database at all, and longer than a header of a hundred bytes" * 4)
    elif how == "other database":
        with sqlite3.connect(location) as connection:
            connection.execute("CREATE TABLE other (a)")
        connection.close()
    elif how == "below a file":
        location.write_text("")
        location = location / "approvals.db"
    address = "redis://localhost/1" if how == "unknown engine" else str(location)
    with Gate("release-bot", store=address) as gate, pytest.raises(StoreUnavailable) as caught:
        use(form, gate, must_not_run)
    assert caught.value.to_do


@pytest.mark.parametrize("form", FORMS)
def test_with_a_broken_configuration_nothing_runs(form: str, store_path: str, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("requests:\n  timeuot: 3m\n")
    with (
        Gate("release-bot", store=store_path, config=str(config)) as gate,
        pytest.raises(ConfigurationError, match="timeuot"),
    ):
        use(form, gate, must_not_run)


@pytest.mark.parametrize("form", FORMS)
def test_a_store_that_goes_away_while_the_caller_waits_stops_the_call(
    form: str, gate: Gate, desk: BlockingStore
) -> None:
    with reviewing(desk, lambda request: os.unlink(desk.location)), pytest.raises(StoreUnavailable):
        use(form, gate, must_not_run)


@pytest.mark.usefixtures("store_looks_each_time")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("fails", [False, True])
def test_a_store_that_goes_away_before_the_outcome_does_not_hide_what_the_block_did(
    form: str, fails: bool, gate: Gate, desk: BlockingStore, caplog: pytest.LogCaptureFixture
) -> None:
    approve(desk, gate.submit_blocking("shell", MAKE_DEPLOY))

    def lose_the_store(_: GuardedCall) -> str:
        os.rename(desk.location, f"{desk.location}.moved")
        if fails:
            raise ExitStatus("exit 1")
        return "the result"

    with caplog.at_level(logging.ERROR, "approval_tui.gate"):
        if fails:
            with pytest.raises(ExitStatus):
                use(form, gate, lose_the_store)
        else:
            assert use(form, gate, lose_the_store) == "the result"
    outcome = "failed" if fails else "succeeded"
    assert f"the outcome {outcome} of request" in caplog.text
    os.rename(f"{desk.location}.moved", desk.location)
    with open_store_blocking(desk.location) as again:
        assert only_request(again).outcome is None


@pytest.mark.parametrize("form", FORMS)
def test_arguments_that_are_no_json_are_refused_before_anything_is_written(
    form: str, gate: Gate, desk: BlockingStore
) -> None:
    for arguments in ({"a": float("nan")}, {"a": object()}, {1: "a"}, {"a": "\ud800"}):
        with pytest.raises(InvalidJson):
            use(form, gate, must_not_run, arguments=arguments)
    assert desk.reviewer.head() is None


@pytest.mark.parametrize("duration", ["soon", "-1s", -1, True, "11y"])
def test_a_duration_that_is_none_is_refused_when_the_gate_is_made(duration: Any, store_path: str) -> None:
    with pytest.raises(InvalidInput, match="is not a duration"):
        Gate("release-bot", store=store_path, timeout=duration)
