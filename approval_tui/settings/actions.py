"""The one registry of what a person can do in the console, and of the keys that do it.

Bindings, footer, help, palette, the keymap of the configuration, the README's key table and the table of
commands that do the same from a shell (rule R17) all come from it. It stands in this room because a
configuration that names an action or a key must be checked before anything is drawn.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import NamedTuple

PENDING_VIEW = "pending"
HISTORY_VIEW = "history"
AUDIT_VIEW = "audit"
GRANTS_VIEW = "grants"
PAYLOAD_VIEW = "payload"
REVIEW = "review"  #: where an edited request is read before it is approved
EDITOR = "editor"  #: where letters are text, so that only few keys do anything else
BULK_VIEW = "bulk"
GRANTING_VIEW = "granting"
SESSION_VIEW = "session"
VIEWS = (PENDING_VIEW, HISTORY_VIEW, AUDIT_VIEW, GRANTS_VIEW)
PAYLOADS = (PAYLOAD_VIEW, REVIEW)
READING = (*VIEWS, *PAYLOADS, BULK_VIEW, GRANTING_VIEW, SESSION_VIEW)
PLACES = (*READING, EDITOR)

_REQUESTS = (PENDING_VIEW, HISTORY_VIEW)
_DECIDABLE = (PENDING_VIEW, PAYLOAD_VIEW)
_ONE_REQUEST = (*_REQUESTS, PAYLOAD_VIEW)
_WITH_MASKS = tuple(place for place in READING if place != SESSION_VIEW)
_ELSEWHERE = tuple(place for place in READING if place not in (PENDING_VIEW, GRANTING_VIEW))


class Action(NamedTuple):
    """What a person can do: its keys, a word for the footer, a sentence, and where it can be done.

    `command` is the command that does the same from a shell; `decides` says that the contract of rule R11
    holds for its keys.
    """

    id: str
    keys: tuple[str, ...]
    label: str
    does: str
    places: tuple[str, ...] = READING
    command: str | None = None
    in_footer: bool = False
    decides: bool = False
    status: str | None = None  #: the only status of the shown request for which the footer names it


ACTIONS = (
    Action(
        "approve",
        ("a",),
        "Approve",
        "Approve the request that is shown; with marks, all of them from one table",
        (*_DECIDABLE, REVIEW, BULK_VIEW, GRANTING_VIEW),
        "approve",
        in_footer=True,
        decides=True,
        status="pending",
    ),
    Action(
        "approve_session",
        ("s",),
        "For session",
        "Approve, and such calls for the rest of its session; says first which",
        _DECIDABLE,
        "approve",
        decides=True,
        status="pending",
    ),
    Action(
        "approve_always",
        ("A",),
        "Always",
        "Approve, and such calls in every session; says first which",
        _DECIDABLE,
        "grant add",
        decides=True,
        status="pending",
    ),
    Action(
        "deny",
        ("d",),
        "Deny",
        "Deny the request that is shown, with a reason; with marks, all of them",
        (*_DECIDABLE, BULK_VIEW),
        "deny",
        in_footer=True,
        decides=True,
        status="pending",
    ),
    Action(
        "deny_session",
        ("D",),
        "Hold session",
        "Deny all that its session has pending, and hold back the rest of it",
        (*_DECIDABLE, SESSION_VIEW),
        "session hold",
        decides=True,
        status="pending",
    ),
    Action(
        "release",
        ("r",),
        "Release",
        "Let a session that is held back go on",
        (SESSION_VIEW,),
        "session release",
        in_footer=True,
        decides=True,
        status="held",
    ),
    Action(
        "edit",
        ("e",),
        "Edit",
        "Edit its arguments, read what the edit makes of the call, and approve that",
        _DECIDABLE,
        "approve",
        in_footer=True,
        status="pending",
    ),
    Action(
        "review",
        ("ctrl+s", "f2"),
        "Review",
        "Read the edited call, to approve it",
        (EDITOR,),
        "approve",
        in_footer=True,
    ),
    Action(
        "expire",
        ("x",),
        "Expire",
        "End the request without a verdict",
        _DECIDABLE,
        "expire",
        in_footer=True,
        decides=True,
        status="pending",
    ),
    Action(
        "revoke",
        ("r",),
        "Revoke",
        "Take an approval back, while it is unused",
        _ONE_REQUEST,
        "revoke",
        in_footer=True,
        decides=True,
        status="approved",
    ),
    Action(
        "revoke_grant",
        ("r",),
        "Revoke",
        "End the grant that is shown",
        (GRANTS_VIEW,),
        "grant revoke",
        in_footer=True,
        decides=True,
        status="granted",
    ),
    Action(
        "resolve",
        ("R",),
        "Resolve",
        "Say what became of a call that is in doubt",
        (HISTORY_VIEW,),
        "resolve",
        in_footer=True,
        decides=True,
        status="in_doubt",
    ),
    Action(
        "payload",
        ("enter",),
        "Payload",
        "The whole payload on a screen of its own",
        _REQUESTS,
        "show",
        in_footer=True,
    ),
    Action("mark", ("space",), "Mark", "Mark the row, to decide several", (PENDING_VIEW,), "bulk approve", True),
    Action("mark_range", ("v",), "Range", "Mark from here to where the cursor goes; again ends it", (PENDING_VIEW,)),
    Action("mark_all", ("*",), "Mark all", "Mark all that match the filter", (PENDING_VIEW,), "bulk deny"),
    Action(
        "loosen",
        ("space",),
        "Loosen",
        "Exactly this, what fits a pattern, or anything",
        (GRANTING_VIEW,),
        "grant test",
        in_footer=True,
    ),
    Action(
        "change",
        ("enter",),
        "Change",
        "Write the pattern, the time or the number of uses",
        (GRANTING_VIEW,),
        in_footer=True,
    ),
    Action(
        "filter",
        ("/",),
        "Filter",
        "Show only what matches; in a payload, search",
        (*VIEWS, *PAYLOADS),
        in_footer=True,
        command="list",
    ),
    Action("pending", ("1",), "Pending", "What waits for a decision", VIEWS, "list"),
    Action("history", ("2",), "History", "What no longer waits", VIEWS, "history"),
    Action("audit", ("3",), "Audit", "The events of the audit log", VIEWS, "audit list"),
    Action("grants", ("4",), "Grants", "What runs without asking", VIEWS, "grant list"),
    Action("events", ("l",), "Its events", "Only the events of the shown request", VIEWS, "audit list"),
    Action("session", ("o",), "Session", "What its session asked, did and may do", _ONE_REQUEST, "session show"),
    Action("in_doubt", ("i",), "In doubt", "Calls that began and never reported", VIEWS, "list"),
    Action(
        "verify",
        ("v",),
        "Verify now",
        "Check that nobody edited the log or the requests",
        (AUDIT_VIEW,),
        "audit verify",
        in_footer=True,
    ),
    Action("next", ("j", "down"), "Next", "Next row", PLACES),
    Action("previous", ("k", "up"), "Previous", "Previous row", PLACES),
    Action("first", ("g", "home"), "First", "First row, or the top", PLACES),
    Action("last", ("G", "end"), "Last", "Last row, or the end; what it passes over is not read", PLACES),
    Action("page_down", ("pagedown", "ctrl+d"), "Page down", "Next page", PLACES),
    Action("page_up", ("pageup", "ctrl+u"), "Page up", "Previous page", PLACES),
    Action("read_on", ("f",), "Read on", "Next page of the details, from either pane", in_footer=True),
    Action("read_on_too", ("space",), "Read on", "The same where there is nothing to mark", _ELSEWHERE),
    Action("read_back", ("b",), "Read back", "Previous page of the details, from either pane"),
    Action("switch_pane", ("tab",), "Other pane", "Go to the other pane", (*VIEWS, EDITOR)),
    Action("find_next", ("n",), "Next match", "Next place that the search found", PAYLOADS, in_footer=True),
    Action("find_previous", ("N",), "Previous match", "The place before it", PAYLOADS),
    Action("unmask", ("m",), "Unmask", "Show or mask secrets in the arguments", _WITH_MASKS, "show"),
    Action("copy", ("y",), "Copy", "Copy what is shown: arguments, an event or a grant, as JSON", (*VIEWS, *PAYLOADS)),
    Action("back", ("escape",), "Back", "Leave the screen, or take marks or filter away", PLACES),
    Action("help", ("?",), "Help", "What the keys do here", in_footer=True),
    Action("palette", ("ctrl+p",), "Palette", "Find an action by its name"),
    Action("redraw", ("ctrl+l",), "Redraw", "Draw the screen anew, when something else wrote over it", PLACES),
    Action("suspend", ("ctrl+z",), "Suspend", "Back to the shell; `fg` comes back, and decides nothing"),
    Action("quit", ("q", "ctrl+q"), "Quit", "Leave; nothing is decided", in_footer=True),
)
BY_ID = {action.id: action for action in ACTIONS}

#: Keys that must never decide, because they are pressed without a thought, or end every other question.
NEVER_DECIDING = frozenset(
    {"enter", "return", "newline", "escape", "space", "tab", "backspace", "delete", "up", "down", "left", "right"}
)


#: Keys that mean something else before any keymap is asked, and what.
TAKEN = {
    "ctrl+q": "leaves, whatever else is asked of it",
    "ctrl+c": "copies or stops, whatever else is asked of it",
    "ctrl+j": "is what terminals send for enter",
    "ctrl+m": "is what terminals send for enter",
    "ctrl+i": "is what terminals send for tab",
    "ctrl+h": "is what terminals send for backspace",
    "ctrl+[": "is what terminals send for escape",
    "ctrl+@": "is what terminals send for ctrl+space",
}


def with_keymap(keymap: Mapping[str, tuple[str, ...]]) -> tuple[Action, ...]:
    """The registry with a configuration's keys in place of the default ones."""
    return tuple(action._replace(keys=keymap.get(action.id, action.keys)) for action in ACTIONS)


def keymap_problems(keymap: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """What is wrong with each action's keys, by its id; an empty result means that they can be used."""
    problems: dict[str, str] = {}
    keymap = {action: tuple(map(_by_character, keys)) for action, keys in keymap.items()}
    actions = with_keymap(keymap)
    for action in actions:
        if action.decides and (unfit := [key for key in action.keys if key.rpartition("+")[2] in NEVER_DECIDING]):
            problems[action.id] = f"{unfit[0]} never decides; choose another key"
            continue
        taken = [key for key in action.keys if key in TAKEN and key not in BY_ID[action.id].keys]
        if action.id in keymap and taken:
            problems[action.id] = f"{taken[0]} {TAKEN[taken[0]]}; choose another key"
            continue
        others = (other for other in actions if other.id != action.id and set(other.places) & set(action.places))
        for other in others:
            if shared := sorted(set(action.keys) & set(other.keys)):
                said = action if action.id in keymap else other
                same_as = other if said is action else action
                problems.setdefault(said.id, f"{shared[0]} is the key of {same_as.id} already")
    return problems


def _by_character(key: str) -> str:
    """The key by its character where it was written by its name, so that two names of one key are one."""
    modifiers, plus, last = key.rpartition("+")
    name = _RENAMED.get(last, last).replace("_", " ").upper()
    try:
        character = unicodedata.lookup(name) if len(last) > 1 else last
    except KeyError:
        return key
    is_sign = character.isascii() and character.isprintable() and character != " "
    return f"{modifiers}{plus}{character}" if is_sign else key


#: Names of keys that Unicode calls otherwise.
_RENAMED = {
    "slash": "solidus",
    "backslash": "reverse_solidus",
    "at": "commercial_at",
    "minus": "hyphen-minus",
    "less_than_sign": "less-than_sign",
    "greater_than_sign": "greater-than_sign",
    "plus": "plus_sign",
    "underscore": "low_line",
}
