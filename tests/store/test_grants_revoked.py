"""Grants afterwards: how they are listed, printed and revoked, and that both forms of the store offer the same."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.clock import format_timestamp
from approval_tui.domain.decisions import Reviewer
from approval_tui.domain.errors import ApprovalTuiError, DecisionRefused, GrantNotFound, InvalidInput
from approval_tui.domain.grants import FOR_SESSION, SESSION_GRANT_LIFETIME, Grant
from approval_tui.domain.models import Request
from approval_tui.store.asynchronous import AsyncStore
from approval_tui.store.blocking import BlockingStore
from tests.store.granting import grant_for
from tests.support import ANN, BO, ManualClock, assert_sound

CY = Reviewer("cy", via="console", os_user="cy", tty="/dev/pts/3")


def test_grants_are_listed_newest_first_live_or_not(store: BlockingStore, clock: ManualClock, call: Call) -> None:
    assert store.reviewer.grants() == ()
    made: list[Grant] = []
    for number in range(3):
        made.insert(0, grant_for(store, dataclasses.replace(call, tool=f"tool-{number}")))
        clock.move(1)
    made[1] = store.reviewer.revoke_grant(made[1].id, reviewer=BO)
    clock.move(SESSION_GRANT_LIFETIME)
    assert store.reviewer.grants() == tuple(made)
    assert store.reviewer.grants(most=2) == tuple(made[:2])


def test_a_grant_is_live_until_its_time_or_its_revocation(store: BlockingStore, clock: ManualClock, call: Call) -> None:
    grant = grant_for(store, call)
    assert grant.is_live(grant.granted_at)
    assert grant.is_live(grant.expires_at - 1)
    assert not grant.is_live(grant.expires_at)
    revoked = store.reviewer.revoke_grant(grant.id, reviewer=BO)
    assert not revoked.is_live(clock.now)


def test_a_grant_prints_as_json_with_its_times(store: BlockingStore, clock: ManualClock, call: Call) -> None:
    grant = grant_for(store, call)
    clock.move(5)
    printed = store.reviewer.revoke_grant(grant.id, reviewer=BO).to_json()
    assert printed == {
        **dataclasses.asdict(grant),
        "granted_at": format_timestamp(grant.granted_at),
        "expires_at": format_timestamp(grant.expires_at),
        "revoked_by": "bo",
        "revoked_at": format_timestamp(clock.now),
    }
    assert grant.to_json()["revoked_at"] is None


def test_a_revocation_is_recorded_with_who_and_why(store: BlockingStore, clock: ManualClock, call: Call) -> None:
    grant = grant_for(store, call)
    clock.move(9)
    revoked = store.reviewer.revoke_grant(grant.id, reviewer=CY, reason="no longer needed")
    assert revoked == dataclasses.replace(grant, revoked_by="cy", revoked_at=clock.now)
    assert store.reviewer.grants() == (revoked,)
    event = store.reviewer.events()[0]
    assert (event.name, event.request_id, event.at) == ("grant_revoked", grant.request_id, clock.now)
    assert event.body["changes"] == {}
    said = {"grant": grant.id, "by": CY.to_json(), "reason": "no longer needed"}
    assert event.body["details"].items() >= said.items()
    assert_sound(store)


def test_a_revocation_twice_is_the_first_one(store: BlockingStore, clock: ManualClock, call: Call) -> None:
    grant = grant_for(store, call)
    revoked = store.reviewer.revoke_grant(grant.id, reviewer=BO, reason="first")
    head = store.reviewer.head()
    clock.move(1)
    assert store.reviewer.revoke_grant(grant.id, reviewer=CY, reason="again") == revoked
    assert store.reviewer.head() == head
    assert_sound(store)


def test_a_grant_whose_time_has_passed_can_still_be_revoked(
    store: BlockingStore, clock: ManualClock, call: Call
) -> None:
    grant = grant_for(store, call)
    clock.now = grant.expires_at
    assert store.reviewer.revoke_grant(grant.id, reviewer=BO).revoked_by == "bo"
    assert_sound(store)


@pytest.mark.parametrize("grant_id", ["", "grt_0", "grt_" + "0" * 32, "apr_" + "0" * 32, "%"])
def test_a_grant_that_is_not_there_cannot_be_revoked(store: BlockingStore, call: Call, grant_id: str) -> None:
    grant = grant_for(store, call)
    with pytest.raises(GrantNotFound) as caught:
        store.reviewer.revoke_grant(grant_id, reviewer=ANN)
    assert caught.value.happened.endswith("is in this store.")
    assert (caught.value.not_done, bool(caught.value.to_do)) == ("Nothing was changed.", True)
    assert store.reviewer.grants() == (grant,)


@pytest.mark.parametrize(
    "parts",
    [
        {"reviewer": Reviewer("")},
        {"reviewer": Reviewer("  ")},
        {"reviewer": Reviewer("r" * 257)},
        {"reviewer": Reviewer("\ud800")},
        {"reviewer": Reviewer("ann", via="")},
        {"reviewer": Reviewer("ann", tty="t" * 20_000)},
        {"reviewer": Reviewer("ann", os_user="\udfff")},
        {"reason": "r" * 20_000},
        {"reason": "\udfff"},
        {"reason": 5},
    ],
    ids=lambda parts: str(parts)[:60],
)
def test_a_malformed_revocation_is_an_error_and_revokes_nothing(
    store: BlockingStore, call: Call, parts: dict[str, Any]
) -> None:
    grant = grant_for(store, call)
    with pytest.raises(InvalidInput):
        store.reviewer.revoke_grant(grant.id, **{"reviewer": ANN, **parts})
    assert store.reviewer.grants() == (grant,)
    assert_sound(store)


async def test_the_async_form_gives_lists_uses_and_revokes_the_same(
    store: BlockingStore, async_store: AsyncStore, call: Call
) -> None:
    ask, judge = async_store.requester, async_store.reviewer
    request = (await ask.submit(call)).request
    approved = await judge.decide(request.id, "approve", reviewer=ANN, digest=request.digest, grant=FOR_SESSION)
    await ask.consume(approved.id, approved.fingerprint, requester=call.requester)
    (grant,) = await judge.grants()
    assert (grant,) == store.reviewer.grants()
    again = await ask.submit(call)
    assert (again.created, again.request.status) == (True, "approved")
    assert again.request == store.reviewer.get(again.request.id)
    assert (await judge.grants(most=1))[0].uses == 1
    await ask.consume(again.request.id, again.request.fingerprint, requester=call.requester)
    revoked = await judge.revoke_grant(grant.id, reviewer=BO, reason="enough")
    assert (revoked,) == store.reviewer.grants()
    assert (await ask.submit(call)).request.status == "pending"
    errors: list[tuple[type[ApprovalTuiError], Any]] = [
        (GrantNotFound, judge.revoke_grant("grt_0", reviewer=ANN)),
        (DecisionRefused, _granted_without_session(async_store, call)),
    ]
    for error, attempt in errors:
        with pytest.raises(error):
            await attempt
    assert (await judge.verify()).is_sound


async def _granted_without_session(async_store: AsyncStore, call: Call) -> Request:
    request = (await async_store.requester.submit(dataclasses.replace(call, tool="other", session=None))).request
    return await async_store.reviewer.decide(
        request.id, "approve", reviewer=ANN, digest=request.digest, grant=FOR_SESSION
    )
