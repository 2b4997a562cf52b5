"""A shell command in its parts, each with marks in words, so that a person sees at a glance what it is made of.

This is a reading aid and not a parser to rely on for safety: it knows bash well, other shells less, no aliases and
nothing that a program does by itself. The marks never hide a character (the parts put together are the command) and
decide nothing. What cannot be read is said to be so; that a part has no mark says nothing about it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import zip_longest
from typing import NamedTuple

from approval_tui.display.project_paths import CANNOT_BE_TOLD, OUTSIDE, where_path_lies
from approval_tui.display.shell_programs import (
    NETWORK,
    RUNS,
    program_marks,
    texts_that_run,
)
from approval_tui.display.shell_reader import read_shell
from approval_tui.display.shell_tokens import (
    APPENDS,
    ASSIGNMENT,
    DUPLICATES,
    HERE_DOCUMENT,
    HERE_STRING,
    NOT_PLAIN,
    NOT_READ,
    READS,
    WRITES,
    Piece,
    Reading,
    Redirect,
    Word,
)
from approval_tui.display.visible import visible_text

LONGEST_PATH = 200
"""Characters of a path in a mark; a longer one says how much is not shown."""

MOST_DIRECTORIES = 4
"""Places where a command may run, as far as its `cd` tell, that are looked at."""

Directories = tuple[str | None, ...]
"""Directories, from the project on, where a command may run; None where that cannot be told."""

_MOST_OF_A_LIST = 50
_LONGEST_DIRECTORY = 4096
_DEEPEST_TEXT = 3

_MARKS_OF_OPERATORS = {
    **dict.fromkeys((">", ">|", "&>", ">&"), (WRITES,)),
    **dict.fromkeys((">>", "&>>"), (APPENDS,)),
    **dict.fromkeys(("<<", "<<-"), (HERE_DOCUMENT,)),
    "<": (READS,),
    "<>": (READS, WRITES),
    "<<<": (HERE_STRING,),
    "<&": (DUPLICATES,),
}
_STREAM = re.compile(r"[0-9]*+-?")
_REMOTE = re.compile(r"(?:^|=)(?:https?://|ftp://|ssh://|git@|/dev/(?:tcp|udp)/)", re.IGNORECASE)
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*+://")
_OPTION = re.compile(r"--?[A-Za-z0-9_-]*+=|-[A-Za-z](?=[/~.$])")
_TRIVIAL = re.compile(r"[ \t\r\n;\"'`)}]*+")


class Part(NamedTuple):
    """A stretch of the command, exactly as it is written (not made visible), and what there is to say about it."""

    text: str
    marks: tuple[str, ...]


def shell_parts(
    command: str, working_directory: str | None, home: str | None = None, *, ascii_only: bool = False
) -> list[Part]:
    """The parts of a shell command in order; together they are the command, whatever it is. Never raises.

    `working_directory` is the project. Paths in marks are visible text already, in ASCII if `ascii_only`.
    """
    reading = read_shell(command)
    _Marker(working_directory, home, ascii_only=ascii_only).mark(reading)
    pieces: list[Piece] = []
    for piece, end in _with_ends(reading.pieces, command):
        is_trivial = not piece.marks and _TRIVIAL.fullmatch(command, piece.start, end)
        if not (is_trivial and pieces):
            pieces.append(piece)
    return [
        Part(command[piece.start : end], tuple(dict.fromkeys(piece.marks)))
        for piece, end in _with_ends(pieces, command)
        if piece.start < end or piece.marks
    ]


def _with_ends(pieces: list[Piece], command: str) -> Iterator[tuple[Piece, int]]:
    return zip(pieces, [*(piece.start for piece in pieces[1:]), len(command)], strict=True)


class _Marker:
    """Gives pieces the marks of the words in them."""

    def __init__(self, working_directory: str | None, home: str | None, *, ascii_only: bool) -> None:
        self.working_directory = working_directory
        self.home = home
        self.ascii_only = ascii_only

    def mark(self, reading: Reading, begin: Directories = ("",), depth: int = 0) -> None:
        """Add the marks of every command of a reading that begins in these directories."""
        directories = {0: begin}
        for command, following in zip_longest(reading.commands, reading.commands[1:]):
            scope = command.scope
            here = directories.setdefault(scope, directories.get(reading.scopes[scope], begin))
            is_fed = command.joined in ("|", "|&")
            for redirect in command.redirects:
                is_fed = is_fed or redirect.operator.startswith("<")
                reading.pieces[redirect.piece].marks += self._redirect_marks(redirect, here)
            if command.keyword == "time":
                reading.pieces[command.keyword_piece].marks.append(RUNS)
            if command.runs:
                for word, mark in program_marks(command.words, is_fed=is_fed):
                    reading.pieces[word.piece].marks.append(mark)
                for word in texts_that_run(command.words) if depth < _DEEPEST_TEXT else ():
                    reading.pieces[word.piece].marks += self._marks_of_text(word, here, depth)
            for word in command.words:
                reading.pieces[word.piece].marks += self._word_marks(word, here)
            if command.runs and command.words and command.words[0].text in ("cd", "pushd", "popd"):
                there = _moved(here, command.words)
                is_sure = following is not None and following.joined == "&&"
                directories[scope] = there if is_sure else _without_doubles(here + there)

    def _marks_of_text(self, word: Word, here: Directories, depth: int) -> list[str]:
        """The marks of a command that is itself a word of another one."""
        reading = read_shell(word.text)
        self.mark(reading, here, depth + 1)
        marks = dict.fromkeys(mark for piece in reading.pieces for mark in piece.marks)
        # What a shell puts in first is missing in the text, so that it may not end as it will.
        return [mark for mark in marks if not (word.is_expanded and mark.startswith((NOT_PLAIN, NOT_READ)))]

    def _redirect_marks(self, redirect: Redirect, here: Directories) -> Iterator[str]:
        target = redirect.target
        if target is not None and redirect.operator == ">&" and _STREAM.fullmatch(target.text) and target.text:
            yield DUPLICATES
            return
        yield from _MARKS_OF_OPERATORS[redirect.operator]
        if target is None or redirect.operator in ("<<", "<<-", "<&"):
            return
        if redirect.operator == "<<<":
            yield from self._word_marks(target, here)
        elif _REMOTE.match(target.text):
            yield NETWORK
        elif target.text != "/dev/null":
            yield from self._path_marks(target, target.text, here)

    def _word_marks(self, word: Word, here: Directories) -> Iterator[str]:
        """The marks of a word by itself: what it names elsewhere, and the paths in it."""
        if _REMOTE.search(word.text):
            yield NETWORK
        for path in _paths_in(word):
            yield from self._path_marks(word, path, here)

    def _path_marks(self, word: Word, path: str, here: Directories) -> Iterator[str]:
        lies = {self._where(word, path, directory) for directory in here}
        for where in (OUTSIDE, CANNOT_BE_TOLD):
            if where in lies:
                cut = path[:LONGEST_PATH]
                rest = f"... (+{len(path) - len(cut):,} characters)" if len(cut) < len(path) else ""
                yield f"{where}: {visible_text(cut, ascii_only=self.ascii_only, quoted=bool(rest))}{rest}"
                return

    def _where(self, word: Word, path: str, directory: str | None) -> str | None:
        if word.is_expanded or word.has_braces:
            return CANNOT_BE_TOLD
        # A dollar or backtick that was quoted is a character like any other, and so is a quoted `~`.
        plain = path.replace("$", "_").replace("`", "_")
        is_home = plain.startswith("~") and (word.has_tilde or not word.is_quoted)
        if not is_home and not plain.startswith("/"):
            if directory is None:
                return CANNOT_BE_TOLD
            plain = f"{directory}/{plain}" if directory else f"./{plain}"
        return where_path_lies(plain, self.working_directory, self.home)


def _moved(here: Directories, words: list[Word]) -> Directories:
    """Where a shell may be after its `cd`, from where it may be before."""
    targets = [word for word in words[1:] if word.text[:1] != "-" or word.text == "-"]
    target = targets[0].text if targets else "~"
    if words[0].text == "popd" or target == "-" or (targets and targets[0].is_uncertain):
        return (None,)
    if target.startswith(("/", "~")):
        return (target,)
    joined = (None if at is None else f"{at}/{target}" if at else target for at in here)
    return _without_doubles(tuple(joined))


def _without_doubles(directories: Directories) -> Directories:
    kept = dict.fromkeys(None if at is None or len(at) > _LONGEST_DIRECTORY else at for at in directories)
    return tuple(kept) if len(kept) <= MOST_DIRECTORIES else (*list(kept)[: MOST_DIRECTORIES - 1], None)


def _paths_in(word: Word) -> Iterator[str]:
    """What may be paths in a word: the word itself, the value of an option or of an assignment."""
    text = word.text
    if url := _URL.match(text):
        if url.group().lower() == "file://":
            yield text[url.end() :]
        return
    assignment = ASSIGNMENT.match(text)
    option = assignment or _OPTION.match(text)
    value = (text[option.end() :] if option else text).removeprefix("@")
    values = value.split(":", _MOST_OF_A_LIST) if assignment and value.startswith("/") else [value]
    for path in values:
        if path.startswith(("/", "~")) or path == ".." or ("/" in path and not (word.is_expanded and " " in path)):
            yield path
