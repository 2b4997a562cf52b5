"""A request to show, with every field settable."""

from __future__ import annotations

import dataclasses
from typing import Any

from approval_tui.domain.canonical import exact_json
from approval_tui.domain.clock import MINUTE
from approval_tui.domain.decisions import Decision, Evidence
from approval_tui.domain.models import NO_REQUIREMENTS, Request

MOMENT = 1_800_000_000_000
"""2027-01-15 08:00 UTC."""

_PLAIN = Request(
    id="apr_01a319e5d0007a1000019d3c5e7f1001",
    status="pending",
    version=1,
    tool="shell",
    server=None,
    requester="release-bot",
    session=None,
    context_text="{}",
    arguments_text='{"command": "make deploy"}',
    edited_arguments_text=None,
    reason=None,
    risk=None,
    rule_hash=None,
    requirements=NO_REQUIREMENTS,
    fingerprint="v1:sha256:" + "1" * 64,
    digest="v1:sha256:" + "2" * 64,
    created_at=MOMENT,
    expires_at=MOMENT + 10 * MINUTE,
    approval_lifetime=10 * MINUTE,
    approval_expires_at=None,
    decided_at=None,
    decisions_text="[]",
    consumed_at=None,
    claim_expires_at=None,
    outcome=None,
    outcome_at=None,
    outcome_detail=None,
    in_doubt=False,
)


def a_request(**fields: Any) -> Request:
    """A pending request with these fields in the place of plain ones."""
    return with_fields(_PLAIN, **fields)


def with_fields(request: Request, **fields: Any) -> Request:
    """The request with other fields; `context`, `arguments` and `edited_arguments` may be given as objects."""
    for name in ("context", "arguments", "edited_arguments"):
        if name in fields:
            value = fields.pop(name)
            fields[f"{name}_text"] = None if value is None else exact_json(value)
    if "decisions" in fields:
        fields["decisions_text"] = exact_json([decision.to_json() for decision in fields.pop("decisions")])
    return dataclasses.replace(request, **fields)


def a_decision(**fields: Any) -> Decision:
    """An approval by ann with these fields in the place of plain ones."""
    plain = Decision(
        verdict="approve",
        reviewer="ann",
        reason=None,
        digest=_PLAIN.digest,
        evidence=Evidence(),
        via="console",
        os_user=None,
        tty=None,
        decided_at=MOMENT + MINUTE,
    )
    return dataclasses.replace(plain, **fields)
