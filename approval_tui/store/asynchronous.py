"""The async store: the same functions, each in one hop on the connection's thread."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, TypeVar

from approval_tui.domain.audit import Event, Head, Verification
from approval_tui.domain.calls import Call, CheckedCall, Submitted, check_call
from approval_tui.domain.errors import StoreAway
from approval_tui.domain.lifecycle import EXPIRED, PENDING
from approval_tui.domain.models import Request
from approval_tui.store import procedures, wakeups
from approval_tui.store.async_wakeups import async_wakeup
from approval_tui.store.engine import AsyncEngine
from approval_tui.store.procedures import Progress, Step
from approval_tui.store.transaction import Transaction
from approval_tui.store.transactions import (
    counters,
    deciding,
    deliveries,
    granting,
    log,
    overview,
    paging,
    policies,
    policy_notes,
    precedents,
    proxy_standings,
    queries,
    reasons,
    records,
    requester,
    reviewer,
    searching,
    sessions,
    submissions,
    submitting,
)
from approval_tui.store.transactions import grants as standing
from approval_tui.store.transactions import holds as session_holds
from approval_tui.store.transactions import tokens as credentials

P = ParamSpec("P")
R = TypeVar("R")
M = TypeVar("M", bound=Callable[..., Any])


def _named_after(function: Callable[..., Any], method: M) -> M:
    method.__name__, method.__doc__ = function.__name__, function.__doc__
    return method


class _Face:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def _run(self, step: Step) -> Any:
        run = self._engine.write if step.writes else self._engine.read
        return await run(step.function, *step.arguments)


def _reads(
    function: Callable[Concatenate[Transaction, P], R],
) -> Callable[Concatenate[_Face, P], Coroutine[Any, Any, R]]:
    async def method(self: _Face, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await self._engine.read(function, *args, **kwargs)

    return _named_after(function, method)


def _writes(
    function: Callable[Concatenate[Transaction, P], R],
) -> Callable[Concatenate[_Face, P], Coroutine[Any, Any, R]]:
    async def method(self: _Face, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await self._engine.write(function, *args, **kwargs)

    return _named_after(function, method)


class RequesterStore(_Face):
    """The face that an agent is handed: it can ask, wait and use what was approved, and never decide (R15)."""

    get = _reads(records.load_request)
    consume = _writes(requester.consume)
    report_outcome = _writes(requester.report_outcome)
    rollback = _writes(requester.roll_back)
    give_up = _writes(requester.give_up)
    cancel = _writes(requester.cancel)
    claimable = _reads(requester.claimable)
    counter_values = _reads(counters.counter_values)
    admit = _writes(policies.admit)
    record_denial = _writes(policies.record_denial)
    record_refusal = _writes(policies.record_refusal)
    give_back = _writes(policies.give_back)
    note_policy = _writes(policy_notes.note_policy)
    note_proxy = _writes(proxy_standings.note_proxy)

    async def submit(self, call: Call | CheckedCall) -> Submitted:
        """Finds the request of the same call or creates it; raises InvalidInput before anything is written."""
        checked = call if isinstance(call, CheckedCall) else check_call(call)
        return await self._engine.write(submitting.submit, checked)

    async def wait(self, request_id: str, *, timeout: int | None = None) -> Request:
        """The request as soon as it is no longer pending, or as it is after `timeout` ms.

        Raises StoreAway where the store's server is away for a minute, and RequestNotFound.
        """
        clock = self._engine.clock
        deadline = None if timeout is None else clock() + timeout

        async with async_wakeup(self._engine, request_id) as sleep:
            absence = wakeups.Absence()
            while True:
                try:
                    request = await self._engine.read(queries.get, request_id)
                except StoreAway as away:
                    seconds = absence.seconds_to_wait(deadline, clock())
                    if seconds is None:
                        raise wakeups.given_up(away, request_id) from None
                    await sleep(seconds)
                    continue
                absence.end()
                if request.status == EXPIRED:
                    return await self._engine.write(records.record_due, request_id)
                seconds = wakeups.seconds_to_wait(request.expires_at, deadline, clock())
                if request.status != PENDING or seconds is None:
                    return request
                await sleep(seconds)


class ReviewerStore(_Face):
    """The face of those who decide, and of everything that only looks."""

    get = _reads(queries.get)
    get_many = _reads(queries.get_many)
    find = _reads(queries.find)
    list = _reads(queries.list_requests)
    pending_page = _reads(paging.pending_page)
    history = _reads(queries.history)
    overview = _reads(overview.overview)
    precedents = _reads(precedents.precedents)
    policy_standings = _reads(policy_notes.policy_standings)
    proxies = _reads(proxy_standings.proxies)
    denials = _reads(proxy_standings.denials)
    denial_reasons = _reads(reasons.denial_reasons)
    history_count = _reads(paging.history_count)
    history_id_at = _reads(paging.history_id_at)
    search_history = _reads(searching.search_history)
    events = _reads(log.events)
    log_bounds = _reads(log.log_bounds)
    search_events = _reads(searching.search_events)
    head = _reads(log.head)
    decide = _writes(deciding.decide)
    revoke = _writes(reviewer.revoke)
    expire = _writes(reviewer.expire)
    resolve = _writes(reviewer.resolve)
    grants = _reads(standing.list_grants)
    get_grant = _reads(standing.get_grant)
    uses_of_grant = _reads(standing.uses_of_grant)
    preview_grant = _reads(granting.preview_grant)
    preview_given = _reads(granting.preview_given)
    add_grant = _writes(granting.add_grant)
    revoke_grant = _writes(standing.revoke_grant)
    session = _reads(sessions.session_story)
    holds = _reads(session_holds.list_holds)
    find_hold = _reads(session_holds.find_hold)
    hold_session = _writes(session_holds.hold_session)
    release_session = _writes(session_holds.release_session)
    tokens = _reads(credentials.list_tokens)
    create_token = _writes(credentials.create_token)
    revoke_token = _writes(credentials.revoke_token)

    async def expire_due(self) -> int:
        """Records the expiry of everything whose time has passed, and says of how many."""
        return await procedures.run_async(procedures.expire_all_due(), self._run)

    async def apply_grants(self, after: int = 0) -> int:
        """Approves what grants cover of agents that the store lets approve nothing; see `procedures.apply_grants`."""
        return await procedures.run_async(procedures.apply_grants(after), self._run)

    async def verify(self, expected: Head | None = None, progress: Progress | None = None) -> Verification:
        """Checks the whole log and every row against it, in short reads; see `procedures.verify`."""
        return await procedures.run_async(procedures.verify(expected, progress), self._run)

    async def export(self, take: Callable[[tuple[Event, ...]], None], progress: Progress | None = None) -> int:
        """Hands the whole log in batches to `take`, and says how many events there were."""
        return await procedures.run_async(procedures.export(take, progress), self._run)

    async def changes(self) -> AsyncGenerator[None, None]:
        """Yields at once, and again after every commit of anybody, several commits together.

        Raises StoreUnavailable when the store goes away.
        """
        async with async_wakeup(self._engine, None) as sleep:
            seen = await self._engine.data_version()
            yield
            while True:
                rang = await sleep(wakeups.CONSOLE_POLL)
                version = await self._engine.data_version()
                if rang or version != seen:
                    seen = version
                    yield


class ServerStore(_Face):
    """What a server needs besides the other two faces: who its callers are, and what they sent before."""

    find_token = _reads(credentials.find_token)
    submitted = _reads(submissions.submitted)
    submit_once = _writes(submissions.submit_once)
    owned = _reads(submissions.owned)
    submitted_as = _reads(submissions.submitted_as)
    held_claim = _reads(submissions.held_claim)
    is_claim_of = _reads(submissions.is_claim_of)
    withdraw = _writes(submissions.withdraw)
    report_outcome_as = _writes(requester.report_outcome_as)
    requests_touched = _reads(submissions.requests_touched)


class DelivererStore(_Face):
    """The face of those who tell sinks what happens; it decides nothing."""

    outlook = _reads(deliveries.outlook)
    take_up = _writes(deliveries.take_up)
    lease = _writes(deliveries.lease)
    confirm = _writes(deliveries.confirm)
    fail = _writes(deliveries.fail)
    give_up_old = _writes(deliveries.give_up_old)


class AsyncStore:
    """An open store with its faces; an async context manager that closes it."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self.requester = RequesterStore(engine)
        self.reviewer = ReviewerStore(engine)
        self.server = ServerStore(engine)
        self.deliverer = DelivererStore(engine)

    @property
    def location(self) -> str:
        """Where the store is: its file's path, or its URL without the password."""
        return self._engine.location

    @property
    def may_decide(self) -> bool:
        """Whether the store lets this user approve; a database role for agents may not."""
        return self._engine.may_decide

    @property
    def knows_roles(self) -> bool:
        """Whether some of its users may not approve, so that what grants cover is left to those who may."""
        return self._engine.knows_roles

    def now(self) -> int:
        """The moment that counts in this store, in ms UTC: by the machine's clock, or by the database's."""
        return self._engine.clock()

    async def close(self) -> None:
        """Closes the store; closing twice is harmless."""
        await self._engine.close()

    async def __aenter__(self) -> AsyncStore:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
