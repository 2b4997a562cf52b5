"""What tests of tool calls ask of a proxy, of its store and of the server behind it."""

from __future__ import annotations

import fcntl
import json
from pathlib import Path
from typing import Any

from approval_tui.domain.models import Request
from approval_tui.store.blocking import BlockingStore
from approval_tui.store.transactions.queries import Filter
from tests.proxy.client import Message, RawClient
from tests.support import approve, until

REFUSAL = "approval-tui/refusal"
PENDING_CODE = -32003
DONE = {"content": [{"type": "text", "text": "done"}], "isError": False}
"""What the recording server answers to a call that it has no other answer for."""


def done_with(request: Request, changed: str) -> Message:
    """The same where a reviewer had edited the request: the model is told what was changed, behind the result."""
    told = f"A reviewer changed the arguments of this call before approving it: {changed}."
    content = [{"type": "text", "text": "done"}, {"type": "text", "text": told}]
    return {
        "content": content,
        "isError": False,
        "_meta": {"approval-tui/edit": {"approval_id": request.id, "told": told}},
    }


def refusal(answer: Message) -> Message:
    """What an answer says, for programs, of why the call did not run: an error's data, or what is in `_meta`.

    An error of another kind has no data, and says nothing.
    """
    told: Message = answer["error"].get("data", {}) if "error" in answer else answer["result"]["_meta"][REFUSAL]
    return told


def text_of(answer: Message) -> str:
    """What a model gets to read of an answer."""
    text: str = answer["error"]["message"] if "error" in answer else answer["result"]["content"][0]["text"]
    return text


def asked_by(desk: BlockingStore, answer: Message) -> Request:
    """The request that an answer says is pending."""
    told = refusal(answer)
    assert told["type"] == "approval_required"
    return desk.reviewer.get(told["approval_id"])


def asked(proxy: RawClient, desk: BlockingStore, tool: str, arguments: Message | None = None, **params: Any) -> Request:
    """Calls a tool of a proxy that does not wait, and gives the request that it asks."""
    return asked_by(desk, proxy.call(tool, arguments, **params))


def approved(
    proxy: RawClient, desk: BlockingStore, tool: str, arguments: Message | None = None, **params: Any
) -> Request:
    """The same, and approves it: the next such call runs."""
    return approve(desk, asked(proxy, desk, tool, arguments, **params))


def run_approved(
    proxy: RawClient, desk: BlockingStore, tool: str, arguments: Message | None = None, **params: Any
) -> tuple[Request, Message]:
    """Asks, approves and calls again; gives the request as it is then, and the answer."""
    request = approved(proxy, desk, tool, arguments, **params)
    answer = proxy.call(tool, arguments, **params)
    return desk.reviewer.get(request.id), answer


def everything(desk: BlockingStore) -> list[Request]:
    """All requests, those that wait first."""
    return [*desk.reviewer.list(most=100_000), *desk.reviewer.history(most=100_000)]


def in_doubt_later(later: BlockingStore) -> set[str]:
    """The ids of the claims that are in doubt in a store whose clock is far ahead."""
    return {request.id for request in later.reviewer.list(Filter(status="in_doubt"), most=100_000)}


def log_text(desk: BlockingStore) -> str:
    """All that the audit log says."""
    return "\n".join(json.dumps([event.name, event.body]) for event in desk.reviewer.events(most=100_000))


def with_other_waits(command: list[str], busy: float = 10.0) -> list[str]:
    """The command of a proxy that waits for so many seconds for a store that is held, and for one second at its end."""
    place = command.index("approval_tui")
    return [*command[:place], "tests.proxy.support_busy", str(busy), *command[place + 1 :]]


def until_servers_ended(record: Path) -> None:
    """Waits until nothing is left of any server that writes to this record."""
    with open(record, "a", encoding="utf-8") as file:
        until(lambda: _is_unlocked(file.fileno()))


def _is_unlocked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(file, fcntl.LOCK_UN)
    return True
