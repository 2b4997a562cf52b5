"""What a console shows of marks, tables and decisions follows the store, whoever changed it and in whatever order."""

from __future__ import annotations

from approval_tui.domain.calls import Call
from approval_tui.store.blocking import BlockingStore
from tests.console.conftest import OpenConsole
from tests.console.driver import Console
from tests.console.test_bulk import TALL, all_marked, marked, small
from tests.support import approve, consume, deny, submit


def marks_said(console: Console, words: str) -> bool:
    """Whether the line above the list says that of the marks."""
    return words in console.text().split("\n")[0]


async def test_a_mark_that_the_filter_keeps_out_goes_when_its_request_is_decided(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    first, _ = small(store, 2)
    submit(store, Call("mail", {}, "bot"))
    async with open_console(TALL) as console:
        await console.press("*")
        await all_marked(console)
        await console.press("slash", *"tool:mail", "enter")
        await console.until(lambda: len(console.screen.lists.pending.rows) == 1)
        await console.until(lambda: marks_said(console, "3 marked"))
        deny(store, first)
        await console.until(lambda: marks_said(console, "2 marked"))


async def test_how_many_are_marked_is_said_as_soon_as_one_of_them_is_decided(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    requests = small(store, 3)
    async with open_console(TALL) as console:
        await console.press("*")
        await console.until(lambda: marks_said(console, "3 marked"))
        deny(store, requests[1])
        await console.until(lambda: marked(console) == 2)
        await console.until(lambda: marks_said(console, "2 marked"))


async def test_a_marked_request_that_is_expired_here_is_marked_no_more(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    small(store, 2)
    async with open_console(TALL) as console:
        await console.press("*", "g")
        await console.until(lambda: marks_said(console, "2 marked"))
        await console.press("x", "y")
        await console.until(lambda: len(store.reviewer.list()) == 1)
        await console.until(lambda: marks_said(console, "1 marked"))


async def test_what_was_used_meanwhile_is_not_listed_as_approved_when_the_decision_is_heard_of(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    first, _ = small(store, 2)
    async with open_console(TALL) as console:
        decided = approve(store, first)
        claim = consume(store, first)
        store.requester.report_outcome(first.id, claim.id, "succeeded")
        await console.until(lambda: console.shown.outcome == "succeeded")
        console.screen.take_in(decided)  # as the first of a table whose last was decided only now
        await console.settle()
        assert (console.shown.id, console.shown.outcome) == (first.id, "succeeded")
