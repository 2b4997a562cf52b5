"""What helps to read a coding agent's call, beside its arguments: the parts of a command, and what becomes of files.

Aids are for reading: they stand beside the arguments and in place of none, and decide nothing. Each row has a lead of
ours before it, so that no text of an agent can pass for a row of ours.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from approval_tui.display import unified_diff as diff
from approval_tui.display.file_changes import EDITING_TOOLS, CannotApply, FileChange, comparison, file_changes
from approval_tui.display.glyphs import UNICODE, Glyphs
from approval_tui.display.project_paths import where_path_lies
from approval_tui.display.redaction import Redactor
from approval_tui.display.shell_parts import shell_parts
from approval_tui.domain.coding_agents import CODING_AGENTS
from approval_tui.domain.errors import StoreCorrupt
from approval_tui.domain.lifecycle import APPROVED, PENDING
from approval_tui.domain.models import Request

PLAIN, NOTE, MARK = "plain", "note", "mark"
REMOVED, ADDED = diff.REMOVED, diff.ADDED

MOST_PARTS = 200
"""Parts of a command that are listed; one more row then says how many there are."""

MOST_FILES = 50
"""Files of a patch that are compared; one more row then says how many there are."""

SHELL_TOOLS = ("bash", "shell", "sh", "exec_command", "run_command", "execute_command", "local_shell")
_COMMANDS = ("command", "cmd")
_PATHS = ("file_path", "notebook_path", "path", "directory", "workdir", "cwd")
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

    `read` gives what stands at an absolute path; it may take its time.
    """
    try:
        arguments, context = request.effective_arguments, request.context
    except StoreCorrupt:
        return ()
    folder = context.get("working_directory")
    folder = folder if isinstance(folder, str) else None
    if request.tool.lower() in SHELL_TOOLS:
        commands = [arguments[key] for key in _COMMANDS if isinstance(arguments.get(key), str)]
        return tuple(aid for command in commands for aid in _command_aids(command, folder, home, redactor, glyphs))
    if request.server not in CODING_AGENTS:
        return ()
    if request.tool in EDITING_TOOLS:
        if request.status not in (PENDING, APPROVED):
            return ()
        changes = file_changes(request.tool, arguments, folder)
        aids = [_file_aid(change, read, folder, home, redactor, glyphs) for change in changes[:MOST_FILES]]
        if not changes:
            aids.append(Aid("what it would change", (AidRow("", "the arguments are not those of this tool", NOTE),)))
        if len(changes) > MOST_FILES:
            more = AidRow("", f"{len(changes) - MOST_FILES} more, which the arguments show", NOTE)
            aids.append(Aid("further files", (more,)))
        return tuple(aids)
    rows = tuple(
        row
        for key in _PATHS
        if isinstance(path := arguments.get(key), str)
        for row in _whereabouts(f"{key}: ", path, folder, home)
    )
    return (Aid("where its paths lead", rows),) if rows else ()


def _command_aids(
    command: str, folder: str | None, home: str | None, redactor: Redactor, glyphs: Glyphs
) -> tuple[Aid, ...]:
    """The parts of a command, each behind a bar and below its marks; none where it is one part without a mark."""
    parts = shell_parts(command, folder, home, ascii_only=glyphs.is_ascii)
    if not any(part.marks for part in parts) and len(parts) < 2:
        return ()
    rows: list[AidRow] = []
    texts = redactor.redact_pieces([part.text for part in parts], glyphs)
    for part, text in zip(parts[:MOST_PARTS], texts, strict=False):
        if part.marks:
            rows.append(AidRow("", redactor.redact(", ".join(part.marks), glyphs), MARK))
        rows += [AidRow(glyphs.bar, glyphs.visible(line), PLAIN) for line in text.strip("\n").split("\n")]
    if len(parts) > MOST_PARTS:
        rows.append(AidRow("", f"{len(parts) - MOST_PARTS:,} more parts, which the arguments show", NOTE))
    return (Aid("the parts of the command", tuple(rows)),)


def _file_aid(
    change: FileChange, read: ReadFile, folder: str | None, home: str | None, redactor: Redactor, glyphs: Glyphs
) -> Aid:
    """What becomes of one file, against what is on disk now."""

    def path_row(path: str) -> AidRow:
        return AidRow(glyphs.bar, glyphs.visible(redactor.redact(path, glyphs)), PLAIN)

    def refused(why: str) -> Aid:
        return Aid("what it would change", (*rows, AidRow("", f"{why}; nothing is compared here", NOTE)))

    rows: list[AidRow] = []
    if change.path:
        rows += [path_row(change.path), *_whereabouts("", change.path, folder, home)]
        if change.location is None:
            return refused("where it is cannot be told")
    if change.moved_to is not None:
        rows += [AidRow("", "and is moved to", NOTE), path_row(change.moved_to)]
        rows += _whereabouts("", change.moved_to, folder, home)
        if change.moved_location is not None and not read(change.moved_location).is_missing:
            rows.append(AidRow("", "something is there already", MARK))
    before: str | None = None
    if change.location is not None:
        found = read(change.location)
        before = found.text
        real_folder = None if folder is None else read(folder).real_path
        if found.real_path not in (None, change.location, _moved(change.location, folder, real_folder)):
            assert found.real_path is not None
            rows += [AidRow("", "a link on the way leads to", MARK), path_row(found.real_path)]
            rows += _whereabouts("", found.real_path, real_folder, home)
        if found.problem is not None and not found.is_missing:
            return refused(found.problem)
        if found.problem is not None:
            rows.append(AidRow("", found.problem, NOTE))
    try:
        compared = comparison(change, before)
    except CannotApply as error:
        return Aid("what it would change", (*rows, AidRow("", f"it cannot be done: {error}", MARK)))
    rows += [AidRow("", note, NOTE) for note in compared.notes]
    rows += [
        AidRow(_LEADS[line.kind], line.text, _ROLES[line.kind])
        for line in diff.unified_diff(compared.before, compared.after, redactor, glyphs)
    ]
    return Aid("what it would change in the file on disk", tuple(rows))


def _moved(location: str, folder: str | None, real_folder: str | None) -> str | None:
    """Where a path of the project is if only the project's own folder is reached through a link."""
    if folder is None or real_folder is None or not location.startswith(f"{folder}/"):
        return None
    return real_folder + location[len(folder) :]


def _whereabouts(what: str, path: str, folder: str | None, home: str | None) -> list[AidRow]:
    where = where_path_lies(path, folder, home)
    return [] if where is None else [AidRow("", f"{what}{where}", MARK)]
