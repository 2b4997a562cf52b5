"""The columns of each list: pending requests, history, events; every text of theirs is safe to show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from approval_tui.console.rows import Entry
from approval_tui.display.badges import risk_badge, status_badge
from approval_tui.display.event_view import event_words
from approval_tui.display.glyphs import Glyphs
from approval_tui.display.quorum_words import count_words
from approval_tui.display.redaction import Redactor
from approval_tui.display.request_view import request_preview
from approval_tui.display.width import pad
from approval_tui.domain.audit import Event
from approval_tui.domain.clock import Clock, format_age, format_timestamp
from approval_tui.domain.errors import StoreCorrupt
from approval_tui.domain.lifecycle import APPROVED, CONSUMED, DENIED
from approval_tui.domain.models import Request

if TYPE_CHECKING:
    from approval_tui.domain.grants import Grant

Piece = tuple[str, str]

_AGE, _LEFT, _RISK, _STATUS = 7, 7, 11, 12
_SHARE = 4
_SOON = 60_000
_REMEMBERED = 512
_SEQ, _TIME, _NAME, _ID = 8, 15, 22, 7
_WIDE = 68
_STATE, _USES = 16, 10


class _RequestPainter:
    """What the lists of requests share: tool, requester and a one-line preview behind the fixed columns."""

    _fixed = 0

    def __init__(self, redactor: Redactor, clock: Clock, glyphs: Glyphs) -> None:
        self._redactor = redactor
        self._glyphs = glyphs
        self._clock = clock
        self._previews: dict[tuple[str, str], str] = {}

    def identity(self, request: Request) -> object:
        """What is the same as long as the row shows the same; status and doubt may change by time alone."""
        return request.id, request.version, request.status, request.in_doubt

    def preview(self, request: Request) -> str:
        """The preview, worked out once for each content, because arguments may be long."""
        key = (request.id, request.digest)
        if key not in self._previews:
            if len(self._previews) >= _REMEMBERED:
                self._previews.clear()
            try:
                self._previews[key] = request_preview(request, self._redactor, self._glyphs)
            except StoreCorrupt:
                self._previews[key] = "(cannot be read)"
        return self._previews[key]

    def _widths(self, width: int) -> tuple[int, int, int]:
        """The cells of tool, requester and preview: what the fixed columns leave."""
        room = max(12, width - self._fixed)
        tool = max(8, min(24, room // _SHARE + 2))
        requester = max(8, min(20, room // _SHARE + 1))
        return tool, requester, max(1, room - tool - requester)

    def _call_header(self, width: int) -> str:
        tool, requester, preview = self._widths(width)
        asked_by = pad("requester", requester - 1, glyphs=self._glyphs)
        what = pad("what", preview, glyphs=self._glyphs)
        return f"{pad('tool', tool - 1, glyphs=self._glyphs)} {asked_by} {what}"

    def _call_pieces(self, request: Request, width: int, what: str, votes: str = "") -> list[Piece]:
        """Tool, requester and what is asked; before it how many votes of how many there are, where several count."""
        tool, requester, preview = self._widths(width)
        votes = pad(votes, min(len(votes), preview), glyphs=self._glyphs)
        return [
            (pad(self._glyphs.visible(request.tool), tool - 1, glyphs=self._glyphs) + " ", "strong"),
            (pad(self._glyphs.visible(request.requester), requester - 1, glyphs=self._glyphs) + " ", "plain"),
            *([(votes, "warning")] if votes else ()),
            (pad(what, preview - len(votes), glyphs=self._glyphs), "plain"),
        ]


class PendingPainter(_RequestPainter):
    """Age, time left, risk, tool, requester, preview."""

    ticking = _AGE + _LEFT + 1
    _fixed = _AGE + _LEFT + 1 + _RISK

    def header(self, width: int) -> str:
        return (
            f"{pad('age', _AGE - 1, right=True)} {pad('left', _LEFT - 1, right=True)}  {pad('risk', _RISK)}"
            + self._call_header(width)
        )

    def passing(self, entry: Entry[Request]) -> Sequence[Piece]:
        request, now = entry.row, self._clock()
        left = request.expires_at - now
        is_soon = not entry.is_gone and left <= _SOON
        return [
            (pad(format_age(now - request.created_at), _AGE - 1, right=True) + " ", "plain"),
            (
                pad("-" if entry.is_gone else format_age(left), _LEFT - 1, right=True) + "  ",
                "warning" if is_soon else "plain",
            ),
        ]

    def pieces(self, entry: Entry[Request], width: int) -> Sequence[Piece]:
        request = entry.row
        risk = risk_badge(request.risk)
        votes = f"{count_words(request)}  " if request.requirements.quorum > 1 and not entry.is_gone else ""
        return [
            (pad(risk.text(plain=self._glyphs.is_ascii), _RISK, glyphs=self._glyphs), risk.role),
            *self._call_pieces(
                request, width, gone_words(request, self._glyphs) if entry.is_gone else self.preview(request), votes
            ),
        ]


class HistoryPainter(_RequestPainter):
    """Age, what became of it, risk, tool, requester, preview."""

    ticking = _AGE
    _fixed = _AGE + _STATUS + _RISK

    def header(self, width: int) -> str:
        return (
            f"{pad('age', _AGE - 1, right=True)} {pad('became', _STATUS)}{pad('risk', _RISK)}{self._call_header(width)}"
        )

    def passing(self, entry: Entry[Request]) -> Sequence[Piece]:
        age = format_age(self._clock() - entry.row.created_at)
        return [(pad(age, _AGE - 1, right=True) + " ", "plain")]

    def pieces(self, entry: Entry[Request], width: int) -> Sequence[Piece]:
        request = entry.row
        status, risk = status_badge(request), risk_badge(request.risk)
        return [
            (pad(status.text(plain=self._glyphs.is_ascii), _STATUS, glyphs=self._glyphs), status.role),
            (pad(risk.text(plain=self._glyphs.is_ascii), _RISK, glyphs=self._glyphs), risk.role),
            *self._call_pieces(request, width, self.preview(request)),
        ]


class EventPainter:
    """Number, time (without the year), name, the end of the request's id, and a few words."""

    ticking = 0

    def __init__(self, redactor: Redactor, glyphs: Glyphs) -> None:
        self._redactor = redactor
        self._glyphs = glyphs
        self._words: dict[int, str] = {}

    def identity(self, event: Event) -> object:
        """What is the same as long as the row shows the same: an event never changes."""
        return event.seq

    def words(self, event: Event) -> str:
        """What the event says, worked out once, because its body is JSON."""
        if event.seq not in self._words:
            if len(self._words) >= _REMEMBERED:
                self._words.clear()
            self._words[event.seq] = event_words(event, self._redactor, self._glyphs)
        return self._words[event.seq]

    def header(self, width: int) -> str:
        name, words = self._widths(width)
        number, says = f"{pad('number', _SEQ - 1, right=True)} ", pad("says", words, glyphs=self._glyphs)
        if width < _WIDE:
            return f"{number}{pad('event', name)}{says}"
        return f"{number}{pad('at (UTC)', _TIME)}{pad('event', name)}{pad('req.', _ID)}{says}"

    def passing(self, entry: Entry[Event]) -> Sequence[Piece]:
        return ()

    def pieces(self, entry: Entry[Event], width: int) -> Sequence[Piece]:
        event = entry.row
        name, words = self._widths(width)
        number = (pad(str(event.seq), _SEQ - 1, right=True) + " ", "plain")
        what = (pad(self._glyphs.visible(event.name), name - 1, glyphs=self._glyphs) + " ", "strong")
        says = (pad(self.words(event), words, glyphs=self._glyphs), "plain")
        if width < _WIDE:
            return [number, what, says]
        at = (pad(format_timestamp(event.at)[5:19].replace("T", " "), _TIME), "plain")
        request = "-" if event.request_id is None else self._glyphs.visible(event.request_id)[-4:]
        return [number, at, what, (pad(request, _ID), "quiet"), says]

    def _widths(self, width: int) -> tuple[int, int]:
        """The cells of the name and of the words; a narrow list leaves time and request to the details."""
        if width < _WIDE:
            name = max(8, min(_NAME, (width - _SEQ) // 2))
            return name, max(1, width - _SEQ - name)
        return _NAME, max(1, width - _SEQ - _TIME - _NAME - _ID)


class GrantPainter:
    """What of it is left, how often it was used, the call, and what is covered of it."""

    ticking = 0
    _fixed = _STATE + _USES

    def __init__(self, redactor: Redactor, clock: Clock, glyphs: Glyphs) -> None:
        self._redactor, self._clock, self._glyphs = redactor, clock, glyphs

    def identity(self, grant: Grant) -> object:
        """What is the same as long as the row shows the same; time alone ends a grant."""
        from approval_tui.display.grant_view import state_words

        now = self._clock()
        return grant.id, grant.uses, grant.revoked_at, grant.is_live(now) and state_words(grant, now, self._glyphs)

    def header(self, width: int) -> str:
        approves = pad("approves", max(1, width - self._fixed), glyphs=self._glyphs)
        return f"{pad('state', _STATE)}{pad('uses', _USES)}{approves}"

    def passing(self, entry: Entry[Grant]) -> Sequence[Piece]:
        return ()

    def pieces(self, entry: Entry[Grant], width: int) -> Sequence[Piece]:
        from approval_tui.display.grant_view import grant_words, state_words, uses_words

        grant, now = entry.row, self._clock()
        state = pad(state_words(grant, now, self._glyphs), _STATE - 1, glyphs=self._glyphs) + " "
        uses = pad(uses_words(grant), _USES - 1, glyphs=self._glyphs) + " "
        words = pad(grant_words(grant, self._redactor, self._glyphs), max(1, width - self._fixed), glyphs=self._glyphs)
        return [(state, "good" if grant.is_live(now) else "quiet"), (uses, "plain"), (words, "plain")]


def gone_words(request: Request, glyphs: Glyphs) -> str:
    """What a tombstone says: what became of the request, and by whom."""
    words = status_badge(request).text(plain=glyphs.is_ascii)
    if request.decisions and request.status in (APPROVED, DENIED):
        words += f" by {glyphs.name(request.decisions[-1].reviewer)}"
    elif request.decisions and request.status == CONSUMED:
        words += f", approved by {glyphs.name(request.decisions[-1].reviewer)}"
    return words
