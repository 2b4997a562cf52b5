"""The escape sequences with which a terminal gets a person's attention: bell, title, OSC 9 and OSC 777.

Whatever goes into them is made visible, so that no sequence can begin or end inside a text.
"""

from __future__ import annotations

from approval_tui.display.visible import visible_text
from approval_tui.display.width import cut

BELL = "\a"
SAVE_TITLE = "\x1b[22;2t"
RESTORE_TITLE = "\x1b[23;2t"

_LONGEST = 200


def title(text: str) -> str:
    """Sets the window's title (OSC 2)."""
    return f"\x1b]2;{_plain(text)}\x07"


def osc9(text: str) -> str:
    """A desktop notice as iTerm2 began it, with one text."""
    return f"\x1b]9;{_plain(text)}\x07"


def osc777(heading: str, text: str) -> str:
    """A desktop notice as urxvt began it; a semicolon would end the heading."""
    return f"\x1b]777;notify;{_plain(heading).replace(';', ',')};{_plain(text)}\x07"


def through_tmux(sequence: str) -> str:
    """The sequence wrapped so that tmux hands it on, where its allow-passthrough is on."""
    escaped = sequence.replace("\x1b", "\x1b\x1b")
    return f"\x1bPtmux;{escaped}\x1b\\"


def _plain(text: str) -> str:
    return cut(visible_text(text), _LONGEST)
