"""What was asked and approved before one request: what a reader holds it against to see what is unusual about it."""

from __future__ import annotations

from dataclasses import dataclass

from approval_tui.domain.lifecycle import APPROVED, PENDING
from approval_tui.domain.models import Request


@dataclass(frozen=True)
class Precedents:
    """What came before one request, as far as it was looked at.

    `approved` are calls of the same tool to which a person or a grant said yes and nobody no afterwards, newest first;
    a policy's own decisions are none. The tools and requesters are those that were there before its own were, and the
    servers those of older requests, its own among them.
    """

    is_first: bool  #: whether nobody asked for anything before
    is_first_of_requester: bool
    is_first_of_tool: bool  #: whether nobody asked for this tool before
    is_first_of_requester_for_tool: bool  #: the same of its requester, among the calls that were looked at
    calls_looked_at: int | None  #: how many older calls of the tool were looked at; None where that is all of them
    approved: tuple[Request, ...]
    are_all_approved: bool  #: whether no further approved calls were left out of those that were looked at
    tools: tuple[str, ...]
    requesters: tuple[str, ...]
    servers: tuple[str, ...]
    are_all_names: bool  #: whether no tool or requester was left out

    @property
    def is_whole(self) -> bool:
        """Whether `approved` are all that there are."""
        return self.are_all_approved and self.calls_looked_at is None


def may_be_unusual(request: Request) -> bool:
    """Whether it can still be decided or taken back, so that it is of use to hold it against what came before."""
    return request.status in (PENDING, APPROVED)
