"""A call of high risk is approved with the end of its id besides, whatever else holds of it (rules R9, R11)."""

from __future__ import annotations

import pytest

from approval_tui.console.dialogs import TypedDialog
from approval_tui.console.payload_screen import PayloadScreen
from approval_tui.domain.calls import Call
from approval_tui.domain.models import Request, Requirements
from approval_tui.settings.configuration import Settings
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from tests.console.conftest import OpenConsole
from tests.console.driver import Console
from tests.support import BO, ManualClock, deny, event_names, submit

LONG = {"script": "\n".join(f"line {number}" for number in range(60))}
SHORT = {"plan": "destroy"}
SHORT_PAYLOADS = Settings(long_payload=20)


@pytest.fixture
def store(store_path: str, clock: ManualClock) -> BlockingStore:
    """The store in which only what a test asks waits."""
    return open_store_blocking(store_path, clock=clock)


def asked(store: BlockingStore, arguments: object = SHORT, *, risk: str = "high", **requirements: object) -> Request:
    needs = Requirements(**requirements)  # type: ignore[arg-type]
    return submit(store, Call("apply", arguments, "infra-bot", session="run-4", risk=risk, requirements=needs))  # type: ignore[arg-type]


async def typed_dialog(console: Console) -> TypedDialog:
    """Presses the approving key and waits for the question."""
    await console.press("a")
    await console.until(lambda: isinstance(console.app.screen, TypedDialog))
    await console.settle()
    dialog = console.app.screen
    assert isinstance(dialog, TypedDialog)
    return dialog


@pytest.mark.parametrize("opens", [(), ("enter",)], ids=["beside the list", "on the payload"])
async def test_it_asks_for_the_end_of_the_id_and_the_evidence_stays_what_was_shown(
    opens: tuple[str, ...], open_console: OpenConsole, store: BlockingStore
) -> None:
    request = asked(store)
    async with open_console() as console:
        await console.press(*opens)
        await typed_dialog(console)
        await console.see("Approve this call of HIGH RISK?")
        assert "unread" not in console.text()
        assert store.reviewer.get(request.id).status == "pending"
        await console.press(*request.id[-4:])
        await console.see("Typed. Now the approving key.")
        assert store.reviewer.get(request.id).status == "pending"
        await console.press("a")
        await console.until(lambda: console.shown.status == "approved")
    (decision,) = store.reviewer.get(request.id).decisions
    assert (decision.evidence.kind, decision.evidence.rows) == ("shown", 1)
    assert decision.evidence.shown_ms >= 5000


async def test_all_of_it_is_read_first(open_console: OpenConsole, store: BlockingStore) -> None:
    request = asked(store, LONG)
    async with open_console((140, 20)) as console:
        await console.press("a")
        await console.see("Read on first")
        assert console.app.screen is console.screen
        await console.read_to_the_end()
        await console.approve()
        await console.until(lambda: console.shown.status == "approved")
    (decision,) = store.reviewer.get(request.id).decisions
    assert (decision.evidence.kind, decision.evidence.rows) == ("shown", 61)


async def test_one_that_is_too_long_to_read_besides_says_both_and_records_what_was_seen(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    request = asked(store, LONG)
    async with open_console((140, 20), settings=SHORT_PAYLOADS) as console:
        unread = console.unread_rows
        await typed_dialog(console)
        await console.see(f"Approve this call of HIGH RISK with {unread} rows unread?")
        await console.see("what was not shown is recorded with the decision")
        await console.press(*request.id[-4:], "a")
        await console.until(lambda: console.shown.status == "approved")
    (decision,) = store.reviewer.get(request.id).decisions
    assert (decision.evidence.kind, decision.evidence.rows) == ("typed", 61 - unread)


@pytest.mark.parametrize("risk", ["high", "medium"])
async def test_where_a_rule_wants_all_of_it_shown_nothing_can_be_typed_instead(
    risk: str, open_console: OpenConsole, store: BlockingStore
) -> None:
    request = asked(store, LONG, risk=risk, evidence="shown")
    async with open_console((140, 20), settings=SHORT_PAYLOADS) as console:
        await console.press("a")
        await console.see("Read on first")
        assert console.app.screen is console.screen
        await console.read_to_the_end()
        await console.approve()
        await console.until(lambda: console.shown.status == "approved")
    assert store.reviewer.get(request.id).decisions[0].evidence.kind == "shown"


async def test_other_risks_take_one_key(open_console: OpenConsole, store: BlockingStore) -> None:
    request = asked(store, risk="medium")
    async with open_console() as console:
        await console.press("a")
        await console.until(lambda: console.shown.status == "approved")
    assert event_names(store, request)[-1] == "request_approved"


async def test_a_denial_takes_no_typing(open_console: OpenConsole, store: BlockingStore) -> None:
    request = asked(store, LONG)
    async with open_console((140, 20)) as console:
        await console.press("d", "enter")
        await console.until(lambda: console.shown.status == "denied")
    assert event_names(store, request)[-1] == "request_denied"


async def test_no_grant_comes_of_it(open_console: OpenConsole, store: BlockingStore) -> None:
    request = asked(store)
    async with open_console() as console:
        await console.press("s")
        await console.see("a call of high risk is looked at each time")
        assert console.app.screen is console.screen
    assert store.reviewer.get(request.id).status == "pending"
    assert store.reviewer.grants() == ()


# --- what the typing must never be -----------------------------------------------------------------


async def test_wrong_characters_start_again_and_paste_enter_and_space_approve_nothing(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    request = asked(store)
    last = request.id[-4:]
    async with open_console() as console:
        dialog = await typed_dialog(console)
        await console.press(*last[:3], "z")
        await console.see(" ____")
        await console.paste(f"{last}a")
        await console.see("Pasted text decides nothing")
        await console.see(" ____")
        await console.press(*last, "enter", "space", "y", "tab", "up", "down")
        await console.see("Typed. Now the approving key.")
        assert console.app.screen is dialog
        await console.press("backspace")
        await console.see(f"{last[:3]}_")
    assert event_names(store, request) == ["request_submitted"]


async def test_typed_and_approved_in_one_moment_is_no_answer(open_console: OpenConsole, store: BlockingStore) -> None:
    request = asked(store)
    async with open_console() as console:
        dialog = await typed_dialog(console)
        console.monotonic.move(1000)
        await console.press_at_once(*request.id[-4:], "a")
        await console.see("nothing was decided")
        assert console.app.screen is dialog
    assert store.reviewer.get(request.id).status == "pending"


async def test_the_question_itself_must_have_stood_there_for_a_moment(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    request = asked(store)
    async with open_console() as console:
        await typed_dialog(console)
        await console.press_at_once(*request.id[-4:])
        console.monotonic.move(399)
        await console.press_at_once("a")
        await console.see("Too soon")
        assert store.reviewer.get(request.id).status == "pending"
        console.monotonic.move(100)
        await console.press_at_once("a")
        await console.until(lambda: console.shown.status == "approved")


async def test_after_the_terminal_regained_the_focus_the_key_waits_again(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    request = asked(store)
    async with open_console() as console:
        await typed_dialog(console)
        await console.press(*request.id[-4:])
        console.monotonic.move(1000)
        await console.look_away()
        await console.look_back()
        console.monotonic.move(100)
        await console.press_at_once("a")
        await console.see("Too soon")
    assert store.reviewer.get(request.id).status == "pending"


@pytest.mark.parametrize("opens", [(), ("enter",)], ids=["beside the list", "on the payload"])
async def test_escape_goes_back_and_what_was_typed_is_forgotten(
    opens: tuple[str, ...], open_console: OpenConsole, store: BlockingStore
) -> None:
    request = asked(store)
    async with open_console() as console:
        await console.press(*opens)
        await typed_dialog(console)
        await console.press(*request.id[-4:], "escape")
        assert isinstance(console.app.screen, PayloadScreen) == bool(opens)
        await typed_dialog(console)
        await console.see(" ____")
        await console.press("a", "escape")
    assert store.reviewer.get(request.id).status == "pending"


# --- meanwhile -------------------------------------------------------------------------------------


async def test_what_was_edited_meanwhile_is_not_approved(open_console: OpenConsole, store: BlockingStore) -> None:
    request = asked(store, quorum=2)
    async with open_console() as console:
        await typed_dialog(console)
        await console.press(*request.id[-4:])
        store.reviewer.decide(
            request.id, "approve", reviewer=BO, digest=request.digest, edited_arguments={"plan": "destroy all"}
        )
        await console.until(lambda: console.shown.edited_arguments is not None)
        await console.press("a")
        await console.see("is not what you looked at")
    assert [each.reviewer for each in store.reviewer.get(request.id).decisions] == ["bo"]


async def test_what_somebody_else_decided_meanwhile_stands(open_console: OpenConsole, store: BlockingStore) -> None:
    request = asked(store)
    async with open_console() as console:
        await typed_dialog(console)
        await console.press(*request.id[-4:])
        deny(store, request, "Not on a Friday.", BO)
        await console.until(lambda: console.shown.status == "denied")
        await console.press("a")
        await console.see('already denied by bo ("Not on a Friday.")')
    assert store.reviewer.get(request.id).status == "denied"


async def test_the_end_of_another_id_is_wrong_and_only_what_the_question_names_is_approved(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console((140, 60)) as console:
        await console.press("j", "j")
        assert console.shown.id == requests[2].id
        await typed_dialog(console)
        assert requests[2].id in console.text()
        deny(reviewing_store, requests[0], reviewer=BO)
        await console.until(lambda: len(console.screen.waiting) == 3)
        await console.press(*requests[1].id[-4:], "a")
        assert isinstance(console.app.screen, TypedDialog)
        await console.press(*requests[2].id[-4:], "a")
        await console.until(lambda: console.shown.status == "approved")
    found = [reviewing_store.reviewer.get(each.id).status for each in requests]
    assert found == ["denied", "pending", "approved", "pending"]
