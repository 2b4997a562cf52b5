"""Grants with matchers by example: on which terms they are given, what they approve at once, and what they never do."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.clock import DAY
from approval_tui.domain.decisions import Reviewer
from approval_tui.domain.errors import (
    DecisionRefused,
    GrantNotFound,
    InvalidInput,
    RequestChanged,
    RequestNotFound,
    StatusConflict,
    StoreCorrupt,
)
from approval_tui.domain.grants import (
    ALWAYS,
    ALWAYS_GRANT_LIFETIME,
    LONGEST_GRANT,
    MOST_USES,
    SESSION,
    SESSION_GRANT_LIFETIME,
    Grant,
    GrantTerms,
)
from approval_tui.domain.limits import DEFAULT_TIMEOUT
from approval_tui.domain.matchers import ANYTHING, FITTING, Matcher, Part, Path, exact_matcher
from approval_tui.domain.models import Request, Requirements
from approval_tui.store.asynchronous import AsyncStore
from approval_tui.store.blocking import BlockingStore
from approval_tui.store.transactions import granting
from approval_tui.store.transactions.records import requirements_text
from tests.store.tampering import attack
from tests.support import (
    ANN,
    BO,
    ManualClock,
    approve,
    assert_sound,
    consume,
    deny,
    event_names,
    submit,
)

COMMAND: Path = ("arguments", "command")


def making(call: Call, target: str, **parts: Any) -> Call:
    """The call for another target of make."""
    return dataclasses.replace(call, arguments={"command": f"make {target}"}, **parts)


def for_any_target(request: Request) -> Matcher:
    """A matcher for every target of make."""
    return exact_matcher(request).with_part(Part(COMMAND, FITTING, "make *"))


def add(store: BlockingStore, request: Request, reviewer: Reviewer = ANN, **terms: Any) -> Grant:
    """Grants every target of make, or what the terms say."""
    if "matcher" not in terms:
        terms["matcher"] = for_any_target(request)
    return store.reviewer.add_grant(request.id, GrantTerms(**terms), reviewer=reviewer, digest=request.digest)


def statuses(store: BlockingStore, requests: list[Request]) -> list[str]:
    return [store.reviewer.get(request.id).status for request in requests]


# --- giving ------------------------------------------------------------------------------------


def test_a_grant_with_a_matcher_approves_what_waits_and_what_is_asked_later(
    store: BlockingStore, clock: ManualClock, call: Call
) -> None:
    waiting = [submit(store, making(call, target)) for target in ("deploy", "test", "a b", "-B", "x;id")]
    clock.move(7)
    grant = add(store, waiting[0])
    assert statuses(store, waiting) == ["approved", "approved", "pending", "pending", "pending"]
    assert (grant.uses, grant.most_uses, grant.granted_by, grant.granted_at) == (2, None, "ann", clock.now)
    assert (grant.matcher, grant.request_id) == (for_any_target(waiting[0]), waiting[0].id)
    assert submit(store, making(call, "docs")).status == "approved"
    assert submit(store, making(call, "docs --force")).status == "pending"
    assert store.reviewer.grants()[0].uses == 3
    names = [event.name for event in reversed(store.reviewer.events(most=100))]
    assert names[5:8] == ["grant_given", "request_approved", "request_approved"]
    assert_sound(store)


def test_the_event_of_a_grant_says_what_it_covers_and_how_often(store: BlockingStore, call: Call) -> None:
    request = submit(store, call)
    grant = add(store, request, most_uses=3)
    (given,) = [event for event in store.reviewer.events(request_id=request.id) if event.name == "grant_given"]
    assert given.body["details"]["most_uses"] == 3
    assert Matcher.from_json(json.loads(given.body["details"]["matcher"])) == grant.matcher


def test_a_matcher_that_covers_only_its_call_is_kept_as_that_calls_fingerprint(
    store: BlockingStore, call: Call
) -> None:
    request = submit(store, call)
    grant = add(store, request, matcher=exact_matcher(request))
    assert (grant.matcher, grant.fingerprint) == (None, request.fingerprint)
    consume(store, store.reviewer.get(request.id))
    assert submit(store, call).status == "approved"
    assert submit(store, making(call, "test")).status == "pending"


@pytest.mark.parametrize("matcher", [None, for_any_target], ids=["exactly", "any target"])
def test_an_approval_with_a_grant_approves_what_else_waits_and_counts_only_that(
    store: BlockingStore, call: Call, matcher: Any
) -> None:
    first = submit(store, call)
    again = submit(store, dataclasses.replace(call, dedupe_window=0))
    other = submit(store, making(call, "test"))
    terms = GrantTerms(matcher=matcher and matcher(first), most_uses=1)
    store.reviewer.decide(first.id, "approve", reviewer=ANN, digest=first.digest, grant=terms)
    assert statuses(store, [first, again, other]) == ["approved", "approved", "pending"]
    assert store.reviewer.get(first.id).decisions[-1].via != "grant"
    assert store.reviewer.get(again.id).decisions[-1].via == "grant"
    assert store.reviewer.grants()[0].uses == 1
    assert_sound(store)


@pytest.mark.parametrize("end", ["approved", "denied", "expired", "cancelled", "consumed"])
def test_a_grant_can_be_given_on_a_request_that_waits_no_more_and_leaves_it_as_it_is(
    store: BlockingStore, clock: ManualClock, call: Call, end: str
) -> None:
    request = submit(store, call)
    if end in ("approved", "consumed"):
        approve(store, request)
    if end == "consumed":
        consume(store, request)
    elif end == "denied":
        deny(store, request)
    elif end == "cancelled":
        store.requester.cancel(request.id, requester=call.requester)
    elif end == "expired":
        clock.move(DEFAULT_TIMEOUT)
    before = store.reviewer.get(request.id)
    clock.move(1)
    add(store, request)
    assert store.reviewer.get(request.id) == before
    assert submit(store, making(call, "test")).status == "approved"
    assert_sound(store)


@pytest.mark.parametrize(
    ("scope", "lifetime", "expected"),
    [(SESSION, None, SESSION_GRANT_LIFETIME), (ALWAYS, None, ALWAYS_GRANT_LIFETIME), (SESSION, 1, 1),
     (ALWAYS, LONGEST_GRANT, LONGEST_GRANT)],
)  # fmt: skip
def test_every_grant_ends(
    store: BlockingStore, clock: ManualClock, call: Call, scope: str, lifetime: int | None, expected: int
) -> None:
    grant = add(store, submit(store, call), scope=scope, lifetime=lifetime)
    assert grant.expires_at == clock.now + expected
    clock.move(expected)
    assert submit(store, making(call, "late")).status == "pending"


def test_a_grant_for_always_covers_other_sessions_and_none_and_one_for_a_session_does_not(
    store: BlockingStore, call: Call
) -> None:
    request = submit(store, call)
    add(store, request)
    others: tuple[str | None, ...] = ("run-2", None)
    assert [submit(store, making(call, f"a-{each}", session=each)).status for each in others] == ["pending"] * 2
    add(store, request, scope=ALWAYS)
    assert [submit(store, making(call, f"b-{each}", session=each)).status for each in others] == ["approved"] * 2
    assert_sound(store)


BAD_TERMS: list[Any] = [
    GrantTerms("once"),
    GrantTerms(""),
    GrantTerms(None),  # type: ignore[arg-type]
    *(GrantTerms(lifetime=lifetime) for lifetime in (0, -1, LONGEST_GRANT + 1)),
    *(GrantTerms(lifetime=lifetime) for lifetime in (1.5, "1h", True)),  # type: ignore[arg-type]
    *(GrantTerms(most_uses=uses) for uses in (0, -1, MOST_USES + 1)),
    *(GrantTerms(most_uses=uses) for uses in (1.5, "1", True)),  # type: ignore[arg-type]
    "session",
    True,
    {"scope": "session"},
]


@pytest.mark.parametrize("terms", BAD_TERMS, ids=str)
def test_terms_that_no_grant_can_have_are_refused(store: BlockingStore, call: Call, terms: Any) -> None:
    request = submit(store, call)
    for give in (
        lambda: store.reviewer.add_grant(request.id, terms, reviewer=ANN, digest=request.digest),
        lambda: store.reviewer.preview_grant(request.id, terms, reviewer=ANN),
        lambda: store.reviewer.decide(request.id, "approve", reviewer=ANN, digest=request.digest, grant=terms),
    ):
        with pytest.raises(InvalidInput):
            give()
    assert store.reviewer.grants() == ()
    assert event_names(store, request) == ["request_submitted"]


@pytest.mark.parametrize(
    "parts",
    [
        (Part(COMMAND, "regex", ".*"),),
        (Part(COMMAND, FITTING, "no star"),),
        (Part(COMMAND, FITTING, None),),
        (Part(("else",), ANYTHING),),
        (Part(COMMAND, ANYTHING), Part(COMMAND, ANYTHING)),
        tuple(Part(("arguments", str(n)), ANYTHING) for n in range(1000)),
    ],
    ids=lambda parts: str(parts)[:40],
)
def test_a_matcher_that_was_not_made_as_one_is_refused(
    store: BlockingStore, call: Call, parts: tuple[Part, ...]
) -> None:
    """Whoever uses the store from code may put together what no matcher can say."""
    request = submit(store, call)
    matcher = dataclasses.replace(exact_matcher(request), parts=parts)
    with pytest.raises(InvalidInput):
        add(store, request, matcher=matcher)
    assert store.reviewer.grants() == ()


def test_a_matcher_of_very_much_text_is_refused_and_an_exact_one_is_not(store: BlockingStore, call: Call) -> None:
    """What covers one call is kept as its fingerprint, however long the call is."""
    request = submit(store, dataclasses.replace(call, arguments={f"k{n}": "\\" * 490 for n in range(60)}))
    matcher = exact_matcher(request)
    looser = matcher.with_part(Part(matcher.parts[7].path, ANYTHING))
    with pytest.raises(InvalidInput, match="100,000"):
        add(store, request, matcher=looser)
    assert add(store, request, matcher=matcher).matcher is None


@pytest.mark.parametrize(
    "parts",
    [{"requester": "else"}, {"tool": "else"}, {"server": "else"}, {"rule_hash": "else"}, {"parts": ()}],
    ids=str,
)
def test_a_matcher_of_another_call_is_not_granted_on_this_one(
    store: BlockingStore, call: Call, parts: dict[str, Any]
) -> None:
    request = submit(store, call)
    matcher = dataclasses.replace(for_any_target(request), **parts)
    with pytest.raises(DecisionRefused, match="the matcher does not cover it"):
        add(store, request, matcher=matcher)
    assert store.reviewer.grants() == ()


def test_what_was_not_looked_at_is_not_granted(store: BlockingStore, call: Call) -> None:
    request, other = submit(store, call), submit(store, making(call, "test"))
    terms = GrantTerms(matcher=for_any_target(request))
    for digest in (other.digest, "", request.digest.upper(), request.fingerprint):
        with pytest.raises(RequestChanged):
            store.reviewer.add_grant(request.id, terms, reviewer=ANN, digest=digest)
    with pytest.raises(RequestNotFound):
        store.reviewer.add_grant("apr_" + "0" * 32, terms, reviewer=ANN, digest=request.digest)
    with pytest.raises(GrantNotFound):
        store.reviewer.preview_given("grt_0")
    assert store.reviewer.grants() == ()
    assert statuses(store, [request, other]) == ["pending", "pending"]


# --- never -------------------------------------------------------------------------------------

NEVER: dict[str, dict[str, Any]] = {
    "high risk": {"risk": "high"},
    "a quorum": {"requirements": Requirements(quorum=2)},
    "evidence": {"requirements": Requirements(evidence="shown")},
    "a reason": {"requirements": Requirements(reason_required=True)},
    "other reviewers": {"requirements": Requirements(reviewers=("bo", "cy"))},
    "nobody of that name": {"requirements": Requirements(reviewers=("Ann",))},
}


@pytest.mark.parametrize("parts", NEVER.values(), ids=NEVER)
@pytest.mark.parametrize("scope", [SESSION, ALWAYS])
def test_what_is_looked_at_each_time_no_grant_approves_however_free_it_is(
    store: BlockingStore, call: Call, parts: dict[str, Any], scope: str
) -> None:
    waiting = submit(store, making(call, "waits", **parts))
    request = submit(store, call)
    matcher = exact_matcher(request).with_part(Part(("arguments",), ANYTHING))
    matcher = matcher.with_part(Part(("context",), ANYTHING))
    terms = GrantTerms(scope, matcher)
    assert waiting.id not in [
        each.id for each in store.reviewer.preview_grant(request.id, terms, reviewer=ANN).releases
    ]
    store.reviewer.add_grant(request.id, terms, reviewer=ANN, digest=request.digest)
    asked = submit(store, making(call, "later", **parts))
    assert statuses(store, [waiting, asked]) == ["pending", "pending"]
    with pytest.raises(DecisionRefused):
        add(store, asked, matcher=None, scope=scope)
    assert_sound(store)


def test_what_a_reviewer_has_edited_no_grant_approves_and_no_grant_is_given_on_it(
    store: BlockingStore, call: Call
) -> None:
    request = submit(store, dataclasses.replace(call, requirements=Requirements(quorum=2)))
    edited = store.reviewer.decide(
        request.id, "approve", reviewer=ANN, digest=request.digest, edited_arguments={"command": "make test"}
    )
    attack(store, "UPDATE requests SET requirements = ?", (requirements_text(Requirements()),))
    plain = submit(store, making(call, "other"))
    assert edited.edited_arguments is not None
    add(store, plain)
    assert store.reviewer.get(request.id).status == "pending"
    with pytest.raises(DecisionRefused, match="what would run is not what the agent asks for"):
        add(store, store.reviewer.get(request.id), matcher=None)


def test_what_was_denied_after_the_grant_was_given_is_asked_and_what_is_like_it_is_not(
    store: BlockingStore, clock: ManualClock, call: Call
) -> None:
    waits = submit(store, making(call, "waits", risk="high"))
    add(store, submit(store, call))
    clock.move(1)
    deny(store, waits, "not this one")
    clock.move(DAY // 4)
    assert submit(store, making(call, "waits")).status == "pending"
    assert submit(store, making(call, "runs")).status == "approved"
    assert_sound(store)


def test_a_grant_that_is_used_up_approves_nothing_more_and_what_it_approved_runs(
    store: BlockingStore, call: Call
) -> None:
    request = submit(store, call)
    grant = add(store, request, most_uses=2)
    granted = submit(store, making(call, "test"))
    assert statuses(store, [request, granted]) == ["approved", "approved"]
    assert submit(store, making(call, "third")).status == "pending"
    assert not store.reviewer.grants()[0].is_live(grant.granted_at)
    for each in (request, granted):
        consume(store, each)
    assert_sound(store)


def test_what_a_grant_approved_does_not_run_after_it_was_revoked(store: BlockingStore, call: Call) -> None:
    request = submit(store, call)
    grant = add(store, request)
    granted = submit(store, making(call, "test"))
    store.reviewer.revoke_grant(grant.id, reviewer=BO)
    with pytest.raises(StatusConflict):
        consume(store, granted)
    assert submit(store, making(call, "third")).status == "pending"
    assert_sound(store)


# --- looking first -----------------------------------------------------------------------------


def test_a_look_changes_nothing(store: BlockingStore, call: Call) -> None:
    request = submit(store, call)
    before = store.reviewer.head()
    store.reviewer.preview_grant(request.id, GrantTerms(matcher=for_any_target(request)), reviewer=ANN)
    assert store.reviewer.head() == before
    assert store.reviewer.get(request.id) == request
    assert store.reviewer.grants() == ()


def test_a_look_tells_what_would_be_approved_oldest_first_and_no_more_than_may_be_used(
    store: BlockingStore, call: Call
) -> None:
    waiting = [submit(store, making(call, str(number))) for number in range(4)]
    terms = GrantTerms(matcher=for_any_target(waiting[2]), most_uses=3)
    preview = store.reviewer.preview_grant(waiting[2].id, terms, reviewer=ANN)
    assert preview.releases == tuple(waiting[:3])
    assert preview.covered == tuple(reversed(waiting))
    grant = store.reviewer.add_grant(waiting[2].id, terms, reviewer=ANN, digest=waiting[2].digest)
    assert statuses(store, waiting) == ["approved"] * 3 + ["pending"]
    assert store.reviewer.preview_given(grant.id).releases == ()
    assert [request.id for request in store.reviewer.uses_of_grant(grant.id)] == [each.id for each in waiting[2::-1]]


def test_of_very_many_that_wait_a_grant_approves_the_oldest_and_the_look_says_so(
    store: BlockingStore, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(granting, "MOST_RELEASED", 2)
    monkeypatch.setattr(granting, "MOST_LOOKED_AT", 3)
    waiting = [submit(store, making(call, str(number))) for number in range(4)]
    terms = GrantTerms(matcher=for_any_target(waiting[3]))
    preview = store.reviewer.preview_grant(waiting[3].id, terms, reviewer=ANN)
    assert (preview.releases, preview.looked_at) == (tuple(waiting[:2]), 3)
    assert preview.covered == tuple(waiting[:0:-1])
    assert add(store, waiting[3]).uses == 2
    assert statuses(store, waiting) == ["approved"] * 2 + ["pending"] * 2


def test_of_very_long_requests_no_more_are_looked_at_than_can_be(
    store: BlockingStore, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(granting, "MOST_CHARACTERS", 100)
    made = [submit(store, making(call, "x" * 40 + str(number))) for number in range(4)]
    preview = store.reviewer.preview_grant(made[0].id, GrantTerms(matcher=for_any_target(made[0])), reviewer=ANN)
    assert (preview.looked_at, len(preview.covered), len(preview.releases)) == (1, 1, 4)


@pytest.mark.parametrize("column", ["arguments", "context", "decisions", "requirements"])
def test_a_request_that_somebody_spoiled_does_not_keep_others_from_being_granted(
    store: BlockingStore, call: Call, column: str
) -> None:
    spoiled, good = submit(store, making(call, "spoiled")), submit(store, call)
    attack(store, f"UPDATE requests SET {column} = 'nonsense' WHERE id = ?", (spoiled.id,))
    preview = store.reviewer.preview_grant(good.id, GrantTerms(matcher=for_any_target(good)), reviewer=ANN)
    assert preview.releases == preview.covered == (good,)
    assert add(store, good).uses == 1


def test_a_request_whose_arguments_somebody_changed_does_not_run_on_a_grant(store: BlockingStore, call: Call) -> None:
    changed, good = submit(store, making(call, "else now")), submit(store, call)
    attack(store, """UPDATE requests SET arguments = '{"command":"make it"}' WHERE id = ?""", (changed.id,))
    add(store, good)
    with pytest.raises(StoreCorrupt):
        consume(store, store.reviewer.get(changed.id))


async def test_the_async_form_grants_in_the_same_way(async_store: AsyncStore, call: Call) -> None:
    request = (await async_store.requester.submit(call)).request
    terms = GrantTerms(matcher=for_any_target(request))
    preview = await async_store.reviewer.preview_grant(request.id, terms, reviewer=ANN)
    assert preview.releases == (request,)
    grant = await async_store.reviewer.add_grant(request.id, terms, reviewer=ANN, digest=request.digest)
    assert (await async_store.reviewer.preview_given(grant.id)).covered[0].id == request.id
    assert (await async_store.requester.submit(making(call, "test"))).request.status == "approved"
