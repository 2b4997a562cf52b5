"""audit list, verify, head and export: what a person keeps elsewhere, and what a script checks."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import stat
from pathlib import Path

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.canonical import canonical_json
from approval_tui.domain.chain import GENESIS, link
from approval_tui.domain.models import Request
from approval_tui.store.blocking import BlockingStore
from tests.cli.running import Cli, on_terminal, run_process
from tests.store.tampering import attack, raw
from tests.support import approve, consume, deny, submit


@pytest.fixture
def lived(store: BlockingStore) -> list[Request]:
    """Three requests with six events, some with text that wants to fool."""
    first = consume(store, approve(store, submit(store, Call("shell", {"n": 1}, "bot")))).request
    second = deny(store, submit(store, Call("shell", {"n": 2}, "bot\u202e")), "no\n=cmd|' /C calc'!A0 \u200b")
    third = submit(store, Call("shell", {"n": 3}, "bot"))
    return [first, second, third]


def test_the_log_is_listed_newest_first_and_page_by_page(cli: Cli, lived: list[Request]) -> None:
    assert [event["seq"] for event in cli("audit", "list", "--json").json] == [6, 5, 4, 3, 2, 1]
    page = cli("audit", "list", "--limit", "2")
    assert "audit list --before 5" in page.err
    assert [each["seq"] for each in cli("audit", "list", "--limit", "2", "--before", "5", "--json").json] == [4, 3]
    assert cli("audit", "list", "--before", "2").err == ""


def test_the_events_of_one_request_are_listed_in_order(cli: Cli, lived: list[Request]) -> None:
    events = cli("audit", "list", lived[0].id[:20], "--json").json
    assert [event["event"] for event in events] == ["request_submitted", "request_approved", "request_consumed"]
    assert {event["request"] for event in events} == {lived[0].id}
    assert len(cli("audit", "list", lived[0].id, "--limit", "2", "--json").json) == 2


def test_the_log_can_be_searched(cli: Cli, lived: list[Request]) -> None:
    def numbers(*words: str) -> list[int]:
        return [event["seq"] for event in cli("audit", "list", "--json", *words).json]

    assert numbers("--text", "DENIED") == [5]
    assert numbers("--text", "shell") == [6, 4, 1]
    assert numbers("--text", "shell", "--text", lived[1].id) == [4]
    assert numbers("--text", "calc'!A0 \u200b") == [5]
    assert numbers("--text", "no\n=cmd") == [5]
    assert numbers("--text", "shell", "--before", "6") == [4, 1]
    assert numbers("--text", "shell", "--limit", "2") == [6, 4]
    assert numbers("--text", "nowhere") == []
    assert "Older ones: the same with --before 4" in cli("audit", "list", "--text", "shell", "--limit", "2").err
    assert cli("audit", "list", "--text", "nowhere").err.startswith("The audit log has no such events")


def test_a_search_is_one_of_the_whole_log(cli: Cli, lived: list[Request]) -> None:
    refused = cli("audit", "list", lived[0].id, "--text", "shell")
    assert (refused.code, refused.out) == (2, "")
    assert "Leave the ID out" in refused.err


def test_the_table_says_who_did_what_and_why(cli: Cli, lived: list[Request], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    shown = cli("audit", "list").out
    assert "denied by ann: no\\u{A}=cmd|' /C calc'!A0 \\u{200B}" in shown
    assert 'pending shell for "bot\\u{202E}"' in shown


def test_a_sound_log_verifies(cli: Cli, lived: list[Request]) -> None:
    assert cli("audit", "verify").out == "The audit log verifies: 6 events, 3 requests.\n"
    verified = cli("audit", "verify", "--json").json
    assert (verified["sound"], verified["events"], verified["requests"], verified["problems"]) == (True, 6, 3, [])
    assert verified["head"] == cli("audit", "head", "--json").json


def test_an_empty_log_verifies_and_has_a_checkpoint(cli: Cli, store: BlockingStore) -> None:
    assert cli("audit", "verify").code == 0
    head = cli("audit", "head", "--json")
    assert head.json == {"seq": 0, "hash": GENESIS, "at": None}
    assert cli("audit", "verify", "--head", head.out).code == 0
    submit(store, Call("shell", {}, "bot"))
    assert cli("audit", "verify", "--head", head.out).code == 0


def test_a_changed_row_ends_with_10_and_names_the_request(cli: Cli, store: BlockingStore, lived: list[Request]) -> None:
    attack(store, 'UPDATE requests SET arguments = \'{"n":"\u202e"}\' WHERE id = ?', (lived[2].id,))
    broken = cli("audit", "verify")
    assert broken.code == 10
    assert f"request {lived[2].id}: " in broken.out
    assert "does not verify" in broken.out
    problems = cli("audit", "verify", "--json").json
    assert problems["sound"] is False
    assert [problem["request"] for problem in problems["problems"]] == [lived[2].id]


def test_a_changed_event_ends_with_10_and_names_it(cli: Cli, store: BlockingStore, lived: list[Request]) -> None:
    attack(store, "UPDATE events SET body = replace(body, 'ann', 'bob') WHERE seq = 2")
    assert "event 2, request" in cli("audit", "verify").out
    assert cli("audit", "verify", "--json").json["problems"][0]["seq"] == 2


def test_a_log_that_was_cut_short_is_found_with_the_checkpoint_alone(
    cli: Cli, store: BlockingStore, lived: list[Request], tmp_path: Path
) -> None:
    head = cli("audit", "head", "--json").out
    kept = tmp_path / "head.json"
    kept.write_text(head)
    ways = [head, str(kept), f"@{kept}"]
    for way in ways:
        assert cli("audit", "verify", "--head", way).code == 0
    assert run_process("audit", "verify", "--head", "-", stdin=head.encode()).code == 0
    attack(store, "DELETE FROM events WHERE request_id = ?", (lived[2].id,))
    with contextlib.closing(raw(store)) as connection:
        connection.execute("DELETE FROM requests WHERE id = ?", (lived[2].id,))
    assert cli("audit", "verify").code == 0
    for way in ways:
        broken = cli("audit", "verify", "--head", way)
        assert (broken.code, "checkpoint" in broken.out) == (10, True)


@pytest.mark.parametrize(
    "head",
    [
        "{}",
        "[]",
        "{",
        "",
        "no/such\u202e/file",
        "/",
        '{"seq": true, "hash": "v1:sha256:' + "0" * 64 + '"}',
        '{"seq": -1, "hash": "v1:sha256:' + "0" * 64 + '"}',
        '{"seq": 99999999999999999999, "hash": "v1:sha256:' + "0" * 64 + '"}',
        '{"seq": 1, "hash": "x"}',
    ],
)
def test_what_is_no_checkpoint_is_refused(cli: Cli, lived: list[Request], head: str) -> None:
    refused = cli("audit", "verify", "--head", head)
    assert (refused.code, refused.out) == (2, "")
    assert "\u202e" not in refused.err


def test_the_export_in_json_lines_proves_the_chain_by_itself(cli: Cli, lived: list[Request]) -> None:
    exported = cli("audit", "export")
    assert exported.out.isascii()
    events = [json.loads(line) for line in exported.out.splitlines()]
    assert [event["seq"] for event in events] == [1, 2, 3, 4, 5, 6]
    before = GENESIS
    for event in events:
        assert link(event["seq"], before, canonical_json(event["body"])) == event["hash"]
        before = event["hash"]
    assert before == cli("audit", "head", "--json").json["hash"]


def test_the_export_in_csv_holds_the_same_and_no_cell_is_a_formula(cli: Cli, lived: list[Request]) -> None:
    rows = list(csv.DictReader(io.StringIO(cli("audit", "export", "--format", "csv").out)))
    events = [json.loads(line) for line in cli("audit", "export").out.splitlines()]
    assert [{**row, "seq": int(row["seq"]), "body": json.loads(row["body"])} for row in rows] == events
    assert not [cell for row in rows for cell in row.values() if cell[:1] in "=+-@\t\r"]


def test_an_export_to_a_file_is_whole_private_and_replaces_an_older_one(
    cli: Cli, lived: list[Request], tmp_path: Path
) -> None:
    file = tmp_path / "log.jsonl"
    file.write_text("older")
    finished = cli("audit", "export", "--output", str(file))
    assert (finished.code, finished.out) == (0, "")
    assert "6 events were written" in finished.err
    assert file.read_text() == cli("audit", "export").out
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == [name for name in os.listdir(tmp_path) if "partial" not in name]


def test_an_export_that_fails_leaves_the_older_file(cli: Cli, store: BlockingStore, tmp_path: Path) -> None:
    file = tmp_path / "folder" / "log.jsonl"
    assert cli("audit", "export", "--output", str(file)).code == 74
    file = tmp_path / "log.jsonl"
    file.write_text("older")
    refused = cli("audit", "export", "--output", str(file), "--store", str(tmp_path))
    assert refused.code == 5
    assert file.read_text() == "older"
    assert [name for name in os.listdir(tmp_path) if "partial" in name] == []


def test_an_export_to_a_device_writes_to_it_and_leaves_it(cli: Cli, lived: list[Request]) -> None:
    assert cli("audit", "export", "--output", os.devnull).code == 0
    assert not stat.S_ISREG(os.stat(os.devnull).st_mode)
    assert cli("audit", "export", "--output", "/dev/full").code == 74


def test_progress_is_for_a_person_alone(lived: list[Request]) -> None:
    assert run_process("audit", "verify").err == ""
    with on_terminal("audit", "verify") as terminal:
        assert terminal.ended() == 0
    assert terminal.output == "The audit log verifies: 6 events, 3 requests.\n"
