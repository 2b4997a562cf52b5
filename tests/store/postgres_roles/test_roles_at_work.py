"""An agent's role does all that an agent does, and a reviewer's all that a reviewer does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from approval_tui import Gate
from approval_tui.domain.calls import Call, check_call
from approval_tui.domain.clock import DAY
from approval_tui.domain.counters import Counter, Reservation
from approval_tui.domain.errors import ApprovalHeld, PolicyDenied, RequestNotFound, StoreReadOnly
from approval_tui.domain.grants import GrantTerms
from approval_tui.domain.policy_notes import PolicyNote
from approval_tui.domain.proxies import ProxyStanding
from approval_tui.domain.verdicts import Verdict
from approval_tui.store.blocking import BlockingStore
from tests.store.postgres_roles.arena import Arena
from tests.support import ANN, approve, assert_sound, consume, deny, event_names, submit

MakeCall = Callable[..., Call]


def test_an_agent_asks_waits_uses_and_reports_what_a_reviewer_approved(
    agent: BlockingStore, reviewer: BlockingStore, a_call: MakeCall
) -> None:
    request = submit(agent, a_call())
    assert agent.requester.submit(a_call(arguments=request.arguments)).request.id == request.id
    approve(reviewer, request)
    assert agent.requester.wait(request.id).status == "approved"
    claim = consume(agent, request)
    agent.requester.rollback(request.id, claim.id, detail="lost a \0 here, and a literal \\u0000 and \U0010ffff")
    claim = consume(agent, request)
    ended = agent.requester.report_outcome(request.id, claim.id, "succeeded", detail="a \0, a \\u0000, a \U0010ffff")
    assert ended.outcome == "succeeded"
    assert_sound(reviewer)


def test_an_agent_withdraws_gives_up_and_learns_of_a_denial(
    agent: BlockingStore, reviewer: BlockingStore, a_call: MakeCall
) -> None:
    withdrawn = submit(agent, a_call())
    assert agent.requester.cancel(withdrawn.id, requester=withdrawn.requester).status == "cancelled"
    used = submit(agent, a_call())
    approve(reviewer, used)
    claim = consume(agent, used)
    assert agent.requester.give_up(used.id, claim.id, reason="gone").status == "cancelled"
    denied = submit(agent, a_call())
    deny(reviewer, denied, "no")
    assert agent.requester.wait(denied.id).decisions[-1].reason == "no"
    assert_sound(reviewer)


def test_an_agent_records_that_its_request_has_expired(
    agent: BlockingStore, reviewer: BlockingStore, a_call: MakeCall
) -> None:
    request = submit(agent, a_call(timeout=1))
    assert agent.requester.wait(request.id).status == "expired"
    assert event_names(reviewer, request) == ["request_submitted", "request_expired"]


def test_a_reviewer_edits_votes_holds_revokes_and_resolves(
    agent: BlockingStore, reviewer: BlockingStore, a_call: MakeCall
) -> None:
    edited = submit(agent, a_call())
    reviewer.reviewer.decide(
        edited.id, "approve", reviewer=ANN, digest=edited.digest, edited_arguments={"command": "make all"}
    )
    assert consume(agent, agent.requester.get(edited.id)).arguments == {"command": "make all"}
    revoked = submit(agent, a_call())
    approve(reviewer, revoked)
    reviewer.reviewer.revoke(revoked.id, reviewer=ANN)
    assert agent.requester.get(revoked.id).status == "denied"
    in_doubt = submit(agent, a_call())
    approve(reviewer, in_doubt)
    agent.requester.consume(in_doubt.id, in_doubt.fingerprint, requester=in_doubt.requester, claim_lifetime=1)
    ended = reviewer.reviewer.resolve(in_doubt.id, "failed", reviewer=ANN, reason="it did not run")
    assert ended.outcome == "failed"
    assert ended.session is not None
    reviewer.reviewer.hold_session(ended.requester, ended.session, reviewer=ANN)
    reviewer.reviewer.release_session(ended.requester, ended.session, reviewer=ANN)
    assert_sound(reviewer)


def test_a_gate_admits_counts_and_says_what_its_policy_is(agent: BlockingStore, a_call: MakeCall) -> None:
    call = a_call()
    counter = Counter(f"calls of {call.requester}", DAY)
    verdict = Verdict("allow", reservations=(Reservation(counter, 1, 5, "rule", "too many"),))
    agent.requester.admit(check_call(call), verdict, claim_id="clm_1")
    assert agent.requester.counter_values([counter]) == {counter: 1}
    agent.requester.give_back("clm_1")
    assert agent.requester.counter_values([counter]) == {counter: 0}
    agent.requester.record_denial(check_call(call), Verdict("deny"))
    assert agent.requester.note_policy(PolicyNote(f"{call.requester}.yaml", "h", (), call.requester))
    assert not agent.requester.note_policy(PolicyNote(f"{call.requester}.yaml", "h", (), call.requester))
    agent.requester.note_proxy(ProxyStanding("prx_1", call.requester, "run", "server", None, "host", 1, 1))


POLICY = """
version: "1"
default: require_approval
tools:
  read: {rules: []}
  drop: {rules: [{name: never, action: deny, on_deny: Not for agents.}]}
  "*": {rules: [{name: not too often, rate_limit: 3/day}]}
"""


def test_a_gate_with_a_policy_works_with_an_agents_credentials(
    arena: Arena, reviewer: BlockingStore, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY)
    with Gate(f"gate of {tmp_path}", store=arena.agent, policy=str(policy), session="run") as gate:
        with gate.guard("read", {}):
            pass
        with pytest.raises(PolicyDenied, match="Not for agents"), gate.guard("drop", {}):
            pass
        request = gate.submit_blocking("write", {"text": "a"})
        approve(reviewer, request)
        with gate.guard("write", {"text": "a"}) as call:
            assert call.arguments == {"text": "a"}
        assert reviewer.reviewer.get(request.id).outcome == "succeeded"
        reviewer.reviewer.hold_session(gate.requester, "run", reviewer=ANN)
        with pytest.raises(ApprovalHeld), gate.guard("read", {}):
            pass
    assert_sound(reviewer)


def test_an_agent_sees_its_own_requests_alone(
    agent: BlockingStore, other: BlockingStore, reviewer: BlockingStore, a_call: MakeCall
) -> None:
    mine, theirs = submit(agent, a_call()), submit(other, a_call("other-bot"))
    with pytest.raises(RequestNotFound):
        other.requester.get(mine.id)
    with pytest.raises(RequestNotFound):
        agent.reader.find(theirs.id)
    assert mine.id in {request.id for request in agent.reader.list()}
    assert theirs.id not in {request.id for request in agent.reader.list()}
    assert {mine.id, theirs.id} <= {request.id for request in reviewer.reader.list()}


def test_what_only_others_may_is_refused_in_our_words(agent: BlockingStore, a_call: MakeCall) -> None:
    request = submit(agent, a_call())
    for refused in (
        lambda: approve(agent, request),
        lambda: deny(agent, request),
        lambda: agent.reviewer.add_grant(request.id, GrantTerms(), reviewer=ANN, digest=request.digest),
        lambda: agent.reviewer.hold_session(request.requester, request.session or "", reviewer=ANN),
        agent.reviewer.tokens,
        agent.reader.head,
        agent.reader.verify,
        lambda: agent.reader.export(lambda _: None),
    ):
        with pytest.raises(StoreReadOnly):
            refused()
    assert agent.requester.get(request.id).status == "pending"
