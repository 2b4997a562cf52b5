"""The signs of our own drawing: each set can be drawn where it is used, and takes the cells that it is counted for."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from approval_tui.display.glyphs import ASCII, UNICODE, Glyphs
from approval_tui.display.payload import payload_rows, wrap_rows
from approval_tui.display.preview import preview_line
from approval_tui.display.redaction import Redactor, mask
from approval_tui.display.visible import is_all_visible
from approval_tui.display.width import cell_width, cut, pad

LONGER = {"bar": 2, "continued": 2, "redacted": 4}


def signs_of(glyphs: Glyphs) -> dict[str, str]:
    return {name: sign for name, sign in glyphs._asdict().items() if isinstance(sign, str)}


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
def test_every_sign_can_be_seen_and_takes_the_cells_it_is_counted_for(glyphs: Glyphs) -> None:
    for name, sign in signs_of(glyphs).items():
        assert is_all_visible(sign)
        assert cell_len(sign) == cell_width(sign) == len(sign)
        assert name == "ellipsis" or len(sign) == LONGER.get(name, 1)


def test_a_plain_terminal_gets_ascii_only() -> None:
    assert ASCII.is_ascii
    assert not UNICODE.is_ascii
    assert all(sign.isascii() for sign in signs_of(ASCII).values())


def test_a_payload_on_a_plain_terminal_has_its_own_signs_and_escapes_all_others() -> None:
    call = {"ключ": "漢字 " * 3, "note": "é\n│", "password": "hunter22", "url": "https://u:hunter22@h/…"}
    assert [row.plain for row in wrap_rows(payload_rows(call, Redactor(), ASCII), 56, ASCII)] == [
        '"\\u{43A}\\u{43B}\\u{44E}\\u{447}": "\\u{6F22}\\u{5B57} \\u{6F2',
        '> 2}\\u{5B57} \\u{6F22}\\u{5B57} "',
        "note: (2 lines, 3 characters)",
        "  | \\u{E9}",
        "  | \\u{2502}",
        "password: **** 8 characters redacted",
        'url: "https://u:**** 8 characters redacted@h/\\u{2026}"',
    ]


def test_a_mask_takes_equally_many_characters_in_both_sets() -> None:
    assert len(mask("hunter22", ASCII)) == len(mask("hunter22", UNICODE))
    assert Redactor().redact("token=hunter22", ASCII) == f"token={mask('hunter22', ASCII)}"


def test_what_is_cut_says_so_in_the_signs_of_the_terminal() -> None:
    assert cut("make deploy", 8, ASCII) == "make ..."
    assert cut("make deploy", 2, ASCII) == ".."
    assert pad("make deploy", 8, glyphs=ASCII) == "make ..."
    assert cut("make deploy", 8) == "make de…"
    assert preview_line({"note": "é" * 121}, Redactor(), glyphs=ASCII) == "\\u{E9}" * 120 + "... (+1 characters)"


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
def test_no_first_row_begins_like_one_that_goes_on(glyphs: Glyphs) -> None:
    rows = payload_rows(
        {glyphs.continued: glyphs.continued, "a": f"{glyphs.continued}\n{glyphs.continued}"}, Redactor()
    )
    assert all(not (row.label or row.text).startswith(glyphs.continued) for row in rows)
    assert rows[0].label == f'"{glyphs.continued}": '
