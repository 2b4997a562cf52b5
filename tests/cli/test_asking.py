"""submit, wait, consume, outcome, cancel: an agent in any language, a reviewer in another process."""

from __future__ import annotations

import contextlib
import fcntl
import json
import signal
from typing import TextIO

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.clock import DAY, MINUTE
from approval_tui.domain.limits import MOST_ARGUMENT_BYTES
from approval_tui.domain.models import Request
from approval_tui.store.blocking import BlockingStore
from tests.cli.running import Cli, ended, has_bell, one_pending, run_process, started
from tests.store.tampering import raw
from tests.support import approve, assert_sound, deny, event_names, submit, submit_approved, until

ASK = ("submit", "--tool", "shell", "--requester", "bot", "--args")
ASK_DEPLOY = (*ASK, '{"command": "make deploy"}')


def test_an_agent_asks_a_reviewer_decides_and_the_outcome_is_recorded(store: BlockingStore) -> None:
    with started(*ASK_DEPLOY, "--wait", "--json", "--session", "run-1", "--context", '{"cwd": "/srv"}') as agent:
        request = one_pending(store)
        decided = run_process("approve", request.id, "--digest", request.digest, "--reviewer", "ann")
        assert decided.code == 0
        asked = ended(agent)
    assert asked.code == 0
    assert f"Waiting for a decision on {request.id}" in asked.err
    assert (asked.json["status"], asked.json["created"], asked.json["session"]) == ("approved", True, "run-1")

    claimed = run_process("consume", request.id, "--json").json
    assert claimed["arguments"] == {"command": "make deploy"}
    assert claimed["request"]["status"] == "consumed"
    assert run_process("consume", request.id).code == 4

    reported = run_process("outcome", request.id, "succeeded", "--claim", claimed["claim"], "--detail", "in 3 s")
    assert reported.out == f"{request.id} consumed succeeded\n"
    assert store.reviewer.get(request.id).outcome_detail == "in 3 s"
    assert run_process("audit", "verify").code == 0


def test_submit_prints_id_and_status(cli: Cli, store: BlockingStore) -> None:
    finished = cli(*ASK_DEPLOY)
    (request,) = store.reviewer.list()
    assert (finished.code, finished.out, finished.err) == (0, f"{request.id} pending\n", "")


def test_everything_that_submit_takes_is_stored(cli: Cli, store: BlockingStore) -> None:
    words = ["--server", "files", "--session", "s", "--context", '{"cwd": "/"}', "--reason", "why", "--risk", "high"]
    made = cli(*ASK, '{"n": 1.0}', *words, "--timeout", "1h30m", "--json")
    (request,) = store.reviewer.list()
    assert made.json == json.loads(json.dumps({**request.to_json(), "created": True}))
    assert (request.server, request.session, request.context) == ("files", "s", {"cwd": "/"})
    assert (request.reason, request.risk, request.arguments) == ("why", "high", {"n": 1.0})
    assert request.expires_at - request.created_at == 90 * MINUTE


def test_the_configuration_sets_the_times(cli: Cli, store: BlockingStore, tmp_path: object) -> None:
    config = f"{tmp_path}/config.yaml"
    with open(config, "w") as file:
        file.write('requests:\n  timeout: "1d"\n  approval_lifetime: 5m\n  claim_lifetime: 7m\n')
    cli(*ASK_DEPLOY, "--config", config)
    (request,) = store.reviewer.list()
    assert (request.expires_at - request.created_at, request.approval_lifetime) == (DAY, 5 * MINUTE)
    approve(store, request)
    cli("consume", request.id, "--config", config)
    consumed = store.reviewer.get(request.id)
    assert consumed.claim_expires_at is not None
    assert consumed.consumed_at is not None
    assert consumed.claim_expires_at - consumed.consumed_at == 7 * MINUTE


def test_the_same_call_again_meets_the_same_request_and_says_so(cli: Cli, store: BlockingStore) -> None:
    first = cli(*ASK_DEPLOY, "--json").json
    again = cli(*ASK_DEPLOY)
    assert again.out == f"{first['id']} pending\n"
    assert "asked before" in again.err
    assert cli(*ASK_DEPLOY, "--json").json == {**first, "created": False}


def test_arguments_and_context_may_come_from_stdin(store: BlockingStore) -> None:
    assert run_process(*ASK, "-", stdin='{"ü": "\\u202e"}'.encode()).code == 0
    assert run_process(*ASK, "{}", "--context", "-", stdin=b'{"cwd": "/srv"}').code == 0
    first, second = store.reviewer.list()
    assert (first.arguments, second.context) == ({"ü": "\u202e"}, {"cwd": "/srv"})
    assert run_process(*ASK, "-", "--context", "-", stdin=b"{}").code == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("{} {}", "not JSON"),
        ("[1]", "must be a JSON object"),
        ("null", "must be a JSON object"),
        ('{"a": NaN}', "NaN"),
        ('{"a": -Infinity}', "Infinity"),
        ('{"a": 1e400}', "inf"),
        ('{"a": 1, "a": 1}', "twice"),
        ('{"a": {"b": 1, "b\\u202e": 2, "b\\u202e": 3}}', "twice"),
        ('{"a": "\\ud800"}', "lone surrogate"),
        ('{"\\udfff": 1}', "lone surrogate"),
        ('{"a": "\udc80"}', "lone surrogate"),
        ('{"a":' * 200 + "1" + "}" * 200, "nested deeper"),
        ('{"a":' * 20_000, "nested deeper"),
        ('{"a": ' + "9" * 2000 + "}", "bits"),
        ('{"a": ' + "9" * 5000 + "}", "not JSON"),
    ],
    ids=lambda value: repr(value[:30]),
)
def test_json_without_one_meaning_is_refused_and_nothing_is_written(
    cli: Cli, store: BlockingStore, text: str, said: str
) -> None:
    for words in ([*ASK, text], [*ASK, "{}", "--context", text]):
        refused = cli(*words)
        assert refused.code == 2
        assert refused.out == ""
        assert said in refused.err
        assert all(line.isprintable() for line in refused.err.splitlines())
    assert store.reviewer.head() is None


@pytest.mark.parametrize(
    "data",
    [b"\xff{}", b'{"a": "\xff"}', b'{"a": "' + b"x" * 10_000_000 + b'"}', b" " * 34_000_000],
    ids=["no UTF-8", "no UTF-8 in a string", "10 MB", "34 MB"],
)
def test_bad_bytes_and_too_many_of_them_are_refused(store: BlockingStore, data: bytes) -> None:
    refused = run_process(*ASK, "-", stdin=data)
    assert (refused.code, refused.out) == (2, "")
    assert len(refused.err) < 500
    assert store.reviewer.head() is None


def test_arguments_up_to_the_limit_are_taken(store: BlockingStore) -> None:
    data = b'{"a": "' + b"x" * (MOST_ARGUMENT_BYTES - 100) + b'"}'
    assert run_process(*ASK, "-", stdin=data).code == 0


@pytest.mark.parametrize(
    ("status", "code"), [("approved", 0), ("consumed", 0), ("denied", 6), ("expired", 7), ("cancelled", 8)]
)
def test_wait_ends_with_the_code_of_the_status(
    cli: Cli, store: BlockingStore, request_: Request, status: str, code: int
) -> None:
    if status in ("approved", "consumed"):
        approve(store, request_)
    if status == "consumed":
        assert cli("consume", request_.id).code == 0
    if status == "denied":
        deny(store, request_)
    if status == "expired":
        cli("expire", request_.id)
    if status == "cancelled":
        cli("cancel", request_.id)
    finished = cli("wait", request_.id[:20])
    assert (finished.code, finished.out) == (code, f"{request_.id} {status}\n")
    assert cli("wait", request_.id, "--json").json["status"] == status


@pytest.mark.parametrize(("verdict", "code"), [("approve", 0), ("deny", 6), ("expire", 7), ("cancel", 8)])
@pytest.mark.parametrize("how", ["submit", "wait"])
def test_a_waiter_is_woken_by_another_process(store: BlockingStore, how: str, verdict: str, code: int) -> None:
    words = [*ASK_DEPLOY, "--wait"]
    if how == "wait":
        words = ["wait", submit(store, Call("shell", {"command": "make deploy"}, "bot")).id]
    with started(*words) as agent:
        request = one_pending(store)
        if verdict == "approve":
            approve(store, request)
        elif verdict == "deny":
            deny(store, request)
        else:
            assert run_process(verdict, request.id).code == 0
        finished = ended(agent)
    assert finished.code == code
    assert finished.out.startswith(request.id)


def test_a_wait_whose_time_runs_out_prints_the_request_and_ends_with_9(
    cli: Cli, store: BlockingStore, request_: Request
) -> None:
    finished = cli("wait", request_.id, "--timeout", "1ms")
    assert (finished.code, finished.out) == (9, f"{request_.id} pending\n")
    assert cli("wait", request_.id, "--timeout", "0s").code == 9


def test_nobody_decides_in_time(store: BlockingStore) -> None:
    finished = run_process(*ASK_DEPLOY, "--wait", "--timeout", "5ms")
    assert (finished.code, finished.out.split()[1]) == (7, "expired")
    assert_sound(store)


def test_control_c_withdraws_the_request_that_this_command_made(store: BlockingStore) -> None:
    with started(*ASK_DEPLOY, "--wait") as agent:
        request = one_pending(store)
        agent.send_signal(signal.SIGINT)
        finished = ended(agent)
    assert (finished.code, finished.out) == (130, "")
    assert f"{request.id} was withdrawn" in finished.err
    assert store.reviewer.get(request.id).status == "cancelled"


def test_control_c_leaves_the_request_that_another_command_made(store: BlockingStore) -> None:
    request = submit(store, Call("shell", {"command": "make deploy"}, "bot"))
    with started(*ASK_DEPLOY, "--wait") as agent:
        until(lambda: has_bell(store, request))
        agent.send_signal(signal.SIGINT)
        finished = ended(agent)
    assert finished.code == 130
    assert "goes on waiting" in finished.err
    assert store.reviewer.get(request.id).status == "pending"


def test_control_c_of_wait_changes_nothing(store: BlockingStore, request_: Request) -> None:
    with started("wait", request_.id) as waiter:
        until(lambda: has_bell(store, request_))
        waiter.send_signal(signal.SIGINT)
        assert ended(waiter).code == 130
    assert store.reviewer.get(request_.id) == request_


def test_a_waiter_that_is_terminated_dies_at_once_and_decides_nothing(store: BlockingStore) -> None:
    with started(*ASK_DEPLOY, "--wait") as agent:
        request = one_pending(store)
        agent.terminate()
        assert agent.wait(60) == -signal.SIGTERM
    assert store.reviewer.get(request.id).status == "pending"


def test_consume_prints_the_claim_and_the_arguments_each_on_its_own_line(cli: Cli, store: BlockingStore) -> None:
    arguments = {"command": "make\n\u202e", "n": 1.0}
    request = submit_approved(store, Call("shell", arguments, "bot"))
    finished = cli("consume", request.id)
    claim, printed, rest = finished.out.split("\n")
    assert claim.startswith("clm_")
    assert (json.loads(printed), printed.isascii(), rest) == (arguments, True, "")
    assert cli("outcome", request.id, "failed", "--claim", claim).out == f"{request.id} consumed failed\n"


@pytest.mark.parametrize("words", [["--fingerprint", "v1:sha256:0"], ["--fingerprint", ""], ["--requester", "other"]])
def test_consume_of_another_call_is_refused(cli: Cli, store: BlockingStore, call: Call, words: list[str]) -> None:
    request = submit_approved(store, call)
    assert cli("consume", request.id, *words).code == 4
    assert store.reviewer.get(request.id).status == "approved"
    right = ["--fingerprint", request.fingerprint, "--requester", request.requester]
    assert cli("consume", request.id, *right).code == 0


def test_a_claim_that_cannot_be_printed_is_told_on_stderr_and_stays_used(store: BlockingStore, call: Call) -> None:
    request = submit_approved(store, call)
    with started("consume", request.id) as agent:
        assert agent.stdout is not None
        agent.stdout.close()
        agent.stdout = None
        finished = agent.communicate(timeout=60)[1].decode()
    assert agent.returncode == 141
    assert store.reviewer.get(request.id).status == "consumed"
    words = next(line for line in finished.splitlines() if "If the call did not run" in line).split("approval-tui ")[1]
    assert run_process(*words.split()).out == f"{request.id} approved\n"


def test_outcome_not_run_gives_the_approval_back(cli: Cli, store: BlockingStore, call: Call) -> None:
    request = submit_approved(store, call)
    claim = cli("consume", request.id, "--json").json["claim"]
    assert cli("outcome", request.id, "--claim", claim, "not_run").out == f"{request.id} approved\n"
    assert cli("consume", request.id).code == 0


def test_a_claim_ends_once_and_only_for_its_holder(cli: Cli, store: BlockingStore, call: Call) -> None:
    request = submit_approved(store, call)
    claim = cli("consume", request.id, "--json").json["claim"]
    assert cli("outcome", request.id, "succeeded", "--claim", "clm_0").code == 4
    assert cli("outcome", request.id, "succeeded", "--claim", claim).code == 0
    assert cli("outcome", request.id, "failed", "--claim", claim).code == 4
    assert event_names(store, request)[-1] == "outcome_reported"


def test_cancel_withdraws_as_the_requester(cli: Cli, store: BlockingStore, request_: Request) -> None:
    refused = cli("cancel", request_.id, "--requester", "somebody\u202e")
    assert (refused.code, "only the requester cancels" in refused.err) == (4, True)
    assert cli("cancel", request_.id, "--reason", "not needed", "--json").json["status"] == "cancelled"


def test_eight_agents_race_for_one_approval_and_one_gets_the_claim(store: BlockingStore, call: Call) -> None:
    request = submit_approved(store, call)
    with contextlib.ExitStack() as stack:
        processes = [stack.enter_context(started("consume", request.id)) for _ in range(8)]
        codes = sorted(ended(process).code for process in processes)
    assert codes == [0] + [4] * 7


def test_control_c_while_the_request_is_being_written_leaves_none_behind(store: BlockingStore) -> None:
    with contextlib.closing(raw(store)) as other, started(*ASK_DEPLOY, "--wait") as agent:
        other.execute("BEGIN IMMEDIATE")
        with open(f"{store.location}.turn") as turn:
            until(lambda: is_held(turn) or agent.poll() is not None)
        agent.send_signal(signal.SIGINT)
        other.execute("ROLLBACK")
        assert ended(agent).code == 130
    assert store.reviewer.list() == ()


def is_held(file: TextIO) -> bool:
    """Whether another process has its turn to write."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(file, fcntl.LOCK_UN)
    return False
