"""Stores in which everything has happened that can happen."""

from __future__ import annotations

import dataclasses

from approval_tui.domain.calls import Call, check_call
from approval_tui.domain.clock import DAY
from approval_tui.domain.counters import Counter, Reservation
from approval_tui.domain.grants import ALWAYS, GrantTerms
from approval_tui.domain.lifecycle import ALLOW
from approval_tui.domain.matchers import ANYTHING, Part, exact_matcher
from approval_tui.domain.models import Request, Requirements
from approval_tui.domain.proxies import ProxyStanding
from approval_tui.domain.roles import AGENT
from approval_tui.domain.sinks import SINK_EVENTS
from approval_tui.domain.submissions import Submission
from approval_tui.domain.tokens import new_token
from approval_tui.domain.verdicts import Verdict
from approval_tui.store.blocking import BlockingStore
from approval_tui.store.transactions import deliveries, submissions
from tests.store.granting import approve_for_session, grant_of
from tests.store.holding import admit, hold, release
from tests.support import ANN, BO, ManualClock, approve, assert_sound, consume, deny, submit, submit_approved

STRANGE = "a\0b\U0010ffff0c\U0010ffff"
"""What a text of PostgreSQL cannot hold, and what stands for it there."""


def every_life(store: BlockingStore, clock: ManualClock, call: Call) -> dict[str, Request]:
    """One request for each way that a life can take."""

    def a_call(name: str, quorum: int = 1) -> Call:
        return dataclasses.replace(
            call, tool=name, server="s", context={"c": 1}, reason="why", risk="low", rule_hash="r",
            requirements=Requirements(quorum=quorum),
        )  # fmt: skip

    requests = {}
    for name in ("pending", "denied", "cancelled", "expired"):
        requests[name] = submit(store, a_call(name))
        clock.move(7)
    requests["voted"] = approve(store, submit(store, a_call("voted", quorum=2)), BO)
    deny(store, requests["denied"], "no")
    store.requester.cancel(requests["cancelled"].id, requester=call.requester)
    store.reviewer.expire(requests["expired"].id, reviewer=ANN)
    requests["approved"] = submit_approved(store, a_call("approved"))
    requests["revoked"] = submit_approved(store, a_call("revoked"))
    store.reviewer.revoke(requests["revoked"].id, reviewer=BO)
    edited = submit(store, a_call("edited"))
    requests["edited"] = store.reviewer.decide(
        edited.id, "approve", reviewer=ANN, digest=edited.digest, edited_arguments={"a": 1.5}
    )
    for name in ("doubtful", "succeeded", "given back"):
        requests[name] = submit_approved(store, a_call(name))
        claim = consume(store, requests[name])
        if name == "succeeded":
            store.requester.report_outcome(requests[name].id, claim.id, "succeeded", detail="fine")
        elif name == "given back":
            store.requester.rollback(requests[name].id, claim.id)
    store.requester.submit(a_call("approved"))
    assert_sound(store)
    return {name: store.reviewer.get(request.id) for name, request in requests.items()}


def everything(store: BlockingStore, clock: ManualClock, call: Call) -> dict[str, Request]:
    """The same, with rows in every table but that of sealed segments, and with texts that are hard to keep."""
    engine = store._engine
    requests = every_life(store, clock, call)
    strange = dataclasses.replace(call, tool=f"t{STRANGE}", requester=f"bot{STRANGE}", session=f"run{STRANGE}")
    requests["strange"] = deny(store, submit(store, strange), STRANGE)
    requests["long"] = submit(store, dataclasses.replace(call, arguments={"text": "ä" * 1_000_000}))
    for number in range(2):
        request = submit(store, dataclasses.replace(call, arguments={"granted": number}))
        grant = grant_of(store, approve_for_session(store, request))
        if number:
            store.reviewer.revoke_grant(grant.id, reviewer=BO, reason="enough")
    any_number = submit(store, dataclasses.replace(call, tool="counting", arguments={"n": 1}))
    matcher = exact_matcher(any_number).with_part(Part(("arguments", "n"), ANYTHING))
    store.reviewer.add_grant(
        any_number.id, GrantTerms(ALWAYS, matcher, most_uses=3), reviewer=ANN, digest=any_number.digest
    )
    used = store.requester.submit(dataclasses.replace(call, tool="counting", arguments={"n": 2})).request
    assert used.status == "approved"
    other = dataclasses.replace(call, session="run-9")
    submit(store, dataclasses.replace(other, tool="held"))
    for session in (other, strange):
        hold(store, session, reason=STRANGE)
    release(store, other)
    for name in ("bot", "cio"):
        token = new_token()
        store.reviewer.create_token(token, AGENT, name, lifetime=DAY, reviewer=ANN)
        if name == "cio":
            store.reviewer.revoke_token(token.id, reviewer=ANN)
    for key in ("k1", f"k{STRANGE}"):
        submission = Submission(key, "v1:sha256:1", "10m", has_context=True, is_reusing=True)
        engine.write(submissions.submit_once, check_call(strange), submission, None)
    for sink in ("v1:sha256:a", "v1:sha256:b"):
        engine.write(deliveries.take_up, sink, SINK_EVENTS)
    (first, *_) = engine.write(deliveries.lease, "holder", "v1:sha256:a", most=3)
    engine.write(deliveries.fail, "holder", first, delay=1000, why=STRANGE)
    counted = Verdict(ALLOW, reservations=(Reservation(Counter(f"sum{STRANGE}", DAY), 3, 10, "limit", "no room"),))
    admit(store, call, verdict=counted)
    store.requester.note_proxy(
        ProxyStanding("one", "bot", STRANGE, "files", "rules.yaml", "host", 100, clock.now, counts={"allowed": 2})
    )
    assert_sound(store)
    return requests
