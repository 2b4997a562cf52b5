"""What a reviewer's edit changed: the rows of both payloads, one below the other, each marked.

Rows are compared whole; the mark is a sign and not only a colour: `-` was, `+` is, two spaces stayed.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from approval_tui.display.glyphs import UNICODE, Glyphs
from approval_tui.display.payload import PayloadRow, payload_rows
from approval_tui.display.redaction import Redactor

REMOVED = "- "
ADDED = "+ "
KEPT = "  "

_MOST_COMPARED = 600
"""Rows beyond which the payloads are shown one after the other: comparing takes the cube of equal rows."""


class Diff(NamedTuple):
    """The rows of both payloads; where they were too many to be compared, none of them is said to have stayed."""

    rows: list[DiffRow]
    is_compared: bool


class DiffRow(NamedTuple):
    """One row of either payload, and whether it was, is, or stayed."""

    mark: str
    row: PayloadRow


def diff_rows(before: dict[str, Any], after: dict[str, Any], redactor: Redactor, glyphs: Glyphs = UNICODE) -> Diff:
    """The rows of both payloads in order; rows that stayed stand once.

    Rows are compared without masks, so that a changed secret is not taken for the same.
    """
    old, new = payload_rows(before, redactor, glyphs), payload_rows(after, redactor, glyphs)
    lifted = redactor.lifted()
    was, now = payload_rows(before, lifted), payload_rows(after, lifted)
    if len(old) + len(new) > _MOST_COMPARED or (len(was), len(now)) != (len(old), len(new)):
        return Diff([DiffRow(REMOVED, row) for row in old] + [DiffRow(ADDED, row) for row in new], False)
    from difflib import SequenceMatcher

    rows: list[DiffRow] = []
    for kind, old_begin, old_end, new_begin, new_end in SequenceMatcher(None, was, now, autojunk=False).get_opcodes():
        if kind == "equal":
            rows += [DiffRow(KEPT, row) for row in old[old_begin:old_end]]
        else:
            rows += [DiffRow(REMOVED, row) for row in old[old_begin:old_end]]
            rows += [DiffRow(ADDED, row) for row in new[new_begin:new_end]]
    return Diff(rows, True)
