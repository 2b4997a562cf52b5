"""YAML's traps: what looks like one value and is read as another is refused, with the way to write it."""

from __future__ import annotations

from typing import Any

import pytest

from approval_tui.policy.language import LIST_OPERATORS, OPERATORS
from tests.policy.documents import RULE, faults, parse, places, rule_of

CONDITION = "{name: n, conditions: [{path: args.x, op: eq, value: VALUE}]}"
NOT_AS_IT_LOOKS = "is not read as it looks; write the plain number, or put it in quotes"
NO_PLAIN_NUMBER = "is no plain number; write one such as 12.5, or put it in quotes"
TRUE_OR_FALSE = "is read as true or false; write true or false, or put it in quotes"

TRAPS = [
    *((word, TRUE_OR_FALSE) for word in ("no", "No", "NO", "yes", "Yes", "YES", "on", "On", "ON", "off", "Off", "OFF")),
    *((text, NOT_AS_IT_LOOKS) for text in ("12:30", "12:30:45", "1_000", "0777", "-017", "0x1F", "0b11", "1__0")),
    *((text, NO_PLAIN_NUMBER) for text in (".inf", "-.inf", ".Inf", ".nan", ".NaN", ".5", "1:30.5", "1_0.5")),
    ("9" * 402, NOT_AS_IT_LOOKS),
    (f"{'9' * 400}.0", NO_PLAIN_NUMBER),
    ("1.0e+309", NO_PLAIN_NUMBER),
    ("2026-11-21", "is read as a date; put it in quotes"),
    ("2026-11-21T10:00:00Z", "is read as a date; put it in quotes"),
    ("=", "is read as a value; put it in quotes"),
    ("<<", "is read as a merge; put it in quotes"),
]
"""A value as it stands in the document, and what is said of it."""

NUMBERS_TO_SOME = ("1e3", "1E3", "-1e3", "1.5e3", ".5e3", "+.5", "1e+20", "0o17", "0O17", "0X1F", "-0o7", "08", "-09")
"""Numbers in YAML 1.2, in Go or in JSON, and text in YAML 1.1."""

NO_TRAPS: list[tuple[str, Any]] = [
    ("true", True),
    ("True", True),
    ("FALSE", False),
    ("null", None),
    ("Null", None),
    ("~", None),
    ("0", 0),
    ("-0", 0),
    ("+5", 5),
    ("-5", -5),
    ("1.5", 1.5),
    ("1.", 1.0),
    ("-0.25", -0.25),
    ("1.5e+3", 1500.0),
    ("1.0e-3", 0.001),
    ("9" * 401, int("9" * 401)),
    ("word", "word"),
    ("e3", "e3"),
    ("1st", "1st"),
    ("1-2", "1-2"),
    ("1.2.3", "1.2.3"),
    ("10.0.0.1", "10.0.0.1"),
    ("0xyz", "0xyz"),
    ("0beef", "0beef"),
    ("5/hour", "5/hour"),
    ("2026-11", "2026-11"),
    ("y", "y"),
    ("''", ""),
    ('"no"', "no"),
    ("'12:30'", "12:30"),
    ('"1e3"', "1e3"),
    ("'2026-11-21'", "2026-11-21"),
    ('"~"', "~"),
    ('"="', "="),
    ('"\\u00e9\\U0001F600"', "\u00e9\U0001f600"),
    ("!!str no", "no"),
    ("!!int '5'", 5),
    ("[1, no_, ~]", [1, "no_", None]),
    ("{'no': {\"12\": null}}", {"no": {"12": None}}),
]


def expected(value: str) -> Any:
    """The value of a condition that is written so."""
    return rule_of(CONDITION.replace("VALUE", value)).conditions[0].value


@pytest.mark.parametrize(("value", "reason"), TRAPS, ids=lambda text: text[:20])
def test_a_trap_is_refused_with_the_way_out(value: str, reason: str) -> None:
    text, where = places(RULE + CONDITION.replace("VALUE", f"▶{value}"))
    assert faults(text) == [f"{where[0]}: tools.pay.rules[0].conditions[0].value: {value!r} {reason}"]


@pytest.mark.parametrize("value", NUMBERS_TO_SOME)
@pytest.mark.parametrize("op", ["eq", "contains", "regex"])
def test_a_number_that_is_one_to_some_readers_only_is_refused(value: str, op: str) -> None:
    text, where = places(RULE + CONDITION.replace("VALUE", f"▶{value}").replace("op: eq", f"op: {op}"))
    assert faults(text) == [
        f"{where[0]}: tools.pay.rules[0].conditions[0].value: {value!r} is a number to some readers of YAML and text "
        "to others; put it in quotes or write it out"
    ]


def test_in_quotes_it_is_the_text_that_it_is() -> None:
    for value in (*(value for value, _ in TRAPS), *NUMBERS_TO_SOME):
        assert expected(f"'{value}'") == expected(f'"{value}"') == value


@pytest.mark.parametrize("inside", ["[1, ▶{}]", "{{deep: [▶{}]}}", "{{a: {{b: ▶{}}}}}"])
def test_a_trap_inside_lists_and_mappings_is_found_too(inside: str) -> None:
    for value, reason in TRAPS:
        text, where = places(RULE + CONDITION.replace("VALUE", inside.format(value)))
        (problem,) = faults(text)
        assert problem.startswith(f"{where[0]}: tools.pay.rules[0].conditions[0].value")
        assert problem.endswith(reason)


@pytest.mark.parametrize("op", [*OPERATORS, "unknown"])
def test_every_operator_refuses_a_trap(op: str) -> None:
    for value in ("no", "12:30", "2026-11-21"):
        inside = f"[▶{value}]" if op in LIST_OPERATORS else f"▶{value}"
        text, where = places(RULE + CONDITION.replace("VALUE", inside).replace("op: eq", f"op: {op}"))
        assert any(each.startswith(f"{where[0]}: tools.pay.rules[0].conditions[0].value") for each in faults(text))


@pytest.mark.parametrize(("value", "meaning"), NO_TRAPS, ids=lambda value: str(value)[:20])
def test_what_can_be_read_in_one_way_is_read(value: str, meaning: Any) -> None:
    found = expected(value)
    assert found == meaning
    assert type(found) is type(meaning)


@pytest.mark.parametrize("value", ["", "# a comment"])
def test_a_value_that_is_not_there_is_not_taken_for_null(value: str) -> None:
    text, where = places(
        'version: "1"\ntools:\n  pay:\n    rules:\n      - name: n\n        conditions:\n          - path: args.x\n'
        f"            op: eq\n            value:▶ {value}\n"
    )
    assert faults(text) == [
        f"{where[0]}: tools.pay.rules[0].conditions[0].value: has no value; write null if that is meant"
    ]


@pytest.mark.parametrize(
    ("tag", "reason"),
    [
        ("!!binary aGk=", "'aGk=' is read as a binary; put it in quotes"),
        ("!!timestamp 2026-11-21", "'2026-11-21' is read as a date; put it in quotes"),
        ("!mine x", "'x' is read as a !mine; put it in quotes"),
        ("!!int five", "'five' is not read as it looks; write the plain number, or put it in quotes"),
        ("!!float 5", "'5' is no plain number; write one such as 12.5, or put it in quotes"),
        ("!!bool maybe", "'maybe' is read as true or false; write true or false, or put it in quotes"),
    ],
)
def test_a_tag_that_means_nothing_here_is_refused(tag: str, reason: str) -> None:
    text, where = places(RULE + CONDITION.replace("VALUE", f"▶{tag}"))
    assert faults(text) == [f"{where[0]}: tools.pay.rules[0].conditions[0].value: {reason}"]


# --- keys and words ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("no", "true or false"),
        ("on", "true or false"),
        ("true", "true or false"),
        ("12", "a number"),
        ("12:30", "a number"),
        ("1.5", "a number"),
        ("null", "nothing"),
        ("~", "nothing"),
        ("2026-11-21", "a date"),
        ("=", "a value"),
        ("<<", "a merge"),
    ],
)
def test_the_name_of_a_tool_must_be_text(name: str, kind: str) -> None:
    text, where = places(f'version: "1"\ntools:\n  ▶{name}: {{rules: []}}\n')
    assert faults(text) == [f"{where[0]}: tools.{name}: is read as {kind}, not as a name; put it in quotes"]
    assert parse(f'version: "1"\ntools:\n  "{name}": {{rules: []}}\n').tools[0].name == name


def test_an_empty_key_is_no_name() -> None:
    text, where = places('version: "1"\ntools:\n  ?▶\n  : {rules: []}\n')
    assert faults(text) == [f"{where[0]}: tools.: is read as nothing, not as a name; put it in quotes"]


def test_a_key_inside_a_value_must_be_text_too() -> None:
    text, where = places(RULE + CONDITION.replace("VALUE", "{▶no: 1, ▶5: 2, '5 ': 3}"))
    assert [problem.partition(": tools")[0] for problem in faults(text)] == where


def test_keys_that_two_spellings_share_are_one_key() -> None:
    text, where = places(RULE + CONDITION.replace("VALUE", "{'5': 1, ▶5: 2}"))
    assert any(problem.startswith(f"{where[0]}: ") and "stands twice" in problem for problem in faults(text))


def test_a_merge_is_no_key() -> None:
    text, where = places('version: "1"\n▶<<: {default: deny}\n')
    assert faults(text) == [f"{where[0]}: <<: is no key here"]


@pytest.mark.parametrize(
    "document",
    [
        "hide: [▶NAME]",
        "tools: {pay: {rules: [{name: ▶NAME, rate_limit: 5/hour}]}}",
        "tools: {pay: {rules: [{name: n, action: require_approval, reviewers: [▶NAME]}]}}",
        "approvals: {notify: {webhook: {url: http://h/, secret: ▶NAME}}}",
        "description: ▶NAME",
    ],
)
def test_a_name_must_be_text(document: str) -> None:
    for name in ("no", "yes", "12", "1.5", "12:30", "2026-11-21", "true"):
        text, where = places(f'version: "1"\n{document}'.replace("NAME", name))
        (problem,) = faults(text)
        assert problem.startswith(f"{where[0]}: ")
        assert problem.endswith(f"must be text, not {name!r}; put it in quotes")
        quoted = parse(f'version: "1"\n{document}'.replace("▶NAME", f"'{name}'"))
        assert quoted.warnings == ()


@pytest.mark.parametrize("value", ["no", "yes", "on", "off", "NO", "1", "y"])
def test_true_and_false_are_written_so(value: str) -> None:
    rule = "{name: n, action: require_approval, reason_required: VALUE}"
    text, where = places(RULE + rule.replace("VALUE", f"▶{value}"))
    assert faults(text) == [f"{where[0]}: tools.pay.rules[0].reason_required: must be true or false, not {value!r}"]
    assert rule_of(rule.replace("VALUE", "True")).requirements.reason_required is True


@pytest.mark.parametrize("value", ["0x2", "0b10", "02", "2.0", "1_0", "0:02", "2e0", "!!float 2"])
def test_a_count_is_a_plain_number(value: str) -> None:
    text, where = places(RULE + f"{{name: n, action: require_approval, quorum: ▶{value}}}")
    (problem,) = faults(text)
    assert problem.startswith(f"{where[0]}: tools.pay.rules[0].quorum: must be a whole number from 1 to 100, not ")


@pytest.mark.parametrize("value", ["1:30", "10:00", "5_000", "1e3", "0x10"])
def test_a_duration_is_none_of_the_numbers_of_yaml(value: str) -> None:
    text, where = places(f'version: "1"\napprovals: {{timeout: ▶{value}}}')
    (problem,) = faults(text)
    assert problem.startswith(f"{where[0]}: approvals.timeout: must be a duration of at least 1s")


@pytest.mark.parametrize("version", ["1.0", "01", "0x1", "+1", "1_", "!!float 1", "one", "yes"])
def test_the_version_is_one_and_nothing_like_it(version: str) -> None:
    text, where = places(f"version: ▶{version}\n")
    (problem,) = faults(text)
    assert problem.startswith(f'{where[0]}: version: must be "1", not ')


# --- characters that are none ------------------------------------------------------------------


@pytest.mark.parametrize(
    "document",
    [
        'description: ▶"\\ud800"',
        'hide: [▶"a\\udfff"]',
        'tools: {▶"\\ud800": {rules: []}}',
        'tools: {pay: {rules: [{name: ▶"\\ud800", rate_limit: 5/hour}]}}',
        'tools: {pay: {rules: [{name: n, conditions: [{path: args.x, op: eq, value: ▶"\\ud800"}]}]}}',
        'tools: {pay: {rules: [{name: n, conditions: [{path: args.x, op: in, value: [▶"\\ud800"]}]}]}}',
        'tools: {pay: {rules: [{name: n, conditions: [{path: args.x, op: regex, value: ▶"\\ud800"}]}]}}',
        'tools: {pay: {rules: [{name: n, conditions: [{path: ▶"args.\\ud800", op: eq, value: 1}]}]}}',
        'description: ▶"\\ud83d\\ude00"',
    ],
)
def test_a_lone_surrogate_is_no_character(document: str) -> None:
    text, where = places(f'version: "1"\n{document}')
    (problem,) = faults(text)
    assert problem.startswith(f"{where[0]}: ")
    assert problem.endswith(": holds a lone surrogate, which is no character")


@pytest.mark.parametrize("character", ["\0", "\x07", "\x1b", "\x7f", "\ufffe"])
def test_a_control_character_makes_no_yaml(character: str) -> None:
    (problem,) = faults(f'version: "1"\ndescription: a{character}b')
    assert problem.startswith("policy.yaml:")
    assert "not YAML: " in problem


@pytest.mark.parametrize(
    "text", ['\ufeffversion: "1"\n', 'version: "1"\r\nhide: []\r\n', 'version: "1"', "\n\nversion: '1'"]
)
def test_a_byte_order_mark_and_other_line_ends_do_no_harm(text: str) -> None:
    assert parse(text).warnings == ()


def test_lines_are_counted_whatever_ends_them() -> None:
    assert faults('version: "1"\r\nhide: []\r\n  \r\ndefalt: deny\r\n')[0].startswith("policy.yaml:4:1: defalt: ")


# --- nesting and aliases -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "{" * 100_000,
        "{a: " * 100_000,
        "- " * 100_000,
        "? " * 100_000,
        f'version: "1"\ntools: {"[" * 100_000}{"]" * 100_000}',
        f'version: "1"\ntools: {"{a: " * 100_000}1{"}" * 100_000}',
        RULE + CONDITION.replace("VALUE", "[" * 100_000 + "]" * 100_000),
        "\n".join(" " * depth + "a:" for depth in range(1000)),
    ],
    ids=lambda text: text[:20],
)
def test_nesting_without_end_is_a_fault(text: str) -> None:
    (problem,) = faults(text)
    assert problem.startswith("policy.yaml:")
    assert problem.endswith("not YAML: it is nested deeper than 50 levels")


def test_brackets_in_a_text_nest_nothing() -> None:
    assert expected(f"'{'[' * 100_000}'") == "[" * 100_000


def test_a_value_may_be_as_deep_as_a_call_is_likely_to_be() -> None:
    assert expected("[" * 40 + "]" * 40) is not None


def test_aliases_within_aliases_come_to_an_end() -> None:
    layers = [f"&{layer} [{', '.join([f'*{layer - 1}'] * 10 if layer else ['x'] * 10)}]" for layer in range(12)]
    text = RULE + CONDITION.replace("VALUE", "[" + ", ".join(layers) + "]")
    (problem,) = faults(text)
    assert problem.endswith("its aliases stand for more than 200,000 values")


def test_an_alias_is_the_value_that_it_stands_for() -> None:
    assert expected("[&a {x: [1]}, *a]") == [{"x": [1]}, {"x": [1]}]


@pytest.mark.parametrize("value", ["▶&a [*a]", "&a {▶x: *a}", "▶&a [[*a]]", "&a {b: {▶c: *a}}"])
def test_a_value_that_holds_itself_is_a_fault(value: str) -> None:
    text, where = places(RULE + CONDITION.replace("VALUE", value))
    assert any(problem.startswith(where[0]) and problem.endswith(": refers to itself") for problem in faults(text))


def test_a_tag_that_pretends_to_be_one_of_yaml_is_refused() -> None:
    text, where = places(RULE + CONDITION.replace("VALUE", "▶!mine:str x"))
    assert faults(text) == [
        f"{where[0]}: tools.pay.rules[0].conditions[0].value: 'x' is read as a !mine:str; put it in quotes"
    ]


@pytest.mark.parametrize("value", ["▶!mine [1]", "▶!!set {a: 1}", "▶!!python/tuple [1]", "{a: ▶!!omap [b: 1]}"])
def test_a_list_with_a_tag_is_no_plain_list(value: str) -> None:
    text, where = places(RULE + CONDITION.replace("VALUE", value))
    (problem,) = faults(text)
    assert problem.startswith(f"{where[0]}: tools.pay.rules[0].conditions[0].value")
    assert problem.endswith(", which means nothing here")


@pytest.mark.parametrize("escape", ["\\U▶00110000", "\\U▶FFFFFFFF"])
def test_an_escape_for_what_is_no_character_is_a_fault(escape: str) -> None:
    text, where = places(f'version: "1"\ndescription: "{escape}"')
    (problem,) = faults(text)
    assert problem.startswith(f"{where[0]}: not YAML: ")
