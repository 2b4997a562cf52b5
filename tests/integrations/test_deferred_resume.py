"""A run that ends while its calls wait, and other processes that resume it from the store's decisions."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic_ai.messages import ToolCallPart
from pydantic_ai.tools import DeferredToolRequests

from approval_tui.domain.models import Request
from approval_tui.integrations.pydantic_ai import approve_in_console
from approval_tui.store.blocking import BlockingStore
from tests.gate.both_forms import waiters
from tests.integrations.resuming_agent import (
    ENDLESS,
    REQUESTS,
    Answer,
    Job,
    OtherProcess,
    OtherProcesses,
    cleaner,
    deleted,
    other_processes,
)
from tests.integrations.runs import call
from tests.integrations.scripted_reviewer import no, scripted_reviewer
from tests.support import ANN, approve, assert_sound, deny, event_names, until


@pytest.fixture(scope="module")
def processes() -> Iterator[OtherProcesses]:
    with other_processes() as started:
        yield started


class Ended:
    """A run that ended with open calls, as it is kept: as JSON, and in the store."""

    def __init__(self, processes: OtherProcesses, job: Job, desk: BlockingStore) -> None:
        self._processes = processes
        self._job = job
        self._jobs = 0
        requests = REQUESTS.validate_json(job.requests)
        self.requests: dict[str, Request] = {
            call.tool_call_id: desk.reviewer.get(requests.metadata[call.tool_call_id]["approval_tui"]["request"])
            for call in requests.approvals
        }

    def begin(self, *, wait: bool = False, folder: str | None = None, go: str | None = None) -> OtherProcess:
        """Another process that resumes it."""
        self._jobs += 1
        job = replace(self._job, wait=wait, go=go, answer=f"{self._job.answer}.{self._jobs}")
        return self._processes.begin(replace(job, folder=folder or job.folder))

    def resume(self) -> Answer:
        """What another process makes of it."""
        return self.begin().answer()

    def deleted(self) -> list[str]:
        """What was deleted so far, in whichever process."""
        return deleted(self._job.ledger)


async def ended_run(tmp_path: Path, processes: OtherProcesses, desk: BlockingStore, *calls: ToolCallPart) -> Ended:
    """A run that makes these calls and ends, since nobody decides."""
    ledger = str(tmp_path / "ledger")
    console = approve_in_console(wait=False, timeout="1m")
    run = await cleaner(ledger, calls, console=console).run("clean up")
    assert isinstance(run.output, DeferredToolRequests)
    assert deleted(ledger) == []
    messages, requests = run.all_messages_json().decode(), REQUESTS.dump_json(run.output).decode()
    return Ended(processes, Job(messages, requests, ledger, str(tmp_path / "answer")), desk)


async def test_another_process_resumes_a_run_and_runs_exactly_what_was_approved(
    tmp_path: Path, processes: OtherProcesses, desk: BlockingStore
) -> None:
    calls = [call("delete", each, path=each) for each in ("a", "b", "c")]
    run = await ended_run(tmp_path, processes, desk, *calls)
    assert [request.status for request in run.requests.values()] == ["pending"] * 3

    nothing_decided = run.resume()
    assert nothing_decided == Answer({}, ["a", "b", "c"], {})
    assert {request.id for request in desk.reviewer.list()} == {request.id for request in run.requests.values()}

    approve(desk, run.requests["a"])
    deny(desk, run.requests["b"], "b is still needed")
    partly_decided = run.resume()
    assert partly_decided.open == ["c"]
    assert partly_decided.verdicts["a"] == "approved"
    assert "b is still needed" in partly_decided.verdicts["b"]
    assert run.deleted() == []

    waiting = run.begin(wait=True)
    last = run.requests["c"]
    until(lambda: waiters(desk, last) == 1)
    desk.reviewer.decide(last.id, "approve", reviewer=ANN, digest=last.digest, edited_arguments={"path": "c.old"})
    told = waiting.answer().told
    assert told["a"] == ("success", "deleted a")
    assert told["b"][0] == "denied"
    assert "b is still needed" in told["b"][1]
    assert told["c"] == ("success", "deleted c.old")
    assert sorted(run.deleted()) == ["a", "c.old"]
    assert {each: desk.reviewer.get(run.requests[each].id).outcome for each in "abc"} == {
        "a": "succeeded",
        "b": None,
        "c": "succeeded",
    }

    again = run.resume().told
    assert "was started before, and it succeeded. It is not run again." in again["a"][1]
    assert "was started before, and it succeeded. It is not run again." in again["c"][1]
    assert sorted(run.deleted()) == ["a", "c.old"]
    assert desk.reviewer.list() == ()
    assert_sound(desk)


async def test_of_two_processes_that_resume_at_once_one_runs_the_call(
    tmp_path: Path, processes: OtherProcesses, desk: BlockingStore
) -> None:
    run = await ended_run(tmp_path, processes, desk, call("delete", "a", path="a"))
    approve(desk, run.requests["a"])
    go = str(tmp_path / "go")
    both = [run.begin(go=go), run.begin(go=go)]
    for process in both:
        process.until_ready()
    with open(go, "w", encoding="utf-8"):
        pass
    answers = [process.answer() for process in both]
    assert [answer.verdicts for answer in answers] == [{"a": "approved"}] * 2
    assert sorted(answer.told["a"][0] for answer in answers) == ["failed", "success"]
    assert run.deleted() == ["a"]
    assert desk.reviewer.list() == ()


async def test_a_call_whose_process_was_killed_while_it_ran_is_not_run_again(
    tmp_path: Path, processes: OtherProcesses, desk: BlockingStore
) -> None:
    run = await ended_run(tmp_path, processes, desk, call("delete", "a", path=ENDLESS), call("delete", "b", path="b"))
    approve(desk, run.requests["a"])
    deny(desk, run.requests["b"])
    killed = run.begin()
    until(run.deleted)
    killed.kill()
    later = run.resume().told
    assert "was started before, and how it ended is not known. It is not run again." in later["a"][1]
    assert later["b"][0] == "denied"
    assert run.deleted() == [ENDLESS]
    assert event_names(desk, run.requests["a"])[-1] == "request_consumed"


async def test_a_process_in_another_folder_asks_anew(
    tmp_path: Path, processes: OtherProcesses, desk: BlockingStore, default_store: str
) -> None:
    run = await ended_run(tmp_path, processes, desk, call("delete", "a", path="a"))
    approve(desk, run.requests["a"])
    with scripted_reviewer(default_store, lambda _: no("not there")) as reviewer:
        told = run.begin(folder=str(tmp_path)).answer().told
    (asked,) = reviewer.requests
    assert asked.context == {"working_directory": os.path.realpath(tmp_path)}
    assert "not there" in told["a"][1]
    assert run.deleted() == []
    assert run.resume().told["a"] == ("success", "deleted a")  # in the folder for which it was approved
