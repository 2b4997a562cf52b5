"""What holds for every policy and every call, and the engine against a naive reading of the language."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from random import Random
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.counters import LARGEST_COUNT, WINDOWS, Counter
from approval_tui.domain.lifecycle import ALLOW, DENY, REQUIRE_APPROVAL
from approval_tui.domain.names import folded_name
from approval_tui.domain.verdicts import Verdict
from approval_tui.policy.engine import DEFAULT_DENY, HIDDEN, PolicyEngine
from approval_tui.policy.language import DEFAULTS
from tests.policy.engines import policy_of_data

STRENGTH = (ALLOW, REQUIRE_APPROVAL, DENY)
FITTING = {
    "pay": {"pay"},
    "look": {"look"},
    "p*": {"pay", "pay_card"},
    "?a[x-z]": {"pay"},
    "*o*": {"look", "other"},
    "*": {"pay", "pay_card", "look", "other"},
}
"""The names of a policy, and which of the tools called here each one stands for."""

TOOLS = sorted(FITTING["*"])
PATHS = ("args.a", "args.b", "args.a.b", "args.c.a")
DECIDERS: list[JsonObject] = [
    {},
    {"quorum": 2},
    {"reviewers": ["ann"]},
    {"reviewers": ["bo", "cy"]},
    {"quorum": 2, "reviewers": ["ann", "bo"]},
    {"quorum": 2, "reviewers": ["cy", "bo", "ann"]},
]
POOL = ThreadPoolExecutor(1)

# --- policies ----------------------------------------------------------------------------------

PLAIN = [None, True, False, -2, 0, 1, 2, 7, 0.5, 2.0, 2**53, 2**53 + 1, "", "x", "xy1", "1", "2.0", "true", "null"]
NESTED: list[Any] = [[], [1], ["x", None], [[1], "x"], {}, {"a": 1}, {"a": None, "b": [True]}]
LIMITS = [-1, 0, 1, 2, 2.5, 7, 8.0, 2**53]
EXPECTED: list[tuple[str, Any]] = [
    *((op, value) for op in ("eq", "neq", "contains", "not_contains") for value in [*PLAIN, *NESTED]),
    *((op, values) for op in ("in", "not_in") for values in ([], [1, 2], ["x", "1"], [None, 7.0], PLAIN, NESTED)),
    *((op, value) for op in ("lt", "lte", "gt", "gte") for value in LIMITS),
    *((op, pattern) for op in ("regex", "not_regex") for pattern in ("", "x", "^x", "[0-9]", "(x|y)+1", r"\.")),
    *(("exists", value) for value in (True, False)),
    *8 * [("neq", "never"), ("gte", -2), ("not_in", [3]), ("lte", 8)],
]
"""Every operator with what it may expect; drawing one of these is much faster than to make one up.

Those at the end hold often, or else hardly a call would pass.
"""


conditions = st.tuples(st.integers(0, 11), st.sampled_from(EXPECTED))
"""Conditions on one of the paths that there are, by its number."""

limits = st.tuples(st.just("own"), st.sampled_from([each for each in EXPECTED if each[0] in ("lt", "lte")]))
asking = st.builds(
    lambda rule, deciders: {**rule, **deciders},
    st.fixed_dictionaries(
        {"action": st.just("require_approval"), "conditions": st.lists(conditions, max_size=2)},
        optional={
            "risk": st.sampled_from(["low", "high"]),
            "reason_required": st.booleans(),
            "evidence": st.sampled_from(["none", "shown"]),
        },
    ),
    st.sampled_from(DECIDERS),
)
counting = st.fixed_dictionaries(
    {
        "action": st.just("evaluate"),
        "conditions": st.lists(st.one_of(limits, limits, conditions), min_size=1, max_size=2),
        "state": st.fixed_dictionaries(
            {"counter": st.sampled_from("nm"), "window": st.sampled_from(sorted(WINDOWS))},
            optional={"increment": st.sampled_from([1, 3]), "increment_from": st.sampled_from(PATHS)},
        ),
    }
)
rules = st.one_of(
    asking,
    asking,
    counting,
    st.fixed_dictionaries({"action": st.just("evaluate"), "conditions": st.tuples(conditions)}),
    st.sampled_from([{"rate_limit": "5/hour"}, {"rate_limit": "5/hour"}, {"action": "deny"}]),
)


def document_of(default: str, hide: list[str], tools: dict[str, list[JsonObject]]) -> JsonObject:
    """The document with these rules, each counter counted once and every condition on a path that there is."""
    document: JsonObject = {"default": default, "hide": hide, "tools": {}}
    for name, drawn in tools.items():
        once = {(state_of(rule) or {}).get("counter", number): deepcopy(rule) for number, rule in enumerate(drawn)}
        document["tools"][name] = {"rules": list(once.values())}
    paths = [*PATHS, *PATHS, *counters_of(document)]
    for name, tool in document["tools"].items():
        for rule in tool["rules"]:
            if "conditions" in rule:
                own = path_of(scope_of(name), rule) if "state" in rule else ""
                rule["conditions"] = [written(each, paths, own) for each in rule["conditions"]]
    return named(document)


def written(condition: tuple[int | str, tuple[str, Any]], paths: list[str], own: str = "") -> JsonObject:
    """The condition as it stands in a document."""
    path, (op, value) = condition
    return {"path": own if isinstance(path, str) else paths[path % len(paths)], "op": op, "value": value}


documents = st.builds(
    document_of,
    st.sampled_from(DEFAULTS),
    st.sampled_from([*16 * [[]], *([name] for name in sorted(FITTING))]),
    st.dictionaries(st.sampled_from(sorted(FITTING)), st.lists(rules, max_size=3), max_size=4),
)
"""Policies with all that the language has, but for the words and times that change no verdict."""


def scope_of(name: str) -> str:
    return "_global" if name == "*" else name


def named(document: JsonObject) -> JsonObject:
    """The document with a name for every rule, by its place."""
    for name, tool in document["tools"].items():
        for number, rule in enumerate(tool["rules"]):
            rule["name"] = f"{name} {number}"
    return document


def engine_of_document(document: JsonObject) -> PolicyEngine:
    """A new engine of the document's text."""
    return PolicyEngine(policy_of_data(document))


def counters_of(document: JsonObject) -> dict[str, Counter]:
    """The counters of a policy by their paths."""
    found = {}
    for name, tool in document["tools"].items():
        for rule in tool["rules"]:
            state = state_of(rule)
            if state:
                path = path_of(scope_of(name), rule)
                found[path] = Counter(path.removeprefix("state."), WINDOWS[state["window"]])
    return found


# --- calls -------------------------------------------------------------------------------------

characters = st.one_of(st.sampled_from("xy1. \n\0\ud800"), st.characters())
leaves = st.one_of(
    st.sampled_from(PLAIN),
    st.integers(-(2**80), 2**80),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(characters, max_size=5),
)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abc"), inner, max_size=3)),
    max_leaves=8,
)
calls = st.fixed_dictionaries(
    {"a": st.one_of(st.integers(0, 9), st.sampled_from(PLAIN), values)},
    optional={"b": st.one_of(st.integers(0, 9), leaves), "c": st.sampled_from(NESTED)},
)
tools = st.sampled_from(TOOLS)


class Case(NamedTuple):
    """A policy's document, calls of its tools and of others, and what its counters hold, by their paths."""

    document: JsonObject
    calls: list[tuple[str, JsonObject]]
    counts: dict[str, int]

    def verdicts(self, document: JsonObject | None = None) -> list[Verdict]:
        """What the policy, or another one, says of each call."""
        return verdicts_of(engine_of_document(document or self.document), self)

    def words(self, document: JsonObject | None = None) -> list[str]:
        """The same in one word each."""
        return [verdict.verdict for verdict in self.verdicts(document)]


counts = st.lists(st.sampled_from([0, 0, 0, 1, 2, 5, 6, 8]), min_size=13, max_size=13)
cases = st.builds(
    lambda document, calls, held: Case(document, calls, dict(zip(counters_of(document), held, strict=False))),
    documents,
    st.lists(st.tuples(tools, calls), min_size=4, max_size=4),
    counts,
)
"""Any policy, with calls."""


def verdicts_of(engine: PolicyEngine, case: Case) -> list[Verdict]:
    """What the engine says of each call."""
    counters = counters_of(case.document)
    counts = {counters[path]: held for path, held in case.counts.items() if held}
    return [engine.evaluate(tool, arguments, counts) for tool, arguments in case.calls]


# --- the language once more, naively -----------------------------------------------------------

NOWHERE = object()


def kind_of(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    return {type(None): "null", str: "text", list: "list", dict: "object"}[type(value)]


def printed(value: Any) -> str:
    if isinstance(value, float) and value == int(value) and abs(value) < 1e21:
        value = int(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def every(answers: Iterable[bool | None]) -> bool | None:
    found = set(answers)
    return False if False in found else None if None in found else True


def equal(found: Any, wanted: Any) -> bool | None:
    kinds = (kind_of(found), kind_of(wanted))
    if set(kinds) <= {"bool", "number", "text"}:
        return bool(found == wanted) if kinds[0] == kinds[1] else printed(found) == printed(wanted) or None
    if wanted is None:
        return found is None
    if kinds == ("list", "list"):
        return len(found) == len(wanted) and every([equal(*pair) for pair in zip(found, wanted, strict=True)])
    if kinds == ("object", "object"):
        return found.keys() == wanted.keys() and every([equal(found[key], wanted[key]) for key in wanted])
    return None


def opposite(answer: bool | None) -> bool | None:
    return None if answer is None else not answer


def holds(op: str, found: Any, wanted: Any) -> bool | None:
    """Whether a value fits a condition; LookupError stands for one that is missing, NOWHERE for one out of reach."""
    if op == "neq" or op.startswith("not_"):
        return opposite(holds("eq" if op == "neq" else op[4:], found, wanted))
    if found is NOWHERE:
        return None
    if op == "exists":
        return (found is not LookupError and found is not None) is wanted
    if found is LookupError:
        return None
    if op == "eq":
        return equal(found, wanted)
    if op == "in":
        return opposite(every([opposite(equal(found, each)) for each in wanted]))
    if op == "contains" and isinstance(found, list):
        return opposite(every([opposite(equal(each, wanted)) for each in found]))
    if op == "contains":
        return wanted in found if isinstance(found, str) and isinstance(wanted, str) else None
    if op == "regex":
        return None if not isinstance(found, str) or "\ud800" in found else re.search(wanted, found) is not None
    if kind_of(found) != "number":
        return None
    return bool({"lt": found < wanted, "lte": found <= wanted, "gt": found > wanted, "gte": found >= wanted}[op])


def found_at(path: str, arguments: JsonObject) -> Any:
    found: Any = arguments
    for key in path.split(".")[1:]:
        if found is None:
            return LookupError
        if not isinstance(found, dict):
            return NOWHERE
        alike = [each for each in found if folded_name(each) == folded_name(key)]
        if not alike:
            return LookupError
        if alike != [key]:
            return NOWHERE
        found = found[key]
    return found


def state_of(rule: JsonObject) -> JsonObject | None:
    return {"counter": "_rate_hour", "window": "hour"} if "rate_limit" in rule else rule.get("state")


def path_of(scope: str, rule: JsonObject) -> str:
    return f"state.{scope}.{(state_of(rule) or {})['counter']}"


def conditions_of(scope: str, rule: JsonObject) -> list[JsonObject]:
    if "rate_limit" in rule:
        return [{"path": f"state.{scope}._rate_hour", "op": "lte", "value": 5}]
    return list(rule.get("conditions", []))


def added(rule: JsonObject, arguments: JsonObject) -> int | None:
    state = state_of(rule) or {}
    amount = found_at(state["increment_from"], arguments) if "increment_from" in state else state.get("increment", 1)
    if amount in (LookupError, NOWHERE) or kind_of(amount) != "number" or not 0 <= amount <= 2**53 - 1:
        return None
    whole = int(amount)
    return whole if amount == whole else whole + 1


def rules_for(document: JsonObject, tool: str) -> Iterator[tuple[str, JsonObject]]:
    for name, entry in document["tools"].items():
        if tool in FITTING[name]:
            yield from ((scope_of(name), rule) for rule in entry["rules"])


def reference(document: JsonObject, tool: str, arguments: JsonObject, counts: dict[str, int]) -> str:
    """The verdict as the language's description has it."""
    is_listed = any(tool in FITTING[name] for name in document["tools"] if name != "*")
    if any(tool in FITTING[name] for name in document["hide"]) or (document["default"] == DENY and not is_listed):
        return DENY
    rules = list(rules_for(document, tool))
    held = dict(counts)
    for scope, rule in rules:
        if state_of(rule):
            path = path_of(scope, rule)
            held[path] = held.get(path, 0) + (added(rule, arguments) or 0)
    asking = []
    for scope, rule in rules:
        answers = [
            holds(
                each["op"], held.get(path, 0) if path.startswith("state.") else found_at(path, arguments), each["value"]
            )
            for each in conditions_of(scope, rule)
            for path in [each["path"]]
        ]
        if rule.get("action") == REQUIRE_APPROVAL:
            asking += [rule] if False not in answers else []
        elif rule.get("action") == DENY or set(answers) != {True} or added(rule, arguments) is None:
            return DENY
    if asking:
        named = [set(rule["reviewers"]) for rule in asking if "reviewers" in rule]
        quorum = max(rule.get("quorum", 1) for rule in asking)
        return DENY if named and len(set.intersection(*named)) < quorum else REQUIRE_APPROVAL
    return REQUIRE_APPROVAL if document["default"] == REQUIRE_APPROVAL and not is_listed else ALLOW


# --- properties --------------------------------------------------------------------------------


@given(cases)
@settings(max_examples=200)
def test_the_engine_says_what_the_language_says(case: Case) -> None:
    assert case.words() == [reference(case.document, *call, case.counts) for call in case.calls]


@given(documents, st.text(characters, max_size=8), st.dictionaries(st.text(characters, max_size=3), values))
@settings(max_examples=60)
def test_no_call_makes_the_engine_raise(document: JsonObject, tool: str, arguments: JsonObject) -> None:
    engine = engine_of_document(document)
    for name in (tool, *TOOLS, *document["tools"]):
        for found in ({**arguments, "a": arguments}, arguments):
            verdict = engine.evaluate(name, found)
            assert verdict.verdict in STRENGTH
            assert (verdict.deciding is None) == (verdict.verdict == ALLOW)


@given(cases)
@settings(max_examples=60)
def test_the_same_call_gets_the_same_verdict_from_every_engine_and_in_every_thread(case: Case) -> None:
    engine = engine_of_document(case.document)
    verdicts = verdicts_of(engine, case)
    assert verdicts_of(engine, case) == verdicts
    assert case.verdicts() == verdicts
    assert POOL.submit(verdicts_of, engine, case).result() == verdicts
    assert POOL.submit(case.verdicts).result() == verdicts


@given(cases, st.data())
@settings(max_examples=60)
def test_a_rule_that_denies_lets_no_more_through_wherever_it_is_added(case: Case, data: st.DataObject) -> None:
    more = with_rule(case.document, data, {"action": "deny"}, sorted(FITTING))
    assert_no_more_through(case, more)


@given(cases, st.data())
@settings(max_examples=60)
def test_a_rule_that_asks_lets_no_more_through_where_it_is_added_to_a_tools_others(
    case: Case, data: st.DataObject
) -> None:
    rule: JsonObject = data.draw(asking)
    paths = [*PATHS, *counters_of(case.document)]
    more = with_rule(
        case.document,
        data,
        {**rule, "conditions": [written(each, paths) for each in rule["conditions"]]},
        sorted({*case.document["tools"], "*"}),
    )
    assert_no_more_through(case, more)


@given(cases, st.sampled_from(sorted(FITTING)))
@settings(max_examples=60)
def test_a_hidden_tool_is_always_denied_and_hiding_changes_nothing_else(case: Case, name: str) -> None:
    hiding = {**case.document, "hide": [name]}
    shown = case.words({**case.document, "hide": []})
    wanted = [DENY if tool in FITTING[name] else word for (tool, _), word in zip(case.calls, shown, strict=True)]
    assert case.words(hiding) == wanted


@given(cases, st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_the_order_of_rules_and_tools_changes_neither_what_is_said_nor_what_is_approved(
    case: Case, random: Random
) -> None:
    names = random.sample(list(case.document["tools"]), len(case.document["tools"]))
    rules = {name: case.document["tools"][name]["rules"] for name in names}
    mixed = {name: {"rules": random.sample(rules[name], len(rules[name]))} for name in names}
    for one, other in zip(case.verdicts(), case.verdicts({**case.document, "tools": mixed}), strict=True):
        assert one.verdict == other.verdict
        assert one.counts == other.counts
        assert set(one.reservations) == set(other.reservations)
        if one.verdict == REQUIRE_APPROVAL:
            assert one.rule_hash == other.rule_hash
            assert one.requirements.cover(other.requirements)
            assert other.requirements.cover(one.requirements)
            assert one.risk == other.risk


@given(cases)
@settings(max_examples=60)
def test_names_words_and_times_change_neither_what_is_said_nor_its_hash(case: Case) -> None:
    renamed = deepcopy(case.document)
    renamed["approvals"] = {"timeout": "1h", "dedupe_window": "1m", "hold": "3s"}
    for tool in renamed["tools"].values():
        for rule in tool["rules"]:
            rule.update({"name": "same", "on_deny": "Other words"})
            if rule.get("action") == "require_approval":
                rule.update({"approval_timeout": "2h", "hold": "1s"})
    for one, other in zip(case.verdicts(), case.verdicts(renamed), strict=True):
        assert (one.verdict, one.rule_hash) == (other.verdict, other.rule_hash)


@given(cases)
@settings(max_examples=60)
def test_what_is_counted_is_never_negative_and_never_over_its_limit(case: Case) -> None:
    counters = counters_of(case.document)
    held = {counters[path]: value for path, value in case.counts.items()}
    for (tool, arguments), verdict in zip(case.calls, case.verdicts(), strict=True):
        counted = [(scope, rule) for scope, rule in rules_for(case.document, tool) if state_of(rule)]
        assert len(verdict.reservations) == (0 if verdict.verdict == DENY else len(counted))
        for each in verdict.reservations:
            assert 0 <= each.amount <= LARGEST_COUNT
            assert each.most is None or held[each.counter] + each.amount <= each.most
        if verdict.verdict != DENY:
            wanted = {(counters[path_of(scope, rule)], added(rule, arguments)) for scope, rule in counted}
            assert {(each.counter, each.amount) for each in verdict.reservations} == wanted


@given(cases)
@settings(max_examples=60)
def test_a_verdict_depends_only_on_the_counters_that_it_names_and_the_limits(case: Case) -> None:
    engine = engine_of_document(case.document)
    for tool, arguments in case.calls:
        needed = engine.counts_needed(tool)
        verdict = engine.evaluate(tool, arguments, dict.fromkeys(needed, 3))
        others = {counter: 3 if counter in needed else 0 for counter in counters_of(case.document).values()}
        assert engine.evaluate(tool, arguments, others) == verdict
        hidden = verdict.deciding is not None and verdict.rule in (HIDDEN, DEFAULT_DENY)
        assert verdict.counts == ({} if hidden else dict.fromkeys(needed, 3))


@given(cases)
@settings(max_examples=60)
def test_where_arguments_do_not_matter_every_call_gets_the_same_verdict(case: Case) -> None:
    engine = engine_of_document(case.document)
    for tool, arguments in case.calls:
        if not engine.looks_at_arguments(tool):
            assert engine.evaluate(tool, arguments) == engine.evaluate(tool, {})


def assert_no_more_through(case: Case, more: JsonObject) -> None:
    """No call is judged more mildly by the other policy."""
    for before, after in zip(case.words(), case.words(more), strict=True):
        assert STRENGTH.index(after) >= STRENGTH.index(before)


def with_rule(document: JsonObject, data: st.DataObject, rule: JsonObject, names: list[str]) -> JsonObject:
    """The document with one rule more, at any place among those of one of these names."""
    more = deepcopy(document)
    rules = more["tools"].setdefault(data.draw(st.sampled_from(names)), {"rules": []})["rules"]
    rules.insert(data.draw(st.integers(0, len(rules))), deepcopy(rule))
    return named(more)
