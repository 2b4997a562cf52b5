"""Polls are woken by what concerns them, end with their time, and leave nothing behind."""

from __future__ import annotations

import asyncio
import dataclasses
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.clock import HOUR, SECOND
from approval_tui.server import change_feed
from approval_tui.server.change_feed import ChangeFeed
from approval_tui.store.asynchronous import AsyncStore
from approval_tui.store.blocking import BlockingStore
from tests.support import LONG, ManualClock, deny, submit


@asynccontextmanager
async def following(store: AsyncStore) -> AsyncIterator[ChangeFeed]:
    """A feed at work, from when it has looked once."""
    feed = ChangeFeed(store)
    with feed.listening(None) as rung:
        task = asyncio.create_task(feed.run())
        await rings(rung)
    yield feed
    assert not task.done()
    task.cancel()
    await asyncio.wait([task])


async def rings(rung: asyncio.Event) -> None:
    async with asyncio.timeout(LONG):
        await rung.wait()
    rung.clear()


async def test_what_came_before_the_first_look_is_not_missed(async_store: AsyncStore) -> None:
    feed = ChangeFeed(async_store)
    with feed.listening("apr_x") as one, feed.listening(None) as any_request:
        task = asyncio.create_task(feed.run())
        await rings(one)
        await rings(any_request)
    task.cancel()
    await asyncio.wait([task])


async def test_a_change_rings_once_for_its_request_and_for_who_listens_to_all(
    store: BlockingStore, async_store: AsyncStore, call: Call
) -> None:
    first, second = (submit(store, dataclasses.replace(call, arguments={"n": number})) for number in range(2))
    async with following(async_store) as feed:
        with (
            feed.listening(first.id) as of_first,
            feed.listening(second.id) as of_second,
            feed.listening(None) as of_all,
        ):
            await asyncio.to_thread(deny, store, first)
            await rings(of_first)
            await rings(of_all)
            assert not of_second.is_set()
            await asyncio.to_thread(deny, store, second)
            await rings(of_second)
            assert not of_first.is_set()


async def test_who_has_listened_is_forgotten(async_store: AsyncStore) -> None:
    feed = ChangeFeed(async_store)
    with feed.listening("apr_x"), feed.listening("apr_x"), feed.listening(None):
        assert len(feed._waiting) == 2
    assert feed._waiting == {}


async def test_a_store_that_is_away_wakes_who_waits_and_is_followed_again_when_it_is_back(
    store: BlockingStore,
    async_store: AsyncStore,
    store_path: str,
    call: Call,
    store_looks_each_time: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(change_feed, "_TRY_AGAIN", 0.01)
    request = submit(store, call)
    async with following(async_store) as feed:
        with feed.listening("apr_other") as other:
            os.rename(store_path, f"{store_path}.away")
            await rings(other)
            os.rename(f"{store_path}.away", store_path)
        with feed.listening(request.id) as rung:
            await asyncio.to_thread(deny, store, request)
            await rings(rung)


async def test_one_poll_is_held_for_half_a_minute_at_most(async_store: AsyncStore, clock: ManualClock) -> None:
    feed = ChangeFeed(async_store)
    assert feed.until(HOUR) == clock() + 30 * SECOND
    assert feed.until(SECOND) == clock() + SECOND
