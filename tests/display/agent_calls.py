"""Calls of coding agents, and a disk that a test makes up."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any, NamedTuple

from approval_tui.display.glyphs import UNICODE, Glyphs
from approval_tui.display.reading_aids import Aid, AidRow, reading_aids
from approval_tui.display.redaction import Redactor
from approval_tui.domain.coding_agents import CLAUDE_CODE, CODEX
from approval_tui.domain.models import Request
from tests.display.requests import a_request

PROJECT = "/work"
FILE = "/work/f.py"
TEXT = "one\ntwo\nthree\n"
HOME = "/home/ann"
CHANGED = "what it would change in the file on this machine"
NOT_COMPARED = "what it would change"
PARTS = "the parts of the command"
PATHS = "its paths, by their spelling"
OUTSIDE = "outside the project"
CANNOT_BE_TOLD = "cannot be told whether outside the project"


class Found(NamedTuple):
    """What the made-up disk says of a path."""

    text: str | None
    problem: str | None = None
    real_path: str | None = None
    is_missing: bool = False


class Disk:
    """Files by their paths, and links: the first folder of each that leads elsewhere, and where to."""

    def __init__(self, files: Mapping[str, str | Found], links: Mapping[str, str] | None = None) -> None:
        self._files = files
        self._links = links or {}
        self.reads: list[str] = []

    def read(self, location: str) -> Found:
        """What stands there, as `read_for_review` says it."""
        self.reads.append(location)
        real = location
        for link, target in self._links.items():
            if location == link or location.startswith(f"{link}/"):
                real = target + location[len(link) :]
        found = self._files.get(real)
        if isinstance(found, Found):
            return found._replace(real_path=real)
        if found is not None:
            return Found(found, None, real)
        if any(path.startswith(f"{real}/") for path in self._files):
            return Found(None, "it is a folder", real)
        parent = posixpath.dirname(real)
        is_folder = any(path.startswith(f"{parent}/") for path in (*self._files, f"{PROJECT}/x"))
        return Found(None, None if is_folder else "its folder is not there either", real, is_missing=True)


def agent_call(tool: str, arguments: Mapping[str, Any], **fields: Any) -> Request:
    """A request of Claude Code in /work, with other fields where they are given."""
    return a_request(
        **{"server": CLAUDE_CODE, "context": {"working_directory": PROJECT}, **fields},
        tool=tool,
        arguments=dict(arguments),
    )


def aids_of(
    request: Request,
    disk: Disk | None = None,
    redactor: Redactor | None = None,
    glyphs: Glyphs = UNICODE,
) -> tuple[Aid, ...]:
    """The aids to the request, for ann."""
    disk = Disk({}) if disk is None else disk
    return reading_aids(request, disk.read, Redactor() if redactor is None else redactor, glyphs, home=HOME)


def rows_of(aids: tuple[Aid, ...]) -> list[AidRow]:
    """The rows of all of them."""
    return [row for aid in aids for row in aid.rows]


def told(aids: tuple[Aid, ...]) -> list[str]:
    """Titles and rows as lines of text, each row behind its lead."""
    return [line for aid in aids for line in (aid.title, *(f"{row.lead}{row.text}" for row in aid.rows))]


def patch(*lines: str) -> str:
    """A patch of Codex with these lines."""
    return "\n".join(["*** Begin Patch", *lines, "*** End Patch"])


def edit(old: str = "two", new: str = "2", path: str = FILE, **fields: Any) -> Request:
    return agent_call("Edit", {"file_path": path, "old_string": old, "new_string": new}, **fields)


def bash(command: str, **fields: Any) -> Request:
    return agent_call("Bash", {"command": command}, **fields)


def apply_patch(*lines: str) -> Request:
    return agent_call("apply_patch", {"command": patch(*lines)}, server=CODEX)
