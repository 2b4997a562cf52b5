"""What a coding agent's call would do to files: Claude Code's editing tools, and the `apply_patch` of Codex.

A reading aid beside the arguments: it decides nothing, and says so where it cannot be told. The tools are followed
as Claude Code 2.1 and Codex 0.169 have them.
"""

from __future__ import annotations

import os.path
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from approval_tui.display.notebook_cells import MODES, CellEdit, cells_before_and_after
from approval_tui.display.patch_text import ADDED, UPDATED, CannotApply, PatchedFile, parse_patch, patched_text

_NO_FILE = "there is no such file"
NORMALISED = "the file has lines that end in CR LF; here LF stands for them on both sides, as in the agent's tool"
LINE_END_REMOVED = "the agent's tool removes the line end after the removed text too"
OTHER_LINE_ENDS = (
    "the file has lines that do not end in LF alone; versions of the tool differ in what they make of them"
)
REPLACED = "the file is there already, and is replaced"
NAMED_AGAIN = "the patch names this file more than once; each part is compared with the file as it is now"
ELSEWHERE = "the patch says in which environment the file is; it is compared with the one of this machine"
MOVED_ONTO_ITSELF = "the file is moved onto itself, and the agent's tool then deletes it"


class Replacement(NamedTuple):
    """A text and what comes in its place."""

    old: str
    new: str
    is_everywhere: bool = False


@dataclass(frozen=True)
class Edits:
    """Replacements, one after the other; where one cannot be made, none is."""

    replacements: tuple[Replacement, ...]


@dataclass(frozen=True)
class NewText:
    """The file's whole text."""

    text: str


@dataclass(frozen=True)
class Unreadable:
    """A patch that says nothing, in words."""

    problem: str


@dataclass(frozen=True)
class FileChange:
    """What a call would do to one file; of an unreadable patch, the path is empty.

    Paths are the agent's, each as it wrote it and as an absolute one: None where that cannot be told.
    """

    path: str
    location: str | None
    action: Edits | NewText | CellEdit | PatchedFile | Unreadable
    moved_to: str | None = None
    moved_location: str | None = None
    notes: tuple[str, ...] = ()


class Comparison(NamedTuple):
    """Two texts to be compared, None for a file that is not there, and what is to be said of them."""

    before: str | None
    after: str | None
    notes: tuple[str, ...] = ()


def file_changes(tool: str, arguments: Mapping[str, Any], working_directory: str | None) -> tuple[FileChange, ...]:
    """The files that the call would change; none if the tool is no known one, or takes no such arguments."""
    read = _TOOLS.get(tool) if isinstance(tool, str) and isinstance(arguments, Mapping) else None
    return read(arguments, working_directory) if read else ()


def comparison(change: FileChange, before: str | None) -> Comparison:
    """The file's text before and after the call, in the form in which they tell most. Raises CannotApply."""
    action = change.action
    if isinstance(action, Edits):
        compared = _edited(action, before)
    elif isinstance(action, NewText):
        compared = Comparison(before, action.text)
    elif isinstance(action, CellEdit):
        if before is None:
            raise CannotApply(_NO_FILE)
        compared = Comparison(*cells_before_and_after(action, before))
    elif isinstance(action, PatchedFile):
        compared = _patched(action, before)
    else:
        raise CannotApply(action.problem)
    after = None if MOVED_ONTO_ITSELF in change.notes else compared.after
    return compared._replace(after=after, notes=change.notes + compared.notes)


# --- the arguments of the tools ----------------------------------------------------------------


def _edit(arguments: Mapping[str, Any], working_directory: str | None) -> tuple[FileChange, ...]:
    if not _has_shape(arguments, {"file_path": str, "old_string": str, "new_string": str}, {"replace_all": bool}):
        return ()
    return _change(arguments["file_path"], working_directory, Edits((_replacement(arguments),)))


def _multi_edit(arguments: Mapping[str, Any], working_directory: str | None) -> tuple[FileChange, ...]:
    edits = arguments.get("edits")
    if not _has_shape(arguments, {"file_path": str, "edits": list}, {}) or not edits:
        return ()
    if not all(_has_shape(edit, {"old_string": str, "new_string": str}, {"replace_all": bool}) for edit in edits):
        return ()
    return _change(arguments["file_path"], working_directory, Edits(tuple(map(_replacement, edits))))


def _write(arguments: Mapping[str, Any], working_directory: str | None) -> tuple[FileChange, ...]:
    if not _has_shape(arguments, {"file_path": str, "content": str}, {}):
        return ()
    return _change(arguments["file_path"], working_directory, NewText(arguments["content"]))


def _notebook_edit(arguments: Mapping[str, Any], working_directory: str | None) -> tuple[FileChange, ...]:
    optional = {"cell_id": str, "cell_type": str, "edit_mode": str}
    if not _has_shape(arguments, {"notebook_path": str, "new_source": str}, optional):
        return ()
    mode, cell_type = arguments.get("edit_mode", "replace"), arguments.get("cell_type")
    if mode not in MODES or cell_type not in (None, "code", "markdown"):
        return ()
    edit = CellEdit(mode, arguments["new_source"], arguments.get("cell_id") or None, cell_type)
    return _change(arguments["notebook_path"], working_directory, edit)


def _apply_patch(arguments: Mapping[str, Any], working_directory: str | None) -> tuple[FileChange, ...]:
    (patch,) = arguments.values() if len(arguments) == 1 else (None,)
    if next(iter(arguments), None) not in ("command", "input", "patch"):
        return ()
    if isinstance(patch, list) and patch and (len(patch) == 1 or patch[:-1] in (["apply_patch"], ["applypatch"])):
        patch = patch[-1]
    if not isinstance(patch, str):
        return ()
    try:
        files = parse_patch(patch)
    except CannotApply as problem:
        return (FileChange("", None, Unreadable(str(problem))),)
    if not files:
        return (FileChange("", None, Unreadable("the patch names no file")),)
    changes = tuple(_patch_change(file, working_directory) for file in files)
    times = Counter(place for change in changes for place in _places(change))
    return tuple(
        replace(change, notes=(*change.notes, NAMED_AGAIN))
        if any(times[place] > 1 for place in _places(change))
        else change
        for change in changes
    )


def _patch_change(file: PatchedFile, working_directory: str | None) -> FileChange:
    location = _location(file.path, working_directory)
    notes: tuple[str, ...] = (ELSEWHERE,) if file.is_elsewhere else ()
    if file.moved_to is None:
        return FileChange(file.path, location, file, notes=notes)
    moved_location = _location(file.moved_to, working_directory)
    is_same = file.path == file.moved_to or (location is not None and location == moved_location)
    notes += (MOVED_ONTO_ITSELF,) if is_same else ()
    return FileChange(file.path, location, file, file.moved_to, moved_location, notes)


def _places(change: FileChange) -> set[str]:
    """Where the change reads or writes, as far as it can be told."""
    places = {change.location or change.path}
    return places if change.moved_to is None else places | {change.moved_location or change.moved_to}


_TOOLS: dict[str, Callable[[Mapping[str, Any], str | None], tuple[FileChange, ...]]] = {
    "Edit": _edit,
    "MultiEdit": _multi_edit,
    "Write": _write,
    "NotebookEdit": _notebook_edit,
    "apply_patch": _apply_patch,
}

EDITING_TOOLS = frozenset(_TOOLS)
"""The tools whose calls change files, as `file_changes` knows them."""


def _has_shape(arguments: Any, required: Mapping[str, type], optional: Mapping[str, type]) -> bool:
    """Whether these are all the keys, and each has a value of its type."""
    if not isinstance(arguments, Mapping) or not all(key in arguments for key in required):
        return False
    types = {**required, **optional}
    return all(type(value) is types.get(key) for key, value in arguments.items())


def _replacement(arguments: Mapping[str, Any]) -> Replacement:
    return Replacement(arguments["old_string"], arguments["new_string"], arguments.get("replace_all", False))


def _change(path: str, working_directory: str | None, action: Edits | NewText | CellEdit) -> tuple[FileChange, ...]:
    return (FileChange(path, _location(path, working_directory), action),)


def _location(path: str, working_directory: str | None) -> str | None:
    """The path as an absolute one without `.` and `..`; None where the agent's tool may find another file by it."""
    if not path or path != path.strip() or path.split("/", 1)[0] == "~" or "\0" in path:
        return None
    if not os.path.isabs(path):
        if not isinstance(working_directory, str) or not os.path.isabs(working_directory) or "\0" in working_directory:
            return None
        path = os.path.join(working_directory, path)
    return re.sub("^//+", "/", os.path.normpath(path))


# --- what becomes of a text --------------------------------------------------------------------

_MOST_SEARCHED = 1_000_000_000
"""Characters that are looked through at most to follow the edits of one call."""

_COST_OF_EDIT = 64
"""What looking at one edit costs, in such characters."""

LARGEST_TEXT = 8 * 1024 * 1024
"""Characters that a text may have after the call; one that is replaced everywhere can make very many."""

_BARE_LINE_END = re.compile(r"(?<!\r)\n")
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
_STRAIGHT_QUOTES = str.maketrans("\u2018\u2019\u201c\u201d", "''\"\"")


def _edited(edits: Edits, before: str | None) -> Comparison:
    replacements = edits.replacements
    if before is None and replacements[0].old:
        raise CannotApply(_NO_FILE)
    notes: list[str] = []
    text = before or ""
    if "\r\n" in text and any(map(_touches_line_ends, replacements)):
        replacements = tuple(Replacement(_with_lf(old), _with_lf(new), every) for old, new, every in replacements)
        before = text = _with_lf(text)
        notes.append(NORMALISED)
    put_in: list[str] = []
    left, sizes = _MOST_SEARCHED, 0
    for number, edit in enumerate(replacements, 1):
        left -= 4 * len(text) + sizes
        try:
            if left < 0:
                raise CannotApply("there are too many edits to be followed here")
            text = _replaced(text, edit, put_in, notes)
        except CannotApply as problem:
            raise problem if len(replacements) == 1 else CannotApply(f"edit {number}: {problem}") from None
        put_in.append(edit.new)
        sizes += len(edit.new) + _COST_OF_EDIT
    return Comparison(before, text, tuple(dict.fromkeys(notes)))


def _touches_line_ends(edit: Replacement) -> bool:
    """Whether it makes a difference that the tool takes CR LF for LF: the end of a line that is removed goes too."""
    return not edit.new or any(_BARE_LINE_END.search(text) for text in (edit.old, edit.new))


def _with_lf(text: str) -> str:
    return text.replace("\r\n", "\n")


def _replaced(text: str, edit: Replacement, put_in: list[str], notes: list[str]) -> str:
    """The text after one replacement, as the tool makes it; what is to be said of it joins the notes."""
    old, new = edit.old, edit.new
    if old == new:
        raise CannotApply("the text to replace and the new one are the same")
    if not old:
        if text.strip():
            raise CannotApply("the file is there already, and is not empty")
        return new
    core = old.rstrip("\n")
    if core and any(core in each for each in put_in):
        raise CannotApply("it replaces what an edit before it puts in, which the agent's tool refuses")
    count = text.count(old)
    if not count:
        raise CannotApply(_words_of_missing(text, old))
    if count > 1 and not edit.is_everywhere:
        raise CannotApply(f"it is there {count:,} times, and only one is to be replaced")
    if len(text) + count * (len(new) - len(old)) > LARGEST_TEXT:
        raise CannotApply("the file would become too large to be compared here")
    if not new and not old.endswith("\n") and f"{old}\n" in text:
        old += "\n"
        notes.append(LINE_END_REMOVED)
    return text.replace(old, new)


def _words_of_missing(text: str, old: str) -> str:
    if _loosened(old) in _loosened(text):
        return (
            "the text to replace is in the file only with other quotation marks or escapes; "
            "the agent's tool may take them for the same"
        )
    return "the text to replace is not in the file"


def _loosened(text: str) -> str:
    return _ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), text).translate(_STRAIGHT_QUOTES)


def _patched(file: PatchedFile, before: str | None) -> Comparison:
    notes: tuple[str, ...] = ()
    if file.kind == UPDATED and before and "\r" in before:
        notes = (OTHER_LINE_ENDS,)
    elif file.kind == ADDED and before is not None:
        notes = (REPLACED,)
    return Comparison(before, patched_text(file, before), notes)
