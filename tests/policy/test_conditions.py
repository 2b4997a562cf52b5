"""Every operator at its bounds and on values of every kind: what holds, what does not, what cannot be evaluated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.lifecycle import ALLOW, DENY, REQUIRE_APPROVAL
from approval_tui.policy.conditions import (
    AMBIGUOUS,
    MISSING,
    MOST_ITEMS,
    UNREACHABLE,
    Answer,
    ArgumentReader,
    all_of,
    any_of,
    check_of,
    negated,
    path_keys,
)
from approval_tui.policy.engine import PolicyEngine
from approval_tui.policy.language import EVALUATE, OPERATORS
from approval_tui.policy.model import Condition, Policy, Rule, ToolRules

PATH = "args.outer.inner"
NO_NUMBERS: tuple[Any, ...] = (True, False, "10", "", "ten", None, [], [10], {}, {"n": 10}, MISSING, UNREACHABLE)
VALUES: tuple[Any, ...] = ("x", "", 0, 0.0, False, True, [], {}, [None])

BELOW_AT_ABOVE: list[tuple[Any, tuple[Any, Any, Any]]] = [
    (10, (9, 10, 11)),
    (10, (9.999999, 10.0, 10.000001)),
    (10.5, (10, 10.5, 11)),
    (0, (-1, 0, 1)),
    (0, (-5e-324, -0.0, 5e-324)),
    (-5, (-6, -5, -4)),
    (-0.5, (-1, -0.5, 0)),
    (2**53, (2**53 - 1, 2**53, 2**53 + 1)),
    (2**53 + 1, (2**53, 2**53 + 1, 2**53 + 2)),
    (float(2**53), (2**53 - 1, 2**53, 2**53 + 1)),
    (10**30, (10**30 - 1, 10**30, 10**30 + 1)),
    (1e308, (10**300, 1e308, 10**309)),
    (10**400, (1.7e308, 10**400, 10**400 + 1)),
]
ANSWERS: dict[str, tuple[bool, bool, bool]] = {
    "lt": (True, False, False),
    "lte": (True, True, False),
    "gt": (False, False, True),
    "gte": (False, True, True),
    "eq": (False, True, False),
}
NUMBERS = [
    (op, expected, actual, answer)
    for op, answers in ANSWERS.items()
    for expected, values in BELOW_AT_ABOVE
    for actual, answer in zip(values, answers, strict=True)
]
NO_NUMBERS_AT_ALL = [(op, 10, actual, None) for op in ("lt", "lte", "gt", "gte") for actual in NO_NUMBERS]

EQUALITY: list[tuple[str, Any, Any, Answer]] = [
    ("eq", expected, actual, answer)
    for expected, rows in (
        ("hello", [("hello", True), ("world", False), ("Hello", False), ("hello ", False), ("", False)]),
        ("", [("", True), (" ", False)]),
        ("\u00e9", [("\u00e9", True), ("e\u0301", False)]),
        (True, [(True, True), (False, False)]),
        (False, [(False, True), (True, False)]),
        (None, [(None, True), (0, False), (False, False), ("", False), ("null", False), ([], False), ({}, False)]),
        ("null", [(None, None)]),
        (0, [(None, None), (False, None), ([], None), ({}, None), ([0], None)]),
        ([], [([], True), ([1], False), (None, None), ({}, None), ("[]", None)]),
        ([1, "a"], [([1, "a"], True), ([1.0, "a"], True), (["a", 1], None), ([1], False), ([1, "a", 2], False)]),
        ([1, "a"], [([1, None], None), ([2, None], False), ([1, ["a"]], None)]),
        ({"a": 1}, [({"a": 1}, True), ({"a": 1.0}, True), ({"a": 2}, False), ({}, False), ({"b": 1}, False)]),
        ({"a": 1}, [({"a": 1, "b": 1}, False), ({"a": None}, None), ([], None), ("{'a': 1}", None)]),
        ({"a": {"b": [1]}}, [({"a": {"b": [1]}}, True), ({"a": {"b": [2]}}, False), ({"a": {"b": 1}}, None)]),
    )
    for actual, answer in rows
]
PLAIN_VALUES_OF_TWO_KINDS: list[tuple[str, Any, Any, Answer]] = [
    ("eq", expected, actual, answer)
    for expected, rows in (
        (1, [("1", True), ("2", None), ("1.0", None), (" 1", None), (True, None)]),
        (1.5, [("1.5", True), ("1.50", None)]),
        (5.0, [("5", True), ("5.0", None)]),
        (10**20, [("1" + 20 * "0", True)]),
        ("5", [(5, True), (5.0, True), (6, None), (True, None)]),
        ("1000000", [(1_000_000, True), (1e6, True)]),
        ("1" + 21 * "0", [(10**21, True), (1e21, None)]),
        ("1e+21", [(1e21, True), (10**21, None)]),
        (2**53 + 1, [(str(2**53 + 1), True), (str(2**53), None)]),
        ("true", [(True, True), (False, None), (1, None)]),
        (True, [("true", True), ("True", None), ("1", None), (1, None), (1.0, None)]),
        (False, [("false", True), (0, None), ("", None)]),
    )
    for actual, answer in rows
]
MEMBERSHIP: list[tuple[str, Any, Any, Answer]] = [
    ("in", expected, actual, answer)
    for expected, rows in (
        (["us", "uk", "de"], [("us", True), ("de", True), ("fr", False), ("US", False), ("", False), ("u", False)]),
        (["us", "uk"], [(None, None), (["us"], None), ({"us": 1}, None)]),
        ([1, 2], [(0, False), (1, True), (2.0, True), (3, False), (1.5, False), ("1", True), (True, None)]),
        ([2**53], [(2**53, True), (2**53 + 1, False)]),
        ([], [("us", False), (None, False), ([], False)]),
        ([None, "a"], [(None, True), ("a", True), ("b", False)]),
        ([[1], "a"], [([1], True), ("a", True), ([2], None), ("b", None)]),
    )
    for actual, answer in rows
]
CONTAINING: list[tuple[str, Any, Any, Answer]] = [
    ("contains", expected, actual, answer)
    for expected, rows in (
        ("world", [("hello world", True), ("world", True), ("worl", False), ("WORLD", False), ("", False)]),
        ("", [("", True), ("a", True), ([""], True), (["a"], False)]),
        ("b", [(["a", "b"], True), (["a"], False), (["ab"], False), ([], False)]),
        ("b", [([None], None), ([["b"]], None), ([{"b": 1}], None), ([None, "b"], True)]),
        (4, [("42", None), ([4], True), ([4.0], True), (["4"], True), ([5], False), ([True], None)]),
        ("4", [(42, None), (True, None), (None, None), ({"4": 1}, None)]),
        (None, [([None], True), ([1], False), ("None", None)]),
        ([1], [([[1]], True), ([[2]], False), ([1], None)]),
        ({"a": 1}, [([{"a": 1}], True), ({"a": 1}, None)]),
    )
    for actual, answer in rows
]
MATCHING: list[tuple[str, Any, Any, Answer]] = [
    ("regex", expected, actual, answer)
    for expected, rows in (
        (r"^[^@]+@[^@]+\.[^@]+$", [("user@example.com", True), ("not-an-email", False), ("", False)]),
        ("b", [("abc", True), ("b", True), ("B", False)]),
        ("", [("", True), ("a", True)]),
        (r"\d+", [(42, None), (4.2, None), (True, None), (None, None), (["42"], None), ({"42": "42"}, None)]),
        ("a", [("\ud800a", None)]),
    )
    for actual, answer in rows
]
EXISTENCE: list[tuple[str, Any, Any, Answer]] = [
    *(("exists", True, actual, True) for actual in VALUES),
    *(("exists", True, actual, False) for actual in (None, MISSING)),
    *(("exists", False, actual, False) for actual in VALUES),
    *(("exists", False, actual, True) for actual in (None, MISSING)),
    *(("exists", expected, absent, None) for expected in (True, False) for absent in (UNREACHABLE, AMBIGUOUS)),
]
ABSENT: list[tuple[str, Any, Any, Answer]] = [
    (op, expected, absent, None)
    for op, expected in (("eq", 1), ("eq", None), ("in", [1]), ("in", []), ("contains", "a"), ("regex", ""))
    for absent in (MISSING, UNREACHABLE)
]
ROWS = [
    *NUMBERS,
    *NO_NUMBERS_AT_ALL,
    *EQUALITY,
    *PLAIN_VALUES_OF_TWO_KINDS,
    *MEMBERSHIP,
    *CONTAINING,
    *MATCHING,
    *EXISTENCE,
    *ABSENT,
]
NEGATIONS = {"eq": "neq", "in": "not_in", "contains": "not_contains", "regex": "not_regex"}
NEGATED_ROWS = [
    (NEGATIONS[op], expected, actual, None if answer is None else not answer)
    for op, expected, actual, answer in ROWS
    if op in NEGATIONS
]
ALL_ROWS = [*ROWS, *NEGATED_ROWS]


def rows_of(op: str) -> list[tuple[Any, Any, Answer]]:
    """What the operator expects, what it meets, and its answer."""
    return [row[1:] for row in ALL_ROWS if row[0] == op]


def arguments_with(actual: Any) -> JsonObject:
    """The arguments of a call that have this at the path of the tables."""
    if actual is MISSING:
        return {"outer": {"other": 1}}
    if actual is AMBIGUOUS:
        return {"outer": {"inner": 1, "Inner": 1}}
    return {"outer": "no object"} if actual is UNREACHABLE else {"outer": {"inner": actual}}


def verdict_of(action: str, op: str, expected: Any, actual: Any) -> str:
    """What a policy of one rule with one condition says of a call with this value."""
    rule = Rule("rule", "tools.pay.rules[0]", action, (Condition(PATH, op, expected),))
    engine = PolicyEngine(Policy(tools=(ToolRules("pay", (rule,)),)))
    return engine.evaluate("pay", arguments_with(actual)).verdict


# --- operators ---------------------------------------------------------------------------------


def test_the_tables_have_every_operator_with_every_answer() -> None:
    answers = {op: {answer for _, _, answer in rows_of(op)} for op in OPERATORS}
    assert all(found == {True, False, None} for found in answers.values()), answers


@pytest.mark.parametrize("op", OPERATORS)
def test_an_operator_holds_does_not_hold_or_cannot_be_evaluated(op: str) -> None:
    for expected, actual, answer in rows_of(op):
        assert check_of(Condition(PATH, op, expected))(actual) is answer, (actual, op, expected)


@pytest.mark.parametrize("op", OPERATORS)
def test_under_evaluate_only_what_holds_is_let_through(op: str) -> None:
    for expected, actual, answer in rows_of(op):
        wanted = ALLOW if answer else DENY
        assert verdict_of(EVALUATE, op, expected, actual) == wanted, (actual, op, expected)


@pytest.mark.parametrize("op", OPERATORS)
def test_under_require_approval_only_what_does_not_hold_is_not_asked(op: str) -> None:
    for expected, actual, answer in rows_of(op):
        wanted = ALLOW if answer is False else REQUIRE_APPROVAL
        assert verdict_of(REQUIRE_APPROVAL, op, expected, actual) == wanted, (actual, op, expected)


@pytest.mark.parametrize("op", ["contains", "not_contains"])
def test_a_list_that_is_too_long_to_look_through_cannot_be_evaluated(op: str) -> None:
    check = check_of(Condition(PATH, op, "a"))
    assert check(["a"] * MOST_ITEMS) is (op == "contains")
    assert check(["a"] * (MOST_ITEMS + 1)) is None
    assert verdict_of(REQUIRE_APPROVAL, op, "a", ["b"] * (MOST_ITEMS + 1)) == REQUIRE_APPROVAL
    assert verdict_of(EVALUATE, op, "a", ["b"] * (MOST_ITEMS + 1)) == DENY


# --- answers together --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "any_is", "all_are"),
    [
        ([], False, True),
        ([True], True, True),
        ([False], False, False),
        ([None], None, None),
        ([True, False], True, False),
        ([False, True], True, False),
        ([None, True], True, None),
        ([True, None], True, None),
        ([None, False], None, False),
        ([False, None], None, False),
        ([False, None, True], True, False),
    ],
)
def test_what_cannot_be_evaluated_decides_only_where_nothing_else_does(
    answers: Sequence[Answer], any_is: Answer, all_are: Answer
) -> None:
    assert any_of(answers) is any_is
    assert all_of(answers) is all_are


def test_the_opposite_of_what_cannot_be_evaluated_cannot_be_evaluated() -> None:
    assert [negated(answer) for answer in (True, False, None)] == [False, True, None]


# --- paths -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "path", "found"),
    [
        ({"amount": 50}, "amount", 50),
        ({"amount": None}, "amount", None),
        ({"to": {"mail": "ann@example.com"}}, "to.mail", "ann@example.com"),
        ({"a": {"b": {"c": {"d": [1]}}}}, "a.b.c.d", [1]),
        ({}, "to.mail", MISSING),
        ({"to": {}}, "to.mail", MISSING),
        ({"to": None}, "to.mail", MISSING),
        ({"to": "ann@example.com"}, "to.mail", UNREACHABLE),
        ({"to": 5}, "to.mail", UNREACHABLE),
        ({"path": "/ok", "Path": "/etc"}, "path", AMBIGUOUS),
        ({"Path": "/etc"}, "path", AMBIGUOUS),
        ({"path": "/ok", "pat\u017f": 1}, "path", "/ok"),
        ({"user": 1, "u\u017fer": 2}, "user", AMBIGUOUS),
        ({"file_path": "/ok", "filePath": "/etc"}, "file_path", AMBIGUOUS),
        ({"to": {"mail": "ann", "MAIL": "bo"}}, "to.mail", AMBIGUOUS),
        ({"path": "/ok", "Mode": 1, "mode": 2}, "path", "/ok"),
        ({"to": False}, "to.mail", UNREACHABLE),
        ({"to": []}, "to.mail", UNREACHABLE),
        ({"to": [{"mail": "ann"}]}, "to.0", UNREACHABLE),
        ({"to": {"0": "ann"}}, "to.0", "ann"),
        ({"to.mail": "ann"}, "to.mail", MISSING),
        ({"to": "text"}, "to.upper", UNREACHABLE),
        ({"To": {"mail": 1}}, "to.mail", AMBIGUOUS),
    ],
)
def test_a_path_goes_through_objects_only(arguments: JsonObject, path: str, found: Any) -> None:
    value = ArgumentReader(arguments).value_at(path_keys(f"args.{path}"))
    assert value is found or value == found
