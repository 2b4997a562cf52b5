"""Who has approved what a request is now, each person once (rule R7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from approval_tui.domain.lifecycle import APPROVE
from approval_tui.domain.people import people, same_person

if TYPE_CHECKING:
    from approval_tui.domain.decisions import Decision
    from approval_tui.domain.models import Request


def approvers(
    request: Request, *, digest: str | None = None, decisions: Sequence[Decision] | None = None
) -> tuple[str, ...]:
    """The reviewers who approved what has that digest (else the present one), each once and as first named.

    Where several reviewers are asked for, the requester is never one of them, whatever the name is written like.
    `decisions` are those to count, else all.
    """
    wanted = request.digest if digest is None else digest
    counted = request.decisions if decisions is None else decisions
    names = [each.reviewer for each in counted if (each.verdict, each.digest) == (APPROVE, wanted)]
    if request.requirements.quorum == 1:
        return tuple(people(names))
    return tuple(people((request.requester, *names))[1:])


def former_approvers(request: Request) -> tuple[str, ...]:
    """The reviewers who approved only what it was before an edit; their votes do not count any more."""
    others = (request.requester, *approvers(request))
    former = [each.reviewer for each in request.decisions if each.verdict == APPROVE and each.digest != request.digest]
    return tuple(name for name in people(former) if not any(same_person(name, other) for other in others))


def has_approved(request: Request, reviewer: str) -> bool:
    """Whether a reviewer of that name has approved what the request is now."""
    return any(same_person(reviewer, each) for each in approvers(request))
