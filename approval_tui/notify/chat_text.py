"""What a chat, a push service or a mail says of a request. Pure.

Names come from agents: nothing in them may work as markup, as a mention or as a link, in whatever chat it is read.
"""

from __future__ import annotations

from typing import NamedTuple

from approval_tui.display.visible import is_invisible
from approval_tui.domain.clock import format_timestamp
from approval_tui.domain.lifecycle import PENDING
from approval_tui.domain.notices import REMINDER, Notice

_LONGEST_NAME = 60


class ChatText(NamedTuple):
    """A heading and a text."""

    title: str
    body: str


TRIAL = ChatText("approval-tui: a test", "Notices of requests that wait for a decision arrive here.")


def chat_text(notice: Notice) -> ChatText:
    """What is said of a request: its tool, requester, risk, expiry and id, and never its arguments (rule R10)."""
    if notice.status != PENDING:
        title = f"approval-tui: a request that waited is {notice.status}"
    elif notice.kind == REMINDER:
        title = "approval-tui: a request still waits for a decision"
    else:
        title = "approval-tui: a request waits for a decision"
    server = "" if notice.server is None else f" of {inert_name(notice.server)}"
    until = format_timestamp(notice.expires_at)[:19].replace("T", " ")
    lines = [
        f"{inert_name(notice.tool)}{server} for {inert_name(notice.requester)}",
        f"Risk: {notice.risk or 'unrated'}. Expires at {until} UTC.",
        f"To look at it: approval-tui show {notice.request_id.partition('_')[2]}",
    ]
    return ChatText(title, "\n".join(lines))


def inert_name(text: str) -> str:
    """The name in quotes, in which every character but letters, digits, single spaces and hyphens is escaped.

    An escape looks as it does everywhere else, as `\\u{40}`; of a long name three dots say that it goes on.
    """
    shown = "".join(map(_inert, text[:_LONGEST_NAME])).replace("  ", " \\u{20}")
    return f'"{shown}{"..." if len(text) > _LONGEST_NAME else ""}"'


def _inert(character: str) -> str:
    if character in " -" or (character.isalnum() and not is_invisible(character)):
        return character
    return f"\\u{{{ord(character):X}}}"
