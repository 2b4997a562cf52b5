"""A store in which every way that a life can take was taken."""

from __future__ import annotations

import dataclasses

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.models import Request, Requirements
from approval_tui.store.blocking import BlockingStore
from tests.support import ANN, BO, ManualClock, approve, assert_sound, consume, deny, submit, submit_approved


@pytest.fixture
def told(store: BlockingStore, clock: ManualClock, call: Call) -> dict[str, Request]:
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
