"""Texts that try to fool a reader, the way back from what is shown, and a look at how work grows."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

INVISIBLE_SAMPLES = (
    "\0\t\n\r\x1b\x7f\x85\x9b\xa0\xad\u034f\u061c\u115f\u1160\u180e\u200b\u200d\u200f\u2028\u2029\u202e\u2066\u2800"
    "\u0903\U0001f3fb\U0001f1e9\u3000\u3164\ue000\ufe0f\ufeff\uffa0\uffff\U000e0041\U000e0100\U0010fffd"
)

_ESCAPE = re.compile(r"(\\+)u\{(?:([0-9A-F]+)\})?")

#: Pieces out of which texts are made that could be taken for one another.
confusing_pieces = st.sampled_from(
    [
        *INVISIBLE_SAMPLES,
        "\\",
        "\\\\",
        "u{",
        "u{202E}",
        "\\u{202E}",
        "}",
        '"',
        ": ",
        "│ ",
        "↳ ",
        "  ",
        "[0]",
        "•",
        "漢",
        "é",
        "e\u0301",
        "\u0301",
        "\u0338" * 5,
        "\u1112\u1161\u11ab",
        "\u1161",
        " " * 15,
        " ",
    ]
)
#: Any text that JSON can carry, often a confusing one.
json_texts = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    st.lists(confusing_pieces, max_size=12).map("".join),
)
#: Any text at all, lone surrogates included.
any_texts = st.one_of(json_texts, st.text(max_size=40))


def undo_escapes(shown: str) -> str:
    """The text that `visible_text` showed."""
    if "\\u{" not in shown:
        return shown

    def original(match: re.Match[str]) -> str:
        backslashes, code = match.groups()
        kept = "\\" * (len(backslashes) // 2)
        if len(backslashes) % 2:
            assert code is not None, f"an escape without an end in {shown!r}"
            return kept + chr(int(code, 16))
        return kept + match.group()[len(backslashes) :]

    return _ESCAPE.sub(original, shown)


def growth(work: Callable[[Any], object], make: Callable[[int], Any], *, size: int, times: int = 4) -> float:
    """How many times longer the work takes on an input `times` as large; the best of five, by CPU time.

    What takes less than 5 ms counts as 5 ms, so that noise on little work is no growth.
    """

    def seconds(of_size: int) -> float:
        value = make(of_size)
        best = float("inf")
        for _ in range(5):
            begin = time.thread_time()
            work(value)
            best = min(best, time.thread_time() - begin)
        return max(best, 0.005)

    return seconds(size * times) / seconds(size)


LINEAR = 10.0
"""The most that four times the input may cost: four is linear, sixteen is quadratic."""
