"""What proxies say of themselves in the store, and which rules deny most."""

from __future__ import annotations

from dataclasses import replace

import pytest

from approval_tui.domain.calls import Call, check_call
from approval_tui.domain.clock import DAY
from approval_tui.domain.lifecycle import ALLOW, DENY
from approval_tui.domain.proxies import ALIVE_FOR, DenyingRule, ProxyStanding
from approval_tui.domain.verdicts import Finding, Verdict
from approval_tui.store.asynchronous import AsyncStore
from approval_tui.store.blocking import BlockingStore
from tests.support import ManualClock, assert_sound


def standing(clock: ManualClock, number: int = 1) -> ProxyStanding:
    return ProxyStanding(
        id=f"prx_{number}",
        requester="mcp",
        session="s",
        server="files \u202e",
        policy="/srv/policy.yaml",
        host="here",
        process=7,
        started_at=clock.now,
    )


def deny(store: BlockingStore, rule: str, times: int = 1) -> None:
    finding = Finding(rule, "tools.x", DENY, "v1:sha256:0", "no", "no")
    for number in range(times):
        checked = check_call(Call("x", {"n": number}, "mcp"))
        store.requester.record_denial(checked, Verdict(DENY, finding))


def test_a_proxy_is_there_with_what_it_said_last(store: BlockingStore, clock: ManualClock) -> None:
    said = standing(clock)
    store.requester.note_proxy(said)
    clock.move(1000)
    store.requester.note_proxy(replace(said, counts={"allowed": 2}))
    found = store.reviewer.proxies()
    assert found == (replace(said, counts={"allowed": 2}, heard_at=clock.now),)
    assert found[0].is_running(clock.now)


def test_a_proxy_that_ended_or_fell_silent_does_not_run(store: BlockingStore, clock: ManualClock) -> None:
    store.requester.note_proxy(replace(standing(clock, 1), ended_at=clock.now))
    store.requester.note_proxy(standing(clock, 2))
    clock.move(ALIVE_FOR)
    assert {each.id: each.is_running(clock.now) for each in store.reviewer.proxies()} == {"prx_1": False, "prx_2": True}
    clock.move(1)
    assert not any(each.is_running(clock.now) for each in store.reviewer.proxies())


def test_a_proxy_is_forgotten_a_week_after_it_was_heard_of(store: BlockingStore, clock: ManualClock) -> None:
    store.requester.note_proxy(standing(clock, 1))
    clock.move(7 * DAY)
    store.requester.note_proxy(standing(clock, 2))
    assert len(store.reviewer.proxies()) == 2
    clock.move(1)
    store.requester.note_proxy(standing(clock, 3))
    assert [each.id for each in store.reviewer.proxies()] == ["prx_3", "prx_2"]


def test_what_a_proxy_says_of_itself_is_no_event(store: BlockingStore, clock: ManualClock) -> None:
    store.requester.note_proxy(standing(clock))
    assert store.reviewer.events() == ()
    assert_sound(store)


def test_the_rules_that_deny_most_come_first(store: BlockingStore) -> None:
    for rule, times in {"seldom": 1, "often": 3, "now and then": 2}.items():
        deny(store, rule, times)
    store.requester.admit(check_call(Call("x", {}, "mcp")), Verdict(ALLOW), claim_id="c")
    found = store.reviewer.denials()
    assert found.rules == (DenyingRule("often", 3), DenyingRule("now and then", 2), DenyingRule("seldom", 1))
    assert (found.calls, found.denied) == (7, 6)


def test_of_many_rules_only_ten_are_named(store: BlockingStore) -> None:
    for number in range(12):
        deny(store, f"rule {number}")
    found = store.reviewer.denials()
    assert len(found.rules) == 10
    assert found.denied == 12


@pytest.mark.parametrize("most", [1, 2])
async def test_both_forms_tell_the_same(
    store: BlockingStore, async_store: AsyncStore, clock: ManualClock, most: int
) -> None:
    await async_store.requester.note_proxy(standing(clock))
    deny(store, "a", 2)
    deny(store, "b")
    assert await async_store.reviewer.proxies() == store.reviewer.proxies() != ()
    assert await async_store.reviewer.denials(most=most) == store.reviewer.denials(most=most)
