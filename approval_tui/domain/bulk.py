"""Which requests can be approved together with others, from one table."""

from __future__ import annotations

from approval_tui.domain.models import EVIDENCE_NONE, Request

MOST_IN_BULK = 200
"""Requests that are decided together at most."""


def why_not_in_bulk(request: Request) -> str | None:
    """Why the request is not approved together with others; None where it can be."""
    if request.risk == "high":
        return "of high risk and decided by itself"
    if request.requirements.quorum > 1:
        return "for several reviewers, who each look at it"
    if request.requirements.evidence != EVIDENCE_NONE:
        return "to be read by itself, as its rule asks"
    return None
