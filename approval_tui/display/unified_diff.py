"""What became of a text, in the manner of `diff -u`: rows that stayed, went and came, with their line numbers.

Texts are compared as they are; what is shown has its secrets masked and every character visible. A row's kind says
whether it is a line of the text, and which: the text of a line may look like anything.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from approval_tui.display.glyphs import UNICODE, Glyphs
from approval_tui.display.redaction import Redactor

HUNK = "hunk"
KEPT = "kept"
REMOVED = "removed"
ADDED = "added"
NOTE = "note"

MOST_LINES = 2000
"""Rows that are shown; one more then says how many were left out."""

NEW = "the file is new"
NEW_AND_EMPTY = "the file is new, and empty"
DELETED = "the file is deleted"
DELETED_AND_EMPTY = "the file is deleted; it is empty"
UNCHANGED = "the text stays as it is"
NO_NEWLINE = "no newline at the end of the file"
NOT_COMPARED = "too many lines to compare: first all that were there, then all that will be there"

_CONTEXT = 3
_MOST_STEPS = 50_000_000
"""What comparing may cost at worst, in steps of difflib, which takes the cube of equal lines: half a second."""

_FEW_STEPS = 2_000_000
"""What comparing a part may cost at worst without a look for lines that each text has once."""

_DEEPEST = 12
"""How often what lies between such lines is looked through for more of them."""


class DiffLine(NamedTuple):
    """One row: its kind, and its text, safe to show; the caller puts the mark of the kind before it."""

    kind: str
    text: str


def unified_diff(
    before: str | None,
    after: str | None,
    redactor: Redactor,
    glyphs: Glyphs = UNICODE,
    *,
    most: int | None = MOST_LINES,
) -> list[DiffLine]:
    """The rows of what changed, with three lines around it; None stands for a file that is not there.

    There are at most `most` rows, or all for None; then one more row says how many were left out.
    """
    if not before and not after:
        words = UNCHANGED if before == after else NEW_AND_EMPTY if before is None else DELETED_AND_EMPTY
        return [DiffLine(NOTE, words)]
    if before == after:
        return [DiffLine(NOTE, UNCHANGED)]
    old, new = _Side(before, redactor, glyphs), _Side(after, redactor, glyphs)
    rows = [DiffLine(NOTE, NEW if before is None else DELETED)] if before is None or after is None else []
    left_out = 0
    for run in _runs(old, new):
        size = run.end - run.begin
        room = size if most is None else min(size, max(0, most - len(rows)))
        rows += (DiffLine(run.kind, _row_text(run, place, old, new, glyphs)) for place in range(room))
        left_out += size - room
    if left_out:
        are = "row is" if left_out == 1 else "rows are"
        where = "the file holds what they say" if after is None else "the arguments show the new text whole"
        rows.append(DiffLine(NOTE, f"{left_out:,} more {are} not shown here; {where}"))
    return rows


class _Side:
    """One of the texts: its lines as they are compared, and as they are shown."""

    def __init__(self, text: str | None, redactor: Redactor, glyphs: Glyphs) -> None:
        lines = (text or "").split("\n")
        self.masked = redactor.redact_lines(text or "", glyphs)
        self.real = lines
        self.is_ended = not lines[-1]
        #: An unended last line differs from an ended one; no other line holds a line break.
        self.compared = lines[:-1] if self.is_ended else [*lines[:-1], f"{lines[-1]}\n"]


class _Run(NamedTuple):
    """Rows of one kind: those lines of the new text, of the old one if they were removed; or a row of ours."""

    kind: str
    begin: int
    end: int
    old: int = 0  #: for lines that stayed, where they begin in the old text
    words: str = ""


class _Span(NamedTuple):
    """Lines of both texts, half-open: they are the same, or those of the old one became those of the new."""

    old: int
    old_end: int
    new: int
    new_end: int
    is_same: bool
    is_compared: bool = True


def _row_text(run: _Run, place: int, old: _Side, new: _Side, glyphs: Glyphs) -> str:
    if run.kind in (HUNK, NOTE):
        return run.words
    line = run.begin + place
    if run.kind == REMOVED:
        return glyphs.visible(old.masked[line])
    was = run.old + place
    # A key without its first line is no longer seen as one, and would be shown where it stayed.
    is_masked = run.kind == KEPT and old.masked[was] != old.real[was]
    return glyphs.visible(old.masked[was] if is_masked else new.masked[line])


def _runs(old: _Side, new: _Side) -> Iterator[_Run]:
    """All rows, in order."""
    for hunk in _hunks(_spans(old.compared, new.compared)):
        lines = _range(hunk[0].old, hunk[-1].old_end), _range(hunk[0].new, hunk[-1].new_end)
        yield _Run(HUNK, 0, 1, words="@@ -{} +{} @@".format(*lines))
        for span in hunk:
            if span.is_same:
                yield _Run(KEPT, span.new, span.new_end, span.old)
            if not span.is_compared:
                yield _Run(NOTE, 0, 1, words=NOT_COMPARED)
            if not span.is_same:
                yield _Run(REMOVED, span.old, span.old_end)
                if not old.is_ended and span.old < span.old_end == len(old.compared):
                    yield _Run(NOTE, 0, 1, words=NO_NEWLINE)
                yield _Run(ADDED, span.new, span.new_end)
            if not new.is_ended and span.new < span.new_end == len(new.compared):
                yield _Run(NOTE, 0, 1, words=NO_NEWLINE)


def _range(begin: int, end: int) -> str:
    """Lines as the head of a hunk has them: the first one and how many; of none, the one before them."""
    if end - begin == 1:
        return f"{end}"
    return f"{begin + 1 if end > begin else begin},{end - begin}"


def _hunks(spans: list[_Span]) -> Iterator[list[_Span]]:
    """What changed and the lines around it; changes with few lines between them are together."""
    hunk: list[_Span] = []
    for number, span in enumerate(spans, 1):
        old, old_end, new, new_end, is_same, _ = span
        is_last = number == len(spans)
        if not is_same or (hunk and not is_last and old_end - old <= 2 * _CONTEXT):
            hunk.append(span)
            continue
        size = min(_CONTEXT, old_end - old)
        if hunk:
            yield [*hunk, _Span(old, old + size, new, new + size, True)]
        hunk = [] if is_last else [_Span(old_end - size, old_end, new_end - size, new_end, True)]
    if hunk:
        yield hunk


def _spans(old: list[str], new: list[str]) -> list[_Span]:
    """Both texts from their beginnings to their ends."""
    comparison = _Comparison(old, new)
    comparison.compare()
    spans: list[_Span] = []
    was = becomes = 0
    for begin, new_begin, size in [*sorted(comparison.same), (len(old), len(new), 0)]:
        if was < begin or becomes < new_begin:
            is_compared = (was, becomes) not in comparison.not_compared
            spans.append(_Span(was, begin, becomes, new_begin, False, is_compared))
        was, becomes = begin + size, new_begin + size
        if not size:
            continue
        if spans and spans[-1].is_same:
            spans[-1] = _Span(spans[-1].old, was, spans[-1].new, becomes, True)
        else:
            spans.append(_Span(begin, was, new_begin, becomes, True))
    return spans


class _Comparison:
    """Finds lines that stayed: at both ends, then those that each text has once, and by difflib between them."""

    def __init__(self, old: list[str], new: list[str]) -> None:
        self._old, self._new = old, new
        self._left = _MOST_STEPS
        self.same: list[tuple[int, int, int]] = []  #: where they begin in both texts, and how many they are
        self.not_compared: set[tuple[int, int]] = set()  #: where what was too much begins in both texts

    def compare(self) -> None:
        """Fills both lists."""
        boxes = [(0, len(self._old), 0, len(self._new), 0)]
        while boxes:
            *box, depth = boxes.pop()
            old, old_end, new, new_end = self._trimmed(*box)
            if old == old_end or new == new_end:
                continue
            steps = self._steps(old, old_end, new, new_end)
            if steps > min(_FEW_STEPS, self._left) and depth < _DEEPEST:
                inner = self._split(old, old_end, new, new_end)
                if inner:
                    boxes += ((*each, depth + 1) for each in inner)
                    continue
            if steps > self._left:
                self.not_compared.add((old, new))
                continue
            self._left -= steps
            self._match(old, old_end, new, new_end)

    def _trimmed(self, old: int, old_end: int, new: int, new_end: int) -> tuple[int, int, int, int]:
        """What is left without the lines that are the same at both ends."""
        begin, new_begin = old, new
        while old < old_end and new < new_end and self._old[old] == self._new[new]:
            old, new = old + 1, new + 1
        self._add(begin, new_begin, old - begin)
        end = old_end
        while old < old_end and new < new_end and self._old[old_end - 1] == self._new[new_end - 1]:
            old_end, new_end = old_end - 1, new_end - 1
        self._add(old_end, new_end, end - old_end)
        return old, old_end, new, new_end

    def _add(self, old: int, new: int, size: int) -> None:
        if size:
            self.same.append((old, new, size))

    def _steps(self, old: int, old_end: int, new: int, new_end: int) -> int:
        """What difflib may need at worst: all pairs of equal lines, once for each line that stayed."""
        counts = Counter(self._new[new:new_end])
        pairs = sum(counts.get(line, 0) for line in self._old[old:old_end])
        sizes = old_end - old, new_end - new
        return (pairs + sum(sizes)) * min(pairs + 1, *sizes)

    def _match(self, old: int, old_end: int, new: int, new_end: int) -> None:
        from difflib import SequenceMatcher

        matcher = SequenceMatcher(None, self._old[old:old_end], self._new[new:new_end], autojunk=False)
        for begin, new_begin, size in matcher.get_matching_blocks():
            self._add(old + begin, new + new_begin, size)

    def _split(self, old: int, old_end: int, new: int, new_end: int) -> list[tuple[int, int, int, int]]:
        """The boxes between the lines that stand once in each text, as far as they stand in one order in both."""
        was, becomes = Counter(self._old[old:old_end]), Counter(self._new[new:new_end])
        places = {line: place for place, line in enumerate(self._new[new:new_end], new) if becomes[line] == 1}
        pairs = [
            (place, places[line])
            for place, line in enumerate(self._old[old:old_end], old)
            if was[line] == 1 and line in places
        ]
        boxes = []
        for place, new_place in _longest_rising(pairs):
            self._add(place, new_place, 1)
            boxes.append((old, place, new, new_place))
            old, new = place + 1, new_place + 1
        return [*boxes, (old, old_end, new, new_end)] if boxes else []


def _longest_rising(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Of pairs that rise in their first numbers, the most that rise in their second ones too."""
    ends: list[int] = []  # for each length, the least second number that such a row may end with
    lasts: list[int] = []  # and which pair that is
    before: list[int] = []  # for each pair, the one before it
    for number, (_, second) in enumerate(pairs):
        length = bisect_left(ends, second)
        before.append(lasts[length - 1] if length else -1)
        ends[length : length + 1] = [second]
        lasts[length : length + 1] = [number]
    rising = []
    number = lasts[-1] if lasts else -1
    while number >= 0:
        rising.append(pairs[number])
        number = before[number]
    return rising[::-1]
