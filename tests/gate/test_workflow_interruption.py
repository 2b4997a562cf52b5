"""A workflow that is cancelled, killed, or left without its store runs nothing more, and the log says so."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from approval_tui import Gate, StoreUnavailable
from approval_tui.domain.attempts import DraftAttempt
from approval_tui.domain.canonical import JsonObject
from approval_tui.gate.workflow import ApprovalWorkflow
from approval_tui.gate.workflow_results import Completed, Rejected, ValidationFailed
from approval_tui.store.blocking import BlockingStore
from tests.gate.both_forms import FORMS, history, new_gate, pending_after, reviewing, waiters
from tests.gate.policies import edit
from tests.gate.workflows import DRAFT, OTHER_DRAFT, TASK, Part, never, only_request, requests_of, run
from tests.support import LONG, ROOT, approve, assert_sound, deny, until

# --- cancelled ---------------------------------------------------------------------------------


async def cancelled(task: asyncio.Task[Any]) -> None:
    """Cancels the task and waits for its end."""
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_workflow_that_is_cancelled_while_it_waits_withdraws_its_request(
    store_path: str, desk: BlockingStore
) -> None:
    async with new_gate(store_path) as gate:
        workflow: ApprovalWorkflow[Any] = ApprovalWorkflow(
            draft=Part(DRAFT, never), execute=Part(never), gate=gate, tool="shell", max_retries=2
        )
        task = asyncio.create_task(workflow.run(TASK))
        request = await asyncio.to_thread(pending_after, desk, set())
        await asyncio.to_thread(until, lambda: waiters(desk, request) == 1)
        await cancelled(task)
    assert history(desk, request) == ["submitted", "cancelled"]
    assert only_request(desk).attempt == DraftAttempt(1, 3)


@pytest.mark.parametrize("part", ["draft", "validate", "execute", "validate the edit"])
async def test_a_workflow_that_is_cancelled_inside_a_function_runs_nothing_more(
    part: str, store_path: str, desk: BlockingStore
) -> None:
    is_inside = asyncio.Event()

    async def stay(_: Any) -> NoReturn:
        is_inside.set()
        await asyncio.Event().wait()
        raise AssertionError("the event was never set")

    given: dict[str, Any] = {"draft": Part(DRAFT, never), "validate": Part(True), "execute": Part(never)}
    if part == "validate the edit":
        given["validate"] = lambda draft: True if draft == DRAFT else stay(draft)
    else:
        given[part] = stay
    async with new_gate(store_path) as gate:
        asked = await gate.submit("shell", DRAFT)
        edit(desk, asked, OTHER_DRAFT)
        workflow: ApprovalWorkflow[Any] = ApprovalWorkflow(gate=gate, tool="shell", max_retries=2, **given)
        task = asyncio.create_task(workflow.run(TASK))
        await is_inside.wait()
        await cancelled(task)
    request = only_request(desk)
    expected = ("consumed", "failed", "CancelledError") if part == "execute" else ("approved", None, None)
    assert (request.status, request.outcome, request.outcome_detail) == expected
    assert_sound(desk)


# --- the store away ----------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_without_a_store_nothing_runs(form: str, tmp_path: Path) -> None:
    (tmp_path / "approvals.db").mkdir()
    with new_gate(str(tmp_path / "approvals.db")) as gate, pytest.raises(StoreUnavailable):
        run(form, gate, draft=Part(DRAFT, never), validate=Part(True), execute=Part(never), max_retries=2)


@pytest.mark.usefixtures("store_looks_each_time")
@pytest.mark.parametrize("form", FORMS)
def test_a_store_that_goes_away_between_two_attempts_ends_the_workflow(
    form: str, gate: Gate, desk: BlockingStore
) -> None:
    def lose_the_store(_: Any) -> JsonObject:
        os.rename(desk.location, f"{desk.location}.moved")
        return OTHER_DRAFT

    with reviewing(desk, lambda request: deny(desk, request)), pytest.raises(StoreUnavailable):
        run(form, gate, draft=Part(DRAFT, lose_the_store, never), execute=Part(never), max_retries=2)


@pytest.mark.usefixtures("store_looks_each_time")
@pytest.mark.parametrize("form", FORMS)
def test_a_store_that_goes_away_before_the_outcome_does_not_hide_the_result(
    form: str, gate: Gate, desk: BlockingStore, caplog: pytest.LogCaptureFixture
) -> None:
    def lose_the_store(_: JsonObject) -> str:
        os.rename(desk.location, f"{desk.location}.moved")
        return "deployed"

    approve(desk, gate.submit_blocking("shell", DRAFT))
    with caplog.at_level(logging.ERROR, "approval_tui.gate"):
        result = run(form, gate, draft=Part(DRAFT), execute=Part(lose_the_store))
    assert isinstance(result, Completed)
    assert result.result == "deployed"
    assert "the outcome succeeded of request" in caplog.text


@pytest.mark.usefixtures("store_looks_each_time")
@pytest.mark.parametrize("form", FORMS)
def test_an_edit_that_does_not_pass_does_not_run_though_the_approval_cannot_be_given_back(
    form: str, gate: Gate, desk: BlockingStore
) -> None:
    def lose_the_store(_: JsonObject) -> bool:
        os.rename(desk.location, f"{desk.location}.moved")
        return False

    edit(desk, gate.submit_blocking("shell", DRAFT), OTHER_DRAFT)
    result = run(form, gate, draft=Part(DRAFT), validate=Part(True, lose_the_store), execute=Part(never))
    assert isinstance(result, ValidationFailed)


# --- ended from outside ------------------------------------------------------------------------


@contextlib.contextmanager
def deploying(form: str, store: str) -> Iterator[subprocess.Popen[str]]:
    """A process in which a workflow runs in that form; it says when it carries its draft out, and stays there."""
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "tests.gate.workers.deploying", form, store],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as agent:
        try:
            yield agent
        finally:
            agent.kill()


@pytest.mark.parametrize("form", FORMS)
def test_ctrl_c_while_a_workflow_waits_withdraws_its_request(form: str, store_path: str, desk: BlockingStore) -> None:
    with deploying(form, store_path) as agent:
        request = pending_after(desk, set())
        until(lambda: waiters(desk, request) == 1)
        agent.send_signal(signal.SIGINT)
        printed, said = agent.communicate(timeout=LONG)
    assert (printed, agent.returncode) == ("", -signal.SIGINT)
    assert said.endswith("KeyboardInterrupt\n")
    assert history(desk, request) == ["submitted", "cancelled"]


@pytest.mark.parametrize("form", FORMS)
def test_a_process_that_is_killed_while_it_carries_the_draft_out_leaves_a_claim_in_doubt_and_nothing_runs_twice(
    form: str, store_path: str, desk: BlockingStore
) -> None:
    with deploying(form, store_path) as agent, reviewing(desk, lambda request: approve(desk, request)) as came:
        assert agent.stdout is not None
        assert agent.stdout.readline() == "running make deploy\n"
        agent.kill()
    assert agent.returncode == -signal.SIGKILL
    until(lambda: desk.reviewer.get(came[0].id).in_doubt)
    with (
        new_gate(store_path, session="run-1") as gate,
        reviewing(desk, lambda request: deny(desk, request, "Look at the first one.")),
    ):
        result = run(form, gate, draft=Part(DRAFT), execute=Part(never))
    assert isinstance(result, Rejected)
    first, second = requests_of(desk)
    assert (first.id, first.status, first.outcome) == (came[0].id, "consumed", None)
    assert result.rejection is not None
    assert result.rejection.request_id == second.id
    assert_sound(desk)
