"""The same waiting on an event loop; apart, because asyncio costs start-up time that a command must not pay."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from approval_tui.store.engine import AsyncEngine
from approval_tui.store.wakeups import FileWatch

AsyncWait = Callable[[float], Awaitable[bool]]


@contextlib.asynccontextmanager
async def async_wakeup(engine: AsyncEngine, request_id: str | None) -> AsyncIterator[AsyncWait]:
    """Gives a coroutine function that does the same without blocking the loop; without an id, for every change."""
    with contextlib.ExitStack() as stack:
        bell = engine.wakeups.hang(request_id, stack)
        if bell is None:
            watch = stack.enter_context(contextlib.closing(FileWatch(engine.location)))

            async def wait_for_file(seconds: float) -> bool:
                return await asyncio.to_thread(watch.wait, seconds)

            yield wait_for_file
            return
        if bell.listens_later:
            await asyncio.to_thread(bell.wait_until_listening)
        loop = asyncio.get_running_loop()
        rung = asyncio.Event()

        def hear() -> None:
            bell.silence()
            rung.set()

        async def wait(seconds: float) -> bool:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, seconds)):
                    await rung.wait()
            rang = rung.is_set()
            rung.clear()
            return rang

        loop.add_reader(bell.file, hear)
        try:
            yield wait
        finally:
            loop.remove_reader(bell.file)
