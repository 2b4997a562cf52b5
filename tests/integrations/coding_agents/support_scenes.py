"""Hooks of this process that wait for long, and what becomes of their requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from approval_tui.domain.models import Request
from approval_tui.integrations.coding_agents.agent import CodingAgent
from approval_tui.integrations.coding_agents.hook_answer import HookAnswer
from approval_tui.store.blocking import BlockingStore
from tests.integrations.coding_agents.support_hooks import AnswerToCome, Setting, waiting_for
from tests.support import LONG, approve

PATIENT = int(LONG * 1000)
"""A wait in ms that ends only where a test fails."""


def asked(agent: CodingAgent, data: bytes, **options: Any) -> AnswerToCome:
    """A hook that waits for long."""
    return AnswerToCome(Setting(agent, wait=PATIENT, **options), data)


def allowed(desk: BlockingStore, agent: CodingAgent, data: bytes) -> Request:
    """The request of a call that was approved while its hook waited, as that left it."""
    hook = asked(agent, data)
    request = approve(desk, waiting_for(desk))
    assert hook.answer.decision == "allow"
    return desk.reviewer.get(request.id)


def ended(agent: CodingAgent, data: bytes) -> HookAnswer:
    """What a hook says to an event that asks nothing."""
    answer = Setting(agent).answer(data)
    assert answer.decision == "nothing"
    return answer


def details(desk: BlockingStore, request: Request) -> list[Mapping[str, Any]]:
    """What each event of the request says, in order."""
    return [each.body["details"] for each in desk.reviewer.events(request_id=request.id)]
