"""The agent's side: the request operations of the Agent Approval Protocol (version 1), and one route to roll back.

An agent's token is an instance's credential: it says who asks. Of another requester's requests it learns nothing.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakValueDictionary

from msgspec import UNSET

from approval_tui.domain.attempts import DraftAttempt
from approval_tui.domain.calls import Call
from approval_tui.domain.canonical import JsonObject, canonical_hash, tagged_hash
from approval_tui.domain.errors import ClaimInvalid, StatusConflict
from approval_tui.domain.lifecycle import APPROVED, CANCELLED, CONSUMED, EXPIRED, NOT_RUN, PENDING
from approval_tui.domain.models import DENIAL, Request
from approval_tui.domain.submissions import Submission
from approval_tui.gate.on_behalf import OnBehalf
from approval_tui.server.agent_types import OwnAttempt, OwnReportOutcome, ReportOutcome, Rollback
from approval_tui.server.agent_wire import is_cancelled, milliseconds_of, record_for_agents, request_on_wire, status_of
from approval_tui.server.change_feed import ChangeFeed, rung_within
from approval_tui.server.errors import Refusal
from approval_tui.server.exchange import Answer, Exchange, Handler
from approval_tui.settings.configuration import Settings
from approval_tui.store.asynchronous import AsyncStore


@dataclass(frozen=True)
class AgentApi:
    """The handlers of the agent's routes."""

    store: AsyncStore
    on_behalf: OnBehalf
    feed: ChangeFeed
    settings: Settings
    turns: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    def in_turn(self, handler: Handler) -> Handler:
        """The handler, one exchange about a request after the other: whoever gives a claim up does not overtake it."""

        async def handle(exchange: Exchange) -> Answer:
            async with self.turns.setdefault(exchange.request_id, asyncio.Lock()):
                return await handler(exchange)

        return handle

    async def create(self, exchange: Exchange) -> Answer:
        """Asks for one call, once for each key; the policy may have decided already."""
        call, submission = self._submission(exchange)
        submitted = await self.on_behalf.submit(call, submission)
        body = await self._told(exchange, submitted.request)
        if exchange.is_own:
            body["created"] = submitted.created
        return exchange.answer(201 if submitted.created else 200, body)

    async def get(self, exchange: Exchange) -> Answer:
        """The request as it is, after up to `wait` if it is pending until then."""
        wait = 0 if exchange.query.wait is UNSET else milliseconds_of(exchange.query.wait)
        request = await self._decided_within(exchange, wait)
        return exchange.answer(200, await self._told(exchange, request))

    async def cancel(self, exchange: Exchange) -> Answer:
        """Withdraws a pending request; a gate of ours may withdraw what was approved, too, which it will not use."""
        requester, request_id = exchange.token.name, exchange.request_id
        request = await self._owned(exchange)
        if exchange.is_own and request.status == CANCELLED:
            return exchange.answer(200, await self._told(exchange, request))
        if exchange.is_own and request.status == APPROVED:
            request = await self.store.requester.cancel(request_id, requester=requester)
        else:
            try:
                request = await self.store.server.withdraw(request_id, requester)
            except StatusConflict as conflict:
                raise _already_terminal(conflict.request or request) from None
        return exchange.answer(200, await self._told(exchange, request))

    async def consume(self, exchange: Exchange) -> Answer:
        """Takes the approval for the one attempt to run the call that has this key."""
        request = await self._owned(exchange)
        if not exchange.is_own and request.edited_arguments is not None:
            if request.status == PENDING:  # further reviewers may approve them meanwhile, and they would not run
                raise _not_consumable(request)
            raise Refusal(409, "not_approved", "Other arguments were approved than these.", request=request)
        try:
            claim = await self.on_behalf.consume(request, _claim_id(request.id, exchange.token.name, exchange.key))
        except StatusConflict as conflict:
            raise _not_consumable(conflict.request or request) from None
        return exchange.answer(200, await self._told(exchange, claim.request))

    async def outcome(self, exchange: Exchange) -> Answer:
        """Records what became of a consumed call; the same report again changes nothing."""
        request = await self._owned(exchange)
        body: ReportOutcome | OwnReportOutcome = exchange.body
        note = _optional(body.note) or None
        if body.status == NOT_RUN and request.status != CONSUMED:  # given back already, by the same report
            return exchange.answer(200, await self._told(exchange, request))
        if request.status != CONSUMED:
            raise Refusal(409, "not_consumed", "The call was not consumed.", request=request)
        try:
            if isinstance(body, OwnReportOutcome):
                request = await self._end_claim(exchange, request, body.claim, body.status, note)
            else:
                request = await self.store.server.report_outcome_as(
                    request.id, body.status, requester=exchange.token.name, detail=note
                )
        except ClaimInvalid as error:
            raise Refusal(409, "outcome_conflict", error.happened, request=error.request) from None
        return exchange.answer(200, await self._told(exchange, request))

    async def rollback(self, exchange: Exchange) -> Answer:
        """Gives the claim back, because the call did not run; the second time nothing."""
        body: Rollback = exchange.body
        request = await self._owned(exchange)
        if request.status != CONSUMED:
            return exchange.answer(200, await self._told(exchange, request))
        claim = _claim_id(request.id, exchange.token.name, body.claim)
        note = _optional(body.note)
        if request.outcome == NOT_RUN:  # given back when the approval was over, which it ended with
            await self._refuse_other_claim(request, claim)
        elif body.withdraw:
            request = await self.store.requester.give_up(request.id, claim, reason=note or "it cannot be used")
        else:
            request = await self.store.requester.rollback(request.id, claim, detail=note)
        return exchange.answer(200, await self._told(exchange, request))

    async def _end_claim(
        self, exchange: Exchange, request: Request, key: str, outcome: str, note: str | None
    ) -> Request:
        claim = _claim_id(request.id, exchange.token.name, key)
        if (request.outcome, request.outcome_detail) == (outcome, note):
            await self._refuse_other_claim(request, claim)
            return request
        return await self.store.requester.report_outcome(request.id, claim, outcome, detail=note)

    async def _refuse_other_claim(self, request: Request, claim: str) -> None:
        if not await self.store.server.is_claim_of(request.id, claim):
            raise Refusal(409, "claim_invalid", "That is not the claim on this request.", request=request)

    def _submission(self, exchange: Exchange) -> tuple[Call, Submission]:
        body: Any = exchange.body
        timeout = milliseconds_of(body.timeout)
        own = body if exchange.is_own else None
        call = Call(
            tool=body.tool,
            arguments=body.arguments,
            requester=exchange.token.name,
            server=_optional(body.server),
            session=None if own is None else _optional(own.session),
            context={} if body.context is UNSET else body.context,
            reason=_optional(body.agent_reasoning),
            timeout=timeout,
            approval_lifetime=self.settings.approval_lifetime,
            dedupe_window=self.settings.dedupe_window,
            attempt=None if own is None or own.attempt is UNSET else _attempt(own.attempt),
            call_id=None if own is None else _optional(own.call_id),
            edit_taken_as=_optional(own.edit_taken_as) if own is not None else DENIAL,  # AAP tells of no other
            longest_timeout=timeout,  # a provider may shorten the window, and must not lengthen it (AAP, Deadlines)
        )
        body_hash = canonical_hash({"own": exchange.is_own, "body": exchange.raw_body})
        has_context = body.context is not UNSET
        return call, Submission(exchange.key, body_hash, body.timeout, has_context, is_reusing=exchange.is_own)

    async def _decided_within(self, exchange: Exchange, wait: int) -> Request:
        request_id, requester = exchange.request_id, exchange.token.name
        until = self.feed.until(wait)
        with self.feed.listening(request_id) as rung:
            while True:
                request = await self.store.server.owned(request_id, requester)
                left = min(until, request.expires_at) - self.store.now()
                if request.status != PENDING or left <= 0 or self.feed.is_stopping:
                    break
                await rung_within(rung, left / 1000, exchange.gone)
        if request.status == EXPIRED and request.decided_at is None:
            return await self.store.requester.wait(request_id, timeout=0)  # records that
        return request

    async def _owned(self, exchange: Exchange) -> Request:
        return await self.store.server.owned(exchange.request_id, exchange.token.name)

    async def _told(self, exchange: Exchange, request: Request) -> JsonObject:
        if exchange.is_own:
            return {"request": record_for_agents(request)}
        return request_on_wire(request, await self.store.server.submitted_as(request.id, request.requester))


def _claim_id(request_id: str, requester: str, key: str) -> str:
    """The claim of the attempt with that key: the same for whoever lost the answer and asks again."""
    return tagged_hash(f"{request_id}\n{requester}\n{key}".encode())


def _attempt(said: OwnAttempt) -> DraftAttempt:
    return DraftAttempt(said.number, said.most, said.previous)


def _optional(value: Any) -> Any:
    return None if value is UNSET else value


def _already_terminal(request: Request) -> Refusal:
    return Refusal(409, "already_terminal", f"The request is {status_of(request)} already.", request=request)


def _not_consumable(request: Request) -> Refusal:
    """Why it cannot be consumed, in the protocol's codes."""
    if request.status == CONSUMED:
        return Refusal(409, "already_consumed", "The approval was used already.", request=request)
    if request.status == EXPIRED and request.approval_expires_at is not None:
        return Refusal(409, "approval_expired", "The approval has expired.", request=request)
    was = "withdrawn" if is_cancelled(request) else "revoked" if request.approval_expires_at else request.status
    return Refusal(409, "not_approved", f"The request is {was}, and the call may not run.", request=request)
