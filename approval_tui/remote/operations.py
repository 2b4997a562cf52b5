"""What a requester does with a server, each as one exchange: the same operations as on the store itself."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, NoReturn

from approval_tui.domain.calls import Call, CheckedCall, Claim, Submitted, check_call
from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.clock import HOUR, MINUTE, SECOND, system_clock
from approval_tui.domain.errors import InvalidInput, RequestChanged, StatusConflict
from approval_tui.domain.http_names import KEY_HEADER, LONGEST_POLL, REQUESTS_PATH, uuid_of
from approval_tui.domain.identity import digest_for, fingerprint_of
from approval_tui.domain.ids import new_secret
from approval_tui.domain.lifecycle import APPROVE, APPROVED, CONSUMED, PENDING
from approval_tui.domain.models import Request
from approval_tui.domain.status_words import describe_status
from approval_tui.remote.exchanges import PATIENCE, Exchange, Pause, ask, no_such_answer, request_in

if TYPE_CHECKING:
    from approval_tui.domain.verdicts import Verdict

_AT_ONCE = 0.1
"""Seconds within which an answer that was to be held comes too soon, and after which it is asked for again then."""

_GRACE = 5.0
"""Seconds beyond the time of a wait in which a server that is away may come back."""


def submit(call: Call | CheckedCall) -> Exchange[Submitted]:
    """Finds the request of the same call or creates it; raises InvalidInput before anything is sent."""
    checked = call if isinstance(call, CheckedCall) else check_call(call)
    _refuse_what_the_server_says(checked.call)
    key = new_secret("sub")
    answer = yield from ask("POST", REQUESTS_PATH, _body(checked), headers={KEY_HEADER: key})
    request = request_in(answer)
    _refuse_another_call(checked, request)
    return Submitted(request, created=answer.get("created") is True)


def get(request_id: str) -> Exchange[Request]:
    """The request as it is."""
    return _request_of((yield from ask("GET", _path(request_id))), request_id)


def wait(request_id: str, *, timeout: int | None = None) -> Exchange[Request]:
    """The request as soon as it is no longer pending, or as it is after `timeout` ms.

    A server that goes away meanwhile is waited for until the request itself must have ended.
    """
    started = monotonic()
    until = None if timeout is None else started + timeout / 1000
    patience = started + PATIENCE
    while True:
        left = None if until is None else until - monotonic()
        held = LONGEST_POLL if left is None else min(LONGEST_POLL, max(0, int(left)))
        path = _path(request_id) + (f"?wait={held}s" if held else "")
        give_up_at = patience if until is None else min(patience, until + _GRACE)
        asked_at = monotonic()
        request = _request_of((yield from ask("GET", path, held=held, until=give_up_at)), request_id)
        left = None if until is None else until - monotonic()
        if request.status != PENDING or (left is not None and left <= 0):
            return request
        patience = monotonic() + max(0, request.expires_at - system_clock()) / 1000 + PATIENCE
        if held == 0 and left is not None:
            yield Pause(left)
        elif monotonic() - asked_at < _AT_ONCE:  # a server that does not hold what it is asked to hold
            yield Pause(_AT_ONCE)


def claimable(request_id: str, fingerprint: str, *, requester: str) -> Exchange[Request]:
    """The request as it is now, if it could be consumed; the server looks once more."""
    request = yield from get(request_id)
    if (request.fingerprint, request.requester) != (fingerprint, requester):
        raise RequestChanged(
            f"Request {request_id} is for another call or another requester.",
            not_done="The call may not run.",
            to_do="Submit the call that is to run and let a person see it.",
        )
    if request.status != APPROVED:
        raise StatusConflict(
            f"Request {request_id} is {describe_status(request)}.",
            not_done="The call may not run.",
            to_do="Ask again, or wait for it.",
            request=request,
        )
    return request


def consume(
    request_id: str,
    fingerprint: str,
    *,
    requester: str,
    claim_lifetime: int,
    claim_id: str,
    digest: str | None = None,
    verdict: Verdict | None = None,
    session: str | None = None,
) -> Exchange[Claim]:
    """The right to run the call once; the claim's id is the key, so that a lost answer can be asked for again.

    Who asks, in which session and for how long the claim holds, and what a policy says of it, says the server.
    """
    del requester, claim_lifetime, verdict, session
    answer = yield from ask("POST", f"{_path(request_id)}/consume", headers={KEY_HEADER: claim_id})
    request = _request_of(answer, request_id)
    if request.fingerprint != fingerprint or digest not in (None, request.digest):
        raise no_such_answer("what may run is not what was approved")
    is_open = request.status == CONSUMED and request.outcome is None and not request.in_doubt
    approval = request.decisions[-1] if request.decisions else None
    if not is_open or approval is None or (approval.verdict, approval.digest) != (APPROVE, request.digest):
        raise no_such_answer("it does not say that the approval was taken for this call")
    return Claim(claim_id, request, request.effective_arguments)


def report_outcome(request_id: str, claim: str, outcome: str, *, detail: str | None = None) -> Exchange[Request]:
    """Tells how the call ended, once."""
    body: JsonObject = {"status": outcome, "claim": claim, **({} if detail is None else {"note": detail})}
    return _request_of((yield from ask("POST", f"{_path(request_id)}/outcome", body)), request_id)


def rollback(request_id: str, claim: str, *, detail: str | None = None) -> Exchange[Request]:
    """Gives the claim back, because the call did not run."""
    return (yield from _roll_back(request_id, claim, detail, withdraw=False))


def give_up(request_id: str, claim: str, *, reason: str) -> Exchange[Request]:
    """The same, and nobody can use the approval any more."""
    return (yield from _roll_back(request_id, claim, reason, withdraw=True))


def cancel(request_id: str, *, requester: str, reason: str | None = None) -> Exchange[Request]:
    """Withdraws a request that waits, or an approval that was not used; why is not sent, and who says the token."""
    del requester, reason
    return _request_of((yield from ask("DELETE", _path(request_id))), request_id)


def _roll_back(request_id: str, claim: str, detail: str | None, *, withdraw: bool) -> Exchange[Request]:
    body: JsonObject = {"claim": claim, "withdraw": withdraw, **({} if detail is None else {"note": detail})}
    return _request_of((yield from ask("POST", f"{_path(request_id)}/rollback", body)), request_id)


def _request_of(answer: JsonObject, request_id: str) -> Request:
    """The request of an answer; raises StoreCorrupt unless it is that one, and is what its digest names."""
    request = request_in(answer)
    if request.id != request_id or digest_for(request, request.effective_arguments) != request.digest:
        raise no_such_answer("it is about another request")
    return request


def _path(request_id: str) -> str:
    return f"{REQUESTS_PATH}/{uuid_of(request_id)}"


def _body(checked: CheckedCall) -> JsonObject:
    call = checked.call
    timeout = call.timeout if call.longest_timeout is None else min(call.timeout, call.longest_timeout)
    said: JsonObject = {
        "tool": call.tool,
        "arguments": checked.arguments,
        "timeout": _duration(timeout),
        "context": dict(call.context),
        "server": call.server,
        "agent_reasoning": call.reason,
        "session": call.session,
        "call_id": call.call_id,
        "attempt": None if call.attempt is None else call.attempt.to_json(),
        "edit_taken_as": call.edit_taken_as,
    }
    return {name: value for name, value in said.items() if value is not None}


def _duration(milliseconds: int) -> str:
    """The time in whole seconds, or larger units where it is whole in these."""
    for unit, length in (("h", HOUR), ("m", MINUTE)):
        if milliseconds % length == 0:
            return f"{milliseconds // length}{unit}"
    return f"{max(1, milliseconds // SECOND)}s"


def _refuse_what_the_server_says(call: Call) -> None:
    """Raises InvalidInput for what the code says of risk: only the server's policy rates calls."""
    if call.risk is not None:
        _refuse("The code rates the call's risk", "Let a rule of the server's policy rate it, and take it out here.")


def _refuse(happened: str, to_do: str) -> NoReturn:
    raise InvalidInput(
        f"{happened}, which only the server's policy may.",
        not_done="No request was made and nothing may run.",
        to_do=to_do,
    )


def _refuse_another_call(checked: CheckedCall, request: Request) -> None:
    """Raises StoreCorrupt unless the request is for the very call that was sent."""
    call = checked.call
    fingerprint = fingerprint_of(
        request.requester, call.server, call.tool, dict(call.context), checked.arguments, request.rule_hash
    )
    if request.fingerprint != fingerprint or digest_for(request, request.effective_arguments) != request.digest:
        raise no_such_answer("it is about another call")
