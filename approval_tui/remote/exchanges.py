"""What is sent and what may come back, without a word about sockets: the blocking and the async form run the same.

An exchange is a generator: it yields what to send or how long to pause, and is sent the response; a connection that
fails is thrown into it as Lost.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from time import monotonic
from typing import NamedTuple, TypeVar

from approval_tui.domain import errors
from approval_tui.domain.canonical import JsonObject, exact_json, parse_json
from approval_tui.domain.errors import ApprovalTuiError, InvalidJson, StoreCorrupt, StoreUnavailable
from approval_tui.domain.http_names import OWN_MEDIA_TYPE
from approval_tui.domain.models import Request
from approval_tui.domain.request_record import request_from_record

R = TypeVar("R")

PATIENCE = 30.0
"""Seconds for which a server that cannot be reached is tried again, before the call is refused."""

MOST_ANSWERED = 32 * 1024 * 1024
"""Bytes of one answer: more than any request takes that a server of ours keeps."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
_LONGEST_ANSWER = 10.0
"""Seconds that an answer may take, beside what the server was asked to wait."""

_NOT_RUN = "Nothing may run on it."


class Sending(NamedTuple):
    """One HTTP request; `seconds` is how long its answer may take."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes | None
    seconds: float


class Pause(NamedTuple):
    """Some seconds in which nothing is sent."""

    seconds: float


class Received(NamedTuple):
    """One HTTP response; the names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Answering:
    """The body of one answer as it comes, in parts; raises Lost for one that takes too long, or has no end."""

    def __init__(self, sending: Sending) -> None:
        self._until = monotonic() + sending.seconds
        self._parts: list[bytes] = []
        self._size = 0

    def take(self, part: bytes) -> None:
        """Takes the next part."""
        self._parts.append(part)
        self._size += len(part)
        if self._size > MOST_ANSWERED:
            raise Lost(f"its answer has more than {MOST_ANSWERED:,} bytes")
        if monotonic() > self._until:
            raise Lost("its answer did not end in time")

    def whole(self) -> bytes:
        """All parts that came."""
        return b"".join(self._parts)


class Lost(Exception):
    """No response came: the connection failed, or it took too long."""


Exchange = Generator[Sending | Pause, Received, R]


def ask(
    method: str,
    path: str,
    body: JsonObject | None = None,
    *,
    headers: Mapping[str, str] | None = None,
    held: float = 0.0,
    until: float | None = None,
) -> Exchange[JsonObject]:
    """The object that the server answers with; the same is sent again until one comes.

    `held` is how long the server was asked to wait (s); after `until` (monotonic s, else PATIENCE from now) nothing is
    sent any more. Raises StoreUnavailable, and what the server refuses with.
    """
    sending = Sending(
        method,
        path,
        {
            "Accept": OWN_MEDIA_TYPE,
            "Accept-Encoding": "identity",
            **({} if body is None else {"Content-Type": OWN_MEDIA_TYPE}),
            **(headers or {}),
        },
        None if body is None else exact_json(body).encode(),
        held + _LONGEST_ANSWER,
    )
    give_up_at = monotonic() + PATIENCE if until is None else until
    pause = _FIRST_PAUSE
    while True:
        wanted = pause
        try:
            received = yield sending
            if received.status not in (429, 502, 503, 504):
                return _object_of(received)
            why = f"it answered with {received.status}"
            wanted = max(pause, _retry_after(received))
        except Lost as lost:
            why = str(lost)
        if monotonic() + wanted > give_up_at:
            raise StoreUnavailable(
                f"The server cannot be reached: {why}.",
                not_done=_NOT_RUN,
                to_do="Look whether `approval-tui serve` runs there, and at APPROVAL_TUI_STORE.",
            )
        yield Pause(wanted)
        pause = min(2 * pause, _LONGEST_PAUSE)


def request_in(answer: JsonObject) -> Request:
    """The request of an answer; raises StoreCorrupt for what is none."""
    try:
        request = request_from_record(answer["request"])
        _ = request.context, request.arguments, request.edited_arguments, request.decisions
    except (KeyError, TypeError, ValueError) as error:
        raise no_such_answer(f"it names no request ({error})") from None
    except StoreCorrupt:  # which speaks of a file
        raise no_such_answer("it names a request that cannot be read") from None
    return request


def no_such_answer(why: str) -> StoreCorrupt:
    """The error for an answer that no server of ours gives."""
    return StoreCorrupt(
        f"The server's answer cannot be used: {why}.",
        not_done=_NOT_RUN,
        to_do="Look at what is at that URL; it should be an `approval-tui serve` of this version or a newer one.",
    )


def _retry_after(received: Received) -> float:
    said = received.headers.get("retry-after", "")
    return min(float(said), PATIENCE) if said.isascii() and said.isdigit() else 0.0


def _object_of(received: Received) -> JsonObject:
    try:
        answer = parse_json(received.body)
    except InvalidJson:
        answer = None
    if not isinstance(answer, dict):
        raise no_such_answer(f"status {received.status} without an object")
    if received.status in (200, 201):
        return answer
    said = answer.get("error")
    raise _refusal(received.status, said if isinstance(said, dict) else {})


def _refusal(status: int, said: JsonObject) -> ApprovalTuiError:
    """The error of our tree that stands behind a refusal."""
    code, message = str(said.get("code")), str(said.get("message") or f"The server answered with status {status}.")
    if status in (401, 403):
        return StoreUnavailable(
            f"The server refuses the token: {message}",
            not_done=_NOT_RUN,
            to_do="Take a token of the role agent (`approval-tui token create`), as `token` or APPROVAL_TUI_TOKEN.",
        )
    if status in (400, 413, 415):
        return errors.InvalidInput(message, not_done=_NOT_RUN, to_do="Correct the call and ask again.")
    request = request_in(said) if "request" in said else None
    if status == 404:
        return errors.RequestNotFound(request.id if request is not None else "of that id")
    if status != 409:
        return StoreUnavailable(message, not_done=_NOT_RUN, to_do="Look at what the server's operator was told.")
    if code == "policy_denied" and request is not None:
        rule, reason = str(said.get("rule")), str(said.get("reason"))
        return errors.PolicyDenied(request.tool, rule=rule, reason=reason, request=request)
    if code == "rules_changed" and request is not None:
        return errors.RulesChanged(request)
    kind: type[errors.Conflict] = _CONFLICTS.get(code, errors.StatusConflict)
    return kind(message, not_done=_NOT_RUN, to_do="Ask again.", request=request)


_CONFLICTS: dict[str, type[errors.Conflict]] = {
    "claim_in_doubt": errors.ClaimInDoubt,
    "claim_invalid": errors.ClaimInvalid,
    "digest_changed": errors.RequestChanged,
    "idempotency_conflict": errors.KeyReused,
    "outcome_conflict": errors.ClaimInvalid,
    "session_held": errors.SessionHeld,
}
