"""The terminal's sequences: exact bytes, and nothing in a text can begin or end one."""

from __future__ import annotations

import pytest

from approval_tui.display.width import cell_width
from approval_tui.notify import terminal
from tests.hostile import HOSTILE_TEXTS


@pytest.mark.parametrize(
    ("sequence", "exact"),
    [
        (terminal.title("(3) approval-tui"), "\x1b]2;(3) approval-tui\x07"),
        (terminal.osc9("one, two; three"), "\x1b]9;one, two; three\x07"),
        (terminal.osc777("a;b", "c;d"), "\x1b]777;notify;a,b;c;d\x07"),
        (terminal.through_tmux("\x1b]9;x\x07"), "\x1bPtmux;\x1b\x1b]9;x\x07\x1b\\"),
        (terminal.SAVE_TITLE + terminal.RESTORE_TITLE, "\x1b[22;2t\x1b[23;2t"),
    ],
)
def test_each_sequence_is_exact(sequence: str, exact: str) -> None:
    assert sequence == exact


@pytest.mark.parametrize("name", HOSTILE_TEXTS)
def test_no_text_ends_its_sequence_or_begins_another(name: str) -> None:
    text = HOSTILE_TEXTS[name]
    for sequence in (terminal.title(text), terminal.osc9(text), terminal.osc777(text, text)):
        assert sequence.startswith("\x1b]")
        assert sequence.endswith("\x07")
        assert not set(sequence[2:-1]) & {"\x1b", "\x07", "\x9c", "\x9b", "\x9d", "\x90", "\x18", "\x1a", "\n", "\r"}
        sequence.encode()  # a lone surrogate would end the program instead


def test_a_text_is_cut_before_a_terminal_would_drop_it() -> None:
    assert len(terminal.osc9("x" * 100_000)) < 250
    assert len(terminal.osc777("x" * 100_000, "y" * 100_000)) < 450
    assert len(terminal.title("\x1b" * 100_000)) < 250


def test_a_text_is_cut_by_the_cells_that_it_takes_and_says_so() -> None:
    for text in ("x" * 300, "漢" * 300, "\u202e" * 300):
        for sequence in (terminal.title(text), terminal.osc9(text), terminal.osc777("x", text)):
            shown = sequence.rpartition(";")[2].removesuffix("\x07")
            assert shown.endswith("…")
            assert 198 <= cell_width(shown) <= 200
    for text in ("x" * 200, "漢" * 100):
        assert terminal.osc9(text) == f"\x1b]9;{text}\x07"
