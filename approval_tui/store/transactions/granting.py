"""How grants are given: with an approval or by themselves, after a look at what they cover now and covered before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from approval_tui.domain import events
from approval_tui.domain.canonical import record_json
from approval_tui.domain.decisions import Reviewer
from approval_tui.domain.errors import DecisionRefused, InvalidInput, RequestChanged, StoreCorrupt
from approval_tui.domain.grants import LONGEST_GRANT, MOST_USES, SCOPES, SESSION, Grant, GrantTerms, why_ungrantable
from approval_tui.domain.identity import is_call_of_its_digest
from approval_tui.domain.ids import new_secret
from approval_tui.domain.lifecycle import PENDING
from approval_tui.domain.matchers import Matcher
from approval_tui.domain.models import Request
from approval_tui.store.transaction import Row, Transaction
from approval_tui.store.transactions import grants
from approval_tui.store.transactions.held import is_held
from approval_tui.store.transactions.records import append_event, corrupt, load_request, request_from_row
from approval_tui.store.transactions.reviewer import check_reviewer

MOST_RELEASED = 500
"""Requests that wait and that one grant approves when it is given; the others are asked."""

MOST_LOOKED_AT = 500
MOST_CHARACTERS = 20_000_000
"""Requests, and characters of their arguments, that are looked at to say what a grant would have approved."""

_LARGEST_MATCHER = 100_000
_NOT_GRANTED = "Nothing was granted."


@dataclass(frozen=True)
class GrantPreview:
    """What a grant would do now, and would have done: the requests that wait and that it would approve, oldest first.

    `covered` are those of the last `looked_at` requests of the same requester and tool that it covers, newest first.
    """

    releases: tuple[Request, ...]
    covered: tuple[Request, ...]
    looked_at: int


def check_terms(terms: GrantTerms) -> None:
    """Raises InvalidInput for terms that no grant can have."""
    why = None
    if type(terms) is not GrantTerms:
        why = f"{terms!r} says nothing of a grant."
    elif terms.scope not in SCOPES:
        why = f"The scope {terms.scope!r} is none of {', '.join(SCOPES)}."
    elif type(terms.ends_after) is not int or not 1 <= terms.ends_after <= LONGEST_GRANT:
        why = "A grant ends after a moment to a year."
    elif terms.most_uses is not None and (type(terms.most_uses) is not int or not 1 <= terms.most_uses <= MOST_USES):
        why = f"A grant is used 1 to {MOST_USES:,} times."
    if why is not None:
        raise InvalidInput(why, not_done=_NOT_GRANTED, to_do="Correct it.")
    if terms.matcher is not None:
        matcher = Matcher.from_json(terms.matcher.to_json())
        size = 0 if matcher.is_exact else len(record_json(matcher.to_json()).encode())  # one call's is not kept
        if size > _LARGEST_MATCHER:
            raise InvalidInput(
                f"The parts of that call take {size:,} bytes; {_LARGEST_MATCHER:,} are the most for a grant.",
                not_done=_NOT_GRANTED,
                to_do="Grant exactly this call, or let all its arguments be anything.",
            )


def refuse_ungrantable(
    request: Request, terms: GrantTerms, reviewer: Reviewer, *, is_edited: bool, not_done: str
) -> None:
    """Raises DecisionRefused where calls such as that of the request cannot be granted on these terms (rule R7)."""
    why = why_ungrantable(request.requirements, request.risk, reviewer.name)
    if terms.scope == SESSION and request.session is None:
        why = "its requester names no session"
    elif is_edited or request.edited_arguments is not None:
        why = "what would run is not what the agent asks for"
    elif terms.matcher is not None and not terms.matcher.covers(request):
        why = "the matcher does not cover it"
    if why is not None:
        what = "for its session" if terms.scope == SESSION else "once and for all"
        raise DecisionRefused(
            f"The call of {request.id} cannot be approved {what}: {why}.",
            not_done=not_done,
            to_do="Approve it for this once.",
            request=request,
        )


def add_grant(tx: Transaction, request_id: str, terms: GrantTerms, *, reviewer: Reviewer, digest: str) -> Grant:
    """Grants calls such as that of a request, which may wait or be over; what waits and is covered is approved by it.

    `digest` is that of the request as the reviewer saw it. Raises RequestNotFound, RequestChanged, DecisionRefused
    where no grant can approve it, and InvalidInput.
    """
    check_reviewer(reviewer)
    check_terms(terms)
    request = load_request(tx, request_id)
    if request.digest != digest:
        raise RequestChanged(
            f"Request {request_id} is not what you looked at: its digest is {request.digest}, not {digest}.",
            not_done=_NOT_GRANTED,
            to_do="Look at it again.",
            request=request,
        )
    refuse_ungrantable(request, terms, reviewer, is_edited=False, not_done=_NOT_GRANTED)
    return give(tx, request, terms, reviewer)


def give(tx: Transaction, request: Request, terms: GrantTerms, reviewer: Reviewer) -> Grant:
    """Grants on these terms, which were checked, and approves what waits and is covered.

    Raises StoreCorrupt where the request is not the call that its digest names.
    """
    if not is_call_of_its_digest(request):
        raise corrupt(f"What request {request.id} holds is not what was approved: its fingerprint does not fit.")
    grant = _grant_on(tx, request, terms, reviewer)
    matcher = None if grant.matcher is None else record_json(grant.matcher.to_json())
    fixed = {**{column: getattr(grant, column) for column in grants.FIXED}, "matcher": matcher}
    tx.execute("insert_grant", {**fixed, "id": grant.id, "request_id": request.id})
    append_event(tx, events.GRANT_GIVEN, request.id, {}, {**fixed, "grant": grant.id, "by": reviewer.to_json()})
    tx.touched.add(request.id)
    for waiting in _released(tx, grant):
        grants.approve_by(tx, grant, waiting)
    return grants.get_grant(tx, grant.id)


def preview_grant(tx: Transaction, request_id: str, terms: GrantTerms, *, reviewer: Reviewer) -> GrantPreview:
    """What a grant on these terms would approve; raises what `add_grant` raises, but for a changed request."""
    check_reviewer(reviewer)
    check_terms(terms)
    request = load_request(tx, request_id)
    refuse_ungrantable(request, terms, reviewer, is_edited=False, not_done=_NOT_GRANTED)
    return _preview(tx, _grant_on(tx, request, terms, reviewer))


def preview_given(tx: Transaction, grant_id: str) -> GrantPreview:
    """The same of a grant that there is, as if it were given now."""
    return _preview(tx, grants.get_grant(tx, grant_id))


def _preview(tx: Transaction, grant: Grant) -> GrantPreview:
    looked_at, characters, covered = 0, 0, []
    of_the_tool = {"requester": grant.requester, "tool": grant.tool, "most": MOST_LOOKED_AT}
    for request in _readable(tx, tx.rows("requests_of_tool", of_the_tool)):
        characters += len(request.arguments_text)
        if characters > MOST_CHARACTERS:
            break
        looked_at += 1
        if grant.covers(request):
            covered.append(request)
    return GrantPreview(tuple(_released(tx, grant)), tuple(covered), looked_at)


def _released(tx: Transaction, grant: Grant) -> list[Request]:
    """What waits and would be approved by the grant, oldest first, as often as it may be used."""
    most = MOST_RELEASED if grant.most_uses is None else min(MOST_RELEASED, grant.most_uses - grant.uses)
    waiting = tx.rows("waiting_for_tool", {"requester": grant.requester, "tool": grant.tool, "now": tx.now})
    covered = (
        request
        for request in _readable(tx, waiting)
        if request.status == PENDING
        and request.edited_arguments_text is None
        and grants.covers_now(tx, grant, request)
        and not is_held(tx, request.requester, request.session)
    )
    return [request for _, request in zip(range(max(0, most)), covered, strict=False)]


def _readable(tx: Transaction, rows: Sequence[Row]) -> Iterator[Request]:
    """The requests of these rows without those that somebody spoiled: they are nobody's call."""
    for row in rows:
        try:
            yield request_from_row(row, tx.now)
        except StoreCorrupt:
            continue


def _grant_on(tx: Transaction, request: Request, terms: GrantTerms, reviewer: Reviewer) -> Grant:
    """The grant on these terms, given now; one that covers only its call goes by the fingerprint."""
    matcher = None if terms.matcher is None or terms.matcher.is_exact else terms.matcher
    return Grant(
        id=new_secret("grt"),
        scope=terms.scope,
        session=request.session if terms.scope == SESSION else None,
        fingerprint=request.fingerprint,
        request_id=request.id,
        tool=request.tool,
        requester=request.requester,
        granted_by=reviewer.name,
        granted_at=tx.now,
        expires_at=tx.now + terms.ends_after,
        uses=0,
        revoked_by=None,
        revoked_at=None,
        matcher=matcher,
        most_uses=terms.most_uses,
    )
