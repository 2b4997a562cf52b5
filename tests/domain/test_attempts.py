"""Which attempt a request is: what there can be, its one stored form, and that it is no part of a call's identity."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approval_tui.domain.attempts import MOST_ATTEMPTS, DraftAttempt, check_attempt
from approval_tui.domain.calls import Call, check_call
from approval_tui.domain.canonical import record_json, stored_json
from approval_tui.domain.errors import InvalidInput

BEFORE = "apr_" + "0" * 32

numbers = st.integers(1, MOST_ATTEMPTS)
ids = st.text("0123456789abcdef", min_size=32, max_size=32).map(lambda digits: f"apr_{digits}")


@st.composite
def attempts(draw: st.DrawFn) -> DraftAttempt:
    """Any attempt that there can be."""
    number = draw(numbers)
    previous = None if number == 1 else draw(st.none() | ids)
    return DraftAttempt(number, draw(st.integers(number, MOST_ATTEMPTS)), previous)


NONE_THAT_THERE_CAN_BE: dict[str, tuple[Any, Any, Any]] = {
    "the zeroth": (0, 3, None),
    "one before the zeroth": (-1, 3, None),
    "one beyond the last": (4, 3, BEFORE),
    "one of none": (1, 0, None),
    "one of too many": (1, MOST_ATTEMPTS + 1, None),
    "one of too many, at the end": (MOST_ATTEMPTS + 1, MOST_ATTEMPTS + 1, BEFORE),
    "a number as a text": ("1", 3, None),
    "a number that is a truth": (True, 3, None),
    "as many as a truth": (1, True, None),
    "a number with a fraction": (1.0, 3, None),
    "as many as a fraction": (1, 3.0, None),
    "no number": (None, 3, None),
    "as many as none": (1, None, None),
    "the first, after another": (1, 3, BEFORE),
    "after no id": (2, 3, "the one before"),
    "after an empty id": (2, 3, ""),
    "after a part of an id": (2, 3, BEFORE[:12]),
    "after an id with more behind it": (2, 3, f"{BEFORE}\n"),
    "after an id in capitals": (2, 3, "APR_" + "0" * 32),
    "after a number": (2, 3, 1),
    "after a list": (2, 3, [BEFORE]),
    "after an id as bytes": (2, 3, BEFORE.encode()),
    "after a lone surrogate": (2, 3, "\ud800"),
}


@pytest.mark.parametrize("parts", NONE_THAT_THERE_CAN_BE.values(), ids=NONE_THAT_THERE_CAN_BE.keys())
def test_an_attempt_that_there_cannot_be_is_refused_and_never_read(parts: tuple[Any, Any, Any]) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_attempt(DraftAttempt(*parts))
    assert caught.value.happened
    assert caught.value.not_done == "No request was made and nothing may run."
    assert caught.value.to_do
    with pytest.raises(InvalidInput):
        check_call(Call("shell", {}, "bot", attempt=DraftAttempt(*parts)))
    with pytest.raises((TypeError, ValueError)):
        DraftAttempt.from_json(dict(zip(("number", "most", "previous"), parts, strict=True)))


@pytest.mark.parametrize("number", [10**5000, -(10**5000)], ids=["huge", "hugely negative"])
@pytest.mark.parametrize("place", ["number", "most"])
def test_a_number_that_python_cannot_write_is_refused_like_any_other(number: int, place: str) -> None:
    parts: dict[str, Any] = {"number": 1, "most": 3, place: number}
    with pytest.raises(InvalidInput):
        check_attempt(DraftAttempt(**parts))


def test_what_is_said_of_a_wrong_attempt_is_not_longer_than_a_reader_likes() -> None:
    with pytest.raises(InvalidInput) as caught:
        check_attempt(DraftAttempt(2, 3, "x" * 1_000_000))
    assert len(str(caught.value)) < 1_000


@given(attempts())
def test_every_attempt_that_there_can_be_is_read_as_it_was_written(attempt: DraftAttempt) -> None:
    check_attempt(attempt)
    assert DraftAttempt.from_json(stored_json(record_json(attempt.to_json()))) == attempt


@given(attempts(), attempts())
def test_two_attempts_have_one_stored_form_only_where_they_are_the_same(one: DraftAttempt, other: DraftAttempt) -> None:
    assert (record_json(one.to_json()) == record_json(other.to_json())) == (one == other)


def test_the_bounds_themselves_can_be() -> None:
    for attempt in (
        DraftAttempt(1, 1),
        DraftAttempt(1, MOST_ATTEMPTS),
        DraftAttempt(MOST_ATTEMPTS, MOST_ATTEMPTS, BEFORE),
        DraftAttempt(2, 2),  # the draft before it was not valid, and nobody was asked
    ):
        check_attempt(attempt)
    check_attempt(None)


def test_the_stored_form_says_what_the_attempt_says() -> None:
    assert record_json(DraftAttempt(2, 3, BEFORE).to_json()) == f'{{"most":3,"number":2,"previous":"{BEFORE}"}}'
    assert record_json(DraftAttempt(1, 3).to_json()) == '{"most":3,"number":1,"previous":null}'


@pytest.mark.parametrize(
    "value",
    [
        None, [], "2 of 3", 5, {}, {"number": 1, "most": 3}, {"number": 1, "most": 3, "previous": None, "more": 1},
        [1, 3, None], {"number": 1, "most": 3, "Previous": None},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_stored_form_is_not_read(value: Any) -> None:
    with pytest.raises(TypeError, match="is no attempt"):
        DraftAttempt.from_json(value)


@given(attempts())
def test_an_attempt_is_no_part_of_the_calls_identity(attempt: DraftAttempt) -> None:
    plain, marked = Call("shell", {"a": 1}, "bot"), Call("shell", {"a": 1}, "bot", attempt=attempt)
    assert check_call(plain).fingerprint == check_call(marked).fingerprint
