"""Durations that people write, and timestamps that programs read."""

from __future__ import annotations

import datetime
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approval_tui.domain.clock import (
    DAY,
    HOUR,
    LONGEST_DURATION,
    MINUTE,
    format_duration,
    format_timestamp,
    optional_timestamp,
    parse_duration,
    system_clock,
)
from approval_tui.domain.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("0s", 0),
        ("500ms", 500),
        ("1s", 1000),
        ("10m", 10 * MINUTE),
        ("1h30m", 90 * MINUTE),
        ("2d", 2 * DAY),
        ("1.5h", 90 * MINUTE),
        ("1h0.5m", HOUR + MINUTE // 2),
        ("1d1h1m1s1ms", DAY + HOUR + MINUTE + 1001),
        ("3650d", LONGEST_DURATION),
        (0, 0),
        (90, 90_000),
        (0.25, 250),
        (1.9999, 2000),
    ],
)
def test_a_duration_reads_as_milliseconds(text: str | float, milliseconds: int) -> None:
    assert parse_duration(text) == milliseconds


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "10", "m", "10 m", " 10m", "10m ", "10m\n", "-10m", "+10m", "1.5", ".5h", "1.h",
        "10M", "10min", "1h-30m",
        "\u0661m", "10\u2009m", "3651d", "9" * 15 + "d", "9" * 5000 + "s", "ms", "1h30", "1w",
        -1, -0.001, 1e12, float("nan"), float("inf"), float("-inf"), True, False,
    ],
)  # fmt: skip
def test_anything_else_is_no_duration(text: str | float) -> None:
    with pytest.raises(InvalidInput, match="is not a duration") as caught:
        parse_duration(text)
    assert "1h30m" in caught.value.to_do


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "0s"),
        (-5, "0s"),
        (1, "1ms"),
        (999, "999ms"),
        (1000, "1s"),
        (1999, "1s"),
        (59_999, "59s"),
        (90 * MINUTE, "1h30m"),
        (90 * MINUTE + 59_000, "1h30m"),
        (HOUR + 1000, "1h"),
        (10 * MINUTE, "10m"),
        (DAY + 1, "1d"),
        (49 * HOUR, "2d1h"),
    ],
)
def test_a_duration_is_written_in_its_two_largest_units(milliseconds: int, text: str) -> None:
    assert format_duration(milliseconds) == text


@given(st.integers(0, LONGEST_DURATION))
def test_a_written_duration_reads_back_as_at_most_itself(milliseconds: int) -> None:
    back = parse_duration(format_duration(milliseconds))
    assert back <= milliseconds
    assert milliseconds - back < max(1000, milliseconds / 24)
    assert format_duration(back) == format_duration(milliseconds)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_795_253_400_250, "2026-11-21T09:30:00.250Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (1_709_164_800_007, "2024-02-29T00:00:00.007Z"),
    ],
)
def test_a_timestamp_is_iso_8601_in_utc_with_milliseconds(moment: int, text: str) -> None:
    assert format_timestamp(moment) == text


@given(st.integers(-(2**40), 2**46))
def test_a_timestamp_is_aware_and_reads_back_as_the_same_moment(moment: int) -> None:
    read = datetime.datetime.fromisoformat(format_timestamp(moment))
    assert read.utcoffset() == datetime.timedelta(0)
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    assert (read - epoch) // datetime.timedelta(milliseconds=1) == moment


def test_timestamps_do_not_follow_the_machines_time_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    time.tzset()
    try:
        assert format_timestamp(0) == "1970-01-01T00:00:00.000Z"
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()


def test_a_moment_that_has_not_come_has_no_timestamp() -> None:
    assert optional_timestamp(None) is None
    assert optional_timestamp(0) == "1970-01-01T00:00:00.000Z"


def test_the_clock_gives_whole_milliseconds_of_utc() -> None:
    before = time.time_ns() // 1_000_000
    now = system_clock()
    assert type(now) is int
    assert before <= now <= time.time_ns() // 1_000_000
