"""Searches through what can be a million rows, in steps that each hold the connection for a moment only."""

from __future__ import annotations

import time
from dataclasses import dataclass

from approval_tui.domain.audit import Event
from approval_tui.domain.models import Request
from approval_tui.store.transaction import Transaction
from approval_tui.store.transactions.filters import Filter, check_filter, filter_parameters, statement_for
from approval_tui.store.transactions.log import event_from_row, log_bounds
from approval_tui.store.transactions.queries import BEFORE_EVERY_ID, PAST_EVERY_ID, history_between

SCAN = 20_000
"""How many rows one step looks at, if they are short."""

_LONGEST_STEP = 0.05
"""Seconds after which a step ends early: arguments may be long."""

_ROWS_BETWEEN_LOOKS = 500


@dataclass(frozen=True)
class Found:
    """What one step found, newest first; where to go on (None at the end), and how many ids it looked at."""

    requests: tuple[Request, ...]
    before: str | None
    scanned: int


@dataclass(frozen=True)
class FoundEvents:
    """The same of events."""

    events: tuple[Event, ...]
    before: int | None
    scanned: int


def search_history(
    tx: Transaction, chosen: Filter, *, before: str | None = None, most: int = 100, scan: int = SCAN
) -> Found:
    """One step of a search through what no longer waits: at most `scan` ids below `before`, at most `most` found.

    A step ends early where rows are long. Raises InvalidInput for a filter that cannot be used.
    """
    check_filter(chosen)
    step = _Step(most, scan)
    requests: list[Request] = []
    below: str | None = before or PAST_EVERY_ID
    while below is not None and step.goes_on(len(requests)):
        found = _search_ids(tx, chosen, below, most - len(requests), step.rows)
        requests += found.requests
        below = found.before
        step.scanned += found.scanned
    return Found(tuple(requests), below, step.scanned)


def search_events(
    tx: Transaction, chosen: Filter, *, before: int | None = None, most: int = 100, scan: int = SCAN
) -> FoundEvents:
    """One step of a search through the log: at most `scan` numbers below `before`, at most `most` found.

    An event matches whose name, request's id or body holds every word without a field, and whose request
    matches the rest of the filter. Raises InvalidInput for a filter that cannot be used.
    """
    check_filter(chosen)
    bounds = log_bounds(tx)
    if bounds is None:
        return FoundEvents((), None, 0)
    step = _Step(most, scan)
    events: list[Event] = []
    below = bounds.last + 1 if before is None else min(before, bounds.last + 1)
    while below > bounds.first and step.goes_on(len(events)):
        lowest = max(bounds.first, below - step.rows)
        found = _search_numbers(tx, chosen, lowest, below, most - len(events))
        events += found
        if len(events) == most:
            lowest = found[-1].seq
        step.scanned += below - lowest
        below = lowest
    return FoundEvents(tuple(events), below if below > bounds.first else None, step.scanned)


class _Step:
    """How far one step has come, and whether it goes on."""

    def __init__(self, most: int, scan: int) -> None:
        self._most = most
        self._scan = scan
        self._end = time.monotonic() + _LONGEST_STEP
        self.scanned = 0

    @property
    def rows(self) -> int:
        """How many rows to look at before the next look at the time."""
        return min(_ROWS_BETWEEN_LOOKS, self._scan - self.scanned)

    def goes_on(self, found: int) -> bool:
        """Whether more is to be looked at; a step always looks at something."""
        is_done = found >= self._most or self.scanned >= self._scan
        return not is_done and (self.scanned == 0 or time.monotonic() < self._end)


def _search_ids(tx: Transaction, chosen: Filter, below: str, most: int, rows: int) -> Found:
    """What of the next ids matches; it walks the key to where they end, and reads only what lies between."""
    end = [row["id"] for row in tx.rows("ids_where_a_step_ends", {"before": below, "skipped": rows - 1})]
    is_end = len(end) < 2
    above = BEFORE_EVERY_ID if is_end else end[1]
    requests = history_between(tx, chosen, above=above, before=below, most=most)
    if len(requests) == most:
        last = requests[-1].id
        return Found(requests, last, 1 + _count_of_ids(tx, last, below))
    if is_end:
        return Found(requests, None, _count_of_ids(tx, above, below))
    return Found(requests, end[0], rows)


def _search_numbers(tx: Transaction, chosen: Filter, lowest: int, below: int, most: int) -> tuple[Event, ...]:
    """The events that match from the number `lowest` to the one before `below`, newest first."""
    name = "events_matching_of_requests" if _asks_for_requests(chosen) else "events_matching"
    parameters = {**filter_parameters(chosen), "above": lowest - 1, "before": below, "now": tx.now, "most": most}
    return tuple(event_from_row(row) for row in tx.rows(statement_for(name, chosen), parameters))


def _asks_for_requests(chosen: Filter) -> bool:
    """Whether an event alone cannot tell that it matches."""
    exact = (chosen.status, chosen.requester, chosen.tool, chosen.session, chosen.risk)
    return any(part is not None for part in exact) or any(word.field is not None for word in chosen.words)


def _count_of_ids(tx: Transaction, above: str, before: str) -> int:
    return int(tx.rows("count_of_ids", {"above": above, "before": before})[0]["count"])
