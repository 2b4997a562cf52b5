"""A coding agent's session that a reviewer holds back: every call is denied with words, and no prompt stands in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.models import Request
from approval_tui.integrations.coding_agents.agent import CodingAgent
from approval_tui.integrations.coding_agents.hook_answer import ALLOW, DENY
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from tests.integrations.coding_agents.support_hooks import (
    BOTH,
    PERMISSION,
    PRE,
    AnswerToCome,
    Setting,
    event,
    kept_files,
    taken,
    waiting_for,
)
from tests.support import ANN, approve, assert_sound, submit

WORDS = "ann holds the session session-1 back: it looks odd."


@pytest.fixture
def desk(store_path: str) -> Iterator[BlockingStore]:
    """The store as reviewers use it, on the machine's clock as a hook is."""
    with open_store_blocking(store_path) as opened:
        yield opened


def hold(desk: BlockingStore, agent: CodingAgent) -> None:
    """Holds the session back, which has asked something before."""
    submit(desk, Call("else", {}, agent.name, server=agent.name, session="session-1"))
    desk.reviewer.hold_session(agent.name, "session-1", reviewer=ANN, reason="it looks odd")


@BOTH
@pytest.mark.parametrize("name", [PRE, PERMISSION])
@pytest.mark.parametrize("fail_closed", [False, True])
def test_what_is_not_decided_is_denied_and_not_left_to_the_agents_prompt(
    desk: BlockingStore, agent: CodingAgent, name: str, fail_closed: bool
) -> None:
    hold(desk, agent)
    answer = Setting(agent, desk.location, wait=1, fail_closed=fail_closed).answer(event(agent, name))
    assert answer.decision == DENY
    assert answer.reason == f"{WORDS} The call did not run. Make it again when the session is released."
    assert taken(agent, name, agent.speak(name, answer)).decision == "deny"
    assert {request.status for request in desk.reviewer.history()} == {"cancelled"}
    assert_sound(desk)


@BOTH
@pytest.mark.parametrize("name", [PRE, PERMISSION])
def test_what_was_approved_before_is_denied_while_the_session_is_held(
    desk: BlockingStore, agent: CodingAgent, name: str
) -> None:
    setting = Setting(agent, desk.location, wait=60_000)
    hook = AnswerToCome(setting, event(agent, name))
    first = approve(desk, waiting_for(desk))
    assert hook.answer.decision == ALLOW
    later = approve(desk, submit(desk, another(first, "make docs")))
    desk.reviewer.hold_session(agent.name, "session-1", reviewer=ANN, reason="it looks odd")
    asked = event(agent, name, tool_input={"command": "make docs"})
    answer = setting.answer(asked)
    assert answer.decision == DENY
    assert answer.reason.startswith(WORDS)
    assert desk.reviewer.get(later.id).status == "approved"
    desk.reviewer.release_session(agent.name, "session-1", reviewer=ANN)
    assert setting.answer(asked).decision == ALLOW
    assert_sound(desk)


@BOTH
def test_what_the_policy_allows_is_denied_while_the_session_is_held(
    desk: BlockingStore, agent: CodingAgent, tmp_path: Path
) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text('version: "1"\ndefault: allow\n')
    hold(desk, agent)
    setting = Setting(agent, desk.location, policy=os.fspath(path))
    answer = setting.answer(event(agent))
    assert answer.decision == DENY
    assert answer.reason.startswith(WORDS)
    assert kept_files(desk) == []
    desk.reviewer.release_session(agent.name, "session-1", reviewer=ANN)
    assert setting.answer(event(agent)).decision == ALLOW


@BOTH
def test_another_session_is_asked_as_ever(desk: BlockingStore, agent: CodingAgent) -> None:
    hold(desk, agent)
    answer = Setting(agent, desk.location, wait=1).answer(event(agent, session_id="session-2"))
    assert "Nobody decided" in answer.reason


def another(request: Request, command: str) -> Call:
    """The call of that request with another command."""
    return Call(
        request.tool,
        {**request.arguments, "command": command},
        request.requester,
        server=request.server,
        session=request.session,
        context=request.context,
    )
