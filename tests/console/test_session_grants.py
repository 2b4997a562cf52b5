"""The key that approves a call for the rest of its session: under the same contract, and never where it must not be."""

from __future__ import annotations

import pytest

from approval_tui.console.dialogs import TypedDialog
from approval_tui.console.granting_screen import GrantingScreen
from approval_tui.console.payload_screen import PayloadScreen
from approval_tui.domain.calls import Call
from approval_tui.domain.models import Request, Requirements
from approval_tui.settings.configuration import Settings
from approval_tui.store.blocking import BlockingStore
from tests.console.conftest import OpenConsole
from tests.console.driver import Console
from tests.seeded import telling_calls
from tests.store.granting import grant_of
from tests.support import BO, approve, assert_sound, consume, event_names, submit

IN_SESSION, HIGH_RISK, WITHOUT_SESSION = 0, 1, 3
"""Which of the seeded requests is what."""


async def proposed(console: Console) -> None:
    """Waits until the proposal is there with what it would approve."""
    await console.until(lambda: isinstance(console.app.screen, GrantingScreen) and console.app.screen.is_looked_up)
    await console.settle()


async def test_s_approves_what_is_shown_and_the_same_call_is_not_asked_again_in_its_session(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    call, _ = telling_calls()[IN_SESSION]
    async with open_console((200, 50)) as console:
        await console.press("s")
        await proposed(console)
        await console.press("a")
        await console.until(lambda: console.shown.status == "approved")
        first = reviewing_store.reviewer.get(requests[IN_SESSION].id)
        (decision,) = first.decisions
        assert (decision.reviewer, decision.via, decision.digest) == ("ann", "console", first.digest)
        assert (decision.evidence.kind, decision.evidence.rows) == ("shown", 4)
        grant = grant_of(reviewing_store, first)
        assert (grant.session, grant.granted_by, grant.fingerprint) == ("run-7", "ann", first.fingerprint)
        consume(reviewing_store, first)
        second = submit(reviewing_store, call)
        assert second.status == "approved"
        await console.press("2")
        await console.until(lambda: console.shown.id == second.id)
        await console.see("approved by ann, 2027-01-15T08:01:19.000Z, via grant")
        await console.see(f"with the grant {grant.id}")
    assert event_names(reviewing_store, first)[1:3] == ["request_approved", "grant_given"]
    assert_sound(reviewing_store)


async def test_what_cannot_be_approved_for_a_session_says_why_and_still_waits(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    for number, needs in enumerate((Requirements(quorum=2), Requirements(evidence="shown"), Requirements())):
        submit(reviewing_store, Call("shell", {"n": number}, "bot", session="run-1", requirements=needs))
    said = {
        HIGH_RISK: "a call of high risk is looked at each time",
        WITHOUT_SESSION: "its requester names no session",
        4: "its rule asks for several reviewers",
        5: "its rule asks that it is looked at each time",
    }
    async with open_console((200, 80)) as console:
        for row, why in said.items():
            await console.press("g", *"j" * row, "s")
            await console.see(f"It cannot be approved for its session: {why}.")
            assert reviewing_store.reviewer.get(console.shown.id).status == "pending"
    assert reviewing_store.reviewer.grants() == ()
    assert len(reviewing_store.reviewer.list()) == len(requests) + 3


async def test_s_is_as_dead_as_a_after_the_screen_or_the_request_changed_and_in_what_is_pasted(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console(armed=False) as console:
        console.monotonic.move(399)
        await console.press_at_once("s")
        await console.see("Too soon")
        await console.press("j", "k")
        console.monotonic.move(399)
        await console.press_at_once("s")
        await console.see("Too soon")
        await console.look_away()
        await console.look_back()
        console.monotonic.move(399)
        await console.press_at_once("s")
        console.monotonic.move(1000)
        await console.press_at_once("s", "s")
        await console.see("nothing was decided")
        await console.paste("s")
        await console.see("Pasted text decides nothing")
    assert [event_names(reviewing_store, each) for each in requests] == [["request_submitted"]] * len(requests)


@pytest.mark.parametrize("opens", [(), ("enter",)], ids=["beside the list", "on the payload screen"])
async def test_a_long_payload_is_approved_for_its_session_only_when_all_of_it_was_read_and_never_by_its_id(
    opens: tuple[str, ...], open_console: OpenConsole, store: BlockingStore
) -> None:
    call = Call("shell", {"script": "\n".join(map(str, range(40)))}, "bot", session="run-1")
    request = submit(store, call)
    async with open_console((140, 20), settings=Settings(long_payload=20)) as console:
        await console.press(*opens)
        before = console.app.screen
        assert isinstance(before, PayloadScreen) == bool(opens)
        await console.press("s")
        await console.see(f"Read on first: {console.unread_rows} rows not shown yet")
        assert console.app.screen is before
        await console.press("a")
        await console.until(lambda: isinstance(console.app.screen, TypedDialog))
        await console.press(*request.id[-4:], "s")
        await console.see("Typed. Now the approving key.")
        await console.press("escape")
        assert store.reviewer.get(request.id).status == "pending"
        await console.read_to_the_end()
        await console.press("s")
        await proposed(console)
        await console.press("a")
        await console.until(lambda: console.shown.status == "approved")
    (decision,) = store.reviewer.get(request.id).decisions
    assert (decision.evidence.kind, decision.evidence.rows) == ("shown", 41)
    assert grant_of(store, request).session == "run-1"


async def test_neither_a_lost_race_nor_a_gives_a_grant(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        approve(reviewing_store, requests[IN_SESSION], BO)
        await console.until(lambda: console.shown.status == "approved")
        await console.press("s")
        await console.see("already approved by bo")
        await console.press(*"j" * WITHOUT_SESSION, "a")
        await console.until(lambda: console.shown.status == "approved")
    assert reviewing_store.reviewer.grants() == ()
