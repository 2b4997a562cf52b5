"""What a grant covers of an agent whose role may approve nothing is approved by whoever may decide."""

from __future__ import annotations

from collections.abc import Callable

from approval_tui.domain.calls import Call
from approval_tui.domain.grants import ALWAYS, GrantTerms
from approval_tui.domain.models import VIA_GRANT, Request, Requirements
from approval_tui.store.blocking import BlockingStore
from tests.support import ANN, assert_sound, consume, deny, event_names, submit

MakeCall = Callable[..., Call]


def granted(store: BlockingStore, request: Request, terms: GrantTerms) -> str:
    """The id of a grant for calls such as that of the request."""
    return store.reviewer.add_grant(request.id, terms, reviewer=ANN, digest=request.digest).id


def test_an_agent_waits_until_somebody_who_decides_applies_the_grant(
    agent: BlockingStore, reviewer: BlockingStore, a_call: MakeCall
) -> None:
    first = submit(agent, a_call())
    grant = granted(reviewer, first, GrantTerms(ALWAYS))
    assert agent.requester.get(first.id).status == "approved"  # it waited when the grant was given
    again = submit(agent, a_call(arguments=first.arguments, session="another"))
    assert again.status == "pending"
    seen = reviewer.reviewer.apply_grants()
    approved = agent.requester.wait(again.id)
    assert (approved.status, approved.decisions[-1].via, approved.decisions[-1].reviewer) == (
        "approved", VIA_GRANT, "ann")  # fmt: skip
    assert [each.id for each in reviewer.reviewer.uses_of_grant(grant)] == [again.id, first.id]
    assert consume(agent, approved).arguments == first.arguments
    assert event_names(reviewer, again) == ["request_submitted", "request_approved", "request_consumed"]
    assert reviewer.reviewer.apply_grants(seen) > seen
    assert_sound(reviewer)


def test_what_a_grant_does_not_cover_is_left_to_a_person(
    agent: BlockingStore, reviewer: BlockingStore, a_call: MakeCall
) -> None:
    first = submit(agent, a_call())
    granted(reviewer, first, GrantTerms(ALWAYS))
    left = [
        submit(agent, a_call()),
        submit(agent, a_call(arguments=first.arguments, session="1", risk="high", dedupe_window=0)),
        submit(
            agent, a_call(arguments=first.arguments, session="2", requirements=Requirements(quorum=2), dedupe_window=0)
        ),
    ]
    held = submit(agent, a_call(arguments=first.arguments, session="3"))
    reviewer.reviewer.hold_session(held.requester, "3", reviewer=ANN)
    reviewer.reviewer.apply_grants()
    assert {reviewer.reviewer.get(each.id).status for each in (*left, held)} == {"pending"}
    reviewer.reviewer.release_session(held.requester, "3", reviewer=ANN)
    reviewer.reviewer.apply_grants()
    assert reviewer.reviewer.get(held.id).status == "approved"


def test_what_waits_for_a_grant_of_its_session_is_not_shared_with_another_one_or_a_call_of_more_risk(
    agent: BlockingStore, reviewer: BlockingStore, a_call: MakeCall
) -> None:
    first = submit(agent, a_call())
    granted(reviewer, first, GrantTerms())
    consume(agent, first)
    waits = submit(agent, a_call(arguments=first.arguments))
    apart = agent.requester.submit(a_call(arguments=first.arguments, session="another")).request
    risky = agent.requester.submit(a_call(arguments=first.arguments, risk="high")).request
    reviewer.reviewer.apply_grants()
    statuses = [reviewer.reviewer.get(each.id).status for each in (waits, apart, risky)]
    assert statuses == ["approved", "pending", "pending"]


def test_the_same_call_denied_since_is_left_to_a_person(
    agent: BlockingStore, reviewer: BlockingStore, a_call: MakeCall
) -> None:
    first = submit(agent, a_call())
    granted(reviewer, first, GrantTerms(ALWAYS))
    deny(reviewer, submit(agent, a_call(arguments=first.arguments, session="1")))
    again = submit(agent, a_call(arguments=first.arguments, session="2", dedupe_window=0))
    reviewer.reviewer.apply_grants()
    assert reviewer.reviewer.get(again.id).status == "pending"


def test_an_agent_applies_no_grants(agent: BlockingStore, reviewer: BlockingStore, a_call: MakeCall) -> None:
    first = submit(agent, a_call())
    granted(reviewer, first, GrantTerms(ALWAYS))
    again = submit(agent, a_call(arguments=first.arguments, session="another"))
    agent.reviewer.apply_grants()
    assert agent.requester.get(again.id).status == "pending"


def test_in_a_file_submit_applied_them_already(store: BlockingStore, call: Call) -> None:
    first = submit(store, call)
    granted(store, first, GrantTerms(ALWAYS))
    held = Call(call.tool, call.arguments, requester=call.requester, session="held")
    submit_one = submit(store, Call("ls", {}, requester=call.requester, session="held"))
    store.reviewer.hold_session(call.requester, "held", reviewer=ANN)
    waits = submit(store, held)
    store.reviewer.release_session(call.requester, "held", reviewer=ANN)
    before = store.reviewer.head()
    store.reviewer.apply_grants()
    assert store.reviewer.head() == before
    assert {store.reviewer.get(each.id).status for each in (submit_one, waits)} == {"pending"}
