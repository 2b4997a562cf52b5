"""The hostile texts that tell the most: a few of each kind, for what takes long to draw one of them."""

from __future__ import annotations

from tests.hostile import HOSTILE_TEXTS, MARKUP_TEXTS

_TELLING = (
    *("markup that approves on a click", "markup with a link", "a tag that never closes"),
    *("a hyperlink by OSC 8", "a cleared screen", "every control", "line breaks of all kinds"),
    *("an override of direction", "zero width", "fillers", "tags", "joined emoji"),
    *(
        "a mark that comes first",
        "a stack of 200 marks",
        "text pushed out of sight",
        "spaces before a wide character",
    ),
    *("a row of its own", "our own status", "full-width letters", "right to left"),
)
TELLING_TEXTS: dict[str, str] = {name: HOSTILE_TEXTS[name] for name in _TELLING}
"""Short texts by name: markup, ESC and OSC, C1, bidi, zero width, fillers, tags, marks, long, wide, imitations."""

CLICKABLE_TEXTS = {name: text for name, text in MARKUP_TEXTS.items() if "@click" in text or "link" in text}
"""Markup that would do something on a click."""

FEW_TEXTS = {
    name: HOSTILE_TEXTS[name]
    for name in ("every control", "an override of direction", "tags", "spaces before a wide character")
}
"""A handful, for what takes longest."""
