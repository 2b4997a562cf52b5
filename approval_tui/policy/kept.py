"""A policy as JSON that was checked before: read many times faster than its YAML, and only for the very same text.

For programs that judge one call and end, as a coding agent's hook does.
"""

from __future__ import annotations

from typing import Any

from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.models import Requirements
from approval_tui.policy.model import Approvals, Condition, CountingRule, Policy, Rule, ToolRules

_TIMES = ("timeout", "dedupe_window", "hold")


def policy_to_json(policy: Policy) -> JsonObject:
    """All that the engine goes by; what is only said, and the webhook with its secret, is left out."""
    return {
        "default": policy.default,
        "hide": list(policy.hide),
        "tools": [[tool.name, [_rule_to_json(rule) for rule in tool.rules]] for tool in policy.tools],
        "approvals": {name: getattr(policy.approvals, name) for name in _TIMES},
    }


def policy_from_json(value: JsonObject) -> Policy:
    """The policy of that form; raises KeyError, TypeError or ValueError where it is another one."""
    return Policy(
        default=value["default"],
        hide=tuple(value["hide"]),
        tools=tuple(ToolRules(name, tuple(map(_rule_from_json, rules))) for name, rules in value["tools"]),
        approvals=Approvals(**{name: value["approvals"][name] for name in _TIMES}),
    )


def _rule_to_json(rule: Rule) -> JsonObject:
    plain = {name: item for name, item in vars(rule).items() if name in Rule.__dataclass_fields__}
    return plain | {
        "conditions": [[each.path, each.op, each.value] for each in rule.conditions],
        "state": None if rule.state is None else rule.state._asdict(),
        "requirements": rule.requirements.to_json(),
    }


def _rule_from_json(value: dict[str, Any]) -> Rule:
    state = value["state"]
    return Rule(
        **{
            **value,
            "conditions": tuple(Condition(*each) for each in value["conditions"]),
            "state": None if state is None else CountingRule(**state),
            "requirements": Requirements.from_json(value["requirements"]),
        }
    )
