"""The operators: whether a value fits what a condition expects, or cannot be held against it at all.

Each answer is True, False, or None for what cannot be evaluated: a missing value, one of another type, a text
that is too long for its pattern. The engine takes None for the answer that lets less through.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from approval_tui.domain.canonical import JsonObject
from approval_tui.policy.model import Condition
from approval_tui.policy.regexes import compiled

Answer = bool | None
Check = Callable[[Any], Answer]


class _Absent:
    """What stands for a value that is not there."""

    def __init__(self, words: str) -> None:
        self.words = words


MISSING = _Absent("missing")
UNREACHABLE = _Absent("below something that is no object")


def value_at(arguments: JsonObject, keys: tuple[str, ...]) -> Any:
    """The value below these keys; MISSING where one lacks, UNREACHABLE where one stands below no object."""
    current: Any = arguments
    for key in keys:
        if type(current) is dict:
            if key not in current:
                return MISSING
            current = current[key]
        else:
            return MISSING if current is None else UNREACHABLE
    return current


def check_of(condition: Condition) -> Check:
    """The check that a condition makes of the value at its path; raises InvalidInput for a bad pattern."""
    expected = condition.value
    if condition.op == "exists":
        return lambda actual: _exists(actual, expected)
    if condition.op in ("regex", "not_regex"):
        search = compiled(expected)
        found: Check = lambda actual: search(actual) if type(actual) is str else None  # noqa: E731
    else:
        operator = _OPERATORS[condition.op.removeprefix("not_")]
        found = lambda actual: None if isinstance(actual, _Absent) else operator(actual, expected)  # noqa: E731
    if condition.op.startswith("not_"):
        return lambda actual: negated(found(actual))
    return found


def negated(answer: Answer) -> Answer:
    """The opposite; what cannot be evaluated stays so."""
    return None if answer is None else not answer


def any_of(answers: Iterable[Answer]) -> Answer:
    """Whether one is true; without one, what cannot be evaluated makes the whole so."""
    unknown = False
    for answer in answers:
        if answer:
            return True
        unknown = unknown or answer is None
    return None if unknown else False


def all_of(answers: Iterable[Answer]) -> Answer:
    """Whether all are true; one that is false makes the whole false, even beside one that cannot be evaluated."""
    return negated(any_of(map(negated, answers)))


def equals(actual: Any, expected: Any) -> Answer:
    """Equality of two JSON values: numbers by value, other plain values by their printed forms, as Intercept has it.

    Null, a list or an object can be held only against its own kind; null against a value counts as missing.
    """
    if type(actual) in _NUMBERS and type(expected) in _NUMBERS:
        return bool(actual == expected)
    if type(actual) in _PLAIN and type(expected) in _PLAIN:
        return _printed(actual) == _printed(expected)
    if expected is None:
        return actual is None
    if type(actual) is list and type(expected) is list:
        if len(actual) != len(expected):
            return False
        return all_of(map(equals, actual, expected))
    if type(actual) is dict and type(expected) is dict:
        if actual.keys() != expected.keys():
            return False
        return all_of(equals(actual[key], value) for key, value in expected.items())
    return None


def _printed(value: Any) -> str:
    """A plain value as Go prints it."""
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) is float and value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    return str(value)


def _exists(actual: Any, expected: bool) -> Answer:
    """Whether a value is there; null is none, as Intercept has it."""
    if actual is UNREACHABLE:
        return None
    return (actual is not MISSING and actual is not None) is expected


def _contains(actual: Any, expected: Any) -> Answer:
    if type(actual) is str:
        return expected in actual if type(expected) is str else None
    if type(actual) is list:
        return any_of(equals(item, expected) for item in actual)
    return None


def _number(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], Answer]:
    return lambda actual, expected: compare(actual, expected) if type(actual) in _NUMBERS else None


_NUMBERS = frozenset({int, float})
_PLAIN = frozenset({str, bool, int, float})

_OPERATORS: dict[str, Callable[[Any, Any], Answer]] = {
    "eq": equals,
    "neq": lambda actual, expected: negated(equals(actual, expected)),
    "in": lambda actual, expected: any_of(equals(actual, item) for item in expected),
    "lt": _number(lambda actual, expected: actual < expected),
    "lte": _number(lambda actual, expected: actual <= expected),
    "gt": _number(lambda actual, expected: actual > expected),
    "gte": _number(lambda actual, expected: actual >= expected),
    "contains": _contains,
}
