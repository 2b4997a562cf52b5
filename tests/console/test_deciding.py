"""What the keys decide, and what they must never decide (rules R4, R9, R11)."""

from __future__ import annotations

import os

import pytest
from textual import events
from textual.widgets import Button, Input

from approval_tui.console import store_watch
from approval_tui.domain.calls import Call
from approval_tui.domain.models import Request
from approval_tui.store.blocking import BlockingStore
from tests.console.conftest import OpenConsole
from tests.support import BO, approve, deny, event_names


async def test_a_approves_exactly_what_is_shown_and_records_the_evidence(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        await console.press("a")
    decided = reviewing_store.reviewer.get(requests[0].id)
    assert decided.status == "approved"
    (decision,) = decided.decisions
    assert (decision.reviewer, decision.via, decision.digest) == ("ann", "console", requests[0].digest)
    assert (decision.evidence.kind, decision.evidence.rows) == ("shown", 4)
    assert decision.evidence.shown_ms >= 1000
    assert [each.status for each in reviewing_store.reviewer.list()] == ["pending"] * 3


async def test_d_asks_for_a_reason_and_denies_with_it(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        await console.press("d", *"too risky", "enter")
        await console.until(lambda: console.shown.status == "denied")
    denied = reviewing_store.reviewer.get(requests[0].id)
    assert denied.status == "denied"
    assert denied.decisions[0].reason == "too risky"


async def test_escape_leaves_the_deny_dialog_and_decides_nothing(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        await console.press("d", "n", "o", "escape")
        assert console.pilot.app.screen is console.screen
    assert reviewing_store.reviewer.get(requests[0].id).status == "pending"


async def test_x_expires_only_after_a_yes_and_its_default_is_no(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        await console.press("x")
        assert console.pilot.app.focused is console.pilot.app.screen.query_one("#back", Button)
        await console.press("enter")
        assert reviewing_store.reviewer.get(requests[0].id).status == "pending"
        await console.press("x", "y")
        await console.until(lambda: console.shown.status == "expired")
    assert reviewing_store.reviewer.get(requests[0].id).status == "expired"


async def test_no_other_key_approves(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        for key in ("enter", "space", "y", "B", "ctrl+m", "tab"):
            await console.press(key)
            assert len(reviewing_store.reviewer.list()) == len(requests), key
            if console.app.screen is not console.screen:
                await console.press("escape")
            assert console.app.screen is console.screen
    assert len(reviewing_store.reviewer.list()) == len(requests)


async def test_a_key_right_after_the_screen_opened_decides_nothing(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console(armed=False) as console:
        console.monotonic.move(399)
        await console.press_at_once("a")
        await console.see("Too soon")
    assert len(reviewing_store.reviewer.list()) == len(requests)


async def test_a_key_right_after_another_request_is_shown_decides_nothing(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        await console.press("j")
        console.monotonic.move(200)
        await console.press_at_once("a")
    assert len(reviewing_store.reviewer.list()) == len(requests)


async def test_a_key_right_after_the_terminal_regained_the_focus_decides_nothing(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        await console.look_away()
        await console.look_back()
        console.monotonic.move(100)
        await console.press_at_once("a")
    assert len(reviewing_store.reviewer.list()) == len(requests)


async def test_pasted_text_decides_nothing(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        console.screen.post_message(events.Paste("a"))
        await console.settle()
        await console.see("Pasted text decides nothing")
    assert len(reviewing_store.reviewer.list()) == len(requests)


async def test_a_burst_of_keys_decides_nothing(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        for character in "aaaaaaaaaa":
            console.pilot.app.post_message(events.Key(character, character))
        await console.see("nothing was decided")
    assert len(reviewing_store.reviewer.list()) == len(requests)


async def test_a_long_payload_must_be_read_before_it_can_be_approved(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        await console.press("j", "a")
        await console.see("Read on first")
        assert reviewing_store.reviewer.get(requests[1].id).status == "pending"
        await console.read_to_the_end()
        await console.approve()
        await console.until(lambda: console.shown.status == "approved")
    (decision,) = reviewing_store.reviewer.get(requests[1].id).decisions
    assert decision.evidence.rows == 45


async def test_jumping_to_the_end_does_not_count_as_reading(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console((140, 22)) as console:
        await console.press("j", "tab", "end", "a")
        await console.see("Read on first")
    assert reviewing_store.reviewer.get(requests[1].id).status == "pending"


async def test_rows_that_a_jump_passes_over_were_not_shown(open_console: OpenConsole, requests: list[Request]) -> None:
    async with open_console((140, 22)) as console:
        await console.press("j", "tab", "end")
        detail = console.screen.detail
        await console.until(lambda: detail.scroll_y == detail.max_scroll_y > 0)
        await console.settle()
        assert console.unread_rows > 0


async def test_a_long_payload_can_still_be_denied_unread(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        await console.press("j", "d", "enter")
        await console.until(lambda: console.shown.status == "denied")
    (decision,) = reviewing_store.reviewer.get(requests[1].id).decisions
    assert decision.evidence.kind == "none"


async def test_the_width_is_the_same_for_short_and_long_payloads(
    open_console: OpenConsole, requests: list[Request]
) -> None:
    async with open_console() as console:
        width = console.screen.detail.scrollable_content_region.width
        await console.press("j")  # a scroll bar comes, and must not make the first rows unread again
        assert console.screen.detail.max_scroll_y > 0
        assert console.screen.detail.scrollable_content_region.width == width


async def test_what_was_read_stays_read_at_another_width(open_console: OpenConsole, requests: list[Request]) -> None:
    async with open_console((140, 22)) as console:
        await console.press("j")
        width = console.screen.detail.text_width
        assert console.unread_rows > 0
        await console.read_to_the_end()
        await console.pilot.resize_terminal(115, 24)
        await console.until(lambda: console.screen.detail.text_width < width)
        assert console.unread_rows == 0


async def test_a_lost_race_says_who_decided_what(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        deny(reviewing_store, requests[0], "Not on a Friday.", BO)
        await console.until(lambda: console.shown.status == "denied")
        await console.press("a")
        await console.see('already denied by bo ("Not on a Friday.")')
    assert reviewing_store.reviewer.get(requests[0].id).status == "denied"


async def test_a_request_that_vanishes_above_never_changes_what_a_key_decides(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        await console.press("j", "j")
        shown = console.shown
        approve(reviewing_store, requests[0], BO)
        await console.until(lambda: len(console.screen.waiting) == 3)
        assert console.shown.id == shown.id
        await console.press("d", "enter")
        await console.until(lambda: console.shown.status == "denied")
    assert reviewing_store.reviewer.get(shown.id).status == "denied"
    assert reviewing_store.reviewer.get(requests[3].id).status == "pending"


async def test_new_requests_are_announced_and_move_nothing(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        reviewing_store.requester.submit(Call(tool="late", arguments={"n": 1}, requester="late-bot"))
        await console.until(lambda: "1 new" in console.text())
        assert console.shown.id == requests[0].id


async def test_a_request_whose_time_passes_cannot_be_approved_and_becomes_a_tombstone(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        console.clock.move(31 * 60_000)
        await console.press("a")
        await console.until(lambda: console.shown.status == "expired")
        await console.until(lambda: event_names(reviewing_store, requests[0])[-1] == "request_expired")
    assert reviewing_store.reviewer.get(requests[0].id).status == "expired"


async def test_what_somebody_wrote_into_the_file_cannot_be_approved(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore, store_path: str
) -> None:
    import sqlite3

    forger = sqlite3.connect(store_path)
    forger.executescript(
        "DROP TRIGGER requests_call_is_fixed;"
        "UPDATE requests SET arguments = '{\"command\": \"ls\"}' WHERE arguments LIKE '%make deploy%'"
    )
    forger.close()
    async with open_console() as console:
        await console.see("THE DIGEST DOES NOT FIT")
        await console.press("a")
        await console.see("cannot be approved")
    assert reviewing_store.reviewer.get(requests[0].id).status == "pending"


async def test_a_store_that_goes_away_is_said_and_nothing_is_decided(
    open_console: OpenConsole,
    requests: list[Request],
    reviewing_store: BlockingStore,
    store_path: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(store_watch, "RETRY", 0.05)
    async with open_console() as console:
        os.rename(store_path, f"{store_path}.moved")
        await console.until(lambda: "NO STORE YET" in console.text())
        await console.press("a")
        await console.see("The store is away")
        assert console.shown.status == "pending"
        os.rename(f"{store_path}.moved", store_path)
        await console.until(lambda: console.screen.is_live)
    assert reviewing_store.reviewer.get(requests[0].id).status == "pending"


async def test_secrets_are_masked_until_the_reviewer_lifts_the_masks(
    open_console: OpenConsole, requests: list[Request]
) -> None:
    secret = "tok_3f9c2b7a81d04e55a0c1"
    async with open_console() as console:
        await console.press("j", "j")
        assert secret not in console.text()
        assert f"{len(secret)} characters redacted" in console.text()
        await console.press("m")
        assert secret in console.text()
        await console.press("k", "j")
        assert secret not in console.text()


async def test_the_reason_of_a_denial_is_typed_into_an_input_that_decides_only_on_enter(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        await console.press("d", "a", "x", "q")
        assert console.pilot.app.screen.query_one(Input).value == "axq"
    assert len(reviewing_store.reviewer.list()) == len(requests)
