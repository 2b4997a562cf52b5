"""Watches a console from outside and says of every decision whether the contract of the keys allows it.

It knows what was painted and when, which keys were sent and when, and when the terminal had the focus; it asks
nothing of the console's own account of these.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from rich.console import RenderableType
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.screen import Screen
from textual.widgets import Input

from approval_tui.console.app import ConsoleApp
from approval_tui.display.event_view import event_content
from approval_tui.domain import events as names
from approval_tui.domain.audit import Event
from tests.support import ManualClock

BURST = 50
"""Ms within which two keys are no person's decision."""

_PANES = {"MainScreen": "#detail", "PayloadScreen": "#payload"}
_TABLES = ("BulkScreen", "GrantingScreen")
_ROW = re.compile(r'^\s*r\d\d: "z(\d{4})\.(\d\d)\.(\d\d)"')
_TOOL = re.compile(r"^tool +t(\d{4})\b")
_GRANT_ROW = re.compile(r"^. (r\d\d|context\.where) (.*?) *$")
_CONTEXT = re.compile(r'^in where +"c(\d{4})"')
_IN_FOOTER = re.compile(r"\b([adxrR]) (?:Approve|Deny|Expire|Revoke|Resolve)\b")
_ON_BUTTON = re.compile(r"(?:Expire|Succeeded|Failed|Not run) \((\w)\)")
CONTEXT_ROW = -1


@dataclass(frozen=True)
class Sight:
    """Which request is on the screen, and which revision of it was last seen there."""

    serial: int
    revision: int | None
    is_revision_in_sight: bool = False  #: whether a row that says which revision is visible now


@dataclass
class Question:
    """A dialog: what was pressed before it was pushed, when it was first painted, what it says and what was typed."""

    cause: Press | None
    opened_at: int | None = None
    text: str = ""
    typed: list[str] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Press:
    """A key, or a click on the word of one, with all that was so when it was pressed."""

    key: str
    at: int
    place: str
    opened_at: int | None
    sight: Sight | None
    sight_since: int | None
    focused_since: int | None
    in_input: bool
    seen: frozenset[int]
    question: Question | None
    typed: str
    of_table: Seen  #: what was painted of a table, or of a proposal, since it opened or changed


Seen = frozenset[tuple[object, ...]]
"""Rows: serial, revision and number of a table's, or the name of a proposal's."""


@dataclass(frozen=True)
class Known:
    """What the world knows of a request that it made."""

    id: str
    rows: int
    digests: list[str]
    is_of_high_risk: bool
    quorum: int = 1


class Painted:
    """The cells of the screen as the updates left them; all its characters are one cell wide."""

    def __init__(self) -> None:
        self.rows: list[str] = []

    def apply(self, update: RenderableType, width: int, height: int) -> None:
        """Takes in one update of the compositor."""
        self.rows = [row[:width].ljust(width) for row in self.rows[:height]]
        self.rows += [" " * width] * (height - len(self.rows))
        if isinstance(update, LayoutUpdate):
            for y, line in enumerate(update.strips, update.region.y):
                self._write(update.region.x, y, "".join(strip.text for strip in line))
        elif isinstance(update, ChopsUpdate):
            for y, first, last in update.spans:
                for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
                    if strip is not None and x <= last and end > first:
                        inside = last > x >= first and end <= last
                        self._write(x, y, strip.text if inside else strip.crop(0, min(end, last) - x).text)

    def _write(self, x: int, y: int, text: str) -> None:
        if 0 <= y < len(self.rows):
            row = self.rows[y]
            self.rows[y] = (row[:x] + text + row[x + len(text) :])[: len(row)]


class Oracle:
    """What a person behind the reviewer's shoulder knows."""

    def __init__(self, arming: int, now: ManualClock, known: dict[int, Known]) -> None:
        self._arming = arming
        self._now = now
        self._known = known
        self._painted = Painted()
        self._presses: list[Press] = []
        self._questions: dict[Screen[Any], Question] = {}
        self.allowed: dict[str, int] = {}
        self._grants: set[str] = set()
        self.restart()

    def restart(self) -> None:
        """A console opens: nothing was seen yet."""
        self._screen: Screen[Any] | None = None
        self._opened_at: int | None = None
        self._sight: Sight | None = None
        self._sight_since: int | None = None
        self._first_seen_at = 0
        self._seen: set[int] = set()
        self._focused_since: int | None = self._now()
        self._questions.clear()
        self._of_table: set[tuple[object, ...]] = set()
        self._proposed: dict[str, str] = {}

    # --- what happens --------------------------------------------------------------------------

    def pushed(self, screen: Screen[Any]) -> None:
        """A screen is about to open."""
        self._questions[screen] = Question(self._presses[-1] if self._presses else None)

    def painted(self, app: ConsoleApp, screen: Screen[Any], update: RenderableType) -> None:
        """Cells of the screen were painted."""
        self._painted.apply(update, app.size.width, app.size.height)
        now = self._now()
        if screen is not self._screen:
            self._screen, self._opened_at = screen, now
            self._sight_since = now
            self._of_table.clear()
            self._proposed.clear()
        question = self._questions.get(screen)
        if question is not None:
            question.opened_at = now if question.opened_at is None else question.opened_at
            question.text = "\n".join(self._painted.rows)
        pane = _PANES.get(type(screen).__name__)
        if pane is not None:
            region = screen.query_one(pane).content_region
            self._look([row[region.x : region.right] for row in self._painted.rows[region.y : region.bottom]])
        elif type(screen).__name__ in _TABLES:
            region = screen.query_one("#payload").content_region
            rows = [row[region.x : region.right] for row in self._painted.rows[region.y : region.bottom]]
            (self._look_at_table if type(screen).__name__ == _TABLES[0] else self._look_at_proposal)(rows)

    def _look_at_table(self, rows: list[str]) -> None:
        for row in rows:
            if (match := _ROW.match(row)) is not None:
                self._of_table.add((int(match[1]), int(match[2]), int(match[3])))
            elif (match := _CONTEXT.match(row)) is not None:
                self._of_table.add((int(match[1]), CONTEXT_ROW))

    def _look_at_proposal(self, rows: list[str]) -> None:
        """What a row says now; where one says something else than before, nothing was read of what is proposed now."""
        found = {match[1]: match[2] for match in map(_GRANT_ROW.match, rows) if match is not None}
        if any(self._proposed.get(name, words) != words for name, words in found.items()):
            self._of_table.clear()
            self._proposed.clear()
        self._proposed |= found
        self._of_table |= {(name,) for name in found}

    def _look(self, rows: list[str]) -> None:
        seen: set[int] = set()
        serial = revision = None
        for row in rows:
            if (match := _ROW.match(row)) is not None:
                serial, revision = int(match[1]), int(match[2])
                seen.add(int(match[3]))
            elif (match := _CONTEXT.match(row)) is not None:
                serial = int(match[1])
                seen.add(CONTEXT_ROW)
            elif (match := _TOOL.match(row)) is not None:
                serial = int(match[1])
        if serial is None:
            return
        before = self._sight
        is_revision_in_sight = revision is not None
        if before is not None and before.serial == serial and revision in (None, before.revision):
            revision = before.revision
        elif before is None or before.serial != serial or before.revision is not None:
            self._sight_since = self._first_seen_at = self._now()
            self._seen.clear()
        self._sight = Sight(serial, revision, is_revision_in_sight)
        self._seen |= seen

    def blurred(self) -> None:
        """The terminal lost the focus."""
        self._focused_since = None

    def focused(self) -> None:
        """The terminal regained the focus, or never lost it."""
        if self._focused_since is None:
            self._focused_since = self._now()

    def pressed(self, app: ConsoleApp, key: str, later: int = 0) -> Press:
        """A key goes out, so many ms after now."""
        self.focused()
        screen = app.screen
        question = self._questions.get(screen)
        press = Press(
            key,
            self._now() + later,
            type(screen).__name__,
            self._opened_at if screen is self._screen else None,
            self._sight,
            self._sight_since,
            self._focused_since,
            isinstance(app.focused, Input),
            frozenset(self._seen),
            question,
            "" if question is None else "".join(question.typed),
            frozenset(self._of_table),
        )
        if question is not None:
            question.typed.append(key)
        self._presses.append(press)
        return press

    def clicked(self, app: ConsoleApp, x: int, y: int) -> list[Press]:
        """A click goes out; on the word of a key it is as good as that key."""
        self.focused()
        row = self._painted.rows[y] if y < len(self._painted.rows) else ""
        words = _ON_BUTTON if type(app.screen).__name__ == "ChoiceDialog" else _IN_FOOTER
        return [
            self.pressed(app, match[1]) for match in words.finditer(row) if match.start() - 2 <= x <= match.end() + 2
        ]

    @property
    def text(self) -> str:
        """What is painted now."""
        return "\n".join(self._painted.rows)

    # --- what it means -------------------------------------------------------------------------

    def judge(self, event: Event, presses: Iterable[Press]) -> str | None:
        """Why none of these presses allows the event; None where one does, or it is not this reviewer's."""
        content = event_content(event)
        decision = (content["changes"].get("decisions") or [{}])[-1]
        by = (
            (content["details"].get("by") or {}).get("reviewer") if event.name not in _DECIDED else decision["reviewer"]
        )
        if by != "ann":
            return None
        if event.name in _APPROVING and decision["via"] == "grant":
            is_known = content["details"].get("grant") in self._grants
            return None if is_known else f"{event.request_id} was approved by a grant that nobody gave"
        reasons = [
            f"{press.key} at {press.at}: {why}" for press in presses if (why := self._why(event, decision, press))
        ]
        found = list(presses)
        if len(reasons) == len(found):
            return f"{event.name} of {event.request_id} at {event.at}: {'; '.join(reasons) or 'nothing was pressed'}"
        if event.name == names.GRANT_GIVEN:
            self._grants.add(content["details"]["grant"])
        kind = f"{event.name} {decision['evidence']['kind']}" if event.name in _APPROVING else event.name
        self.allowed[kind] = self.allowed.get(kind, 0) + 1
        return None

    def _why(self, event: Event, decision: dict[str, Any], press: Press) -> str | None:
        if event.name in _BEYOND_ONE:
            keys, question, asking, place = _BEYOND_ONE[event.name]
            return self._why_not_answered(press, keys, question, asking, place)
        serial, known = next(each for each in self._known.items() if each[1].id == event.request_id)
        if event.name == names.EDITED:
            why = self._why_not_reviewed(press)
            if why is None and decision == {}:
                known.digests.append(event_content(event)["changes"]["digest"])
            return why
        if event.name in _APPROVING and press.place == "ReviewScreen":
            return self._why_not_reviewed(press)
        if event.name in _APPROVING and decision["evidence"]["kind"] == "table":
            return self._why_not_in_table(decision, press, serial, known)
        if event.name in _APPROVING and decision["evidence"]["kind"] == "shown":
            return self._why_not_shown(event, decision, press, serial, known)
        if event.name in _APPROVING:
            return self._why_not_typed(decision, press, serial, known)
        if event.name == names.GRANT_GIVEN:
            return self._why_not_proposed(press, serial, known.digests[-1], known)
        if event.name == names.RESOLVED:
            if press.key != "enter" or press.question is None or "Record that it" not in press.question.text:
                return "not the enter of a reason"
            answer = press.question.cause
            why = self._why_unfit(press) or (None if answer is not None else "no answer before")
            if why is not None or answer is None:
                return why
            return self._why_not_asked(answer, "sfn", "What became of this call?", "R", serial, None, known)
        keys, question, asking = {
            names.DENIED: ("enter", "Deny this request?", "d"),
            names.REVOKED: ("enter", "Take this approval back?", "r"),
            names.EXPIRED: ("y", "End this request without a verdict?", "x"),
        }[event.name]
        if event.name == names.DENIED and event_content(event)["details"].get("in_bulk"):
            return self._why_not_answered(press, "enter", "Deny ", "d", "BulkScreen")
        digest = decision["digest"] if event.name == names.DENIED else known.digests[-1]
        return self._why_not_asked(press, (keys,), question, asking, serial, digest, known)

    def _why_not_shown(
        self, event: Event, decision: dict[str, Any], press: Press, serial: int, known: Known
    ) -> str | None:
        evidence = decision["evidence"]
        approves = "a"
        if known.is_of_high_risk:
            why = self._why_not_confirmed(press, "HIGH RISK?", serial, decision["digest"], known)
            cause = None if press.question is None else press.question.cause
            if why is not None or cause is None:
                return why or "its dialog opened by itself"
            press = cause
        elif press.place == "GrantingScreen":
            why = self._why_not_proposed(press, serial, decision["digest"], known)
            cause = None if press.question is None else press.question.cause
            if why is not None or cause is None:
                return why or "its proposal opened by itself"
            press = cause
        else:
            why = self._why_not_seen(press, approves, serial, decision["digest"], known)
        if why is not None:
            return why
        if press.sight is None or known.digests[press.sight.revision or 0] != decision["digest"]:
            return f"what was read was {press.sight}, decided was {known.digests.index(decision['digest'])}"
        if press.seen != {CONTEXT_ROW, *range(known.rows)}:
            return f"only rows {sorted(press.seen)} of {known.rows} were painted"
        if evidence["rows"] != len(press.seen):
            return f"the evidence says {evidence['rows']} rows, there are {len(press.seen)}"
        return None if 0 <= evidence["shown_ms"] <= event.at else "the evidence's time is impossible"

    def _why_not_proposed(self, press: Press, serial: int, digest: str, known: Known) -> str | None:
        """The approving key, on the proposal that came of this request and that was read whole as it is."""
        if press.key != "a" or press.place != "GrantingScreen" or press.in_input or press.question is None:
            return "not a on a proposal"
        wanted = {("context.where",), *((f"r{row:02}",) for row in range(known.rows))}
        if not wanted <= press.of_table and known.rows <= 30:  # a call of more parts is proposed as a whole
            return f"of the proposal only {sorted(press.of_table)} were painted"
        why = self._why_unfit(press)
        if why is not None or press.question.cause is None:
            return why or "the proposal opened by itself"
        cause = press.question.cause
        why = self._why_not_seen(cause, cause.key if cause.key in "sA" else "s", serial, digest, known)
        return None if why is None else f"the proposal came of {cause.key} at {cause.at}: {why}"

    def _why_not_in_table(self, decision: dict[str, Any], press: Press, serial: int, known: Known) -> str | None:
        """The approving key, on the table in which every row of this request, with this digest, was painted."""
        if press.key != "a" or press.place != "BulkScreen" or press.in_input:
            return "not a on a table"
        if known.is_of_high_risk or known.quorum > 1:
            return "it is approved by itself alone"
        revision = known.digests.index(decision["digest"])
        wanted = {(serial, CONTEXT_ROW), *((serial, revision, row) for row in range(known.rows))}
        if not wanted <= press.of_table:
            return f"of the table only {sorted(map(str, press.of_table))} were painted"
        if decision["evidence"]["rows"] != known.rows + 1:
            return f"the evidence says {decision['evidence']['rows']} rows"
        return self._why_unfit(press)

    def _why_not_reviewed(self, press: Press) -> str | None:
        """The approving key, on the screen where an edited call is read."""
        if press.key != "a" or press.place != "ReviewScreen" or press.in_input:
            return "not a on a review"
        return self._why_unfit(press)

    def _why_not_answered(self, press: Press, key: str, question: str, asking: str, place: str) -> str | None:
        """A dialog's own key, in the dialog of those words, which the asking key opened on that screen."""
        asked = press.question
        if press.key != key or asked is None or question not in asked.text:
            return f"not the answer to {question!r}"
        cause = asked.cause
        if cause is None or cause.key != asking or cause.place != place or cause.in_input:
            return f"its dialog came of {cause}"
        return self._why_unfit(press) or self._why_unfit(cause)

    def _why_not_typed(self, decision: dict[str, Any], press: Press, serial: int, known: Known) -> str | None:
        if decision["evidence"]["kind"] != "typed":
            return f"the evidence is {decision['evidence']['kind']}"
        return self._why_not_confirmed(press, "unread?", serial, decision["digest"], known)

    def _why_not_confirmed(self, press: Press, question: str, serial: int, digest: str, known: Known) -> str | None:
        """The approving key, in the dialog about this request into which the end of its id was typed."""
        if not press.typed.endswith(known.id[-4:]):
            return f"typed was {press.typed!r}"
        return self._why_not_asked(press, "a", question, "a", serial, digest, known)

    def _why_not_asked(
        self,
        press: Press,
        keys: Iterable[str],
        question: str,
        asking: str,
        serial: int,
        digest: str | None,
        known: Known,
    ) -> str | None:
        """A dialog's own key, in the dialog about this request, which the asking key opened."""
        asked = press.question
        if press.key not in keys or asked is None or question not in asked.text or f"t{serial:04} " not in asked.text:
            return f"not the answer to {question!r} about it"
        why = self._why_unfit(press)
        if why is not None or asked.cause is None:
            return why or "the dialog opened by itself"
        why = self._why_not_seen(asked.cause, asking, serial, digest, known)
        return None if why is None else f"its dialog came of {asked.cause.key} at {asked.cause.at}: {why}"

    def _why_not_seen(self, press: Press, key: str, serial: int, digest: str | None, known: Known) -> str | None:
        """The key, on a screen that shows this request with this digest long enough."""
        if press.key != key or press.place not in _PANES or press.in_input:
            return f"not {key} on the list or the payload"
        if press.sight is None or press.sight_since is None or press.sight.serial != serial:
            return f"on the screen was {press.sight}, not {serial}"
        shown = press.sight.revision
        if press.sight.is_revision_in_sight and digest is not None and known.digests[shown or 0] != digest:
            return f"on the screen was revision {shown}, decided was {known.digests.index(digest)}"
        if press.at - press.sight_since < self._arming:
            return f"it was on the screen for {press.at - press.sight_since} ms"
        return self._why_unfit(press)

    def _why_unfit(self, press: Press) -> str | None:
        for what, since in (("screen open", press.opened_at), ("terminal focused", press.focused_since)):
            if since is None or press.at - since < self._arming:
                return f"{what} since {since}"
        near = [other.key for other in self._presses if other is not press and abs(other.at - press.at) <= BURST]
        return f"within a burst with {near}" if near else None


_BEYOND_ONE = {
    names.SESSION_HELD: ("enter", "hold the session back?", "d", "BulkScreen"),
    names.SESSION_RELEASED: ("y", "go on?", "r", "SessionScreen"),
    names.GRANT_REVOKED: ("enter", "End this grant?", "r", "MainScreen"),
}
"""The key that answers, the question, the key that asked it, and where."""

_APPROVING = (names.APPROVED, names.VOTED)
_DECIDED = (*_APPROVING, names.DENIED, names.REVOKED)
