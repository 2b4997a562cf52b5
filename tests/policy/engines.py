"""Policies for tests: engines out of YAML or of plain data, and the words of a verdict."""

from __future__ import annotations

import json
from collections.abc import Mapping
from textwrap import dedent
from typing import Any

from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.counters import Counter
from approval_tui.domain.verdicts import Verdict
from approval_tui.policy.document import parse_policy
from approval_tui.policy.engine import NO_COUNTS, PolicyEngine
from approval_tui.policy.model import Policy, Rule

FILE = "policy.yaml"


def policy_of(text: str) -> Policy:
    """The policy of a YAML text, whose version is added here."""
    return parse_policy(f'version: "1"\n{dedent(text)}', FILE)


def engine_of(text: str) -> PolicyEngine:
    """The engine of such a text."""
    return PolicyEngine(policy_of(text))


def policy_of_data(document: JsonObject) -> Policy:
    """The policy of a document as data, read from the YAML that JSON is."""
    return parse_policy(json.dumps({"version": "1", **document}, ensure_ascii=False), FILE)


def engine_of_rules(*rules: JsonObject, tool: str = "pay", **document: Any) -> PolicyEngine:
    """The engine of a policy with these rules for one tool; a rule without a name gets one."""
    named = [{"name": f"rule {number}", **rule} for number, rule in enumerate(rules)]
    return PolicyEngine(policy_of_data({**document, "tools": {tool: {"rules": named}}}))


def rule_of(rule: JsonObject, tool: str = "pay") -> Rule:
    """The one rule of such a policy."""
    return engine_of_rules(rule, tool=tool).policy.tools[0].rules[0]


def condition(path: str, op: str, value: Any) -> JsonObject:
    """A condition as it stands in a document."""
    return {"path": path, "op": op, "value": value}


def evaluate(*conditions: JsonObject, **keys: Any) -> JsonObject:
    """A rule that denies unless these conditions hold."""
    return {"action": "evaluate", "conditions": list(conditions), **keys}


def ask(*conditions: JsonObject, **keys: Any) -> JsonObject:
    """A rule that asks for approval where these conditions hold."""
    return {"action": "require_approval", "conditions": list(conditions), **keys}


def deny(**keys: Any) -> JsonObject:
    """A rule that denies every call."""
    return {"action": "deny", **keys}


def judged(
    engine: PolicyEngine,
    arguments: JsonObject | None = None,
    tool: str = "pay",
    counts: Mapping[Counter, int] = NO_COUNTS,
) -> str:
    """The word of the verdict on one call."""
    return engine.evaluate(tool, arguments or {}, counts).verdict


def said_by(verdict: Verdict) -> list[str]:
    """The names of all rules that had something to say, the deciding one first."""
    return [each.rule for each in ((verdict.deciding,) if verdict.deciding else ()) + verdict.losing]
