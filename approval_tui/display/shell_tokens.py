"""What a shell command is made of, as far as a reading aid needs it, and the spellings that a shell undoes.

Nothing here is a parser to rely on for safety; see `shell_parts`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

MARKS_OF_STRUCTURE = (
    PIPE := "pipe",
    WRITES := "writes to a file",
    APPENDS := "appends to a file",
    READS := "reads a file",
    DUPLICATES := "duplicates a stream",
    SUBSTITUTION := "substitution",
    BACKGROUND := "background",
    HERE_DOCUMENT := "here-document",
    HERE_STRING := "here-string",
    COMMENT := "comment",
    NOT_READ := "could not be read further",
)

NOT_PLAIN = "not a plain command"
"""Begins a mark that goes on with a colon and the reason."""

CONTINUATIONS = r"(?:\\\n)*+"
"""Line breaks that a shell takes out before it reads on."""

BLANKS = re.compile(r"(?:[ \t]|\\\n)*+")
OPERATOR = re.compile(r"&&|\|\||\|&|\||;;&|;;|;&|;|&(?!>)|\n")
REDIRECT = re.compile(r"&>>|&>|<<<|<<-|<<|<>|<&|>>|>\||>&|<|>")
PROCESS_SUBSTITUTION = re.compile(rf"[<>]{CONTINUATIONS}\(")
ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z_0-9]*+(?:\[[^]]*+\])?\+?=")
STREAM_NAME = re.compile(r"[0-9]++|\{[A-Za-z_][A-Za-z_0-9]*+\}")


class Source:
    """A text that is read, how far it is read, and the place of each of its characters in the whole command."""

    __slots__ = ("_ends", "at", "places", "text")

    def __init__(self, text: str, places: Sequence[int]) -> None:
        self.text = text
        self.places = places
        self.at = 0
        self._ends: dict[int, int] | None = None

    def place(self, at: int | None = None) -> int:
        """Where in the whole command this source is read, or where another of its characters stands."""
        return self.places[self.at if at is None else at]

    def arithmetic_end(self, begin: int, limit: int) -> int | None:
        """Where the `))` stands that ends the `((` at `begin`; None where those are two brackets of their own."""
        if not self.text.startswith("((", begin, limit):
            return None
        if self._ends is None:
            self._ends = _bracket_ends(self.text)
        inner, outer = self._ends.get(begin + 1), self._ends.get(begin)
        return inner if inner is not None and outer == inner + 1 < limit else None

    def within_backticks(self, begin: int, end: int) -> Source:
        """What stands between two backticks, without the backslashes that those ask for."""
        inner = self.text[begin:end]
        places = self.places[begin : end + 1]
        if not _ESCAPED_IN_BACKTICKS.search(inner):
            return Source(inner, places)
        dropped = [match.start() for match in _ESCAPED_IN_BACKTICKS.finditer(inner)]
        kept: list[int] = []
        previous = 0
        for at in dropped:
            kept += places[previous:at]
            previous = at + 1
        kept += places[previous:]
        return Source(_ESCAPED_IN_BACKTICKS.sub(r"\1", inner), kept)


_ESCAPED_IN_BACKTICKS = re.compile(r"\\([\\`$])")


@dataclass(slots=True)
class Word:
    """A word of a command, as a shell would see it once quotes and backslashes are gone."""

    start: int  #: place of its first character
    piece: int  #: which piece it begins in
    gap: int = 0  #: where in its source the blanks before it begin
    text: str = ""
    end: int = 0
    is_quoted: bool = False  #: whether any of it was quoted or escaped
    is_expanded: bool = False  #: whether a shell replaces some of it when it runs
    has_pattern: bool = False
    has_braces: bool = False
    has_tilde: bool = False  #: whether it begins with a `~` that stands for a home
    fragments: list[str] = field(default_factory=list)

    def finish(self, end: int) -> None:
        """Put the text together; the word ends before this place."""
        self.text = "".join(self.fragments)
        self.fragments.clear()
        self.end = end
        braces = self.has_braces and self.text not in ("{}", "{") and ("," in self.text or ".." in self.text)
        self.has_braces = braces

    @property
    def is_bare(self) -> bool:
        """Whether it is written just as it is read."""
        return not (self.is_quoted or self.is_expanded)

    @property
    def is_uncertain(self) -> bool:
        """Whether a shell may make something else of it than what is written."""
        return self.is_expanded or self.has_pattern or self.has_braces


@dataclass(slots=True)
class Redirect:
    """A redirect: `target` is None where nothing follows the operator."""

    operator: str
    piece: int
    target: Word | None = None


@dataclass(slots=True)
class Command:
    """A simple command: its words and redirects."""

    scope: int  #: which shell or subshell it runs in
    joined: str  #: the operator before it
    piece: int
    runs: bool = True  #: whether its first word is a program (false for the words of `for`, `case` and the like)
    keyword: str = ""  #: the last keyword before its words
    keyword_piece: int = 0
    words: list[Word] = field(default_factory=list)
    redirects: list[Redirect] = field(default_factory=list)


@dataclass(slots=True)
class Piece:
    """A stretch of the whole command, from its first place to the next piece."""

    start: int
    marks: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Reading:
    """A command as it was read; `scopes` holds the scope around each scope."""

    pieces: list[Piece]
    commands: list[Command]
    scopes: list[int]


_BRACKETS = re.compile(r"\\[\s\S]|'[^']*+'?|\$?\(|\)|\"|'", re.DOTALL)


def _bracket_ends(text: str) -> dict[int, int]:
    """The closing bracket of each opening one, with quotes as a shell reads them."""
    ends: dict[int, int] = {}
    opened: list[tuple[int, bool]] = []
    is_quoted = False
    at = 0
    while match := _BRACKETS.search(text, at):
        sign, at = match.group(), match.end()
        if sign == '"':
            is_quoted = not is_quoted
        elif sign[0] == "'" and is_quoted:
            at = match.start() + 1
        elif sign == "$(" or (sign == "(" and not is_quoted):
            opened.append((at - 1, is_quoted))
            is_quoted = False
        elif sign == ")" and opened and not is_quoted:
            begin, is_quoted = opened.pop()
            ends[begin] = at - 1
    return ends


_ANSI_C = re.compile(
    r"\\(?:x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{1,4})|U([0-9A-Fa-f]{1,8})|([0-7]{1,3})|c([\s\S])|([\s\S]))"
)
_ANSI_C_LETTERS = dict(zip("abeEfnrtv", "\a\b\x1b\x1b\f\n\r\t\v", strict=True))


def without_ansi_c_escapes(text: str) -> str:
    """What stands between `$'` and `'`, with its escapes undone; a zero character ends it."""

    def character(match: re.Match[str]) -> str:
        byte, short, long, octal, control, letter = match.groups()
        if digits := byte or short or long:
            code = int(digits, 16)
            return chr(code) if code <= 0x10FFFF else match.group()
        if octal:
            return chr(int(octal, 8) & 0xFF)
        if control:
            return chr(ord(control) & 0x1F)
        if letter in _ANSI_C_LETTERS:
            return _ANSI_C_LETTERS[letter]
        return letter if letter in "\\'\"?" else match.group()

    return _ANSI_C.sub(character, text).split("\0", 1)[0] if "\\" in text else text


LONGEST_DELIMITER = 200
"""Characters of a here-document's last line beyond which it is not looked for."""


def here_document_end(
    text: str, begin: int, limit: int, delimiter: str, *, with_tabs: bool, in_substitution: bool
) -> tuple[int, int] | None:
    """Where a here-document's last line begins and ends; None where there is no such line.

    Within a substitution, bash also takes a line that goes on with the closing bracket.
    """
    if "\n" in delimiter:
        return None
    tabs = r"\t*+" if with_tabs else ""
    tail = r"(?=\n|\Z|[^\n]*\))" if in_substitution else r"(?=\n|\Z)"
    match = re.compile(f"(?m)^{tabs}{re.escape(delimiter)}{tail}").search(text, begin, limit)
    return match.span() if match else None
