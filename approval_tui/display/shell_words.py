"""Reads what stands inside a word of a shell command: quotes, backslashes, variables, substitutions.

It is a reading aid; see `shell_parts`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from approval_tui.display.shell_tokens import (
    CONTINUATIONS,
    PROCESS_SUBSTITUTION,
    SUBSTITUTION,
    Command,
    Piece,
    Redirect,
    Source,
    Word,
    without_ansi_c_escapes,
)

MOST_DEEP = 60
"""Brackets, quotes and substitutions inside one another that are followed."""

#: What a frame reads: commands up to a bracket, or text up to a sign or (the last two) up to a known place.
COMMANDS, QUOTES, BRACES, QUOTED_BRACES, BRACKETS, ARRAY, ARITHMETIC, BODY = range(8)
_REGIONS = (ARITHMETIC, BODY)

_TEXT_RUN = {
    QUOTES: re.compile(r'[^"\\$`]++'),
    BRACES: re.compile(r"[^}\"'\\$`<>]++"),
    QUOTED_BRACES: re.compile(r'[^}"\\$`]++'),
    BRACKETS: re.compile(r"[^()\"'\\$`<>]++"),
    ARRAY: re.compile(r"(?:[^()\"'\\$`<>;&|#]++|(?<![ \t\n(])#)++"),
    ARITHMETIC: re.compile(r"[^\\$`]++"),
    BODY: re.compile(r"[^\\$`]++"),
}
_TEXT_END = {QUOTES: '"', BRACES: "}", QUOTED_BRACES: "}", BRACKETS: ")", ARRAY: ")"}
_DOLLAR = re.compile(rf"\${CONTINUATIONS}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z_0-9]*+|[0-9@*#?$!-]")
_ANSI_C = re.compile(r"'((?:[^'\\]++|\\[\s\S])*+)'")
_IN_BACKTICKS = re.compile(r"`((?:[^`\\]++|\\[\s\S])*+)`")
_REST_OF_LINE = re.compile(r"[^\n]*+")
_NOTHING_YET = re.compile(r"[\s;&|(){}!\"']*+")


@dataclass(slots=True)
class Group:
    """A `{` or `case` that waits for its end."""

    place: int
    opener: str
    state: str = "body"  #: of a `case`: before its `in`, in a pattern, or in a body


class HereDocument(NamedTuple):
    """A here-document whose operator was read: what its last line is, and how its body is read."""

    delimiter: str
    is_quoted: bool
    with_tabs: bool


@dataclass(slots=True)
class Frame:
    """What is being read: commands, or a text inside a word."""

    kind: int
    source: Source
    limit: int  #: where in the source it ends at the latest
    opener: str = ""  #: the sign that began it and asks for an end of its own
    place: int = 0  #: where that sign stands in the whole command
    word: Word | None = None  #: the word that is being read, or that the text belongs to
    resume: int = 0  #: of a text up to a known place: where to go on behind it
    scope: int = 0
    is_substitution: bool = False
    command: Command | None = None
    redirect: Redirect | None = None
    joined: str = ""
    is_test: bool = False  #: between `[[` and `]]`
    gap: int | None = None  #: where the blanks before a redirect with a stream's number begin
    groups: list[Group] = field(default_factory=list)
    pending: list[HereDocument] = field(default_factory=list)  #: here-documents whose bodies the next lines hold
    bodies: list[HereDocument] = field(default_factory=list)  #: those whose bodies begin here

    @property
    def case(self) -> Group | None:
        """The innermost `case`, unless a `{` stands in it."""
        return self.groups[-1] if self.groups and self.groups[-1].opener == "case" else None


class Unreadable(Exception):
    """Reading ends at a place, for a reason."""

    def __init__(self, place: int, reason: str) -> None:
        super().__init__(reason)
        self.place = place
        self.reason = reason


class WordReader:
    """Holds the stack of what is open, and reads texts in quotes and brackets and the expansions in them."""

    def __init__(self, command: str) -> None:
        self.whole = command
        self.pieces = [Piece(0)]
        self.scopes = [0]
        self.frames = [Frame(COMMANDS, Source(command, range(len(command) + 1)), len(command))]

    def cut(self, place: int) -> Piece:
        """The piece that begins at this place."""
        if place > self.pieces[-1].start:
            self.pieces.append(Piece(place))
        return self.pieces[-1]

    def push(self, frame: Frame) -> None:
        """Read this next; raises Unreadable where too much is open already."""
        if len(self.frames) >= MOST_DEEP:
            raise Unreadable(self.frames[-1].source.place(), "it is nested too deeply")
        self.frames.append(frame)

    def unclosed(self, place: int, opener: str) -> Unreadable:
        """The reason that names the outermost of all that should have ended here and did not."""
        last = self.frames[-1]
        for frame in reversed(self.frames):
            if frame.source is not last.source or frame.limit != last.limit:
                break
            if frame.groups:
                place, opener = frame.groups[0].place, frame.groups[0].opener
            if frame.opener:
                place, opener = frame.place, frame.opener
        return Unreadable(place, f"{opener} is not closed")

    def commands_around(self) -> Frame:
        """The innermost commands that are being read."""
        return next(frame for frame in reversed(self.frames) if frame.kind == COMMANDS)

    def open_commands(
        self, frame: Frame, opener: str, begin: int, *, pending: list[HereDocument] | None = None
    ) -> Frame:
        """A frame for the commands in a bracket that began there; `pending` as a subshell shares it with its shell."""
        place = frame.source.place(begin)
        if pending is None:
            if not _NOTHING_YET.fullmatch(self.whole, self.pieces[-1].start, place):
                self.cut(place)
            self.pieces[-1].marks.append(SUBSTITUTION)
        around = self.commands_around()
        self.scopes.append(around.scope)
        inner = Frame(COMMANDS, frame.source, frame.limit, opener, place, scope=len(self.scopes) - 1)
        inner.joined = around.joined if pending is not None else ""
        inner.is_substitution = pending is None or around.is_substitution
        if pending is not None:
            inner.pending = pending
        self.push(inner)
        return inner

    def open_text(self, frame: Frame, kind: int, opener: str, length: int, word: Word) -> None:
        """A frame for the text that so many characters begin."""
        source = frame.source
        self.push(Frame(kind, source, frame.limit, opener, source.place(), word))
        source.at += length
        word.fragments.append("" if kind == QUOTES else opener)

    def open_arithmetic(self, frame: Frame, begin: int, end: int, word: Word) -> None:
        """A frame for what stands between `((` and `))`."""
        word.is_expanded = True
        word.fragments.append("((")
        self.push(Frame(ARITHMETIC, frame.source, end, word=word, resume=end + 2))
        frame.source.at = begin + 2

    def read_text(self, frame: Frame) -> None:
        """One fragment of the text in quotes, in brackets or of a here-document, or its end."""
        source, at, kind, word = frame.source, frame.source.at, frame.kind, frame.word
        assert word is not None
        if at >= frame.limit:
            if kind not in _REGIONS:
                raise self.unclosed(frame.place, frame.opener)
            self.frames.pop()
            source.at = frame.resume
            if kind == BODY:
                self.cut(source.place())
            else:
                word.fragments.append("))")
        elif run := _TEXT_RUN[kind].match(source.text, at, frame.limit):
            if kind != BODY:
                word.fragments.append(run.group())
            source.at = run.end()
        elif source.text[at] == _TEXT_END.get(kind):
            self.frames.pop()
            source.at += 1
            if kind != QUOTES:
                word.fragments.append(_TEXT_END[kind])
        elif source.text[at] == "#":
            comment = _REST_OF_LINE.match(source.text, at, frame.limit)
            source.at = comment.end() if comment else at + 1
        elif source.text[at] in "<>;&|(" and kind == ARRAY and not PROCESS_SUBSTITUTION.match(source.text, at):
            raise Unreadable(source.place(), f"{source.text[at]} stands in an array")
        elif source.text[at] in "<>":
            if not self.process_substitution(frame, word):
                word.fragments.append(source.text[at])
                source.at += 1
        elif source.text[at] == "(":
            self.open_text(frame, BRACKETS, "(", 1, word)
        else:
            self.read_quote(frame, word)

    def read_quote(self, frame: Frame, word: Word) -> None:
        """A quote, a backslash, a dollar or a backtick, in a word or in a text."""
        source, text, at = frame.source, frame.source.text, frame.source.at
        is_plain = frame.kind in (COMMANDS, BRACES, BRACKETS, ARRAY)
        if text[at] == "\\":
            escaped = text[at + 1 : min(at + 2, frame.limit)]
            if escaped != "\n":
                is_special = is_plain or escaped in ("$", "`", '"', "\\")
                word.fragments.append(escaped if escaped and is_special else f"\\{escaped}")
                word.is_quoted = True
            source.at = at + 1 + len(escaped)
        elif text[at] == "'":
            end = text.find("'", at + 1, frame.limit)
            if end < 0:
                raise self.unclosed(source.place(), "'")
            word.fragments.append(text[at + 1 : end])
            word.is_quoted = True
            source.at = end + 1
        elif text[at] == '"':
            word.is_quoted = True
            self.open_text(frame, QUOTES, '"', 1, word)
        elif text[at] == "`":
            self._open_backticks(frame, word)
        else:
            self._dollar(frame, word, is_plain=is_plain)

    def _dollar(self, frame: Frame, word: Word, *, is_plain: bool) -> None:
        source, text = frame.source, frame.source.text
        dollar = _DOLLAR.match(text, source.at, frame.limit)
        after = dollar.end() if dollar else source.at + 1
        following = text[after : min(after + 1, frame.limit)]
        length = after + 1 - source.at
        if following == "(":
            word.is_expanded = True
            begin, end = source.at, source.arithmetic_end(after, frame.limit)
            if end is not None:
                word.fragments.append("$")
                self.open_arithmetic(frame, after, end, word)
            else:
                word.fragments.append("$()")
                source.at = after + 1
                self.open_commands(frame, "$(", begin)
        elif following == "{":
            word.is_expanded = True
            self.open_text(frame, BRACES if is_plain else QUOTED_BRACES, "${", length, word)
        elif following == "'" and is_plain:
            quoted = _ANSI_C.match(text, after, frame.limit)
            if quoted is None:
                raise self.unclosed(source.place(), "$'")
            word.fragments.append(without_ansi_c_escapes(quoted.group(1)))
            word.is_quoted = True
            source.at = quoted.end()
        elif following == '"' and is_plain:
            word.is_quoted = True
            self.open_text(frame, QUOTES, '"', length, word)
        elif name := _VARIABLE.match(text, after, frame.limit):
            word.is_expanded = True
            word.fragments.append(f"${name.group()}")
            source.at = name.end()
        else:
            word.fragments.append("$")
            source.at = after

    def process_substitution(self, frame: Frame, word: Word) -> bool:
        """Whether a `<(` or `>(` begins here; if so, its commands are read next."""
        source, begin = frame.source, frame.source.at
        match = PROCESS_SUBSTITUTION.match(source.text, begin, frame.limit)
        if match is None:
            return False
        word.is_expanded = True
        source.at = match.end()
        word.fragments.append("<()")
        self.open_commands(frame, f"{match.group()[0]}(", begin)
        return True

    def _open_backticks(self, frame: Frame, word: Word) -> None:
        source, begin = frame.source, frame.source.at
        match = _IN_BACKTICKS.match(source.text, begin, frame.limit)
        if match is None:
            raise self.unclosed(source.place(), "`")
        word.is_expanded = True
        word.fragments.append("$()")
        inner = source.within_backticks(*match.span(1))
        commands = self.open_commands(frame, "", begin)
        commands.source, commands.limit = inner, len(inner.text)
        source.at = match.end()
