"""The patches of Codex's tool `apply_patch`: what they say, and what they make of a file's text.

They are read as the tool of Codex 0.169 reads and applies them: markers may be padded, a here-document around the
patch is taken off, and the lines of a hunk are found where they stand exactly, else without the blanks at their
ends, else without those at both ends, else with typographic quotes, dashes and blanks taken for plain ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

ADDED = "add"
DELETED = "delete"
UPDATED = "update"

_BEGIN = "*** Begin Patch"
_END = "*** End Patch"
_HEADERS = {"*** Add File: ": ADDED, "*** Delete File: ": DELETED, "*** Update File: ": UPDATED}
_MOVE = "*** Move to: "
_END_OF_FILE = "*** End of File"
_ENVIRONMENT = "*** Environment ID:"
_HUNK = "@@"
_HUNK_WITH_CONTEXT = "@@ "
_HERE_DOCUMENTS = ("<<EOF", "<<'EOF'", '<<"EOF"')

#: A line and its end, which the last one may lack.
_LINE = re.compile(r"(?!\Z)([^\r\n]*+)(\r\n|\r|\n|\Z)")

#: What Rust takes for white space; `str.strip()` alone would take U+001C to U+001F for it too.
_BLANKS = "\t\n\x0b\x0c\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))

_PLAIN = str.maketrans(
    dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-")
    | dict.fromkeys("\u2018\u2019\u201a\u201b", "'")
    | dict.fromkeys("\u201c\u201d\u201e\u201f", '"')
    | dict.fromkeys("\xa0\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000", " ")
)

MOST_COMPARISONS = 10_000_000
"""Lines that are compared at most to find the hunks of one file; each search goes through the file four times."""


class CannotApply(Exception):
    """The call cannot do to the file what it says, or it cannot be told; its words are ours and safe to show."""


class Hunk(NamedTuple):
    """One place of a file that is changed: its lines in order, each with its mark, a blank, `-` or `+`."""

    context: str | None  #: a line that stands somewhere above
    lines: tuple[tuple[str, str], ...]
    is_at_end: bool  #: whether its lines are the last ones of the file


@dataclass(frozen=True)
class PatchedFile:
    """What a patch does to one file; the text is that of an added one."""

    kind: str  #: ADDED, DELETED or UPDATED
    path: str
    moved_to: str | None = None
    text: str = ""
    hunks: tuple[Hunk, ...] = ()
    is_elsewhere: bool = False  #: whether the patch says in which environment its files are


def parse_patch(patch: str) -> tuple[PatchedFile, ...]:
    """The files of a patch, in its order; raises CannotApply with the number of the line that is wrong."""
    begin = len(patch) - len(patch.lstrip(_BLANKS))
    first = patch.count("\n", 0, begin) + 1
    lines = [line.removesuffix("\r") for line in patch.strip(_BLANKS).split("\n")]
    is_wrapped = lines[0] in _HERE_DOCUMENTS and lines[-1].endswith("EOF") and len(lines) >= 4
    if is_wrapped:
        lines, first = lines[1:-1], first + 1
    if lines[0].strip(_BLANKS) != _BEGIN:
        raise CannotApply(f"line {first} of the patch is not `{_BEGIN}`")
    if len(lines) < 2 or lines[-1].strip(_BLANKS) != _END:
        raise CannotApply(f"line {first + len(lines) - 1} of the patch, its last one, is not `{_END}`")
    reader = _Reader(first)
    for line in lines[1:-1]:
        reader.read(line)
    return reader.finish()


class _Reader:
    """Reads a patch line by line."""

    def __init__(self, first: int) -> None:
        self._files: list[PatchedFile] = []
        self._number = first
        self._is_elsewhere = False
        self._kind: str | None = None
        self._path = ""
        self._moved_to: str | None = None
        self._added: list[str] = []
        self._hunks: list[Hunk] = []
        self._is_open = False  # whether a hunk has begun
        self._context: str | None = None
        self._lines: list[tuple[str, str]] = []
        self._is_at_end = False

    def read(self, line: str) -> None:
        """Takes the next line; raises CannotApply."""
        self._number += 1
        marker = line.rstrip(_BLANKS) if self._kind == UPDATED else line.strip(_BLANKS)
        header = next((each for each in _HEADERS if marker.startswith(each)), None)
        if header is not None:
            self._end_file()
            self._kind, self._path = _HEADERS[header], marker[len(header) :]
        elif marker == _END:
            raise self._wrong("the patch ends before its last line")
        elif self._kind is None and marker.startswith(_ENVIRONMENT):
            if self._is_elsewhere or marker == _ENVIRONMENT:
                raise self._wrong("an environment should be named there, and only one")
            self._is_elsewhere = True
        elif self._kind == ADDED and line.startswith("+"):
            self._added.append(line[1:] + "\n")
        elif self._kind == UPDATED:
            self._read_change(line, marker)
        else:
            raise self._wrong("a file should be named there, by `*** Add File: `, `*** Delete File: ` or the like")

    def finish(self) -> tuple[PatchedFile, ...]:
        """The files, as the patch has ended; raises CannotApply."""
        self._number += 1
        self._end_file()
        return tuple(self._files)

    def _read_change(self, line: str, marker: str) -> None:
        is_hunk = marker == _HUNK or marker.startswith(_HUNK_WITH_CONTEXT)
        if self._is_at_end and not is_hunk:
            if marker:
                raise self._wrong(f"after `{_END_OF_FILE}`, only a hunk may follow, which begins with `{_HUNK}`")
        elif not self._is_open and self._moved_to is None and marker.startswith(_MOVE):
            self._moved_to = marker[len(_MOVE) :]
        elif is_hunk:
            self._end_hunk()
            self._is_open = True
            self._context = None if marker == _HUNK else marker[len(_HUNK_WITH_CONTEXT) :]
        elif marker == _END_OF_FILE and self._is_open:
            self._require_lines()
            self._is_at_end = True
        elif marker == _END_OF_FILE:
            pass  # the tool takes no notice of it before the first hunk
        elif not line or line[0] in " +-":
            self._is_open = True
            self._lines.append((line[0], line[1:]) if line else (" ", ""))
        else:
            raise self._wrong("a line of a hunk should begin with a blank, `+` or `-`")

    def _end_hunk(self) -> None:
        if self._is_open:
            self._require_lines()
            self._hunks.append(Hunk(self._context, tuple(self._lines), self._is_at_end))
        self._is_open, self._is_at_end, self._context = False, False, None
        self._lines = []

    def _require_lines(self) -> None:
        if not self._lines:
            raise self._wrong("the hunk above has no lines")

    def _end_file(self) -> None:
        if self._kind is None:
            return
        self._end_hunk()
        if self._kind == UPDATED and not self._hunks:
            raise self._wrong("the file above is to be updated, but has no hunk")
        added = "".join(self._added)
        hunks = tuple(self._hunks)
        file = PatchedFile(self._kind, self._path, self._moved_to, added, hunks, self._is_elsewhere)
        self._files.append(file)
        self._moved_to, self._added, self._hunks = None, [], []

    def _wrong(self, words: str) -> CannotApply:
        return CannotApply(f"line {self._number} of the patch: {words}")


def patched_text(file: PatchedFile, before: str | None) -> str | None:
    """The file's text after the patch, None where it is deleted; raises CannotApply."""
    if file.kind == ADDED:
        return file.text
    if before is None:
        raise CannotApply("there is no such file")
    return None if file.kind == DELETED else _updated(file.hunks, before)


def _updated(hunks: tuple[Hunk, ...], before: str) -> str:
    """The text with its hunks applied; each line that stays keeps its line end."""
    lines, ends = list[str](), list[str]()
    for line, end in _LINE.findall(before):
        lines.append(line)
        ends.append(end)
    preferred = (ends and ends[0]) or "\n"
    if ends and not ends[-1]:
        ends[-1] = preferred  # the tool ends every line
    changes = _changes(hunks, _Searched(lines))
    after: list[str] = []
    place = 0
    for begin, end, new in sorted(changes, key=lambda change: change.begin):
        after += map(str.__add__, lines[place:begin], ends[place:begin])
        after += [line + preferred for line in new]
        place = end
    after += map(str.__add__, lines[place:], ends[place:])
    return "".join(after)


class _Change(NamedTuple):
    """Lines of the file, half-open, and what stands there afterwards."""

    begin: int
    end: int
    new: list[str]


def _changes(hunks: tuple[Hunk, ...], searched: _Searched) -> list[_Change]:
    changes: list[_Change] = []
    place = 0
    for number, hunk in enumerate(hunks, 1):
        if hunk.context is not None:
            found = searched.find([hunk.context], place, False)
            if found is None:
                raise CannotApply(f"hunk {number} does not fit: the line it is said to stand below is not in the file")
            place = found + 1
        old = [text for mark, text in hunk.lines if mark != "+"]
        new = [text for mark, text in hunk.lines if mark != "-"]
        if not old:
            changes.append(_Change(searched.length, searched.length, new))
            continue
        found = searched.find(old, place, hunk.is_at_end)
        if found is None and not old[-1]:  # it may stand for the end of the last line
            old.pop()
            if new and not new[-1]:
                new.pop()
            found = searched.find(old, place, hunk.is_at_end)
        if found is None:
            where = "at the end of the file" if hunk.is_at_end else "in the file, in this order"
            raise CannotApply(f"hunk {number} does not fit: the lines it expects are not {where}")
        changes += _changed(hunk, found, len(old), new)
        place = found + len(old)
    return changes


def _changed(hunk: Hunk, begin: int, length: int, new: list[str]) -> list[_Change]:
    """The changes of a hunk that was found there; the lines of its context stay as the file has them."""
    changes = []
    was = becomes = 0  # among the old and the new lines, the first that is not dealt with
    for old_index, new_index in _context_of(hunk):
        if old_index >= length or new_index >= len(new):
            break
        if was < old_index or becomes < new_index:
            changes.append(_Change(begin + was, begin + old_index, new[becomes:new_index]))
        was, becomes = old_index + 1, new_index + 1
    if was < length or becomes < len(new):
        changes.append(_Change(begin + was, begin + length, new[becomes:]))
    return changes


def _context_of(hunk: Hunk) -> Iterator[tuple[int, int]]:
    """Where the lines of the context stand among the old lines and among the new ones."""
    old_index = new_index = 0
    for mark, _ in hunk.lines:
        if mark == " ":
            yield old_index, new_index
        old_index += mark != "+"
        new_index += mark != "-"


class _Searched:
    """A file's lines, in which those of hunks are found."""

    def __init__(self, lines: list[str]) -> None:
        self.length = len(lines)
        self._levels = [lines]
        self._left = MOST_COMPARISONS

    def find(self, wanted: list[str], start: int, is_at_end: bool) -> int | None:
        """Where these lines stand, at or after `start`; raises CannotApply where that would take too long."""
        if not wanted:
            return start
        last = self.length - len(wanted)
        if is_at_end:
            start = max(start, last)
        if last < start:
            return None
        for level, loosen in enumerate(_LOOSENED):
            if level == len(self._levels):
                self._levels.append([loosen(line) for line in self._levels[0]])
            found = self._find([loosen(line) for line in wanted], self._levels[level], start, last)
            if found is not None:
                return found
        return None

    def _find(self, wanted: list[str], lines: list[str], start: int, last: int) -> int | None:
        while start <= last:
            try:
                found = lines.index(wanted[0], start, last + 1)
            except ValueError:
                self._left -= last - start
                return None
            self._left -= found - start + len(wanted)
            if self._left < 0:
                raise CannotApply("it would take too long to find where the hunks of the patch fit")
            if lines[found : found + len(wanted)] == wanted:
                return found
            start = found + 1
        return None


def _unblanked(line: str) -> str:
    return line.strip(_BLANKS)


#: The forms in which lines are compared, one after the other.
_LOOSENED: tuple[Callable[[str], str], ...] = (
    str,
    lambda line: line.rstrip(_BLANKS),
    _unblanked,
    lambda line: _unblanked(line).translate(_PLAIN),
)
