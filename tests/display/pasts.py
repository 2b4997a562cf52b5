"""What came before a request, made up, and what is then said to be unusual about it."""

from __future__ import annotations

from typing import Any

from approval_tui.display.glyphs import UNICODE, Glyphs
from approval_tui.display.reading_aids import AidRow
from approval_tui.display.redaction import Redactor
from approval_tui.display.unusual import what_is_unusual
from approval_tui.domain.models import Request
from approval_tui.domain.precedents import Precedents
from tests.display.requests import MOMENT, a_request

FIRST = "the first request in this store"


def a_past(*approved: Request, **fields: Any) -> Precedents:
    """A past with these approved calls of the tool, newest first, in which nothing else is new."""
    plain: dict[str, Any] = {
        "is_first": False,
        "is_first_of_requester": False,
        "is_first_of_tool": False,
        "is_first_of_requester_for_tool": False,
        "calls_looked_at": None,
        "are_all_approved": True,
        "tools": (),
        "requesters": (),
        "servers": (),
        "are_all_names": True,
    }
    return Precedents(**{**plain, **fields}, approved=approved)


def used(**fields: Any) -> Request:
    """A call that was approved and used."""
    return a_request(**{"status": "consumed", "decided_at": MOMENT, **fields})


def rows_of(
    request: Request, past: Precedents, redactor: Redactor | None = None, glyphs: Glyphs = UNICODE
) -> tuple[AidRow, ...]:
    """The rows, without their title."""
    aids = what_is_unusual(request, past, Redactor() if redactor is None else redactor, glyphs)
    return tuple(row for aid in aids for row in aid.rows)


def said(request: Request, past: Precedents, redactor: Redactor | None = None) -> list[str]:
    """What the rows say."""
    return [row.text for row in rows_of(request, past, redactor)]


def marks(request: Request, past: Precedents) -> list[str]:
    """What is said but for how the call differs from the last one."""
    return [row.text for row in rows_of(request, past) if row.lead != UNICODE.bar and "other than" not in row.text]
