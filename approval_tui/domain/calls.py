"""A call as a requester hands it in, the fingerprint and digest that name it, and the claim on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from approval_tui.domain.canonical import JsonObject, canonical_hash, exact_json, json_object_and_text
from approval_tui.domain.clock import HOUR, LONGEST_DURATION, MINUTE
from approval_tui.domain.errors import InvalidInput
from approval_tui.domain.lifecycle import RISKS
from approval_tui.domain.models import EVIDENCE_KINDS, EVIDENCE_TABLE, NO_REQUIREMENTS, Request, Requirements

DEFAULT_TIMEOUT = 10 * MINUTE
DEFAULT_APPROVAL_LIFETIME = 10 * MINUTE
DEFAULT_DEDUPE_WINDOW = 5 * MINUTE
DEFAULT_CLAIM_LIFETIME = HOUR

MOST_ARGUMENT_BYTES = 4 * 1024 * 1024
MOST_CONTEXT_BYTES = 256 * 1024
LONGEST_NAME = 256
LONGEST_TEXT = 16 * 1024


@dataclass(frozen=True)
class Call:
    """One tool call that asks for approval; durations are in ms.

    `timeout` is how long a person has to decide, `approval_lifetime` how long the approval may be used,
    `dedupe_window` how long the same call meets the same pending or denied request.
    """

    tool: str
    arguments: Mapping[str, Any]
    requester: str
    server: str | None = None
    session: str | None = None
    context: Mapping[str, Any] = field(default_factory=dict)
    reason: str | None = None
    risk: str | None = None
    rule_hash: str | None = None
    requirements: Requirements = NO_REQUIREMENTS
    timeout: int = DEFAULT_TIMEOUT
    approval_lifetime: int = DEFAULT_APPROVAL_LIFETIME
    dedupe_window: int = DEFAULT_DEDUPE_WINDOW


@dataclass(frozen=True)
class CheckedCall:
    """A call whose every part has been checked, with its stored texts and its fingerprint."""

    call: Call
    arguments_text: str
    context_text: str
    fingerprint: str


@dataclass(frozen=True)
class Submitted:
    """What a submission met: the request, and whether this submission created it."""

    request: Request
    created: bool


@dataclass(frozen=True)
class Claim:
    """The right to run one approved call once, with the arguments that may run."""

    id: str
    request: Request
    arguments: JsonObject


def check_call(call: Call) -> CheckedCall:
    """The call, checked; raises InvalidInput or InvalidJson before anything is written."""
    check_name("tool", call.tool)
    check_name("requester", call.requester)
    check_optional_name("server", call.server)
    check_optional_name("session", call.session)
    check_text("reason", call.reason)
    if call.risk is not None and call.risk not in RISKS:
        raise _invalid(f"The risk {call.risk!r} is none of {', '.join(RISKS)}.")
    check_optional_name("rule hash", call.rule_hash)
    _check_duration("timeout", call.timeout, 1)
    _check_duration("approval's lifetime", call.approval_lifetime, 1)
    _check_duration("dedupe window", call.dedupe_window, 0)
    _check_requirements(call.requirements)
    context, context_text = json_object_and_text(call.context, "context")
    arguments, text = json_object_and_text(call.arguments, "arguments")
    fingerprint = fingerprint_of(call.requester, call.server, call.tool, context, arguments, call.rule_hash)
    return CheckedCall(
        call=call,
        arguments_text=_bounded("arguments", text, MOST_ARGUMENT_BYTES),
        context_text=_bounded("context", context_text, MOST_CONTEXT_BYTES),
        fingerprint=fingerprint,
    )


def arguments_text(arguments: JsonObject) -> str:
    """The stored text of checked arguments; raises InvalidInput where they are too large."""
    return _bounded("arguments", exact_json(arguments), MOST_ARGUMENT_BYTES)


def fingerprint_of(
    requester: str,
    server: str | None,
    tool: str,
    context: JsonObject,
    arguments: JsonObject,
    rule_hash: str | None,
) -> str:
    """The identity of a call, for reuse (rule R5); raises InvalidJson."""
    return canonical_hash(
        {
            "type": "fingerprint",
            "requester": requester,
            "server": server,
            "tool": tool,
            "context": context,
            "arguments": arguments,
            "rule_hash": rule_hash,
        }
    )


def digest_of(request_id: str, session: str | None, fingerprint: str, reason: str | None, risk: str | None) -> str:
    """The hash of everything that a decision is about.

    `fingerprint` is the one of the arguments that would run, so an edit changes the digest.
    """
    return canonical_hash(
        {
            "type": "digest",
            "id": request_id,
            "session": session,
            "fingerprint": fingerprint,
            "reason": reason,
            "risk": risk,
        }
    )


def digest_for(request: Request, arguments: JsonObject) -> str:
    """The digest that the request has, or would have, with these arguments."""
    fingerprint = fingerprint_of(
        request.requester, request.server, request.tool, request.context, arguments, request.rule_hash
    )
    return digest_of(request.id, request.session, fingerprint, request.reason, request.risk)


def check_name(what: str, value: object) -> None:
    """Raises InvalidInput unless the value is a name: text of 1 to 256 characters."""
    if not isinstance(value, str) or not value.strip():
        raise _invalid(f"The {what} must be a name, not {value!r}.")
    if len(value) > LONGEST_NAME:
        raise _invalid(f"The {what} has {len(value)} characters; {LONGEST_NAME} are the most.")
    _check_characters(what, value)


def check_optional_name(what: str, value: object) -> None:
    """The same, where None says that there is no such name."""
    if value is not None:
        check_name(what, value)


def check_text(what: str, value: object) -> None:
    """Raises InvalidInput unless the value is None or text of at most 16,384 characters."""
    if value is None:
        return
    if not isinstance(value, str):
        raise _invalid(f"The {what} must be text, not {type(value).__name__}.")
    if len(value) > LONGEST_TEXT:
        raise _invalid(f"The {what} has {len(value)} characters; {LONGEST_TEXT} are the most.")
    _check_characters(what, value)


def _check_characters(what: str, value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _invalid(f"The {what} holds a lone surrogate, which is no character.") from None


def _check_duration(what: str, value: object, least: int) -> None:
    if type(value) is not int or not least <= value <= LONGEST_DURATION:
        raise _invalid(f"The {what} must be whole milliseconds, from {least} to ten years.")


def _check_requirements(requirements: Requirements) -> None:
    if not 1 <= requirements.quorum <= 100:
        raise _invalid(f"A quorum of {requirements.quorum} cannot be reached.")
    if requirements.reviewers and len(set(requirements.reviewers)) < requirements.quorum:
        raise _invalid("The rule names fewer reviewers than its quorum needs.")
    if requirements.evidence not in EVIDENCE_KINDS or requirements.evidence == EVIDENCE_TABLE:
        raise _invalid(f"The evidence {requirements.evidence!r} is none of shown, none.")


def _bounded(what: str, text: str, most: int) -> str:
    size = len(text) if text.isascii() else len(text.encode())
    if size > most:
        raise _invalid(f"The {what} take {size:,} bytes; {most:,} are the most.")
    return text


def _invalid(happened: str) -> InvalidInput:
    return InvalidInput(
        happened, not_done="No request was made and nothing may run.", to_do="Correct the call and ask again."
    )
