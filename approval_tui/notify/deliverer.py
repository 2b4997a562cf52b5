"""Delivers notices: takes up what the audit log says, leases what is due, sends it, and puts off what failed.

Any number of these may run on one store. Each delivery is leased to one of them at a time; what one had leased when
it died is sent by another, so that a receiver may get a message twice, with the same id, and never not at all.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter, deque
from collections.abc import Callable, Sequence
from functools import partial

from approval_tui.domain.clock import HOUR, SECOND, Clock
from approval_tui.domain.errors import ApprovalTuiError, StoreUnavailable
from approval_tui.domain.ids import new_secret
from approval_tui.domain.notices import Delivery, GivenUp
from approval_tui.domain.sinks import Sink, distinct
from approval_tui.notify.aside import run_aside
from approval_tui.notify.sending import Sender, Sent, sender_for
from approval_tui.store import open_store
from approval_tui.store.asynchronous import AsyncStore

MOST_AT_ONCE = 10
"""How many messages are under way at the same time; each sink has its share, so that none takes them all."""

TICK = 1.0
"""Seconds after which it looks for what is due, also where nobody committed anything."""

RETRY = 1.0
"""Seconds after which a store that went away is tried again."""

LAST_SENDS = 5.0
"""Seconds that messages under way have to arrive when it is ended; the lease of the others runs out."""

LONGEST_BACKOFF = HOUR

Tell = Callable[[str], None]
"""Is told, in a line, what a person may want to know: a sink that fails or works again, what was given up."""


async def deliver(store: AsyncStore, sinks: Sequence[Sink], *, tell: Tell, remind_after: int | None = None) -> None:
    """Delivers from an open store until it is cancelled; `remind_after` is in ms.

    It never raises for what a sink or the store does: a store in trouble is tried again. It returns only where no
    sink can be sent to at all, which is told.
    """
    deliverer = await _Deliverer.of(sinks, tell, remind_after)
    while deliverer.has_work:
        try:
            await deliverer.run(store)
        except StoreUnavailable as error:
            deliverer.note_trouble(error)
        await asyncio.sleep(RETRY)


async def deliver_at(
    location: str,
    sinks: Sequence[Sink],
    *,
    tell: Tell,
    remind_after: int | None = None,
    clock: Clock | None = None,
) -> None:
    """The same from the store at that place, which is opened anew when it went away, and never made."""
    deliverer = await _Deliverer.of(sinks, tell, remind_after)
    while deliverer.has_work:
        try:
            async with open_store(location, create=False, clock=clock) as store:
                await deliverer.run(store)
        except StoreUnavailable as error:
            deliverer.note_trouble(error)
        await asyncio.sleep(RETRY)


class _Deliverer:
    """One of those who deliver; what it says of itself it says once."""

    def __init__(self, senders: Sequence[tuple[Sink, Sender]], tell: Tell, remind_after: int | None) -> None:
        self._senders = {sink.id: sender for sink, sender in senders}
        self._sinks = {sink.id: sink for sink, _ in senders}
        self._turns = deque(self._sinks)
        self._tell = tell
        self._remind_after = remind_after
        self._holder = new_secret("dlv")
        self._share = max(1, MOST_AT_ONCE // max(1, len(self._sinks)))
        self._under_way: Counter[str] = Counter()
        self._failing: set[str] = set()
        self._has_trouble = False
        self._granted_up_to = 0
        self._wake = asyncio.Event()
        self._sends: set[asyncio.Task[None]] = set()

    @classmethod
    async def of(cls, sinks: Sequence[Sink], tell: Tell, remind_after: int | None) -> _Deliverer:
        """A deliverer to those of the sinks that can be sent to; tells of the others."""
        senders = []
        for sink in distinct(sinks):
            try:
                senders.append((sink, await run_aside(partial(sender_for, sink))))  # it may load a lot
            except ApprovalTuiError as error:
                tell(str(error))
        return cls(senders, tell, remind_after)

    @property
    def has_work(self) -> bool:
        """Whether there is anybody to send to."""
        return bool(self._senders)

    def note_trouble(self, error: StoreUnavailable) -> None:
        """Tells of a store in trouble, once until it is well again."""
        if not self._has_trouble:
            self._has_trouble = True
            self._tell(f"{error.happened} Nobody is told of anything until it is back.")

    async def run(self, store: AsyncStore) -> None:
        """Delivers until it is cancelled; raises StoreUnavailable."""
        self._granted_up_to = 0
        listening = asyncio.ensure_future(self._listen(store))
        try:
            while True:
                self._wake.clear()
                await self._round(store)
                if self._has_trouble:
                    self._has_trouble = False
                    self._tell("The store is back.")
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(TICK):
                        await self._wake.wait()
        finally:
            listening.cancel()
            await asyncio.wait([listening])
            await self._finish()

    async def _listen(self, store: AsyncStore) -> None:
        """Wakes it after every commit of anybody; where the store is in trouble, its own looks notice that."""
        with contextlib.suppress(StoreUnavailable):
            async with contextlib.aclosing(store.reviewer.changes()) as changes:
                async for _ in changes:
                    self._wake.set()

    async def _finish(self) -> None:
        sends = set(self._sends)
        if not sends:
            return
        try:
            await asyncio.wait(sends, timeout=LAST_SENDS)
        finally:
            for send in sends:
                send.cancel()
            await asyncio.wait(sends)

    async def _round(self, store: AsyncStore) -> None:
        """Does what there is to do now; a round that finds nothing writes nothing."""
        with contextlib.suppress(StoreUnavailable):  # one row that cannot be read must not silence all the others
            await store.reviewer.expire_due()
            if store.knows_roles:  # nobody is told of what a grant covers
                self._granted_up_to = await store.reviewer.apply_grants(self._granted_up_to)
        outlook = await store.deliverer.outlook(tuple(self._sinks))
        if outlook.has_old:
            for given_up in await store.deliverer.give_up_old():
                self._tell(self._given_up_words(given_up))
        for sink in outlook.behind:
            wanted = self._sinks[sink].events
            while await store.deliverer.take_up(sink, wanted, remind_after=self._remind_after):
                pass
        self._turns.rotate()  # where all that may be under way is, each sink comes first in its turn
        for sink in self._turns:
            room = min(self._share - self._under_way[sink], MOST_AT_ONCE - self._under_way.total())
            if room > 0 and (sink in outlook.due or sink in outlook.behind):
                for delivery in await store.deliverer.lease(self._holder, sink, most=room):
                    self._begin(store, delivery)

    def _begin(self, store: AsyncStore, delivery: Delivery) -> None:
        self._under_way[delivery.sink] += 1
        send = asyncio.ensure_future(self._send(store, delivery))
        self._sends.add(send)

        def ended(task: asyncio.Task[None]) -> None:
            self._sends.discard(task)
            self._under_way[delivery.sink] -= 1
            self._wake.set()

        send.add_done_callback(ended)

    async def _send(self, store: AsyncStore, delivery: Delivery) -> None:
        try:
            sent = await self._senders[delivery.sink].send(delivery)
        except Exception as error:  # a defect of ours must neither end the others nor pass for a delivery
            sent = Sent(f"a defect in approval-tui: {type(error).__name__}")
        self._note(delivery.sink, sent)
        with contextlib.suppress(StoreUnavailable):  # the lease runs out, and it is sent once more
            if sent.failure is None:
                await store.deliverer.confirm(self._holder, delivery)
            else:
                delay = max(backoff(delivery.attempts), sent.retry_after or 0)
                await store.deliverer.fail(self._holder, delivery, delay=delay, why=sent.failure)

    def _note(self, sink: str, sent: Sent) -> None:
        label = self._sinks[sink].label
        if sent.failure is not None and sink not in self._failing:
            self._failing.add(sink)
            self._tell(f"{label} was not told: {sent.failure}. It is tried again.")
        elif sent.failure is None and sink in self._failing:
            self._failing.discard(sink)
            self._tell(f"{label} is told again.")

    def _given_up_words(self, given_up: GivenUp) -> str:
        sink = self._sinks.get(given_up.sink)
        label = "A place that is told no longer" if sink is None else sink.label
        tries = f"after {given_up.attempts} attempts" if given_up.attempts else "for nobody delivered in time"
        why = f": {given_up.failure}" if given_up.failure else ""
        return f"{label} will not be told of {given_up.request_id} ({given_up.kind}), {tries}{why}."


def backoff(attempts: int) -> int:
    """How long (ms) the next attempt waits after so many: up to a second, twice as long each time, up to an hour.

    Anything below that is as likely, so that the messages of a receiver that was away do not come all at once.
    """
    longest = min(LONGEST_BACKOFF, SECOND << min(attempts - 1, 20))
    return random.randint(0, longest)  # noqa: S311 - it only spreads attempts over time
