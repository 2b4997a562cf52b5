"""What became of calls: reported where it is known, given back where nothing ran, left in doubt where nobody knows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from approval_tui.domain.clock import DAY, HOUR, system_clock
from approval_tui.domain.counters import Counter
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from tests.gate.policies import away_from_midnight, details_of, edit, value_of
from tests.proxy.client import recorded
from tests.proxy.conftest import StartProxy
from tests.proxy.support_calls import (
    DONE,
    approved,
    asked,
    in_doubt_later,
    run_approved,
    until_servers_ended,
)
from tests.support import assert_sound, event_names, until

COUNTING = """
version: "1"
tools:
  write:
    rules:
      - {name: ask, action: require_approval}
      - name: daily writes
        action: evaluate
        conditions: [{path: state.write.written, op: lte, value: 100}]
        state: {counter: written, window: day}
  read:
    rules:
      - name: daily reads
        action: evaluate
        conditions: [{path: state.read.seen, op: lte, value: 100}]
        state: {counter: seen, window: day}
"""
WRITTEN = Counter("write.written", DAY)
SEEN = Counter("read.seen", DAY)

BEGUN = ["request_submitted", "request_approved", "request_reused", "request_consumed"]


@pytest.fixture
def policy(policy: Path) -> Path:
    """Reading is allowed, writing asks, and both are counted."""
    away_from_midnight()
    policy.write_text(COUNTING)
    return policy


@pytest.fixture
def later(store_path: str) -> Iterator[BlockingStore]:
    """The same store two hours ahead, when claims that nobody reported on are in doubt."""
    with open_store_blocking(store_path, clock=lambda: system_clock() + 2 * HOUR) as opened:
        yield opened


def counted(desk: BlockingStore) -> tuple[int, int]:
    """How many writes and reads the policy has counted."""
    return value_of(desk, WRITTEN), value_of(desk, SEEN)


def test_success_and_both_kinds_of_failure_are_reported_and_counted(
    start_proxy: StartProxy, desk: BlockingStore, later: BlockingStore
) -> None:
    proxy = start_proxy("--hold", "0")
    request, answer = run_approved(proxy, desk, "write", {"n": 1})
    assert answer["result"] == DONE
    assert (request.status, request.outcome, request.outcome_detail) == ("consumed", "succeeded", None)
    assert event_names(desk, request) == [*BEGUN, "outcome_reported"]

    request, answer = run_approved(proxy, desk, "write", {"answer": "is_error"})
    assert answer["result"] == {**DONE, "isError": True}
    assert (request.status, request.outcome, request.outcome_detail) == ("consumed", "failed", "done")

    request, answer = run_approved(proxy, desk, "write", {"answer": "error"})
    assert answer["error"] == {"code": -32602, "message": "no such file"}
    assert (request.status, request.outcome) == ("consumed", "failed")
    assert request.outcome_detail == "JSON-RPC error -32602: no such file"

    again = asked(proxy, desk, "write", {"answer": "error"})
    assert again.id != request.id, "what ran and failed has used its approval"
    proxy.call("read", {"answer": "error"})
    assert counted(desk) == (3, 1)
    assert in_doubt_later(later) == set()
    assert_sound(desk)


def test_rollback_on_error_gives_back_the_approval_and_what_was_counted(
    start_proxy: StartProxy, desk: BlockingStore, record: Path
) -> None:
    proxy = start_proxy("--hold", "0", "--rollback-on", "error")
    for n, failure in enumerate(("is_error", "error"), 1):
        request, answer = run_approved(proxy, desk, "write", {"answer": failure})
        assert "error" in answer or answer["result"]["isError"]
        assert (request.status, request.outcome) == ("approved", None)
        assert event_names(desk, request) == [*BEGUN, "claim_rolled_back"]
        assert counted(desk) == (0, 0)
        proxy.call("write", {"answer": failure})
        assert len(recorded(record)) == 2 * n, "it ran again, and nobody was asked"
        assert desk.reviewer.list() == ()
    proxy.call("read", {"answer": "is_error"})
    assert len(details_of(desk, "tool_call_not_run")) == 1
    assert counted(desk) == (0, 0)
    request, _ = run_approved(proxy, desk, "write")
    assert request.outcome == "succeeded"
    assert counted(desk) == (1, 0)
    assert_sound(desk)


def test_what_failed_with_a_reviewers_arguments_is_rolled_back_and_runs_with_them_again(
    start_proxy: StartProxy, desk: BlockingStore, record: Path
) -> None:
    proxy = start_proxy("--hold", "0", "--rollback-on", "error")
    edit(desk, asked(proxy, desk, "write", {"n": 1}), {"n": 2, "answer": "error"})
    for _ in range(2):
        proxy.call("write", {"n": 1})
    assert [call["arguments"] for call in recorded(record)] == [{"n": 2, "answer": "error"}] * 2


def test_a_server_that_dies_in_the_middle_of_a_call_leaves_it_in_doubt(
    start_proxy: StartProxy, desk: BlockingStore, later: BlockingStore, record: Path
) -> None:
    proxy = start_proxy("--hold", "0", "--rollback-on", "error")
    request, answer = run_approved(proxy, desk, "write", {"answer": "die"})
    assert answer["error"]["code"] == -32603
    assert "nobody knows whether the call ran" in answer["error"]["message"]
    assert proxy.wait() == 7
    assert event_names(desk, request) == BEGUN
    assert desk.reviewer.get(request.id).outcome is None
    assert counted(desk) == (1, 0)
    assert in_doubt_later(later) == {request.id}
    assert len(recorded(record)) == 1
    assert asked(start_proxy("--hold", "0"), desk, "write", {"answer": "die"}).id != request.id
    assert_sound(desk)


def test_a_server_that_can_certainly_not_have_read_a_call_has_not_run_it(
    start_proxy: StartProxy, desk: BlockingStore, record: Path
) -> None:
    proxy = start_proxy("--hold", "0")
    request = approved(proxy, desk, "write", {"n": 1})
    assert proxy.call("read", {"answer": "deaf"})["result"] == DONE
    for call in (proxy.call("write", {"n": 1}), proxy.call("read")):
        assert call["error"]["code"] == -32603
        assert "the call did not run" in call["error"]["message"]
    assert event_names(desk, request) == [*BEGUN, "claim_rolled_back"]
    assert desk.reviewer.get(request.id).status == "approved"
    assert len(details_of(desk, "tool_call_not_run")) == 1
    assert counted(desk) == (0, 1)
    assert len(recorded(record)) == 1
    proxy.hang_up()

    assert start_proxy().call("write", {"n": 1})["result"] == DONE
    assert desk.reviewer.get(request.id).outcome == "succeeded"
    assert_sound(desk)


def test_a_call_that_its_client_did_not_wait_for_is_reported_all_the_same(
    start_proxy: StartProxy, desk: BlockingStore, record: Path, tmp_path: Path
) -> None:
    proxy = start_proxy("--hold", "0")
    go_on = tmp_path / "go on"
    request = approved(proxy, desk, "write", {"answer": "when", "file": str(go_on)})
    proxy.start_call("write", {"answer": "when", "file": str(go_on)})
    until(lambda: recorded(record))
    assert proxy.process.stdin is not None
    proxy.process.stdin.close()
    go_on.touch()
    assert proxy.wait() == 0
    assert desk.reviewer.get(request.id).outcome == "succeeded"
    assert_sound(desk)


def test_a_call_that_a_server_never_answers_is_in_doubt_when_all_is_over(
    start_proxy: StartProxy, desk: BlockingStore, later: BlockingStore, record: Path
) -> None:
    proxy = start_proxy("--hold", "0")
    request = approved(proxy, desk, "write", {"answer": "never"})
    proxy.start_call("write", {"answer": "never"})
    until(lambda: recorded(record))
    assert proxy.hang_up() == 0
    until_servers_ended(record)
    assert event_names(desk, request) == BEGUN
    assert in_doubt_later(later) == {request.id}
    assert_sound(desk)


def test_an_answer_that_can_be_read_in_two_ways_is_no_success_and_gives_nothing_back(
    start_proxy: StartProxy, desk: BlockingStore, record: Path
) -> None:
    proxy = start_proxy("--hold", "0", "--rollback-on", "error")
    request, answer = run_approved(proxy, desk, "write", {"answer": "ambiguous"})
    assert answer["error"]["code"] == -32603
    assert "refused" in answer["error"]["message"]
    assert len(recorded(record)) == 1
    assert request.outcome != "succeeded"
    assert request.status == "consumed", "the server did not say that it failed: the call has run"
    assert counted(desk) == (1, 0)
