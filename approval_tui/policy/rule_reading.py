"""Reads one rule of a policy's document: its action, conditions, counter, and what a decision on it needs."""

from __future__ import annotations

import re
from typing import Any

from approval_tui.domain.clock import SECOND
from approval_tui.domain.counters import LARGEST_COUNT, WINDOWS
from approval_tui.domain.errors import InvalidInput
from approval_tui.domain.lifecycle import DENY, REQUIRE_APPROVAL, RISKS
from approval_tui.domain.models import EVIDENCE_NONE, EVIDENCE_SHOWN, Requirements
from approval_tui.domain.yaml_tree import BOOL, FLOAT, INT, LIST, MAPPING, STR, Node
from approval_tui.policy.language import (
    ACTIONS,
    APPROVAL_ONLY_KEYS,
    ARGUMENTS,
    CONDITION_KEYS,
    EVALUATE,
    LIST_OPERATORS,
    NUMBER_OPERATORS,
    OPERATORS,
    RULE_KEYS,
    STATE,
    STATE_KEYS,
    TEXT_OPERATORS,
)
from approval_tui.policy.model import Condition, CountingRule, Rule
from approval_tui.policy.reading import NOTHING, Reading, said
from approval_tui.policy.regexes import compiled

EVIDENCES = (EVIDENCE_SHOWN, EVIDENCE_NONE)
MOST_QUORUM = 100

_RATE_LIMIT = re.compile(r"([1-9][0-9]{0,14})/(minute|hour|day)")


def read_rule(reading: Reading, node: Node, path: str, scope: str) -> Rule:
    """The rule, as far as it can be read; its faults are noted. `scope` is where its counters belong."""
    values = reading.entries(node, path, RULE_KEYS)
    if node.kind != MAPPING:
        return Rule("", path)
    name = ""
    if "name" not in values:
        reading.problem(node, path, "must have a name")
    else:
        name = reading.name(values["name"], f"{path}.name") or ""
    action: str | None = EVALUATE
    if "action" in values:
        action = reading.word(values["action"], f"{path}.action", ACTIONS)
    conditions = _conditions(reading, values["conditions"], f"{path}.conditions") if "conditions" in values else ()
    state = _state(reading, values["state"], f"{path}.state") if "state" in values else None
    on_deny = reading.words(values["on_deny"], f"{path}.on_deny") if "on_deny" in values else None
    if "rate_limit" in values:
        limit = _rate_limit(reading, values["rate_limit"], f"{path}.rate_limit")
        if limit is not None and "conditions" not in values and "state" not in values:
            count, window = limit
            counter = f"_rate_{window}"
            conditions = (Condition(f"{STATE}{scope}.{counter}", "lte", count),)
            state = CountingRule(counter, WINDOWS[window])
            on_deny = on_deny or f"Rate limit of {count} per {window} reached. Try again later."
    _refuse_mixtures(reading, values, path, action, node)
    timeout = hold = None
    if "approval_timeout" in values:
        timeout = reading.duration(values["approval_timeout"], f"{path}.approval_timeout", SECOND)
    if "hold" in values:
        hold = reading.duration(values["hold"], f"{path}.hold", 0)
    return Rule(
        name=name,
        path=path,
        action=action or EVALUATE,
        conditions=conditions,
        on_deny=on_deny,
        state=state,
        approval_timeout=timeout,
        requirements=_requirements(reading, values, path),
        risk=reading.word(values["risk"], f"{path}.risk", RISKS) if "risk" in values else None,
        hold=hold,
    )


def _refuse_mixtures(reading: Reading, values: dict[str, Node], path: str, action: str | None, node: Node) -> None:
    """Notes what the action and the other keys cannot mean together; of an unknown action, nothing is known."""
    limit, conditions, state = (values.get(key) for key in ("rate_limit", "conditions", "state"))
    if limit is not None:
        where = f"{path}.rate_limit"
        if conditions is not None or state is not None:
            reading.problem(limit, where, "cannot stand beside conditions or state; make it a rule of its own")
        if action in (DENY, REQUIRE_APPROVAL):
            reading.problem(limit, where, f"cannot be used with action {action}; make it a rule of its own")
    elif action == EVALUATE and not (conditions is not None and (conditions.items or conditions.kind != LIST)):
        reading.problem(conditions or node, path, "has action evaluate and needs at least one condition")
    if action == DENY:
        if conditions is not None and conditions.items:
            where = f"{path}.conditions"
            reading.problem(conditions, where, "cannot be used with action deny, which refuses every call")
        if state is not None:
            reading.warning(state, f"{path}.state", "has no effect with action deny: nothing is counted")
    if action == REQUIRE_APPROVAL and state is not None:
        where = f"{path}.state"
        reading.problem(state, where, "cannot be used with action require_approval; make it a rule of its own")
    if action is None or action == REQUIRE_APPROVAL:
        return
    for key in APPROVAL_ONLY_KEYS:
        if key in values:
            reading.problem(values[key], f"{path}.{key}", f"has no meaning with action {action}, only require_approval")
    if "approval_timeout" in values:
        where = f"{path}.approval_timeout"
        reading.warning(values["approval_timeout"], where, f"has no effect with action {action}")


def _rate_limit(reading: Reading, node: Node, path: str) -> tuple[int, str] | None:
    match = _RATE_LIMIT.fullmatch(node.text) if node.kind == STR else None
    if match is not None:
        return int(match[1]), match[2]
    reading.problem(node, path, f"must be a count of 1 or more per minute, hour or day, as 5/hour, not {said(node)}")
    return None


# --- conditions --------------------------------------------------------------------------------


def _conditions(reading: Reading, node: Node, path: str) -> tuple[Condition, ...]:
    conditions = []
    for where, item in reading.items(node, path, "conditions"):
        condition = _condition(reading, item, where)
        if condition is not None:
            conditions.append(condition)
    return tuple(conditions)


def _condition(reading: Reading, node: Node, path: str) -> Condition | None:
    values = reading.entries(node, path, CONDITION_KEYS)
    if node.kind != MAPPING:
        return None
    for key in CONDITION_KEYS:
        if key not in values:
            reading.problem(node, path, f"must have the key {key}")
    place = _path(reading, values["path"], f"{path}.path", ARGUMENTS, STATE) if "path" in values else None
    if place is not None and place.startswith(STATE):
        reading.counters_read.append((place, values["path"], f"{path}.path"))
    op = reading.word(values["op"], f"{path}.op", OPERATORS) if "op" in values else None
    value = _expected(reading, op, values["value"], f"{path}.value") if "value" in values else NOTHING
    return None if place is None or op is None or value is NOTHING else Condition(place, op, value)


def _path(reading: Reading, node: Node, where: str, *starts: str) -> str | None:
    text = reading.text(node, where)
    if text is None:
        return None
    if not text.startswith(starts):
        reading.problem(node, where, f"must start with {' or '.join(starts)}, not {said(node)}")
        return None
    if "" in text.split("."):
        reading.problem(node, where, f"has an empty part: {said(node)}")
        return None
    return text


def _expected(reading: Reading, op: str | None, node: Node, where: str) -> Any:
    """What the operator is to find, or NOTHING where it cannot be held against anything; None is an unknown one."""
    if op in LIST_OPERATORS and node.kind != LIST:
        reading.problem(node, where, f"must be a list for {op}, not {said(node)}")
        return NOTHING
    if op in NUMBER_OPERATORS and node.kind not in (INT, FLOAT):
        reading.problem(node, where, f"must be a number for {op}, not {said(node)}")
        return NOTHING
    if op == "exists" and node.kind != BOOL:
        reading.problem(node, where, f"must be true or false for {op}, not {said(node)}")
        return NOTHING
    if op in TEXT_OPERATORS:
        return _pattern(reading, node, where)
    return reading.value(node, where)


def _pattern(reading: Reading, node: Node, where: str) -> Any:
    if node.kind != STR:
        reading.problem(node, where, f"must be a regular expression in quotes, not {said(node)}")
        return NOTHING
    pattern = reading.value(node, where)
    if pattern is NOTHING:
        return NOTHING
    try:
        compiled(pattern)
    except InvalidInput as error:
        reading.problem(node, where, error.happened)
        return NOTHING
    return pattern


# --- counters and decisions --------------------------------------------------------------------


def _state(reading: Reading, node: Node, path: str) -> CountingRule | None:
    values = reading.entries(node, path, STATE_KEYS)
    if node.kind != MAPPING:
        return None
    for key in ("counter", "window"):
        if key not in values:
            reading.problem(node, path, f"must have the key {key}")
    counter = reading.name(values["counter"], f"{path}.counter") if "counter" in values else None
    window = reading.word(values["window"], f"{path}.window", tuple(WINDOWS)) if "window" in values else None
    increment: int | None = 1
    if "increment" in values:
        increment = reading.integer(values["increment"], f"{path}.increment", 1, LARGEST_COUNT)
    source = None
    if "increment_from" in values:
        source = _path(reading, values["increment_from"], f"{path}.increment_from", ARGUMENTS)
        if "increment" in values:
            reading.warning(values["increment"], f"{path}.increment", "has no effect beside increment_from")
    if counter is None:
        return None
    # A counter whose window is faulty still counts as declared: one fault, told once.
    return CountingRule(counter, WINDOWS[window or "day"], increment or 1, source)


def _requirements(reading: Reading, values: dict[str, Node], path: str) -> Requirements:
    quorum: int | None = 1
    if "quorum" in values:
        quorum = reading.integer(values["quorum"], f"{path}.quorum", 1, MOST_QUORUM)
    reviewers = _reviewers(reading, values["reviewers"], f"{path}.reviewers") if "reviewers" in values else ()
    if reviewers and quorum is not None:
        _check_quorum(reading, values["reviewers"], f"{path}.reviewers", reviewers, quorum)
    reason_required: bool | None = False
    if "reason_required" in values:
        reason_required = reading.boolean(values["reason_required"], f"{path}.reason_required")
    evidence: str | None = EVIDENCE_NONE
    if "evidence" in values:
        evidence = reading.word(values["evidence"], f"{path}.evidence", EVIDENCES)
    return Requirements(quorum or 1, reviewers, bool(reason_required), evidence or EVIDENCE_NONE)


def _check_quorum(reading: Reading, node: Node, path: str, reviewers: tuple[str, ...], quorum: int) -> None:
    from approval_tui.domain.people import people  # few rules name their reviewers

    named = len(people(reviewers))
    if named < quorum:
        alike = "" if named == len(reviewers) else " (names that may be one person's count once)"
        reading.problem(node, path, f"names {named}{alike}, and the quorum needs {quorum}")


def _reviewers(reading: Reading, node: Node, path: str) -> tuple[str, ...]:
    names = reading.names(node, path, "names")
    if node.kind == LIST and not node.items:
        reading.problem(node, path, "must name a reviewer; nobody could decide")
    return names
