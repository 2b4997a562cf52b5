"""The console: a Textual app in which a person reads what an agent wants to do, and decides."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from approval_tui.console.app import ConsoleApp
    from approval_tui.console.delivery import FindSinks
    from approval_tui.domain.decisions import Reviewer
    from approval_tui.settings.configuration import Settings

_MOST_FRAMES = "250"
"""Frames a second at most: with Textual's 60, a key in a flood of changes would wait 17 ms for its turn."""

_LONGEST_TURN = 0.0005
"""Seconds after which the thread that reads the store makes way for the one that answers keys."""


def run_console(
    settings: Settings,
    store_location: str,
    reviewer: Reviewer,
    *,
    readonly: bool = False,
    find_sinks: FindSinks | None = None,
) -> int:
    """Opens the console on this terminal and gives the exit code; raises what a defect of ours raised.

    With `find_sinks` it tells those whom that names of what waits, unless it may only look.
    """
    import gc
    import os
    import sys

    turn = sys.getswitchinterval()
    gc.disable()  # what is loaded stays; the app collects garbage from its first frame on
    os.environ.setdefault("TEXTUAL_FPS", _MOST_FRAMES)
    sys.setswitchinterval(_LONGEST_TURN)
    try:
        return _run(settings, store_location, reviewer, readonly, find_sinks)
    finally:
        sys.setswitchinterval(turn)
        gc.enable()
        gc.unfreeze()


def _run(
    settings: Settings, store_location: str, reviewer: Reviewer, readonly: bool, find_sinks: FindSinks | None
) -> int:
    from approval_tui.console.first_look import FirstLook
    from approval_tui.store import resolved_location

    first_look = FirstLook(resolved_location(store_location))

    from approval_tui.console.app import ConsoleApp  # takes longer than the look, which goes on meanwhile

    app = ConsoleApp(store_location, reviewer=reviewer, settings=settings, readonly=readonly, first_look=first_look)
    with nullcontext() if find_sinks is None else _delivering(app, find_sinks):
        app.run()
    if app.defect is not None:
        raise app.defect
    return app.return_code or 0


@contextmanager
def _delivering(app: ConsoleApp, find_sinks: FindSinks) -> Iterator[None]:
    from approval_tui.console.delivery import Delivery

    if app.why_readonly is not None:
        yield
        return
    delivery = Delivery(app, find_sinks)
    delivery.start()
    try:
        yield
    finally:
        delivery.stop()
