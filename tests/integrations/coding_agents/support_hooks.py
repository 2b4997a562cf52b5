"""The hooks as tests run them: in this process and in one of their own, and what the agents take from an answer."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from argparse import Namespace
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from approval_tui.cli.commands import hook as command
from approval_tui.cli.environment import Environment
from approval_tui.domain.models import Request
from approval_tui.integrations.coding_agents import claude_code, codex
from approval_tui.integrations.coding_agents.agent import CodingAgent, Spoken
from approval_tui.integrations.coding_agents.hook import Hook, HookOptions
from approval_tui.integrations.coding_agents.hook_answer import HookAnswer
from approval_tui.store.blocking import BlockingStore
from tests.support import LONG, until

CLAUDE: CodingAgent = claude_code.AGENT
CODEX: CodingAgent = codex.AGENT
AGENTS = {agent.name: agent for agent in (CLAUDE, CODEX)}

RECORDED = os.path.join(os.path.dirname(__file__), "recorded")
ATTENDED = {"CLAUDE_CODE_SESSION_ATTENDED": "1", "CLAUDE_CODE_ENTRYPOINT": "cli"}
HEADLESS = {"CLAUDE_CODE_SESSION_ATTENDED": "0", "CLAUDE_CODE_ENTRYPOINT": "sdk-cli"}

PRE, PERMISSION = "PreToolUse", "PermissionRequest"
LONG_WAIT = ("--wait", "60s")
NO_WAIT = ("--wait", "1ms")
BOTH = pytest.mark.parametrize("agent", AGENTS.values(), ids=[*AGENTS])
"""For tests of each agent."""

COMMAND = [sys.executable, "-W", "error", "-P", "-m", "approval_tui"]


def recorded_names(agent: str) -> list[str]:
    """The names of the events of that agent that were recorded, without `.json`."""
    return sorted(name.removesuffix(".json") for name in os.listdir(os.path.join(RECORDED, agent)))


ALL_RECORDED = [(agent, name) for agent in AGENTS for name in recorded_names(agent)]


def recorded(agent: str, name: str) -> bytes:
    """An event as the agent's binary wrote it to its hook's stdin, with neutral paths."""
    with open(os.path.join(RECORDED, agent, f"{name}.json"), "rb") as file:
        return file.read()


def changed(data: bytes, **fields: Any) -> bytes:
    """The event with other fields; None leaves one out."""
    said = json.loads(data) | fields
    return json.dumps({key: value for key, value in said.items() if value is not None}).encode()


def event(agent: CodingAgent, name: str = "PreToolUse", **fields: Any) -> bytes:
    """An event of a shell command in a mode that asks, as the agent would write it."""
    common = {"session_id": "session-1", "cwd": "/work/project", "permission_mode": "default"}
    about = {"hook_event_name": name, "tool_name": "Bash", "tool_input": {"command": "make deploy"}}
    call = {} if name == "PermissionRequest" else {"tool_use_id": "call-1"}
    extra: dict[str, Any] = {"model": "gpt-5.5", "turn_id": "turn-1"} if agent is CODEX else {"prompt_id": "prompt-1"}
    said = common | extra | about | call | fields
    return json.dumps({key: value for key, value in said.items() if value is not None}).encode()


# --- in this process ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Setting:
    """What a hook is started with; `wait` is in ms."""

    agent: CodingAgent
    store: str | None = None
    wait: int = 30
    fail_closed: bool = False
    policy: str | None = None
    config: str | None = None
    environment: Mapping[str, str] = field(default_factory=lambda: ATTENDED)

    def hook(self) -> Hook:
        """A hook for one event, put together as the command line does it."""
        options = Namespace(
            requester=None,
            wait=self.wait,
            fail_closed=self.fail_closed,
            policy=self.policy,
            store=self.store,
            config=self.config,
        )
        environment = Environment(options)
        return Hook(
            self.agent,
            HookOptions(requester=self.agent.name, wait=self.wait, fail_closed=self.fail_closed),
            self.environment,
            folder=lambda: command.kept_calls_folder(environment),
            open_gate=lambda asked: command._gate(self.agent, options, environment, asked),
            has_policy=lambda: environment.policy_path(self.policy) is not None,
        )

    def answer(self, data: bytes) -> HookAnswer:
        """What a hook of its own says to the event."""
        return self.hook().answer(data)


class AnswerToCome(threading.Thread):
    """A hook at work on a thread of its own."""

    def __init__(self, setting: Setting, data: bytes) -> None:
        super().__init__(daemon=True)
        self._setting = setting
        self._data = data
        self._answer: HookAnswer | None = None
        self.start()

    def run(self) -> None:
        self._answer = self._setting.answer(self._data)

    @property
    def answer(self) -> HookAnswer:
        """What it said, as soon as it has."""
        self.join(LONG)
        assert self._answer is not None
        return self._answer


def waiting_for(store: BlockingStore, *, waiters: int = 1) -> Request:
    """The only request that is pending, as soon as there is one and so many hooks wait for it."""

    def is_there() -> bool:
        pending = store.reviewer.list()
        return len(pending) == 1 and bells_of(store, pending[0]) == waiters

    until(is_there)
    return store.reviewer.list()[0]


def bells_of(store: BlockingStore, request: Request) -> int:
    """How many wait for the request."""
    return sum(name.startswith(request.id) for _, _, names in os.walk(f"{store.location}.bells") for name in names)


def kept_files(store: BlockingStore) -> list[str]:
    """The names of what is kept of calls that may run; beside them lie a policy, and what nobody decided."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        names = os.listdir(f"{store.location}.hook")
        return sorted(name for name in names if not name.startswith("policy-") and not name.endswith("-0"))
    return []


# --- what the agents take from an answer -------------------------------------------------------


@dataclass(frozen=True)
class Taken:
    """What an agent does after an answer: `allow`, `deny`, `ask`, or `nothing`, which leaves it to its own rules."""

    decision: str
    reason: str = ""
    arguments: dict[str, Any] | None = None


def taken(agent: CodingAgent, event_name: str, spoken: Spoken) -> Taken:
    """What the agent takes from it, as its binary was seen to; fails for whatever it would not know to the letter."""
    if spoken.exit_code == 2:
        assert spoken.stderr.strip(), "exit code 2 without words lets Codex go on"
        return Taken("deny", spoken.stderr)
    assert spoken.exit_code == 0, "the agent goes on after any other exit code"
    assert not spoken.stderr
    said = exact_line(spoken.stdout)
    if said == {}:
        return Taken("nothing")
    assert said.keys() == {"hookSpecificOutput"}
    inner = said["hookSpecificOutput"]
    assert inner["hookEventName"] == event_name
    return _of_codex(event_name, inner) if agent is CODEX else _of_claude(event_name, inner)


def exact_line(stdout: str) -> Any:
    """The value of the one line of ASCII JSON, which a strict reader takes, too."""
    assert stdout.isascii()
    assert stdout.endswith("\n")
    assert stdout.count("\n") == 1
    value = json.loads(stdout)
    json.dumps(value, ensure_ascii=False).encode()  # a lone surrogate is no JSON for a strict reader
    return value


def _of_codex(event_name: str, inner: dict[str, Any]) -> Taken:
    if event_name == "PermissionRequest":
        assert inner.keys() == {"hookEventName", "decision"}
        return _permission(inner["decision"], may_edit=False)
    assert event_name == "PreToolUse", "Codex takes no decision at another event"
    if inner["permissionDecision"] == "deny":
        assert inner.keys() == {"hookEventName", "permissionDecision", "permissionDecisionReason"}
        assert inner["permissionDecisionReason"].strip(), "a denial without a reason lets it run"
        return Taken("deny", inner["permissionDecisionReason"])
    assert inner.keys() == {"hookEventName", "permissionDecision", "updatedInput"}
    assert inner["permissionDecision"] == "allow"
    assert type(inner["updatedInput"]) is dict
    return Taken("allow", arguments=inner["updatedInput"])


def _of_claude(event_name: str, inner: dict[str, Any]) -> Taken:
    if event_name == "PermissionRequest":
        assert inner.keys() == {"hookEventName", "decision"}
        return _permission(inner["decision"], may_edit=True)
    assert inner.keys() <= {"hookEventName", "permissionDecision", "permissionDecisionReason", "updatedInput"}
    decision = inner["permissionDecision"]
    assert decision in ("allow", "deny", "ask")
    assert "updatedInput" not in inner or decision == "allow"
    reason = inner.get("permissionDecisionReason", "")
    assert reason or decision != "deny"
    return Taken(decision, reason, inner.get("updatedInput"))


def _permission(decision: dict[str, Any], *, may_edit: bool) -> Taken:
    if decision["behavior"] == "deny":
        assert decision.keys() == {"behavior", "message"}
        assert decision["message"].strip()
        return Taken("deny", decision["message"])
    assert decision["behavior"] == "allow"
    assert decision.keys() <= {"behavior", *(["updatedInput"] if may_edit else [])}
    return Taken("allow", arguments=decision.get("updatedInput"))


def undecided(agent: CodingAgent) -> str:
    """What the agent takes before a call in a mode that asks, where nobody decided."""
    return "ask" if agent is CLAUDE else "deny"


# --- in a process of its own -------------------------------------------------------------------


@contextlib.contextmanager
def started_hook(
    agent: CodingAgent,
    data: bytes | None,
    *options: str,
    folder: str | None = None,
    environment: Mapping[str, str | None] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """The real command with the event on stdin, while it runs; without data, stdin stays open and empty.

    A variable that is None is not there. Whatever is left of the command is killed.
    """
    merged: dict[str, str | None] = {**os.environ, **ATTENDED, **(environment or {})}
    process = subprocess.Popen(
        [*COMMAND, "hook", agent.name, *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder or os.environ["HOME"],
        env={name: value for name, value in merged.items() if value is not None},
    )
    try:
        if data is not None:
            assert process.stdin is not None
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(data)
                process.stdin.close()
            process.stdin = None
        yield process
    finally:
        process.kill()
        process.communicate()


def said_by(process: subprocess.Popen[bytes]) -> Spoken:
    """What the process said until its end."""
    out, err = process.communicate(timeout=LONG)
    assert b"Traceback" not in err
    return Spoken(out.decode(), err.decode(), process.returncode)


def run_hook(
    agent: CodingAgent,
    data: bytes,
    *options: str,
    folder: str | None = None,
    environment: Mapping[str, str | None] | None = None,
) -> Spoken:
    """What the real command says to the event."""
    with started_hook(agent, data, *options, folder=folder, environment=environment) as process:
        return said_by(process)
