"""The heads of the lists, apart from any screen."""

from __future__ import annotations

import pytest

from approval_tui.console.painters import EventPainter, GrantPainter, HistoryPainter, PendingPainter
from approval_tui.console.widgets.row_list import Painter
from approval_tui.display.glyphs import ASCII
from approval_tui.display.redaction import Redactor
from tests.support import ManualClock

PAINTERS: tuple[Painter, ...] = (
    PendingPainter(Redactor(), ManualClock(), ASCII),
    HistoryPainter(Redactor(), ManualClock(), ASCII),
    EventPainter(Redactor(), ASCII),
    GrantPainter(Redactor(), ManualClock(), ASCII),
)


@pytest.mark.parametrize("painter", PAINTERS, ids=lambda painter: type(painter).__name__)
def test_a_head_that_is_cut_is_drawn_with_what_the_terminal_can_draw(painter: Painter) -> None:
    for width in range(1, 140):
        assert painter.header(width).isascii(), width
