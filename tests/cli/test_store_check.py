"""`store check`: what it finds on both engines, and that it finds what somebody spoiled."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.clock import DAY, HOUR, system_clock
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from tests.cli.running import Cli, in_this_process
from tests.postgres.servers import Server
from tests.store.pruning import executed
from tests.support import ANN, ManualClock, consume, deny, submit, submit_approved

BOTH = ["store", "schema", "guards", "audit log", "requests", "in doubt", "pruned"]
OF_SQLITE = ["file", "folder", "journal", "integrity", "size", "disk"]
OF_POSTGRES = ["server", "role", "durability", "connections", "clock", "round trip", "wake-ups"]


@pytest.fixture(params=["sqlite", "postgres"])
def location(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where the store of every command of the test is, on each engine."""
    place = str(request.getfixturevalue("store_path" if request.param == "sqlite" else "postgres_url"))
    monkeypatch.setenv("APPROVAL_TUI_STORE", place)
    return place


@pytest.fixture
def store(location: str) -> Iterator[BlockingStore]:
    with open_store_blocking(location) as opened:
        deny(opened, submit(opened, Call("shell", {}, "bot")))
        yield opened


@pytest.fixture
def cli(store: BlockingStore, capsys: pytest.CaptureFixture[str]) -> Cli:
    return in_this_process(capsys)


def checked(cli: Cli, *words: str, code: int = 0) -> dict[str, tuple[str, str]]:
    """Each check by its name: how it stands, and what was found."""
    finished = cli("store", "check", "--json", *words)
    assert finished.code == code, finished.out + finished.err
    found: list[dict[str, Any]] = finished.json
    return {each["name"]: (each["standing"], each["words"]) for each in found}


def test_a_sound_store_has_nothing_wrong(cli: Cli, location: str) -> None:
    is_file = os.path.exists(location)
    found = checked(cli)
    assert sorted(found) == sorted([*BOTH, *(OF_SQLITE if is_file else OF_POSTGRES)])
    unusual = {name: words for name, (standing, words) in found.items() if standing != "ok"}
    if is_file:
        assert not unusual
    else:
        assert list(unusual) == [
            "role",
            "durability",
        ]  # as is so in tests
        assert "owns the tables" in unusual["role"]
        assert "fsync off" in unusual["durability"]
    assert found["audit log"][1] == "it verifies: 2 events, 1 requests"
    lines = cli("store", "check").out.splitlines()
    assert len(lines) == len(found)
    assert all(line.startswith(("ok ", "warning ")) for line in lines)


def test_quick_leaves_the_verifying_out_and_says_so(cli: Cli) -> None:
    standing, words = checked(cli, "--quick")["audit log"]
    assert standing == "unchecked"
    assert "audit verify" in words


def test_what_is_in_doubt_and_due_and_when_it_was_pruned_is_told(cli: Cli, store: BlockingStore, location: str) -> None:
    later_on = ManualClock(system_clock() + DAY + HOUR)
    with open_store_blocking(location, clock=later_on) as later:
        plan = later.maintainer.plan_prune(later_on.now - DAY)
        later.maintainer.prune(plan, reviewer=ANN)
    with open_store_blocking(location, clock=ManualClock(system_clock() - DAY)) as past:
        consume(past, submit_approved(past, Call("shell", {"n": 1}, "bot")))
        submit(past, Call("shell", {"n": 2}, "bot"))
    found = checked(cli)
    assert found["in doubt"][0] == "warning"
    assert "1 expired and not recorded" in found["requests"][1]
    assert found["pruned"][1].endswith(", up to event 2")


def guards_said(cli: Cli) -> str:
    standing, words = checked(cli, code=1)["guards"]
    assert standing == "wrong"
    return words


def test_a_guard_that_is_gone_or_not_ours_is_found(cli: Cli, location: str) -> None:
    if os.path.exists(location):
        executed(location, "DROP TRIGGER tokens_are_kept")
        executed(location, "DROP TRIGGER holds_are_kept")
        executed(location, "CREATE TRIGGER holds_are_kept BEFORE DELETE ON holds BEGIN SELECT 1; END")
        executed(location, "CREATE TRIGGER evil AFTER INSERT ON requests BEGIN SELECT 1; END")
    else:
        executed(location, "DROP TRIGGER tokens_are_kept ON tokens")
        executed(location, "DROP TRIGGER holds_are_kept ON holds")
        executed(
            location, "CREATE TRIGGER holds_are_kept BEFORE DELETE ON holds FOR EACH ROW EXECUTE FUNCTION refuse('x')"
        )
        executed(location, "CREATE TRIGGER evil BEFORE INSERT ON requests FOR EACH ROW EXECUTE FUNCTION refuse('x')")
    said = guards_said(cli)
    assert said.startswith("missing: tokens_are_kept; changed: holds_are_kept; not ours: evil")


def test_a_guard_of_a_database_that_is_switched_off_or_hollow_is_found(
    postgres_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APPROVAL_TUI_STORE", postgres_url)
    open_store_blocking().close()
    executed(postgres_url, "ALTER TABLE events DISABLE TRIGGER events_are_a_chain")
    executed(
        postgres_url,
        "CREATE OR REPLACE FUNCTION keep_unless_sealed() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RETURN OLD; END $$",
    )
    said = guards_said(in_this_process(capsys))
    assert "switched off: events_are_a_chain" in said
    assert "changed functions: keep_unless_sealed" in said


@pytest.fixture
def little_role(postgres_server: Server, postgres_schema: str, postgres_url: str) -> Iterator[str]:
    """Where the store is for a role that may see its version and its requests, and nothing else."""
    name = f"little_{postgres_schema}"
    with open_store_blocking(postgres_url) as store:
        submit(store, Call("shell", {}, "bot"))
    executed(postgres_url, f"CREATE ROLE {name} LOGIN")
    executed(postgres_url, f"GRANT USAGE ON SCHEMA {postgres_schema} TO {name}")
    executed(postgres_url, f"GRANT SELECT ON approval_tui, requests TO {name}")
    yield postgres_server.url(postgres_schema, name)
    executed(postgres_url, f"REVOKE ALL ON approval_tui, requests FROM {name}")
    executed(postgres_url, f"REVOKE ALL ON SCHEMA {postgres_schema} FROM {name}")
    executed(postgres_url, f"DROP ROLE {name}")


def test_a_role_that_sees_a_part_is_told_what_was_not_checked(
    little_role: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("APPROVAL_TUI_STORE", little_role)
    found = checked(in_this_process(capsys))
    assert [name for name, (standing, _) in found.items() if standing == "unchecked"] == ["audit log", "requests"]
    assert found["role"][0] == "ok"
    assert found["role"][1].endswith(" may not decide")
    assert found["guards"][0] == "ok"


def test_a_log_that_does_not_verify_ends_with_10(cli: Cli, location: str, request: pytest.FixtureRequest) -> None:
    if os.path.exists(location):
        executed(location, "DROP TRIGGER events_are_append_only_update")
        executed(location, "UPDATE events SET at = at + 1 WHERE seq = 2")
    else:
        url = request.getfixturevalue("postgres_superuser_url")
        executed(url, "UPDATE events SET at = at + 1 WHERE seq = 2", past_the_guards=True)
    standing, words = checked(cli, code=10)["audit log"]
    assert standing == "wrong"
    assert "event 2 was changed" in words


def test_a_file_that_others_can_read_or_whose_folder_they_can_write_is_told(
    store_path: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    open_store_blocking(store_path).close()
    monkeypatch.setenv("APPROVAL_TUI_STORE", store_path)
    os.chmod(store_path, 0o644)
    os.chmod(os.path.dirname(store_path), 0o777)
    found = checked(in_this_process(capsys))
    assert (found["file"][0], found["folder"][0]) == ("warning", "warning")


def test_a_damaged_file_is_found(
    store_path: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_store_blocking(store_path) as store:
        request = submit(store, Call("shell", {}, "bot"))
    monkeypatch.setenv("APPROVAL_TUI_STORE", store_path)
    content = Path(store_path).read_bytes()
    assert content.count(request.id.encode()) > 1, "it stands in the table and in its indexes"
    Path(store_path).write_bytes(content.replace(request.id.encode(), b"apr_" + b"0" * 32, 1))
    standing, words = checked(in_this_process(capsys), code=1)["integrity"]
    assert standing == "wrong"
    assert "integrity_check finds" in words


def test_without_a_store_it_says_so_and_makes_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "none.db")
    cli = in_this_process(capsys)
    finished = cli("store", "check", "--json", "--store", path)
    assert (finished.code, finished.json[0]["standing"]) == (5, "wrong")
    assert not os.path.exists(path)
