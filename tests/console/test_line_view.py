"""What stands on the screen is what the lists and panes mean to show, also right after a resize or a scroll."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import App, ComposeResult
from textual.widget import Widget

from approval_tui.console.documents import Line
from approval_tui.console.pages import Page, Want
from approval_tui.console.reading import Reading
from approval_tui.console.rows import Entry, Rows
from approval_tui.console.widgets.document_pane import DocumentPane
from approval_tui.console.widgets.row_list import Piece, RowList
from approval_tui.display.glyphs import ASCII
from approval_tui.domain.clock import HOUR, MINUTE, SECOND, format_age
from tests.support import ManualClock


class Alone(App[None]):
    """An app with one widget."""

    CSS = "DocumentPane, RowList { height: 1fr; scrollbar-size-vertical: 1; scrollbar-gutter: stable; }"

    def __init__(self, widget: Widget) -> None:
        super().__init__()
        self._widget = widget

    def compose(self) -> ComposeResult:
        yield self._widget

    def row(self, y: int) -> str:
        """One row of the screen."""
        return self.screen._compositor.render_strips()[y].text.rstrip()


class Ages:
    """Rows that say nothing but how old they are; each came a minute after the one before it."""

    ticking = 8

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock

    def identity(self, row: int) -> object:
        return row

    def header(self, width: int) -> str:
        return "age"

    def passing(self, entry: Entry[int]) -> Sequence[Piece]:
        return [(format_age(self._clock() - entry.row * MINUTE).ljust(self.ticking), "plain")]

    def pieces(self, entry: Entry[int], width: int) -> Sequence[Piece]:
        return [(f"row {entry.row}", "plain")]


async def test_a_line_that_was_cut_is_whole_after_the_pane_was_widened_before_it_counts_as_seen() -> None:
    pane, reading = DocumentPane(id="pane"), Reading(9, 0)
    app = Alone(pane)
    async with app.run_test(size=(7, 5)) as pilot:
        pane.show(lambda _: [Line((("rm -rf /x", "plain"),), (0, 9))], reading, from_top=True)
        await pilot.pause()
        assert reading.count_unseen([(0, 9)]) == 1
        await pilot.resize_terminal(40, 5)
        while not reading.is_complete:
            await pilot.pause()
        assert app.row(0) == "rm -rf /x"


async def test_ages_are_right_on_every_line_after_a_scroll() -> None:
    clock = ManualClock(5 * HOUR + 59 * SECOND)
    rows: Rows[int] = Rows(lambda row: row, is_ascending=True)
    rows.merge(Page(list(range(40)), offset=0, total=40), Want())
    row_list = RowList(rows, Ages(clock), [], ASCII, id="list")
    app = Alone(row_list)
    async with app.run_test(size=(30, 12)) as pilot:
        for first in (1, 0, 1):
            row_list.jump(first)
            await pilot.pause()
            for _ in range(30):
                clock.move(SECOND)
                row_list.tick()
            await pilot.pause()
            for y in range(1, 11):
                row = first + y - 1
                assert f"{format_age(clock() - row * MINUTE):8}row {row}" in app.row(y)
