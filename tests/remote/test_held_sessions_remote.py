"""A gate of a server in a session that is held back: refused as such, over the wire too, and nothing runs."""

from __future__ import annotations

import httpx2
import pytest

from approval_tui import ApprovalHeld, Gate
from approval_tui.domain.calls import Call
from approval_tui.domain.errors import SessionHeld, StatusConflict
from approval_tui.domain.http_names import KEY_HEADER, OWN_MEDIA_TYPE, uuid_of
from tests.gate.both_forms import FORMS, MAKE_DEPLOY, reviewing
from tests.remote.gates import must_not_run, only, remote_gate, use
from tests.server.serving import Served, serve
from tests.support import ANN, approve, assert_sound

RUN_1 = "bot", "run-1"


@pytest.mark.parametrize("form", FORMS)
def test_what_was_approved_does_not_run_while_the_session_is_held_and_runs_after(
    form: str, gate: Gate, served: Served
) -> None:
    request = approve(served.desk, gate.submit_blocking("shell", MAKE_DEPLOY))
    served.desk.reviewer.hold_session(*RUN_1, reviewer=ANN, reason="it looks odd")
    with pytest.raises(ApprovalHeld, match="ann holds the session run-1 back: it looks odd") as caught:
        use(form, gate, must_not_run)
    assert caught.value.to_do == "Ask again when a reviewer has released it."
    assert (caught.value.request and caught.value.request.id) == request.id
    assert only(served).status == "approved"
    served.desk.reviewer.release_session(*RUN_1, reviewer=ANN)
    assert use(form, gate, lambda call: call.arguments) == MAKE_DEPLOY
    assert_sound(served.desk)


@pytest.mark.parametrize("form", FORMS)
def test_what_the_servers_policy_allows_does_not_run_either(form: str, store_path: str) -> None:
    server, served = serve(store_path, policy='version: "1"\ndefault: allow')
    with remote_gate(served) as gate:
        use("blocking", gate, lambda call: None, {"first": True})
        served.desk.reviewer.hold_session(*RUN_1, reviewer=ANN)
        with pytest.raises(ApprovalHeld):
            use(form, gate, must_not_run)
        served.desk.reviewer.release_session(*RUN_1, reviewer=ANN)
        assert use(form, gate, lambda call: call.arguments) == MAKE_DEPLOY
    assert_sound(served.desk)
    server.stop()
    served.desk.close()


def test_who_waits_goes_on_waiting_and_runs_after_the_release(gate: Gate, served: Served) -> None:
    def hold_release_and_approve(request: object) -> None:
        served.desk.reviewer.hold_session(*RUN_1, reviewer=ANN)
        with pytest.raises(SessionHeld):
            approve(served.desk, only(served))
        served.desk.reviewer.release_session(*RUN_1, reviewer=ANN)
        approve(served.desk, only(served))

    with reviewing(served.desk, hold_release_and_approve):
        assert use("blocking", gate, lambda call: call.arguments) == MAKE_DEPLOY


def test_on_the_wire_it_has_a_code_of_its_own_and_the_request_stays_as_it_is(gate: Gate, served: Served) -> None:
    request = approve(served.desk, gate.submit_blocking("shell", MAKE_DEPLOY))
    served.desk.reviewer.hold_session(*RUN_1, reviewer=ANN, reason="odd")
    for accept in (OWN_MEDIA_TYPE, "application/json"):
        with served.client(served.agent_token, default_encoding="utf-8") as client:
            answer: httpx2.Response = client.post(
                f"/v1/requests/{uuid_of(request.id)}/consume", headers={KEY_HEADER: "k", "Accept": accept}
            )
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (409, "session_held")
        assert error["message"].startswith("ann holds the session run-1 back: odd.")
    assert only(served).status == "approved"
    other = served.desk.requester.submit(Call("shell", MAKE_DEPLOY, "bot", session="run-1", context={}))
    assert other.request.id == request.id


def test_the_requesters_own_face_raises_what_the_store_raises(gate: Gate, served: Served) -> None:
    request = approve(served.desk, gate.submit_blocking("shell", MAKE_DEPLOY))
    served.desk.reviewer.hold_session(*RUN_1, reviewer=ANN)
    store = gate.requester_store_blocking()
    with pytest.raises(SessionHeld) as caught:
        store.consume(
            request.id,
            request.fingerprint,
            requester="bot",
            claim_lifetime=1000,
            claim_id="clm_1",
            digest=request.digest,
        )
    assert not isinstance(caught.value, StatusConflict)
