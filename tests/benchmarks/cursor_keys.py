"""Watches a list's cursor from outside: by the look that only the row under it has.

Which look that is, is learned by going one row down and up again; so it holds for any layout whose rows show
the tokens of `filling`.
"""

from __future__ import annotations

import re

from tests.benchmarks.terminal import MS, PATIENCE, NotShown, Terminal

_LOOK_OR_TOKEN = re.compile(rb"\x1b\[([0-9;:]*)m|(Q\d{6})")
_UNTIL_DRAWN = 0.15

Look = bytes
"""The parameters of the sequence that sets colour and weight."""


class CursorKeys:
    """Presses j and k and says how long it took until a frame showed the cursor on another row."""

    def __init__(self, terminal: Terminal) -> None:
        """Learns the cursor's look; raises NotShown where no key changes any row's."""
        self._terminal = terminal
        terminal.settle(_UNTIL_DRAWN)
        down, up = self._tokens_drawn(b"j"), self._tokens_drawn(b"k")
        found = {
            look: there
            for look, there in _gained(up, down)
            if any(other == look and token != there for other, token in _gained(down, up))
        }
        if not found:
            raise NotShown("no row looks different under the cursor")
        self._looks = frozenset(found)
        self._at = next(iter(found.values()))

    def press(self, key: bytes, seconds: float = PATIENCE) -> float:
        """Milliseconds from the key to the end of the frame with the cursor on another row."""
        pressed_at = self._terminal.press(key)
        for frame in self._terminal.frames(seconds):
            for look, token in _tokens(frame.content):
                if look in self._looks and token != self._at:
                    self._at = token
                    return (frame.at - pressed_at) / MS
        raise NotShown(f"the cursor was on no other row within {seconds:g} s of a key")

    def hold(self, keys: bytes) -> None:
        """Presses many keys at once, and reads until all that came of them is drawn."""
        for look, token in self._tokens_drawn(keys):
            if look in self._looks:
                self._at = token

    def _tokens_drawn(self, keys: bytes) -> list[tuple[Look, bytes]]:
        self._terminal.press(keys)
        return _tokens(self._terminal.settle(_UNTIL_DRAWN))


def _gained(here: list[tuple[Look, bytes]], there: list[tuple[Look, bytes]]) -> list[tuple[Look, bytes]]:
    """What was drawn here, and not there."""
    return [each for each in here if each not in there]


def _tokens(content: bytes) -> list[tuple[Look, bytes]]:
    """Each token in what was drawn, with the look it was drawn with."""
    look, found = b"", []
    for match in _LOOK_OR_TOKEN.finditer(content):
        if match[2] is None:
            look = match[1]
        else:
            found.append((look, match[2]))
    return found
