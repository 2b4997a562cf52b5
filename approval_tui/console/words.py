"""What the console says about its lists: how much of them is shown, and what an empty one means. No Textual."""

from __future__ import annotations

from approval_tui.console.lists import MOST_FOUND, Found, ListView
from approval_tui.settings.actions import AUDIT_VIEW, GRANTS_VIEW, HISTORY_VIEW, PENDING_VIEW

FILTER_HINT = "tool: requester: session: status: risk: or any text; enter keeps it, escape takes it away"
OPENING = ("Opening the store ...",)
EMPTY = {
    PENDING_VIEW: (
        "Nothing waits.",
        "",
        "Agents write their requests to the store below.",
        "To see how it works: approval-tui demo",
    ),
    HISTORY_VIEW: ("Nothing was decided yet.",),
    AUDIT_VIEW: ("The audit log is empty.",),
    GRANTS_VIEW: ("Nothing runs without asking but what a policy allows.", "", "Grants are given with s and A."),
}
UNREADABLE = ("There is no store to read.", "", "To see how it works: approval-tui demo")
_NOTHING_MATCHES = ("Nothing matches.", "", "escape takes the filter away")


def emptiness(view: ListView) -> tuple[str, ...]:
    """What stands where there are no rows."""
    if not view.rows.is_loaded:
        return ("...",)
    return _NOTHING_MATCHES if view.is_filtered else EMPTY[view.name]


def extent(view: ListView) -> str:
    """Where the cursor is, how long the list is, and what came meanwhile."""
    rows = view.rows
    if not rows.is_loaded:
        return ""
    index = rows.cursor_index
    said = f"{0 if not len(rows) else index + 1 if index is not None else '-'} of {len(rows):,}"
    if isinstance(rows, Found):
        said += _search_state(rows)
    if view.marks:
        said += f", {len(view.marks):,} marked{' and a range' if view.marks.anchor is not None else ''}"
    if rows.new_count:
        where = "below" if view.name == PENDING_VIEW else "above"
        said += f", {rows.new_count:,} new {where}"
    return said


def filter_words(view: ListView) -> str:
    """The filter in force, as it was typed."""
    if view.request_id is not None:
        return f"events of {view.request_id}"
    return view.filter_text.strip()


def _search_state(rows: Found) -> str:
    if len(rows) >= MOST_FOUND:
        return f" found, the first {MOST_FOUND:,}; narrow it down to see others"
    if rows.is_finished:
        return " found"
    return f" found so far, {rows.looked_at:,} looked at"
