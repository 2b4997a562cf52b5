"""Badges: a glyph, a word and a colour's name, so that no meaning rests on the colour alone."""

from __future__ import annotations

from typing import NamedTuple

from approval_tui.domain import lifecycle
from approval_tui.domain.models import Request


class Badge(NamedTuple):
    """A glyph for terminals with UTF-8, a letter for those without, the word, and the colour's role."""

    glyph: str
    letter: str
    word: str
    role: str  #: good, bad, warning, quiet or plain

    def text(self, *, plain: bool = False) -> str:
        """Glyph and word; `plain` for a terminal without UTF-8."""
        return f"{self.letter if plain else self.glyph} {self.word}"


_STATUS = {
    lifecycle.PENDING: Badge("…", "p", "pending", "warning"),
    lifecycle.APPROVED: Badge("✓", "+", "approved", "good"),
    lifecycle.DENIED: Badge("✕", "x", "denied", "bad"),
    lifecycle.EXPIRED: Badge("◇", "e", "expired", "quiet"),
    lifecycle.CANCELLED: Badge("∅", "c", "cancelled", "quiet"),
    lifecycle.CONSUMED: Badge("●", "u", "consumed", "good"),
}
IN_DOUBT = Badge("?", "?", "in doubt", "bad")
_OUTCOME = {
    lifecycle.SUCCEEDED: Badge("●", "u", "succeeded", "good"),
    lifecycle.FAILED: Badge("●", "!", "failed", "bad"),
    lifecycle.NOT_RUN: Badge("○", "-", "not run", "quiet"),
}
_RISK = {
    "low": Badge("○", "l", "low", "good"),
    "medium": Badge("◆", "m", "medium", "warning"),
    "high": Badge("▲", "H", "HIGH", "bad"),
}
NO_RISK = Badge("·", "-", "unrated", "quiet")


def status_badge(request: Request) -> Badge:
    """What became of the request, down to the outcome of its call."""
    if request.in_doubt:
        return IN_DOUBT
    if request.status == lifecycle.CONSUMED and request.outcome is not None:
        return _OUTCOME[request.outcome]
    return _STATUS[request.status]


def risk_badge(risk: str | None) -> Badge:
    """The risk that a rule gave the call."""
    return NO_RISK if risk is None else _RISK.get(risk, NO_RISK)
