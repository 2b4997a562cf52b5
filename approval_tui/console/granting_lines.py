"""What a grant would mean, as lines: each part of the call and what it must be, for how long, and what comes of it.

No Textual. Everything that is approved, now or later, is counted as read only when it was on the screen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from approval_tui.console.documents import Line
from approval_tui.display.glyphs import Glyphs
from approval_tui.display.grant_view import part_label, part_text
from approval_tui.display.redaction import Redactor
from approval_tui.display.request_view import request_preview
from approval_tui.display.width import cell_width, wrap
from approval_tui.domain.clock import format_duration
from approval_tui.domain.grants import SESSION, GrantTerms
from approval_tui.domain.matchers import Matcher
from approval_tui.domain.models import Request
from approval_tui.store.transactions.granting import GrantPreview

MOST_EXAMPLES = 5
ENDS, USES = "ends", "uses"
_LEAD = 2


class Proposal(NamedTuple):
    """A grant that is proposed: the request it is given with, what it covers, and its terms."""

    request: Request
    matcher: Matcher
    scope: str
    lifetime: int
    most_uses: int | None

    @property
    def terms(self) -> GrantTerms:
        """The terms as the store takes them."""
        return GrantTerms(self.scope, self.matcher, self.lifetime, self.most_uses)

    @property
    def rows(self) -> int:
        """How many rows can be changed: the parts, how long, how often."""
        return len(self.matcher.parts) + 2


class Proposed(NamedTuple):
    """The lines at one width; `total` counts what is to be read, `places` are the rows that can be changed."""

    lines: tuple[Line, ...]
    total: int
    places: tuple[int, ...]


def approved_by(preview: GrantPreview) -> list[tuple[str, str]]:
    """What waits and would be approved, by id and digest: that is read before a key gives the grant."""
    return [(request.id, request.digest) for request in preview.releases]


def proposal_lines(
    proposal: Proposal, preview: GrantPreview | None, cursor: int, redactor: Redactor, width: int, glyphs: Glyphs
) -> Proposed:
    """Everything about the proposal; without a preview, that it is being looked for."""
    request = proposal.request
    maker = _Lines(width, glyphs)
    where = f"for the rest of the session {glyphs.name(request.session or '')}"
    where = where if proposal.scope == SESSION else "always"
    whose = f"{glyphs.name(request.tool)} for {glyphs.name(request.requester)}"
    maker.title(f"Approve this call, and without asking {where}:")
    maker.counted(whose + ("" if request.server is None else f", server {glyphs.name(request.server)}"), "plain")
    if request.rule_hash is not None:
        maker.plain("as long as the policy's rule that asks stays as it is", "note")
    maker.plain("where every part of the call is as it says here", "note")
    maker.blank()
    for index, part in enumerate(proposal.matcher.parts):
        said = part_text(part, redactor, glyphs)
        role = "plain" if part.kind in ("exactly", "same_hash") else "mark"
        maker.row(part_label(part, glyphs), said, role, is_cursor=index == cursor)
    maker.blank()
    count = len(proposal.matcher.parts)
    maker.row(ENDS, f"after {format_duration(proposal.lifetime)}", "plain", is_cursor=cursor == count)
    often = "any number of times" if proposal.most_uses is None else f"{proposal.most_uses} at most"
    maker.row(USES, often, "plain", is_cursor=cursor == count + 1)
    maker.blank()
    _preview_lines(maker, proposal, preview, redactor, glyphs)
    return Proposed(tuple(maker.lines), maker.total, tuple(maker.places))


def _preview_lines(
    maker: _Lines, proposal: Proposal, preview: GrantPreview | None, redactor: Redactor, glyphs: Glyphs
) -> None:
    if preview is None:
        maker.plain("Looking at what it would approve ...", "note")
        return
    others = [request for request in preview.releases if request.id != proposal.request.id]
    maker.title(f"approves {len(others) or 'nothing'} more of what waits now")
    for request in others:
        maker.counted(f"{request.id}  {request_preview(request, redactor, glyphs)}", "plain")
    covered = [request for request in preview.covered if request.id != proposal.request.id]
    maker.blank()
    looked_at = max(0, preview.looked_at - 1)
    maker.title(f"covers {len(covered)} of the last {looked_at} calls of this tool, this one aside")
    for request in covered[:MOST_EXAMPLES]:
        maker.plain(f"{request.id}  {request_preview(request, redactor, glyphs)}", "note")
    if len(covered) > MOST_EXAMPLES:
        maker.plain(f"and {len(covered) - MOST_EXAMPLES} more", "note")


class _Lines:
    """Lines in the making."""

    def __init__(self, width: int, glyphs: Glyphs) -> None:
        self.lines: list[Line] = []
        self.places: list[int] = []
        self.total = 0
        self._width = width
        self._glyphs = glyphs

    def blank(self) -> None:
        self.lines.append(Line((("", "plain"),)))

    def title(self, text: str) -> None:
        self.plain(text, "title")

    def plain(self, text: str, role: str) -> None:
        """A text that need not be read to its end."""
        for lead, piece in self._pieces(text):
            self.lines.append(Line(((lead, "note"), (piece, role))))

    def counted(self, text: str, role: str) -> None:
        """A text that is part of what is approved."""
        for lead, piece in self._pieces(text):
            self._add(((lead, "note"), (piece, role)), len(piece))

    def row(self, label: str, text: str, role: str, *, is_cursor: bool) -> None:
        """A row that can be changed; what goes on from it says so in the place of its lead."""
        self.places.append(len(self.lines))
        mark = self._glyphs.cursor if is_cursor else " "
        room = max(10, self._width - 1 - _LEAD)
        pieces = wrap(f"{label} {text}", room, onward=room - cell_width(self._glyphs.continued))
        left = len(label)
        for number, piece in enumerate(pieces):
            lead = f"{mark} " if number == 0 else " " * _LEAD + self._glyphs.continued
            self._add(((lead, "key"), (piece[:left], "key"), (piece[left:], role)), len(piece))
            left = max(0, left - len(piece))

    def _add(self, pieces: Sequence[tuple[str, str]], length: int) -> None:
        self.lines.append(Line(tuple(pieces), (self.total, self.total + length)))
        self.total += length

    def _pieces(self, text: str) -> Iterator[tuple[str, str]]:
        room = max(10, self._width - 1)
        for number, piece in enumerate(wrap(text, room, onward=room - cell_width(self._glyphs.continued))):
            yield ("" if number == 0 else self._glyphs.continued), piece
