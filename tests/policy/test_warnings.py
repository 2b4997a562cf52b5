"""Warnings: rules that can never match, or that refuse whatever the call is; sensible documents have none."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from approval_tui.domain.canonical import JsonObject
from approval_tui.policy.conditions import MISSING, check_of
from approval_tui.policy.engine import PolicyEngine
from approval_tui.policy.globs import fits
from approval_tui.policy.model import Policy
from tests.policy.documents import INTERCEPT_PAYMENTS, RULE, parse, places
from tests.policy.engines import ask, condition, deny, evaluate, policy_of_data

ANY = "{name: n, conditions: [{path: args.x, op: lt, value: 5}]}"
DENY = "{name: n, action: deny}"
ASK = "{name: n, action: require_approval}"


def check(marked: str, *expected: str) -> None:
    """Fails unless these are the warnings of the document, whose version is added, each at its mark."""
    text, where = places(f'version: "1"\n{marked}')
    assert list(parse(text).warnings) == [f"{place}: {each}" for place, each in zip(where, expected, strict=True)]


# --- what has no effect ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("marked", "warning"),
    [
        ("tools:▶", "tools: holds no tools; the default alone decides"),
        ("hide:▶", "hide: names no tools; nothing is hidden"),
        ("hide: ▶~", "hide: names no tools; nothing is hidden"),
        ("tools:\n  ▶pay:", "tools.pay: holds no rules; write rules: [] if that is meant"),
        ("tools: {▶pay: {}}", "tools.pay: holds no rules; write rules: [] if that is meant"),
        ("tools:\n  pay:\n    rules:▶", "tools.pay.rules: holds no rules; write rules: [] if that is meant"),
        (
            "tools: {pay: {rules: [{name: n, action: deny, approval_timeout: ▶5m}]}}",
            "tools.pay.rules[0].approval_timeout: has no effect with action deny",
        ),
        (
            "tools: {pay: {rules: [{name: n, rate_limit: 1/day, approval_timeout: ▶5m}]}}",
            "tools.pay.rules[0].approval_timeout: has no effect with action evaluate",
        ),
        (
            "tools: {pay: {rules: [{name: n, action: deny, state: ▶{counter: c, window: day}}]}}",
            "tools.pay.rules[0].state: has no effect with action deny: nothing is counted",
        ),
        (
            "tools: {pay: {rules: [{name: n, conditions: [{path: state.pay.c, op: lt, value: 9}], "
            "state: {counter: c, window: day, increment: ▶2, increment_from: args.x}}]}}",
            "tools.pay.rules[0].state.increment: has no effect beside increment_from",
        ),
    ],
)
def test_what_has_no_effect_is_a_warning(marked: str, warning: str) -> None:
    check(marked, warning)


def test_warnings_come_in_the_order_of_the_file() -> None:
    check(
        f"tools:\n  b: {{rules: [▶{ANY}, {DENY}]}}\n  ▶a:\nhide:▶",
        "tools.b.rules[0]: changes no verdict: tools.b.rules[1] denies every call",
        "tools.a: holds no rules; write rules: [] if that is meant",
        "hide: names no tools; nothing is hidden",
    )


# --- rules that are never asked ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("hidden", "tool"),
    [
        ("git_push", "git_push"),
        ("git_*", "git_push"),
        ("git_?ush", "git_push"),
        ("[a-g]it_push", "git_push"),
        ("*", "git_push"),
        ("*", "git_*"),
        ("*", "*"),
        ("git_*", "git_*"),
        ("git_*", "git_push_*"),
        ("git_*", "git_?"),
        ("git_[ab]", "git_[ab]"),
    ],
)
def test_the_rules_of_a_hidden_tool_are_never_asked(hidden: str, tool: str) -> None:
    check(
        f"hide: ['{hidden}']\ntools:\n  '{tool}': {{rules: [▶{ANY}]}}",
        f"tools.{tool}.rules[0]: can never match: {hidden} is hidden",
    )


@pytest.mark.parametrize(
    ("hidden", "tool"),
    [
        ("git_push", "git_pull"),
        ("git_push", "git_*"),
        ("git_?", "git_*"),
        ("git_?ush", "git_*ush"),
        ("?", "*"),
        ("git_*", "*"),
        ("git_*", "*_push"),
        ("git_[ab]", "git_*"),
        ("git_push", "Git_push"),
        ("git_*", "other[g]it_"),
        ("*]", "[a]"),
    ],
)
def test_a_glob_is_hidden_only_by_one_that_is_as_wide(hidden: str, tool: str) -> None:
    check(f"hide: ['{hidden}']\ntools:\n  '{tool}': {{rules: [{ANY}]}}")


def test_the_rules_of_every_tool_do_not_rescue_a_tool_that_is_denied_by_default() -> None:
    check(
        f"default: deny\ntools:\n  '*': {{rules: [▶{ANY}]}}",
        "tools.*.rules[0]: can never match: no tool is listed, and the default is deny",
    )
    check(f"default: deny\ntools:\n  '*': {{rules: [{ANY}]}}\n  git_push: {{rules: []}}")


@pytest.mark.parametrize("default", ["allow", "require_approval"])
def test_the_rules_of_every_tool_are_asked_before_a_person_is(default: str) -> None:
    document: JsonObject = {"default": default, "tools": {"*": {"rules": [{"name": "never", **deny()}]}}}
    policy = policy_of_data(document)
    assert policy.warnings == ()
    assert PolicyEngine(policy).evaluate("any", {}).rule == "never"


# --- rules that are outvoted -------------------------------------------------------------------


@pytest.mark.parametrize("rule", [ANY, ASK, "{name: n, rate_limit: 5/hour}", DENY])
def test_beside_a_rule_that_denies_every_call_others_change_nothing(rule: str) -> None:
    because = "changes no verdict: tools.pay.rules[0] denies every call"
    check(f"tools: {{pay: {{rules: [{DENY}, ▶{rule}]}}}}", f"tools.pay.rules[1]: {because}")


@pytest.mark.parametrize("rule", [ANY, ASK, "{name: n, rate_limit: 5/hour}"])
def test_the_order_of_the_rules_does_not_matter(rule: str) -> None:
    because = "changes no verdict: tools.pay.rules[1] denies every call"
    check(f"tools: {{pay: {{rules: [▶{rule}, {DENY}]}}}}", f"tools.pay.rules[0]: {because}")


@pytest.mark.parametrize("wide", ["*", "git_*", "git_?ush"])
def test_a_rule_for_more_tools_outvotes_one_for_fewer(wide: str) -> None:
    because = f"changes no verdict: tools.{wide}.rules[0] denies every call"
    check(
        f"tools:\n  git_push: {{rules: [▶{ASK}]}}\n  '{wide}': {{rules: [{DENY}]}}",
        f"tools.git_push.rules[0]: {because}",
    )
    check(f"tools:\n  git_push: {{rules: [{DENY}]}}\n  '{wide}': {{rules: [{ASK}]}}")


def test_of_two_that_deny_every_call_the_one_that_is_asked_first_counts() -> None:
    because = "changes no verdict: tools.pay.rules[0] denies every call"
    check(f"tools: {{pay: {{rules: [{DENY}, ▶{DENY}]}}}}", f"tools.pay.rules[1]: {because}")
    check(f"tools:\n  '*': {{rules: [{DENY}]}}\n  pay: {{rules: [{DENY}]}}")
    check(f"tools:\n  '*': {{rules: [{DENY}]}}\n  git_*: {{rules: [{DENY}]}}\n  git_push: {{rules: [{DENY}]}}")


def test_what_another_tool_denies_outvotes_nothing() -> None:
    check(f"tools:\n  a: {{rules: [{DENY}]}}\n  b: {{rules: [{ASK}]}}\n  b_*: {{rules: [{DENY}]}}")


# --- conditions that contradict one another ----------------------------------------------------

CONTRADICTIONS = [
    "[{path: args.x, op: gt, value: 5}, {path: args.x, op: lt, value: 5}]",
    "[{path: args.x, op: gte, value: 5}, {path: args.x, op: lt, value: 5}]",
    "[{path: args.x, op: gt, value: 5}, {path: args.x, op: lte, value: 5.0}]",
    "[{path: args.x, op: lt, value: 1}, {path: args.y, op: eq, value: 1}, {path: args.x, op: gt, value: 1.5}]",
    "[{path: args.x, op: eq, value: 5}, {path: args.x, op: neq, value: 5}]",
    "[{path: args.x, op: eq, value: 5}, {path: args.x, op: gt, value: 5}]",
    "[{path: args.x, op: eq, value: a}, {path: args.x, op: eq, value: b}]",
    "[{path: args.x, op: in, value: [a, b]}, {path: args.x, op: in, value: [c]}]",
    "[{path: args.x, op: in, value: [a, b]}, {path: args.x, op: not_in, value: [b, a, c]}]",
    "[{path: args.x, op: eq, value: main}, {path: args.x, op: regex, value: ^feat/}]",
    "[{path: args.x, op: eq, value: main}, {path: args.x, op: not_contains, value: ai}]",
    "[{path: args.x, op: in, value: []}]",
    "[{path: args.x, op: exists, value: true}, {path: args.x, op: exists, value: false}]",
    "[{path: args.x, op: exists, value: false}, {path: args.x, op: eq, value: a}]",
    "[{path: args.x, op: exists, value: false}, {path: args.x, op: gt, value: 1}]",
    "[{path: args.x, op: exists, value: true}, {path: args.x, op: eq, value: null}]",
]

NO_CONTRADICTIONS = [
    "[{path: args.x, op: gte, value: 5}, {path: args.x, op: lte, value: 5}]",
    "[{path: args.x, op: gt, value: 5}, {path: args.x, op: lt, value: 6}]",
    "[{path: args.x, op: gt, value: 5}, {path: args.y, op: lt, value: 5}]",
    "[{path: args.x, op: gt, value: 5}, {path: args.x.y, op: lt, value: 5}]",
    "[{path: args.x, op: neq, value: 5}, {path: args.x, op: neq, value: 6}]",
    "[{path: args.x, op: eq, value: 1}, {path: args.x, op: eq, value: '1'}]",
    "[{path: args.x, op: eq, value: 1}, {path: args.x, op: regex, value: ^1$}]",
    "[{path: args.x, op: in, value: [a, b]}, {path: args.x, op: neq, value: b}]",
    "[{path: args.x, op: regex, value: ^a}, {path: args.x, op: not_regex, value: ^a}]",
    "[{path: args.x, op: contains, value: a}, {path: args.x, op: not_contains, value: b}]",
    "[{path: args.x, op: exists, value: true}, {path: args.x, op: eq, value: a}]",
    "[{path: args.x, op: exists, value: false}, {path: args.x, op: exists, value: false}]",
    "[{path: args.x, op: exists, value: false}, {path: args.x, op: eq, value: null}]",
    "[{path: args.x, op: exists, value: false}]",
    "[{path: args.x, op: exists, value: false}, {path: args.x, op: not_in, value: []}]",
]


@pytest.mark.parametrize("conditions", CONTRADICTIONS)
def test_a_rule_whose_conditions_contradict_one_another_denies_every_call(conditions: str) -> None:
    text, where = places(RULE + f"▶{{name: n, conditions: {conditions}}}")
    (warning,) = parse(text).warnings
    assert warning.startswith(f"{where[0]}: tools.pay.rules[0]: denies every call: args.x ")
    assert warning.endswith(" never holds")


@pytest.mark.parametrize("conditions", CONTRADICTIONS)
def test_a_rule_whose_conditions_contradict_one_another_does_not_ask(conditions: str) -> None:
    text, where = places(RULE + f"▶{{name: n, action: require_approval, conditions: {conditions}}}")
    (warning,) = parse(text).warnings
    expected = "can never match, unless args.x is missing or of another type: args.x "
    assert warning.startswith(f"{where[0]}: tools.pay.rules[0]: {expected}")


@pytest.mark.parametrize("conditions", NO_CONTRADICTIONS)
def test_conditions_that_can_hold_together_are_no_warning(conditions: str) -> None:
    assert parse(RULE + f"{{name: n, conditions: {conditions}}}").warnings == ()
    assert parse(RULE + f"{{name: n, action: require_approval, conditions: {conditions}}}").warnings == ()


@pytest.mark.parametrize(("op", "value", "is_vain"), [("lt", 0, True), ("lte", 0, False), ("gt", -1, False)])
def test_a_counter_is_never_less_than_zero(op: str, value: int, is_vain: bool) -> None:
    counted = f"{{path: state.pay.c, op: {op}, value: {value}}}"
    rule = f"{{name: n, conditions: [{counted}], state: {{counter: c, window: day}}}}"
    assert bool(parse(RULE + rule).warnings) == is_vain


# --- no warning without a cause, and none that is wrong ----------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        INTERCEPT_PAYMENTS,
        f'version: "1"\ndefault: deny\ntools:\n  a: {{rules: []}}\n  b: {{rules: [{ANY}]}}\n  "*": {{rules: [{ASK}]}}',
        f'version: "1"\nhide: [a]\ntools:\n  b: {{rules: [{DENY}]}}\n  "*": {{rules: [{ANY}]}}',
        f'version: "1"\nhide: [a]\ntools:\n  a: {{rules: []}}\n  git_*: {{rules: [{ASK}, {ANY}]}}',
        'version: "1"\ntools: {}\nhide: []\n',
        'version: "1"\ndefault: require_approval\n',
    ],
)
def test_a_sensible_document_has_no_warning(text: str) -> None:
    assert parse(text).warnings == ()


VALUES: tuple[Any, ...] = (MISSING, None, True, 0, 1, 2, 1.5, "", "1", "a", "ab", "true", [1], ["a"], {}, {"a": 1})
TOOLS = ("git_push", "git_pull", "git_rush", "read", "git_*")

numbers = st.sampled_from([0, 1, 2, 1.5])
scalars = st.sampled_from([True, None, 0, 1, 1.5, "1", "a", "ab", "true", [1], ["a"], {"a": 1}])
conditions = st.one_of(
    st.builds(condition, st.just("args.x"), st.sampled_from(["lt", "lte", "gt", "gte"]), numbers),
    st.builds(condition, st.just("args.x"), st.sampled_from(["eq", "neq", "contains", "not_contains"]), scalars),
    st.builds(condition, st.just("args.x"), st.sampled_from(["in", "not_in"]), st.lists(scalars, max_size=2)),
    st.builds(condition, st.just("args.x"), st.sampled_from(["regex", "not_regex"]), st.sampled_from(["a", "^1$"])),
    st.builds(condition, st.just("args.x"), st.just("exists"), st.booleans()),
)
some_conditions = st.lists(conditions, min_size=1, max_size=3)
rules = st.one_of(
    some_conditions.map(lambda some: evaluate(*some)),
    some_conditions.map(lambda some: ask(*some)),
    st.just(ask()),
    st.just(deny()),
)
names = st.sampled_from(["git_push", "git_*", "git_?us*", "*", "[g]it_push", "read"])
documents = st.fixed_dictionaries(
    {
        "default": st.sampled_from(["allow", "deny", "require_approval"]),
        "hide": st.lists(st.sampled_from(["git_*", "read", "git_?ush", "?*"]), max_size=1),
        "tools": st.dictionaries(names, st.lists(rules, min_size=1, max_size=2), max_size=3),
    }
)


def policy_without(document: JsonObject, left_out: str | None = None) -> Policy:
    """The policy of the document, without the rule at one path."""
    tools = {
        tool: {"rules": [{"name": tool, **rule} for index, rule in enumerate(rules) if left_out != path(tool, index)]}
        for tool, rules in document["tools"].items()
    }
    return policy_of_data({**document, "tools": tools})


def path(tool: str, index: int) -> str:
    return f"tools.{tool}.rules[{index}]"


def verdicts(policy: Policy) -> list[str]:
    """What the policy says of every tool with every value, as a list of words."""
    engine = PolicyEngine(policy)
    calls = [(tool, {} if value is MISSING else {"x": value}) for tool in TOOLS for value in VALUES]
    return [engine.evaluate(tool, arguments).verdict for tool, arguments in calls]


@given(document=documents)
@settings(max_examples=200)
def test_a_warning_is_true(document: JsonObject) -> None:
    policy = policy_without(document)
    every_rule = {rule.path: (tool, rule) for tool in policy.tools for rule in tool.rules}
    for warning in policy.warnings:
        _, rule_path, why = warning.split(": ", 2)
        tool, rule = every_rule[rule_path]
        if why.startswith("denies every call"):
            engine = PolicyEngine(policy)
            for name in filter(lambda name: fits(name, tool.name) or tool.name == "*", TOOLS):
                if policy.default == "allow" or name == tool.name:
                    assert engine.evaluate(name, {"x": 1}).verdict == engine.evaluate(name, {}).verdict == "deny"
            for value in VALUES:
                assert not all(check_of(each)(value) for each in rule.conditions)
        elif why.startswith("can never match, unless"):
            for value in VALUES:
                answers = [check_of(each)(value) for each in rule.conditions]
                assert None in answers or False in answers
        else:
            assert verdicts(policy_without(document, left_out=rule_path)) == verdicts(policy)
