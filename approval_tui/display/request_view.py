"""The fields of a request in the order in which a person reads them; console and command line share it."""

from __future__ import annotations

from typing import NamedTuple

from approval_tui.display.badges import risk_badge, status_badge
from approval_tui.display.glyphs import UNICODE, Glyphs
from approval_tui.display.payload import key_label
from approval_tui.display.preview import preview_line
from approval_tui.display.quorum_words import asks_for_people, is_only_said, named_words, needs_words
from approval_tui.display.redaction import Redactor, mask
from approval_tui.display.visible import visible_text
from approval_tui.domain.canonical import exact_json
from approval_tui.domain.clock import format_age, format_timestamp
from approval_tui.domain.decisions import Decision
from approval_tui.domain.lifecycle import APPROVE, APPROVED, CANCELLED, DENIED, DENY, EXPIRED, PENDING
from approval_tui.domain.models import VIA_POLICY, Request
from approval_tui.domain.votes import approvers

LARGEST_PREVIEWED = 200_000
"""Characters of stored arguments beyond which a list does not look into them: it draws many rows at once."""


_PROSE = ("approved by", "denied by", "revoked by", "outcome", "says", "attempt", "needs", "reviewers")


class Field(NamedTuple):
    """A label of ours and a text that is safe to show; `from_agent` marks the agent's own words (rule R12)."""

    label: str
    text: str
    from_agent: bool = False

    @property
    def is_prose(self) -> bool:
        """Whether a person or an agent said it in words, and nothing of it is run or compared."""
        return self.from_agent or self.label in _PROSE


def request_fields(
    request: Request, now: int, redactor: Redactor, glyphs: Glyphs = UNICODE, *, previous: Request | None = None
) -> list[Field]:
    """Everything about the request but its arguments; `previous` is the request of the attempt before it."""
    return [
        *fields_before_context(request, now, glyphs),
        *attempt_fields(request, previous, redactor, glyphs),
        *context_fields(request, redactor, glyphs),
        *fields_after_context(request, now, redactor, glyphs),
    ]


def context_fields(request: Request, redactor: Redactor, glyphs: Glyphs = UNICODE) -> list[Field]:
    """Where the call would run, as the agent says; it is part of what is approved."""
    return [
        Field(f"in {key_label(key, glyphs)}", value_text(key, value, redactor, glyphs))
        for key, value in request.context.items()
    ]


def fields_before_context(request: Request, now: int, glyphs: Glyphs = UNICODE) -> list[Field]:
    """What and who, in the order in which a person reads it."""
    fields = [
        Field("status", status_badge(request).text(plain=glyphs.is_ascii) + _time_left(request, now)),
        Field("tool", glyphs.visible(request.tool)),
    ]
    if request.server is not None:
        fields.append(Field("server", glyphs.visible(request.server)))
    fields.append(Field("requester", glyphs.visible(request.requester)))
    if request.session is not None:
        fields.append(Field("session", glyphs.visible(request.session)))
    fields.append(Field("risk", risk_badge(request.risk).text(plain=glyphs.is_ascii)))
    fields.append(Field("asked", f"{format_timestamp(request.created_at)} ({_ago(request.created_at, now)})"))
    return fields


def attempt_fields(
    request: Request, previous: Request | None, redactor: Redactor, glyphs: Glyphs = UNICODE
) -> list[Field]:
    """Which attempt it is, and what became of the one before; nothing where it is the only one."""
    attempt = request.attempt
    if attempt is None:
        return []
    text = f"{attempt.number} of {attempt.most}"
    if previous is not None and previous.id == attempt.previous:
        text += f", {_how_it_ended(previous, redactor, glyphs)}"
    elif attempt.previous is not None:
        text += f", after {glyphs.visible(attempt.previous)}"
    return [Field("attempt", text)]


def _how_it_ended(previous: Request, redactor: Redactor, glyphs: Glyphs) -> str:
    """Why there is another attempt, in our words and the reviewer's."""
    last = previous.decisions[-1] if previous.decisions else None
    if previous.status != DENIED or last is None:
        how = {EXPIRED: "expired", CANCELLED: "its requester withdrew"}.get(previous.status, f"is {previous.status}")
        return f"after one that {how}{'' if previous.decisions else ', undecided'}"
    by = f"rejected by {decider(last.reviewer, last.via, glyphs)}"
    if not last.reason:
        return f"{by} without a reason"
    return f"{by} because: {glyphs.visible(redactor.redact(last.reason, glyphs))}"


def fields_after_context(request: Request, now: int, redactor: Redactor, glyphs: Glyphs = UNICODE) -> list[Field]:
    """What it needs, what the agent says, what was decided, and what became of it."""
    fields = _requirements(request, glyphs)
    if request.reason is not None:
        fields.append(Field("agent says", glyphs.visible(redactor.redact(request.reason, glyphs)), from_agent=True))
    fields.extend(
        Field(_verdict(request, index), decision_text(decision, redactor, glyphs, request=request))
        for index, decision in enumerate(request.decisions)
    )
    if request.consumed_at is not None:
        fields.append(Field("used", f"{format_timestamp(request.consumed_at)} ({_ago(request.consumed_at, now)})"))
    if request.outcome is not None:
        detail = (
            f": {glyphs.visible(redactor.redact(request.outcome_detail, glyphs))}" if request.outcome_detail else ""
        )
        fields.append(Field("outcome", request.outcome.replace("_", " ") + detail))
    fields.append(Field("id", request.id))
    fields.append(Field("digest", request.digest))
    return fields


def value_text(key: str, value: object, redactor: Redactor, glyphs: Glyphs) -> str:
    """A value under its key, in a line; a text stands in quotes, so that it cannot pass for a number or a list."""
    if isinstance(value, str) and value and redactor.is_secret_name(key):
        return mask(value, glyphs)
    if isinstance(value, str):
        return f'"{visible_text(redactor.redact(value, glyphs), ascii_only=glyphs.is_ascii, quoted=True)}"'
    return glyphs.visible(redactor.redact(exact_json(masked_by_names(key, value, redactor, glyphs)), glyphs))


def masked_by_names(key: str, value: object, redactor: Redactor, glyphs: Glyphs) -> object:
    """The value with the texts and lists of texts masked that a secret's name stands right above, at any depth."""
    if isinstance(value, dict):
        return {name: masked_by_names(name, item, redactor, glyphs) for name, item in value.items()}
    if isinstance(value, list):
        return [masked_by_names(key, item, redactor, glyphs) for item in value]
    return mask(value, glyphs) if isinstance(value, str) and value and redactor.is_secret_name(key) else value


def request_preview(request: Request, redactor: Redactor, glyphs: Glyphs = UNICODE) -> str:
    """The call in one line; of arguments too large to be read in passing, only how large they are."""
    text = request.edited_arguments_text or request.arguments_text
    if len(text) > LARGEST_PREVIEWED:
        return f"({len(text):,} characters of arguments)"
    return preview_line(request.effective_arguments, redactor, glyphs=glyphs)


def decider(name: str, via: object, glyphs: Glyphs) -> str:
    """Who decided; a policy's rule is said to be one, whatever its name."""
    return f"{'the rule ' if via == VIA_POLICY else ''}{glyphs.name(name)}"


def decision_text(
    decision: Decision, redactor: Redactor, glyphs: Glyphs = UNICODE, *, request: Request | None = None
) -> str:
    """Who decided, when, from where, on what evidence, and why; of a `request`, also what matters to its rule."""
    reviewer, when = decider(decision.reviewer, decision.via, glyphs), format_timestamp(decision.decided_at)
    words = f"{reviewer}, {when}" + ("" if decision.via == VIA_POLICY else f", via {glyphs.name(decision.via)}")
    if decision.token is not None:
        words += f" (token {glyphs.name(decision.token)})"
    elif request is not None and asks_for_people(request) and is_only_said(decision):
        words += " (name not checked)"
    if request is not None and decision.verdict == APPROVE and decision.digest != request.digest:
        words += ", for what it was before the edit"
    evidence = decision.evidence
    rows = "1 row" if evidence.rows == 1 else f"{evidence.rows} rows"
    if evidence.kind == "shown":
        words += f", {rows} shown for {format_age(evidence.shown_ms)}"
    elif evidence.kind == "typed":
        words += f", id typed, {rows} seen in {format_age(evidence.shown_ms)}"
    elif evidence.kind != "none":
        words += f", from a {glyphs.visible(evidence.kind)}"
    if decision.reason:
        words += f": {glyphs.visible(redactor.redact(decision.reason, glyphs))}"
    return words


def _verdict(request: Request, index: int) -> str:
    """The label of one decision: a denial that came after enough approvals took an approval back."""
    decision, before = request.decisions[index], request.decisions[:index]
    if decision.verdict != DENY:
        return "approved by" if decision.verdict == APPROVE else visible_text(f"{decision.verdict} by")
    approvals = approvers(request, digest=decision.digest, decisions=before)
    return "revoked by" if len(approvals) >= request.requirements.quorum else "denied by"


def _requirements(request: Request, glyphs: Glyphs) -> list[Field]:
    needs = request.requirements
    fields = []
    if needs.quorum > 1:
        fields.append(Field("needs", needs_words(request, glyphs)))
    elif needs.reviewers:
        fields.append(Field("reviewers", named_words(request, glyphs)))
    if needs.reason_required:
        fields.append(Field("reason", "required"))
    return fields


def _time_left(request: Request, now: int) -> str:
    if request.status == PENDING:
        return f", {format_age(request.expires_at - now)} left"
    if request.status == APPROVED and request.approval_expires_at is not None:
        return f", usable for {format_age(request.approval_expires_at - now)}"
    return ""


def _ago(moment: int, now: int) -> str:
    return f"{format_age(now - moment)} ago"
