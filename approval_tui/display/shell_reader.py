"""Reads a shell command into pieces and simple commands, as bash would tokenize it.

It goes once from left to right with a stack of its own, so that no input makes it recurse, and it gives up, with a
mark that says so, where a command is too deep, too long or unbalanced. It is a reading aid; see `shell_parts`.
"""

from __future__ import annotations

import re
from itertools import takewhile

from approval_tui.display.shell_tokens import (
    ASSIGNMENT,
    BACKGROUND,
    BLANKS,
    COMMENT,
    HERE_DOCUMENT,
    LONGEST_DELIMITER,
    NOT_PLAIN,
    NOT_READ,
    OPERATOR,
    PIPE,
    PROCESS_SUBSTITUTION,
    REDIRECT,
    STREAM_NAME,
    Command,
    Reading,
    Redirect,
    Word,
    here_document_end,
)
from approval_tui.display.shell_words import (
    ARRAY,
    BODY,
    BRACKETS,
    COMMANDS,
    Frame,
    Group,
    HereDocument,
    Unreadable,
    WordReader,
)

MOST_STEPS = 50_000
"""Fragments of words and operators that are read; the 128 KiB that Linux hands to a shell seldom have more."""

_STEPS_OF_HERE_DOCUMENT = 100

_WORD_RUN = re.compile(r"[^ \t\n\"'\\$`<>()&|;]++")
_TEST_RUN = re.compile(r"(?:[^ \t\n\"'\\$`;<>]++|[<>](?!\())++")
_TEST_END = re.compile(r"\]\](?=[ \t\n;&|<>()]|\Z)")
_NO_PARAMETERS = re.compile(r"\([ \t]*+\)")
_COMMENT_TEXT = re.compile(r"[^\n]*+")

_PREFIX_KEYWORDS = frozenset(
    {"if", "then", "elif", "else", "fi", "while", "until", "do", "done", "!", "coproc", "time"}
)
_KEYWORDS_WITH_WORDS = frozenset({"for", "select", "function", "case"})


def read_shell(command: str) -> Reading:
    """The pieces and simple commands of a shell command; never raises."""
    return _Reader(command).read()


class _Reader(WordReader):
    def __init__(self, command: str) -> None:
        super().__init__(command)
        self.commands: list[Command] = []
        self.steps = 0

    def read(self) -> Reading:
        try:
            while self.frames:
                self.steps += 1
                frame = self.frames[-1]
                if self.steps > MOST_STEPS:
                    raise Unreadable(frame.source.place(), "it is too long")
                if frame.kind != COMMANDS:
                    self.read_text(frame)
                elif frame.word is not None:
                    self._read_word(frame, frame.word)
                else:
                    self._read_command(frame)
        except Unreadable as stop:
            self._give_up(stop)
        return Reading(self.pieces, self.commands, self.scopes)

    def _give_up(self, stop: Unreadable) -> None:
        """The rest from a place on becomes one piece; what was read there is forgotten."""
        while len(self.pieces) > 1 and self.pieces[-1].start >= stop.place:
            self.pieces.pop()
        last = self.cut(stop.place)
        last.marks[:] = [f"{NOT_PLAIN}: {stop.reason}", NOT_READ]
        kept = len(self.pieces) - 1
        self.commands = [command for command in self.commands if command.piece < kept]
        for command in self.commands:
            command.words = [word for word in command.words if word.piece < kept and word.end <= stop.place]
            command.redirects = [redirect for redirect in command.redirects if redirect.piece < kept]

    def _read_command(self, frame: Frame) -> None:
        """One step where no word is open: blanks, then an operator, a bracket, a comment or a word's beginning."""
        source, text = frame.source, frame.source.text
        if frame.bodies:
            self._open_body(frame, frame.bodies.pop(0))
            return
        gap = source.at if frame.gap is None else frame.gap
        frame.gap = None
        blanks = BLANKS.match(text, source.at, frame.limit)
        source.at = at = blanks.end() if blanks else source.at
        if at >= frame.limit:
            self._end_of_text(frame)
            return
        if text[at] == "#":
            self.cut(source.place(gap)).marks.append(COMMENT)
            comment = _COMMENT_TEXT.match(text, at, frame.limit)
            source.at = comment.end() if comment else at
            self.cut(source.place())
        elif frame.is_test and text[at] == ";":
            raise self.unclosed(source.place(), ";")
        elif frame.is_test and _TEST_END.match(text, at, frame.limit):
            frame.is_test = False
            frame.groups.pop()
            source.at += 2
        elif (frame.is_test and text[at] != "\n") or PROCESS_SUBSTITUTION.match(text, at, frame.limit):
            self._begin_word(frame, gap)
        elif redirect := REDIRECT.match(text, at, frame.limit):
            self._redirect(frame, redirect, gap)
        elif operator := OPERATOR.match(text, at, frame.limit):
            frame.redirect = None
            self._operator(frame, operator, gap)
        elif text[at] == "(":
            self._open_bracket(frame, gap)
        elif text[at] == ")":
            self._close_bracket(frame)
        else:
            self._begin_word(frame, gap)

    def _command(self, frame: Frame) -> Command:
        """The simple command that is being read."""
        if frame.command is None:
            frame.command = Command(frame.scope, frame.joined, len(self.pieces) - 1)
            self.commands.append(frame.command)
        return frame.command

    def _next_command(self, frame: Frame, joined: str) -> None:
        frame.command = None
        frame.joined = joined

    def _operator(self, frame: Frame, match: re.Match[str], gap: int) -> None:
        source, operator = frame.source, match.group()
        source.at = match.end()
        case = frame.case
        if operator == "\n":
            is_awaited = frame.command is None and frame.joined in ("|", "|&", "&&", "||")
            if not is_awaited or frame.pending:
                self.cut(source.place())
            if not (is_awaited or frame.is_test):
                self._next_command(frame, operator)
            frame.bodies += frame.pending
            frame.pending.clear()
        elif operator == "|" and case and case.state == "pattern":
            pass
        elif operator in (";;", ";&", ";;&"):
            self._next_command(frame, operator)
            self.cut(source.place())
            if case:
                case.state = "pattern"
        elif operator == "&":
            self._next_command(frame, operator)
            self.pieces[-1].marks.append(BACKGROUND)
            self.cut(source.place())
        else:
            self._next_command(frame, operator)
            piece = self.cut(source.place(gap))
            if operator in ("|", "|&"):
                piece.marks.append(PIPE)

    def _redirect(self, frame: Frame, match: re.Match[str], gap: int) -> None:
        self.cut(frame.source.place(gap))
        frame.redirect = Redirect(match.group(), len(self.pieces) - 1)
        self._command(frame).redirects.append(frame.redirect)
        frame.source.at = match.end()

    def _open_bracket(self, frame: Frame, gap: int) -> None:
        """A `(` that no word stands before: arithmetic, a function's parameters, a pattern's, or a subshell."""
        source, at = frame.source, frame.source.at
        command, case = frame.command, frame.case
        if case and case.state == "pattern":
            source.at += 1
        elif source.arithmetic_end(at, frame.limit) is not None:
            self._begin_word(frame, gap)
            self._command(frame).runs = False
        elif parameters := _NO_PARAMETERS.match(source.text, at, frame.limit):
            if command is not None:
                command.runs = False
            self._next_command(frame, "")
            source.at = parameters.end()
        elif frame.redirect is not None or (command is not None and (command.words or command.redirects)):
            raise Unreadable(source.place(), "( stands where no bracket can")
        else:
            source.at += 1
            self.open_commands(frame, "(", at, pending=frame.pending)
            self._next_command(frame, "(")

    def _close_bracket(self, frame: Frame) -> None:
        source, case = frame.source, frame.case
        if case and case.state == "pattern":
            case.state = "body"
            source.at += 1
            self._next_command(frame, ")")
            return
        if not frame.opener:
            raise Unreadable(source.place(), ") closes nothing")
        if frame.groups:
            raise self.unclosed(source.place(), ")")
        source.at += 1
        self._leave(frame)

    def _end_of_text(self, frame: Frame) -> None:
        if frame.opener or frame.groups:
            raise self.unclosed(frame.source.place(), frame.opener)
        self._leave(frame)

    def _leave(self, frame: Frame) -> None:
        """Commands came to their end; what is around them goes on in a piece of its own."""
        self.frames.pop()
        if not self.frames:
            return
        around = self.frames[-1]
        if frame.pending is not around.pending:
            self.commands_around().pending += frame.pending
        piece = self.cut(around.source.place())
        if self._is_in_body():
            piece.marks.append(HERE_DOCUMENT)

    def _is_in_body(self) -> bool:
        """Whether what is read next is text of a here-document."""
        texts = takewhile(lambda frame: frame.kind != COMMANDS, reversed(self.frames))
        return any(frame.kind == BODY for frame in texts)

    def _open_body(self, frame: Frame, document: HereDocument) -> None:
        source, begin = frame.source, frame.source.at
        self.steps += _STEPS_OF_HERE_DOCUMENT
        if len(document.delimiter) > LONGEST_DELIMITER:
            raise Unreadable(source.place(), "the end of a here-document is too long a word")
        piece = self.cut(source.place())
        piece.marks.append(HERE_DOCUMENT)
        found = here_document_end(
            source.text,
            begin,
            frame.limit,
            document.delimiter,
            with_tabs=document.with_tabs,
            in_substitution=frame.is_substitution,
        )
        if found is None:
            piece.marks.append(f"{NOT_PLAIN}: a here-document is not closed")
        end, resume = found or (frame.limit, frame.limit)
        if resume < frame.limit and source.text[resume] == "\n":
            resume += 1
        if document.is_quoted:
            source.at = resume
            self.cut(source.place())
        else:
            self.push(Frame(BODY, source, end, word=Word(source.place(), 0), resume=resume))

    def _begin_word(self, frame: Frame, gap: int) -> None:
        frame.word = Word(frame.source.place(), len(self.pieces) - 1, gap)

    def _read_word(self, frame: Frame, word: Word) -> None:
        """One fragment of a word, or its end."""
        source, text, at = frame.source, frame.source.text, frame.source.at
        if run := (_TEST_RUN if frame.is_test else _WORD_RUN).match(text, at, frame.limit):
            plain = run.group()
            word.has_tilde = word.has_tilde or (not word.fragments and plain[0] == "~")
            word.has_pattern = word.has_pattern or "*" in plain or "?" in plain or "[" in plain
            word.has_braces = word.has_braces or "{" in plain
            word.fragments.append(plain)
            source.at = run.end()
        elif at >= frame.limit or text[at] in " \t\n;|&":
            self._end_word(frame, word)
        elif text[at] in "<>":
            if not self.process_substitution(frame, word):
                self._end_word(frame, word)
        elif text[at] == "(":
            self._bracket_in_word(frame, word)
        elif text[at] == ")":
            self._end_word(frame, word)
        else:
            self.read_quote(frame, word)

    def _bracket_in_word(self, frame: Frame, word: Word) -> None:
        """A `(` that a word stands before: a function's parameters, an array, a pattern; or arithmetic."""
        source = frame.source
        parameters = _NO_PARAMETERS.match(source.text, source.at, frame.limit)
        if not word.fragments and (end := source.arithmetic_end(source.at, frame.limit)) is not None:
            self.open_arithmetic(frame, source.at, end, word)
        elif parameters and frame.redirect is None and not (frame.command and frame.command.words):
            frame.word = None
            self._next_command(frame, "")
            source.at = parameters.end()
        else:
            kind = ARRAY if word.fragments and ASSIGNMENT.fullmatch(word.fragments[-1]) else BRACKETS
            self.open_text(frame, kind, "(", 1, word)

    def _end_word(self, frame: Frame, word: Word) -> None:
        """The word is whole: it is a stream's number, a redirect's target, a keyword, or one of a command's words."""
        source = frame.source
        word.finish(source.place())
        frame.word = None
        following = source.text[source.at : min(source.at + 1, frame.limit)]
        if following in ("<", ">") and not frame.is_test and word.is_bare and STREAM_NAME.fullmatch(word.text):
            frame.gap = word.gap
        elif frame.redirect is not None:
            self._end_redirect(frame, frame.redirect, word)
        elif frame.case and frame.case.state == "pattern":
            if word.is_bare and word.text == "esac":
                frame.groups.pop()
        elif frame.command is None or not (frame.command.words or frame.command.redirects):
            self._first_word(frame, word)
        else:
            self._later_word(frame, frame.command, word)

    def _end_redirect(self, frame: Frame, redirect: Redirect, target: Word) -> None:
        redirect.target = target
        frame.redirect = None
        if redirect.operator in ("<<", "<<-"):
            delimiter = self.whole[target.start : target.end] if target.is_expanded else target.text
            frame.pending.append(HereDocument(delimiter, target.is_quoted, redirect.operator == "<<-"))
        self.cut(frame.source.place())

    def _first_word(self, frame: Frame, word: Word) -> None:
        command = self._command(frame)
        keyword = word.text if word.is_bare else ""
        if keyword in _PREFIX_KEYWORDS or (command.keyword == "time" and keyword.startswith("-")):
            command.keyword, command.keyword_piece = (keyword if keyword[0] != "-" else "time"), word.piece
        elif keyword in _KEYWORDS_WITH_WORDS:
            command.keyword, command.keyword_piece = keyword, word.piece
            command.runs = False
            if keyword == "case":
                frame.groups.append(Group(word.start, "case", "head"))
        elif keyword == "{":
            frame.groups.append(Group(word.start, "{"))
        elif keyword in ("}", "esac"):
            if not frame.groups or frame.groups.pop().opener != {"}": "{", "esac": "case"}[keyword]:
                raise Unreadable(word.start, f"{keyword} closes nothing")
        else:
            if keyword == "[[":
                frame.is_test = True
                frame.groups.append(Group(word.start, "[["))
            self._later_word(frame, command, word)

    def _later_word(self, frame: Frame, command: Command, word: Word) -> None:
        command.words.append(word)
        if command.keyword == "function":
            self._next_command(frame, "")
        elif (
            frame.case and frame.case.state == "head" and word.is_bare and word.text == "in" and len(command.words) > 1
        ):
            frame.case.state = "pattern"
            self._next_command(frame, "")
