"""The three lists: how one goes from one to another, and what history and audit show."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable

from approval_tui.domain.calls import Call
from approval_tui.domain.clock import HOUR, MINUTE
from approval_tui.domain.decisions import Evidence
from approval_tui.domain.models import Request
from approval_tui.settings.actions import AUDIT_VIEW, HISTORY_VIEW, PENDING_VIEW
from approval_tui.store.blocking import BlockingStore
from tests.console.conftest import OpenConsole
from tests.console.driver import Console
from tests.support import ANN, BO, ManualClock, approve, consume, deny, submit


async def show(console: Console, key: str, view: str) -> None:
    """Goes to a list and waits until it is loaded."""
    await console.press(key)
    await console.until(lambda: console.screen.place == view and console.screen.lists.shown.rows.is_loaded)
    await console.settle()


async def test_1_2_3_go_from_list_to_list_and_each_keeps_its_place(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    for request in requests[2:]:
        deny(reviewing_store, request)
    async with open_console() as console:
        await console.press("j")
        await show(console, "2", HISTORY_VIEW)
        await console.until(lambda: console.shown.id == requests[3].id)
        await console.press("j")
        await show(console, "3", AUDIT_VIEW)
        assert console.screen.shown_request is None
        await show(console, "1", PENDING_VIEW)
        assert console.shown.id == requests[1].id
        await show(console, "2", HISTORY_VIEW)
        assert console.shown.id == requests[2].id


async def test_a_click_on_the_name_of_a_list_shows_it_and_one_on_a_row_chooses_it(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    deny(reviewing_store, requests[3])
    async with open_console() as console:
        line = console.text().split("\n")[0]
        for name, view in (("History", HISTORY_VIEW), ("Audit", AUDIT_VIEW), ("Pending", PENDING_VIEW)):
            await console.pilot.click("#views", offset=(line.index(name) + 1, 0))
            await console.until(lambda view=view: console.screen.place == view)  # type: ignore[misc]
        await console.until(lambda: len(console.screen.waiting) == 3)
        await console.pilot.click("#list", offset=(10, 3))
        await console.until(lambda: console.shown.id == requests[2].id)


def _cancel(store: BlockingStore, request: Request) -> None:
    store.requester.cancel(request.id, requester=request.requester)


def _use(outcome: str | None) -> Callable[[BlockingStore, Request], None]:
    def act(store: BlockingStore, request: Request) -> None:
        approve(store, request, BO)
        claim = consume(store, request)
        if outcome is not None:
            store.requester.report_outcome(request.id, claim.id, outcome, detail="because")

    return act


BECAME: dict[str, Callable[[BlockingStore, Request], object]] = {
    "approved": lambda store, request: approve(store, request, BO),
    "denied": lambda store, request: deny(store, request, "too risky", BO),
    "expired": lambda store, request: store.reviewer.expire(request.id, reviewer=BO),
    "cancelled": _cancel,
    "consumed": _use(None),
    "succeeded": _use("succeeded"),
    "failed": _use("failed"),
}


async def test_history_says_what_became_of_a_request(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore, clock: ManualClock
) -> None:
    became: dict[str, str] = {}
    for number, (word, act) in enumerate(BECAME.items()):
        clock.move(1000)
        request = submit(reviewing_store, Call(tool="shell", arguments={"n": number}, requester=f"bot-{number}"))
        act(reviewing_store, request)
        became[request.id] = word
    async with open_console() as console:
        await show(console, "2", HISTORY_VIEW)
        for row, word in enumerate(reversed(became.values()), start=2):
            await console.until(lambda word=word: became[console.shown.id] == word)  # type: ignore[misc]
            await console.see("its story")
            line = console.text().split("\n")[row]
            assert word in line[: console.screen.detail.region.x]
            assert ("because" in console.text()) == (word in ("failed", "succeeded"))
            await console.press("j")


async def test_a_claim_that_never_reported_is_in_doubt_as_soon_as_its_time_passed(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    _use(None)(reviewing_store, requests[0])
    async with open_console() as console:
        await show(console, "2", HISTORY_VIEW)
        assert "? in doubt" not in console.text()
        console.clock.move(HOUR + MINUTE)
        await console.see("1 in doubt")
        await console.see("? in doubt")


async def test_i_shows_the_calls_in_doubt_and_R_resolves_one_with_a_reason(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore, clock: ManualClock
) -> None:
    _use(None)(reviewing_store, requests[0])
    deny(reviewing_store, requests[1])
    clock.move(HOUR + MINUTE)
    async with open_console() as console:
        await console.press("i")
        await console.until(lambda: console.screen.place == HISTORY_VIEW and console.shown.in_doubt)
        await console.press("R")
        await console.see("What became of this call?")
        await console.press("enter")  # the default changes nothing
        assert console.app.screen is console.screen
        await console.press("R", "s")
        await console.see("Record that it succeeded?")
        await console.press(*"seen", "enter")
        await console.settle()
        await console.until(lambda: reviewing_store.reviewer.get(requests[0].id).outcome == "succeeded")
        await console.see("Resolved as succeeded")
    assert "seen" in json.dumps(
        [dict(event.body) for event in reviewing_store.reviewer.events(request_id=requests[0].id)], default=str
    )


async def test_r_takes_an_unused_approval_back_from_the_history_and_records_why(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    approve(reviewing_store, requests[0], BO)
    async with open_console() as console:
        await show(console, "2", HISTORY_VIEW)
        await console.press("r")
        await console.see("Take this approval back?")
        await console.press(*"oops", "enter")
        await console.until(lambda: console.shown.status == "denied")
        await console.see("oops")
    assert reviewing_store.reviewer.get(requests[0].id).status == "denied"


async def test_r_on_a_used_approval_says_when_it_was_used(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    _use(None)(reviewing_store, requests[0])
    async with open_console() as console:
        await show(console, "2", HISTORY_VIEW)
        await console.press("r")
        await console.see("Too late to take it back: it was used at 2027-01-15T")
        assert console.app.screen is console.screen


async def test_r_is_the_undo_of_an_approval_given_a_moment_ago(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        await console.press("a")
        await console.until(lambda: console.shown.status == "approved")
        await console.press("r", "enter")
        await console.until(lambda: console.shown.status == "denied")
    assert reviewing_store.reviewer.get(requests[0].id).status == "denied"


async def test_the_story_shows_evidence_events_and_the_edit_as_a_diff(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    request = requests[0]
    reviewing_store.reviewer.decide(
        request.id,
        "approve",
        reviewer=BO,
        digest=request.digest,
        edited_arguments={"command": "make deploy ENV=staging"},
        evidence=Evidence("shown", rows=1, shown_ms=4000),
    )
    async with open_console((160, 50)) as console:
        await show(console, "2", HISTORY_VIEW)
        await console.see("its story (3 events)")
        text = console.text()
    lines = [line[len(line) // 2 :] for line in text.split("\n")]
    assert any("- " in line and "ENV=production" in line for line in lines)
    assert any("+ " in line and "ENV=staging" in line for line in lines)
    assert "edited by the reviewer" in text
    assert "1 row shown" in text


async def test_l_shows_only_the_events_of_the_shown_request_and_escape_all_of_them(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    approve(reviewing_store, requests[1], ANN)
    async with open_console() as console:
        await show(console, "2", HISTORY_VIEW)
        await console.until(lambda: console.shown.id == requests[1].id)
        await show(console, "l", AUDIT_VIEW)
        await console.until(lambda: len(console.screen.lists.shown.rows) == 2)
        assert f"events of {requests[1].id}" in console.text()
        await console.press("escape")
        await console.until(lambda: len(console.screen.lists.shown.rows) == 5)
        await console.press("l")  # and from an event to those of its request
        await console.until(lambda: len(console.screen.lists.shown.rows) == 2)


async def test_the_audit_view_shows_what_an_event_records_with_its_evidence(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console((160, 60)) as console:
        await console.press("a")
        await console.until(lambda: console.shown.status == "approved")
        await show(console, "3", AUDIT_VIEW)
        await console.see("(4 rows shown)")
        await console.see("what it records")
        assert "shown_ms" in console.text()


async def test_v_verifies_a_sound_log(open_console: OpenConsole, requests: list[Request]) -> None:
    async with open_console() as console:
        await show(console, "3", AUDIT_VIEW)
        await console.press("v")
        await console.see("The log verifies: 4 events")
        await console.see("verified at")


async def test_v_names_the_event_that_somebody_edited(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore, store_path: str
) -> None:
    forger = sqlite3.connect(store_path)
    with forger:
        for (name,) in forger.execute("SELECT name FROM sqlite_master WHERE type='trigger'").fetchall():
            forger.execute(f"DROP TRIGGER {name}")
        forger.execute("UPDATE events SET body = replace(body, 'schema-bot', 'nobody') WHERE seq = 2")
    forger.close()
    async with open_console() as console:
        await show(console, "3", AUDIT_VIEW)
        await console.press("v")
        await console.see("THE LOG DOES NOT VERIFY")
        await console.see("event 2")


async def test_v_does_nothing_where_no_events_are_shown(open_console: OpenConsole, requests: list[Request]) -> None:
    async with open_console() as console:
        await console.press("v")
        assert "erif" not in console.screen.status.render_line(0).text


async def test_deciding_keys_do_nothing_in_the_audit_view(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        await show(console, "3", AUDIT_VIEW)
        await console.press("a", "d", "x", "r", "R", "enter")
        assert console.app.screen is console.screen
    assert len(reviewing_store.reviewer.list()) == len(requests)
