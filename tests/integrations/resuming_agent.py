"""An agent that deletes files, and processes of its own that resume its runs.

Run as a program, this forks a process for each job, so that loading PydanticAI is paid once for all of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import IO, Any

from pydantic import TypeAdapter
from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessagesTypeAdapter
from pydantic_ai.tools import DeferredToolRequests, ToolApproved

from approval_tui.integrations.pydantic_ai import ConsoleApprovals, approve_in_console
from tests.integrations.runs import Step, model_that_calls, returned
from tests.support import LONG, ROOT, until

REQUESTS = TypeAdapter(DeferredToolRequests)
ENDLESS = "endless"
"""The path whose deletion does not end by itself."""


def cleaner(
    ledger: str, *steps: Step, console: ConsoleApprovals[Any], name: str = "cleaner"
) -> Agent[None, str | DeferredToolRequests]:
    """An agent whose one tool needs approval and writes what it did into the ledger, a file."""
    agent = Agent(model_that_calls(*steps), name=name, output_type=[str, DeferredToolRequests], capabilities=[console])

    @agent.tool_plain(requires_approval=True)
    async def delete(path: str) -> str:
        with open(ledger, "a", encoding="utf-8") as file:
            file.write(path + "\n")
        if path == ENDLESS:
            await asyncio.Event().wait()
        return f"deleted {path}"

    return agent


def deleted(ledger: str) -> list[str]:
    """What the tool did, in whichever process, in order."""
    try:
        with open(ledger, encoding="utf-8") as file:
            return file.read().split()
    except FileNotFoundError:
        return []


@dataclass(frozen=True)
class Job:
    """What a process is to resume, as JSON texts, and how; its answer goes into the file `answer`.

    Where there is a file name `go`, it runs only after that file came.
    """

    messages: str
    requests: str
    ledger: str
    answer: str
    wait: bool = False
    folder: str = field(default_factory=os.getcwd)
    go: str | None = None
    environment: dict[str, str] = field(
        default_factory=lambda: {
            name: value for name, value in os.environ.items() if name == "HOME" or name.startswith("APPROVAL_TUI_")
        }
    )


@dataclass(frozen=True)
class Answer:
    """What came of a job: the verdicts that it found, the calls still open, and what the model was told, if it ran."""

    verdicts: dict[str, str]
    open: list[str]
    told: dict[str, tuple[str, str]]


# --- in the process that resumes ---------------------------------------------------------------


async def resume(job: Job) -> Answer:
    """Takes the decisions from the store, and runs the agent on if there is one for each call."""
    console = approve_in_console(wait=False, timeout="1s")
    requests = REQUESTS.validate_json(job.requests)
    results = await console.decisions(requests, wait=job.wait)
    verdicts = {
        call_id: "approved" if isinstance(verdict, ToolApproved) else getattr(verdict, "message", repr(verdict))
        for call_id, verdict in results.approvals.items()
    }
    still_open = [call.tool_call_id for call in requests.approvals if call.tool_call_id not in verdicts]
    if still_open:
        return Answer(verdicts, still_open, {})
    if job.go is not None:
        _put(job.answer + ".ready", "")
        until(lambda: os.path.exists(str(job.go)))
    messages = ModelMessagesTypeAdapter.validate_json(job.messages)
    run = await cleaner(job.ledger, console=console).run(message_history=messages, deferred_tool_results=results)
    told = returned(run.all_messages())
    return Answer(verdicts, [], {call_id: (part.outcome, str(part.content)) for call_id, part in told.items()})


def _work(job: Job) -> None:
    os.environ.update(job.environment)
    os.chdir(job.folder)
    try:
        answer = asdict(asyncio.run(resume(job)))
    except BaseException as error:
        answer = {"error": repr(error)}
    _put(job.answer, json.dumps(answer))


def _put(path: str, text: str) -> None:
    with open(f"{path}.part", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(f"{path}.part", path)


def _serve() -> None:
    """Forks a process for each line of standard input, and prints its id."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # so that a process is gone once it has ended
    for line in sys.stdin:
        process = os.fork()
        if process == 0:
            try:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _work(Job(**json.loads(line)))
            finally:
                os._exit(0)
        print(process, flush=True)


# --- in the test -------------------------------------------------------------------------------


class OtherProcess:
    """A process that works on one job."""

    def __init__(self, process: int, job: Job) -> None:
        self._process = process
        self._job = job

    def until_ready(self) -> None:
        """Waits until it has its decisions and waits for the file `go`."""
        until(lambda: os.path.exists(self._job.answer + ".ready"))

    def kill(self) -> None:
        """Ends it as kill -9 does, and waits until it is gone."""
        os.kill(self._process, signal.SIGKILL)
        until(lambda: not self._is_there())

    def answer(self) -> Answer:
        """Waits for its answer."""
        until(lambda: os.path.exists(self._job.answer) or not self._is_there())
        with open(self._job.answer, encoding="utf-8") as file:
            answer: dict[str, Any] = json.load(file)
        assert "error" not in answer, answer["error"]
        return Answer(
            answer["verdicts"], answer["open"], {call: (said[0], said[1]) for call, said in answer["told"].items()}
        )

    def _is_there(self) -> bool:
        try:
            os.kill(self._process, 0)
        except ProcessLookupError:
            return False
        return True


class OtherProcesses:
    """Starts a process for each job."""

    def __init__(self, commands: IO[str], processes: IO[str]) -> None:
        self._commands = commands
        self._processes = processes

    def begin(self, job: Job) -> OtherProcess:
        """The process that works on the job now."""
        self._commands.write(json.dumps(asdict(job)) + "\n")
        self._commands.flush()
        return OtherProcess(int(self._processes.readline()), job)


@contextlib.contextmanager
def other_processes() -> Iterator[OtherProcesses]:
    """The processes of this module; those that are left end with the block."""
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-m", __name__],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            yield OtherProcesses(server.stdin, server.stdout)
        finally:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait(LONG)


if __name__ == "__main__":
    _serve()
