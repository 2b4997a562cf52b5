"""When a deciding key counts, and what counts as read; pure, with times in ms."""

from __future__ import annotations

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
    arming.note_key(1000, decides=True)
    first = arming.take_deciding_key()
    assert arming.stood_alone(first, 1000)
    arming.note_key(1010, decides=False)
    assert not arming.stood_alone(first, 1000)


def test_a_deciding_key_after_others_does_not_stand_alone() -> None:
    arming = Arming(400)
    arming.note_key(990, decides=False)
    arming.note_key(1000, decides=True)
    assert not arming.stood_alone(arming.take_deciding_key(), 1000)


def test_deciding_keys_that_were_noted_together_are_taken_one_by_one() -> None:
    arming = Arming(400)
    for _ in range(3):
        arming.note_key(1000, decides=True)
    assert [arming.stood_alone(arming.take_deciding_key(), 1500) for _ in range(3)] == [False] * 3


def test_a_click_counts_unless_a_key_came_just_before_it() -> None:
    arming = Arming(400)
    arming.note_key(1000, decides=False)
    assert arming.take_deciding_key() is None
    assert arming.stood_alone(None, 1100)
    assert not arming.stood_alone(None, 1040)


def test_a_deciding_key_that_led_to_nothing_is_forgotten() -> None:
    arming = Arming(400)
    arming.note_key(1000, decides=True)
    arming.note_key(3000, decides=False)
    assert arming.take_deciding_key() is None


def test_a_payload_is_read_when_every_row_was_visible() -> None:
    reading = Reading(10, 0)
    reading.saw(0, 4)
    assert not reading.is_complete
    assert reading.unseen == 5
    reading.saw(5, 9)
    assert reading.is_complete


def test_jumping_to_the_end_leaves_the_rows_between_unread() -> None:
    reading = Reading(100, 0)
    reading.saw(0, 9)
    reading.saw(90, 99)
    assert reading.unseen == 80


def test_rows_outside_the_payload_do_not_count() -> None:
    reading = Reading(3, 0)
    reading.saw(-5, 50)
    assert reading.is_complete


def test_the_evidence_says_how_many_rows_for_how_long() -> None:
    reading = Reading(2, 1000)
    reading.saw(0, 1)
    evidence = reading.evidence(3500)
    assert (evidence.kind, evidence.rows, evidence.shown_ms) == ("shown", 2, 2500)
