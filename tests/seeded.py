"""A store with telling requests and fixed times and ids; console tests and screenshots share it."""

from __future__ import annotations

from collections.abc import Callable

from approval_tui.domain.calls import Call
from approval_tui.domain.clock import MINUTE, SECOND
from approval_tui.domain.ids import IdFactory
from approval_tui.domain.models import Request
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from tests.support import ManualClock

FIRST_MOMENT = 1_800_000_000_000
"""2027-01-15 08:00 UTC, when the seeded story begins."""


def counting_ids(count: int = 0) -> IdFactory:
    """Ids that are the same in every run: a UUIDv7 shape with a counter in it, from `count` on."""

    def new_id() -> str:
        nonlocal count
        count += 1
        return f"apr_{FIRST_MOMENT + count:012x}7a10{count:04x}9d3c5e7f10{count:02x}"[:36]

    return new_id


def hostile_call() -> Call:
    """A call whose every string tries to fool the reader."""
    return Call(
        tool="[@click=app.approve('x')]shell[/]",
        arguments={
            "command": "echo safe \u202e gnp.txt \x1b]0;owned\x07\u200b [/b] [bold]hidden[/bold]",
            'command: "ls"': "\\u{202E} literal",
            "note": 'line\r\n\tcommand: "ls"',
        },
        requester="evil\u2066bot",
        reason="[@click=app.quit]see details[/] \x9b2J",
    )


def telling_calls() -> list[tuple[Call, int]]:
    """The story: each call, and how many ms after the one before it comes."""
    return [
        (
            Call(
                tool="shell",
                arguments={"command": "make deploy ENV=production"},
                requester="release-bot",
                session="run-7",
                context={"working_directory": "/srv/app", "host": "web-2"},
                reason="All checks passed; deploy release 2.",
                risk="medium",
                timeout=30 * MINUTE,
            ),
            0,
        ),
        (
            Call(
                tool="write_file",
                arguments={
                    "path": "migrations/0042_drop_users.sql",
                    "content": "BEGIN;\n"
                    + "\n".join(f"ALTER TABLE users DROP COLUMN legacy_{number};" for number in range(40))
                    + "\nCOMMIT;\n",
                },
                requester="schema-bot",
                session="run-3",
                reason="The legacy columns are not read any more.",
                risk="high",
                timeout=20 * MINUTE,
            ),
            40 * SECOND,
        ),
        (
            Call(
                tool="transfer",
                arguments={
                    "amount": 1200.5,
                    "currency": "EUR",
                    "to": "Acme Hosting",
                    "invoice": {"number": "2027-011", "lines": [{"item": "server", "count": 3}]},
                    "api_token": "tok_3f9c2b7a81d04e55a0c1",
                },
                requester="billing-bot",
                server="payments",
                session="run-1",
                risk="high",
            ),
            25 * SECOND,
        ),
        (
            Call(tool="fetch", arguments={"url": "https://example.org/report"}, requester="research-bot", risk="low"),
            9000,
        ),
    ]


def seed(path: str, clock: ManualClock, change: Callable[[BlockingStore], None] | None = None) -> list[Request]:
    """Writes the story into a fresh store, lets `change` act on it, and gives the requests."""
    with open_store_blocking(path, clock=clock, new_id=counting_ids()) as store:
        requests = []
        for call, later in telling_calls():
            clock.move(later)
            requests.append(store.requester.submit(call).request)
        if change is not None:
            change(store)
    clock.move(5 * SECOND)
    return requests
