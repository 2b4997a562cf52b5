"""The hash of a rule: another one wherever the verdict might be another, and the same where only words differ."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest

from approval_tui.domain.canonical import HASH_TAG, JsonObject
from tests.policy.engines import ask, condition, deny, engine_of, engine_of_rules, evaluate, rule_of

LIMIT = condition("args.amount", "lte", 5)
TO_US = condition("args.to", "in", ["us", "uk"])
COUNTED: JsonObject = {"counter": "spend", "window": "day", "increment": 2}
PLAIN = evaluate(LIMIT, TO_US, state=COUNTED)
ASKING = ask(LIMIT, TO_US, quorum=2, reviewers=["ann", "bo", "cy"], reason_required=True, risk="high")


def hash_of(rule: JsonObject, tool: str = "pay") -> str:
    """The hash of the rule as it stands in a document."""
    return rule_of(rule, tool).hash


@pytest.mark.parametrize("rule", [PLAIN, ASKING, deny(), ask()])
def test_a_hash_is_tagged_and_the_same_each_time(rule: JsonObject) -> None:
    assert hash_of(rule) == hash_of(rule)
    assert hash_of(rule).removeprefix(HASH_TAG).isalnum()


CONDITIONS = (
    '{"op":"in","path":"args.to","value":["us","uk"]}',
    '{"op":"lte","path":"args.amount","value":5}',
)


@pytest.mark.parametrize(
    ("rule", "written"),
    [
        (deny(), '{"action":"deny","conditions":[],"requirements":null,"risk":null,"type":"rule"}'),
        (
            PLAIN,
            f'{{"action":"evaluate","conditions":[{",".join(CONDITIONS)}],"requirements":null,"risk":null,'
            '"state":{"counter":"spend","increment":2,"increment_from":null,"window":86400000},"type":"rule"}',
        ),
        (
            ASKING,
            f'{{"action":"require_approval","conditions":[{",".join(CONDITIONS)}],"requirements":{{"evidence":"none",'
            '"quorum":2,"reason_required":true,"reviewers":["ann","bo","cy"]},"risk":"high","type":"rule"}',
        ),
    ],
)
def test_a_hash_is_the_one_that_earlier_versions_gave(rule: JsonObject, written: str) -> None:
    """A change here would be one for every approval that a store holds: none of them would fit its rule."""
    assert hash_of(rule) == HASH_TAG + sha256(written.encode()).hexdigest()


@pytest.mark.parametrize(
    "words",
    [
        {"name": "another"},
        {"on_deny": "Not today"},
        {"approval_timeout": "5m"},
        {"hold": "5s"},
        {"conditions": [TO_US, LIMIT]},
        {"reviewers": ["cy", "ann", "bo"]},
        {"conditions": [condition("args.amount", "lte", 5.0), TO_US]},
        {"evidence": "none"},
    ],
    ids=lambda words: next(iter(words)),
)
def test_words_times_and_order_leave_the_hash_as_it_is(words: JsonObject) -> None:
    assert hash_of({**ASKING, **words}) == hash_of(ASKING)


def test_what_says_nothing_new_leaves_the_hash_as_it_is() -> None:
    assert hash_of({**PLAIN, "on_deny": "No", "name": "x"}) == hash_of(PLAIN)
    assert hash_of(evaluate(LIMIT, TO_US, state={**COUNTED, "increment": 2})) == hash_of(PLAIN)
    assert hash_of(ask(LIMIT, quorum=1, reason_required=False, evidence="none")) == hash_of(ask(LIMIT))
    assert hash_of(ask(conditions=[])) == hash_of({"action": "require_approval"})
    implied = {key: value for key, value in PLAIN.items() if key != "action"}
    assert hash_of(implied) == hash_of(PLAIN)
    by_hand = evaluate(condition("state.pay._rate_hour", "lte", 5), state={"counter": "_rate_hour", "window": "hour"})
    assert hash_of({"rate_limit": "5/hour"}) == hash_of(by_hand)


def changed(**keys: Any) -> JsonObject:
    """The asking rule with other keys."""
    return {**ASKING, **keys}


VARIANTS: list[JsonObject] = [
    ASKING,
    changed(quorum=3),
    changed(quorum=1),
    changed(reviewers=["ann", "bo"]),
    changed(reviewers=["ann", "bo", "dee"]),
    changed(reason_required=False),
    changed(evidence="shown"),
    changed(risk="low"),
    {key: value for key, value in ASKING.items() if key != "risk"},
    {key: value for key, value in ASKING.items() if key != "reviewers"},
    changed(conditions=[]),
    changed(conditions=[LIMIT]),
    changed(conditions=[TO_US]),
    changed(conditions=[LIMIT, TO_US, condition("args.x", "exists", True)]),
    changed(conditions=[condition("args.total", "lte", 5), TO_US]),
    changed(conditions=[condition("args.amount", "lt", 5), TO_US]),
    changed(conditions=[condition("args.amount", "lte", 6), TO_US]),
    changed(conditions=[condition("args.amount", "eq", 5), TO_US]),
    changed(conditions=[condition("args.amount", "eq", "5"), TO_US]),
    changed(conditions=[condition("args.amount", "eq", 2**53), TO_US]),
    changed(conditions=[condition("args.amount", "eq", 2**53 + 1), TO_US]),
    changed(conditions=[condition("args.amount", "eq", str(2**53 + 1)), TO_US]),
    changed(conditions=[condition("args.amount", "eq", True), TO_US]),
    changed(conditions=[condition("args.amount", "eq", None), TO_US]),
    changed(conditions=[LIMIT, condition("args.to", "not_in", ["us", "uk"])]),
    changed(conditions=[LIMIT, condition("args.to", "in", ["us"])]),
    deny(),
    ask(),
    *(ask(**{key: value}) for key, value in (("reviewers", ["ann"]), ("reason_required", True), ("risk", "low"))),
    ask(evidence="shown"),
    evaluate(LIMIT),
    evaluate(LIMIT, TO_US),
    PLAIN,
    *(
        evaluate(LIMIT, TO_US, state={**COUNTED, **state})
        for state in (
            {"counter": "other"},
            {"window": "hour"},
            {"increment": 3},
            {"increment_from": "args.amount"},
            {"increment_from": "args.total"},
        )
    ),
    {"rate_limit": "5/hour"},
    {"rate_limit": "6/hour"},
    {"rate_limit": "5/minute"},
]


def test_whatever_can_change_a_verdict_changes_the_hash() -> None:
    hashes = [hash_of(rule) for rule in VARIANTS]
    assert [VARIANTS[hashes.index(each)] for each in hashes] == VARIANTS


def test_a_verdict_carries_the_hash_of_the_rule_that_decided() -> None:
    engine = engine_of_rules(evaluate(LIMIT), ask(condition("args.amount", "gt", 3)))
    rules = engine.policy.tools[0].rules
    hashes = [engine.evaluate("pay", {"amount": amount}).rule_hash for amount in (1, 4, 6)]
    assert hashes == [None, rules[1].hash, rules[0].hash]


def test_what_the_policy_says_without_a_rule_has_hashes_of_its_own() -> None:
    hashes = {
        engine_of(text).evaluate(tool, {}).rule_hash
        for text in ("hide: [secret]\ndefault: deny", "hide: [secret]\ndefault: require_approval")
        for tool in ("secret", "other", "another")
    }
    assert len(hashes) == 3
    assert hash_of(deny()) not in hashes
    assert hash_of(ask()) not in hashes
