"""When a deciding key counts, and what counts as read; pure, with times in ms."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from approval_tui.console.arming import Arming
from approval_tui.console.reading import Reading


def test_no_key_decides_before_anything_was_shown() -> None:
    assert not Arming(400).is_armed(10_000)


def test_a_key_decides_only_after_the_screen_was_still_for_the_whole_delay() -> None:
    arming = Arming(400)
    arming.disarm(1000)
    assert not arming.is_armed(1399)
    assert arming.remaining(1399) == 1
    assert arming.is_armed(1400)


def test_another_change_begins_the_delay_anew() -> None:
    arming = Arming(400)
    arming.disarm(1000)
    arming.disarm(1300)
    assert not arming.is_armed(1600)
    assert arming.is_armed(1700)


def test_keys_that_follow_each_other_at_once_do_not_stand_alone() -> None:
    arming = Arming(400)
    arming.note_key(1000)
    assert arming.stood_alone(1000, 1000)
    arming.note_key(1010)
    assert not arming.stood_alone(1000, 1000)


def test_a_deciding_key_after_others_does_not_stand_alone() -> None:
    arming = Arming(400)
    arming.note_key(990)
    arming.note_key(1000)
    assert not arming.stood_alone(1000, 1000)


def test_a_click_counts_unless_a_key_came_just_before_it() -> None:
    arming = Arming(400)
    arming.note_key(1000)
    assert arming.stood_alone(None, 1100)
    assert not arming.stood_alone(None, 1040)


def test_a_payload_is_read_when_all_of_it_was_visible() -> None:
    reading = Reading(100, 0)
    reading.saw(0, 40)
    assert not reading.is_complete
    assert reading.has_seen(10, 40)
    assert not reading.has_seen(39, 41)
    reading.saw(40, 100)
    assert reading.is_complete


def test_jumping_to_the_end_leaves_what_lies_between_unread() -> None:
    reading = Reading(1000, 0)
    reading.saw(0, 90)
    reading.saw(900, 1000)
    assert not reading.is_complete
    assert not reading.has_seen(90, 900)


def test_what_lies_outside_the_payload_does_not_count() -> None:
    reading = Reading(30, 0)
    reading.saw(-5, 0)
    reading.saw(30, 90)
    assert not reading.is_complete
    reading.saw(-5, 50)
    assert reading.is_complete


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=30))
def test_a_reading_knows_exactly_which_characters_were_seen(spans: list[tuple[int, int]]) -> None:
    reading = Reading(50, 0)
    seen: set[int] = set()
    for begin, end in spans:
        reading.saw(begin, end)
        seen |= set(range(begin, end))
    assert [reading.has_seen(index, index + 1) for index in range(50)] == [index in seen for index in range(50)]
    assert reading.is_complete == (set(range(50)) <= seen)


def test_the_evidence_says_how_many_rows_for_how_long() -> None:
    reading = Reading(2, 1000)
    reading.saw(0, 2)
    evidence = reading.shown(7, 3500)
    assert (evidence.kind, evidence.rows, evidence.shown_ms) == ("shown", 7, 2500)
