"""What the demo did: every request held against its effect on disk, and the audit log verified."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass

from approval_tui.display.badges import status_badge
from approval_tui.display.preview import preview_line
from approval_tui.display.redaction import Redactor
from approval_tui.display.visible import visible_text
from approval_tui.display.width import cell_width, pad
from approval_tui.domain.lifecycle import CONSUMED, SUCCEEDED
from approval_tui.domain.models import Request
from approval_tui.store.blocking_reviewer import BlockingReviewerStore

_MOST = 500
_WIDEST_WHAT = 52


@dataclass(frozen=True)
class Line:
    """One request of the demo: whether its call may have run, and whether its effect is there."""

    request: Request
    may_have_run: bool
    effect_is_there: bool

    @property
    def agrees(self) -> bool:
        """Whether the disk shows what was decided."""
        return self.may_have_run == self.effect_is_there


def check_effects(store: BlockingReviewerStore, work_folder: str) -> list[Line]:
    """One line for every request, oldest first."""
    requests = [*store.history(most=_MOST), *store.list()]
    lines = []
    for request in sorted(requests, key=lambda each: each.id):
        ran = request.status == CONSUMED and request.outcome == SUCCEEDED
        lines.append(Line(request, ran, _effect_is_there(request, work_folder)))
    return lines


def _effect_is_there(request: Request, work_folder: str) -> bool:
    """Whether the disk shows the call with exactly the arguments that might run."""
    arguments = request.effective_arguments
    if request.tool == "write_file":
        return bool(_content(work_folder, arguments["path"]) == arguments["content"])
    if request.tool == "delete_file":
        return not os.path.exists(os.path.join(work_folder, arguments["path"]))
    if request.tool == "run_command":
        return bool(_content(work_folder, arguments["command"].rsplit(" ", 1)[-1]))
    outbox = _content(work_folder, "outbox.jsonl") or ""
    sent = [json.loads(line) for line in outbox.splitlines()]
    original_was_sent = request.edited_arguments is not None and request.arguments in sent
    return arguments in sent and not original_was_sent


def _content(work_folder: str, path: str) -> str | None:
    try:
        with open(os.path.join(work_folder, path), encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None


def table(lines: list[Line]) -> list[str]:
    """The report as rows of text."""
    rows = [("requester", "tool", "what", "decision", "reason", "on disk", "")]
    for line in lines:
        request = line.request
        decision = request.decisions[-1] if request.decisions else None
        edited = " (edited)" if request.edited_arguments is not None else ""
        rows.append(
            (
                visible_text(request.requester),
                visible_text(request.tool),
                preview_line(request.effective_arguments, Redactor()),
                status_badge(request).text() + edited,
                visible_text(decision.reason or "") if decision else "",
                "done" if line.effect_is_there else "not done",
                "as decided" if line.agrees else "DIFFERS",
            )
        )
    widths = [max(cell_width(row[column]) for row in rows) for column in range(len(rows[0]))]
    widths[2] = min(widths[2], _WIDEST_WHAT)
    return ["  ".join(pad(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
