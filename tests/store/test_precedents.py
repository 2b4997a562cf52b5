"""What was asked and approved before a request: what counts, what does not, and how little is read for it."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest

from approval_tui.domain.calls import Call, check_call
from approval_tui.domain.clock import HOUR
from approval_tui.domain.errors import RequestNotFound
from approval_tui.domain.models import Request, Requirements
from approval_tui.domain.precedents import Precedents
from approval_tui.domain.submissions import PolicyDecision, Submission
from approval_tui.store.asynchronous import AsyncStore
from approval_tui.store.blocking import BlockingStore
from approval_tui.store.statements import STATEMENTS
from approval_tui.store.transactions import precedents, submissions
from tests.store.granting import grant_for
from tests.store.tampering import attack, sqlite_alone
from tests.support import (
    ANN,
    BO,
    ManualClock,
    approve,
    assert_sound,
    consume,
    deny,
    sqlite_engine,
    submit,
    submit_approved,
)


def a_call(number: int = 0, **parts: Any) -> Call:
    return Call(**{"tool": "shell", "requester": "bot", "arguments": {"n": number}, **parts})


def before(store: BlockingStore, request: Request) -> Precedents:
    return store.reader.precedents(request.id)


def approved_ids(store: BlockingStore, request: Request) -> list[str]:
    return [each.id for each in before(store, request).approved]


# --- firsts ------------------------------------------------------------------------------------


def test_what_is_first_is_told_of_the_store_the_requester_and_the_tool(store: BlockingStore) -> None:
    first = submit(store, a_call())
    other = submit(store, a_call(requester="other"))
    tool = submit(store, a_call(tool="fetch"))
    again = submit(store, a_call(1))

    def firsts(request: Request) -> tuple[bool, ...]:
        found = before(store, request)
        return (
            found.is_first,
            found.is_first_of_requester,
            found.is_first_of_tool,
            found.is_first_of_requester_for_tool,
        )

    assert firsts(first) == (True, True, True, True)
    assert firsts(other) == (False, True, False, True)
    assert firsts(tool) == (False, False, True, True)
    assert firsts(again) == (False, False, False, False)


def test_only_what_was_asked_before_counts(store: BlockingStore) -> None:
    older = submit_approved(store, a_call(1))
    request = submit(store, a_call(2))
    submit_approved(store, a_call(3))
    submit_approved(store, a_call(4, tool="fetch", requester="later"))
    assert approved_ids(store, request) == [older.id]
    assert before(store, older).is_first


def test_a_request_that_is_not_there_has_no_past(store: BlockingStore) -> None:
    with pytest.raises(RequestNotFound):
        store.reader.precedents(f"apr_{0:032x}")


# --- what was approved -------------------------------------------------------------------------


def test_approved_is_what_somebody_said_yes_to_and_nobody_no_afterwards(
    store: BlockingStore, clock: ManualClock
) -> None:
    approved = [
        submit_approved(store, a_call(1)),
        consume(store, submit_approved(store, a_call(2))).request,
        submit_approved(store, a_call(3)),
    ]
    store.requester.cancel(approved[2].id, requester="bot")
    submit(store, a_call(4))
    deny(store, submit(store, a_call(5)))
    store.reviewer.revoke(submit_approved(store, a_call(6)).id, reviewer=BO)
    approve(store, submit(store, a_call(7, requirements=Requirements(quorum=2))))
    submit_approved(store, a_call(8, tool="fetch"))
    store.requester.cancel(submit(store, a_call(9)).id, requester="bot")
    expected = [each.id for each in reversed(approved)]
    assert approved_ids(store, submit(store, a_call(10))) == expected
    clock.move(HOUR)  # whether an expiry is recorded or not
    assert approved_ids(store, submit(store, a_call(11))) == expected
    store.reviewer.expire_due()
    assert approved_ids(store, submit(store, a_call(12))) == expected
    assert_sound(store)


def test_what_a_grant_approved_counts(store: BlockingStore) -> None:
    grant_for(store, a_call(1, session="s"))
    by_grant = store.requester.submit(a_call(1, session="s")).request
    assert by_grant.status == "approved"
    assert by_grant.id in approved_ids(store, submit(store, a_call(2)))


def test_what_a_policy_decided_does_not_count(store: BlockingStore) -> None:
    checked = check_call(a_call(1))
    submission = Submission("key", "hash", "10m", has_context=False)
    allowed = PolicyDecision("approve", "rule", "why")
    decided = store._engine.write(submissions.submit_once, checked, submission, allowed).request
    assert (decided.status, decided.is_decided_by_policy) == ("approved", True)
    last = submit(store, a_call(2))
    assert before(store, last).approved == ()
    assert not before(store, last).is_first_of_tool


def test_a_reviewer_whose_reason_imitates_a_policy_counts(store: BlockingStore) -> None:
    request = submit(store, a_call(1))
    reason = '","via":"policy","x":" %"via":"policy"% \\","via":"policy"'
    store.reviewer.decide(request.id, "approve", reviewer=ANN, digest=request.digest, reason=reason)
    assert approved_ids(store, submit(store, a_call(2))) == [request.id]


@pytest.mark.parametrize(
    "spoil", ["arguments = '['", *map(sqlite_alone, ("requester = x'ff'", "server = x'ff'", "decided_at = 'x'"))]
)
def test_a_row_that_somebody_spoiled_is_nobodys_precedent(spoil: str, store: BlockingStore) -> None:
    sound, spoiled = (submit_approved(store, a_call(number)) for number in range(2))
    request = submit(store, a_call(3))
    attack(store, f"UPDATE requests SET {spoil} WHERE id = ?", (spoiled.id,))
    assert approved_ids(store, request) == [sound.id]


# --- names -------------------------------------------------------------------------------------


def test_names_are_those_that_were_there_before(store: BlockingStore) -> None:
    submit(store, a_call(1, tool="Bash", requester="Bot", server="files"))
    submit(store, a_call(2, tool="bash", requester="bot"))
    request = submit(store, a_call(3, tool="bash", requester="bot"))
    submit(store, a_call(4, tool="later", requester="later", server="later"))
    found = before(store, request)
    assert (found.tools, found.requesters, found.servers, found.are_all_names) == (
        ("Bash",),
        ("Bot",),
        ("files",),
        True,
    )
    genuine = submit(store, a_call(5, tool="Bash", requester="Bot"))
    assert (before(store, genuine).tools, before(store, genuine).requesters) == ((), ())


def test_of_very_many_names_not_all_are_told(store: BlockingStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precedents, "MOST_NAMES", 5)
    for number in range(4):
        submit(store, a_call(number, tool=f"tool-{number}"))
    assert before(store, submit(store, a_call(8, tool="tool-4"))).are_all_names is False
    found = before(store, submit(store, a_call(9, tool="tool-5")))
    assert (found.tools, found.are_all_names) == (("tool-0", "tool-1", "tool-2", "tool-3", "tool-4"), False)


# --- bounds ------------------------------------------------------------------------------------


def test_so_many_approved_calls_are_given_and_that_there_are_more_is_told(
    store: BlockingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precedents, "MOST_APPROVED", 3)
    made = [submit_approved(store, a_call(number)) for number in range(3)]
    found = before(store, submit(store, a_call(9)))
    assert ([each.id for each in found.approved], found.is_whole) == ([each.id for each in reversed(made)], False)


def test_the_last_calls_of_its_requester_are_given_though_many_others_are_newer(
    store: BlockingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precedents, "MOST_APPROVED", 3)
    own = submit_approved(store, a_call(0))
    for number in range(1, 6):
        submit_approved(store, a_call(number, requester="other"))
    found = before(store, submit(store, a_call(9)))
    assert [each.requester for each in found.approved] == ["other", "other", "other", "bot"]
    assert found.approved[-1].id == own.id
    assert not found.is_whole


def test_only_so_many_calls_are_looked_at(store: BlockingStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precedents, "MOST_CALLS", 3)
    submit_approved(store, a_call(0))
    for number in range(1, 4):
        request = submit(store, a_call(number, requester="other"))
    assert before(store, request).calls_looked_at is None
    found = before(store, submit(store, a_call(9)))
    assert (found.approved, found.calls_looked_at, found.is_first_of_requester_for_tool) == ((), 3, True)
    assert not found.is_first_of_tool
    assert not found.is_whole


def test_only_so_many_characters_are_read(store: BlockingStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precedents, "MOST_CHARACTERS", 1000)
    made = [submit_approved(store, a_call(number, arguments={"n": number, "t": "x" * 600})) for number in range(5)]
    found = before(store, submit(store, a_call(9)))
    assert [each.id for each in found.approved] == [made[4].id, made[3].id]
    assert not found.is_whole
    monkeypatch.setattr(precedents, "MOST_CHARACTERS", 100_000)
    assert before(store, submit(store, a_call(10))).is_whole


# --- both forms, and query plans ---------------------------------------------------------------


async def test_both_forms_give_the_same(store: BlockingStore, async_store: AsyncStore) -> None:
    submit_approved(store, a_call(1, server="files"))
    request = submit(store, a_call(2))
    mine = store.reviewer.precedents(request.id)
    assert dataclasses.astuple(await async_store.reviewer.precedents(request.id)) == dataclasses.astuple(mine)


def steps(store: BlockingStore, name: str) -> list[str]:
    """What SQLite does with the rows for this statement, step by step."""
    statement = STATEMENTS[name]
    parameters = {**dict.fromkeys(re.findall(r":(\w+)", statement), "apr_0"), "most": 1, "skipped": 0}
    rows = sqlite_engine(store).connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
    return [row["detail"] for row in rows if "requests" in row["detail"] or "B-TREE" in row["detail"]]


BY_TOOL, BY_REQUESTER = "requests_by_tool", "requests_by_requester"


@pytest.mark.sqlite_alone
@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("older_request", "USING COVERING INDEX sqlite_autoindex_requests_1 (id<?)"),
        ("older_request_of_requester", f"USING COVERING INDEX {BY_REQUESTER} (requester=? AND id<?)"),
        ("older_call_of_tool", f"USING COVERING INDEX {BY_TOOL} (tool=? AND id<?)"),
        ("older_call_of_tool_by_requester", f"USING INDEX {BY_TOOL} (tool=? AND id>? AND id<?)"),
        ("approved_calls_of_tool", f"USING INDEX {BY_TOOL} (tool=? AND id>? AND id<?)"),
        ("approved_calls_of_requester", f"USING INDEX {BY_TOOL} (tool=? AND id>? AND id<?)"),
    ],
)
def test_what_came_before_is_found_along_an_index_in_the_order_of_ids(
    store: BlockingStore, name: str, way: str
) -> None:
    assert steps(store, name) == [f"SEARCH requests {way}"]


@pytest.mark.sqlite_alone
@pytest.mark.parametrize(("name", "index"), [("tools_seen", BY_TOOL), ("requesters_seen", BY_REQUESTER)])
def test_names_are_found_by_steps_along_an_index_and_no_row_is_read(
    store: BlockingStore, name: str, index: str
) -> None:
    found = steps(store, name)
    assert found
    assert all(step.startswith(f"SEARCH requests USING COVERING INDEX {index}") for step in found)


@pytest.mark.sqlite_alone
def test_servers_are_read_from_the_newest_of_the_older_requests(store: BlockingStore) -> None:
    first, *others = steps(store, "servers_seen")
    assert first == "SEARCH requests USING INDEX sqlite_autoindex_requests_1 (id<?)"
    assert not any("requests" in step for step in others)
