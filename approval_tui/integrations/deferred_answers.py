"""What is said of PydanticAI's deferred calls, which request was asked for each, and how that travels with a run."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, NamedTuple

from pydantic_ai.messages import ToolCallPart
from pydantic_ai.tools import DeferredToolRequests, DeferredToolResults, ToolApproved, ToolDenied

from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.clock import parse_duration
from approval_tui.domain.errors import InvalidInput
from approval_tui.domain.models import Request
from approval_tui.domain.names import quoted_name
from approval_tui.gate import Gate, Waiting
from approval_tui.gate.attempt import HOWEVER_LONG
from approval_tui.gate.gate import Duration
from approval_tui.integrations.shown_arguments import same_json

METADATA = "approval_tui"
"""The key under which a call's metadata names the request that was asked for it."""

_ENDED = {None: "how it ended is not known", "succeeded": "it succeeded", "failed": "it failed"}


class Answer(NamedTuple):
    """What is said of one deferred call; nothing yet where nobody has decided.

    An approval that `is_used` already is not used again when the call runs.
    """

    result: ToolApproved | ToolDenied | None
    request: Request | None = None
    is_used: bool = False


def waiting_of(wait: bool | Duration) -> Waiting:
    """How long a run waits; what it leaves open stays for the next one, and what is interrupted is withdrawn."""
    if wait is True:
        return HOWEVER_LONG
    return Waiting(hold=0 if wait is False else parse_duration(wait), heeds_policy=False)


def approval_of(request: Request | None) -> ToolApproved:
    """The approval, with a reviewer's arguments where there was an edit."""
    return ToolApproved(override_args=None if request is None else request.edited_arguments)


def started_before(request: Request) -> str:
    """What the model is told of a call whose approval was used already."""
    return f"The call was started before, and {_ENDED.get(request.outcome, 'did not run')}. It is not run again."


def metadata_of(
    requests: DeferredToolRequests, call: ToolCallPart, request: Request | None, *, is_used_at_once: bool = False
) -> dict[str, Any]:
    """The call's metadata with the request that was asked, and whether nobody sees the call run."""
    named: dict[str, Any] = {"request": None if request is None else request.id}
    if is_used_at_once:
        named["is_used_at_once"] = True
    return {**requests.metadata.get(call.tool_call_id, {}), METADATA: named}


def request_id_in(metadata: object) -> str | None:
    """The request that the metadata of a call names; None where it names none."""
    request_id = _named_in(metadata).get("request")
    return request_id if isinstance(request_id, str) else None


def has_to_be_used_at_once(metadata: object) -> bool:
    """Whether the approval has to be used with the decision, because nobody sees the call run."""
    return _named_in(metadata).get("is_used_at_once") is True


def results_of(requests: DeferredToolRequests, answers: list[Answer]) -> DeferredToolResults:
    """The answers as the framework takes them; calls that are still open have none."""
    said = [(call, answer) for call, answer in zip(requests.approvals, answers, strict=True) if answer.result]
    return requests.build_results(
        approvals={call.tool_call_id: answer.result for call, answer in said if answer.result is not None},
        metadata={
            call.tool_call_id: metadata_of(requests, call, answer.request)
            for call, answer in said
            if not answer.is_used
        },
        answered_by={
            call.tool_call_id: answer.request.decisions[-1].reviewer
            for call, answer in said
            if answer.request is not None and answer.request.decisions
        },
    )


async def request_for(gate: Gate, request_id: str, arguments: JsonObject, tool: str) -> Request:
    """The request that was asked for a call with these arguments; raises InvalidInput where it is about another one."""
    request = await (await gate.requester_store()).get(request_id)
    is_about_it = same_json(arguments, request.arguments) or same_json(arguments, request.effective_arguments)
    if request.tool == tool and is_about_it:
        return request
    raise InvalidInput(
        f"Request {request_id} is not about this call of {quoted_name(tool)}.",
        not_done="The call did not run.",
        to_do="Resume with the messages and requests that belong together.",
    )


async def all_of(work: Iterable[Coroutine[Any, Any, Answer]]) -> list[Answer]:
    """What each brings; where one fails, the others are broken off and have taken back what they asked."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


def _named_in(metadata: object) -> dict[str, Any]:
    named = metadata.get(METADATA) if isinstance(metadata, dict) else None
    return named if isinstance(named, dict) else {}
