"""How a call ended that somebody had let run: the agent says so after it, and the store hears of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from approval_tui.domain.errors import Conflict, RequestNotFound
from approval_tui.domain.lifecycle import FAILED, SUCCEEDED
from approval_tui.integrations.coding_agents.agent import CodingAgent
from approval_tui.integrations.coding_agents.hook_answer import NOTHING, HookAnswer
from approval_tui.integrations.coding_agents.hook_input import PERMISSION_DENIED, HookInput
from approval_tui.integrations.coding_agents.kept_calls import KeptCall, KeptCalls

if TYPE_CHECKING:
    from approval_tui.gate import Gate
    from approval_tui.gate.stores import AnyBlockingRequester

_LONGEST_DETAIL = 2000
_ANSWERED_THERE = "answered at the agent's own prompt"
_NOT_SAID = "the agent does not say how it ended"
_OTHER_ARGUMENTS = "the agent ran it with other arguments than those that were approved"


def report_ended(
    ended: HookInput, agent: CodingAgent, requester: str, kept_calls: KeptCalls, open_gate: Callable[[], Gate]
) -> HookAnswer:
    """Tells the store how the call ended; what is said then decides nothing, as the call is over.

    The model is told where a reviewer had changed the arguments: it knows of none but its own.
    Raises StoreUnavailable, and keeps what was not told.
    """
    problems, told = [], []
    gate: Gate | None = None
    try:
        for name, kept in kept_calls.of_ended(ended):
            if kept.request_id is None and ended.event != PERMISSION_DENIED:
                kept_calls.forget(name)  # a policy had let it run, and nothing is to be reported
                continue
            gate = gate or open_gate()
            try:
                told.append(_report(gate.requester_store_blocking(), ended, kept, agent, requester))
            except (
                Conflict,
                RequestNotFound,
            ) as error:  # there will be no better moment
                problems.append(str(error))
            kept_calls.forget(name)
    finally:
        if gate is not None:
            gate.close()
    return HookAnswer(NOTHING, " ".join(problems), told=" ".join(filter(None, told)))


def give_back(store: AnyBlockingRequester, kept: KeptCall, why: str) -> None:
    """Gives back the right to a call that did not run: its approval, or what a policy counted for it."""
    assert kept.claim_id is not None
    if kept.request_id is None:
        store.give_back(kept.claim_id)
    else:
        store.rollback(kept.request_id, kept.claim_id, detail=why)


def _report(
    store: AnyBlockingRequester, ended: HookInput, kept: KeptCall, agent: CodingAgent, requester: str
) -> str | None:
    """Reports it; what the model is to be told of its arguments, if they were changed."""
    if kept.request_id is not None and kept.claim_id is None:
        with suppress(Conflict):
            store.cancel(kept.request_id, requester=requester, reason=_ANSWERED_THERE)
    elif ended.event == PERMISSION_DENIED:
        give_back(store, kept, f"{agent.title} did not let it run")
    elif kept.request_id is not None and kept.claim_id is not None:
        failure = agent.failure(ended)
        detail = None if agent.tells_failures(ended) else _NOT_SAID
        if failure is not None:
            detail = failure[:_LONGEST_DETAIL]
        is_another = ended.arguments is not None and ended.call_hash != kept.ran_as
        if is_another:
            detail = _OTHER_ARGUMENTS
        outcome = SUCCEEDED if failure is None else FAILED
        request = store.report_outcome(kept.request_id, kept.claim_id, outcome, detail=detail)
        if request.edited_arguments_text is not None and not is_another:
            from approval_tui.domain.edits import edit_told  # few calls are edited

            return edit_told(request)
    return None
