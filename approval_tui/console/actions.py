"""The one registry of what a person can do in the console; bindings, footer and help come from it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Action:
    """A key, what it does, and the command that does the same from a shell (rule R17)."""

    id: str
    key: str
    action: str
    description: str
    tooltip: str
    command: str | None = None
    is_shown: bool = True
    decides: bool = False


ACTIONS = (
    Action("approve", "a", "approve", "Approve", "Approve the request that is shown", "approve", decides=True),
    Action("deny", "d", "deny", "Deny", "Deny the request that is shown, with a reason", "deny", decides=True),
    Action("expire", "x", "expire", "Expire", "End the request without a verdict", "expire", decides=True),
    Action("unmask", "m", "unmask", "Unmask", "Show or mask secrets in the arguments", "show"),
    Action("switch_pane", "tab", "switch_pane", "Other pane", "Go to the other pane"),
    Action("next", "j,down", "next", "Next", "Next request, or next row of the details", is_shown=False),
    Action("previous", "k,up", "previous", "Previous", "Previous request, or previous row", is_shown=False),
    Action("first", "g,home", "first", "First", "First request, or top of the details", is_shown=False),
    Action("last", "G,end", "last", "Last", "Last request, or end of the details", is_shown=False),
    Action("read_on", "space,pagedown", "read_on", "Read on", "Next page of the details"),
    Action("read_back", "b,pageup", "read_back", "Read back", "Previous page of the details", is_shown=False),
    Action("quit", "q", "leave", "Quit", "Leave; nothing is decided"),
)
