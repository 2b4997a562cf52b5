"""`store prune`: what it says, asks, archives and deletes, on both engines."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.clock import DAY, system_clock
from approval_tui.domain.models import Request
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from tests.cli.running import Cli, in_this_process, on_terminal, run_process
from tests.store.pruning import everything_told, executed
from tests.support import ManualClock, assert_sound, consume, deny, submit, submit_approved


@pytest.fixture(params=["sqlite", "postgres"])
def location(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where the store of every command of the test is, on each engine."""
    place = str(request.getfixturevalue("store_path" if request.param == "sqlite" else "postgres_url"))
    monkeypatch.setenv("APPROVAL_TUI_STORE", place)
    return place


@pytest.fixture
def store(location: str) -> Iterator[BlockingStore]:
    with open_store_blocking(location) as opened:
        yield opened


@pytest.fixture
def cli(store: BlockingStore, capsys: pytest.CaptureFixture[str]) -> Cli:
    return in_this_process(capsys)


@pytest.fixture
def old(store: BlockingStore, location: str) -> list[Request]:
    """Two requests that were denied a hundred days ago, and then one that is in doubt since."""
    with open_store_blocking(location, clock=ManualClock(system_clock() - 100 * DAY)) as past:
        requests = [submit(past, Call("shell", {"n": number}, "bot")) for number in range(2)]
        for request in requests:
            deny(past, request)
    with open_store_blocking(location, clock=ManualClock(system_clock() - 99 * DAY)) as past:
        doubtful = submit_approved(past, Call("mail", {"to": "all"}, "bot"))
        consume(past, doubtful)
    return [*requests, doubtful]


def test_a_dry_run_says_what_would_go_and_what_keeps_the_rest_and_changes_nothing(
    cli: Cli, store: BlockingStore, old: list[Request]
) -> None:
    told = everything_told(store)
    finished = cli("store", "prune", "--before", "90d", "--dry-run")
    assert finished.code == 0
    first, rest, keeper = finished.out.splitlines()
    assert first.startswith("4 events (1 to 4) and 2 requests would go, from ")
    assert rest.startswith("3 more events from before ")
    assert rest.endswith(" kept, because of:")
    assert keeper.startswith(f"  request {old[2].id}, since ")
    assert keeper.endswith(": is in doubt")
    as_json = cli("store", "prune", "--before", "90d", "--dry-run", "--json").json
    assert (as_json["events"], as_json["requests"], as_json["older_kept"]) == (4, 2, 3)
    assert [each["what"] for each in as_json["keepers"]] == [f"request {old[2].id}"]
    assert everything_told(store) == told


def test_what_goes_is_archived_first_as_the_export_writes_it(
    cli: Cli, store: BlockingStore, old: list[Request], tmp_path: Path
) -> None:
    exported = cli("audit", "export").out.splitlines()
    archive = tmp_path / "archive.jsonl"
    finished = cli("store", "prune", "--before", "90d", "--yes", "--archive", str(archive), "--reviewer", "ann")
    assert finished.code == 0
    assert "They are gone. Segment 1 ends with event 4:" in finished.out
    assert archive.read_text().splitlines() == exported[:4]
    assert stat.S_IMODE(os.stat(archive).st_mode) == 0o600
    assert cli("audit", "export").out.splitlines()[:3] == exported[4:]
    assert cli("audit", "verify").out == "The audit log verifies: 4 events, 1 requests.\n"
    assert [each["id"] for each in json.loads(cli("history", "--json").out)] == [old[2].id]
    assert everything_told(store)[-1].body["details"]["by"]["reviewer"] == "ann"
    newest = cli("audit", "list", "--limit", "1")
    assert "segment_sealed" in newest.out
    assert "up to event 4" in newest.out
    assert "Older ones" in newest.err
    assert "Older ones" not in cli("audit", "list", "--limit", "4").err


def test_an_archive_that_is_there_is_never_overwritten(
    cli: Cli, store: BlockingStore, old: list[Request], tmp_path: Path
) -> None:
    archive = tmp_path / "archive.jsonl"
    archive.write_text("what was pruned before")
    for path in (str(archive), "/dev/stdout", ""):
        assert cli("store", "prune", "--before", "90d", "--yes", "--archive", path).code == 2
    assert archive.read_text() == "what was pruned before"
    assert cli("store", "prune", "--before", "90d", "--yes", "--archive", str(tmp_path / "no" / "where")).code == 74
    assert len(everything_told(store)) == 7


def test_without_a_terminal_nothing_is_deleted_unasked(cli: Cli, store: BlockingStore, old: list[Request]) -> None:
    finished = cli("store", "prune", "--before", "90d")
    assert (finished.code, finished.out) == (2, "")
    assert "--dry-run" in finished.err
    assert len(everything_told(store)) == 7


@pytest.mark.parametrize(("answer", "code", "left"), [(b"yes\n", 0, 4), (b"y\n", 130, 7), (b"\x04", 130, 7)])
def test_at_a_terminal_only_a_typed_yes_deletes(
    store: BlockingStore, old: list[Request], answer: bytes, code: int, left: int
) -> None:
    with on_terminal("store", "prune", "--before", "90d") as terminal:
        terminal.until_shown("Type yes: ")
        terminal.type(answer)
        assert terminal.ended() == code
    assert len(everything_told(store)) == left


def test_json_says_what_went(cli: Cli, old: list[Request]) -> None:
    went = cli("store", "prune", "--before", "90d", "--yes", "--json").json
    assert (went["events"], went["segment"]["number"], went["segment"]["last_seq"]) == (4, 1, 4)
    again = cli("store", "prune", "--before", "90d", "--yes", "--json").json
    assert (again["events"], again["segment"]) == (0, None)


@pytest.mark.usefixtures("old")
@pytest.mark.parametrize("when", ["1h", "2999-01-01", "soon"])
def test_only_a_moment_at_least_a_day_ago_is_taken(cli: Cli, when: str) -> None:
    assert cli("store", "prune", "--before", when, "--yes").code == 2


def test_a_log_that_does_not_verify_is_not_pruned(
    cli: Cli, store: BlockingStore, old: list[Request], location: str, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("postgres_superuser_url") if location.startswith("postgres") else location
    executed(url, "UPDATE events SET body = replace(body, 'ann', 'eve') WHERE seq = 3", past_the_guards=True)
    finished = cli("store", "prune", "--before", "90d", "--yes")
    assert finished.code == 10
    assert "event 3 was changed" in finished.err
    assert len(everything_told(store)) == 7


def test_what_expired_unnoticed_is_recorded_so_that_it_can_go_some_day(
    cli: Cli, store: BlockingStore, location: str
) -> None:
    with open_store_blocking(location, clock=ManualClock(system_clock() - 100 * DAY)) as past:
        submit(past, Call("shell", {"n": 1}, "bot"))
    assert "expired, and that was not recorded" in cli("store", "prune", "--before", "90d", "--dry-run").out
    assert cli("store", "prune", "--before", "90d", "--yes").code == 0
    assert [event.name for event in everything_told(store)] == ["request_submitted", "request_expired"]
    assert_sound(store)


def test_pruning_makes_no_store(tmp_path: Path) -> None:
    path = str(tmp_path / "none" / "approvals.db")
    for words in (["--yes"], ["--dry-run"]):
        assert run_process("store", "prune", "--before", "90d", *words, APPROVAL_TUI_STORE=path).code == 5
    assert not os.path.exists(path)
