"""Replays: what a policy would have said of calls of the past, and what that would have changed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approval_tui.domain.clock import HOUR, MINUTE
from approval_tui.domain.lifecycle import ALLOW, DENY, REQUIRE_APPROVAL
from approval_tui.policy.document import parse_policy
from approval_tui.policy.engine import PolicyEngine
from approval_tui.policy.replay import PastCall, Replayed, Tally, replay

NOON = 1_800_000_000_000 // HOUR * HOUR

POLICY = """\
version: "1"
tools:
  read: {rules: []}
  drop: {rules: [{name: never, action: deny}]}
  push: {rules: [{name: always, action: require_approval}]}
  pay:
    rules:
      - name: large ones ask
        action: require_approval
        conditions: [{path: args.amount, op: gt, value: 100}]
      - name: the hour has an end
        conditions: [{path: state.pay.spent, op: lte, value: 300}]
        state: {counter: spent, window: hour, increment_from: args.amount}
"""


def engine(text: str = POLICY) -> PolicyEngine:
    return PolicyEngine(parse_policy(text, "policy.yaml"))


def past(tool: str, arguments: dict[str, Any] | None, *, at: int = 0, **what: Any) -> PastCall:
    """A call that was asked, approved and run, unless it is said otherwise."""
    values = {"then": "consumed", "was_asked": True, "was_denied": False, "has_run": True, **what}
    return PastCall(id="apr_x", at=NOON + at, tool=tool, requester="bot", arguments=arguments, **values)


ALLOWED: dict[str, Any] = {"then": "allow", "was_asked": False}
DENIED: dict[str, Any] = {"then": "denied", "was_denied": True, "has_run": False}
DENIED_BY_POLICY: dict[str, Any] = {**DENIED, "then": "deny", "was_asked": False}


def verdicts(*calls: PastCall) -> list[str | None]:
    return [each.verdict.verdict if each.verdict else None for each in replay(engine(), calls)]


def tally(*calls: PastCall) -> Tally:
    counted = Tally()
    for each in replay(engine(), calls):
        counted.add(each)
    return counted


@pytest.mark.parametrize(
    ("call", "different", "saved", "added"),
    [
        (past("push", {}), False, 0, 0),
        (past("read", {}), True, 1, 0),
        (past("drop", {}), True, 1, 0),
        (past("drop", {}, **DENIED), True, 1, 0),
        (past("read", {}, **ALLOWED), False, 0, 0),
        (past("push", {}, **ALLOWED), True, 0, 1),
        (past("drop", {}, **ALLOWED), True, 0, 0),
        (past("read", {}, **DENIED_BY_POLICY), True, 0, 0),
        (past("push", {}, **DENIED_BY_POLICY), True, 0, 1),
        (past("drop", {}, **DENIED_BY_POLICY), False, 0, 0),
    ],
)
def test_what_would_have_been_different(call: PastCall, different: bool, saved: int, added: int) -> None:
    (replayed,) = replay(engine(), [call])
    counted = tally(call)
    assert replayed.is_different == different
    assert (counted.questions_saved, counted.questions_added, counted.same) == (saved, added, int(not different))


def test_what_was_denied_and_would_run_unasked_is_counted_by_itself() -> None:
    assert tally(past("read", {}, **DENIED), past("read", {}), past("push", {}, **DENIED)).would_run_though_denied == 1


def test_a_limit_counts_what_would_have_run_in_the_window_it_ran_in() -> None:
    calls = [past("pay", {"amount": 100}, at=minute * MINUTE) for minute in (1, 2, 3, 4, 61)]
    assert verdicts(*calls) == [ALLOW, ALLOW, ALLOW, DENY, ALLOW]


def test_a_call_that_would_have_asked_counts_only_if_it_ran() -> None:
    asked = {"amount": 200}
    assert verdicts(past("pay", asked), past("pay", asked)) == [REQUIRE_APPROVAL, DENY]
    assert verdicts(past("pay", asked, **DENIED), past("pay", asked)) == [REQUIRE_APPROVAL, REQUIRE_APPROVAL]


def test_without_arguments_only_rules_that_look_at_none_can_be_told() -> None:
    assert verdicts(past("pay", None), past("drop", None), past("push", None), past("read", None)) == [
        None,
        DENY,
        REQUIRE_APPROVAL,
        ALLOW,
    ]
    counted = tally(past("pay", None), past("drop", None))
    assert (counted.calls, counted.unknown, counted.same, counted.would_be_denied) == (2, 1, 0, 1)


calls_of_the_past = st.lists(
    st.builds(
        past,
        st.sampled_from(["read", "drop", "push", "pay", "other"]),
        st.none() | st.fixed_dictionaries({"amount": st.integers(-5, 400) | st.text()}),
        at=st.integers(0, 3 * HOUR),
        was_asked=st.booleans(),
        was_denied=st.booleans(),
        has_run=st.booleans(),
    ),
    max_size=30,
)


@given(calls_of_the_past)
def test_every_call_is_counted_once(calls: list[PastCall]) -> None:
    calls.sort(key=lambda call: call.at)
    replayed = list(replay(engine(), calls))
    assert [each.past for each in replayed] == calls
    counted = tally(*calls)
    different = sum(each.is_different for each in replayed)
    assert counted.calls == len(calls) == counted.same + counted.unknown + different
    assert counted.questions_saved <= counted.asked <= counted.calls


@given(calls_of_the_past)
def test_a_replay_with_an_empty_policy_lets_everything_run(calls: list[PastCall]) -> None:
    free = engine('version: "1"\n')
    assert all(each.verdict is not None and each.verdict.verdict == ALLOW for each in replay(free, calls))


def test_a_call_that_cannot_be_told_is_no_difference() -> None:
    assert not Replayed(past("pay", None), None).is_different
    assert not Replayed(past("pay", None), None).would_run_though_denied
