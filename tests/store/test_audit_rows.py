"""Rows held against the log: a row that was changed, added or taken is found, and does not run."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from approval_tui.domain.audit import Problem
from approval_tui.domain.calls import Call
from approval_tui.domain.errors import StoreCorrupt, StoreUnavailable
from approval_tui.domain.models import Request
from approval_tui.store.blocking import BlockingStore
from tests.store.tampering import attack, columns_of, problems, raw, sqlite_alone
from tests.support import ANN, approve, consume, submit, submit_approved

ROW_CHANGES: dict[str, list[tuple[str, str]]] = {
    "id": [("pending", "'apr_00000000000000000000000000000000'")],
    "status": [
        ("pending", "'approved'"), ("denied", "'approved'"), ("denied", "'pending'"), ("expired", "'pending'"),
        ("doubtful", "'approved'"), ("approved", "'denied'"), ("approved", "'expired'"),
    ],
    "version": [],
    "tool": [("pending", "'other'")],
    "server": [("pending", "NULL"), ("approved", "'other'")],
    "requester": [("pending", "'other'"), ("approved", "'build-bot'")],
    "session": [("pending", "NULL"), ("approved", "'other'")],
    "context": [("pending", "'{\"c\":2}'"), ("approved", "'{}'"), ("approved", "'['")],
    "arguments": [("pending", "'{\"command\":\"rm\"}'"), ("approved", "'{}'"), ("edited", "'{}'"), ("approved", "'{'")],
    "edited_arguments": [("approved", "'{}'"), ("edited", "'{\"a\":2}'"), ("edited", "NULL")],
    "reason": [("pending", "NULL"), ("approved", "'other'")],
    "risk": [("pending", "'high'"), ("approved", "NULL")],
    "rule_hash": [("pending", "NULL"), ("approved", "'other'")],
    "requirements": [("voted", "replace(requirements, '2', '1')"), ("approved", "'{}'"), ("pending", "'5'")],
    "fingerprint": [("pending", "'v1:sha256:0'")],
    "digest": [("pending", "'v1:sha256:0'"), ("approved", "'v1:sha256:0'"), ("edited", "'v1:sha256:0'")],
    "created_at": [("pending", "created_at - 1")],
    "expires_at": [("pending", "expires_at + 1"), ("expired", "9999999999999")],
    "approval_lifetime": [("pending", "approval_lifetime * 2")],
    "approval_expires_at": [("approved", "approval_expires_at + 1"), ("pending", "1")],
    "decided_at": [("denied", "decided_at - 1"), ("approved", "NULL")],
    "decisions": [
        ("denied", "replace(decisions, 'ann', 'bo')"), ("denied", "replace(decisions, 'deny', 'approve')"),
        ("approved", "'[]'"), ("voted", "replace(decisions, 'bo', 'ann')"), ("pending", "'nonsense'"),
    ],
    "consumed_at": [("succeeded", "1"), ("doubtful", "consumed_at + 1")],
    "claim_hash": [("doubtful", "'v1:sha256:0'"), ("given back", "'v1:sha256:0'")],
    "claim_expires_at": [("doubtful", "9999999999999")],
    "outcome": [("doubtful", "'succeeded'"), ("succeeded", "'failed'"), ("succeeded", "NULL")],
    "outcome_at": [("succeeded", "1")],
    "outcome_detail": [("succeeded", "'else'"), ("doubtful", "'else'")],
    "attempt": [("pending", """'{"most":3,"number":1,"previous":null}'"""), ("approved", "'[]'")],
    "edit_taken_as": [("pending", "'denial'"), ("approved", "'denial'")],
}  # fmt: skip


@pytest.mark.parametrize(
    ("column", "of", "value"),
    [(column, of, value) for column, cases in ROW_CHANGES.items() for of, value in cases],
)
def test_a_changed_row_is_found(
    store: BlockingStore, told: dict[str, Request], column: str, of: str, value: str
) -> None:
    attack(store, f"UPDATE requests SET {column} = {value} WHERE id = ?", (told[of].id,))
    found = problems(store)
    if column != "id":
        assert {problem.request_id for problem in found} == {told[of].id}


def test_every_column_is_tried(store: BlockingStore) -> None:
    columns = [column for column in columns_of(store, "requests") if column != "submitted_by"]
    assert columns == list(ROW_CHANGES)


def test_arguments_nested_beyond_reading_are_found(store: BlockingStore, told: dict[str, Request]) -> None:
    attack(store, "UPDATE requests SET arguments = ? WHERE id = ?", ("[" * 200_000, told["approved"].id))
    assert {problem.request_id for problem in problems(store)} == {told["approved"].id}
    with pytest.raises(StoreCorrupt):
        store.requester.get(told["approved"].id)


def test_a_row_that_no_event_speaks_of_is_found(store: BlockingStore, told: dict[str, Request]) -> None:
    connection = raw(store)
    columns = columns_of(store, "requests")
    copied = ", ".join("'apr_ffffffffffffffffffffffffffffffff'" if name == "id" else name for name in columns)
    connection.execute(f"INSERT INTO requests SELECT {copied} FROM requests WHERE id = ?", (told["approved"].id,))
    connection.close()
    assert problems(store) == (Problem("no event says where this request comes from", request_id="apr_" + "f" * 32),)


def test_a_deleted_row_is_found(store: BlockingStore, told: dict[str, Request]) -> None:
    attack(store, "DELETE FROM requests WHERE id = ?", (told["denied"].id,))
    (problem,) = problems(store)
    assert problem.what == "its row was deleted"
    assert problem.request_id == told["denied"].id
    assert problem.seq is not None


def test_an_emptied_store_is_found_by_rows_or_checkpoint(store: BlockingStore, told: dict[str, Request]) -> None:
    head = store.reviewer.head()
    attack(store, "DELETE FROM events")
    assert len(problems(store)) == len(told)
    attack(store, "DELETE FROM requests")
    assert problems(store, head)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ('arguments = \'{"command":"rm -rf /"}\'', StoreCorrupt),
        ('edited_arguments = \'{"command":"rm -rf /"}\'', StoreCorrupt),
        ("digest = 'v1:sha256:0'", StoreCorrupt),
        ("decisions = '[]'", StoreCorrupt),
        ("decisions = 'nonsense'", StoreCorrupt),
        ("decisions = '[1]'", StoreCorrupt),
        ("decisions = 'nonsense \"digest\":\"' || digest || '\"'", StoreCorrupt),
        ("decisions = '[{\"digest\":\"' || digest || '\"}]'", StoreCorrupt),
        ("risk = 'low', reason = 'harmless'", StoreCorrupt),
        sqlite_alone("arguments = CAST(x'7b2261223a22ff227d' AS TEXT)", StoreUnavailable),
    ],
)
def test_what_was_changed_after_the_approval_does_not_run(
    store: BlockingStore, call: Call, change: str, error: type[StoreUnavailable]
) -> None:
    request = submit_approved(store, call)
    attack(store, f"UPDATE requests SET {change}")
    with pytest.raises(error):
        consume(store, request)


@pytest.mark.parametrize("decisions", ["[1]", '["x"]', "[[]]", "[null]", '{"a":1}', '"text"', "7", "nonsense"])
def test_decisions_that_are_none_stop_every_reader_and_every_command(
    store: BlockingStore, call: Call, decisions: str
) -> None:
    request = submit_approved(store, call)
    attack(store, "UPDATE requests SET decisions = ?", (decisions,))
    commands: list[Callable[[], object]] = [
        lambda: store.reviewer.get(request.id),
        lambda: store.reviewer.history(),
        lambda: store.reviewer.revoke(request.id, reviewer=ANN),
        lambda: store.requester.cancel(request.id, requester=call.requester),
        lambda: consume(store, request),
    ]
    for command in commands:
        with pytest.raises(StoreCorrupt):
            command()
    assert [event.name for event in store.reviewer.events()] == ["request_approved", "request_submitted"]


@pytest.mark.parametrize("column", ["edited_arguments", "arguments", "context"])
def test_what_cannot_be_read_cannot_be_approved(store: BlockingStore, call: Call, column: str) -> None:
    request = submit(store, call)
    attack(store, f"UPDATE requests SET {column} = '{{'")
    with pytest.raises(StoreCorrupt):
        approve(store, request)
    assert [event.name for event in store.reviewer.events()] == ["request_submitted"]


def test_an_approval_that_nobody_gave_does_not_run(store: BlockingStore, call: Call) -> None:
    """The lifecycle's triggers let a shell write `approved`; without a decision on the digest it is worth nothing."""
    request = submit(store, call)
    connection = raw(store)
    connection.execute("UPDATE requests SET status = 'approved', approval_expires_at = 9999999999999")
    connection.close()
    with pytest.raises(StoreCorrupt, match="not what was approved"):
        consume(store, request)
    assert problems(store)
