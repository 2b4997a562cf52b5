"""The operators: whether a value fits what a condition expects, or cannot be held against it at all.

Each answer is True, False, or None for what cannot be evaluated: a missing value, one of another type, a text
or a list that is too long to look through. The engine takes None for the answer that lets less through.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from operator import ge, gt, le, lt
from typing import Any, NamedTuple

from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.names import folded_name
from approval_tui.policy.language import ARGUMENTS
from approval_tui.policy.model import Condition
from approval_tui.policy.regexes import compiled

Answer = bool | None
Check = Callable[[Any], Answer]

MOST_ITEMS = 10_000
"""The items of a list that `contains` looks at, in about ten milliseconds; a longer one cannot be evaluated."""


class Absent:
    """What stands for a value that is not there."""

    def __init__(self, words: str) -> None:
        self.words = words


MISSING = Absent("missing")
UNREACHABLE = Absent("below something that is no object")
AMBIGUOUS = Absent("not the only key that readers may take for it")

_NUMBERS = frozenset({int, float})
_PLAIN = frozenset({str, bool, int, float})


class Key(NamedTuple):
    """One step of a path, and what careless readers make of it."""

    name: str
    folded: str


@cache
def path_keys(path: str) -> tuple[Key, ...]:
    """The steps of a path below the arguments; the same object for the same path."""
    return tuple(Key(name, folded_name(name)) for name in path.removeprefix(ARGUMENTS).split("."))


class ArgumentReader:
    """Reads the arguments of one call, and no value of which a server might read another one."""

    def __init__(self, arguments: JsonObject) -> None:
        self._arguments = arguments
        self._names: dict[int, dict[str, str | None]] = {}
        self._read: dict[int, Any] = {}

    def value_at(self, keys: tuple[Key, ...]) -> Any:
        """The value below these keys; MISSING where one lacks, UNREACHABLE where one stands below no object.

        AMBIGUOUS where another key is there that a server might take for it.
        """
        value = self._read.get(id(keys), self)
        if value is self:
            value = self._read[id(keys)] = self._find(keys)
        return value

    def _find(self, keys: tuple[Key, ...]) -> Any:
        current: Any = self._arguments
        for name, folded in keys:
            if type(current) is not dict:
                return MISSING if current is None else UNREACHABLE
            names = self._names.get(id(current))
            if names is None:
                names = self._names[id(current)] = _names_by_folded(current)
            if folded not in names:
                return MISSING
            if names[folded] != name:
                return AMBIGUOUS
            current = current[name]
        return current


def _names_by_folded(value: JsonObject) -> dict[str, str | None]:
    """The only key of each folded name; None where there are several."""
    names: dict[str, str | None] = {}
    for name in value:
        folded = folded_name(name)
        names[folded] = None if folded in names else name
    return names


def check_of(condition: Condition) -> Check:
    """The check that a condition makes of the value at its path; raises InvalidInput for a bad pattern."""
    check = _OPERATORS[condition.op.removeprefix("not_")](condition.value)
    if condition.op.startswith("not_"):
        return lambda actual: negated(check(actual))
    return check


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
    """Equality of two JSON values: numbers by value, plain values of two kinds by their printed forms.

    What prints otherwise and is of another kind cannot be evaluated: the tool may yet take "022", "yes" or 1 for what
    the rule means. Null, a list or an object can be held only against its own kind; null counts as missing.
    """
    kind, expected_kind = type(actual), type(expected)
    if kind in _PLAIN and expected_kind in _PLAIN:
        if kind is expected_kind or (kind in _NUMBERS and expected_kind in _NUMBERS):
            return bool(actual == expected)
        return True if _printed(actual) == _printed(expected) else None
    if expected is None:
        return actual is None
    if kind is list and expected_kind is list:
        if len(actual) != len(expected):
            return False
        return all_of(map(equals, actual, expected))
    if kind is dict and expected_kind is dict:
        if actual.keys() != expected.keys():
            return False
        return all_of(equals(actual[key], value) for key, value in expected.items())
    return None


def _printed(value: Any) -> str:
    """A plain value as a person would write it: a whole number without a decimal point."""
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) is float and value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    return str(value)


# --- operators ---------------------------------------------------------------------------------


def _eq(expected: Any) -> Check:
    return lambda actual: None if isinstance(actual, Absent) else equals(actual, expected)


def _neq(expected: Any) -> Check:
    equal = _eq(expected)
    return lambda actual: negated(equal(actual))


def _in(expected: Any) -> Check:
    return lambda actual: None if isinstance(actual, Absent) else any_of(equals(actual, item) for item in expected)


def _number(compare: Callable[[Any, Any], bool]) -> Callable[[Any], Check]:
    return lambda expected: lambda actual: compare(actual, expected) if type(actual) in _NUMBERS else None


def _regex(expected: Any) -> Check:
    search = compiled(expected)
    return lambda actual: search(actual) if type(actual) is str else None


def _contains(expected: Any) -> Check:
    def check(actual: Any) -> Answer:
        if type(actual) is str:
            return expected in actual if type(expected) is str else None
        if type(actual) is list and len(actual) <= MOST_ITEMS:
            return any_of(equals(item, expected) for item in actual)
        return None

    return check


def _exists(expected: Any) -> Check:
    """Whether a value is there; null is none, as Intercept has it."""
    return lambda actual: (
        None
        if actual is UNREACHABLE or actual is AMBIGUOUS
        else (actual is not MISSING and actual is not None) is expected
    )


_OPERATORS: dict[str, Callable[[Any], Check]] = {
    "eq": _eq,
    "neq": _neq,
    "in": _in,
    "lt": _number(lt),
    "lte": _number(le),
    "gt": _number(gt),
    "gte": _number(ge),
    "regex": _regex,
    "contains": _contains,
    "exists": _exists,
}
