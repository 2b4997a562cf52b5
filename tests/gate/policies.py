"""Policies in files, gates that go by them, and what a store and its log then say."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from textwrap import dedent
from typing import Any, NoReturn

from approval_tui import Gate
from approval_tui.domain.audit import Event
from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.clock import DAY, MINUTE, system_clock
from approval_tui.domain.counters import Counter
from approval_tui.domain.models import Request
from approval_tui.gate.guard import GuardedCall
from approval_tui.store.blocking import BlockingStore
from tests.gate.both_forms import new_gate
from tests.support import ANN, LONG, ROOT, until

PAY = dedent("""
    tools:
      pay:
        rules:
          - name: never so much
            action: evaluate
            conditions:
              - {path: args.amount, op: lte, value: 1000}
            on_deny: Nobody may pay more than 1000.
          - name: ask for much
            action: require_approval
            conditions:
              - {path: args.amount, op: gt, value: 100}
          - name: daily spend
            action: evaluate
            conditions:
              - {path: state.pay.spend, op: lte, value: 5000}
            state: {counter: spend, window: day, increment_from: args.amount}
            on_deny: Today's money is spent.
      locked:
        rules:
          - {name: locked, action: deny, on_deny: Keep away.}
    """)
"""Up to 100 is allowed, up to 1000 asks, more is denied; 5000 in a day are the most."""

PAY_BY_TWO = PAY.replace("- name: ask for much", "- name: ask for much\n        quorum: 2")
PAY_NEVER = "tools: {pay: {rules: [{name: closed, action: deny, on_deny: The till is closed.}]}}"
ALLOW_ALL = "default: allow"
DENY_ALL = "default: deny"
ASK_ALL = "default: require_approval"
BROKEN = "default: maybe"

SPEND = Counter("pay.spend", DAY)


class PolicyFile:
    """A policy's file, which is replaced as a careful program would replace it."""

    def __init__(self, path: str, text: str | None = None) -> None:
        self.path = path
        if text is not None:
            self.write(text)

    def write(self, text: str) -> None:
        """Puts a policy in the place of what was there; the version is added here."""
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        with open(f"{self.path}.new", "w", encoding="utf-8") as file:
            file.write(f'version: "1"\n{dedent(text)}\n')
        os.replace(f"{self.path}.new", self.path)


def policy_file(folder: object, text: str | None = None) -> PolicyFile:
    """The file `policy.yaml` in a folder of its own below this one; without a text it is not there yet."""
    return PolicyFile(os.path.join(str(folder), "policies", "policy.yaml"), text)


def gate_of(store: str, policy: PolicyFile, **options: Any) -> Gate:
    """A gate of release-bot that goes by the policy."""
    return new_gate(store, policy=policy.path, **options)


def must_not_run(call: GuardedCall) -> NoReturn:
    """A block that fails the test."""
    raise AssertionError(f"the block ran with {call.arguments}")


def arguments_of(call: GuardedCall) -> JsonObject:
    """A block that gives what it may run with."""
    return call.arguments


def edit(desk: BlockingStore, request: Request, arguments: Mapping[str, Any]) -> Request:
    """Approves the request with other arguments."""
    return desk.reviewer.decide(
        request.id, "approve", reviewer=ANN, digest=request.digest, edited_arguments=dict(arguments)
    )


def value_of(store: BlockingStore, counter: Counter = SPEND) -> int:
    """What the counter holds in its present window."""
    return store.requester.counter_values([counter])[counter]


def events_named(store: BlockingStore, name: str) -> list[Event]:
    """The events of that name, in order."""
    return [event for event in reversed(store.reviewer.events(most=100_000)) if event.name == name]


def details_of(store: BlockingStore, name: str) -> list[JsonObject]:
    """What the events of that name say."""
    return [event.body["details"] for event in events_named(store, name)]


def judged_without_asking(store: BlockingStore) -> list[tuple[str, str | None]]:
    """The verdict and the rule of each call that a policy decided without asking."""
    return [(each["verdict"], each["rule"]) for each in details_of(store, "tool_call")]


def policy_events(store: BlockingStore) -> list[str]:
    """What was said of policies, in order: `reloaded` and `rejected`."""
    names = [event.name for event in reversed(store.reviewer.events(most=100_000))]
    return [name.removeprefix("policy_") for name in names if name.startswith("policy_")]


def until_said(store: BlockingStore, *said: str) -> None:
    """Waits until the log has said this of policies, and no more."""
    until(lambda: len(policy_events(store)) >= len(said))
    assert policy_events(store) == list(said)


def away_from_midnight() -> None:
    """Waits, once in a day, until no window of a day ends within the next minute."""
    until(lambda: system_clock() % DAY < DAY - MINUTE, seconds=2 * LONG)


def run_gate_worker(name: str, *arguments: str, options: Sequence[str] = ()) -> str:
    """Runs the module `tests.gate.workers.<name>` in a process of its own and gives what it printed."""
    finished = subprocess.run(
        [sys.executable, "-W", "error", *options, "-m", f"tests.gate.workers.{name}", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=2 * LONG,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert not finished.stderr, finished.stderr
    return finished.stdout
