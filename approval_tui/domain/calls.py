"""A call as a requester hands it in, the fingerprint and digest that name it, and the claim on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from approval_tui.domain.canonical import JsonObject, json_object_and_text, stored_json
from approval_tui.domain.checks import (
    bounded,
    check_duration,
    check_name,
    check_optional_name,
    check_text,
    invalid_call,
)
from approval_tui.domain.identity import fingerprint_of
from approval_tui.domain.lazy import lazy_property
from approval_tui.domain.lifecycle import RISKS, highest_risk
from approval_tui.domain.limits import (
    DEFAULT_APPROVAL_LIFETIME,
    DEFAULT_DEDUPE_WINDOW,
    DEFAULT_TIMEOUT,
    MOST_ARGUMENT_BYTES,
    MOST_CONTEXT_BYTES,
)
from approval_tui.domain.models import DENIAL, EVIDENCE_NONE, EVIDENCE_SHOWN, NO_REQUIREMENTS, Request, Requirements

if TYPE_CHECKING:
    from approval_tui.domain.attempts import DraftAttempt
    from approval_tui.domain.verdicts import Verdict


@dataclass(frozen=True)
class Call:
    """One tool call that asks for approval; durations are in ms. `rule` is the name of the policy's rule that asks.

    `timeout` is how long a person has to decide, `approval_lifetime` how long the approval may be used,
    `dedupe_window` how long the same call meets the same pending or denied request. `attempt` says where in a
    workflow's attempts the call stands, `call_id` is what the agent calls it; both are no part of its identity.
    `edit_taken_as` is DENIAL where what asks could not run other arguments than these.
    """

    tool: str
    arguments: Mapping[str, Any]
    requester: str
    server: str | None = None
    session: str | None = None
    context: Mapping[str, Any] = field(default_factory=dict)
    reason: str | None = None
    risk: str | None = None
    rule: str | None = None
    rule_hash: str | None = None
    requirements: Requirements = NO_REQUIREMENTS
    timeout: int = DEFAULT_TIMEOUT
    approval_lifetime: int = DEFAULT_APPROVAL_LIFETIME
    dedupe_window: int = DEFAULT_DEDUPE_WINDOW
    attempt: DraftAttempt | None = None
    call_id: str | None = None
    longest_timeout: int | None = None
    edit_taken_as: str | None = None

    def under(self, verdict: Verdict) -> Call:
        """The call as a policy's verdict has it asked: what the policy says of times and risk comes first.

        No policy has the request wait longer than the call's `longest_timeout`, after which nobody needs the answer.
        """
        timeout = self.timeout if verdict.timeout is None else verdict.timeout
        return replace(
            self,
            risk=highest_risk(self.risk, verdict.risk),
            rule=verdict.rule,
            rule_hash=verdict.rule_hash,
            requirements=verdict.requirements,
            timeout=timeout if self.longest_timeout is None else min(timeout, self.longest_timeout),
            dedupe_window=self.dedupe_window if verdict.dedupe_window is None else verdict.dedupe_window,
        )


@dataclass(frozen=True)
class CheckedCall:
    """A call whose every part has been checked, with its stored texts and its fingerprint."""

    call: Call
    arguments_text: str
    context_text: str
    fingerprint: str

    @lazy_property
    def arguments(self) -> JsonObject:
        """The arguments as plain values of their own, which nobody else can change any more."""
        arguments: JsonObject = stored_json(self.arguments_text)
        return arguments

    @lazy_property
    def context(self) -> JsonObject:
        """The context, the same way."""
        context: JsonObject = stored_json(self.context_text)
        return context

    @property
    def tool(self) -> str:
        return self.call.tool

    @property
    def requester(self) -> str:
        return self.call.requester

    @property
    def server(self) -> str | None:
        return self.call.server

    @property
    def session(self) -> str | None:
        return self.call.session

    @property
    def risk(self) -> str | None:
        return self.call.risk

    @property
    def rule_hash(self) -> str | None:
        return self.call.rule_hash

    @property
    def requirements(self) -> Requirements:
        return self.call.requirements


@dataclass(frozen=True)
class Submitted:
    """What a submission met: the request, and whether this submission created it."""

    request: Request
    created: bool


@dataclass(frozen=True)
class Admission:
    """The right to run one call that the policy allows, once, with the arguments that were judged."""

    id: str
    arguments: JsonObject


@dataclass(frozen=True)
class Claim:
    """The right to run one approved call once, with the arguments that may run."""

    id: str
    request: Request
    arguments: JsonObject


_TEXTS = ("tool", "requester", "server", "session", "reason", "risk", "rule", "rule_hash", "call_id", "edit_taken_as")


def check_call(call: Call) -> CheckedCall:
    """The call, checked and of plain texts; raises InvalidInput or InvalidJson before anything is written."""
    texts = {name: getattr(call, name) for name in _TEXTS}
    odd: dict[str, Any] = {
        name: str.__str__(text) for name, text in texts.items() if isinstance(text, str) and type(text) is not str
    }
    if odd:
        call = replace(call, **odd)  # a text of a class of its own compares as it likes
    check_name("tool", call.tool)
    check_name("requester", call.requester)
    check_optional_name("server", call.server)
    check_optional_name("session", call.session)
    check_optional_name("call id", call.call_id)
    check_text("reason", call.reason)
    if call.edit_taken_as not in (None, DENIAL):
        raise invalid_call(f"An edit is taken as {DENIAL} or it runs, and not as {call.edit_taken_as!r}.")
    if call.risk is not None and call.risk not in RISKS:
        raise invalid_call(f"The risk {call.risk!r} is none of {', '.join(RISKS)}.")
    check_optional_name("rule", call.rule)
    check_optional_name("rule hash", call.rule_hash)
    check_duration("timeout", call.timeout, 1)
    check_duration("longest timeout", 1 if call.longest_timeout is None else call.longest_timeout, 1)
    check_duration("approval's lifetime", call.approval_lifetime, 1)
    check_duration("dedupe window", call.dedupe_window, 0)
    _check_requirements(call.requirements, call.requester)
    if call.attempt is not None:
        from approval_tui.domain.attempts import check_attempt  # few calls are attempts

        check_attempt(call.attempt)
    context, context_text = json_object_and_text(call.context, "context")
    arguments, text = json_object_and_text(call.arguments, "arguments")
    is_plain = context is call.context and arguments is call.arguments
    fingerprint = fingerprint_of(
        call.requester, call.server, call.tool, context, arguments, call.rule_hash, is_checked=is_plain
    )
    return CheckedCall(
        call=call,
        arguments_text=bounded("arguments", text, MOST_ARGUMENT_BYTES),
        context_text=bounded("context", context_text, MOST_CONTEXT_BYTES),
        fingerprint=fingerprint,
    )


def _check_requirements(requirements: Requirements, requester: str) -> None:
    if type(requirements.reviewers) is not tuple:
        raise invalid_call("The rule's reviewers are no tuple of names.")
    for name in requirements.reviewers:
        check_name("rule's reviewer", name)
    if type(requirements.quorum) is not int or not 1 <= requirements.quorum <= 100:
        raise invalid_call(f"A quorum of {requirements.quorum} cannot be reached.")
    if requirements.reviewers and requirements.quorum > 1:
        from approval_tui.domain.people import people  # few rules ask for several reviewers

        if len(people(requirements.reviewers)) < requirements.quorum:
            raise invalid_call("The rule names fewer reviewers than its quorum needs.")
        if len(people((requester, *requirements.reviewers))) - 1 < requirements.quorum:
            raise invalid_call("The rule names fewer reviewers than its quorum needs: the requester does not count.")
    if requirements.evidence not in (EVIDENCE_NONE, EVIDENCE_SHOWN):
        raise invalid_call(f"The evidence {requirements.evidence!r} is none of shown, none.")
