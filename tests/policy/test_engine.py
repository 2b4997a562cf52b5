"""The engine: which rules a call meets, which of them decides, and what a verdict says and counts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from typing import Any

import pytest

from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.clock import DAY, HOUR, MINUTE
from approval_tui.domain.counters import LARGEST_COUNT, Counter, Reservation
from approval_tui.domain.lifecycle import ALLOW, DENY, REQUIRE_APPROVAL
from approval_tui.domain.models import NO_REQUIREMENTS, Requirements
from approval_tui.domain.verdicts import Finding, Verdict
from approval_tui.policy.engine import PolicyEngine
from approval_tui.policy.model import Condition, Policy, Rule, ToolRules
from tests.policy.engines import (
    ask,
    condition,
    deny,
    engine_of,
    engine_of_rules,
    evaluate,
    judged,
    rule_of,
    said_by,
)

BIG = condition("args.amount", "gt", 50_000)
SPEND = Counter("pay.spend", DAY)


def decided(engine: PolicyEngine, arguments: JsonObject, tool: str = "pay") -> Finding:
    """The finding that decided."""
    deciding = engine.evaluate(tool, arguments).deciding
    assert deciding is not None
    return deciding


# --- one rule and several ----------------------------------------------------------------------


def test_without_rules_every_call_runs() -> None:
    verdict = engine_of("default: allow").evaluate("anything", {"a": 1})
    assert verdict == Verdict(ALLOW)
    assert verdict.rule is None
    assert judged(engine_of("tools: {}")) == ALLOW


def test_a_tools_rules_say_nothing_of_other_tools() -> None:
    engine = engine_of_rules(evaluate(condition("args.x", "eq", "yes")), tool="one")
    assert judged(engine, {"x": "yes"}, "one") == ALLOW
    assert judged(engine, {"x": "no"}, "one") == DENY
    assert judged(engine, {"x": "no"}, "two") == ALLOW


def test_rules_of_every_tool_hold_for_any_tool() -> None:
    engine = engine_of_rules(evaluate(condition("args.safe", "eq", True)), tool="*")
    assert [judged(engine, {"safe": safe}, "anything") for safe in (True, False)] == [ALLOW, DENY]


OWN_GLOB_AND_EVERY = """
    tools:
      "*":
        rules:
          - {name: every, conditions: [{path: args.z, op: eq, value: ok}], on_deny: every denied}
      "p?y":
        rules:
          - {name: glob, conditions: [{path: args.y, op: eq, value: ok}], on_deny: glob denied}
      pay:
        rules:
          - {name: own, conditions: [{path: args.x, op: eq, value: ok}], on_deny: own denied}
"""


@pytest.mark.parametrize(
    ("x", "y", "z", "says"),
    [
        ("ok", "ok", "ok", []),
        ("no", "ok", "ok", ["own"]),
        ("ok", "no", "ok", ["glob"]),
        ("ok", "ok", "no", ["every"]),
        ("no", "ok", "no", ["own", "every"]),
        ("no", "no", "no", ["own", "glob", "every"]),
    ],
)
def test_a_tools_own_rules_come_first_then_globs_then_those_of_every_tool(
    x: str, y: str, z: str, says: list[str]
) -> None:
    verdict = engine_of(OWN_GLOB_AND_EVERY).evaluate("pay", {"x": x, "y": y, "z": z})
    assert verdict.verdict == (DENY if says else ALLOW)
    assert said_by(verdict) == says
    assert verdict.deciding is None or verdict.deciding.message == f"{says[0]} denied"


@pytest.mark.parametrize(
    ("amount", "currency", "verdict"), [(500, "usd", ALLOW), (500, "gbp", DENY), (5000, "usd", DENY), (5000, 1, DENY)]
)
def test_all_conditions_of_a_rule_must_hold(amount: int, currency: Any, verdict: str) -> None:
    engine = engine_of_rules(
        evaluate(condition("args.amount", "lte", 1000), condition("args.currency", "in", ["usd", "eur"]))
    )
    assert judged(engine, {"amount": amount, "currency": currency}) == verdict


def test_a_trigger_of_several_conditions_asks_unless_one_is_known_not_to_hold() -> None:
    engine = engine_of_rules(ask(BIG, condition("args.currency", "eq", "usd")))
    asked = {
        (amount, currency): judged(engine, {"amount": amount, "currency": currency}) == REQUIRE_APPROVAL
        for amount in (60_000, 1, "much")
        for currency in ("usd", "eur", None)
    }
    assert {case for case, asks in asked.items() if asks} == {
        (60_000, "usd"),
        (60_000, None),
        ("much", "usd"),
        ("much", None),
    }


def test_a_rule_that_denies_says_so_in_its_own_words_or_in_intercepts() -> None:
    finding = decided(engine_of_rules(deny(name="never", on_deny="This tool is forbidden")), {"any": 1})
    assert (finding.rule, finding.path, finding.verdict) == ("never", "tools.pay.rules[0]", DENY)
    assert finding.message == "This tool is forbidden"
    assert decided(engine_of_rules(deny(name="never")), {}).message == 'Denied by rule "never"'
    assert decided(engine_of_rules(ask(name="look")), {}).message == 'Rule "look" asks for approval'
    assert decided(engine_of_rules(ask(name="look", on_deny="Ask Ann")), {}).message == "Ask Ann"


@pytest.mark.parametrize("order", list(permutations(["block", "check", "look"])))
def test_deny_beats_require_approval_beats_allow_whatever_the_order(order: tuple[str, ...]) -> None:
    rules = {
        "block": deny(name="block"),
        "check": evaluate(condition("args.x", "eq", "good"), name="check"),
        "look": ask(name="look"),
    }
    verdict = engine_of_rules(*(rules[name] for name in order)).evaluate("pay", {"x": "good"})
    assert (verdict.verdict, verdict.rule) == (DENY, "block")
    assert said_by(verdict) == ["block", "look"]
    without = engine_of_rules(*(rules[name] for name in order if name != "block"))
    assert [judged(without, {"x": x}) for x in ("good", "bad")] == [REQUIRE_APPROVAL, DENY]
    assert judged(engine_of_rules(rules["check"]), {"x": "good"}) == ALLOW


# --- default and hide --------------------------------------------------------------------------

DEFAULT_DENY = """
    default: deny
    tools:
      free: {rules: []}
      checked: {rules: [{name: check, conditions: [{path: args.x, op: eq, value: good}]}]}
"""


def test_under_default_deny_a_tool_must_be_listed() -> None:
    engine = engine_of(DEFAULT_DENY)
    finding = decided(engine, {}, "other")
    assert (finding.verdict, finding.rule, finding.path) == (DENY, "(default deny)", "default")
    assert finding.message == 'Tool "other" is not permitted by policy'
    assert judged(engine, {}, "free") == ALLOW
    assert judged(engine, {"x": "good"}, "checked") == ALLOW
    assert decided(engine, {"x": "bad"}, "checked").rule == "check"


def test_under_default_deny_the_rules_of_every_tool_list_none_and_hold_for_the_listed() -> None:
    engine = engine_of("""
        default: deny
        tools:
          free: {rules: []}
          "*": {rules: [{name: every, conditions: [{path: args.safe, op: eq, value: true}]}]}
    """)
    assert decided(engine, {"safe": True}, "other").rule == "(default deny)"
    assert decided(engine, {"safe": True}, "*").rule == "(default deny)"
    assert decided(engine, {"safe": False}, "free").rule == "every"
    assert judged(engine, {"safe": True}, "free") == ALLOW


def test_under_default_deny_a_glob_lists_what_fits_it() -> None:
    engine = engine_of("""
        default: deny
        tools:
          "read_*": {rules: []}
          "[gs]et?": {rules: [{name: asks, action: require_approval}]}
    """)
    assert judged(engine, {}, "read_file") == ALLOW
    assert judged(engine, {}, "read_") == ALLOW
    assert judged(engine, {}, "sets") == REQUIRE_APPROVAL
    for other in ("read", "READ_file", "a_read_file", "set", "lets", " read_file"):
        assert decided(engine, {}, other).rule == "(default deny)"


@pytest.mark.parametrize("name", ["[", "[]", "[!", "a[z-a]", "[\\", "?[", "\n*", "*" * 50 + "b"])
def test_a_glob_that_is_hardly_one_raises_nothing_and_fits_itself(name: str) -> None:
    engine = engine_of_rules(ask(), tool=name, default="deny")
    assert judged(engine, {}, name) == REQUIRE_APPROVAL
    assert judged(engine, {}, "a" * 256) == DENY


def test_under_default_require_approval_what_is_not_listed_asks() -> None:
    engine = engine_of("""
        default: require_approval
        approvals: {timeout: 5m, hold: 2s}
        tools:
          free: {rules: []}
          "*": {rules: [{name: every, conditions: [{path: args.safe, op: neq, value: false}]}]}
    """)
    verdict = engine.evaluate("other", {"safe": True})
    assert (verdict.verdict, verdict.rule) == (REQUIRE_APPROVAL, "(default require_approval)")
    assert (verdict.requirements, verdict.risk) == (NO_REQUIREMENTS, None)
    assert (verdict.timeout, verdict.hold) == (5 * MINUTE, 2000)
    assert verdict.deciding is not None
    assert verdict.deciding.message == 'Tool "other" needs approval: no rule of the policy is about it'
    assert judged(engine, {"safe": True}, "free") == ALLOW
    assert decided(engine, {"safe": False}, "other").rule == "every"


def test_under_default_require_approval_a_rule_that_asks_stands_in_for_the_default() -> None:
    engine = engine_of("""
        default: require_approval
        tools:
          "*": {rules: [{name: two, action: require_approval, quorum: 2}]}
    """)
    verdict = engine.evaluate("other", {})
    assert (verdict.rule, verdict.requirements.quorum, verdict.losing) == ("two", 2, ())


def test_a_hidden_tool_is_denied_whatever_its_rules_say() -> None:
    engine = engine_of("""
        hide: [secret, "admin_*"]
        tools:
          secret: {rules: []}
          admin_users: {rules: [{name: asks, action: require_approval}]}
    """)
    for tool in ("secret", "admin_users", "admin_"):
        finding = decided(engine, {}, tool)
        assert (finding.verdict, finding.rule, finding.path) == (DENY, "(hidden)", "hide")
        assert finding.message == f'Tool "{tool}" is hidden by policy'
    for tool in ("Secret", "secrets", "admin", "other"):
        assert judged(engine, {}, tool) == ALLOW
    everything = engine_of("""
        hide: ["*"]
        tools: {free: {rules: []}}
    """)
    assert [decided(everything, {}, tool).rule for tool in ("free", "other", "*", "")] == ["(hidden)"] * 4


# --- what cannot be evaluated ------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        {"amount": "60000"},
        {},
        {"amount": None},
        {"amount": True},
        {"amount": [60_000]},
        {"amount": {"value": 60_000}},
        {"Amount": 60_000},
        {"amount": 60_000},
    ],
)
def test_an_amount_that_is_missing_or_no_number_still_asks(arguments: JsonObject) -> None:
    assert judged(engine_of_rules(ask(BIG)), arguments) == REQUIRE_APPROVAL
    assert judged(engine_of_rules(ask(BIG)), {"amount": 50_000}) == ALLOW


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ({"amount": 11}, "args.amount is 11;"),
        ({}, "args.amount is missing"),
        ({"amount": None}, "args.amount is null, which cannot be evaluated;"),
        ({"amount": "9"}, "args.amount is '9', which cannot be evaluated;"),
    ],
)
def test_a_rule_that_denies_says_what_it_found_and_what_it_has_to_say_of_it(arguments: JsonObject, found: str) -> None:
    why = decided(engine_of_rules(evaluate(condition("args.amount", "lte", 10))), arguments).why
    assert why.startswith(found)
    assert why.endswith("args.amount lte 10")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"amount": 60_000}, "args.amount gt 50000"),
        ({}, "args.amount is missing"),
        ({"amount": "60000"}, "args.amount is '60000', which cannot be evaluated"),
    ],
)
def test_a_rule_that_asks_says_which_condition_holds_or_cannot_be_evaluated(arguments: JsonObject, why: str) -> None:
    assert decided(engine_of_rules(ask(BIG)), arguments).why.startswith(why)
    assert decided(engine_of_rules(ask()), arguments).why == "the rule asks for every call"


def test_a_finding_says_that_a_value_stands_below_no_object_and_quotes_little_of_a_large_one() -> None:
    engine = engine_of_rules(evaluate(condition("args.to.mail", "regex", "@example[.]com$")))
    below = decided(engine, {"to": "ann@example.com"}).why
    assert below.startswith("args.to.mail is below something that is no object")
    keys = {f"key {number}": {"inner": number} for number in range(100_000)}
    for large in ("a" * 2**20, ["a" * 2**20] * 50, {"b" * 2**20: 1}, 2**4096 - 1, keys, [[[keys]]]):
        assert len(decided(engine, {"to": {"mail": large}}).why) < 2000
    found = decided(engine, {"to": {"mail": keys}}).why
    assert found.startswith("args.to.mail is {'key 0': {'inner': 0}, 'key 1': ")
    assert "...}, which cannot be evaluated" in found
    assert decided(engine, {"to": {"mail": {"a": [1]}}}).why.startswith("args.to.mail is {'a': [1]}, which")


# --- counters ----------------------------------------------------------------------------------


def counting(op: str, value: Any, **state: Any) -> PolicyEngine:
    """A policy whose one rule limits a counter."""
    state = {"counter": "spend", "window": "day", **state}
    return engine_of_rules(evaluate(condition("state.pay.spend", op, value), name="spend", state=state))


@pytest.mark.parametrize(
    ("op", "value", "most"),
    [
        ("lt", 10, 9),
        ("lte", 10, 10),
        ("lt", 10.5, 10),
        ("lte", 10.5, 10),
        ("lt", 10.0, 9),
        ("lt", 2, 1),
        ("lte", 1, 1),
        ("lte", 10**30, LARGEST_COUNT),
        ("lt", LARGEST_COUNT + 1, LARGEST_COUNT),
    ],
)
def test_a_limit_is_the_most_that_the_counter_may_hold_after_the_call(op: str, value: Any, most: int) -> None:
    engine = counting(op, value)
    (reservation,) = engine.evaluate("pay", {}).reservations
    assert reservation == Reservation(SPEND, 1, most, "spend", 'Denied by rule "spend"')
    assert judged(engine, counts={SPEND: most - 1}) == ALLOW
    over = engine.evaluate("pay", {}, {SPEND: most})
    assert (over.verdict, over.rule, over.reservations) == (DENY, "spend", ())
    assert over.deciding is not None
    assert over.deciding.why == f"pay.spend would pass its limit of {most}"


@pytest.mark.parametrize(("op", "value"), [("lt", 1), ("lte", 0), ("lte", -1), ("lt", -(10**30)), ("lt", 0.5)])
def test_a_limit_that_leaves_no_room_denies_every_call(op: str, value: Any) -> None:
    assert judged(counting(op, value)) == DENY
    below_zero = engine_of_rules(
        evaluate(
            condition("state.pay.spend", op, value),
            state={"counter": "spend", "window": "day", "increment_from": "args.amount"},
        )
    )
    assert judged(below_zero, {"amount": 0}) == (ALLOW if (op, value) in {("lt", 1), ("lte", 0), ("lt", 0.5)} else DENY)


def test_of_two_limits_of_one_rule_the_stricter_holds() -> None:
    limits = [condition("state.pay.spend", "lt", 10), condition("state.pay.spend", "lte", 7)]
    for pair in (limits, limits[::-1]):
        engine = engine_of_rules(evaluate(*pair, state={"counter": "spend", "window": "hour"}))
        assert [each.most for each in engine.evaluate("pay", {}).reservations] == [7]


@pytest.mark.parametrize(
    ("amount", "counted"), [(250, 250), (250.0, 250), (0.01, 1), (249.5, 250), (0, 0), (-0.0, 0), (1000, 1000)]
)
def test_a_call_counts_by_its_own_amount_and_a_part_as_a_whole(amount: float, counted: int) -> None:
    (reservation,) = (
        counting("lte", 1000, increment_from="args.amount").evaluate("pay", {"amount": amount}).reservations
    )
    assert reservation.amount == counted


@pytest.mark.parametrize(
    "arguments",
    [{"amount": amount} for amount in (-1, -0.5, -(10**30), 2**53, 1e300, "250", True, None, [], [1], {"value": 1})]
    + [{}, {"other": "1"}, {"Amount": 1}],
)
@pytest.mark.parametrize("limit", [True, False])
def test_an_amount_that_cannot_be_counted_is_denied_and_makes_no_room(arguments: JsonObject, limit: bool) -> None:
    state = {"counter": "spend", "window": "day", "increment_from": "args.amount"}
    over = condition("state.pay.spend", "lte", 10**30) if limit else condition("args.other", "neq", "never")
    engine = engine_of_rules(evaluate(over, state=state))
    verdict = engine.evaluate("pay", {"other": "always", **arguments})
    assert (verdict.verdict, verdict.reservations) == (DENY, ())
    assert verdict.deciding is not None
    assert verdict.deciding.why == "args.amount is no amount that can be counted"


def test_a_rule_that_counts_without_a_limit_counts_all_the_same() -> None:
    engine = engine_of_rules(
        evaluate(condition("args.amount", "gt", 0), name="tally", state={"counter": "calls", "window": "minute"}),
        evaluate(condition("state.pay.calls", "lte", 3), name="limit"),
    )
    verdict = engine.evaluate("pay", {"amount": 1}, {Counter("pay.calls", MINUTE): 2})
    assert verdict.verdict == ALLOW
    assert verdict.reservations == (
        Reservation(Counter("pay.calls", MINUTE), 1, None, "tally", 'Denied by rule "tally"'),
    )
    assert judged(engine, {"amount": 1}, counts={Counter("pay.calls", MINUTE): 3}) == DENY
    assert engine.evaluate("pay", {"amount": 0}).reservations == ()


def test_a_rate_limit_counts_calls_and_says_when_it_is_reached() -> None:
    hourly = Counter("pay._rate_hour", HOUR)
    engine = engine_of_rules({"rate_limit": "5/hour"})
    (reservation,) = engine.evaluate("pay", {}).reservations
    said = "Rate limit of 5 per hour reached. Try again later."
    assert (reservation.counter, reservation.amount, reservation.most) == (hourly, 1, 5)
    assert reservation.message == said
    over = engine.evaluate("pay", {}, {hourly: 5})
    assert over.deciding is not None
    assert (over.verdict, over.deciding.message) == (DENY, said)
    (own_words,) = engine_of_rules({"rate_limit": "5/hour", "on_deny": "Enough"}).evaluate("pay", {}).reservations
    assert own_words.message == "Enough"


def test_counters_belong_to_their_tool_their_glob_or_to_every_tool() -> None:
    engine = engine_of("""
        tools:
          "*": {rules: [{name: all, rate_limit: 100/hour}]}
          "pay_*": {rules: [{name: payments, rate_limit: 50/day}]}
          pay_card: {rules: [{name: cards, rate_limit: 5/minute}, {name: cards a day, rate_limit: 9/day}]}
    """)
    names = {
        tool: [(each.counter.name, each.counter.window, each.most) for each in engine.evaluate(tool, {}).reservations]
        for tool in ("pay_card", "pay_cash", "look")
    }
    everything, payments = ("_global._rate_hour", HOUR, 100), ("pay_*._rate_day", DAY, 50)
    cards = [("pay_card._rate_minute", MINUTE, 5), ("pay_card._rate_day", DAY, 9)]
    assert names == {
        "pay_card": [*cards, payments, everything],
        "pay_cash": [payments, everything],
        "look": [everything],
    }


def test_a_call_that_asks_counts_too_and_one_that_is_denied_does_not() -> None:
    engine = engine_of_rules({"rate_limit": "5/hour"}, ask(BIG), evaluate(condition("args.amount", "lt", 10**6)))
    counted = {amount: len(engine.evaluate("pay", {"amount": amount}).reservations) for amount in (1, 60_000, 10**6)}
    assert counted == {1: 1, 60_000: 1, 10**6: 0}


# --- conditions on counters --------------------------------------------------------------------

SPENDING = """
    tools:
      pay:
        rules:
          - name: limit
            conditions: [{path: state.pay.spend, op: lte, value: 5000}]
            state: {counter: spend, window: day, increment_from: args.amount}
          - name: much today
            action: require_approval
            conditions: [{path: state.pay.spend, op: gt, value: 1000}]
      refund:
        rules:
          - name: after much spending
            action: require_approval
            conditions: [{path: state.pay.spend, op: gt, value: 1000}]
      other: {rules: []}
"""


@pytest.mark.parametrize(
    ("spent", "amount", "verdict"),
    [
        (0, 1000, ALLOW),
        (0, 1001, REQUIRE_APPROVAL),
        (900, 100, ALLOW),
        (900, 100.5, REQUIRE_APPROVAL),
        (1000, 0, ALLOW),
        (1001, 0, REQUIRE_APPROVAL),
        (4000, 1000, REQUIRE_APPROVAL),
        (4000, 1001, DENY),
        (0, -1, DENY),
        (0, "1", DENY),
    ],
)
def test_a_condition_sees_the_counter_as_it_would_be_with_this_call(spent: int, amount: Any, verdict: str) -> None:
    said = engine_of(SPENDING).evaluate("pay", {"amount": amount}, {SPEND: spent} if spent else {})
    assert said.verdict == verdict
    assert said.counts == {SPEND: spent}


def test_a_counter_of_another_tool_is_seen_as_it_is() -> None:
    engine = engine_of(SPENDING)
    for spent, verdict in ((1000, ALLOW), (1001, REQUIRE_APPROVAL)):
        said = engine.evaluate("refund", {"amount": 500}, {SPEND: spent})
        assert (said.verdict, said.counts, said.reservations) == (verdict, {SPEND: spent}, ())


def test_counters_are_needed_where_a_condition_is_on_them_and_not_for_limits_alone() -> None:
    engine = engine_of(SPENDING)
    assert engine.counts_needed("pay") == engine.counts_needed("refund") == (SPEND,)
    assert engine.counts_needed("other") == engine.counts_needed("unknown") == ()
    assert counting("lte", 10).counts_needed("pay") == ()
    assert counting("gte", 0).counts_needed("pay") == (SPEND,)
    assert engine.evaluate("other", {}, {SPEND: 9999}).counts == {}


def test_a_denial_and_an_allowance_rely_on_counters_too() -> None:
    engine = engine_of_rules(
        evaluate(condition("args.x", "eq", 1), state={"counter": "spend", "window": "day"}),
        evaluate(condition("state.pay.spend", "neq", 3)),
    )
    said = {spent: engine.evaluate("pay", {"x": 1}, {SPEND: spent, Counter("x.y", DAY): 1}) for spent in (1, 2)}
    assert {spent: (verdict.verdict, verdict.counts) for spent, verdict in said.items()} == {
        1: (ALLOW, {SPEND: 1}),
        2: (DENY, {SPEND: 2}),
    }


def test_a_counter_that_was_never_counted_is_zero_and_exists() -> None:
    state = {"counter": "spend", "window": "day"}
    engine = engine_of_rules(evaluate(condition("state.pay.spend", "exists", True), state=state))
    assert judged(engine) == ALLOW


def test_a_counter_that_nothing_counts_is_never_looked_for_among_the_arguments() -> None:
    """A document with such a condition is refused; a policy that is made otherwise must not be fooled either."""
    rule = Rule("rule", "tools.pay.rules[0]", conditions=(Condition("state.pay.spend", "lte", 5),))
    with pytest.raises(KeyError, match=r"state\.pay\.spend"):
        PolicyEngine(Policy(tools=(ToolRules("pay", (rule,)),)))


# --- several rules that ask --------------------------------------------------------------------


def test_several_rules_that_ask_are_satisfied_together() -> None:
    engine = engine_of_rules(
        ask(name="a", quorum=2, reviewers=["ann", "bo", "cy"], risk="medium"),
        ask(name="b", reviewers=["cy", "dee", "bo"], reason_required=True, risk="high"),
        ask(name="c", evidence="shown", risk="low"),
        ask(condition("args.x", "eq", 1), name="d", quorum=99, risk="high"),
    )
    verdict = engine.evaluate("pay", {"x": 2})
    assert verdict.verdict == REQUIRE_APPROVAL
    assert verdict.requirements == Requirements(2, ("bo", "cy"), reason_required=True, evidence="shown")
    assert verdict.risk == "high"
    assert said_by(verdict) == ["a", "b", "c"]


def test_the_hash_is_that_of_all_rules_that_ask_whatever_their_order() -> None:
    rules = [ask(BIG, name=name, quorum=quorum) for name, quorum in (("a", 1), ("b", 2), ("c", 3))]
    hashes = {engine_of_rules(*order).evaluate("pay", {"amount": 60_000}).rule_hash for order in permutations(rules)}
    assert len(hashes) == 1
    (together,) = hashes
    single = {rule_of(rule).hash for rule in rules}
    pairs = {engine_of_rules(*pair).evaluate("pay", {}).rule_hash for pair in permutations(rules, 2)}
    assert len(single) == len(pairs) == 3
    assert len({together, *single, *pairs}) == 7
    assert engine_of_rules(rules[0]).evaluate("pay", {}).rule_hash == rule_of(rules[0]).hash
    assert engine_of_rules(rules[0], rules[0]).evaluate("pay", {}).rule_hash == rule_of(rules[0]).hash


def test_an_approval_of_one_rule_is_none_of_two() -> None:
    engine = engine_of_rules(ask(BIG), ask(condition("args.amount", "gt", 10**6), quorum=2))
    small, large = (engine.evaluate("pay", {"amount": amount}) for amount in (60_000, 10**7))
    assert small.rule_hash != large.rule_hash


def test_rules_that_ask_and_name_nobody_in_common_deny() -> None:
    engine = engine_of_rules(ask(name="a", reviewers=["ann"]), ask(name="b", reviewers=["bo"]))
    verdict = engine.evaluate("pay", {})
    assert (verdict.verdict, verdict.rule) == (DENY, "a")
    assert verdict.deciding is not None
    assert "too few reviewers in common" in verdict.deciding.message
    assert said_by(verdict) == ["a", "b"]
    too_few = engine_of_rules(ask(quorum=2), ask(reviewers=["ann", "bo"]), ask(reviewers=["bo", "cy"]))
    assert judged(too_few) == DENY
    assert judged(engine_of_rules(ask(quorum=2), ask(reviewers=["ann", "bo"]))) == REQUIRE_APPROVAL


@pytest.mark.parametrize("names", [("same", "same"), ("one", "two")])
def test_the_time_to_decide_is_that_of_the_tools_own_rules_then_of_globs_then_of_every_tool(
    names: tuple[str, str],
) -> None:
    own, every = names

    def timeout(own_timeout: str, glob_timeout: str, every_timeout: str, general: str = "") -> int | None:
        engine = engine_of(f"""
            approvals: {{{general}}}
            tools:
              "*": {{rules: [{{name: {every}, action: require_approval{every_timeout}}}]}}
              "p*": {{rules: [{{name: {own}, action: require_approval{glob_timeout}}}]}}
              pay:
                rules:
                  - {{name: {own}, action: require_approval, conditions: [{{path: args.x, op: eq, value: 1}}],
                     approval_timeout: 9m}}
                  - {{name: {own}, action: require_approval{own_timeout}}}
        """)
        return engine.evaluate("pay", {"x": 2}).timeout

    one, two, three = (f", approval_timeout: {minutes}m" for minutes in (1, 2, 3))
    assert timeout(one, two, three, "timeout: 4m") == MINUTE
    assert timeout("", two, three, "timeout: 4m") == 2 * MINUTE
    assert timeout("", "", three, "timeout: 4m") == 3 * MINUTE
    assert timeout("", "", "", "timeout: 4m") == 4 * MINUTE
    assert timeout("", "", "") is None


def test_holding_and_reuse_come_from_the_rule_and_from_the_policy() -> None:
    approvals = {"timeout": "1h", "dedupe_window": "90s", "hold": "5s"}
    plain = engine_of_rules(ask(), approvals=approvals).evaluate("pay", {})
    assert (plain.timeout, plain.dedupe_window, plain.hold) == (HOUR, 90_000, 5000)
    own = engine_of_rules(ask(), ask(hold=0, approval_timeout="2h"), approvals=approvals).evaluate("pay", {})
    assert (own.timeout, own.dedupe_window, own.hold) == (2 * HOUR, 90_000, 0)
    allowed = engine_of_rules(ask(BIG), approvals=approvals).evaluate("pay", {"amount": 1})
    assert (allowed.timeout, allowed.dedupe_window, allowed.hold) == (None, None, None)


# --- arguments ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "looks"),
    [
        (deny(), False),
        (ask(), False),
        ({"rate_limit": "5/hour"}, False),
        (evaluate(condition("state.pay.n", "lte", 5), state={"counter": "n", "window": "day"}), False),
        (evaluate(condition("state.pay.n", "gte", 0), state={"counter": "n", "window": "day"}), False),
        (evaluate(condition("args.x", "exists", False)), True),
        (ask(BIG), True),
        (
            evaluate(
                condition("state.pay.n", "lte", 5),
                state={"counter": "n", "window": "day", "increment_from": "args.x"},
            ),
            True,
        ),
    ],
)
def test_a_policy_knows_for_which_tools_the_arguments_matter(rule: JsonObject, looks: bool) -> None:
    engine = engine_of_rules(rule)
    assert engine.looks_at_arguments("pay") is looks
    assert engine.looks_at_arguments("other") is False


# --- threads -----------------------------------------------------------------------------------


def test_while_policies_are_swapped_every_verdict_is_wholly_that_of_one() -> None:
    engines = [engine_of_rules(deny(name="block")), engine_of_rules(ask(name="look", quorum=2), tool="*")]
    known = {engine.evaluate("pay", {}).rule_hash: engine.evaluate("pay", {}) for engine in engines}
    current = engines[:1]

    def judge(number: int) -> list[Verdict]:
        if number % 2:
            for turn in range(500):
                current[0] = engines[turn % 2]
            return []
        return [current[0].evaluate("pay", {}) for _ in range(500)]

    with ThreadPoolExecutor(8) as pool:
        verdicts = [verdict for some in pool.map(judge, range(16)) for verdict in some]
    assert len(verdicts) == 8 * 500
    assert all(verdict == known[verdict.rule_hash] for verdict in verdicts)


def test_tool_names_without_end_are_judged_alike_from_many_threads_and_not_all_kept() -> None:
    engine = engine_of_rules(ask(), tool="t*7", default="deny")
    names = [f"t{number}" for number in range(5000)]
    with ThreadPoolExecutor(8) as pool:
        verdicts = list(pool.map(lambda name: judged(engine, {}, name), names * 2))
    assert verdicts == [REQUIRE_APPROVAL if name.endswith("7") else DENY for name in names] * 2
    assert len(engine._by_tool) < 2000


def test_a_tools_name_cannot_end_our_sentence_about_it() -> None:
    engine = engine_of('default: deny\nhide: ["x*"]')
    hostile = 'x" is allowed. Tool "y'
    for name in (hostile, f"n{hostile}"):
        deciding = engine.evaluate(name, {}).deciding
        assert deciding is not None
        assert deciding.message.startswith('Tool "')
        assert '" is allowed' not in deciding.message.replace('\\"', "")
