"""The fields of a request in the order in which a person reads them; console and command line share it."""

from __future__ import annotations

from dataclasses import dataclass

from approval_tui.display.badges import risk_badge, status_badge
from approval_tui.display.redaction import Redactor
from approval_tui.display.visible import visible_text
from approval_tui.domain.canonical import exact_json
from approval_tui.domain.clock import format_age, format_timestamp
from approval_tui.domain.decisions import Decision
from approval_tui.domain.lifecycle import APPROVE, APPROVED, DENY, PENDING
from approval_tui.domain.models import Request


@dataclass(frozen=True)
class Field:
    """A label of ours and a text that is safe to show; `from_agent` marks the agent's own words (rule R12)."""

    label: str
    text: str
    from_agent: bool = False


def request_fields(request: Request, now: int, redactor: Redactor, *, plain: bool = False) -> list[Field]:
    """Everything about the request but its arguments."""
    fields = [
        Field("status", status_badge(request).text(plain=plain) + _time_left(request, now)),
        Field("tool", visible_text(request.tool)),
    ]
    if request.server is not None:
        fields.append(Field("server", visible_text(request.server)))
    fields.append(Field("requester", visible_text(request.requester)))
    if request.session is not None:
        fields.append(Field("session", visible_text(request.session)))
    fields.append(Field("risk", risk_badge(request.risk).text(plain=plain)))
    fields.append(Field("asked", f"{format_timestamp(request.created_at)} ({_ago(request.created_at, now)})"))
    for key, value in request.context.items():
        text = value if isinstance(value, str) else exact_json(value)
        fields.append(Field(f"in {visible_text(key)}", visible_text(redactor.redact(text))))
    fields.extend(_requirements(request))
    if request.reason is not None:
        fields.append(Field("agent says", visible_text(redactor.redact(request.reason)), from_agent=True))
    fields.extend(
        Field(_verdict(request, index), decision_text(decision)) for index, decision in enumerate(request.decisions)
    )
    if request.consumed_at is not None:
        fields.append(Field("used", f"{format_timestamp(request.consumed_at)} ({_ago(request.consumed_at, now)})"))
    if request.outcome is not None:
        detail = f": {visible_text(redactor.redact(request.outcome_detail))}" if request.outcome_detail else ""
        fields.append(Field("outcome", request.outcome.replace("_", " ") + detail))
    fields.append(Field("id", request.id))
    fields.append(Field("digest", request.digest))
    return fields


def decision_text(decision: Decision) -> str:
    """Who decided, when, from where, on what evidence, and why."""
    reviewer, via = visible_text(decision.reviewer), visible_text(decision.via)
    words = f"{reviewer}, {format_timestamp(decision.decided_at)}, via {via}"
    evidence = decision.evidence
    if evidence.kind == "shown":
        rows = "1 row" if evidence.rows == 1 else f"{evidence.rows} rows"
        words += f", {rows} shown for {format_age(evidence.shown_ms)}"
    if decision.reason:
        words += f": {visible_text(decision.reason)}"
    return words


def _verdict(request: Request, index: int) -> str:
    """The label of one decision: a denial that came after enough approvals took an approval back."""
    decision, before = request.decisions[index], request.decisions[:index]
    if decision.verdict != DENY:
        return "approved by" if decision.verdict == APPROVE else visible_text(f"{decision.verdict} by")
    approvals = {each.reviewer for each in before if (each.verdict, each.digest) == (APPROVE, decision.digest)}
    return "revoked by" if len(approvals) >= request.requirements.quorum else "denied by"


def _requirements(request: Request) -> list[Field]:
    needs = request.requirements
    fields = []
    if needs.quorum > 1:
        votes = len({each.reviewer for each in request.decisions if each.digest == request.digest})
        fields.append(Field("needs", f"{needs.quorum} reviewers; {votes} so far"))
    if needs.reviewers:
        fields.append(Field("reviewers", visible_text(", ".join(needs.reviewers))))
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
