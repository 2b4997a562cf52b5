"""The reviewer's side: what waits, what was, and decisions in the name of the token's owner.

The routes are Intercept's, with those for everything else that a reviewer does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from msgspec import UNSET

from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.clock import system_clock
from approval_tui.domain.decisions import Reviewer
from approval_tui.domain.grants import FOR_SESSION
from approval_tui.domain.lifecycle import APPROVE, DENY, PENDING
from approval_tui.domain.models import Request
from approval_tui.domain.precedents import Precedents, may_be_unusual
from approval_tui.server.agent_wire import milliseconds_of
from approval_tui.server.change_feed import ChangeFeed, rung_within
from approval_tui.server.exchange import Answer, Exchange
from approval_tui.server.reviewer_types import Approve, Deny, EventsQuery, HistoryQuery, Resolve
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
                left = until - system_clock()
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
                left = min(until, request.expires_at) - system_clock()
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
            grant=FOR_SESSION if body.for_session else None,
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
    return Reviewer(exchange.token.name, via=_VIA)


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
