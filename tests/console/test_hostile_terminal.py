"""Hostile calls through a real terminal: an emulator reads the payload back, and nothing else reached it (R8)."""

from __future__ import annotations

import codecs
import re

import pytest

from approval_tui.display.glyphs import ASCII, UNICODE, Glyphs
from approval_tui.display.visible import is_all_visible
from approval_tui.domain.calls import Call
from approval_tui.domain.canonical import exact_json
from approval_tui.store import open_store_blocking
from tests.console.telling import FEW_TEXTS, TELLING_TEXTS
from tests.console.terminal_reader import Emulated
from tests.console.test_terminal_contract import opened_terminal
from tests.display.reading_rows import arguments_of
from tests.hostile import HOSTILE_CALLS, HOSTILE_TEXTS, LARGE_CALLS, everywhere

SHAPES = {
    name: call
    for name, call in HOSTILE_CALLS.items()
    if name not in LARGE_CALLS and name not in {f"everywhere {text}" for text in HOSTILE_TEXTS}
}
"""The calls that are hostile by how they are built, and not by one text."""

MANY = [*map(everywhere, TELLING_TEXTS.values()), *SHAPES.values(), LARGE_CALLS["5,000 items"]]
LONG = [everywhere(HOSTILE_TEXTS["200 stacks of 20 marks"])]  #: worked out beside the keys
FEW = [*map(everywhere, FEW_TEXTS.values()), SHAPES["keys that imitate rows"]]

SEQUENCE = re.compile(r"\x1b\[[0-9;:?<>=$]*[a-zA-Z]|\x1b\]22?;[^\x07\x1b]*\x07|\x1b[()][A-Z0-9]|\x1b[78=>]")
HALF_SEQUENCE = re.compile(r"\x1b(?:\[[0-9;:?<>=$]*|[()])?\Z")


def written(output: bytes) -> str:
    """What was written without the sequences of the console; the last of them may not have come whole yet."""
    text = codecs.getincrementaldecoder("utf-8")().decode(output)
    return HALF_SEQUENCE.sub("", SEQUENCE.sub("", text))


@pytest.mark.parametrize(
    ("term", "glyphs", "calls"),
    [
        ("xterm-256color", UNICODE, MANY[::3]),
        pytest.param("xterm-256color", UNICODE, MANY[1::3] + MANY[2::3], marks=pytest.mark.soak),
        ("xterm-256color", UNICODE, LONG),
        ("linux", ASCII, FEW),
    ],
    ids=["xterm-256color, a third", "the others", "what is worked out beside the keys", "linux"],
)
def test_the_payload_that_a_terminal_shows_is_what_is_stored(
    term: str, glyphs: Glyphs, calls: list[Call], store_path: str
) -> None:
    environment = {"TERM": term} if glyphs.is_ascii else {"TERM": term, "COLORTERM": "truecolor"}
    with open_store_blocking(store_path) as store:
        sent = [store.requester.submit(call).request for call in calls]
        with opened_terminal(store_path, environment=environment) as opened:
            emulated = Emulated(opened)
            emulated.see(f"{len(sent)} pending")
            for number, request in enumerate(sent):
                opened.type(b"j\r" if number else b"\r")
                shown = emulated.read_payload(request, glyphs)
                assert exact_json(arguments_of(shown, glyphs)) == exact_json(request.arguments)
                opened.type(b"\x1b")
                emulated.see(f"{number + 1} of {len(sent)}")
        assert is_all_visible(re.sub("[\r\n\x07]", "", written(opened.output)))


@pytest.mark.parametrize("end", ["", "\x1b", "\x1b[", "\x1b[38;2;224;224;224;48", "\x1b("])
def test_half_a_sequence_at_the_end_is_none_of_what_was_written(end: str) -> None:
    assert written(f"\x1b[1ma\x1b[0m{end}".encode()) == "a"
    assert written("a\x1b[1mé".encode()[:-1]) == "a"
    assert not is_all_visible(written(f"a\x1b_{end}b".encode()))
