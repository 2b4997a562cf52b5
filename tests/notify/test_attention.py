"""When a person is called, and with what (rule R10)."""

from __future__ import annotations

import dataclasses

import pytest

from approval_tui.display.visible import is_all_visible
from approval_tui.display.width import cell_width
from approval_tui.domain.calls import Call
from approval_tui.domain.models import Request
from approval_tui.notify import terminal
from approval_tui.notify.attention import QUIET, Attention, notice_text
from approval_tui.settings.configuration import NOTICE_NONE, NOTICE_OSC777, Settings
from approval_tui.store.blocking import BlockingStore
from tests.hostile import HOSTILE_TEXTS
from tests.support import ManualClock, submit

ARRIVED = "\a\x1b]9;approval-tui: "


class Desk:
    """Attention on clocks that the test moves, and requests that come."""

    def __init__(self, store: BlockingStore, clock: ManualClock, settings: Settings, *, in_tmux: bool) -> None:
        self.store, self.clock, self.monotonic = store, clock, ManualClock(0)
        self.attention = Attention(settings, clock, self.monotonic, in_tmux=in_tmux)
        self.pending: list[Request] = []
        self.asked = 0

    def ask(self, tool: str = "shell", **more: str) -> Request:
        """A new request, which the console hears of with the next `tell`."""
        self.clock.move(1000)
        self.asked += 1
        call = Call(tool, {"secret": "hunter2", "number": self.asked}, more.pop("requester", "bot"), **more)  # type: ignore[arg-type]
        self.pending.append(submit(self.store, call))
        return self.pending[-1]

    def tell(self) -> str:
        """What is written when the console hears of what waits."""
        return self.attention.waiting(self.pending, len(self.pending))


@pytest.fixture
def desk(store: BlockingStore, clock: ManualClock) -> Desk:
    return Desk(store, clock, Settings(title=False), in_tmux=False)


def desk_with(store: BlockingStore, clock: ManualClock, settings: Settings, *, in_tmux: bool = False) -> Desk:
    """A desk of which nobody looks at the terminal."""
    made = Desk(store, clock, settings, in_tmux=in_tmux)
    made.attention.blurred()
    return made


def test_while_somebody_looks_nobody_is_called(desk: Desk) -> None:
    desk.ask()
    assert desk.tell() == ""
    assert desk.attention.tick() == ""


def test_what_comes_while_nobody_looks_is_told_once(desk: Desk) -> None:
    desk.attention.blurred()
    desk.ask()
    assert desk.tell().startswith(ARRIVED)
    assert desk.tell() == ""
    desk.monotonic.move(10 * QUIET)
    assert desk.tell() + desk.attention.tick() == ""


def test_what_waited_before_one_looked_away_is_not_told(desk: Desk) -> None:
    desk.ask()
    desk.tell()
    desk.clock.move(1000)
    desk.attention.blurred()
    assert desk.tell() == ""
    desk.ask()
    assert desk.tell().startswith(ARRIVED)


def test_what_comes_within_five_seconds_is_told_together_when_they_are_over(desk: Desk) -> None:
    desk.attention.blurred()
    desk.ask("one")
    assert "one for bot" in desk.tell()
    for tool in ("two", "three", "four"):
        desk.monotonic.move(1000)
        desk.ask(tool)
        assert desk.tell() == ""
    desk.monotonic.move(QUIET - 3000 - 1)
    assert desk.attention.tick() == ""
    desk.monotonic.move(1)
    said = desk.attention.tick()
    assert said.count("\a") == 2  # the bell, and the end of the notice
    assert "3 requests; first: risk unrated, " in said
    assert desk.attention.tick() == ""


def test_what_was_decided_before_its_call_is_not_told(desk: Desk) -> None:
    desk.attention.blurred()
    desk.ask("one")
    desk.tell()
    gone = desk.ask("two")
    assert desk.tell() == ""
    desk.pending.remove(gone)
    desk.tell()
    desk.monotonic.move(QUIET)
    assert desk.attention.tick() == ""


def test_whoever_looks_back_is_not_called_for_what_was_held_back(desk: Desk) -> None:
    desk.attention.blurred()
    desk.ask("one")
    desk.tell()
    desk.ask("two")
    desk.tell()
    desk.attention.focused()
    desk.monotonic.move(QUIET)
    assert desk.attention.tick() == ""
    desk.clock.move(1000)
    desk.attention.blurred()
    assert desk.tell() == ""
    desk.ask("three")
    assert "three for bot" in desk.tell()


def test_a_second_report_that_the_focus_is_lost_forgets_nothing(desk: Desk) -> None:
    desk.attention.blurred()
    desk.ask("one")
    desk.tell()
    desk.attention.blurred()
    desk.monotonic.move(QUIET)
    assert desk.tell() == ""


@pytest.mark.parametrize("bell", [True, False])
@pytest.mark.parametrize("notice", ["osc9", NOTICE_OSC777, NOTICE_NONE])
@pytest.mark.parametrize("title", [True, False])
def test_each_way_can_be_switched_off(
    bell: bool, notice: str, title: bool, store: BlockingStore, clock: ManualClock
) -> None:
    desk = desk_with(store, clock, Settings(bell=bell, notice=notice, title=title))
    desk.ask()
    said = desk.tell()
    without_title = said.replace("\x1b]2;(1) approval-tui\x07", "")
    assert (said != without_title) == title
    assert without_title.startswith("\a") == bell
    assert ("\x1b]9;" in said) == (notice == "osc9")
    assert ("\x1b]777;notify;approval-tui;" in said) == (notice == NOTICE_OSC777)
    if not bell and not title and notice == NOTICE_NONE:
        assert said == ""


def test_the_title_counts_what_waits_while_nobody_looks(store: BlockingStore, clock: ManualClock) -> None:
    desk = Desk(store, clock, Settings(bell=False, notice=NOTICE_NONE), in_tmux=False)
    desk.ask()
    assert desk.tell() == "\x1b]2;approval-tui\x07"
    assert desk.attention.blurred() == "\x1b]2;(1) approval-tui\x07"
    desk.ask()
    assert desk.tell() == "\x1b]2;(2) approval-tui\x07"
    assert desk.tell() == ""  # the same title is not written again
    desk.pending.clear()
    assert desk.tell() == "\x1b]2;approval-tui\x07"
    desk.ask()
    desk.tell()
    assert desk.attention.focused() == "\x1b]2;approval-tui\x07"


def test_the_count_of_the_title_is_of_all_that_waits_and_not_of_the_newest(
    store: BlockingStore, clock: ManualClock
) -> None:
    desk = desk_with(store, clock, Settings(bell=False, notice=NOTICE_NONE))
    desk.ask()
    assert desk.attention.waiting(desk.pending, 1234) == "\x1b]2;(1234) approval-tui\x07"


def test_a_notice_says_tool_requester_risk_and_time_and_never_arguments(desk: Desk) -> None:
    desk.attention.blurred()
    request = desk.ask("deploy", requester="release-bot", risk="high", reason="hunter2 is the reason")
    said = desk.tell()
    assert "hunter2" not in said
    assert f"risk high, 10m left: deploy for release-bot ({request.id[-4:]})" in said


def test_a_notice_without_a_risk_says_so(desk: Desk, clock: ManualClock) -> None:
    request = desk.ask("deploy")
    assert notice_text([request], clock()) == f"risk unrated, 10m left: deploy for bot ({request.id[-4:]})"


HOSTILE = "x\x1b]0;owned\x07\x1b\\\x9c\r\n\u202e;notify;\u200b"


@pytest.mark.parametrize("notice", ["osc9", NOTICE_OSC777])
@pytest.mark.parametrize("in_tmux", [True, False])
def test_hostile_names_are_made_visible_and_end_no_sequence(
    notice: str, in_tmux: bool, store: BlockingStore, clock: ManualClock
) -> None:
    desk = desk_with(store, clock, Settings(bell=False, notice=notice, title=False), in_tmux=in_tmux)
    desk.ask(HOSTILE, requester=HOSTILE)
    said = desk.tell()
    inner = said.removeprefix("\x1bPtmux;").removesuffix("\x1b\\").replace("\x1b\x1b", "\x1b") if in_tmux else said
    assert inner.count("\x1b") == 1
    assert inner.count("\x07") == 1
    assert inner.endswith("\x07")
    for raw in ("\x9c", "\r", "\n", "\u202e", "\u200b"):
        assert raw not in said
    assert "\\u{1B}]0" in inner
    assert "\\u{202E}" in inner


def test_the_risk_and_the_time_come_first_so_that_no_name_pushes_them_out_of_the_notice(desk: Desk) -> None:
    request = desk.ask(risk="high")
    begin = "risk high, 10m left: "
    for text in HOSTILE_TEXTS.values():
        said = notice_text([dataclasses.replace(request, tool=text * 30, requester=text * 30)], desk.clock())
        sequence = terminal.osc9(said)
        assert sequence.startswith(f"\x1b]9;{begin}"), text
        shown = sequence.removeprefix("\x1b]9;").removesuffix("\x07")
        assert is_all_visible(shown), text
        assert cell_width(shown) <= 200, text


@pytest.mark.parametrize(
    ("tool", "shown"),
    [
        ("t" * 40, "t" * 40),
        ("t" * 41, f'"{"t" * 40}..."'),
        ("t" * 256, f'"{"t" * 40}..."'),
        ("two words", '"two words"'),
        ("shell for root (0000)", '"shell for root (0000)"'),
        ('a" for "b', r'"a\" for \"b"'),
        ("a\u202eb", r'"a\u{202E}b"'),
        (r"a\u{202E}b", r'"a\\\\u{202E}b"'),
        ("\x1b]0;owned\x07", r'"\u{1B}]0;owned\u{7}"'),
    ],
)
def test_a_name_cannot_go_on_in_our_words_and_says_where_it_was_cut(tool: str, shown: str, desk: Desk) -> None:
    desk.attention.blurred()
    request = desk.ask(tool, requester=tool, risk="low")
    assert desk.tell() == f"\a\x1b]9;approval-tui: risk low, 10m left: {shown} for {shown} ({request.id[-4:]})\x07"


def test_a_notice_is_short_whatever_the_names_are(desk: Desk) -> None:
    desk.attention.blurred()
    desk.ask("t" * 200, requester="r" * 200)
    assert len(desk.tell()) < 250


def test_in_tmux_a_notice_is_wrapped_and_the_bell_and_the_title_are_not(
    store: BlockingStore, clock: ManualClock
) -> None:
    desk = desk_with(store, clock, Settings(), in_tmux=True)
    request = desk.ask()
    text = f"approval-tui: risk unrated, 10m left: shell for bot ({request.id[-4:]})"
    assert desk.tell() == f"\x1b]2;(1) approval-tui\x07\a\x1bPtmux;\x1b\x1b]9;{text}\x07\x1b\\"


def test_the_bell_is_one_byte_that_tmux_understands_itself() -> None:
    assert terminal.BELL == "\x07"
