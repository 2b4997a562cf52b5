"""What is unusual about a request stands above what else is read, comes once, and keeps the keys waiting."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from approval_tui.console import messages
from approval_tui.console.payload_screen import PayloadScreen
from approval_tui.console.shown_request import ShownRequest
from approval_tui.display import unusual
from approval_tui.display.glyphs import ASCII
from approval_tui.display.reading_aids import MARK, Aid, AidRow
from approval_tui.display.redaction import mask
from approval_tui.display.unusual import TITLE
from approval_tui.domain.calls import Call
from approval_tui.domain.coding_agents import CLAUDE_CODE
from approval_tui.store.blocking import BlockingStore
from tests.console.conftest import OpenConsole
from tests.console.driver import Console
from tests.console.looking import Look
from tests.console.telling import FEW_TEXTS
from tests.display.agent_calls import PARTS
from tests.hostile import everywhere
from tests.support import approve, consume, deny, submit, submit_approved

FIRST = "• the first request in this store"
SECRET = "hunter22-and-more"
MADE_UP = Aid(TITLE, (AidRow("• ", "made up", MARK),))


def a_call(number: int = 0, **parts: Any) -> Call:
    return Call(**{"tool": "deploy", "arguments": {"n": number}, "requester": "bot", **parts})


def told(console: Console) -> list[str]:
    """All rows of the pane, whether they are on the screen or not."""
    return [line.plain.rstrip() for line in console.screen.detail.lines]


def place(console: Console, words: str) -> int:
    """The number of the row that has these words; there is one."""
    (found,) = [number for number, row in enumerate(told(console)) if words in row]
    return found


@pytest.fixture
def late() -> Iterator[pytest.MonkeyPatch]:
    """Keeps something from happening until it is undone."""
    with pytest.MonkeyPatch.context() as patch:
        yield patch


# --- where it stands ---------------------------------------------------------------------------


async def test_it_stands_above_the_other_aids_and_the_arguments(
    open_console: OpenConsole, store: BlockingStore, project: Path
) -> None:
    call = Call("Bash", {"command": "ls | sudo sh"}, "claude", CLAUDE_CODE, context={"working_directory": str(project)})
    submit(store, call)
    async with open_console((140, 50)) as console:
        await console.until(lambda: any(PARTS in row for row in told(console)))
        title = place(console, TITLE)
        assert told(console)[title + 1] == FIRST
        assert title < place(console, PARTS) < place(console, "all of them)")
        await console.see("the first request in this store")


async def test_what_differs_from_the_last_approved_call_is_told(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    consume(store, submit_approved(store, a_call(1)))
    submit(store, a_call(2))
    async with open_console((140, 50)) as console:
        begin = place(console, TITLE)
        assert told(console)[begin + 1].startswith("• other than the last approved call of this tool")
        assert "│ argument n: was 1, is 2" in told(console)


async def test_where_nothing_is_unusual_nothing_is_said(open_console: OpenConsole, store: BlockingStore) -> None:
    consume(store, submit_approved(store, a_call(1)))
    submit(store, a_call(1))
    async with open_console((140, 50)) as console:
        assert [row for row in told(console) if TITLE in row or row.startswith("•")] == []


async def test_the_payload_screen_shows_none_of_it(open_console: OpenConsole, store: BlockingStore) -> None:
    submit(store, a_call())
    async with open_console((140, 50)) as console:
        assert FIRST in told(console)
        await console.press("enter")
        assert isinstance(console.app.screen, PayloadScreen)
        assert "the first request" not in console.text()


async def test_the_history_has_it_of_what_may_still_be_taken_back_alone(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    deny(store, submit(store, a_call(1)))
    submit_approved(store, a_call(2))
    async with open_console((140, 50)) as console:
        await console.press("2")
        await console.until(lambda: console.shown.status == "approved")
        await console.settle()
        assert "• no call of this tool was approved before" in told(console)
        await console.press("j")
        assert console.shown.status == "denied"
        assert [row for row in told(console) if TITLE in row] == []


async def test_it_goes_when_the_call_has_run_before_the_eyes_of_the_reviewer(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    request = submit(store, a_call())
    async with open_console((140, 50)) as console:
        assert FIRST in told(console)
        consume(store, approve(store, request))
        await console.until(lambda: console.shown.status == "consumed")
        await console.settle()
        assert [row for row in told(console) if TITLE in row] == []


# --- when it comes -----------------------------------------------------------------------------


async def test_deciding_keys_are_dead_again_when_it_comes(
    open_console: OpenConsole, store: BlockingStore, late: pytest.MonkeyPatch
) -> None:
    request = submit(store, a_call())
    late.setattr(ShownRequest, "ask_for_unusual", lambda _: False)
    async with open_console((140, 50)) as console:
        assert FIRST not in told(console)
        late.undo()
        shown = console.screen.shown_request
        assert shown is not None
        console.app.work.read_call(shown)
        await console.until(lambda: FIRST in told(console))
        await console.settle()
        await console.press_at_once("a")
        await console.see("Too soon")
        assert store.reviewer.get(request.id).status == "pending"
        await console.press("a")
        await console.until(lambda: store.reviewer.get(request.id).status == "approved")


async def test_the_same_again_keeps_no_key_waiting(open_console: OpenConsole, store: BlockingStore) -> None:
    request = submit(store, a_call())
    async with open_console((140, 50)) as console:
        shown = console.screen.shown_request
        assert shown is not None
        console.screen.post_message(messages.UnusualFound(shown, shown.redactor, shown.unusual))
        await console.settle()
        await console.press_at_once("a")
        await console.until(lambda: store.reviewer.get(request.id).status == "approved")


async def test_what_is_found_of_another_request_or_with_other_masks_is_dropped(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    for number in range(2):
        submit(store, a_call(number))
    async with open_console((140, 50)) as console:
        before = console.screen.shown_request
        assert before is not None
        console.screen.post_message(messages.UnusualFound(before, before.redactor.lifted(), (MADE_UP,)))
        await console.press("j")
        console.monotonic.move(1000)
        console.screen.post_message(messages.UnusualFound(before, before.redactor, (MADE_UP,)))
        await console.settle()
        assert [row for row in told(console) if "made up" in row] == []
        await console.press_at_once("a")  # and it keeps no key waiting
        await console.until(lambda: len(store.reviewer.list()) == 1)


async def test_it_is_asked_for_once_and_again_when_it_could_not_be_read(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    submit(store, a_call())
    async with open_console((140, 50)) as console:
        shown = console.screen.shown_request
        assert shown is not None
        assert not shown.ask_for_unusual()
        shown.take_unusual(shown.redactor, None)
        assert FIRST in told(console)
        assert shown.ask_for_unusual()


async def test_m_lifts_the_masks_in_it_too_and_puts_them_back(open_console: OpenConsole, store: BlockingStore) -> None:
    consume(store, submit_approved(store, a_call()))
    submit(store, a_call(arguments={"n": 0, "password": SECRET}))
    async with open_console((140, 50)) as console:
        masked, shown = (f'│ argument password: is new: "{text}"' for text in (mask(SECRET), SECRET))
        assert masked in told(console)
        await console.press("m")
        assert shown in told(console)
        await console.press("m")
        assert masked in told(console)
        assert SECRET not in "\n".join(told(console))


async def test_marks_that_cannot_be_worked_out_say_so(
    open_console: OpenConsole, store: BlockingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> tuple[Aid, ...]:
        raise RecursionError("too deep")

    monkeypatch.setattr(unusual, "what_is_unusual", broken)
    submit(store, a_call())
    async with open_console((140, 50)) as console:
        title = place(console, TITLE)
        assert "could not be worked out (RecursionError)" in told(console)[title + 1]
        assert place(console, "all of them)") > title


# --- what is approved, and who is fooled -------------------------------------------------------


async def test_none_of_it_has_to_be_read_and_all_of_the_arguments_have(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    consume(store, submit_approved(store, a_call(arguments={f"k{number}": 0 for number in range(8)})))
    request = submit(store, a_call(arguments={f"k{number}": 1 for number in range(8)}))
    async with open_console((140, 20)) as console:
        await console.press("a")
        await console.see("Read on first")
        await console.press("tab")
        while console.unread_rows:
            await console.press("pagedown")
        await console.press("a")
        await console.until(lambda: store.reviewer.get(request.id).status == "approved")
    (decision,) = store.reviewer.get(request.id).decisions
    assert (decision.evidence.kind, decision.evidence.rows) == ("shown", 8)


@pytest.mark.parametrize("options", [{}, {"glyphs": ASCII}], ids=["unicode", "ascii"])
async def test_a_hostile_text_in_it_is_visible_and_acts_on_nothing(
    options: dict[str, Any], open_console: OpenConsole, store: BlockingStore
) -> None:
    for text in FEW_TEXTS.values():
        approved = everywhere(text)
        submit_approved(store, Call(**{**vars(approved), "arguments": {"command": "make"}}))
        submit(store, approved)
    async with open_console((100, 60), **options) as console:
        look = Look(console)
        for _ in FEW_TEXTS:
            text = await look.press("g")
            assert text.isascii() or not options
            assert any(TITLE in row for row in told(console))
            await look.press("j")
    assert look.wall.let_through == []
