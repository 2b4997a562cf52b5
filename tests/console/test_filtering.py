"""The filter: what it may say, what it shows in each list, and how it goes on while requests come and go."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from textual.widgets import Input

from approval_tui.console import lists, loading
from approval_tui.console.filtering import parse_filter
from approval_tui.domain.calls import Call
from approval_tui.domain.errors import InvalidInput
from approval_tui.domain.models import Request
from approval_tui.settings.actions import AUDIT_VIEW, HISTORY_VIEW
from approval_tui.store.blocking import BlockingStore
from approval_tui.store.transactions.filters import LONGEST_WORD, MOST_WORDS, Filter, Word
from tests.console.conftest import OpenConsole
from tests.console.driver import Console
from tests.console.test_keys import choose
from tests.support import BO, approve, consume, deny, submit

# --- what it may say ------------------------------------------------------------------------------

SAID: dict[str, Filter] = {
    "": Filter(),
    "   ": Filter(),
    "prod": Filter(words=(Word("prod"),)),
    "make deploy": Filter(words=(Word("make"), Word("deploy"))),
    '"make deploy"': Filter(words=(Word("make deploy"),)),
    '"make deploy': Filter(words=(Word("make deploy"),)),
    '""': Filter(),
    "tool:sh": Filter(words=(Word("sh", "tool"),)),
    'tool:"two words"': Filter(words=(Word("two words", "tool"),)),
    "requester:bot session:run-1 risk:high": Filter(
        words=(Word("bot", "requester"), Word("run-1", "session"), Word("high", "risk"))
    ),
    "tool:sh tool:ell": Filter(words=(Word("sh", "tool"), Word("ell", "tool"))),
    "status:denied": Filter(status="denied"),
    "status:DEN": Filter(status="denied"),
    "status:in-doubt": Filter(status="in_doubt"),
    'status:"in doubt"': Filter(status="in_doubt"),
    "status:denied status:approved": Filter(status="approved"),
    'tool:sh status:denied "make deploy" prod': Filter(
        status="denied", words=(Word("sh", "tool"), Word("make deploy"), Word("prod"))
    ),
    "https://example.org/a": Filter(words=(Word("https://example.org/a"),)),
    "colour:red": Filter(words=(Word("colour:red"),)),
    "C:\\temp": Filter(words=(Word("C:\\temp"),)),
    "100%": Filter(words=(Word("100%"),)),
    ":": Filter(words=(Word(":"),)),
    "é 漢字": Filter(words=(Word("é"), Word("漢字"))),
}


@pytest.mark.parametrize("text", SAID)
def test_a_text_means_one_filter(text: str) -> None:
    assert parse_filter(text) == SAID[text]


@pytest.mark.parametrize("field", ["tool", "requester", "session", "risk", "status"])
def test_a_field_whose_word_is_not_typed_yet_asks_for_nothing(field: str) -> None:
    assert parse_filter(f"{field}:") == Filter()
    assert parse_filter(f"prod {field}:") == Filter(words=(Word("prod"),))


@pytest.mark.parametrize("text", ["status:wrong", "status:c", "status:deniedd"])
def test_a_status_that_means_none_or_several_is_refused_and_the_choice_is_told(text: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        parse_filter(text)
    assert text.removeprefix("status:") in raised.value.happened
    assert "cancelled" in raised.value.to_do


def test_the_statuses_are_those_of_the_list() -> None:
    assert parse_filter("status:p", ("pending",)).status == "pending"
    with pytest.raises(InvalidInput):
        parse_filter("status:denied", ("pending",))


def test_more_words_than_the_store_looks_for_are_refused() -> None:
    assert len(parse_filter(" ".join("abcdef"[:MOST_WORDS])).words) == MOST_WORDS
    with pytest.raises(InvalidInput):
        parse_filter(" ".join(str(number) for number in range(MOST_WORDS + 1)))


@pytest.mark.parametrize("around", ["{}", '"{} "', "tool:{}", 'risk:"{} "', "colour:{}", "prod {} deploy"])
def test_a_word_longer_than_the_store_looks_for_is_refused_in_words(around: str) -> None:
    room = LONGEST_WORD - around.endswith(' "') - (len("colour:") if around.startswith("colour:") else 0)
    assert len(max(parse_filter(around.format("w" * room)).words, key=len).text) <= LONGEST_WORD
    with pytest.raises(InvalidInput) as raised:
        parse_filter(around.format("w" * (room + 1)))
    assert raised.value.happened == "A word of 501 characters is looked for; 500 are the most."
    assert raised.value.to_do == "Look for a part of it."


# --- in the lists ---------------------------------------------------------------------------------


async def filter_by(console: Console, text: str, *, keep: bool = True) -> None:
    """Types a filter, all of it at once, and keeps it with enter."""
    await console.press("/")
    box = console.screen.query_one("#filter", Input)
    await console.until(lambda: box.has_focus)
    await console.press_at_once(*("space" if each == " " else each for each in text))
    await console.until(lambda: box.value.endswith(text))
    if keep:
        await console.press("enter")
    await console.settle()


def ids(console: Console) -> list[str]:
    """The ids, or the numbers of the events, of the list that is shown."""
    rows = [entry.row for entry in console.screen.lists.shown.rows.loaded]
    return [str(getattr(row, "id", getattr(row, "seq", ""))) for row in rows]


async def until_shown(console: Console, *requests: Request) -> None:
    await console.until(
        lambda: console.screen.lists.shown.rows.is_loaded and ids(console) == [each.id for each in requests]
    )
    await console.settle()


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("tool:fetch", [3]),
        ("requester:BOT tool:shell", [0]),
        ("risk:high", [1, 2]),
        ("session:run-", [0, 1, 2]),
        ("drop_users", [1]),
        ('"make deploy"', [0]),
        ("status:pending acme", [2]),
    ],
)
async def test_a_filter_shows_what_waits_and_matches(
    text: str, places: list[int], open_console: OpenConsole, requests: list[Request]
) -> None:
    async with open_console() as console:
        await filter_by(console, text)
        await until_shown(console, *(requests[place] for place in places))
        assert f"/ {text}" in console.text()
        assert f"1 of {len(places)}" in console.text()
        await console.see("4 pending")  # the status bar counts what waits, filtered or not
        assert console.shown.id == requests[places[0]].id
        await console.press("escape")
        await until_shown(console, *requests)
        assert f"/ {text}" not in console.text()


async def test_a_filter_of_the_history_finds_by_status_and_words(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    deny(reviewing_store, requests[0], "too risky")
    deny(reviewing_store, requests[1], "no")
    approve(reviewing_store, requests[2], BO)
    consume(reviewing_store, requests[2])
    async with open_console() as console:
        await console.press("2")
        await console.until(lambda: len(ids(console)) == 3)
        await filter_by(console, "status:denied")
        await until_shown(console, requests[1], requests[0])
        await console.press("escape")
        await filter_by(console, "risky")
        await until_shown(console, requests[0])
        await console.see("1 found")
        await console.press("escape")
        await filter_by(console, "status:cons")
        await until_shown(console, requests[2])


async def test_a_filter_of_the_audit_log_finds_events_and_each_list_keeps_its_own(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    deny(reviewing_store, requests[0], "too risky")
    async with open_console() as console:
        await filter_by(console, "fetch")
        await until_shown(console, requests[3])
        await console.press("3")
        await console.until(lambda: console.screen.place == AUDIT_VIEW and len(ids(console)) == 5)
        await filter_by(console, "risky")
        await console.until(lambda: ids(console) == ["5"])
        await console.press("1")
        await until_shown(console, requests[3])
        assert "/ fetch" in console.text()
        await console.press("3")
        await console.until(lambda: ids(console) == ["5"])


async def test_what_matches_nothing_says_so_and_nothing_can_be_decided(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        for key in ("1", "2", "3"):
            await console.press(key)
            await filter_by(console, "zebra")
            await console.see("Nothing matches.")
            await console.see("escape takes the filter away")
            assert console.screen.shown_request is None
        await console.press("1", "a")
        await console.see("There is nothing to approve.")
        await console.press("escape")
        await until_shown(console, *requests)
    assert len(reviewing_store.reviewer.list()) == len(requests)


async def test_an_unknown_status_is_said_and_the_list_stays(open_console: OpenConsole, requests: list[Request]) -> None:
    async with open_console() as console:
        await filter_by(console, "status:denied")
        await console.see("status:denied is no status here.")
        await console.see("pending")
        assert console.screen.query("#filter")
        await console.press("escape")
        assert not console.screen.query("#filter")
        await until_shown(console, *requests)


async def test_a_word_too_long_to_look_for_is_said_and_the_list_and_its_filter_stay(
    open_console: OpenConsole, requests: list[Request]
) -> None:
    async with open_console() as console:
        await filter_by(console, "tool:s")
        await until_shown(console, requests[0], requests[2])
        await console.press("/")
        await console.paste("w" * LONGEST_WORD)
        await console.see("A word of 501 characters is looked for; 500 are the most.")
        await until_shown(console, requests[0], requests[2])
        await console.press("enter")
        assert console.screen.query_one("#filter", Input).has_focus  # what cannot be used cannot be kept
        assert console.screen.lists.shown.filter_text == "tool:s"
        await console.press("backspace")
        await console.see("Nothing matches.")
        await console.press("escape")
        await until_shown(console, *requests)


async def test_the_first_letters_of_a_status_are_no_fault_while_it_is_typed(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    deny(reviewing_store, requests[0])
    async with open_console() as console:
        await console.press("2")
        await filter_by(console, "status:den", keep=False)
        await console.until(lambda: console.screen.lists.shown.chosen.status == "denied")
        assert "is no status" not in console.text()


async def test_a_filter_can_be_mended_and_enter_keeps_it(open_console: OpenConsole, requests: list[Request]) -> None:
    async with open_console() as console:
        await filter_by(console, "tool:fetch")
        await until_shown(console, requests[3])
        await console.press("/")
        assert console.screen.query_one("#filter", Input).value == "tool:fetch"
        await console.press("backspace", "backspace", "backspace", "backspace", "backspace", "s", "enter")
        await until_shown(console, requests[0], requests[2])
        assert "/ tool:s" in console.text()


async def test_a_filter_that_is_being_typed_ends_with_its_list_and_the_next_keys_are_keys_again(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    deny(reviewing_store, requests[3])
    async with open_console() as console:
        await filter_by(console, "acme", keep=False)
        await until_shown(console, requests[2])
        assert await console.pilot.click("#views", offset=(console.text().index("History") + 1, 0))
        await console.until(lambda: console.screen.place == HISTORY_VIEW and not console.screen.query("#filter"))
        await until_shown(console, requests[3])
        assert console.app.focused is console.screen.row_list
        await console.press("1", "/")  # a key again, and no letter of a filter; the list has kept its own
        await until_shown(console, requests[2])
        assert console.screen.query_one("#filter", Input).value == "acme"
        await choose(console, "only the events")
        await console.until(lambda: console.screen.place == AUDIT_VIEW and not console.screen.query("#filter"))
        await console.until(lambda: ids(console) == ["3"])
        assert console.app.focused is console.screen.row_list


# --- rules that hold under a filter -----------------------------------------------------------------


async def test_a_filter_that_hides_the_shown_request_shows_another_and_its_keys_wait(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        assert console.shown.id == requests[0].id
        await filter_by(console, "fetch", keep=False)
        await console.until(lambda: console.shown.id == requests[3].id)
        await console.press_at_once("enter")
        await console.press_at_once("a")
        await console.see("Too soon")
        assert len(reviewing_store.reviewer.list()) == len(requests)
        await console.press("a")
        await console.until(lambda: console.shown.status == "approved")
    assert reviewing_store.reviewer.get(requests[0].id).status == "pending"
    assert reviewing_store.reviewer.get(requests[3].id).status == "approved"


async def test_the_cursor_stays_with_its_request_when_a_filter_comes_and_goes(
    open_console: OpenConsole, requests: list[Request]
) -> None:
    async with open_console() as console:
        await console.press("j", "j")
        assert console.shown.id == requests[2].id
        await filter_by(console, "risk:high")
        await until_shown(console, requests[1], requests[2])
        assert console.shown.id == requests[2].id
        await console.press("escape")
        await until_shown(console, *requests)
        assert console.shown.id == requests[2].id


async def test_rows_come_and_vanish_under_a_filter_and_the_cursor_keeps_its_request(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        await filter_by(console, "risk:high")
        await until_shown(console, requests[1], requests[2])
        await console.press("j")
        assert console.shown.id == requests[2].id
        fitting = submit(reviewing_store, Call("late", {"n": 1}, "late-bot", risk="high"))
        submit(reviewing_store, Call("late", {"n": 2}, "late-bot", risk="low"))
        await until_shown(console, requests[1], requests[2], fitting)
        await console.see("1 new below")
        await console.see("6 pending")
        deny(reviewing_store, requests[1], reviewer=BO)
        await console.until(lambda: console.screen.waiting == [requests[2].id, fitting.id])
        assert console.shown.id == requests[2].id
        approve(reviewing_store, requests[2], BO)
        await console.until(lambda: console.shown.status == "approved")
        assert console.shown.id == requests[2].id  # a tombstone stays until the reviewer moves on
        await console.press("j")
        assert console.shown.id == fitting.id


async def test_a_finding_of_the_history_appears_while_its_filter_is_shown(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    deny(reviewing_store, requests[0])
    async with open_console() as console:
        await console.press("2")
        await filter_by(console, "status:denied")
        await until_shown(console, requests[0])
        approve(reviewing_store, requests[1], BO)
        deny(reviewing_store, requests[2], reviewer=BO)
        await until_shown(console, requests[2], requests[0])
        assert console.shown.id == requests[0].id


async def test_a_long_search_goes_on_by_itself_and_says_how_far_it_is(
    open_console: OpenConsole,
    requests: list[Request],
    reviewing_store: BlockingStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Steps of three rows stand for the steps of 20,000 that a real history has."""
    monkeypatch.setattr(loading, "_SCAN", 3)
    deny(reviewing_store, requests[0], "needle")
    for number in range(20):
        deny(reviewing_store, submit(reviewing_store, Call("many", {"number": number}, "many-bot")))
    async with open_console() as console:
        said: list[str] = []
        extent = console.screen.query_one("#views")
        await console.press("2")
        await console.until(lambda: console.screen.place == HISTORY_VIEW and len(ids(console)) == 21)
        await console.press("/")
        await console.press_at_once(*"needle")

        def found() -> bool:
            said.append(str(getattr(extent, "_said", "")))
            return ids(console) == [requests[0].id]

        await console.until(found)
        await console.see("1 of 1 found")
        assert any("found so far" in each and "looked at" in each for each in said)


async def test_a_search_that_finds_too_much_says_that_it_stopped(
    open_console: OpenConsole,
    requests: list[Request],
    reviewing_store: BlockingStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lists, "MOST_FOUND", 10)
    monkeypatch.setattr("approval_tui.console.words.MOST_FOUND", 10)
    monkeypatch.setattr(loading, "_FOUND_AT_ONCE", 5)
    for number in range(30):
        deny(reviewing_store, submit(reviewing_store, Call("many", {"number": number}, "many-bot")))
    async with open_console() as console:
        await console.press("2")
        await filter_by(console, "many")
        await console.press("G")
        await console.see("the first 10; narrow it down")


async def test_a_search_whose_matches_were_taken_away_by_somebody_ends(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore, store_path: str
) -> None:
    deny(reviewing_store, requests[0], "needle")
    async with open_console() as console:
        await console.press("2")
        await filter_by(console, "needle")
        await until_shown(console, requests[0])
        with closing(sqlite3.connect(store_path)) as forger, forger:
            for (name,) in forger.execute("SELECT name FROM sqlite_master WHERE type='trigger'").fetchall():
                forger.execute(f"DROP TRIGGER {name}")
            forger.execute("UPDATE requests SET decisions = replace(decisions, 'needle', 'straw')")
        await console.until(lambda: not ids(console) or "straw" in console.text())
        assert console.app.is_running
