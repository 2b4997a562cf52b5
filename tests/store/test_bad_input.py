"""Bad input, bad files and bad places: a clear error, and nothing written."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.canonical import parse_json
from approval_tui.domain.decisions import NO_EVIDENCE, Evidence, Reviewer
from approval_tui.domain.errors import (
    AmbiguousId,
    ApprovalTuiError,
    InvalidInput,
    InvalidJson,
    RequestNotFound,
    StoreCorrupt,
    StoreIncompatible,
    StoreUnavailable,
)
from approval_tui.domain.limits import MOST_ARGUMENT_BYTES
from approval_tui.store import open_store, open_store_blocking
from approval_tui.store.blocking import BlockingStore
from approval_tui.store.drivers.sqlite_migrations import APPLICATION_ID, SCHEMA_VERSION
from approval_tui.store.transactions.queries import Filter
from tests.support import ANN, ManualClock, approve, assert_sound, event_names, run_worker, sqlite_engine, submit


def assert_clear(error: ApprovalTuiError) -> None:
    """The error says what happened, what was not done, and what to do now, in printable text."""
    for part in (error.happened, error.not_done, error.to_do):
        assert part
        part.encode()


@pytest.fixture
def untouched(store: BlockingStore) -> Iterator[None]:
    """Whatever the test tries, the store holds nothing afterwards."""
    yield
    assert store.reviewer.head() is None
    assert store.reviewer.list() == store.reviewer.history() == ()
    assert_sound(store)


# --- calls -------------------------------------------------------------------------------------


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"arguments": {"n": float("nan")}}, "arguments.n is nan"),
        ({"arguments": {"n": [1, float("-inf")]}}, r"arguments.n[1] is -inf"),
        ({"arguments": {"n": "\ud800"}}, "holds a lone surrogate"),
        ({"arguments": {"\udfff": 1}}, "holds a lone surrogate"),
        ({"arguments": {"n": b"bytes"}}, "of type bytes"),
        ({"arguments": "make deploy"}, "must be a JSON object, not str"),
        ({"arguments": {"n": "x" * 10_000_000}}, "take 10,000,008 bytes; 4,194,304 are the most"),
        ({"arguments": {"n": ["x"] * 1_100_000}}, "bytes; 4,194,304 are the most"),
        ({"context": {"n": "x" * 10_000_000}}, "bytes; 262,144 are the most"),
        ({"tool": ""}, "must be a name"),
        ({"tool": "a" * 10_000}, "256 are the most"),
        ({"requester": "\ud800"}, "holds a lone surrogate"),
        ({"reason": "r" * 1_000_000}, "16,384"),
        ({"risk": "lethal"}, "none of low, medium, high"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bad_call_is_refused(store: BlockingStore, call: Call, parts: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        store.requester.submit(dataclasses.replace(call, **parts))
    assert_clear(caught.value)
    assert words.replace(",", "") in caught.value.happened.replace(",", "")


async def test_the_async_form_refuses_bad_calls_too(store: BlockingStore, call: Call) -> None:
    async with open_store(store.location) as async_store:
        with pytest.raises(InvalidJson):
            await async_store.requester.submit(dataclasses.replace(call, arguments={"n": float("nan")}))
        assert await async_store.reviewer.head() is None


@pytest.mark.parametrize("text", ['{"a": NaN}', '{"a": 1e999}', '{"a": 1, "a": 2}', r'{"a": "\ud800"}'])
def test_ambiguous_json_never_becomes_a_call(text: str) -> None:
    with pytest.raises(InvalidJson) as caught:
        parse_json(text)
    assert_clear(caught.value)


def test_arguments_of_four_mebibytes_go_through_whole(store: BlockingStore, call: Call) -> None:
    arguments = {"text": "x" * (MOST_ARGUMENT_BYTES - len('{"text":""}'))}
    request = approve(store, submit(store, dataclasses.replace(call, arguments=arguments)))
    claim = store.requester.consume(request.id, request.fingerprint, requester=call.requester)
    assert claim.arguments == arguments
    assert_sound(store)


def test_whatever_text_can_hold_comes_back_as_it_was(store: BlockingStore, call: Call) -> None:
    arguments = {
        "quotes": "';--\"\\ \0 \x1b[2J\r\n", "bidi": "\u202e\u2066", "astral": "\U0001f600", "combining": "e\u0301",
        "\0key": "\0int:5", "big": 10**400, "float": 0.1, "zero": -0.0, "empty": {"": [[], {}, None, True]},
    }  # fmt: skip
    request = submit(store, dataclasses.replace(call, arguments=arguments, reason="\0 ' \u202e", session="\0"))
    read = store.requester.get(request.id)
    assert repr(read.arguments) == repr(arguments)
    assert (read.reason, read.session) == ("\0 ' \u202e", "\0")
    assert_sound(store)


@pytest.mark.parametrize(
    "text", ["", "apr_", "apr_123", "' OR 1=1 --", "apr_%%%%%%%%", "../../etc/passwd", "\ud800" * 9]
)
def test_what_is_no_id_is_refused_and_finds_nothing(store: BlockingStore, call: Call, text: str) -> None:
    submit(store, call)
    with pytest.raises((InvalidInput, RequestNotFound)) as caught:
        store.reviewer.find(text)
    str(caught.value)
    with pytest.raises((InvalidInput, RequestNotFound)):
        store.reviewer.decide(text, "approve", reviewer=ANN, digest="d")
    assert store.reviewer.overview().pending == 1


def test_a_prefix_finds_the_one_request_it_fits(store_location: str, call: Call) -> None:
    ids = iter(["apr_" + "ab" * 16, "apr_" + "ab" * 15 + "ac", "apr_" + "cd" * 16])
    with open_store_blocking(store_location, new_id=lambda: next(ids)) as store:
        first, second, third = (submit(store, dataclasses.replace(call, tool=f"tool-{n}")) for n in range(3))
        assert store.reviewer.find(third.id[:8]) == third
        assert store.reviewer.find("cdcdcdcd") == third
        assert store.reviewer.find(second.id) == second
        assert store.reviewer.find(first.id[4:]) == first
        with pytest.raises(AmbiguousId) as caught:
            store.reviewer.find(first.id[:35])
        assert_clear(caught.value)
        with pytest.raises(RequestNotFound):
            store.reviewer.find("apr_ffff")


@pytest.mark.parametrize(
    ("reviewer", "evidence"),
    [
        (Reviewer("ann", os_user=b"ann"), NO_EVIDENCE),  # type: ignore[arg-type]
        (Reviewer("ann", tty="\ud800"), NO_EVIDENCE),
        (ANN, Evidence("none", 0, float("nan"))),  # type: ignore[arg-type]
        (ANN, Evidence("none", True, 0)),
        (ANN, Evidence("none", -1, 0)),
    ],
)
def test_a_decision_that_cannot_be_written_down_is_refused(
    store: BlockingStore, call: Call, reviewer: Reviewer, evidence: Evidence
) -> None:
    request = submit(store, call)
    with pytest.raises(InvalidInput):
        store.reviewer.decide(request.id, "approve", reviewer=reviewer, digest=request.digest, evidence=evidence)
    approved = approve(store, request)
    if reviewer is not ANN:
        with pytest.raises(InvalidInput):
            store.reviewer.revoke(request.id, reviewer=reviewer)
    assert store.reviewer.get(request.id) == approved


def test_history_of_a_status_that_does_not_exist_is_refused(store: BlockingStore) -> None:
    with pytest.raises(InvalidInput):
        store.reviewer.history(Filter(status="rejected"))
    with pytest.raises(InvalidInput):
        store.reviewer.list(Filter(status="rejected"))


# --- files -------------------------------------------------------------------------------------


def fingerprint(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def foreign_text(path: Path) -> None:
    path.write_text("Dear diary, today nobody asked me anything.\n" * 50)


def foreign_binary(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 20)


def foreign_database(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE requests (id INTEGER PRIMARY KEY)")
    connection.close()


def foreign_application(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA application_id = 1234")
    connection.close()


def foreign_version(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 1")
    connection.close()


def newer_store(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
        connection.execute("CREATE TABLE future (x)")
    connection.close()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (foreign_text, "it is no SQLite database"),
        (foreign_binary, "it is no SQLite database"),
        (foreign_database, "the database of another program"),
        (foreign_application, "the database of another program"),
        (foreign_version, "the database of another program"),
        (newer_store, f"newer approval-tui (schema {SCHEMA_VERSION + 1}"),
    ],
)
async def test_a_file_that_is_not_ours_to_write_is_left_as_it_is(tmp_path: Path, make: Any, words: str) -> None:
    path = tmp_path / "approvals.db"
    make(path)
    path.chmod(0o600)
    before = fingerprint(path)
    with pytest.raises(StoreIncompatible) as caught:
        open_store_blocking(str(path))
    assert words in caught.value.happened
    assert "left as it is" in caught.value.not_done
    assert_clear(caught.value)
    with pytest.raises(StoreIncompatible):
        await open_store(str(path))
    assert fingerprint(path) == before
    assert not list(tmp_path.glob("*-wal")) + list(tmp_path.glob("*-journal"))


def test_a_newer_store_says_how_to_upgrade(tmp_path: Path) -> None:
    newer_store(tmp_path / "approvals.db")
    (tmp_path / "approvals.db").chmod(0o600)
    with pytest.raises(StoreIncompatible) as caught:
        open_store_blocking(str(tmp_path / "approvals.db"))
    assert "pip install --upgrade approval-tui" in caught.value.to_do


def test_an_empty_file_becomes_a_store(tmp_path: Path, call: Call) -> None:
    path = tmp_path / "approvals.db"
    path.touch(0o600)
    with open_store_blocking(str(path)) as store:
        submit(store, call)


@pytest.mark.parametrize("mode", [0o666, 0o620, 0o602])
def test_a_store_that_others_may_write_is_not_opened(store_path: str, mode: int) -> None:
    open_store_blocking(store_path).close()
    path = Path(store_path)
    path.chmod(mode)
    before = fingerprint(path)
    with pytest.raises(StoreUnavailable, match=f"can be written by other users \\(mode {mode:04o}\\)") as caught:
        open_store_blocking(store_path)
    assert f"chmod 600 {store_path}" in caught.value.to_do
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert fingerprint(path) == before


@pytest.mark.sqlite_alone
def test_a_damaged_store_says_so(store: BlockingStore, call: Call, clock: ManualClock) -> None:
    for number in range(200):
        submit(store, dataclasses.replace(call, arguments={"n": number, "text": "x" * 200}))
    store.close()
    path = Path(store.location)
    content = bytearray(path.read_bytes())
    content[2 * 4096 :] = b"\xa5" * (len(content) - 2 * 4096)
    path.write_bytes(content)
    with pytest.raises(StoreUnavailable) as caught, open_store_blocking(store.location, clock=clock) as damaged:
        damaged.reviewer.list()
    assert isinstance(caught.value, StoreCorrupt)
    assert "damaged" in caught.value.happened
    assert_clear(caught.value)


# --- places ------------------------------------------------------------------------------------


def test_a_folder_below_a_file_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for path in (tmp_path / "file" / "approvals.db", tmp_path / "file" / "deeper" / "approvals.db"):
        with pytest.raises(StoreUnavailable) as caught:
            open_store_blocking(str(path))
        assert_clear(caught.value)
    assert (tmp_path / "file").read_text() == "in the way"
    assert sorted(os.listdir(tmp_path)) == ["file", "home"]


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable) as caught:
        open_store_blocking(str(tmp_path / "home"))
    assert_clear(caught.value)


def test_a_link_to_nothing_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(tmp_path / "nothing")
    with pytest.raises(StoreUnavailable) as caught:
        open_store_blocking(str(tmp_path / "link.db"))
    assert_clear(caught.value)


def test_without_permission_nothing_is_opened_or_written() -> None:
    answer = json.loads(run_worker("without_permission"))
    assert len(answer["results"]) == 4
    for what, (kind, text) in answer["results"].items():
        assert kind == "StoreReadOnly", what
        assert "nothing may run" in text
    assert answer["unchanged"]


@pytest.mark.sqlite_alone
def test_a_full_disk_is_an_error_and_nothing_is_half_written(store: BlockingStore, call: Call) -> None:
    first = submit(store, call)
    connection = sqlite_engine(store).connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreUnavailable, match="is full") as caught:
        submit(store, dataclasses.replace(call, arguments={"text": "x" * 100_000}))
    assert_clear(caught.value)
    assert store.reviewer.list() == (first,)
    head = store.reviewer.head()
    assert head is not None
    assert head.seq == 1
    connection.execute("PRAGMA max_page_count = 1000000")
    submit(store, dataclasses.replace(call, arguments={"text": "x" * 100_000}))
    assert_sound(store)


@pytest.mark.sqlite_alone
def test_a_decision_on_a_full_disk_is_not_taken(store: BlockingStore, call: Call) -> None:
    request = submit(store, call)
    connection = sqlite_engine(store).connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreUnavailable, match="is full"):
        store.reviewer.decide(request.id, "deny", reviewer=ANN, digest=request.digest, reason="far too long " * 1200)
    assert store.reviewer.get(request.id) == request
    assert event_names(store, request) == ["request_submitted"]
    assert_sound(store)


@pytest.mark.sqlite_alone
def test_a_store_that_another_program_holds_is_unavailable(store: BlockingStore, call: Call) -> None:
    sqlite_engine(store).connection.execute("PRAGMA busy_timeout = 20")
    holder = sqlite3.connect(store.location, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="is held by another program") as caught:
        submit(store, call)
    assert_clear(caught.value)
    assert "locked" not in str(caught.value)
    holder.execute("ROLLBACK")
    holder.close()
    submit(store, call)
