"""The signs of our own drawing, for terminals that can draw them and for those that have ASCII only.

Both sets are to be told apart from outside text by where they stand, never by their shape alone: a text may hold
any of them.
"""

from __future__ import annotations

from typing import NamedTuple

from approval_tui.display.visible import visible_text
from approval_tui.domain.names import quoted_name


class Glyphs(NamedTuple):
    """One sign for each purpose; but for the ellipsis and the mark of a secret, each is one cell wide."""

    is_ascii: bool  #: whether outside text is escaped to ASCII too, as such a terminal can draw nothing else
    bar: str  #: before each line of a text with line breaks, with its blank
    continued: str  #: before a row that goes on from the one above, with its blank
    ellipsis: str  #: where something was cut
    redacted: str  #: before the length of a masked secret
    cursor: str  #: beside the row of the cursor
    new: str  #: beside what came since the reviewer looked
    open_quote: str
    close_quote: str
    horizontal: str  #: a rule from left to right
    separator: str  #: between two parts of one row

    def visible(self, text: str) -> str:
        """An outside text as such a terminal can show it; see `visible_text`."""
        return visible_text(text, ascii_only=self.is_ascii)

    def name(self, text: str, longest: int | None = None) -> str:
        """A name inside a sentence of ours, as such a terminal can show it; see `quoted_name`."""
        return self.visible(quoted_name(text, longest))


UNICODE = Glyphs(
    is_ascii=False,
    bar="│ ",
    continued="↳ ",
    ellipsis="…",
    redacted="••••",
    cursor="▌",
    new="•",
    open_quote="“",
    close_quote="”",
    horizontal="─",
    separator="·",
)

ASCII = Glyphs(
    is_ascii=True,
    bar="| ",
    continued="> ",
    ellipsis="...",
    redacted="****",
    cursor=">",
    new="*",
    open_quote='"',
    close_quote='"',
    horizontal="-",
    separator="-",
)
