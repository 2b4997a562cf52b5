"""The coding agents' hooks: one event on stdin, one answer on stdout, and always an answer in time."""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from typing import TYPE_CHECKING, NoReturn

from approval_tui.cli.environment import Environment
from approval_tui.integrations.coding_agents.agent import BLOCKED, CodingAgent, words
from approval_tui.integrations.coding_agents.hook import Hook, HookOptions
from approval_tui.integrations.coding_agents.hook_answer import ALLOW, NOTHING, HookAnswer
from approval_tui.integrations.coding_agents.hook_input import MOST_BYTES, PRE_TOOL_USE
from approval_tui.integrations.coding_agents.hook_times import GRACE

if TYPE_CHECKING:
    from argparse import Namespace
    from types import FrameType

    from approval_tui.gate import Gate
    from approval_tui.integrations.coding_agents.hook_input import HookInput
    from approval_tui.policy.engine import PolicyEngine

_TO_SAY = 1.5
"""Seconds in which an answer must be taken, or what it lets run is given back."""

_LOOK = 0.5
"""Seconds after which it is looked again whether the agent is still there."""

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_PIECE = 1 << 16


class _Interrupted(BaseException):
    """A signal came: what was asked is withdrawn, and the answer is that of no decision."""


def claude_code(options: Namespace, environment: Environment) -> int:
    """Answers one event of Claude Code."""
    from approval_tui.integrations.coding_agents.claude_code import AGENT

    return _serve(AGENT, options, environment)


def codex(options: Namespace, environment: Environment) -> int:
    """Answers one event of Codex."""
    from approval_tui.integrations.coding_agents.codex import AGENT

    return _serve(AGENT, options, environment)


def _serve(agent: CodingAgent, options: Namespace, environment: Environment) -> NoReturn:
    hook = Hook(
        agent,
        HookOptions(
            requester=options.requester or agent.name,
            wait=options.wait,
            fail_closed=options.fail_closed,
        ),
        os.environ,
        folder=lambda: kept_calls_folder(environment),
        open_gate=lambda asked: _gate(agent, options, environment, asked),
        has_policy=lambda: environment.policy_path(options.policy) is not None,
    )
    voice = _Voice(agent, hook)
    for number in _SIGNALS:
        signal.signal(number, _interrupt)
    watch = threading.Thread(target=_watch, args=(voice, (options.wait + GRACE) / 1000), daemon=True)
    watch.start()
    try:
        try:
            answer = hook.answer(_read_stdin())
        finally:
            _ignore_signals()
    except BaseException as error:
        voice.say(None, f"approval-tui was interrupted ({error}).")
    voice.say(answer)


class _Voice:
    """Says one answer, the first, and ends the process with it."""

    def __init__(self, agent: CodingAgent, hook: Hook) -> None:
        self._agent = agent
        self._hook = hook
        self._turn = threading.Lock()
        self._has_output = _is_open(1)
        for descriptor in (0, 1, 2):  # or the next file that is opened, as the store, would stand in its place
            if not _is_open(descriptor):
                os.open(os.devnull, os.O_RDWR)

    def say(self, answer: HookAnswer | None, why: str = "") -> NoReturn:
        """Says the answer, or that there was no decision; the first to come here is the only one.

        What cannot be said is a denial by exit code, which stops the call.
        """
        self._turn.acquire()
        answer = answer or self._hook.without_decision(why)
        asked = self._hook.asked
        spoken = self._agent.speak(PRE_TOOL_USE if asked is None else asked.event, answer)
        until = time.monotonic() + _TO_SAY
        is_heard = self._has_output and _write(1, spoken.stdout, until)
        if self._hook.has_let_run and (answer.decision != ALLOW or not is_heard):
            self._take_back()
        if spoken.stdout and not is_heard and answer.decision != NOTHING:
            _write(2, "approval-tui could not write its answer, so the call does not run.\n", until + _TO_SAY)
            os._exit(BLOCKED)
        note = words(answer.reason) if answer.decision == NOTHING and answer.reason else spoken.stderr.rstrip("\n")
        if note:
            from approval_tui.display.visible import visible_lines  # an agent shows it in its terminal

            _write(2, "\n".join(visible_lines(note)) + "\n", until + _TO_SAY)
        os._exit(spoken.exit_code)

    def _take_back(self) -> None:
        """Gives back what the agent does not hear of; the store may be held, and the agent does not wait for that."""
        taking = threading.Thread(target=self._hook.take_back, daemon=True)
        taking.start()
        taking.join(_TO_SAY)


def _watch(voice: _Voice, limit: float) -> None:
    """Answers after `limit` seconds without a decision; ends what asks for an agent that is gone.

    The agent is at the other end of stdout. What it started the hook with, a shell, may be gone alone.
    """
    parent, end = os.getppid(), time.monotonic() + limit
    poll = select.poll()
    poll.register(1, 0)
    while (left := end - time.monotonic()) > 0:
        is_gone = any(state & (select.POLLERR | select.POLLHUP) for _, state in poll.poll(1000 * min(left, _LOOK)))
        if is_gone or os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGTERM)
            break
    time.sleep(max(0.0, end - time.monotonic()))
    voice.say(None, "approval-tui was not done in time.")


def _gate(agent: CodingAgent, options: Namespace, environment: Environment, asked: HookInput) -> Gate:
    from approval_tui.gate import Gate

    return Gate(
        options.requester or agent.name,
        session=asked.session,
        server=agent.name,
        context={} if asked.working_directory is None else {"working_directory": asked.working_directory},
        store=environment.store_location(),
        policy=_policy(options, environment),
        config=options.config,
        timeout=(options.wait + GRACE) / 1000,
    )


def kept_calls_folder(environment: Environment) -> str:
    """Where the hook keeps the claims of calls that run: beside the store that they belong to."""
    from approval_tui.store import folder_beside, resolved_location

    location = resolved_location(environment.store_location())
    return f"{folder_beside(location)}.hook"


def _policy(options: Namespace, environment: Environment) -> PolicyEngine | None:
    """The engine of the policy that is named, if one is; a hook judges one call, so nothing watches the file."""
    path = environment.policy_path(options.policy)
    if path is None:
        return None
    from approval_tui.integrations.coding_agents.kept_policy import read_policy_quickly
    from approval_tui.policy.engine import PolicyEngine

    return PolicyEngine(read_policy_quickly(path, kept_calls_folder(environment)))


def _interrupt(number: int, _frame: FrameType | None) -> NoReturn:
    _ignore_signals()  # one is enough, and what it begins must come to its end
    raise _Interrupted(signal.Signals(number).name)


def _ignore_signals() -> None:
    """Lets them pass by; Python complains of one that comes while its handler becomes SIG_IGN."""
    for number in _SIGNALS:
        signal.signal(number, lambda _number, _frame: None)


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def _read_stdin() -> bytes:
    """All of stdin, or a little more than a hook can take."""
    pieces, size = [], 0
    while size <= MOST_BYTES:
        try:
            piece = os.read(0, _PIECE)
        except BlockingIOError:
            select.select([0], [], [])
            continue
        if not piece:
            break
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)


def _write(descriptor: int, text: str, until: float) -> bool:
    """Writes all of it; False where that cannot be, or not until that moment of the monotonic clock.

    What a pipe is ready for is never more than it takes at once (POSIX, PIPE_BUF), so that nothing waits here.
    """
    data = text.encode("utf-8", "backslashreplace")
    while data:
        try:
            if not select.select([], [descriptor], [], max(0.0, until - time.monotonic()))[1]:
                return False
            data = data[os.write(descriptor, data[: select.PIPE_BUF]) :]
        except BlockingIOError:
            continue
        except OSError:
            return False
    return True
