"""What a request needs where its rule says who decides, how far it is, and what a vote did; in words."""

from __future__ import annotations

from approval_tui.display.glyphs import UNICODE, Glyphs
from approval_tui.domain.decisions import Decision
from approval_tui.domain.lifecycle import APPROVE, PENDING
from approval_tui.domain.models import VIA_GRANT, VIA_POLICY, Request
from approval_tui.domain.people import same_person
from approval_tui.domain.votes import approvers, former_approvers, has_approved

ADVISORY = " (advisory here: names are not checked)"
"""What stands behind a demand on who decides where anybody may give any name."""


def asks_for_people(request: Request) -> bool:
    """Whether it matters who decides: its rule asks for several reviewers, or names them."""
    return request.requirements.quorum > 1 or bool(request.requirements.reviewers)


def count_words(request: Request) -> str:
    """How many of the reviewers that are needed have approved what it is now, as `1 of 2`."""
    return f"{len(approvers(request))} of {request.requirements.quorum}"


def needs_words(request: Request, glyphs: Glyphs = UNICODE) -> str:
    """How many reviewers are needed and who has approved, as `2 of 3 (ann, bo, cy): ann approved`."""
    needs = request.requirements
    named = [each for each in needs.reviewers if not same_person(each, request.requester)]
    whom = f"{needs.quorum} of {len(named)} ({_names(named, glyphs)})" if named else f"{needs.quorum}"
    present, former = approvers(request), former_approvers(request)
    left_out = [each for each in needs.reviewers if each not in named]
    said = f"{_names(present, glyphs)} approved" if present else "nobody yet"
    if former:
        said += f"; {_names(former, glyphs)} approved what it was before the edit"
    if left_out:
        said += f"; {_names(left_out, glyphs)} cannot vote, as the requester's name counts as theirs"
    return f"{whom}: {said}{advisory_words(request)}"


def named_words(request: Request, glyphs: Glyphs = UNICODE) -> str:
    """Who may decide, where the rule names them and one is enough."""
    return _names(request.requirements.reviewers, glyphs) + advisory_words(request)


def advisory_words(request: Request) -> str:
    """That names are not checked here; nothing where all who approved it proved theirs and no more are needed."""
    counted = [each for each in request.decisions if (each.verdict, each.digest) == (APPROVE, request.digest)]
    is_proved = request.status != PENDING and counted and all(each.token is not None for each in counted)
    return "" if is_proved else ADVISORY


def is_only_said(decision: Decision) -> bool:
    """Whether nothing proved the name of the person who decided."""
    return decision.token is None and decision.via not in (VIA_GRANT, VIA_POLICY)


def vote_words(before: Request, voted: Request, reviewer: str) -> str:
    """What a reviewer hears of an approval after which others are needed; `before` is what they looked at."""
    if voted.digest == before.digest and has_approved(before, reviewer):
        return f"You have approved it already, and nothing changed: {count_words(voted)}."
    return f"Your vote is recorded: {count_words(voted)}."


def _names(names: tuple[str, ...] | list[str], glyphs: Glyphs) -> str:
    return ", ".join(map(glyphs.name, names))
