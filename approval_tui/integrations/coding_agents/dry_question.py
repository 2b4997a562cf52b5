"""A question from end to end: the installed command asks as the agent would have it, and is told no."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from typing import IO, NamedTuple

from approval_tui.domain.clock import system_clock
from approval_tui.domain.decisions import Reviewer
from approval_tui.domain.errors import ApprovalTuiError
from approval_tui.domain.ids import new_secret
from approval_tui.domain.lifecycle import DENY as VERDICT_DENY
from approval_tui.domain.lifecycle import PENDING
from approval_tui.domain.models import Request
from approval_tui.integrations.coding_agents.agent import COULD_NOT_START, CodingAgent, Spoken
from approval_tui.integrations.coding_agents.finding import DOUBT, FINE, WRONG, Finding
from approval_tui.integrations.coding_agents.hook_answer import ALLOW, DENY, HookAnswer
from approval_tui.integrations.coding_agents.hook_input import PRE_TOOL_USE
from approval_tui.policy.engine import PolicyEngine
from approval_tui.store.blocking import BlockingStore
from approval_tui.store.transactions.filters import Filter

TOOL = "approval-tui-doctor"

_TO_ASK = 30.0
_TO_ANSWER = 30.0
"""Seconds after which a hook is given up that does not ask, or does not answer; it takes less than one."""

_TO_END = 1.0
"""Seconds that it has to withdraw its question when it is told to end."""

_LOOK_EVERY = 0.01
_LONGEST_QUOTE = 1000


FAST_ENOUGH = 1_000
"""Milliseconds of the hook's own that nobody minds at a call that a person has to decide."""

_IF_SLOW = "See whether this machine is busy, or the store or Python on a slow disk."


class DryAnswer(NamedTuple):
    """What came of it: ms from start to the question in the store, and from the decision to the answer."""

    finding: Finding
    asked_after: int | None = None
    answered_after: int | None = None


def ask_and_deny(
    command: str, agent: CodingAgent, store: BlockingStore, reviewer: Reviewer, engine: PolicyEngine | None
) -> DryAnswer:
    """Runs the command line as the agent does, in an empty folder, and denies what it asks. Nothing is approved.

    Whatever comes of it, the process has ended and the request waits no more. Raises ApprovalTuiError, OSError.
    """
    nonce = new_secret("nonce")
    session = f"{TOOL}-{new_secret('session')}"
    with tempfile.TemporaryDirectory(prefix=f"{TOOL}-") as folder, tempfile.TemporaryFile() as stdin:
        place = os.path.join(folder, "empty")
        os.mkdir(place)
        event = {
            "session_id": session,
            "cwd": place,
            "permission_mode": "default",
            "hook_event_name": PRE_TOOL_USE,
            "tool_name": TOOL,
            "tool_input": {"nonce": nonce},
            "tool_use_id": session,
        }
        stdin.write(json.dumps(event).encode())
        stdin.seek(0)
        with _Run(command, stdin, place) as run:
            try:
                return _answered(run, agent, store, reviewer, engine, session, nonce)
            finally:
                run.stop()
                _withdraw(store, session)


class _Run:
    """The command while it runs, alone in a process group of its own."""

    def __init__(self, command: str, stdin: IO[bytes], place: str) -> None:
        self._out = tempfile.TemporaryFile()  # noqa: SIM115 - closed at the exit
        self._err = tempfile.TemporaryFile()  # noqa: SIM115
        self.started = system_clock()
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", command],
            stdin=stdin,
            stdout=self._out,
            stderr=self._err,
            cwd=place,
            start_new_session=True,
        )

    def __enter__(self) -> _Run:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._out.close()
        self._err.close()

    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def ends_within(self, seconds: float) -> bool:
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
        return self.has_ended()

    def stop(self) -> None:
        """Ends it, and what it started, where it has not ended."""
        if self.has_ended():
            return
        with suppress(ProcessLookupError):  # raised as soon as none of them is left
            os.killpg(self.process.pid, signal.SIGTERM)
            deadline = time.monotonic() + _TO_END
            while time.monotonic() < deadline:
                self.ends_within(_LOOK_EVERY)
                os.killpg(self.process.pid, 0)
                time.sleep(_LOOK_EVERY)
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def said(self) -> Spoken:
        """What it said so far."""
        texts = []
        for file in (self._out, self._err):
            file.seek(0)
            texts.append(file.read().decode(errors="backslashreplace"))
        return Spoken(texts[0], texts[1], -1 if self.process.returncode is None else self.process.returncode)


def _answered(
    run: _Run,
    agent: CodingAgent,
    store: BlockingStore,
    reviewer: Reviewer,
    engine: PolicyEngine | None,
    session: str,
    nonce: str,
) -> DryAnswer:
    request = _wait_for_request(run, store, session)
    if request is None:
        return DryAnswer(_without_question(run, agent, engine, nonce))
    asked_after = max(0, request.created_at - run.started)
    said = store.reviewer.decide(
        request.id,
        VERDICT_DENY,
        reviewer=reviewer,
        digest=request.digest,
        reason=f"The test question of `approval-tui hook doctor` ({nonce}).",
    )
    decided = time.monotonic()
    if not run.ends_within(_TO_ANSWER):
        finding = _wrong(
            "The hook did not answer after its question was denied.", run, "Try again with more free time."
        )
        return DryAnswer(finding, asked_after)
    answered_after = round((time.monotonic() - decided) * 1000)
    if said.status == PENDING or not _is_denial(run.said(), agent, nonce):
        to_do = "Install it again; if that does not help, this is a defect in approval-tui."
        return DryAnswer(_wrong("The answer is not the denial that was decided.", run, to_do), asked_after)
    what = (
        f"A test question was in the store {asked_after} ms after the start, and {agent.title} had the denial "
        f"{answered_after} ms after the decision."
    )
    if asked_after + answered_after <= FAST_ENOUGH:
        return DryAnswer(Finding(FINE, what), asked_after, answered_after)
    slow = Finding(DOUBT, f"{what} That is slow, and every call that asks waits for it.", _IF_SLOW)
    return DryAnswer(slow, asked_after, answered_after)


def _wait_for_request(run: _Run, store: BlockingStore, session: str) -> Request | None:
    """The question, as soon as it is in the store; None where the hook ended without one, or takes too long."""
    deadline = time.monotonic() + _TO_ASK
    while True:
        has_ended = run.has_ended()
        found = store.reviewer.list(Filter(status=PENDING, session=session), most=1)
        if found:
            return found[0]
        if has_ended or time.monotonic() > deadline:
            return None
        time.sleep(_LOOK_EVERY)


def _without_question(run: _Run, agent: CodingAgent, engine: PolicyEngine | None, nonce: str) -> Finding:
    """What it means that nothing was asked: the policy may have answered."""
    if not run.has_ended():
        run.stop()
        return _wrong(
            f"The hook did not ask within {_TO_ASK:.0f} s.",
            run,
            "See whether the store's disk and this machine are busy.",
        )
    said = run.said()
    verdict = None if engine is None else engine.evaluate(TOOL, {"nonce": nonce}).verdict
    if COULD_NOT_START in said.stdout + said.stderr:
        return _wrong(
            "The hook could not start; its fallback answered.", run, "Install approval-tui and the hook again."
        )
    if verdict is None or verdict not in (ALLOW, DENY) or not _is_verdict(said, agent, verdict):
        return _wrong("The hook ended without asking.", run, "Mend what it says, or install it again.")
    return Finding(FINE, f"The policy answered a test question by itself ({verdict}), so nobody was asked.")


def _is_verdict(said: Spoken, agent: CodingAgent, verdict: str) -> bool:
    """Whether it is that agent's word for the verdict, whatever the reason."""
    with suppress(ValueError):
        reasons = ["", *_texts(json.loads(said.stdout))]
        return any(agent.speak(PRE_TOOL_USE, HookAnswer(verdict, reason)) == said for reason in reasons)
    return False


def _is_denial(said: Spoken, agent: CodingAgent, nonce: str) -> bool:
    """Whether it is that agent's denial, to the letter, for a reason that holds the nonce."""
    reasons = [said.stderr.rstrip("\n")]
    with suppress(ValueError):
        reasons += _texts(json.loads(said.stdout))
    return any(
        nonce in reason and agent.speak(PRE_TOOL_USE, HookAnswer(DENY, reason)) == said._replace(stderr="")
        for reason in reasons
    )


def _texts(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for each in value.values() for text in _texts(each)]
    return [value] if isinstance(value, str) else []


def _wrong(what: str, run: _Run, to_do: str) -> Finding:
    said = run.said()
    parts = [f"exit code {said.exit_code}"] if run.has_ended() else []
    for name, text in (("stdout", said.stdout), ("stderr", said.stderr)):
        more = len(text) - _LONGEST_QUOTE
        cut = f" ({more:,} more characters)" if more > 0 else ""
        parts += [f"{name}: {text[:_LONGEST_QUOTE].strip()}{cut}"] if text.strip() else []
    return Finding(WRONG, f"{what} It left: {'; '.join(parts) or 'nothing'}.", to_do)


def _withdraw(store: BlockingStore, session: str) -> None:
    """Cancels what still waits of it; the hook does so itself where it was not killed."""
    with suppress(ApprovalTuiError):
        for request in store.reviewer.list(Filter(status=PENDING, session=session), most=10):
            with suppress(ApprovalTuiError):
                store.requester.cancel(request.id, requester=request.requester, reason="the test question is over")
