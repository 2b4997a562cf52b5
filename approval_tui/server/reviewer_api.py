"""The reviewer's side: what waits, what was, and decisions in the name of the token's owner.

The routes are Intercept's, with those for everything else that a reviewer does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from msgspec import UNSET

from approval_tui.domain import grants
from approval_tui.domain.bulk import BulkResult
from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.clock import parse_duration
from approval_tui.domain.decisions import Reviewer
from approval_tui.domain.errors import ApprovalTuiError, InvalidInput, StoreUnavailable
from approval_tui.domain.lifecycle import APPROVE, DENY, PENDING
from approval_tui.domain.matchers import Part, exact_matcher
from approval_tui.domain.models import Request
from approval_tui.domain.precedents import Precedents, may_be_unusual
from approval_tui.server.agent_wire import milliseconds_of
from approval_tui.server.change_feed import ChangeFeed, rung_within
from approval_tui.server.errors import Refusal, refusal_of
from approval_tui.server.exchange import Answer, Exchange
from approval_tui.server.reviewer_types import (
    Approve,
    Bulk,
    Deny,
    EventsQuery,
    GrantOfWhat,
    GrantTerms,
    HistoryQuery,
    HoldSession,
    NewGrant,
    Resolve,
    SessionQuery,
)
from approval_tui.store.asynchronous import AsyncStore
from approval_tui.store.transactions.filters import Filter

MOST_LISTED_BYTES = 16 * 1024 * 1024
"""Of arguments in one answer; one that would have more ends there, and the page after it goes on."""

_STEP = 20
_VIA = "api"


Unusual = Callable[[Request, Precedents], list[str]]
"""Says what is unusual about a request, held against what came before it, with secrets masked; may take its time."""


@dataclass(frozen=True)
class ReviewerApi:
    """The handlers of the reviewer's routes."""

    store: AsyncStore
    feed: ChangeFeed
    find_unusual: Unusual

    async def pending(self, exchange: Exchange) -> Answer:
        """What waits for a decision, oldest first."""
        query = exchange.query
        newer_than = None if query.newer_than is UNSET else query.newer_than
        until = self.feed.until(_milliseconds(query.wait))
        with self.feed.listening(None) as rung:
            while True:
                first = await self.store.reviewer.pending_page(start=_after(newer_than), most=1)
                left = until - self.store.now()
                if first.requests or left <= 0 or self.feed.is_stopping:
                    break
                await rung_within(rung, left / 1000, exchange.gone)

        async def some(last: str | None, most: int) -> tuple[Request, ...]:
            page = await self.store.reviewer.pending_page(start=_after(last or newer_than), most=most, count=False)
            return page.requests

        requests, _is_whole = await _bounded(some, query.limit)
        return Answer(200, {"pending_count": first.total, "requests": requests})

    async def request(self, exchange: Exchange) -> Answer:
        """One request, whatever has become of it; held while it is pending, if that is asked for."""
        until = self.feed.until(_milliseconds(exchange.query.wait))
        with self.feed.listening(exchange.request_id) as rung:
            while True:
                request = await self.store.reviewer.get(exchange.request_id)
                left = min(until, request.expires_at) - self.store.now()
                if request.status != PENDING or left <= 0 or self.feed.is_stopping:
                    return Answer(200, request.to_json())
                await rung_within(rung, left / 1000, exchange.gone)

    async def unusual(self, exchange: Exchange) -> Answer:
        """What is unusual about a request that waits or may still be used; nothing of one that is over."""
        request = await self.store.reviewer.get(exchange.request_id)
        if not may_be_unusual(request):
            return Answer(200, {"unusual": []})
        precedents = await self.store.reviewer.precedents(request.id)
        return Answer(200, {"unusual": await asyncio.to_thread(self.find_unusual, request, precedents)})

    async def approve(self, exchange: Exchange) -> Answer:
        """Says yes to the request with that digest; again by the same reviewer changes nothing."""
        body: Approve = exchange.body
        request = await self.store.reviewer.decide(
            exchange.request_id,
            APPROVE,
            reviewer=_reviewer(exchange),
            digest=body.digest,
            reason=body.reason,
            edited_arguments=body.edited_arguments,
            grant=grants.FOR_SESSION if body.for_session else None,
        )
        return _told(request)

    async def deny(self, exchange: Exchange) -> Answer:
        """Says no; again by the same reviewer changes nothing."""
        body: Deny = exchange.body
        digest = body.digest or (await self.store.reviewer.get(exchange.request_id)).digest
        reviewer = _reviewer(exchange)
        return _told(
            await self.store.reviewer.decide(
                exchange.request_id, DENY, reviewer=reviewer, digest=digest, reason=body.reason
            )
        )

    async def expire(self, exchange: Exchange) -> Answer:
        """Ends a pending request without a verdict."""
        return _told(await self.store.reviewer.expire(exchange.request_id, reviewer=_reviewer(exchange)))

    async def revoke(self, exchange: Exchange) -> Answer:
        """Takes an approval back before it is used."""
        reason = exchange.body.reason
        return _told(await self.store.reviewer.revoke(exchange.request_id, reviewer=_reviewer(exchange), reason=reason))

    async def resolve(self, exchange: Exchange) -> Answer:
        """Says what became of a call that is in doubt."""
        body: Resolve = exchange.body
        return _told(
            await self.store.reviewer.resolve(
                exchange.request_id, body.outcome, reviewer=_reviewer(exchange), reason=body.reason
            )
        )

    async def history(self, exchange: Exchange) -> Answer:
        """What no longer waits, newest first, a page at a time."""
        query: HistoryQuery = exchange.query
        chosen = Filter(*(_given(getattr(query, name)) for name in ("status", "requester", "tool", "session", "risk")))

        async def some(last: str | None, most: int) -> tuple[Request, ...]:
            return await self.store.reviewer.history(chosen, before=last or _given(query.before), most=most)

        requests, is_last = await _bounded(some, query.limit)
        return Answer(200, {"requests": requests, "next": None if is_last else requests[-1]["id"]})

    async def events(self, exchange: Exchange) -> Answer:
        """The audit log, a part at a time."""
        query: EventsQuery = exchange.query
        found = await self.store.reviewer.events(
            request_id=_given(query.request_id),
            before=_given(query.before),
            after=_given(query.after),
            most=query.limit,
        )
        return Answer(200, {"events": [event.to_json() for event in found]})

    async def bulk(self, exchange: Exchange) -> Answer:
        """One verdict on several requests, each decided by itself; one that is not as it was looked at is left out."""
        body: Bulk = exchange.body
        results = []
        for chosen in body.requests:
            try:
                decided = await self.store.reviewer.decide(
                    chosen.id,
                    body.verdict,
                    reviewer=_reviewer(exchange),
                    digest=chosen.digest,
                    reason=body.reason,
                    in_bulk=True,
                )
                results.append(BulkResult(chosen.id, decided).to_json())
            except ApprovalTuiError as error:
                if isinstance(error, StoreUnavailable) and not results:
                    raise
                why = refusal_of(error).message  # the operator's files and folders are nothing for callers
                results.append({**BulkResult(chosen.id, None, error).to_json(), "why": why})
        return Answer(200, {"results": results})

    async def add_grant(self, exchange: Exchange) -> Answer:
        """Grants calls such as that of a request, and approves what waits of them."""
        body: NewGrant = exchange.body
        terms = await self._terms(body.request_id, body)
        grant = await self.store.reviewer.add_grant(
            body.request_id, terms, reviewer=_reviewer(exchange), digest=body.digest
        )
        return Answer(200, grant.to_json())

    async def preview_grant(self, exchange: Exchange) -> Answer:
        """What such a grant would approve now, and what it covers of what was asked before."""
        body: GrantOfWhat = exchange.body
        terms = await self._terms(body.request_id, body)
        preview = await self.store.reviewer.preview_grant(body.request_id, terms, reviewer=_reviewer(exchange))
        releases = [{"id": request.id, "digest": request.digest} for request in preview.releases]
        covered = [request.id for request in preview.covered]
        return Answer(200, {"releases": releases, "covered": covered, "looked_at": preview.looked_at})

    async def _terms(self, request_id: str, asked: GrantTerms) -> grants.GrantTerms:
        """The terms for calls such as that of the request."""
        request = await self.store.reviewer.get(request_id)
        matcher = exact_matcher(request)
        for part in asked.parts:
            try:
                matcher = matcher.with_part(Part(tuple(part.path), part.kind, part.text))
            except InvalidInput as error:  # well-formed, and nothing of this request
                raise Refusal(409, "unfit_grant", error.happened, request=request) from None
        lifetime = None if asked.lasts is None else parse_duration(asked.lasts)
        return grants.GrantTerms(asked.scope, matcher, lifetime, None if asked.uses is None else int(asked.uses))

    async def session(self, exchange: Exchange) -> Answer:
        """What a session asked and did, its grants, and whether it is held back."""
        query: SessionQuery = exchange.query
        story = await self.store.reviewer.session(query.requester, query.session)
        size, told = 0, []
        for request in reversed(story.requests):
            size += len(request.arguments_text) + len(request.edited_arguments_text or "")
            if size > MOST_LISTED_BYTES:
                break
            told.append(request.to_json())
        return Answer(
            200,
            {
                "requester": story.requester,
                "session": story.session,
                "hold": None if story.hold is None else story.hold.to_json(),
                "grants": [grant.to_json() for grant in story.grants],
                "requests": told[::-1],
                "earlier": story.earlier + len(story.requests) - len(told),
                "calls": [event.to_json() for event in story.calls],
            },
        )

    async def holds(self, _exchange: Exchange) -> Answer:
        """Sessions that are held back, or were, newest first."""
        return Answer(200, {"holds": [held.to_json() for held in await self.store.reviewer.holds()]})

    async def hold_session(self, exchange: Exchange) -> Answer:
        """Holds a session back; the second time nothing."""
        body: HoldSession = exchange.body
        held = await self.store.reviewer.hold_session(
            body.requester, body.session, reviewer=_reviewer(exchange), reason=body.reason
        )
        return Answer(200, held.to_json())

    async def release_session(self, exchange: Exchange) -> Answer:
        """Lets a session go on; the second time nothing."""
        body: HoldSession = exchange.body
        released = await self.store.reviewer.release_session(
            body.requester, body.session, reviewer=_reviewer(exchange), reason=body.reason
        )
        return Answer(200, released.to_json())

    async def grants(self, _exchange: Exchange) -> Answer:
        """Standing approvals, live or not, newest first."""
        return Answer(200, {"grants": [grant.to_json() for grant in await self.store.reviewer.grants()]})

    async def revoke_grant(self, exchange: Exchange) -> Answer:
        """Ends a standing approval; the second time nothing."""
        grant = await self.store.reviewer.revoke_grant(
            exchange.path["id"], reviewer=_reviewer(exchange), reason=exchange.body.reason
        )
        return Answer(200, grant.to_json())


async def _bounded(
    some: Callable[[str | None, int], Awaitable[tuple[Request, ...]]], most: int
) -> tuple[list[JsonObject], bool]:
    """Of what `some` gives after an id, so much as one answer may hold, and whether there is no more.

    Agents choose how large their requests are, and a reviewer who lists them must get an answer all the same.
    """
    told: list[JsonObject] = []
    last, size = None, 0
    while len(told) < most:
        step = min(most - len(told), _STEP)
        found = await some(last, step)
        for request in found:
            told.append(request.to_json())
            last, size = request.id, size + len(request.arguments_text) + len(request.edited_arguments_text or "")
            if size > MOST_LISTED_BYTES:
                return told, False
        if len(found) < step:
            return told, True
    return told, False


def _reviewer(exchange: Exchange) -> Reviewer:
    """Who decides: the token says it, and nothing that is sent."""
    return Reviewer(exchange.token.name, via=_VIA, token=exchange.token.id)


def _told(request: Request) -> Answer:
    body: JsonObject = request.to_json()
    return Answer(200, body)


def _milliseconds(wait: Any) -> int:
    return 0 if wait is UNSET else milliseconds_of(wait)


def _given(value: Any) -> Any:
    return None if value is UNSET else value


def _after(request_id: str | None) -> str | None:
    """The least id that comes after this one."""
    return None if request_id is None else f"{request_id}0"
