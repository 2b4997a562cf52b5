"""What helps to read a coding agent's call, beside its arguments: the parts of a command, and what becomes of files.

Aids are for reading: they stand beside the arguments and in place of none, and decide nothing. Each row has a lead of
ours before it, so that no text of an agent can pass for a row of ours.
"""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NamedTuple, Protocol

from approval_tui.display import unified_diff as diff
from approval_tui.display.file_changes import EDITING_TOOLS, FileChange, comparison, file_changes
from approval_tui.display.glyphs import UNICODE, Glyphs
from approval_tui.display.patch_text import CannotApply
from approval_tui.display.project_paths import CANNOT_BE_TOLD, OUTSIDE, where_path_lies
from approval_tui.display.redaction import Redactor
from approval_tui.display.shell_parts import shell_parts
from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.coding_agents import CODING_AGENTS
from approval_tui.domain.errors import StoreCorrupt
from approval_tui.domain.lifecycle import APPROVED, PENDING
from approval_tui.domain.models import Request

PLAIN, NOTE, MARK = "plain", "note", "mark"
REMOVED, ADDED = diff.REMOVED, diff.ADDED

MOST_PARTS = 200
"""Parts of a command that are listed; one more row then says how many there are."""

MOST_ROWS = 5_000
MOST_CHARACTERS = 500_000
"""Rows and characters of all aids to one request; one more row then says how many rows there are."""

MOST_FILES = 50
"""Files of a patch that are compared; one more row then says how many there are."""

SHELL_TOOLS = ("bash", "shell", "sh", "exec_command", "run_command", "execute_command", "local_shell")
_COMMANDS = ("command", "cmd")
_FOLDERS = ("workdir", "cwd")
_PATHS = ("file_path", "notebook_path", "path", "directory", "workdir", "cwd")
_PARTS = "the parts of the command"
_NOT_COMPARED = "what it would change"
_MASKED_BY_NAME = "an argument is masked by its name, and so is not looked into here; without masks it is"
_LEADS = {diff.KEPT: "  ", diff.REMOVED: "- ", diff.ADDED: "+ ", diff.HUNK: "", diff.NOTE: ""}
_ROLES = {diff.KEPT: PLAIN, diff.REMOVED: REMOVED, diff.ADDED: ADDED, diff.HUNK: NOTE, diff.NOTE: NOTE}


class AidRow(NamedTuple):
    """One row before wrapping: what of ours stands before it, its text, safe to show, and what it is."""

    lead: str
    text: str
    role: str


class Aid(NamedTuple):
    """One aid: its title, in our words, and its rows."""

    title: str
    rows: tuple[AidRow, ...]


class FileAsItIs(Protocol):
    """What stands at a path now; the text is None where the file is missing, or where a problem says why."""

    @property
    def text(self) -> str | None: ...
    @property
    def problem(self) -> str | None: ...
    @property
    def real_path(self) -> str | None: ...
    @property
    def is_missing(self) -> bool: ...


ReadFile = Callable[[str], FileAsItIs]


def has_reading_aids(request: Request) -> bool:
    """Whether there may be any, without a look at a file."""
    return request.server in CODING_AGENTS or request.tool.lower() in SHELL_TOOLS


def reading_aids(
    request: Request, read: ReadFile, redactor: Redactor, glyphs: Glyphs = UNICODE, *, home: str | None = None
) -> tuple[Aid, ...]:
    """The aids to a request; those about files only while it can still run, as they compare with what is there now.

    `read` gives what stands at an absolute path; it may take its time, and is asked once for each.
    """
    try:
        arguments, context = request.effective_arguments, request.context
    except StoreCorrupt:
        return ()
    folder = context.get("working_directory")
    maker = _AidMaker(
        read=cache(read),
        redactor=redactor.knowing(value for _, value in _named_values(arguments) if isinstance(value, str)),
        glyphs=glyphs,
        folder=folder if isinstance(folder, str) else None,
        home=home,
    )
    if request.tool.lower() in SHELL_TOOLS:
        aids = maker.of_commands(arguments)
    elif request.server not in CODING_AGENTS:
        aids = []
    elif request.tool not in EDITING_TOOLS:
        aids = maker.of_paths(arguments)
    elif request.status in (PENDING, APPROVED):
        aids = maker.of_files(request.tool, arguments)
    else:
        aids = []
    return tuple(_within_bounds(aids))


class _AidMaker(NamedTuple):
    """What all aids of one request share."""

    read: ReadFile
    redactor: Redactor
    glyphs: Glyphs
    folder: str | None
    home: str | None

    # --- commands ------------------------------------------------------------------------------

    def of_commands(self, arguments: JsonObject) -> list[Aid]:
        """The parts of a command, each behind a bar and below its marks; none where it is one part without a mark."""
        key = next((key for key in _COMMANDS if key in arguments), None)
        command = None if key is None else _as_one_text(arguments[key])
        if key is None or command is None:
            return []
        if self.redactor.is_secret_name(key):
            return [Aid(_PARTS, (AidRow("", _MASKED_BY_NAME, NOTE),))]
        rows: list[AidRow] = []
        maker = self
        for name in _FOLDERS:
            if isinstance(folder := arguments.get(name), str):
                rows += self._whereabouts(f"{name}: ", folder)
                maker = self._replace(folder=posixpath.join(self.folder or "", folder))
        rows += maker._parts_of(command)
        return [Aid(_PARTS, tuple(rows))] if rows else []

    def _parts_of(self, command: str) -> Iterator[AidRow]:
        parts = shell_parts(command, self.folder, self.home, ascii_only=self.glyphs.is_ascii)
        if not any(part.marks for part in parts) and len(parts) < 2:
            return
        texts = self.redactor.redact_pieces([part.text for part in parts], self.glyphs)
        for part, text in zip(parts[:MOST_PARTS], texts, strict=False):
            of_paths = [mark for mark in part.marks if mark.startswith((f"{OUTSIDE}: ", f"{CANNOT_BE_TOLD}: "))]
            plain = [mark for mark in part.marks if mark not in of_paths]
            if plain:
                yield AidRow("", ", ".join(plain), MARK)
            for mark in of_paths:
                what, _, path = mark.partition(": ")
                yield AidRow("", what if text != part.text else f'{what}: "{path}"', MARK)
            for line in text.strip("\n").split("\n"):
                yield AidRow(self.glyphs.bar, self.glyphs.visible(line), PLAIN)
        if len(parts) > MOST_PARTS:
            yield AidRow("", f"{len(parts) - MOST_PARTS:,} more parts, which the arguments show", NOTE)

    # --- files ---------------------------------------------------------------------------------

    def of_paths(self, arguments: JsonObject) -> list[Aid]:
        """Which of the arguments that are paths lie outside of the project, by their spelling."""
        rows = [
            row
            for key in _PATHS
            if isinstance(path := arguments.get(key), str)
            for row in self._whereabouts(f"{key}: ", path)
        ]
        return [Aid("its paths, by their spelling", tuple(rows))] if rows else []

    def of_files(self, tool: str, arguments: JsonObject) -> list[Aid]:
        """What becomes of each file that the call would change."""
        if any(self.redactor.is_secret_name(name) for name, _ in _named_values(arguments)):
            return [Aid(_NOT_COMPARED, (AidRow("", _MASKED_BY_NAME, NOTE),))]
        changes = file_changes(tool, arguments, self.folder)
        if not changes:
            return [Aid(_NOT_COMPARED, (AidRow("", "the arguments are not those of this tool", NOTE),))]
        compared: dict[object, Aid] = {}  # a patch may name one file very often
        for change in changes[:MOST_FILES]:
            if change not in compared:
                compared[change] = self._of_file(change)
        aids = [compared[change] for change in changes[:MOST_FILES]]
        if len(changes) > MOST_FILES:
            more = AidRow("", f"{len(changes) - MOST_FILES} more, which the arguments show", NOTE)
            aids.append(Aid("further files", (more,)))
        return aids

    def _of_file(self, change: FileChange) -> Aid:
        rows: list[AidRow] = []
        if change.path:
            rows += [self._path_row(change.path), *self._whereabouts("", change.path)]
            if change.location is None:
                return _not_compared(rows, "where it is cannot be told")
        if change.moved_to is not None:
            rows += [AidRow("", "and is moved to", NOTE), self._path_row(change.moved_to)]
            rows += self._whereabouts("", change.moved_to)
            if change.moved_location is None:
                rows.append(AidRow("", "where that is cannot be told", MARK))
            else:
                rows += self._links(change.moved_location)
                if not self.read(change.moved_location).is_missing:
                    rows.append(AidRow("", "something is there already", MARK))
        before: str | None = None
        if change.location is not None:
            found = self.read(change.location)
            before = found.text
            rows += self._links(change.location)
            if found.problem is not None and not found.is_missing:
                return _not_compared(rows, found.problem)
            if found.problem is not None:
                rows.append(AidRow("", found.problem, NOTE))
        try:
            compared = comparison(change, before)
        except CannotApply as error:
            return Aid(_NOT_COMPARED, (*rows, AidRow("", f"it cannot be done: {error}", MARK)))
        rows += [AidRow("", note, NOTE) for note in compared.notes]
        rows += [
            AidRow(_LEADS[line.kind], line.text, _ROLES[line.kind])
            for line in diff.unified_diff(compared.before, compared.after, self.redactor, self.glyphs)
        ]
        return Aid("what it would change in the file on this machine", tuple(rows))

    def _links(self, location: str) -> list[AidRow]:
        """Where the path really leads, if that is elsewhere and not only through a link of the project's folder."""
        real_path = self.read(location).real_path
        real_folder = None if self.folder is None else self.read(self.folder).real_path
        is_below = self.folder is not None and location.startswith(f"{self.folder}/")
        below = real_folder + location[len(self.folder) :] if is_below and self.folder and real_folder else None
        if real_path in (None, location, below):
            return []
        assert real_path is not None
        rows = [AidRow("", "a link on the way leads to", MARK), self._path_row(real_path)]
        return rows + self._replace(folder=real_folder)._whereabouts("", real_path)

    def _path_row(self, path: str) -> AidRow:
        return AidRow(self.glyphs.bar, self.glyphs.visible(self.redactor.redact(path, self.glyphs)), PLAIN)

    def _whereabouts(self, what: str, path: str) -> list[AidRow]:
        where = where_path_lies(path, self.folder, self.home)
        return [] if where is None else [AidRow("", f"{what}{where}", MARK)]


def _named_values(arguments: JsonObject) -> Iterator[tuple[str, Any]]:
    """Every value of the arguments, at any depth, with the key that stands above it."""
    left: list[tuple[str, Any]] = list(arguments.items())
    while left:
        name, value = left.pop()
        yield name, value
        if isinstance(value, dict):
            left += value.items()
        elif isinstance(value, list):
            left += [(name, item) for item in value]


def _not_compared(rows: list[AidRow], why: str) -> Aid:
    return Aid(_NOT_COMPARED, (*rows, AidRow("", f"{why}; nothing is compared here", NOTE)))


def _as_one_text(command: Any) -> str | None:
    """The command as a shell would read it: a text, or the words of one; None where it is neither."""
    if isinstance(command, str):
        return command
    if isinstance(command, list) and command and all(isinstance(word, str) for word in command):
        return shlex.join(command)
    return None


def _within_bounds(aids: list[Aid]) -> Iterator[Aid]:
    """The aids up to so many rows and characters, as they are drawn beside the keys; what is left out is said."""
    rows_left, characters_left = MOST_ROWS - 1, MOST_CHARACTERS
    for aid in aids:
        rows: list[AidRow] = []
        for row in aid.rows[:rows_left]:
            characters_left -= len(row.text)
            if characters_left < 0:
                break
            rows.append(row)
        rows_left -= len(rows)
        if len(rows) < len(aid.rows):
            hidden = AidRow("", f"{len(aid.rows) - len(rows):,} more rows, which the arguments show", NOTE)
            yield Aid(aid.title, (*rows, hidden))
            return
        yield aid
