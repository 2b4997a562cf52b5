"""Which requests can be approved together with others, from one table."""

from __future__ import annotations

from typing import NamedTuple

from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.errors import ApprovalTuiError
from approval_tui.domain.models import EVIDENCE_NONE, Request

MOST_IN_BULK = 200
"""Requests that are decided together at most."""


class Chosen(NamedTuple):
    """A request that is to be decided with others, as it was when the reviewer looked at the table."""

    id: str
    digest: str


class BulkResult(NamedTuple):
    """What became of one of several: the request as decided, or why it was not."""

    id: str
    decided: Request | None
    error: ApprovalTuiError | None = None

    def to_json(self) -> JsonObject:
        """The object that `--json` prints."""
        if self.decided is not None:
            return {"id": self.id, "decided": True, "status": self.decided.status, "why": None}
        why = None if self.error is None else self.error.happened
        return {"id": self.id, "decided": False, "status": None, "why": why}


def why_not_in_bulk(request: Request) -> str | None:
    """Why the request is not approved together with others; None where it can be."""
    if request.is_of_high_risk:
        return "of high risk and decided by itself"
    if request.requirements.quorum > 1:
        return "for several reviewers, who each look at it"
    if request.requirements.evidence != EVIDENCE_NONE:
        return "to be read by itself, as its rule asks"
    return None
