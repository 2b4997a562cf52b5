"""Delivers notices as long as the console runs, on a thread with a store and an event loop of its own.

So nothing that a receiver does, and nothing that has to be loaded for it, holds up a key.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from approval_tui.console.messages import SinksTold
from approval_tui.domain.errors import ApprovalTuiError

if TYPE_CHECKING:
    from approval_tui.console.app import ConsoleApp
    from approval_tui.domain.sinks import Sink

FindSinks = Callable[[], Sequence["Sink"]]
"""Says who is to be told; it may read files, and raises an error of ours."""

FIRST_FRAME = 0.5
"""Seconds that it leaves to the console's own beginning."""

LAST_SENDS = 0.5
"""Seconds that an ending console waits for messages under way; the lease of the others runs out."""


class Delivery:
    """The console's deliverer."""

    def __init__(self, app: ConsoleApp, find_sinks: FindSinks) -> None:
        self._app = app
        self._find_sinks = find_sinks
        self._thread = threading.Thread(target=self._run, name="approval-tui-notices", daemon=True)
        self._stop: Callable[[], object] | None = None
        self._stopped = threading.Event()

    def start(self) -> None:
        """Begins; whatever goes wrong is told."""
        self._thread.start()

    def stop(self) -> None:
        """Ends it, and waits a moment for what is under way."""
        self._stopped.set()
        if self._stop is not None:
            with suppress(RuntimeError):  # it has ended by itself
                self._stop()
        self._thread.join(LAST_SENDS)

    def _run(self) -> None:
        if self._stopped.wait(FIRST_FRAME):
            return
        try:
            sinks = self._find_sinks()
            if sinks:
                with suppress(asyncio.CancelledError):
                    asyncio.run(self._deliver(sinks))
        except ApprovalTuiError as error:
            self._tell(f"{error} Nobody is told.")
        except Exception as error:  # a defect of ours must not end the console
            self._tell(f"Nobody is told any more, over a defect in approval-tui: {type(error).__name__}.")

    async def _deliver(self, sinks: Sequence[Sink]) -> None:
        from approval_tui.notify.deliverer import deliver_at

        task = asyncio.current_task()
        assert task is not None
        loop = asyncio.get_running_loop()
        self._stop = lambda: loop.call_soon_threadsafe(task.cancel)
        if not self._stopped.is_set():
            app = self._app
            await deliver_at(
                app.store_location,
                sinks,
                tell=self._tell,
                remind_after=app.settings.remind_after,
                clock=app.given_clock,
            )

    def _tell(self, line: str) -> None:
        with suppress(RuntimeError):  # the console has ended
            self._app.main_screen.post_message(SinksTold(line))
