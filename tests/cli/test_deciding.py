"""approve, deny, expire, revoke, resolve: on which digest, by whom, and what a script gets back."""

from __future__ import annotations

import json
import os
import pwd
from pathlib import Path

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.clock import MINUTE
from approval_tui.domain.decisions import NO_EVIDENCE
from approval_tui.domain.models import Request, Requirements
from approval_tui.store.blocking import BlockingStore
from tests.cli.running import Cli, run_process
from tests.support import BO, approve, assert_sound, consume, deny, submit, submit_approved

MYSELF = pwd.getpwuid(os.getuid()).pw_name


def now(store: BlockingStore, request: Request) -> Request:
    return store.reviewer.get(request.id)


def test_without_a_terminal_approve_needs_the_digest(cli: Cli, store: BlockingStore, request_: Request) -> None:
    refused = cli("approve", request_.id)
    assert refused.code == 2
    assert "--digest" in refused.err
    assert f"approval-tui show {request_.id}" in refused.err
    assert now(store, request_).status == "pending"


def test_approve_with_the_digest_approves_and_prints_the_result(
    cli: Cli, store: BlockingStore, request_: Request
) -> None:
    finished = cli("approve", request_.id, "--digest", request_.digest, "--reviewer", "ann", "--reason", "fine")
    assert (finished.code, finished.out, finished.err) == (0, f"{request_.id} approved\n", "")
    (decision,) = now(store, request_).decisions
    assert (decision.reviewer, decision.reason, decision.digest) == ("ann", "fine", request_.digest)
    assert_sound(store)


@pytest.mark.parametrize("digest", ["", "v1:sha256:" + "0" * 64, "approve"])
def test_another_digest_is_a_conflict(cli: Cli, store: BlockingStore, request_: Request, digest: str) -> None:
    for verdict in ("approve", "deny"):
        refused = cli(verdict, request_.id, "--digest", digest)
        assert refused.code == 4
        assert request_.digest in refused.err
    assert now(store, request_) == request_


def test_every_decision_records_where_it_came_from(cli: Cli, store: BlockingStore, request_: Request) -> None:
    assert cli("deny", request_.id, "--actor", "bo", "--reason", "too late").code == 0
    (decision,) = now(store, request_).decisions
    assert (decision.reviewer, decision.reason, decision.via) == ("bo", "too late", "cli")
    assert (decision.os_user, decision.tty, decision.evidence) == (MYSELF, None, NO_EVIDENCE)


def test_without_a_name_the_reviewer_is_the_one_of_the_operating_system(
    cli: Cli, store: BlockingStore, request_: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("LOGNAME", "USER", "USERNAME"):
        monkeypatch.setenv(variable, "somebody-else")
    assert cli("deny", request_.id).code == 0
    assert now(store, request_).decisions[-1].reviewer == MYSELF


def test_the_configuration_may_name_the_reviewer(
    cli: Cli, store: BlockingStore, request_: Request, tmp_path: object
) -> None:
    config = f"{tmp_path}/config.yaml"
    with open(config, "w") as file:
        file.write("reviewer: cy\n")
    assert cli("deny", request_.id, "--config", config).code == 0
    assert now(store, request_).decisions[-1].reviewer == "cy"


def test_an_empty_name_is_no_reviewer(cli: Cli, store: BlockingStore, request_: Request) -> None:
    for words in (["deny", request_.id], ["expire", request_.id]):
        assert cli(*words, "--reviewer", "").code == 2
    assert now(store, request_).status == "pending"


def test_an_edit_is_what_may_run(cli: Cli, store: BlockingStore, request_: Request) -> None:
    edited = {"command": "make deploy --dry-run"}
    finished = cli("approve", request_.id, "--digest", request_.digest, "--edit", json.dumps(edited), "--json")
    assert finished.json["edited_arguments"] == edited
    assert finished.json["arguments"] == request_.arguments
    assert finished.json["digest"] != request_.digest
    assert consume(store, now(store, request_)).arguments == edited


def test_an_edit_may_come_from_stdin(store: BlockingStore, request_: Request) -> None:
    words = ["approve", request_.id, "--digest", request_.digest, "--edit", "-"]
    assert run_process(*words, stdin=b'{"command": "ls"}').code == 0
    assert now(store, request_).edited_arguments == {"command": "ls"}


@pytest.mark.parametrize("edit", ["", "[]", "{", '{"a": NaN}', '{"a": 1, "a": 2}', '{"a": "\\ud800"}'])
def test_an_edit_that_is_no_object_decides_nothing(
    cli: Cli, store: BlockingStore, request_: Request, edit: str
) -> None:
    assert cli("approve", request_.id, "--digest", request_.digest, "--edit", edit).code == 2
    assert now(store, request_) == request_


def test_a_decided_request_says_who_decided_and_ends_with_4(cli: Cli, store: BlockingStore, request_: Request) -> None:
    deny(store, request_, "not\u202e today")
    for words in (["approve", "--digest", request_.digest], ["deny"], ["revoke"], ["expire"]):
        refused = cli(words[0], request_.id, *words[1:], "--reviewer", "bo")
        assert (refused.code, refused.out) == (4, "")
        assert 'already denied by ann ("not\\u{202E} today")' in refused.err


def test_the_same_decision_again_is_harmless(cli: Cli, store: BlockingStore, request_: Request) -> None:
    words = ("approve", request_.id, "--digest", request_.digest, "--reviewer", "ann")
    assert [cli(*words).code, cli(*words).code] == [0, 0]
    assert len(now(store, request_).decisions) == 1


def test_a_vote_that_is_not_enough_says_so(cli: Cli, store: BlockingStore, call: Call) -> None:
    needs_two = Call("pay", {"amount": 1}, "bot", requirements=Requirements(quorum=2))
    request = submit(store, needs_two)
    first = cli("approve", request.id, "--digest", request.digest, "--reviewer", "ann")
    assert (first.code, first.out) == (0, f"{request.id} pending\n")
    assert first.err == "Your vote is recorded: 1 of 2.\n"
    again = cli("approve", request.id, "--digest", request.digest, "--reviewer", "Ann ")
    assert (again.code, again.err) == (0, "You have approved it already, and nothing changed: 1 of 2.\n")
    assert cli("approve", request.id, "--digest", request.digest, "--reviewer", "bo").out.endswith(" approved\n")


def test_show_and_list_say_how_many_reviewers_are_needed_and_who_has_approved(cli: Cli, store: BlockingStore) -> None:
    named = Requirements(quorum=2, reviewers=("ann", "bo", "cy"))
    request = submit(store, Call("pay", {"amount": 1}, "bot", requirements=named))
    approve(store, request)
    needs = "2 of 3 (ann, bo, cy): ann approved (advisory here: names are not checked)"
    assert needs in " ".join(cli("show", request.id).out.split())
    assert "1 of 2  1" in cli("list").out
    approve(store, request, BO)
    assert "of 2" not in cli("history").out


def test_a_rule_that_wants_the_payload_shown_refuses_the_command_line(cli: Cli, store: BlockingStore) -> None:
    request = submit(store, Call("pay", {"amount": 1}, "bot", requirements=Requirements(evidence="shown")))
    refused = cli("approve", request.id, "--digest", request.digest)
    assert (refused.code, "in the console" in refused.err) == (4, True)


def test_revoke_takes_an_approval_back(cli: Cli, store: BlockingStore, call: Call) -> None:
    request = submit_approved(store, call)
    finished = cli("revoke", request.id[:20], "--reviewer", "bo", "--reason", "second thoughts", "--json")
    assert finished.json["status"] == "denied"
    decision = finished.json["decisions"][-1]
    assert (decision["reviewer"], decision["reason"], decision["via"]) == ("bo", "second thoughts", "cli")


def test_expire_ends_a_request_without_a_verdict(cli: Cli, store: BlockingStore, request_: Request) -> None:
    assert cli("expire", request_.id).out == f"{request_.id} expired\n"
    assert now(store, request_).decisions == ()


def test_expire_refuses_a_valid_approval_and_says_what_to_do(cli: Cli, store: BlockingStore, call: Call) -> None:
    request = submit_approved(store, call)
    refused = cli("expire", request.id)
    assert (refused.code, f"approval-tui revoke {request.id}" in refused.err) == (4, True)


def test_all_stale_records_what_has_expired_and_nothing_else(
    cli: Cli, store: BlockingStore, past: BlockingStore, request_: Request
) -> None:
    for number in range(3):
        submit(past, Call("shell", {"n": number}, "bot"))
    assert cli("expire", "--all-stale").out == "3 expired\n"
    assert cli("expire", "--all-stale", "--json").json == {"expired": 0}
    assert now(store, request_).status == "pending"
    assert_sound(store)


def test_resolve_ends_a_claim_that_is_in_doubt(cli: Cli, store: BlockingStore, past: BlockingStore, call: Call) -> None:
    request = submit_approved(past, call)
    past.requester.consume(request.id, request.fingerprint, requester=request.requester, claim_lifetime=MINUTE)
    assert cli("show", request.id, "--json").json["in_doubt"] is True
    words = ("resolve", request.id, "--outcome", "failed", "--reviewer", "ann", "--reason", "the host was down")
    assert cli(*words).out == f"{request.id} consumed failed\n"
    assert now(store, request).outcome_detail == "the host was down"
    assert cli(*words).code == 4


def test_resolve_refuses_a_call_that_may_still_run(cli: Cli, store: BlockingStore, call: Call) -> None:
    request = consume(store, submit_approved(store, call)).request
    assert cli("resolve", request.id, "--outcome", "not_run").code == 4
    assert now(store, request).outcome is None


def test_an_approval_that_lost_the_race_says_what_the_request_is_now(
    cli: Cli, store: BlockingStore, request_: Request
) -> None:
    approve(store, request_)
    lost = cli("deny", request_.id, "--reviewer", "bo")
    assert (lost.code, "already approved by ann" in lost.err) == (4, True)


def test_a_reason_that_bulk_quotes_is_masked_and_exact_as_json(
    cli: Cli, store: BlockingStore, request_: Request, tmp_path: Path
) -> None:
    deny(store, request_, "token=hunter22-and-more", BO)
    chosen = tmp_path / "chosen.json"
    chosen.write_text(json.dumps([{"id": request_.id, "digest": request_.digest}]))
    said = cli("bulk", "approve", str(chosen), "--reviewer", "ann")
    assert said.code != 0
    assert "characters redacted" in said.out
    assert "hunter22" not in said.out
    assert "hunter22" in cli("bulk", "approve", str(chosen), "--reviewer", "ann", "--json").out
