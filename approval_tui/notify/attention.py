"""When to call a person, and with what: only while the terminal is not looked at, and never in a stream. Pure.

A notice names the tool, the requester, the risk and the expiry, and never the arguments (rule R10).
"""

from __future__ import annotations

from collections.abc import Sequence

from approval_tui.domain.clock import Clock, format_age
from approval_tui.domain.models import Request
from approval_tui.domain.names import quoted_name
from approval_tui.notify import terminal
from approval_tui.settings.configuration import NOTICE_NONE, NOTICE_OSC777, Settings

QUIET = 5000
"""Ms between two calls; what comes meanwhile is told with the next."""

_NAME = "approval-tui"
_LONGEST_NAME = 40


class Attention:
    """Knows whether the terminal has the focus and what was told; says which sequences to write."""

    def __init__(self, settings: Settings, clock: Clock, monotonic: Clock, *, in_tmux: bool = False) -> None:
        self._settings = settings
        self._clock = clock
        self._monotonic = monotonic
        self._in_tmux = in_tmux
        self._blurred_at: int | None = None
        self._pending = 0
        self._called_at: int | None = None
        self._told: set[str] = set()
        self._untold: dict[str, Request] = {}
        self._title = ""

    def focused(self) -> str:
        """The reviewer looks at the terminal: the title is plain again, and what waits counts as told."""
        self._blurred_at = None
        self._untold.clear()
        return self._retitled()

    def blurred(self) -> str:
        """The reviewer looks elsewhere."""
        if self._blurred_at is None:
            self._blurred_at = self._clock()
            self._told.clear()
        return self._retitled()

    def waiting(self, requests: Sequence[Request], pending: int) -> str:
        """The newest of what waits, and how many wait; the sequences to write for what came since nobody looks."""
        ids = {request.id for request in requests}
        self._untold = {request_id: request for request_id, request in self._untold.items() if request_id in ids}
        for request in requests:
            is_new = self._blurred_at is not None and request.created_at >= self._blurred_at
            if is_new and request.id not in self._told:
                self._untold[request.id] = request
                self._told.add(request.id)
        self._pending = pending
        return self._retitled() + self._call()

    def tick(self) -> str:
        """What was held back a moment ago, when its time has come."""
        return self._call()

    def _call(self) -> str:
        if self._blurred_at is None or not self._untold:
            return ""
        now = self._monotonic()
        if self._called_at is not None and now - self._called_at < QUIET:
            return ""
        self._called_at = now
        requests = list(self._untold.values())
        self._untold.clear()
        bell = terminal.BELL if self._settings.bell else ""
        return bell + self._notice(requests)

    def _notice(self, requests: list[Request]) -> str:
        if self._settings.notice == NOTICE_NONE:
            return ""
        text = notice_text(requests, self._clock())
        if self._settings.notice == NOTICE_OSC777:
            sequence = terminal.osc777(_NAME, text)
        else:
            sequence = terminal.osc9(f"{_NAME}: {text}")
        return terminal.through_tmux(sequence) if self._in_tmux else sequence

    def _retitled(self) -> str:
        if not self._settings.title:
            return ""
        wanted = f"({self._pending}) {_NAME}" if self._pending and self._blurred_at is not None else _NAME
        if wanted == self._title:
            return ""
        self._title = wanted
        return terminal.title(wanted)


def notice_text(requests: Sequence[Request], now: int) -> str:
    """What a notice says of the requests that came."""
    first = requests[0]
    tool, requester = (quoted_name(name, _LONGEST_NAME) for name in (first.tool, first.requester))
    left = format_age(first.expires_at - now)
    said = f"risk {first.risk or 'unrated'}, {left} left: {tool} for {requester} ({first.id[-4:]})"
    return said if len(requests) == 1 else f"{len(requests)} requests; first: {said}"
