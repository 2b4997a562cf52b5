"""A policy as data: what its document says, checked and with defaults; durations are in ms.

What has no field to work out later is a named tuple, quicker to define than a dataclass: coding agents wait for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from approval_tui.domain.canonical import JsonObject, canonical_hash, canonical_json
from approval_tui.domain.lazy import lazy_property
from approval_tui.domain.lifecycle import ALLOW, REQUIRE_APPROVAL
from approval_tui.domain.models import NO_REQUIREMENTS, Requirements
from approval_tui.domain.sinks import Webhook
from approval_tui.policy.language import EVALUATE, EVERY_TOOL, GLOBAL_SCOPE


class Condition(NamedTuple):
    """A value of the call, or a counter, held against an expected value."""

    path: str
    op: str
    value: Any

    def __str__(self) -> str:
        return f"{self.path} {self.op} {canonical_json(self.value).decode()}"


class CountingRule(NamedTuple):
    """The `state` of a rule: what it counts, in which window (ms), and by how much each call counts."""

    counter: str
    window: int
    increment: int = 1
    increment_from: str | None = None

    def name_in(self, scope: str) -> str:
        """What the counter is called in a tool's scope; a condition puts `state.` before it."""
        return f"{scope}.{self.counter}"


@dataclass(frozen=True)
class Rule:
    """One rule of one tool; `path` is its place in the document."""

    name: str
    path: str
    action: str = EVALUATE
    conditions: tuple[Condition, ...] = ()
    on_deny: str | None = None
    state: CountingRule | None = None
    approval_timeout: int | None = None
    requirements: Requirements = NO_REQUIREMENTS
    risk: str | None = None
    hold: int | None = None

    @lazy_property
    def hash(self) -> str:
        """Covers what changes a verdict, and neither the rule's words nor its times (rule R5)."""
        conditions = [{"path": each.path, "op": each.op, "value": each.value} for each in self.conditions]
        requirements = {**self.requirements.to_json(), "reviewers": sorted(self.requirements.reviewers)}
        value: JsonObject = {
            "type": "rule",
            "action": self.action,
            "conditions": sorted(conditions, key=canonical_json),
            "requirements": requirements if self.action == REQUIRE_APPROVAL else None,
            "risk": self.risk,
        }
        if self.state is not None:
            value["state"] = self.state._asdict()
        return canonical_hash(value)


class ToolRules(NamedTuple):
    """The rules of one tool, of all tools whose names fit a glob, or of `*`, which is every tool."""

    name: str
    rules: tuple[Rule, ...] = ()

    @property
    def scope(self) -> str:
        """What stands before the names of its counters."""
        return GLOBAL_SCOPE if self.name == EVERY_TOOL else self.name


class Approvals(NamedTuple):
    """What holds for every approval that a rule does not say otherwise of."""

    timeout: int | None = None
    dedupe_window: int | None = None
    hold: int | None = None
    webhook: Webhook | None = None


NO_TIMES = Approvals()


@dataclass(frozen=True)
class Policy:
    """A checked policy; `warnings` are lines about what cannot be meant, as `file:line:column: path: why`."""

    description: str | None = None
    default: str = ALLOW
    hide: tuple[str, ...] = ()
    tools: tuple[ToolRules, ...] = ()
    approvals: Approvals = NO_TIMES
    warnings: tuple[str, ...] = ()
