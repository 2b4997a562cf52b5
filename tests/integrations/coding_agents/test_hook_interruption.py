"""What happens to the real command: signals, kills, a store that is held, nobody who reads; there is an answer."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from approval_tui.cli.commands import hook as command
from approval_tui.domain.clock import system_clock
from approval_tui.integrations.coding_agents.agent import CodingAgent, Spoken
from approval_tui.integrations.coding_agents.hook_times import GRACE
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from tests.gate.policies import edit, policy_file
from tests.integrations.coding_agents.support_hooks import (
    BOTH,
    CLAUDE,
    CODEX,
    COMMAND,
    HEADLESS,
    LONG_WAIT,
    NO_WAIT,
    PERMISSION,
    PRE,
    Setting,
    bells_of,
    event,
    kept_files,
    run_hook,
    said_by,
    started_hook,
    taken,
    undecided,
    waiting_for,
)
from tests.integrations.coding_agents.support_scenes import PATIENT
from tests.support import LONG, approve, event_names, until

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


pytestmark = pytest.mark.usefixtures("sound_desk")


# --- what happens to a process -----------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("name", [PRE, PERMISSION])
@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_withdraws_what_was_asked_and_there_is_an_answer(
    desk: BlockingStore, agent: CodingAgent, name: str, number: signal.Signals
) -> None:
    with started_hook(agent, event(agent, name), *LONG_WAIT) as process:
        request = waiting_for(desk)
        process.send_signal(number)
        does = taken(agent, name, said_by(process))
    assert does.decision == ("nothing" if name == PERMISSION else undecided(agent))
    assert desk.reviewer.get(request.id).status == "cancelled"
    assert kept_files(desk) == []


@BOTH
def test_many_signals_are_one(desk: BlockingStore, agent: CodingAgent) -> None:
    """Those that come while the first one's work is done neither stop it nor take the answer away."""
    with contextlib.ExitStack() as stack:
        hooks = []
        for number in range(5):
            said = event(agent, tool_input={"command": f"make {number}"}, permission_mode="bypassPermissions")
            hooks.append(stack.enter_context(started_hook(agent, said, *LONG_WAIT)))
        until(lambda: sum(bells_of(desk, each) for each in desk.reviewer.list()) == len(hooks))
        for process in hooks:
            for number in SIGNALS * 10:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, number)
        for process in hooks:
            assert taken(agent, PRE, said_by(process)).decision == "deny"
    assert desk.reviewer.list() == ()


@BOTH
@pytest.mark.parametrize("policy", [None, "default: require_approval\napprovals: {timeout: 10m}"])
def test_what_a_killed_hook_asked_expires_by_itself_and_is_never_run(
    desk: BlockingStore, agent: CodingAgent, policy: str | None, tmp_path: Path
) -> None:
    options = () if policy is None else ("--policy", policy_file(tmp_path, policy).path)
    with started_hook(agent, event(agent), *options, "--wait", "50s") as process:
        request = waiting_for(desk)
        process.kill()
        process.wait(LONG)
    assert request.expires_at <= request.created_at + 50_000 + GRACE
    with open_store_blocking(desk.location, clock=lambda: system_clock() + 56_000) as later:
        assert later.reviewer.get(request.id).status == "expired"
        later.reviewer.expire_due()
        assert event_names(later, request) == ["request_submitted", "request_expired"]
    assert kept_files(desk) == []
    assert taken(agent, PRE, run_hook(agent, event(agent), *NO_WAIT)).decision == undecided(agent)


def test_a_question_that_never_comes_or_only_half_of_it_is_answered_by_the_clock(desk: BlockingStore) -> None:
    began = time.monotonic()
    with (
        started_hook(CODEX, None, *NO_WAIT) as codex,
        started_hook(CLAUDE, None, *NO_WAIT) as claude,
        started_hook(CLAUDE, None, *NO_WAIT, environment=HEADLESS) as half,
    ):
        assert half.stdin is not None
        half.stdin.write(event(CLAUDE))
        half.stdin.flush()
        until(lambda: all(each.poll() is not None for each in (codex, claude, half)))
        assert time.monotonic() - began >= GRACE / 1000
        assert taken(CODEX, PRE, said_by(codex)).decision == "deny"
        assert taken(CLAUDE, PRE, said_by(claude)).decision == "ask"
        assert taken(CLAUDE, PRE, said_by(half)).decision == "deny"
    assert desk.reviewer.history() == ()


def test_a_store_that_is_held_for_longer_than_the_wait_is_answered_by_the_clock(desk: BlockingStore) -> None:
    holder = sqlite3.connect(desk.location, isolation_level=None)
    with contextlib.closing(holder):
        holder.execute("BEGIN IMMEDIATE")
        with (
            started_hook(CLAUDE, event(CLAUDE), *NO_WAIT) as claude,
            started_hook(CODEX, event(CODEX), *NO_WAIT) as codex,
        ):
            assert taken(CLAUDE, PRE, said_by(claude)).decision == "ask"
            assert taken(CODEX, PRE, said_by(codex)).decision == "deny"
        holder.execute("ROLLBACK")
    assert desk.reviewer.history() == ()


def in_shell(agent: CodingAgent, data: bytes, redirections: str, *options: str) -> Spoken:
    """What the command says when the shell has redirected it so."""
    ended = subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {redirections}', "sh", *COMMAND, "hook", agent.name, *options],
        input=data,
        capture_output=True,
        env={**os.environ, **HEADLESS},
        cwd=os.environ["HOME"],
        timeout=LONG,
        check=False,
    )
    assert b"Traceback" not in ended.stderr
    return Spoken(ended.stdout.decode(), ended.stderr.decode(), ended.returncode)


@BOTH
@pytest.mark.parametrize("redirection", [">&-", ">/dev/full"])
def test_a_denial_that_cannot_be_said_is_an_exit_code(
    desk: BlockingStore, agent: CodingAgent, redirection: str
) -> None:
    """The exit code is all that is left to say, and 0 lets the call run."""
    spoken = in_shell(agent, event(agent, permission_mode="bypassPermissions"), redirection, *NO_WAIT)
    assert spoken.exit_code == 2
    assert spoken.stderr.strip()
    assert desk.reviewer.list() == ()


def test_silence_that_cannot_be_said_is_silence() -> None:
    """What only reads is left to the agent's own rules, and an exit code would stop it."""
    reading = event(CLAUDE, tool_name="Read", tool_input={"file_path": "f"})
    spoken = in_shell(CLAUDE, reading, ">/dev/full", *NO_WAIT)
    assert (spoken.exit_code, spoken.stderr) == (0, "")


def test_a_call_that_was_approved_and_is_answered_otherwise_is_given_back(
    desk: BlockingStore, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A signal or the clock may come between the store's yes and the answer."""
    hook = Setting(CLAUDE, wait=PATIENT).hook()
    answering = threading.Thread(target=hook.answer, args=(event(CLAUDE),))
    answering.start()
    request = approve(desk, waiting_for(desk))
    answering.join(LONG)
    assert hook.has_let_run
    monkeypatch.setattr(os, "_exit", sys.exit)
    with pytest.raises(SystemExit) as end:
        command._Voice(CLAUDE, hook).say(None, "It was interrupted.")
    out, err = capfd.readouterr()
    assert taken(CLAUDE, PRE, Spoken(out, err, int(end.value.code or 0))).decision == "ask"
    assert desk.reviewer.get(request.id).status == "approved"
    assert kept_files(desk) == []


def test_a_hook_whose_answer_nobody_reads_any_more_withdraws_its_question(desk: BlockingStore) -> None:
    with started_hook(CLAUDE, event(CLAUDE), *LONG_WAIT) as process:
        request = waiting_for(desk)
        assert process.stdout is not None
        process.stdout.close()
        process.stdout = None
        until(lambda: desk.reviewer.get(request.id).status == "cancelled")
        process.wait(LONG)
    assert kept_files(desk) == []


def test_a_hook_whose_shell_is_gone_withdraws_its_question(desk: BlockingStore) -> None:
    reading, writing = os.pipe()
    shell = subprocess.Popen(
        ["/bin/sh", "-c", '"$@"; exit', "sh", *COMMAND, "hook", "claude-code", "--wait", "3600s"],
        stdin=subprocess.PIPE,
        stdout=writing,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.close(writing)
    try:
        with open(reading, "rb") as pipe:  # is there to be written to all the time
            assert shell.stdin is not None
            shell.stdin.write(event(CLAUDE))
            shell.stdin.close()
            request = waiting_for(desk)
            shell.kill()
            shell.wait(LONG)
            until(lambda: desk.reviewer.get(request.id).status == "cancelled")
            assert taken(CLAUDE, PRE, Spoken(pipe.read().decode())).decision == "ask"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGKILL)
    assert kept_files(desk) == []


@BOTH
def test_a_hook_without_stdin_has_an_answer(agent: CodingAgent) -> None:
    assert taken(agent, PRE, in_shell(agent, b"", "<&-", *NO_WAIT)).decision == "deny"


@BOTH
def test_a_hook_without_stderr_has_an_answer(agent: CodingAgent) -> None:
    spoken = in_shell(agent, event(agent, permission_mode="bypassPermissions"), "2>&-", *NO_WAIT)
    assert taken(agent, PRE, spoken).decision == "deny"


def test_a_long_answer_is_said_whole_to_whoever_reads_slowly(desk: BlockingStore) -> None:
    """A pipe that does not block takes 64 kB at once; half an answer lets the agent run its own arguments."""
    edited = {"command": "x" * 1_000_000}
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    process = subprocess.Popen(
        [*COMMAND, "hook", "claude-code", *LONG_WAIT], stdin=subprocess.PIPE, stdout=writing, stderr=subprocess.PIPE
    )
    os.close(writing)
    try:
        assert process.stdin is not None
        process.stdin.write(event(CLAUDE))
        process.stdin.close()
        process.stdin = None
        edit(desk, waiting_for(desk), edited)
        with open(reading, encoding="utf-8") as pipe:
            spoken = Spoken(pipe.read(), "", process.wait(LONG))
    finally:
        process.kill()
        process.communicate()
    assert taken(CLAUDE, PRE, spoken).arguments == edited
