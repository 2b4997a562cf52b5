"""An edit while it is made: the request as it was, what became of it since, and what the text would be. No Textual."""

from __future__ import annotations

from typing import NamedTuple

from approval_tui.console.clipboard import has_masked
from approval_tui.console.documents import LARGEST_COMPARED, Line, diff_lines, notice_lines
from approval_tui.display.diff import Diff, diff_rows
from approval_tui.display.editable_json import editable_json
from approval_tui.display.glyphs import Glyphs
from approval_tui.display.redaction import Redactor
from approval_tui.domain.canonical import canonical_json
from approval_tui.domain.edits import EDIT_IS_DENIAL
from approval_tui.domain.errors import InvalidJson
from approval_tui.domain.holds import Hold
from approval_tui.domain.json_faults import JsonFault, object_or_fault
from approval_tui.domain.lifecycle import PENDING
from approval_tui.domain.models import DENIAL, Request
from approval_tui.domain.names import quoted_name
from approval_tui.domain.status_words import describe_status

LARGEST_EDITED = 200_000
"""Characters of the text, escapes and indents included, beyond which it is not edited here: each key takes its time."""

DECIDABLE_AGAIN = "It can be decided again."
_COPY_IT = "The text stays, to be copied."
_CHECKS = "the edit"


class CheckedText(NamedTuple):
    """What a text of the editor is: an object, or at fault; and how it differs from the agent's arguments.

    `diff` is None where there is nothing to compare, or it is too large to be compared in passing.
    """

    text: str
    fault: JsonFault | None
    is_same: bool = False
    diff: Diff | None = None


def check_text(text: str, request: Request, redactor: Redactor, glyphs: Glyphs) -> CheckedText:
    """Looks at a text; changes nothing, so that a thread may do it."""
    found = object_or_fault(text)
    if isinstance(found, JsonFault):
        return CheckedText(text, found)
    try:
        is_same = canonical_json(found) == canonical_json(request.arguments)
    except InvalidJson as error:
        return CheckedText(text, JsonFault(error.happened))
    if is_same or max(len(text), len(request.arguments_text)) > LARGEST_COMPARED:
        return CheckedText(text, None, is_same)
    return CheckedText(text, None, False, diff_rows(request.arguments, found, redactor, glyphs))


class Editing:
    """The edit of one request; `request` is what became of it since the editor was opened on `base`."""

    def __init__(self, base: Request, redactor: Redactor, glyphs: Glyphs) -> None:
        self.base = base
        self.request = base
        self.redactor = redactor
        self.hold: Hold | None = None
        self._glyphs = glyphs

    def take(self, request: Request) -> bool:
        """Takes in what became of the request; whether it is that one."""
        if request.id != self.base.id:
            return False
        self.request = request
        return True

    def why_not(self, now: int) -> str | None:
        """Why nothing can be decided about it any more, or for the time being; None where something can."""
        request, hold = self.request, self.hold
        if request.status != PENDING or request.expires_at <= now:
            return f"Too late for this edit: the request is {describe_status(request)}. {_COPY_IT}"
        if request.digest != self.base.digest:
            return f"The request was changed meanwhile: go back and read what it is. {_COPY_IT}"
        if hold is not None and hold.is_in_force:
            by = quoted_name(hold.held_by)
            return f"Its session is held back by {by}: nothing of it is approved until it is released. {_COPY_IT}"
        return None

    def check_lines(self, checked: CheckedText | None, now: int, width: int) -> list[Line]:
        """What stands below the text: whether it can be decided, what the text is, and what it changes."""
        notices: list[tuple[str, str]] = []
        why_not = self.why_not(now)
        if why_not is not None:
            shown = self.redactor.masking().redact(why_not, self._glyphs)
            notices.append((self._glyphs.visible(shown), "bad"))
        if self.base.edit_taken_as == DENIAL:
            notices.append((EDIT_IS_DENIAL, "mark"))
        diff: list[Line] = []
        if checked is None:
            notices.append(("Being looked at ...", "note"))
        elif checked.fault is not None:
            notices.append((self._glyphs.visible(checked.fault.words), "bad"))
        elif checked.is_same:
            notices.append(("It is a JSON object: the same arguments as the agent's.", "good"))
        elif checked.diff is None:
            notices.append(("It is a JSON object, and not the agent's; the review shows what differs.", "good"))
        else:
            notices.append(("It is a JSON object, and not the agent's.", "good"))
            diff = diff_lines(checked.diff, _CHECKS, width, self._glyphs)
        return notice_lines("what you write", notices, width, self._glyphs) + diff


def why_not_editable(request: Request, redactor: Redactor, now: int, unmask_key: str) -> str | None:
    """Why no editor opens for it; None where one does."""
    if request.status != PENDING or request.expires_at <= now:
        return f"It is {describe_status(request)}."
    is_too_large = len(request.edited_arguments_text or request.arguments_text) > LARGEST_EDITED
    if is_too_large or len(editable_json(request.effective_arguments)) > LARGEST_EDITED:
        return (
            f"It has over {LARGEST_EDITED:,} characters of JSON, too many to edit here. From a shell: take them "
            f"from `approval-tui show {request.id} --json` into a file, edit that, and run "
            f"`approval-tui approve {request.id} --edit - --digest DIGEST < FILE` with the digest that show printed."
        )
    if not redactor.is_lifted and has_masked(request.effective_arguments, redactor):
        return f"It holds masked secrets: show them first ({unmask_key})."
    return None
