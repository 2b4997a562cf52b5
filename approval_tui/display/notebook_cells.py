"""A notebook's cells as plain text, before and after an edit of Claude Code's tool NotebookEdit."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import NamedTuple

from approval_tui.display.patch_text import CannotApply
from approval_tui.domain.names import quoted_name

REPLACE = "replace"
INSERT = "insert"
DELETE = "delete"
MODES = (REPLACE, INSERT, DELETE)

ONLY_CELLS = "only the sources of the notebook's cells are compared"
OUTPUTS_REMOVED = "the outputs of the cell are removed"

_BY_PLACE = re.compile(r"cell-([0-9]{1,9})")


@dataclass(frozen=True)
class CellEdit:
    """A cell that is replaced, inserted or deleted."""

    mode: str
    source: str
    cell: str | None  #: its id, or `cell-N` by its place; for an insertion the one before it, if any
    cell_type: str | None


class _Cell(NamedTuple):
    identifier: str | None
    title: str  #: the row above its source
    cell_type: str
    source: str
    has_outputs: bool


def cells_before_and_after(edit: CellEdit, notebook: str) -> tuple[str, str, tuple[str, ...]]:
    """The cells of the notebook before and after the edit, and what is to be said of it; raises CannotApply."""
    cells = _cells(notebook)
    after = list(cells)
    notes = [ONLY_CELLS]
    if edit.mode == INSERT:
        place = 0 if edit.cell is None else _place_of(edit.cell, cells) + 1
        after.insert(place, _Cell(None, "new cell", edit.cell_type or "code", edit.source, False))
    elif edit.cell is None:
        raise CannotApply("the call does not say which cell")
    elif edit.mode == DELETE:
        del after[_place_of(edit.cell, cells)]
    else:
        place = _place_of(edit.cell, cells)
        cell = cells[place]
        after[place] = cell._replace(source=edit.source, cell_type=edit.cell_type or cell.cell_type)
        if cell.has_outputs and cell.cell_type == "code":
            notes.append(OUTPUTS_REMOVED)
    return _text(cells), _text(after), tuple(notes)


def _cells(notebook: str) -> list[_Cell]:
    try:
        document = json.loads(notebook, parse_constant=_refuse)
    except (ValueError, RecursionError):
        document = None
    cells = document.get("cells") if isinstance(document, dict) else None
    if not isinstance(cells, list):
        raise CannotApply("the file is no notebook")
    return [_cell(place, cell) for place, cell in enumerate(cells)]


def _cell(place: int, cell: object) -> _Cell:
    if isinstance(cell, dict):
        source, cell_type, identifier = cell.get("source"), cell.get("cell_type"), cell.get("id")
        if isinstance(source, list) and all(isinstance(line, str) for line in source):
            source = "".join(source)
        if isinstance(source, str) and isinstance(cell_type, str):
            identifier = identifier if isinstance(identifier, str) and identifier else None
            title = f"cell {_plain(identifier or f'cell-{place}')}"
            return _Cell(identifier, title, cell_type, source, bool(cell.get("outputs")))
    raise CannotApply(f"the file is no notebook: its cell {place} is none")


def _refuse(constant: str) -> None:
    raise ValueError(constant)  # JavaScript knows neither NaN nor infinities in JSON


def _place_of(name: str, cells: list[_Cell]) -> int:
    place = next((place for place, cell in enumerate(cells) if cell.identifier == name), None)
    by_place = _BY_PLACE.fullmatch(name)
    if place is None and by_place:
        place = int(by_place[1])
    if place is None or place >= len(cells):
        raise CannotApply("the notebook has no such cell")
    return place


def _text(cells: list[_Cell]) -> str:
    """Each cell below a row of its own, and indented, so that it cannot imitate such a row."""
    lines = []
    for cell in cells:
        lines.append(f"# {cell.title} ({_plain(cell.cell_type)})")
        lines += [f"  {line}" if line else "" for line in cell.source.split("\n")]
    return "".join(f"{line}\n" for line in lines)


def _plain(name: str) -> str:
    """The name on one line, in quotes unless it is a plain word."""
    return name if quoted_name(name) == name else json.dumps(name, ensure_ascii=False)
