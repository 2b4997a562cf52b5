"""The reasons that a reviewer gave last: theirs, different ones, newest first, and never a long search."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.decisions import Reviewer
from approval_tui.store import open_store
from approval_tui.store.blocking import BlockingStore
from approval_tui.store.statements import STATEMENTS
from approval_tui.store.transactions import reasons
from tests.store.tampering import raw
from tests.support import ANN, BO, deny, submit, submit_approved


def denied(store: BlockingStore, number: int, reason: str | None, reviewer: Reviewer = ANN) -> None:
    deny(store, submit(store, Call("shell", {"n": number}, "bot")), reason, reviewer)


def test_they_are_the_reviewers_own_different_ones_newest_first(store: BlockingStore) -> None:
    for number, reason in enumerate(("one", "two", None, "one", "  ", "three")):
        denied(store, number, reason)
    denied(store, 10, "of another", BO)
    assert store.reviewer.denial_reasons("ann") == ("three", "one", "two")
    assert store.reviewer.denial_reasons("bo") == ("of another",)
    assert store.reviewer.denial_reasons("cy") == ()


def test_there_are_at_most_five(store: BlockingStore) -> None:
    for number in range(8):
        denied(store, number, f"reason {number}")
    assert store.reviewer.denial_reasons("ann") == tuple(f"reason {number}" for number in (7, 6, 5, 4, 3))
    assert store.reviewer.denial_reasons("ann", most=2) == ("reason 7", "reason 6")


def test_a_reason_of_a_revocation_is_one_and_that_of_an_approval_is_none(store: BlockingStore) -> None:
    request = submit(store, Call("shell", {}, "bot"))
    approved = store.reviewer.decide(request.id, "approve", reviewer=ANN, digest=request.digest, reason="fine")
    assert store.reviewer.denial_reasons("ann") == ()
    store.reviewer.revoke(approved.id, reviewer=ANN, reason="second thoughts")
    store.reviewer.revoke(submit_approved(store, Call("mail", {}, "bot")).id, reviewer=BO, reason="not ann's")
    assert store.reviewer.denial_reasons("ann") == ("second thoughts",)


def test_only_the_newest_denials_are_looked_at(store: BlockingStore, monkeypatch: pytest.MonkeyPatch) -> None:
    denied(store, 0, "long ago")
    for number in (1, 2, 3):
        denied(store, number, "of another", BO)
    assert store.reviewer.denial_reasons("ann") == ("long ago",)
    monkeypatch.setattr(reasons, "MOST_LOOKED_AT", 3)
    assert store.reviewer.denial_reasons("ann") == ()


@pytest.mark.sqlite_alone
def test_they_are_found_over_the_index_of_what_was_decided(store: BlockingStore) -> None:
    with sqlite3.connect(store.location) as connection:
        plan = connection.execute(f"EXPLAIN QUERY PLAN {STATEMENTS['newest_denials']}", {"most": 5}).fetchall()
    connection.close()
    assert [row[3] for row in plan] == ["SEARCH requests USING INDEX requests_decided_by_status (status=?)"]


@pytest.mark.parametrize("spoiled", ["nonsense", "[]", "{}", "[5]", '[{"reviewer": "ann"}]', "[" * 50_000])
def test_a_row_that_somebody_spoiled_is_passed_over(store: BlockingStore, spoiled: str) -> None:
    denied(store, 0, "sound")
    denied(store, 1, "spoiled")
    with closing(raw(store)) as connection:
        connection.execute("UPDATE requests SET decisions = ? WHERE decisions LIKE '%spoiled%'", (spoiled,))
    assert store.reviewer.denial_reasons("ann") == ("sound",)


async def test_the_async_store_gives_the_same(store: BlockingStore) -> None:
    denied(store, 0, "one")
    async with open_store(store.location) as opened:
        assert await opened.reviewer.denial_reasons("ann") == ("one",)
