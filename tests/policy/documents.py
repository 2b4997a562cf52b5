"""Documents for tests: policies that are right, how to read one, and where a mark stands in a text."""

from __future__ import annotations

import re

import pytest

from approval_tui.domain.errors import PolicyError
from approval_tui.policy.document import parse_policy
from approval_tui.policy.model import Policy, Rule

FILE = "policy.yaml"
HERE = "▶"
"""Marks where a fault stands; it is taken out before the text is read."""

RULE = 'version: "1"\ntools:\n  pay:\n    rules:\n      - '
"""What stands before a rule that is written on one line."""


def parse(text: str) -> Policy:
    """The policy of a text."""
    return parse_policy(text, FILE)


def rule_of(text: str, tool: str = "pay") -> Rule:
    """The first rule of a tool, out of its text on one line; the document has no warning."""
    policy = parse(RULE.replace("pay", tool) + text)
    assert policy.warnings == ()
    return policy.tools[0].rules[0]


def faults(text: str) -> list[str]:
    """The problems of a text that cannot be used."""
    with pytest.raises(PolicyError) as caught:
        parse(text)
    return list(caught.value.problems)


def places(marked: str) -> tuple[str, list[str]]:
    """The text without its marks, and the place of each of them as `file:line:column`."""
    text, found = "", []
    for part in re.split(f"({HERE})", marked):
        if part != HERE:
            text += part
            continue
        lines = text.split("\n")
        found.append(f"{FILE}:{len(lines)}:{len(lines[-1]) + 1}")
    return text, found


# --- documents that are right ------------------------------------------------------------------

INTERCEPT_PAYMENTS = """\
version: "1"
description: "What an agent may do with payments"

hide:
  - transfer_account
  - list_webhooks

tools:
  # Money that goes out.
  create_charge:
    rules:
      - name: "single charge"
        conditions:
          - path: "args.amount"
            op: "lte"
            value: 50000
          - path: "args.currency"
            op: "in"
            value: ["usd", "eur"]
        on_deny: "A charge may be 500.00 at most, in dollars or euros"

      - name: "spent a day"
        conditions:
          - path: "state.create_charge.spent"
            op: "lt"
            value: 1000000
        on_deny: "10,000.00 are spent today"
        state:
          counter: "spent"
          window: "day"
          increment_from: "args.amount"

  create_refund:
    rules:
      - name: "refunds a day"
        conditions:
          - path: "state.create_refund.refunds"
            op: "lt"
            value: 10
        state:
          counter: "refunds"
          window: "day"

  create_issue:
    rules:
      - name: "issues an hour"
        rate_limit: 5/hour
        on_deny: "Five issues an hour are enough"

  delete_customer:
    rules:
      - name: "customers stay"
        action: "deny"
        on_deny: "No agent deletes a customer"

  "*":
    rules:
      - name: "calls a minute"
        rate_limit: 60/minute
"""

INTERCEPT_GENERATED = """\
#  ─────────────────────────────────────
#  Policy: Files
#  Tools: 3
#  ─────────────────────────────────────
version: "1"
description: "Policy for a server of files"
#  Set to "deny" to reject tool calls not listed below
default: "allow"
tools:
    #  ── Read Tools ──────────────────────
    #  read_file: Read a file
    #    path (string, required)
    read_file:
        rules: []
    #  list_directory: List a folder
    list_directory:
        rules: []
    #  ── Write Tools ─────────────────────
    write_file:
        rules: []

  # Uncomment to apply a global rate limit across all tools:
  # "*":
  #   rules:
  #     - name: "global rate limit"
  #       rate_limit: 60/minute
"""

INTERCEPT_DEFAULT_DENY = """\
version: 1
default: deny

tools:
  read_file:
    rules: []          # allowed with no additional checks
  create_issue:
    rules:
      - name: "an hour"
        rate_limit: 5/hour
  "*":
    rules:
      - name: "a minute"
        rate_limit: 60/minute
"""

INTERCEPT_APPROVALS = """\
version: "1"
approvals:
  timeout: "15m"
  dedupe_window: "5m"
  notify:
    webhook:
      url: "https://example.org/hooks/approvals"
      secret: "not a real one"
tools:
  create_charge:
    rules:
      - name: "a person looks at large charges"
        action: "require_approval"
        conditions:
          - path: "args.amount"
            op: "gt"
            value: 50000
        approval_timeout: "30m"
        on_deny: "This charge needs a person"
  delete_repository:
    rules:
      - name: "a person looks at every deletion"
        action: "require_approval"
"""

EVERY_KEY = """\
version: "1"
description: Every key there is
default: require_approval
hide: [debug_*, "no"]
approvals:
  timeout: 1h30m
  dedupe_window: 0s
  hold: 0
  notify:
    webhook:
      url: http://[::1]:8080/hook?from=policy
      secret: s3cret
      events: [requested, decided, expired]
      allow_private: true
tools:
  pay:
    rules:
      - name: spent a day
        conditions:
          - {path: state.pay.spent, op: lte, value: 1000.5}
          - {path: state._global.calls, op: lt, value: 500}
        state: {counter: spent, window: day, increment_from: args.amount.value}
      - name: people
        action: require_approval
        conditions:
          - {path: args.to.country, op: not_in, value: [de, "no", null, {code: 1}]}
        approval_timeout: 90s
        on_deny: Ask the accountants
        quorum: 2
        reviewers: [ann, bo, cy]
        reason_required: true
        evidence: shown
        risk: high
        hold: 20s
  delete_[a-z]*:
    rules:
      - {name: never, action: deny, conditions: []}
  "12":
    rules:
      - name: operators
        conditions:
          - {path: args.a, op: eq, value: {deep: [1, {er: true}]}}
          - {path: args.b, op: neq, value: null}
          - {path: args.c, op: in, value: [x, 1]}
          - {path: args.d, op: gt, value: -1}
          - {path: args.e, op: gte, value: 0.5}
          - {path: args.f, op: regex, value: "^feat/"}
          - {path: args.g, op: not_regex, value: ""}
          - {path: args.h, op: contains, value: x}
          - {path: args.i, op: not_contains, value: 1}
          - {path: args.j, op: exists, value: false}
  "*":
    rules:
      - name: calls a minute
        conditions: [{path: state._global.calls, op: lte, value: 60}]
        state: {counter: calls, window: minute, increment: 2}
"""

RIGHT: dict[str, str] = {
    "nothing but its version": 'version: "1"\n',
    "payments as Intercept writes them": INTERCEPT_PAYMENTS,
    "generated by Intercept": INTERCEPT_GENERATED,
    "deny by default": INTERCEPT_DEFAULT_DENY,
    "approvals as Intercept writes them": INTERCEPT_APPROVALS,
    "every key": EVERY_KEY,
    "sections without content": 'version: "1"\nhide: []\napprovals: {notify: {}}\ntools: {}\n',
    "sections that say nothing": 'version: "1"\nhide:\ntools:\n  a:\n  b: {}\n  c:\n    rules:\n',
    "tools that say nothing": 'version: "1"\ndescription: ""\ntools:\n',
    "JSON": '{"version": "1", "tools": {"a": {"rules": [{"name": "n", "rate_limit": "1/day"}]}}}',
}
