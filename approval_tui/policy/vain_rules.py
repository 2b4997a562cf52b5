"""Warns of rules that can never match, and of rules that refuse whatever the call is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from approval_tui.domain.lifecycle import DENY, REQUIRE_APPROVAL
from approval_tui.domain.yaml_tree import Node
from approval_tui.policy.conditions import MISSING, check_of, equals
from approval_tui.policy.globs import fits, is_glob
from approval_tui.policy.language import EVALUATE, EVERY_TOOL, STATE
from approval_tui.policy.model import Condition, Policy, Rule, ToolRules
from approval_tui.policy.reading import Reading


def warn_of_vain_rules(reading: Reading, policy: Policy, nodes: dict[str, Node]) -> None:
    """Notes a warning at each such rule; `nodes` has the rules' places."""
    globs = sorted((tool for tool in policy.tools if is_glob(tool.name)), key=lambda tool: tool.name == EVERY_TOOL)
    for tool in policy.tools:
        wider = [each for each in globs if each is not tool and _covers(each.name, tool.name)]
        denials = [rule for each in (tool, *wider) for rule in each.rules if rule.action == DENY]
        for rule in tool.rules:
            why = _never_asked(policy, tool) or _outvoted(denials, rule) or _contradicts_itself(rule)
            if why is not None:
                reading.warning(nodes[rule.path], rule.path, why)


def _never_asked(policy: Policy, tool: ToolRules) -> str | None:
    """Why no call comes to the rules of this tool."""
    for hidden in policy.hide:
        if _covers(hidden, tool.name):
            return f"can never match: {hidden} is hidden"
    if tool.name == EVERY_TOOL and policy.default == DENY and len(policy.tools) == 1:
        return f"can never match: no tool is listed, and the default is {DENY}"
    return None


def _covers(name: str, tool: str) -> bool:
    """Whether every tool that the second name stands for is one of the first; when in doubt, no."""
    if name in (EVERY_TOOL, tool):
        return True
    if is_glob(tool) and (is_glob(name.replace(EVERY_TOOL, "")) or "[" in tool):
        return False
    return fits(tool, name)


def _outvoted(denials: Sequence[Rule], rule: Rule) -> str | None:
    """The first rule that denies all of the same calls, whatever this one says; it is not itself in vain."""
    if denials and denials[0] is not rule:
        return f"changes no verdict: {denials[0].path} denies every call"
    return None


def _contradicts_itself(rule: Rule) -> str | None:
    paths: dict[str, list[Condition]] = {}
    for condition in rule.conditions:
        paths.setdefault(condition.path, []).append(condition)
    for path, conditions in paths.items():
        if _cannot_all_hold(path, conditions):
            together = " and ".join(map(str, conditions))
            if rule.action == EVALUATE:
                return f"denies every call: {together} never holds"
            if rule.action == REQUIRE_APPROVAL:
                return f"can never match, unless {path} is missing or of another type: {together} never holds"
    return None


def _cannot_all_hold(path: str, conditions: Sequence[Condition]) -> bool:
    """Whether no value fits all of these conditions on one path; when in doubt, no."""
    if any(condition.op == "exists" and condition.value is False for condition in conditions):
        return not any(all(check_of(condition)(absent) for condition in conditions) for absent in (MISSING, None))
    exact = [condition for condition in conditions if condition.op in ("eq", "in")]
    if exact:
        values = exact[0].value if exact[0].op == "in" else [exact[0].value]
        return not any(_fits_all(value, conditions) for value in values)
    low, low_is_open, high, high_is_open = _bounds(path, conditions)
    return low is not None and high is not None and (low > high or (low == high and (low_is_open or high_is_open)))


def _fits_all(value: Any, conditions: Sequence[Condition]) -> bool:
    return all(check_of(condition)(value) is not False for condition in conditions)


def _bounds(path: str, conditions: Sequence[Condition]) -> tuple[Any, bool, Any, bool]:
    """The least and the most that the conditions leave, and whether the bound itself is excluded."""
    low: Any = 0 if path.startswith(STATE) else None
    high: Any = None
    low_is_open = high_is_open = False
    for condition in conditions:
        value, is_open = condition.value, condition.op in ("lt", "gt")
        if condition.op in ("gt", "gte") and (low is None or value > low or (equals(value, low) and is_open)):
            low, low_is_open = value, is_open
        if condition.op in ("lt", "lte") and (high is None or value < high or (equals(value, high) and is_open)):
            high, high_is_open = value, is_open
    return low, low_is_open, high, high_is_open
