"""Names that may be one person's: case, blanks, invisible characters, and letters that are drawn alike."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approval_tui.domain.people import people, same_person

OTHER_SPELLINGS = {
    "ann": [
        *("Ann", "ANN", " ann", "ann ", "a nn", "a-n_n", "ann\n", "ann\0", "a\u200bnn", "ann\u202e", "\ufeffann"),
        *(
            "\u0430nn",
            "a\u03b7n",
            "A\u039d\u039d",
            "\uff41nn",
            "\U0001d41ann",
            "\u00e1nn",
            "\u0251nn",
            "\u1d00\u0274\u0274",
        ),
    ],
    "bo": ["BO", "b\u043e", "\u0392o", "b\u03bf", "b\u0585", "\u0432\u043e", "\u13f4O"],
    "cy": ["\u0441\u0443", "\u03f2y", "C\u03a5", "c\u0423", "\u13df\u13bd"],
    "\u03bd\u03af\u03ba\u03b7": ["\u039d\u03af\u03ba\u03b7", "\u039d\u0399\u039a\u0397", "\u03bd\u03b9\u03ba\u03b7"],
    "\u0412\u0435\u0440\u0430": ["\u0432\u0435\u0440\u0430", "Bepa"],
}
"""Other spellings of some names; no two of the names are one person's."""

DIFFERENT = [
    "ann",
    "anna",
    "bo",
    "cy",
    "Ian",
    "Lan",
    "user1",
    "userl",
    "zo\u00eb",
    "\u5b89\u5a1c",
    "\u0410\u043d\u043d\u0430",
    "j\u00f8rn",
]


@pytest.mark.parametrize(
    ("name", "other"), [(name, other) for name, others in OTHER_SPELLINGS.items() for other in others], ids=ascii
)
def test_a_name_that_only_looks_different_is_the_same_persons(name: str, other: str) -> None:
    assert same_person(name, other)
    assert same_person(other, name)
    assert people([other, "dee", name]) == [other, "dee"]


def test_different_names_are_different_people() -> None:
    assert people(DIFFERENT) == DIFFERENT
    assert people(OTHER_SPELLINGS) == list(OTHER_SPELLINGS)
    assert not same_person("ann", "bo")


def test_two_spellings_that_a_third_one_joins_are_one_person() -> None:
    lower, upper, greek = "vik\u0578", "NIKH", "\u03bd\u03b9\u03ba\u03b7"
    assert people([lower, upper]) == [lower, upper]
    assert people([lower, upper, greek, greek.upper()]) == [lower]


@given(st.lists(st.sampled_from([each for name, others in OTHER_SPELLINGS.items() for each in (name, *others)])))
def test_how_many_people_there_are_does_not_depend_on_who_comes_first(names: list[str]) -> None:
    assert len(people(names)) == len(people(reversed(names))) <= len(set(names))
    assert set(people(names)) <= set(names)


@given(st.text(min_size=1, max_size=20))
def test_every_name_is_its_own(name: str) -> None:
    assert same_person(name, name)
    assert people([name, name]) == [name]
