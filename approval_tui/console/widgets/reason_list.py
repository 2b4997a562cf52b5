"""Reasons to begin with, one line each above the input into which the arrows bring them."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from approval_tui.display.glyphs import Glyphs
from approval_tui.display.redaction import Redactor
from approval_tui.display.width import cut

MOST_ROWS = 6
_TALL, _ROWS_BESIDE, _ROWS_BESIDE_IF_LOW = 18, 17, 9


class ReasonList(Widget):
    """Shows the reasons and which of them is in the input; at first none is."""

    def __init__(self, redactor: Redactor, glyphs: Glyphs) -> None:
        super().__init__()
        self._redactor = redactor
        self._glyphs = glyphs
        self._reasons: tuple[str, ...] = ()
        self._chosen: int | None = None

    @property
    def reasons(self) -> tuple[str, ...]:
        """All of them, from the top."""
        return self._reasons

    @property
    def chosen(self) -> str | None:
        """The whole text of the one that is in the input; None where it holds the reviewer's own words."""
        return None if self._chosen is None else self._reasons[self._chosen]

    def offer(self, reasons: Sequence[str]) -> None:
        """Shows these; the one that was chosen stays so if it is still there."""
        chosen = self.chosen
        self._reasons = tuple(reasons)
        self._chosen = self._reasons.index(chosen) if chosen in self._reasons else None
        self.refresh(layout=True)

    def step(self, rows: int) -> str | None:
        """Goes on by so many rows, round the ends, where the reviewer's own words are; gives what is chosen then."""
        own = len(self._reasons)
        place = (own if self._chosen is None else self._chosen) + rows
        place %= own + 1
        self._chosen = None if place == own else place
        self.refresh()
        return self.chosen

    def let_go(self) -> None:
        """What is in the input is the reviewer's own now."""
        if self._chosen is not None:
            self._chosen = None
            self.refresh()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """One row for each that is shown, and one that says how many there are if those are not all."""
        shown = min(len(self._reasons), self._most_rows())
        return shown + (shown < len(self._reasons))

    def render(self) -> Content:
        """The rows about the chosen one."""
        most, total, width = self._most_rows(), len(self._reasons), self.size.width
        about = total - 1 if self._chosen is None else self._chosen
        first = max(0, min(about - most // 2, total - most))
        rows = [self._row(index, width) for index in range(first, min(first + most, total))]
        if len(rows) < total:
            words = f"{first + 1} to {first + len(rows)} of {total}, up and down go on"
            rows.append(Content.styled(cut(f"  {words}", width, self._glyphs), "dim"))
        return Content("\n").join(rows)

    def _row(self, index: int, width: int) -> Content:
        is_chosen = index == self._chosen
        mark = self._glyphs.cursor if is_chosen else " "
        text = self._glyphs.visible(self._redactor.redact(self._reasons[index], self._glyphs))
        return Content.styled(cut(f"{mark} {text}", width, self._glyphs), "bold" if is_chosen else "")

    def _most_rows(self) -> int:
        """How many rows there is room for beside the rest of the dialog."""
        height = self.app.size.height
        room = height * 95 // 100 - _ROWS_BESIDE if height >= _TALL else height - _ROWS_BESIDE_IF_LOW
        return max(1, min(MOST_ROWS, room))
