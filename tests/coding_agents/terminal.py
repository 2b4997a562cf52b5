"""An agent in a terminal of its own, which a test reads and types in."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from tests.coding_agents.running import Place
from tests.console.test_tmux import Tmux
from tests.support import until


@contextlib.contextmanager
def in_terminal(command: Sequence[str], place: Place, environment: Mapping[str, str]) -> Iterator[Tmux]:
    """The agent in a tmux server of its own, large enough for its questions; it ends with the `with`."""
    variables = [f"{name}={value}" for name, value in {**place.environment, **environment}.items()]
    tmux = Tmux(["env", "-C", str(place.project), "-i", *variables, *command])
    try:
        tmux.run("resize-window", "-x", "140", "-y", "50")
        yield tmux
    finally:
        tmux.end()


def shows(tmux: Tmux, text: str) -> None:
    """Waits until that is on the screen."""
    try:
        until(lambda: text in tmux.screen())
    except AssertionError:
        raise AssertionError(f"{text!r} should be on\n{tmux.screen()}") from None


def press_until(tmux: Tmux, key: str, condition: Callable[[str], bool]) -> None:
    """Presses the key until the screen is as wanted: an agent does not hear one that comes too soon."""
    pressed_at = 0.0

    def is_as_wanted() -> bool:
        nonlocal pressed_at
        if condition(tmux.screen()):
            return True
        if time.monotonic() - pressed_at > 1.0:
            pressed_at = time.monotonic()
            tmux.press(key)
        return False

    until(is_as_wanted)
