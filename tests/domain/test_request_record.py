"""A request as a record reads back as the very same request, and nothing else is read as one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from approval_tui.domain.attempts import DraftAttempt
from approval_tui.domain.calls import Call
from approval_tui.domain.http_names import is_server_url, request_id_of, uuid_of
from approval_tui.domain.ids import new_request_id
from approval_tui.domain.models import Requirements
from approval_tui.domain.request_record import request_from_record, request_to_record
from approval_tui.store.blocking import BlockingStore
from tests.support import approve, consume, deny, submit

HOSTILE = {"n": [0, -1, 2**80, 1.5, -0.0, None], "s": ["\0", "\u202e", "ü", '"'], "": {}}


def call_of(number: int) -> Call:
    requirements = Requirements(quorum=1, reviewers=("ann",), reason_required=False)
    return Call(
        "shell", {**HOSTILE, "number": number}, "bot", "srv", "s", {"c": [1]}, "why", "high", None, "r", requirements,
        attempt=DraftAttempt(1, 3, None),
    )  # fmt: skip


def test_every_kind_of_request_reads_back_as_it_was(store: BlockingStore) -> None:
    kinds = [submit(store, call_of(number)) for number in range(4)]
    deny(store, kinds[1], "no")
    approve(store, kinds[2])
    consume(store, approve(store, kinds[3]))
    for request in map(store.reviewer.get, [each.id for each in kinds]):
        sent = json.loads(json.dumps(request_to_record(request)))
        again = request_from_record(sent)
        assert again == request
        assert (again.arguments, again.decisions, again.context) == (
            request.arguments,
            request.decisions,
            request.context,
        )


@pytest.mark.parametrize(
    "change",
    [
        {"status": "allowed"}, {"status": None}, {"id": "apr_x"}, {"version": "1"}, {"version": True},
        {"arguments_text": {}}, {"tool": 1}, {"requirements": {}}, {"requirements": None}, {"in_doubt": 0},
        {"approval_expires_at": "soon"}, {"attempt": {}}, {"more": 1}, {"digest": None},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_record_is_refused(store: BlockingStore, change: dict[str, Any]) -> None:
    record = request_to_record(submit(store, call_of(1)))
    with pytest.raises((ValueError, TypeError, KeyError)):
        request_from_record({**record, **change})


@pytest.mark.parametrize("value", [None, [], "x", {}, {"id": "apr_x"}])
def test_what_is_no_object_of_ours_is_refused(value: object) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        request_from_record(value)


def test_an_id_and_its_uuid_stand_for_each_other() -> None:
    request_id = new_request_id()
    assert request_id_of(uuid_of(request_id)) == request_id
    assert request_id_of(uuid_of(request_id).upper()) == request_id
    for text in ("", "x", request_id, uuid_of(request_id) + "\n", "{" + uuid_of(request_id) + "}"):
        assert request_id_of(text) is None


def test_a_servers_url_is_told_from_a_path() -> None:
    for url in ("http://127.0.0.1:9111", "https://a.example", "http+unix:///run/a.sock", "HTTPS://a.example"):
        assert is_server_url(url)
    for path in ("/srv/a.db", "a.db", "sqlite:///srv/a.db", "http", "https:/x"):
        assert not is_server_url(path)
