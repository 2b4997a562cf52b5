"""The words of the policy's language: keys, actions, operators; the JSON Schema for editors says the same."""

from __future__ import annotations

from approval_tui.domain.lifecycle import DENY, POLICY_VERDICTS, REQUIRE_APPROVAL

VERSION = "1"
DEFAULTS = POLICY_VERDICTS

EVALUATE = "evaluate"
ACTIONS = (EVALUATE, DENY, REQUIRE_APPROVAL)

EVERY_TOOL = "*"
GLOBAL_SCOPE = "_global"
"""The scope of the counters of `*`."""

TOP_KEYS = ("version", "description", "default", "hide", "approvals", "tools")
APPROVALS_KEYS = ("timeout", "dedupe_window", "hold", "notify")
NOTIFY_KEYS = ("webhook",)
WEBHOOK_KEYS = ("url", "secret", "events", "allow_private")
TOOL_KEYS = ("rules",)
CONDITION_KEYS = ("path", "op", "value")
STATE_KEYS = ("counter", "window", "increment", "increment_from")
APPROVAL_ONLY_KEYS = ("quorum", "reviewers", "reason_required", "evidence", "risk", "hold")
"""Keys of a rule that say how a person decides; they have no meaning under another action."""

RULE_KEYS = (
    "name",
    "action",
    "conditions",
    "on_deny",
    "rate_limit",
    "state",
    "approval_timeout",
    *APPROVAL_ONLY_KEYS,
)

LIST_OPERATORS = ("in", "not_in")
NUMBER_OPERATORS = ("lt", "lte", "gt", "gte")
TEXT_OPERATORS = ("regex", "not_regex")
OPERATORS = ("eq", "neq", *LIST_OPERATORS, *NUMBER_OPERATORS, *TEXT_OPERATORS, "contains", "not_contains", "exists")

ARGUMENTS = "args."
STATE = "state."
