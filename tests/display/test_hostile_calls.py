"""Every hostile call on screens of many sizes: what is seen there determines what is stored (rules R8 and R9)."""

from __future__ import annotations

import itertools

import pytest
from rich.cells import cell_len

from approval_tui.display.glyphs import ASCII, UNICODE, Glyphs
from approval_tui.display.payload import payload_rows, span_total, wrap_rows
from approval_tui.display.preview import preview_line, preview_lines
from approval_tui.display.redaction import Redactor
from approval_tui.display.request_view import request_fields
from approval_tui.display.visible import is_all_visible, visible_text
from approval_tui.display.width import cell_width, wrap
from approval_tui.domain.calls import Call, check_call
from approval_tui.domain.canonical import exact_json
from tests.display.hostile import undo_escapes
from tests.display.reading_rows import arguments_of, on_screen
from tests.display.requests import MOMENT, a_decision, a_request
from tests.hostile import CONFUSABLE_VALUES, HOSTILE_CALLS, HOSTILE_TEXTS, LARGE_CALLS, everywhere, with_arguments

EVERYTHING = Redactor().lifted()
GLYPH_SETS = pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
SMALL_CALLS = {name: call for name, call in HOSTILE_CALLS.items() if name not in LARGE_CALLS}
BREAKS = "a megabyte of line breaks"
READ_BACK = LARGE_CALLS | {BREAKS: with_arguments(command=LARGE_CALLS[BREAKS].arguments["command"][:100_000])}
"""The large calls; of the one with a row a character, a tenth tells as much in a tenth of the time."""


def screen_of(call: Call, width: int, glyphs: Glyphs) -> list[str]:
    """What a terminal of this width shows of the arguments; fails where a row is wider, or the spans leave one out."""
    rows = payload_rows(dict(call.arguments), EVERYTHING, glyphs)
    shown = wrap_rows(rows, width, glyphs)
    plain = [row.plain for row in shown]
    for row in set(plain):
        assert cell_width(row) == cell_len(row) <= width
        assert is_all_visible(row)
        assert glyphs is UNICODE or row.isascii()
    assert (shown[0].begin, shown[-1].end) == (0, span_total(rows))
    assert all(above.end == below.begin < below.end for above, below in itertools.pairwise(shown))
    return on_screen(plain, width)


@pytest.mark.parametrize("call", HOSTILE_CALLS.values(), ids=HOSTILE_CALLS.keys())
def test_the_store_admits_each_of_them(call: Call) -> None:
    check_call(call)


@GLYPH_SETS
@pytest.mark.parametrize("width", [20, 60, 140, 300])
@pytest.mark.parametrize("call", SMALL_CALLS.values(), ids=SMALL_CALLS.keys())
def test_the_arguments_can_be_read_back_from_the_screen(call: Call, width: int, glyphs: Glyphs) -> None:
    screen = screen_of(call, width, glyphs)
    assert exact_json(arguments_of(screen, glyphs)) == exact_json(dict(call.arguments))


@pytest.mark.parametrize("call", READ_BACK.values(), ids=READ_BACK.keys())
def test_large_arguments_can_be_read_back_too(call: Call) -> None:
    assert exact_json(arguments_of(screen_of(call, 140, UNICODE))) == exact_json(dict(call.arguments))


def test_a_large_text_can_be_read_back_from_a_terminal_with_ascii_only() -> None:
    call = LARGE_CALLS["a megabyte of wide characters"]
    assert exact_json(arguments_of(screen_of(call, 60, ASCII), ASCII)) == exact_json(dict(call.arguments))


@GLYPH_SETS
def test_no_two_values_look_alike(glyphs: Glyphs) -> None:
    screens = {tuple(screen_of(with_arguments(value=value), 40, glyphs)): value for value in CONFUSABLE_VALUES}
    assert len(screens) == len({exact_json(value) for value in CONFUSABLE_VALUES})


@GLYPH_SETS
@pytest.mark.parametrize("text", HOSTILE_TEXTS.values(), ids=HOSTILE_TEXTS.keys())
def test_a_text_in_a_line_of_its_own_can_be_read_back_from_the_screen(text: str, glyphs: Glyphs) -> None:
    shown = visible_text(text, ascii_only=glyphs.is_ascii)
    assert undo_escapes(shown) == text
    for width in (20, 60, 140, 300):
        rows = wrap(shown, width)
        assert all(cell_len(row) <= width for row in rows)
        *more, last = (row.rstrip(" ") or row for row in on_screen(rows, width))
        assert undo_escapes("".join([*more, last])) == text


@GLYPH_SETS
@pytest.mark.parametrize("text", HOSTILE_TEXTS.values(), ids=HOSTILE_TEXTS.keys())
def test_a_preview_of_it_is_visible_and_a_single_row(text: str, glyphs: Glyphs) -> None:
    arguments = dict(everywhere(text).arguments)
    for line in [
        preview_line(arguments, Redactor(), glyphs=glyphs),
        *preview_lines(arguments, Redactor(), glyphs=glyphs),
    ]:
        assert is_all_visible(line)
        assert cell_len(line) == cell_width(line)
        assert glyphs is UNICODE or line.isascii()


@pytest.mark.parametrize("text", HOSTILE_TEXTS.values(), ids=HOSTILE_TEXTS.keys())
def test_the_fields_of_its_request_show_it_in_every_place(text: str) -> None:
    call = everywhere(text)
    request = a_request(
        status="consumed",
        tool=call.tool,
        server=call.server,
        requester=call.requester,
        session=call.session,
        context=dict(call.context),
        reason=call.reason,
        decisions=(a_decision(reviewer=call.requester, reason=text),),
        consumed_at=MOMENT,
        outcome="failed",
        outcome_detail=text,
    )
    fields = {field.label: field.text for field in request_fields(request, MOMENT, EVERYTHING)}
    for name in ("tool", "server", "requester", "session"):
        assert undo_escapes(fields[name]) == call.tool
    assert undo_escapes(fields["agent says"]) == text
    assert undo_escapes(fields["outcome"]) == f"failed: {text}"
    assert fields["approved by"].endswith(f": {visible_text(text)}")
    assert all(is_all_visible(label + shown) for label, shown in fields.items())
    assert all(cell_len(label + shown) == cell_width(label + shown) for label, shown in fields.items())
