"""What becomes of a request while its editor or its review is open is said at once, and nothing is decided then."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from approval_tui.console.main_screen import MainScreen
from approval_tui.domain.calls import Call
from approval_tui.domain.models import Request, Requirements
from approval_tui.store.blocking import BlockingStore
from tests.console.conftest import OpenConsole
from tests.console.driver import Console
from tests.console.editing import open_editor, open_review, review, write_object
from tests.gate.policies import edit
from tests.support import BO, approve, assert_sound, deny, submit

EDITED = {"command": "make test"}
SESSION = ("release-bot", "run-7")

Event = Callable[[BlockingStore, Request], object]

EVENTS: dict[str, tuple[Event, str]] = {
    "denied": (lambda store, request: deny(store, request, "no", BO), "already denied by bo (no)"),
    "approved": (lambda store, request: approve(store, request, BO), "already approved by bo"),
    "edited": (lambda store, request: edit(store, request, {"command": "ls"}), "already approved by ann"),
    "withdrawn": (
        lambda store, request: store.requester.cancel(request.id, requester=request.requester),
        "already cancelled",
    ),
    "expired": (lambda store, request: store.reviewer.expire(request.id, reviewer=BO), "expired since"),
    "held": (lambda store, _: store.reviewer.hold_session(*SESSION, reviewer=BO), "Its session is held back by bo"),
}


def said(console: Console) -> str:
    """Everything on the screen, in one line."""
    return " ".join(console.text().split())


@pytest.mark.parametrize("event", EVENTS)
async def test_the_editor_says_it_at_once_and_keeps_the_text(
    event: str, open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    happen, words = EVENTS[event]
    async with open_console() as console:
        screen = await open_editor(console)
        await write_object(console, **EDITED)
        text = screen.area.text
        happen(reviewing_store, requests[0])
        await console.until(lambda: words in said(console))
        await console.until(lambda: "NOT TO BE DECIDED" in console.text())
        assert "The text stays, to be copied." in said(console)
        before = reviewing_store.reviewer.get(requests[0].id)
        await console.press("ctrl+s")
        assert console.app.screen is screen
        assert screen.area.text == text
        assert reviewing_store.reviewer.get(requests[0].id) == before
    assert_sound(reviewing_store)


@pytest.mark.parametrize("event", EVENTS)
async def test_the_review_says_it_at_once_and_its_key_decides_nothing(
    event: str, open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    happen, words = EVENTS[event]
    async with open_console() as console:
        screen = await open_editor(console)
        await write_object(console, **EDITED)
        shown = await open_review(console)
        happen(reviewing_store, requests[0])
        await console.until(lambda: words in said(console))
        before = reviewing_store.reviewer.get(requests[0].id)
        await console.press("a")
        assert shown.is_current
        assert words in said(console)
        assert '+ command: "make test"' in console.text()
        await console.press("escape")
        assert screen.is_current
    assert reviewing_store.reviewer.get(requests[0].id) == before
    assert_sound(reviewing_store)


async def test_a_session_that_is_released_again_can_be_decided(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    reviewing_store.reviewer.hold_session(*SESSION, reviewer=BO)
    async with open_console() as console:
        await console.press("e")
        await console.until(lambda: "Its session is held back by bo" in said(console))
        reviewing_store.reviewer.release_session(*SESSION, reviewer=BO)
        await console.until(lambda: "NOT TO BE DECIDED" not in console.text())
        await console.see("It can be decided again.")
        await console.settle()
        await write_object(console, **EDITED)
        await open_review(console)
        await console.press("a")
        await console.see("Approved as edited")
    assert reviewing_store.reviewer.get(requests[0].id).edited_arguments == EDITED


async def test_a_request_whose_time_passes_is_too_late_for_its_edit(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        await open_editor(console)
        await write_object(console, **EDITED)
        await open_review(console)
        console.clock.move(requests[0].expires_at - console.clock())
        console.app.reload()
        await console.until(lambda: "Too late for this edit" in said(console))
        await console.press("a")
        await console.see("Too late")
    assert reviewing_store.reviewer.get(requests[0].id).decisions == ()


async def test_an_edit_that_another_reviewer_made_first_changes_the_request_below(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    call = Call(tool="pay", arguments={"n": 1}, requester="bot", requirements=Requirements(quorum=2))
    request = submit(reviewing_store, call)
    async with open_console() as console:
        await console.press("G")
        await console.until(lambda: console.shown.id == request.id)
        await open_editor(console)
        await write_object(console, n=2)
        await open_review(console)
        reviewing_store.reviewer.decide(
            request.id, "approve", reviewer=BO, digest=request.digest, edited_arguments={"n": 3}
        )
        await console.until(lambda: "The request was changed meanwhile" in said(console))
        assert "n: 2" in console.text()
        assert "n: 3" not in console.text()
        await console.press("a")
        await console.until(lambda: "The request was changed meanwhile" in said(console))
        await console.press("escape", "escape", "y")
        assert isinstance(console.app.screen, MainScreen)
        assert "n: 3" in console.text()
    now = reviewing_store.reviewer.get(request.id)
    assert (now.status, now.edited_arguments, len(now.decisions)) == ("pending", {"n": 3}, 1)


async def test_a_reviewer_who_had_voted_for_what_the_edit_brings_back_has_still_to_approve_it(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    call = Call(tool="pay", arguments={"n": 1}, requester="bot", requirements=Requirements(quorum=2))
    request = submit(reviewing_store, call)
    approve(reviewing_store, request)
    decide = reviewing_store.reviewer.decide
    edited = decide(request.id, "approve", reviewer=BO, digest=request.digest, edited_arguments={"n": 3})
    async with open_console() as console:
        await console.press("G")
        await console.until(lambda: console.shown.digest == edited.digest)
        screen = await open_editor(console)
        await write_object(console, n=1)
        await open_review(console)
        await console.press("escape")
        assert screen.is_current, "nothing of it was decided"
        await open_review(console)
        deny(reviewing_store, edited, "no", BO)
        await console.until(lambda: "already denied by bo (no)" in said(console))
    assert reviewing_store.reviewer.get(request.id).status == "denied"


async def test_a_race_that_the_screen_did_not_see_is_lost_in_the_store(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        await open_editor(console)
        await write_object(console, **EDITED)
        await open_review(console)
        console.monotonic.move(1000)
        deny(reviewing_store, requests[0], "no", BO)
        await console.press_at_once("a")
        await console.until(lambda: "already denied by bo (no)" in said(console))
        assert review(console).is_current
    now = reviewing_store.reviewer.get(requests[0].id)
    assert (now.status, now.edited_arguments, len(now.decisions)) == ("denied", None, 1)
    assert_sound(reviewing_store)
