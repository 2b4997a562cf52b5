"""Sessions that are held back: while one is, nothing of it is approved and nothing of it runs."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from typing import Any

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.clock import MINUTE
from approval_tui.domain.counters import Counter, Reservation
from approval_tui.domain.decisions import Evidence, Reviewer
from approval_tui.domain.errors import (
    ApprovalTuiError,
    InvalidInput,
    SessionHeld,
    SessionNotFound,
    StatusConflict,
)
from approval_tui.domain.grants import ALWAYS, FOR_SESSION, GrantTerms
from approval_tui.domain.holds import HELD_BACK, Hold
from approval_tui.domain.lifecycle import ALLOW
from approval_tui.domain.limits import DEFAULT_APPROVAL_LIFETIME
from approval_tui.domain.matchers import ANYTHING, Part, exact_matcher
from approval_tui.domain.models import Request, Requirements
from approval_tui.domain.verdicts import Verdict
from approval_tui.store.asynchronous import AsyncStore
from approval_tui.store.blocking import BlockingStore
from tests.store.granting import approve_for_session, grant_for
from tests.store.hanging import hung_bells
from tests.store.holding import admit, hold, release
from tests.support import (
    ANN,
    BO,
    LONG,
    ManualClock,
    approve,
    assert_sound,
    consume,
    deny,
    event_names,
    submit,
    submit_approved,
    until,
)

CY = Reviewer("cy", via="console", os_user="cy", tty="/dev/pts/3")


def log_names(store: BlockingStore) -> list[str]:
    """The names of all events, oldest first."""
    return [event.name for event in reversed(store.reviewer.events())]


# --- holding and releasing ---------------------------------------------------------------------


def test_a_hold_says_who_holds_which_session_since_when_and_why(
    store: BlockingStore, clock: ManualClock, call: Call
) -> None:
    submit(store, call)
    clock.move(7)
    held = hold(store, call, CY, reason="it looks odd")
    assert held == Hold("release-bot", "run-1", "cy", clock.now, "it looks odd", None, None)
    assert held.is_in_force
    assert store.reviewer.holds() == (held,)
    (event,) = store.reviewer.events(most=1)
    assert (event.name, event.request_id) == ("session_held", None)
    assert event.body["details"] == {
        "requester": "release-bot",
        "session": "run-1",
        "held_by": "cy",
        "held_at": clock.now,
        "reason": "it looks odd",
        "by": {"reviewer": "cy", "via": "console", "os_user": "cy", "tty": "/dev/pts/3"},
    }
    assert_sound(store)


def test_a_release_says_who_released_it_and_keeps_who_held_it(
    store: BlockingStore, clock: ManualClock, call: Call
) -> None:
    submit(store, call)
    held = hold(store, call, CY, reason="it looks odd")
    clock.move(7)
    released = release(store, call, BO, reason="it was fine")
    assert released == dataclasses.replace(held, released_by="bo", released_at=clock.now)
    assert not released.is_in_force
    assert store.reviewer.holds() == (released,)
    (event,) = store.reviewer.events(most=1)
    assert event.name == "session_released"
    assert event.body["details"]["reason"] == "it was fine"
    assert_sound(store)


def test_to_hold_or_release_twice_changes_nothing_and_gives_the_first(
    store: BlockingStore, clock: ManualClock, call: Call
) -> None:
    submit(store, call)
    held = hold(store, call, ANN, reason="first")
    clock.move(7)
    assert hold(store, call, BO, reason="second") == held
    released = release(store, call, ANN)
    clock.move(7)
    assert release(store, call, BO) == released
    assert log_names(store) == ["request_submitted", "session_held", "session_released"]
    assert_sound(store)


def test_a_session_can_be_held_again_by_another_reviewer(store: BlockingStore, clock: ManualClock, call: Call) -> None:
    submit(store, call)
    hold(store, call, ANN, reason="first")
    release(store, call, ANN)
    clock.move(7)
    again = hold(store, call, BO)
    assert again == Hold("release-bot", "run-1", "bo", clock.now, None, None, None)
    assert store.reviewer.holds() == (again,)
    with pytest.raises(SessionHeld):
        approve(store, store.reviewer.list()[0])
    assert_sound(store)


@pytest.mark.parametrize(
    "parts",
    [{"session": "run-2"}, {"session": "run-1 "}, {"session": "Run-1"}, {"session": "run-%"}, {"requester": "other"},
     {"session": "r\u0443n-1"}],
    ids=ascii,
)  # fmt: skip
def test_a_session_that_never_asked_anything_cannot_be_held_or_released(
    store: BlockingStore, call: Call, parts: dict[str, Any]
) -> None:
    """Otherwise a slip of the pen would be taken for a hold."""
    submit(store, call)
    other = dataclasses.replace(call, **parts)
    for say in (hold, release):
        with pytest.raises(SessionNotFound):
            say(store, other)
    assert store.reviewer.holds() == ()
    assert log_names(store) == ["request_submitted"]


def test_what_was_never_held_cannot_be_released(store: BlockingStore, call: Call) -> None:
    submit(store, call)
    with pytest.raises(SessionNotFound):
        release(store, call)


@pytest.mark.parametrize("say", [hold, release])
@pytest.mark.parametrize(
    ("requester", "session", "parts"),
    [
        ("", "run-1", {}),
        ("release-bot", "", {}),
        ("release-bot", "run-1", {"reviewer": Reviewer("")}),
        ("release-bot", "run-1", {"reviewer": Reviewer("ann", via="grant")}),
        ("release-bot", "run-1", {"reviewer": Reviewer("ann", via="policy")}),
        ("release-bot", "run-1", {"reason": "\ud800"}),
    ],
    ids=str,
)
def test_nobody_and_nothing_is_refused(
    store: BlockingStore, call: Call, say: Callable[..., Hold], requester: str, session: str, parts: dict[str, Any]
) -> None:
    submit(store, call)
    act = store.reviewer.hold_session if say is hold else store.reviewer.release_session
    with pytest.raises((InvalidInput, SessionNotFound)):
        act(requester, session, **{"reviewer": ANN, **parts})
    assert store.reviewer.holds() == ()


def test_of_two_requesters_with_one_name_for_a_session_only_the_one_is_held(store: BlockingStore, call: Call) -> None:
    other = dataclasses.replace(call, requester="build-bot")
    mine, theirs = submit_approved(store, call), submit_approved(store, other)
    hold(store, call)
    consume(store, theirs)
    with pytest.raises(SessionHeld):
        consume(store, mine)
    hold(store, other)
    release(store, call)
    consume(store, mine)
    with pytest.raises(SessionHeld):
        approve(store, submit(store, dataclasses.replace(other, tool="else")))
    assert [(each.requester, each.is_in_force) for each in store.reviewer.holds()] == [
        ("build-bot", True),
        ("release-bot", False),
    ]
    assert_sound(store)


@pytest.mark.parametrize("parts", [{"session": None}, {"session": "run-2"}, {"requester": "build-bot"}], ids=str)
def test_what_is_of_no_session_or_of_another_one_goes_on(
    store: BlockingStore, call: Call, parts: dict[str, Any]
) -> None:
    submit(store, call)
    hold(store, call)
    other = dataclasses.replace(call, tool="else", **parts)
    consume(store, submit_approved(store, other))
    admit(store, other, verdict=Verdict(ALLOW))
    assert_sound(store)


# --- what a held session may not ---------------------------------------------------------------

APPROVALS: dict[str, dict[str, Any]] = {
    "plainly": {},
    "for the session": {"grant": FOR_SESSION},
    "always": {"grant": GrantTerms(ALWAYS)},
    "with an edit": {"edited_arguments": {"command": "ls"}},
    "shown": {"evidence": Evidence("shown", rows=1, shown_ms=1)},
    "with others": {"in_bulk": True},
}


@pytest.mark.parametrize("parts", APPROVALS.values(), ids=APPROVALS)
def test_nothing_of_a_held_session_is_approved(store: BlockingStore, call: Call, parts: dict[str, Any]) -> None:
    request = submit(store, call)
    hold(store, call, reason="odd")
    with pytest.raises(SessionHeld, match="run-1 back: odd") as caught:
        store.reviewer.decide(request.id, "approve", reviewer=BO, digest=request.digest, **parts)
    assert caught.value.request is not None
    assert caught.value.request.id == request.id
    assert store.reviewer.get(request.id) == request
    assert store.reviewer.grants() == ()
    assert event_names(store, request) == ["request_submitted"]
    assert_sound(store)


def test_no_vote_is_taken_in_a_held_session(store: BlockingStore, call: Call) -> None:
    request = approve(store, submit(store, dataclasses.replace(call, requirements=Requirements(quorum=2))))
    hold(store, call)
    with pytest.raises(SessionHeld):
        approve(store, request, BO)
    assert len(store.reviewer.get(request.id).decisions) == 1
    release(store, call)
    assert approve(store, request, BO).status == "approved"
    assert_sound(store)


def test_what_waits_of_a_held_session_can_be_denied_alone_and_with_others(store: BlockingStore, call: Call) -> None:
    one, other = submit(store, call), submit(store, dataclasses.replace(call, tool="else"))
    hold(store, call)
    assert deny(store, one).status == "denied"
    denied = store.reviewer.decide(other.id, "deny", reviewer=ANN, digest=other.digest, in_bulk=True)
    assert denied.status == "denied"
    assert_sound(store)


def test_what_was_approved_can_be_revoked_withdrawn_and_expire_while_its_session_is_held(
    store: BlockingStore, clock: ManualClock, call: Call
) -> None:
    one, other, third = (submit_approved(store, dataclasses.replace(call, tool=str(n))) for n in range(3))
    hold(store, call)
    assert store.reviewer.revoke(one.id, reviewer=BO).status == "denied"
    assert store.requester.cancel(other.id, requester=call.requester).status == "cancelled"
    clock.move(DEFAULT_APPROVAL_LIFETIME)
    with pytest.raises(StatusConflict, match="expired"):
        consume(store, third)
    assert_sound(store)


def test_nothing_that_was_approved_before_runs_while_the_session_is_held(store: BlockingStore, call: Call) -> None:
    request = submit_approved(store, call)
    hold(store, call)
    with pytest.raises(SessionHeld):
        consume(store, request)
    with pytest.raises(SessionHeld):
        store.requester.claimable(request.id, request.fingerprint, requester=request.requester)
    assert store.reviewer.get(request.id) == request
    release(store, call)
    assert consume(store, request).arguments == call.arguments
    assert_sound(store)


def test_another_requester_does_not_learn_that_a_session_is_held(store: BlockingStore, call: Call) -> None:
    request = submit_approved(store, call)
    hold(store, call)
    for ask in (store.requester.consume, store.requester.claimable):
        with pytest.raises(ApprovalTuiError) as caught:
            ask(request.id, request.fingerprint, requester="somebody")
        assert not isinstance(caught.value, SessionHeld)


def test_a_call_that_runs_already_ends_as_it_would(store: BlockingStore, call: Call) -> None:
    one, other = submit_approved(store, call), submit_approved(store, dataclasses.replace(call, tool="else"))
    claims = [consume(store, one), consume(store, other)]
    hold(store, call)
    assert store.requester.report_outcome(one.id, claims[0].id, "succeeded").outcome == "succeeded"
    assert store.requester.rollback(other.id, claims[1].id).status == "approved"
    with pytest.raises(SessionHeld):
        consume(store, other)
    assert_sound(store)


def test_a_held_session_uses_nothing_that_was_approved_for_another(store: BlockingStore, call: Call) -> None:
    """The same call of two sessions is one request; it is the session that would run it that counts."""
    other = dataclasses.replace(call, session="run-2")
    request = submit(store, call)
    assert store.requester.submit(other).request == request
    submit(store, dataclasses.replace(other, tool="else"))
    hold(store, other)
    approve(store, request)
    asked = submit(store, other)
    assert (asked.session, asked.status) == ("run-2", "pending")
    with pytest.raises(SessionHeld):
        store.requester.consume(request.id, request.fingerprint, requester=call.requester, session="run-2")
    assert store.requester.submit(call).request.id == request.id
    release(store, other)
    store.requester.consume(request.id, request.fingerprint, requester=call.requester, session="run-2")
    assert_sound(store)


def test_what_a_held_session_asks_waits(store: BlockingStore, call: Call) -> None:
    submit(store, call)
    hold(store, call)
    asked = submit(store, dataclasses.replace(call, tool="else"))
    assert asked.status == "pending"
    release(store, call)
    consume(store, approve(store, asked))
    assert_sound(store)


# --- what nobody would have been asked about ---------------------------------------------------


def test_what_a_policy_allows_does_not_run_in_a_held_session_and_counts_nothing(
    store: BlockingStore, call: Call
) -> None:
    submit(store, call)
    hold(store, call)
    counting = Verdict(ALLOW, reservations=(Reservation(Counter("spend", MINUTE), 1, 5, "r", "m"),))
    with pytest.raises(SessionHeld):
        admit(store, call, verdict=counting)
    (event,) = store.reviewer.events(most=1)
    assert event.name == "tool_call"
    assert (event.body["details"]["verdict"], event.body["details"]["rule"]) == ("deny", HELD_BACK)
    assert call.arguments["command"] not in str(event.body)
    release(store, call)
    admit(store, call, verdict=counting)
    assert_sound(store)


@pytest.mark.parametrize("scope", ["session", "always"])
@pytest.mark.parametrize("is_any", [False, True], ids=["exactly", "anything"])
def test_no_grant_approves_in_a_held_session(store: BlockingStore, call: Call, scope: str, is_any: bool) -> None:
    request = submit(store, call)
    matcher = exact_matcher(request)
    if is_any:
        matcher = matcher.with_part(Part(("arguments",), ANYTHING))
    store.reviewer.add_grant(request.id, GrantTerms(scope, matcher), reviewer=ANN, digest=request.digest)
    consume(store, store.reviewer.get(request.id))
    hold(store, call)
    asked = submit(store, call)
    assert asked.status == "pending"
    assert store.requester.submit(call).request.status == "pending"
    release(store, call)
    assert store.requester.submit(call).request.status == "approved"
    assert_sound(store)


def test_what_a_grant_approved_before_does_not_run_while_the_session_is_held(store: BlockingStore, call: Call) -> None:
    grant_for(store, call)
    granted = submit(store, call)
    assert granted.status == "approved"
    hold(store, call)
    with pytest.raises(SessionHeld):
        consume(store, granted)
    release(store, call)
    consume(store, granted)
    assert_sound(store)


def test_a_grant_that_is_given_in_a_held_session_approves_nothing_of_it_that_waits(
    store: BlockingStore, call: Call
) -> None:
    waiting = [submit(store, dataclasses.replace(call, arguments={"n": n})) for n in range(2)]
    elsewhere = submit(store, dataclasses.replace(call, arguments={"n": 0, "else": 0}, session="run-2"))
    hold(store, call)
    matcher = exact_matcher(waiting[0]).with_part(Part(("arguments",), ANYTHING))
    terms = GrantTerms(ALWAYS, matcher)
    preview = store.reviewer.preview_grant(waiting[0].id, terms, reviewer=ANN)
    assert [request.id for request in preview.releases] == [elsewhere.id]
    store.reviewer.add_grant(waiting[0].id, terms, reviewer=ANN, digest=waiting[0].digest)
    assert [store.reviewer.get(request.id).status for request in waiting] == ["pending", "pending"]
    assert store.reviewer.get(elsewhere.id).status == "approved"
    assert_sound(store)


# --- those who wait ----------------------------------------------------------------------------


def test_who_waits_goes_on_waiting_while_the_session_is_held_and_gets_the_decision_after(
    store: BlockingStore, call: Call
) -> None:
    request = submit(store, call)
    got: list[Request] = []
    waiter = threading.Thread(target=lambda: got.append(store.requester.wait(request.id, timeout=int(LONG * 1000))))
    waiter.start()
    until(lambda: hung_bells(store))
    hold(store, call)
    with pytest.raises(SessionHeld):
        approve(store, request)
    assert got == []
    assert waiter.is_alive()
    release(store, call)
    approved = approve(store, request)
    waiter.join(LONG)
    assert got == [approved]


def test_an_approval_that_became_too_old_meanwhile_is_no_use_after_the_release(
    store: BlockingStore, clock: ManualClock, call: Call
) -> None:
    request = submit_approved(store, call)
    hold(store, call)
    clock.move(DEFAULT_APPROVAL_LIFETIME)
    release(store, call)
    with pytest.raises(StatusConflict, match="expired"):
        consume(store, request)
    assert_sound(store)


async def test_the_async_form_holds_and_refuses_in_the_same_way(async_store: AsyncStore, call: Call) -> None:
    request = (await async_store.requester.submit(call)).request
    await async_store.reviewer.decide(request.id, "approve", reviewer=ANN, digest=request.digest)
    held = await async_store.reviewer.hold_session(call.requester, "run-1", reviewer=ANN)
    assert await async_store.reviewer.holds() == (held,)
    with pytest.raises(SessionHeld):
        await async_store.requester.consume(request.id, request.fingerprint, requester=call.requester)
    await async_store.reviewer.release_session(call.requester, "run-1", reviewer=ANN)
    await async_store.requester.consume(request.id, request.fingerprint, requester=call.requester)


# --- the story of a session --------------------------------------------------------------------


def test_a_session_is_told_with_what_it_asked_what_ran_unasked_its_grants_and_its_hold(
    store: BlockingStore, clock: ManualClock, call: Call
) -> None:
    first = approve_for_session(store, submit(store, call))
    clock.move(7)
    second = submit(store, dataclasses.replace(call, tool="else"))
    submit(store, dataclasses.replace(call, session="run-2", tool="elsewhere"))
    submit(store, dataclasses.replace(call, requester="build-bot", tool="elsewhere"))
    admit(store, call, verdict=Verdict(ALLOW))
    admit(store, dataclasses.replace(call, session="run-2"), "clm_y", verdict=Verdict(ALLOW))
    held = hold(store, call)
    with pytest.raises(SessionHeld):
        admit(store, call, "clm_z", verdict=Verdict(ALLOW))
    story = store.reviewer.session("release-bot", "run-1")
    assert story.requests == (first, second)
    assert story.earlier == 0
    assert [event.body["details"]["verdict"] for event in story.calls] == ["allow", "deny"]
    assert story.grants == store.reviewer.grants()
    assert story.hold == held
    assert story.is_held
    release(store, call)
    assert not store.reviewer.session("release-bot", "run-1").is_held
    with pytest.raises(SessionNotFound):
        store.reviewer.session("release-bot", "run-3")


def test_of_a_session_that_asked_very_often_the_newest_are_told_and_the_others_counted(
    store: BlockingStore, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    from approval_tui.store.transactions import sessions

    monkeypatch.setattr(sessions, "MOST_ASKED", 3)
    made = [submit(store, dataclasses.replace(call, tool=str(number))) for number in range(5)]
    story = store.reviewer.session("release-bot", "run-1")
    assert story.requests == tuple(made[2:])
    assert story.earlier == 2
