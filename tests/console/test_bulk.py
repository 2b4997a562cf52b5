"""Several requests at once: marks, the table of exactly what is decided, and what became of each."""

from __future__ import annotations

import pytest

from approval_tui.console import messages
from approval_tui.console.bulk_screen import BulkScreen
from approval_tui.console.bulk_table import LONGEST_IN_TABLE
from approval_tui.domain.bulk import MOST_IN_BULK
from approval_tui.domain.calls import Call
from approval_tui.domain.models import Request, Requirements
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from tests.console.conftest import OpenConsole
from tests.console.driver import Console
from tests.console.looking import Look
from tests.console.telling import TELLING_TEXTS
from tests.hostile import HOSTILE_TEXTS, everywhere
from tests.support import BO, ManualClock, assert_sound, deny, event_names, submit

TALL = (140, 60)


def small(store: BlockingStore, count: int, **parts: object) -> list[Request]:
    """So many requests of few rows each."""
    calls = [Call("shell", {"n": number}, "bot", session="run-1") for number in range(count)]
    return [submit(store, Call(**{**vars(call), **parts})) for call in calls]


async def table(console: Console) -> BulkScreen:
    """Waits until the table is there."""
    await console.until(lambda: isinstance(console.app.screen, BulkScreen))
    await console.settle()
    screen = console.app.screen
    assert isinstance(screen, BulkScreen)
    return screen


async def all_marked(console: Console) -> None:
    """Waits until it is known what is marked."""
    await console.until(lambda: len(console.screen.lists.pending.marks) > 0)


def marked(console: Console) -> int:
    """How many rows of the list have the sign of a mark."""
    return sum(line[1:2] == "+" for line in console.text().split("\n")[1:])


def statuses(store: BlockingStore, requests: list[Request]) -> list[str]:
    return [each.status for each in store.reviewer.get_many(tuple(each.id for each in requests))]


# --- marks -------------------------------------------------------------------------------------


async def test_space_marks_row_by_row_and_takes_a_mark_away(open_console: OpenConsole, store: BlockingStore) -> None:
    small(store, 4)
    async with open_console(TALL) as console:
        await console.press("space", "space")
        assert marked(console) == 2
        await console.see("3 of 4, 2 marked")
        await console.press("g", "space")
        assert marked(console) == 1
        await console.press("escape")
        assert marked(console) == 0
        await console.see("Nothing is marked any more.")
    assert len(store.reviewer.list()) == 4


async def test_v_marks_a_range_in_either_direction_and_the_rows_between_at_once(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    small(store, 8)
    async with open_console(TALL) as console:
        await console.press(*"jjjjj", "v", *"kkk")
        assert marked(console) == 4
        await console.press("v")
        await console.until(lambda: len(console.screen.lists.pending.marks) == 4)
        await console.press("G", "v", "k", "v")
        await console.until(lambda: len(console.screen.lists.pending.marks) == 6)
        assert marked(console) == 6


async def test_a_star_marks_all_that_match_the_filter_and_only_those(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    small(store, 3)
    small(store, 2, tool="mail")
    async with open_console(TALL) as console:
        await console.press("slash", *"tool:mail", "enter", "*")
        await console.see("2 marked")
        await console.press("escape", "escape")
        await console.until(lambda: len(console.screen.lists.pending.rows) == 5)
        assert marked(console) == 0
        await console.press("*")
        await console.until(lambda: marked(console) == 5)


async def test_of_more_than_a_table_takes_the_first_are_marked_and_that_is_said(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    small(store, MOST_IN_BULK + 3)
    async with open_console(TALL) as console:
        await console.press("*")
        await console.see(f"The first {MOST_IN_BULK} of {MOST_IN_BULK + 3} are marked")
        await console.press("a")
        assert len((await table(console)).items) == MOST_IN_BULK


@pytest.mark.parametrize("is_ended", [True, False], ids=["ended", "still growing"])
async def test_of_a_range_of_more_than_a_table_takes_the_first_are_taken_and_that_is_said(
    is_ended: bool, open_console: OpenConsole, store: BlockingStore
) -> None:
    small(store, MOST_IN_BULK + 30)
    async with open_console(TALL) as console:
        await console.press("j", "v", "G")
        rows = console.screen.lists.pending.rows
        await console.until(lambda: rows.cursor_index == len(rows) - 1)
        await console.press("k")
        if is_ended:
            await console.press("v")
            await console.see(f"The first {MOST_IN_BULK} of {MOST_IN_BULK + 28} are marked")
        await console.press("a")
        assert len((await table(console)).items) == MOST_IN_BULK
        if not is_ended:
            await console.see("28 more are not in this table")


async def test_what_was_decided_meanwhile_is_marked_no_more_and_cannot_be_marked(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    requests = small(store, 3)
    async with open_console(TALL) as console:
        await console.press("*")
        await console.until(lambda: marked(console) == 3)
        deny(store, requests[0])
        await console.until(lambda: marked(console) == 2)
        await console.press("space")
        await console.see("nothing to mark that waits")


# --- the table ---------------------------------------------------------------------------------


async def test_what_is_marked_is_approved_from_the_table_and_each_decision_says_so(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    requests = small(store, 3)
    async with open_console(TALL) as console:
        await console.press("space", "space", "a")
        await table(console)
        assert statuses(store, requests) == ["pending"] * 3
        await console.see("a approves 2 of 2, d denies 2.")
        await console.press("a")
        await console.see("2 of 2 decided.")
        assert statuses(store, requests) == ["approved", "approved", "pending"]
        await console.press("escape")
        assert marked(console) == 0
    for request in requests[:2]:
        (decision,) = store.reviewer.get(request.id).decisions
        assert (decision.evidence.kind, decision.evidence.rows, decision.digest) == ("table", 1, request.digest)
        (event,) = [each for each in store.reviewer.events(request_id=request.id) if each.name == "request_approved"]
        assert event.body["details"] == {"in_bulk": True}
    assert_sound(store)


async def test_high_risk_quorum_what_must_be_read_and_what_is_too_long_are_left_out_of_approving(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    (plain,) = small(store, 1)
    left_out = {
        "of high risk": submit(store, Call("pay", {}, "bot", risk="high")),
        "for several reviewers": submit(store, Call("pay", {"q": 1}, "bot", requirements=Requirements(quorum=2))),
        "to be read by itself": submit(
            store, Call("pay", {"e": 1}, "bot", requirements=Requirements(evidence="shown"))
        ),
        "asks for a reason": submit(
            store, Call("pay", {"r": 1}, "bot", requirements=Requirements(reason_required=True))
        ),
        "too long for a table": submit(store, Call("pay", {"text": "x" * LONGEST_IN_TABLE}, "bot")),
    }
    async with open_console(TALL) as console:
        await console.press("*")
        await all_marked(console)
        await console.press("a")
        screen = await table(console)
        await console.see("a approves 1 of 6, d denies 6.")
        why = {item.request.id: item.why_not for item in screen.items}
        assert why[plain.id] is None
        for words, request in left_out.items():
            assert words in str(why[request.id])
        await console.press("a")
        await console.until(lambda: statuses(store, [plain]) == ["approved"])
        await console.see("1 of 1 decided")
    assert statuses(store, list(left_out.values())) == ["pending"] * 5


async def test_nothing_is_approved_before_all_of_the_table_was_on_the_screen(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    requests = small(store, 12)
    async with open_console((140, 20)) as console:
        await console.press("*")
        await all_marked(console)
        await console.press("a")
        await table(console)
        await console.press("a")
        await console.see("Read on first:")
        await console.press("G", "a")
        await console.see("Read on first:")
        assert statuses(store, requests) == ["pending"] * 12
        await console.press("g", *["f"] * 8, "a")
        await console.until(lambda: statuses(store, requests) == ["approved"] * 12)


async def test_a_denial_of_several_asks_for_one_reason_and_enter_alone_approves_nothing(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    requests = small(store, 2)
    async with open_console(TALL) as console:
        await console.press("*")
        await all_marked(console)
        await console.press("d")
        await table(console)
        await console.press("enter", "d")
        await console.see("Deny 2 requests?")
        await console.press("escape")
        await table(console)
        assert statuses(store, requests) == ["pending"] * 2
        await console.press("d", *"no", "enter")
        await console.until(lambda: statuses(store, requests) == ["denied"] * 2)
    assert [store.reviewer.get(each.id).decisions[0].reason for each in requests] == ["no", "no"]
    assert_sound(store)


async def test_what_changed_after_the_table_was_shown_says_so_and_is_not_decided(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    first, denied, left = small(store, 3)
    async with open_console(TALL) as console:
        await console.press("*")
        await all_marked(console)
        await console.press("a")
        await table(console)
        deny(store, denied)
        await console.see("SINCE THEN: already denied by ann")
        await console.see("a approves 2 of 3, d denies 2.")
        await console.press("a")
        await console.until(lambda: statuses(store, [left]) == ["approved"])
    assert statuses(store, [first, denied]) == ["approved", "denied"]
    assert_sound(store)


async def test_a_race_that_the_table_did_not_hear_of_is_lost_by_the_digest(
    open_console: OpenConsole, store: BlockingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another reviewer edits one of them: what is approved is what the table shows, or nothing."""
    one, other = small(store, 2, requirements=Requirements(reason_required=False))
    voted = submit(store, Call("mail", {"to": "a"}, "bot", requirements=Requirements(reviewers=("bo", "ann"))))
    async with open_console(TALL) as console:
        await console.press("*")
        await all_marked(console)
        await console.press("a")
        screen = await table(console)
        monkeypatch.setattr(screen, "look_again", lambda: None)  # the news does not come in time
        store.reviewer.decide(one.id, "deny", reviewer=BO, digest=one.digest)
        await console.press("a")
        await console.see("NOT DECIDED:")
        await console.see("2 of 3 decided.")
    assert statuses(store, [one, other, voted]) == ["denied", "approved", "approved"]


async def test_keys_are_dead_for_a_moment_after_the_table_opened_and_after_it_changed(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    requests = small(store, 3)
    async with open_console(TALL) as console:
        await console.press("*")
        await all_marked(console)
        await console.press("a")
        await table(console)
        console.monotonic.move(399)
        await console.press_at_once("a")
        await console.see("Too soon")
        console.monotonic.move(1000)
        deny(store, requests[0])
        await console.see("SINCE THEN")
        await console.settle()
        await console.press_at_once("a")
        await console.see("Too soon")
        await console.paste("a")
        await console.see("Pasted text decides nothing")
    assert statuses(store, requests) == ["denied", "pending", "pending"]


async def test_a_console_that_only_looks_decides_nothing_from_the_table(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    requests = small(store, 2)
    async with open_console(TALL, readonly=True) as console:
        await console.press("*")
        await all_marked(console)
        await console.press("a")
        await table(console)
        await console.press("a", "d")
        await console.see("Nothing can be decided here")
    assert statuses(store, requests) == ["pending"] * 2


# --- a session ---------------------------------------------------------------------------------


async def test_a_big_d_denies_all_of_the_session_and_holds_back_the_rest(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    requests = small(store, 3)
    (elsewhere,) = small(store, 1, session="run-2", tool="mail")
    async with open_console(TALL) as console:
        await console.press("D")
        screen = await table(console)
        assert [item.request.id for item in screen.items] == [each.id for each in requests]
        await console.see("d denies all 3 and holds back the rest of it")
        await console.press("a")
        await console.see("This table is for denying")
        await console.press("d", *"wild", "enter")
        await console.see("The session run-1: is held back.")
        assert statuses(store, [*requests, elsewhere]) == ["denied"] * 3 + ["pending"]
        (held,) = store.reviewer.holds()
        assert (held.requester, held.session, held.held_by, held.reason) == ("bot", "run-1", "ann", "wild")
        late = submit(store, Call("shell", {"n": 99}, "bot", session="run-1"))
        await console.press("escape")
        await console.until(lambda: len([r for r in console.screen.waiting if r == late.id]) == 1)
        await console.press("G")
        await console.see("ITS SESSION IS HELD BACK by ann")
        await console.see("1 held")
        await console.press("a")
        await console.see("Its session is held back: release it first (o).")
        assert statuses(store, [late]) == ["pending"]
        await console.press("o")
        await console.see("by ann since")
        await console.press("r")
        await console.see("Let the session run-1 go on?")
        await console.press("enter")
        assert store.reviewer.holds()[0].is_in_force
        await console.press("r", "y")
        await console.see("The session may go on.")
        await console.press("escape")
        await console.until(lambda: "HELD BACK" not in console.text())
        await console.press("a")
        await console.until(lambda: statuses(store, [late]) == ["approved"])
    assert event_names(store, late) == ["request_submitted", "request_approved"]
    assert_sound(store)


async def test_what_a_hold_does_not_reach_is_said_and_nothing_of_that_is_cut_on_a_narrow_screen(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    small(store, 1, session="run-" + "x" * 80)
    async with open_console((40, 30)) as console:
        await console.press("D")
        await table(console)
        said = "".join(console.text().replace("\u21b3", "").split())
        assert "denies all 1 and holds back the rest of it.".replace(" ", "") in said
        assert "under another name of a session is not held back.".replace(" ", "") in said


async def test_a_session_of_which_nothing_waits_any_more_is_held_back_and_that_is_said(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    (request,) = small(store, 1)
    async with open_console(TALL) as console:
        await console.press("D")
        await table(console)
        deny(store, request)
        await console.see("SINCE THEN")
        await console.press("d", "enter")
        await console.until(lambda: len(store.reviewer.holds()) == 1)
        await console.see("The session is held back.")
        assert "0 of 0" not in console.text()


async def test_a_table_that_comes_late_takes_no_keys_from_what_was_opened_since(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    requests = small(store, 2)
    async with open_console(TALL) as console:
        await console.press("d")
        await console.see("Deny this request?")
        asked_on, holding = console.screen, ("bot", "run-1")
        console.screen.post_message(messages.TableLoaded(asked_on, requests, 0, holding))
        console.screen.post_message(messages.TableLoaded(asked_on, requests, 0, None))
        await console.settle()
        await console.see("Deny this request?")
        await console.press("escape")
        console.screen.post_message(messages.TableLoaded(asked_on, requests, 0, holding))
        await table(console)


async def test_of_a_request_without_a_session_nothing_is_held(open_console: OpenConsole, store: BlockingStore) -> None:
    small(store, 1, session=None)
    async with open_console(TALL) as console:
        await console.press("D")
        await console.see("Its requester names no session.")
        await console.press("o")
        await console.see("Its requester names no session.")
    assert store.reviewer.holds() == ()


# --- hostile texts -----------------------------------------------------------------------------


@pytest.mark.parametrize("opened", ["a", "D", "o"], ids=["the table", "the table of a session", "the session"])
async def test_whatever_an_agent_wrote_is_visible_there_too(
    opened: str, open_console: OpenConsole, store_path: str, clock: ManualClock
) -> None:
    texts = list(HOSTILE_TEXTS.values()) if opened == "a" else list(TELLING_TEXTS.values())[::2]
    with open_store_blocking(store_path, clock=clock) as store:
        for text in texts:
            store.requester.submit(everywhere(text))
        async with open_console((140, 34)) as console:
            look = Look(console)
            if opened == "a":
                await console.press("*")
                await all_marked(console)
                await console.press("a")
                await console.until(lambda: isinstance(console.app.screen, BulkScreen))
                await look.page_through()
            else:
                for _ in texts:
                    await console.press(opened, "escape")
                    await look.press(opened)
                    await console.settle()
                    await look.page_through()
                    await look.press("escape", "j")
        assert look.wall.let_through == []
        assert {each.status for each in store.reviewer.list()} == {"pending"}
        assert store.reviewer.holds() == ()
