"""Which rows count as seen, and which are not shown at all and said to be so (rule R9)."""

from __future__ import annotations

import pytest

from approval_tui.console.deciding import DecidingScreen
from approval_tui.console.dialogs import ReasonDialog
from approval_tui.console.documents import payload_of, request_lines
from approval_tui.console.shown_request import ShownRequest
from approval_tui.console.widgets.document_pane import DocumentPane
from approval_tui.display.glyphs import ASCII, UNICODE, Glyphs
from approval_tui.display.redaction import Redactor
from approval_tui.domain.audit import Event
from approval_tui.domain.calls import Call
from approval_tui.domain.clock import SECOND, format_timestamp
from approval_tui.domain.models import Request
from approval_tui.store.blocking import BlockingStore
from tests.console.conftest import OpenConsole
from tests.console.driver import Console
from tests.display.requests import MOMENT, a_request
from tests.support import ManualClock, submit

LONG_CONTEXT = {f"variable_{number}": f"value {number}" for number in range(30)}


# --- the context --------------------------------------------------------------------------------


def test_a_payload_is_read_only_when_the_rows_of_its_context_were_seen_too() -> None:
    request = a_request(context={"working_directory": "/srv", "host": "web-2"}, arguments={"a": 1, "b": 2})
    shown = ShownRequest(request, Redactor(), UNICODE, ManualClock(), ManualClock())
    payload = shown.payload(80)
    assert shown.subject(80).rows == len(payload.lines) + len(payload.context) == 2 + 3
    for line in payload.lines:
        assert line.span is not None
        shown.reading.saw(*line.span)
    assert shown.subject(80).unread_rows == 3
    for unread, line in zip((2, 1, 0), payload.context, strict=True):
        assert not shown.reading.is_complete
        assert line.span is not None
        shown.reading.saw(*line.span)
        assert shown.subject(80).unread_rows == unread
    assert shown.reading.is_complete


def test_the_rows_of_the_context_are_counted_behind_those_of_the_arguments_without_a_gap_at_every_width() -> None:
    request = a_request(context={**LONG_CONTEXT, "k" * 200: ["漢" * 90, {}], "": ""}, arguments={"a": "x" * 300})
    for width in (12, 23, 60, 200):
        payload = payload_of(request, Redactor(), width, UNICODE)
        spans = [line.span for line in (*payload.lines, *payload.context)]
        end = 0
        for span in spans:
            assert span is not None
            assert span[0] == end < span[1]
            end = span[1]
        assert end == payload.total == payload_of(request, Redactor(), 100, UNICODE).total


async def test_a_long_context_is_read_before_its_short_arguments_are_approved(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    request = submit(store, Call("shell", {"command": "make deploy"}, "bot", context=LONG_CONTEXT))
    async with open_console((140, 16)) as console:
        await console.press("tab", "G")
        await console.see("end of the arguments")  # the whole of the arguments is on the screen, and counts
        unread = console.unread_rows
        assert unread > len(LONG_CONTEXT)
        await console.press("a")
        await console.see(f"Read on first: {unread} rows not shown yet")
        await console.press("g")
        await console.read_to_the_end()
        width = console.screen.detail.text_width
        await console.press("a")
        await console.until(lambda: console.shown.status == "approved")
    shown = payload_of(request, Redactor(), width, UNICODE)
    (decision,) = store.reviewer.get(request.id).decisions
    assert decision.evidence.kind == "shown"
    assert decision.evidence.rows == len(shown.lines) + len(shown.context) > len(LONG_CONTEXT)


# --- rows that are not seen ---------------------------------------------------------------------


async def test_a_row_that_the_pane_is_too_narrow_for_does_not_count_as_seen(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    request = submit(store, Call("shell", {"command": "make deploy ENV=production"}, "bot"))
    async with open_console((9, 60)) as console:
        pane = console.screen.detail
        lines = [line.plain for line in pane.lines if line.span is not None]
        assert max(map(len, lines)) > pane.text_width
        for _ in range(3):
            await console.press("f")
        assert pane.scroll_offset.y == pane.max_scroll_y
        assert console.unread_rows > 0
        await console.press("a")
        assert store.reviewer.get(request.id).status == "pending"
        await console.pilot.resize_terminal(140, 34)
        await console.until(lambda: console.unread_rows == 0)


@pytest.mark.parametrize("keys", [(), ("enter",)], ids=["beside the list", "on the payload screen"])
async def test_rows_behind_a_dialog_count_as_seen_only_when_it_is_closed(
    keys: tuple[str, ...], open_console: OpenConsole, store: BlockingStore
) -> None:
    submit(store, Call("shell", {"lines": "\n".join(map(str, range(40)))}, "bot"))
    async with open_console((140, 20)) as console:
        await console.press(*keys)
        pane = console.app.screen.query(DocumentPane).first()
        unread = console.unread_rows
        assert unread > 0
        await console.press("d")
        dialog = console.app.screen
        assert isinstance(dialog, ReasonDialog)
        height = pane.text_height
        await console.pilot.resize_terminal(140, 70)
        await console.until(lambda: pane.text_height > height)
        await console.settle()
        assert "end of the arguments" in console.text()
        assert console.app.screen is dialog
        assert unread_behind(console) == unread
        await console.press("escape")
        await console.until(lambda: console.unread_rows == 0)


def unread_behind(console: Console) -> int:
    """The rows that were not seen yet of what stands below a dialog."""
    below = console.app.screen_stack[-2]
    assert isinstance(below, DecidingScreen)
    subject = below.subject()
    assert subject is not None
    return subject.unread_rows


# --- what could cover rows ----------------------------------------------------------------------


async def test_nothing_that_textual_says_covers_a_row_and_it_is_said_in_a_line(
    open_console: OpenConsole, requests: list[Request]
) -> None:
    async with open_console() as console:
        before = console.text().split("\n")[:-2]
        console.app.notify("Screenshot [b]saved[/b].", title="Saved", severity="error", timeout=60)
        await console.see("Screenshot [b]saved[/b].")
        assert console.text().split("\n")[:-2] == before
        await console.press("ctrl+c")
        await console.see("To leave: q.")
        assert console.text().split("\n")[:-2] == before
        assert not console.app.screen.query("Toast")
        assert len(console.app._notifications) == 0


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
async def test_a_very_long_message_keeps_its_beginning_and_leaves_the_rows_above_it_their_room(
    glyphs: Glyphs, open_console: OpenConsole, requests: list[Request]
) -> None:
    words = [f"word{number:03}" for number in range(400)]
    async with open_console((80, 30), glyphs=glyphs) as console:
        console.app.say("Not done: " + " ".join(words), "bad")
        await console.until(lambda: console.screen.status.size.height == 7)
        await console.settle()
        said = console.text().split("\n")[-8:-1]
        assert said[0].startswith(" Not done: word000 word001 ")
        assert [row.strip() for row in said[:5]] == [row.strip() for row in said[:5] if "word" in row]
        assert said[5].strip() == glyphs.ellipsis
        shown = " ".join(said[:5]).split()[2:]
        assert shown == words[: len(shown)]
        assert "pending" in said[6]
        assert "word" not in said[6]
        console.app.say("Done.")
        await console.until(lambda: console.screen.status.size.height == 1)


# --- a long story -------------------------------------------------------------------------------


def a_story(events: int) -> list[Event]:
    """So many events of one request, which was asked for again and again."""
    return [
        Event(number, "apr_1", "request_reused", MOMENT + number * SECOND, {"changes": {}, "details": {}}, "")
        for number in range(1, events + 1)
    ]


def told(story: list[Event]) -> list[str]:
    """The lines of the story."""
    request, redactor = a_request(), Redactor()
    shown = payload_of(request, redactor, 100, UNICODE)
    lines = request_lines(request, shown, redactor, 100, MOMENT, UNICODE, is_intact=True, story=story)
    plain = [line.plain for line in lines]
    begin = next(index for index, line in enumerate(plain) if "its story" in line)
    return plain[begin:]


def heads(story: list[Event]) -> list[str]:
    """The first line of each of these events."""
    return [f"{event.seq:<7}{format_timestamp(event.at)}" for event in story]


@pytest.mark.parametrize(("events", "hidden"), [(121, "1"), (300, "180"), (1120, "1,000")])
def test_a_long_story_tells_its_beginning_and_its_end_and_how_many_events_lie_between(events: int, hidden: str) -> None:
    story = a_story(events)
    title, *lines = told(story)
    assert f"({events} events)" in title
    first, last = heads(story[:20]), heads(story[-100:])
    every = set(heads(story))
    assert [line for line in lines if line in every] == [*first, *last]
    assert f"{hidden} more" in lines[lines.index(first[-1]) + 2]
    assert sum("more" in line for line in lines) == 1


@pytest.mark.parametrize("events", [1, 119, 120])
def test_a_story_that_is_short_enough_is_told_whole(events: int) -> None:
    story = a_story(events)
    lines = told(story)
    assert [line for line in lines if line in heads(story)] == heads(story)
    assert not any("more" in line for line in lines)


def test_an_edit_too_long_to_compare_says_that_rows_that_stayed_are_marked_too() -> None:
    arguments = {f"key_{number}": number for number in range(400)}
    request = a_request(arguments=arguments, edited_arguments=arguments | {"key_7": "seven"})
    edit = [line.plain for line in payload_of(request, Redactor(), 100, UNICODE).edit]
    assert edit[1].startswith("── all before the edit (-), all after it (+) ─")
    assert edit[2] == "Too long to compare: rows that stayed are marked, too."
    assert len(edit) == 3 + 800
