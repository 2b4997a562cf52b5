"""bulk approve and bulk deny: several requests, each by the digest under which it was looked at."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.models import Request, Requirements
from approval_tui.store.blocking import BlockingStore
from tests.cli.running import Cli, Finished, run_process
from tests.cli.test_looking import HOSTILE_CALL
from tests.support import ANN, approve, assert_sound, deny, submit

UNKNOWN = "apr_" + "0" * 32


@pytest.fixture
def waiting(store: BlockingStore, call: Call) -> list[Request]:
    """Three requests that wait."""
    return [submit(store, dataclasses.replace(call, tool=str(number))) for number in range(3)]


@pytest.fixture
def chosen(tmp_path: Path) -> Path:
    return tmp_path / "chosen.json"


def choose(file: Path, *requests: Request, **changes: Any) -> str:
    """Writes the requests as they are; gives the file's name."""
    file.write_text(json.dumps([{"id": each.id, "digest": each.digest, **changes} for each in requests]))
    return str(file)


def statuses(store: BlockingStore, requests: list[Request]) -> list[str]:
    return [store.reviewer.get(request.id).status for request in requests]


@pytest.mark.parametrize("verdict", ["approve", "deny"])
def test_what_list_prints_is_decided_from_a_file_and_from_stdin(
    cli: Cli, store: BlockingStore, waiting: list[Request], chosen: Path, verdict: str
) -> None:
    decided = {"approve": "approved", "deny": "denied"}[verdict]
    chosen.write_text(json.dumps(cli("list", "--json").json[:1]))
    finished = cli("bulk", verdict, str(chosen), "--reviewer", "ann", "--reason", "all of them")
    assert (finished.code, finished.out, finished.err) == (0, f"{waiting[0].id} {decided}\n", "")
    rest = run_process("bulk", verdict, "-", "--reviewer", "ann", stdin=run_process("list", "--json").out.encode())
    assert rest.code == 0
    assert rest.out == "".join(f"{request.id} {decided}\n" for request in waiting[1:])
    assert statuses(store, waiting) == [decided] * 3
    (decision,) = store.reviewer.get(waiting[0].id).decisions
    assert (decision.reviewer, decision.reason, decision.via) == ("ann", "all of them", "cli")
    assert decision.evidence.kind == "none"
    assert store.reviewer.events()[0].body["details"] == {"in_bulk": True}
    assert_sound(store)


def test_one_that_changed_is_left_and_the_others_are_decided(
    cli: Cli, store: BlockingStore, waiting: list[Request], chosen: Path
) -> None:
    said = [{"id": each.id, "digest": each.digest} for each in waiting]
    said[1]["digest"] = waiting[0].digest
    chosen.write_text(json.dumps(said))
    finished = cli("bulk", "approve", str(chosen))
    assert finished.code == 4
    lines = finished.out.splitlines()
    assert lines[0::2] == [f"{waiting[0].id} approved", f"{waiting[2].id} approved"]
    assert lines[1].startswith(f"{waiting[1].id} not decided: Request {waiting[1].id} is not what you looked at")
    assert finished.err == "1 of 3 were not decided.\n"
    assert statuses(store, waiting) == ["approved", "pending", "approved"]


def test_the_json_says_of_each_what_became_of_it(
    cli: Cli, store: BlockingStore, waiting: list[Request], chosen: Path
) -> None:
    deny(store, waiting[1])
    finished = cli("bulk", "approve", choose(chosen, *waiting), "--json")
    assert finished.code == 4
    first, second, third = finished.json
    assert first == {"id": waiting[0].id, "decided": True, "status": "approved", "why": None}
    assert (second["id"], second["decided"], second["status"]) == (waiting[1].id, False, None)
    assert "already denied" in second["why"]
    assert third["decided"] is True


NOT_TOGETHER = [
    ({"risk": "high"}, "of high risk"),
    ({"requirements": Requirements(quorum=2)}, "for several reviewers"),
    ({"requirements": Requirements(evidence="shown")}, "its whole payload was shown"),
]


@pytest.mark.parametrize(("parts", "why"), NOT_TOGETHER, ids=str)
def test_what_is_looked_at_by_itself_is_left_and_can_be_denied(
    cli: Cli, store: BlockingStore, call: Call, chosen: Path, parts: dict[str, Any], why: str
) -> None:
    request = submit(store, dataclasses.replace(call, **parts))
    refused = cli("bulk", "approve", choose(chosen, request))
    assert refused.code == 4
    assert why in refused.out
    assert statuses(store, [request]) == ["pending"]
    assert cli("bulk", "deny", str(chosen)).code == 0


def test_the_same_twice_is_decided_once_and_again_changes_nothing(
    cli: Cli, store: BlockingStore, waiting: list[Request], chosen: Path
) -> None:
    file = choose(chosen, waiting[0], waiting[0])
    assert cli("bulk", "approve", file, "--reviewer", "ann").out == f"{waiting[0].id} approved\n"
    count = len(store.reviewer.events())
    assert cli("bulk", "approve", file, "--reviewer", "ann").code == 0
    assert len(store.reviewer.events()) == count
    assert cli("bulk", "deny", file, "--reviewer", "ann").code == 4


def test_of_nothing_nothing_is_decided(cli: Cli, store: BlockingStore, chosen: Path) -> None:
    finished = cli("bulk", "approve", choose(chosen))
    assert (finished.code, finished.out, finished.err) == (0, "", "")
    assert cli("bulk", "approve", str(chosen), "--json").out == "[]\n"


MALFORMED: list[bytes] = [
    b"",
    b"nonsense",
    b"\xff\xfe",
    b"{}",
    b"null",
    b'"apr_1"',
    b"[1]",
    b"[null]",
    b'["apr_1"]',
    b"[{}]",
    b'[{"id": "apr_1"}]',
    b'[{"digest": "v1"}]',
    b'[{"id": 1, "digest": "v1"}]',
    b'[{"id": "apr_1", "digest": null}]',
    b'[{"id": "apr_1", "id": "apr_2", "digest": "v1"}]',
    b'[{"id": "\\ud800", "digest": "v1"}]',
    b'[{"id": "apr_1", "digest": "v1"}',
    b"[" * 100_000,
    b"[NaN]",
]


@pytest.mark.parametrize("data", MALFORMED, ids=lambda data: ascii(data)[:40])
def test_what_is_no_list_of_requests_ends_with_2_and_decides_nothing(
    cli: Cli, store: BlockingStore, waiting: list[Request], chosen: Path, data: bytes
) -> None:
    chosen.write_bytes(data)
    refused = cli("bulk", "approve", str(chosen))
    assert (refused.code, refused.out) == (2, "")
    assert refused.err.endswith("\n")
    assert all(line.isprintable() for line in refused.err.splitlines())
    assert statuses(store, waiting) == ["pending"] * 3


def test_one_bad_entry_among_good_ones_decides_nothing(
    cli: Cli, store: BlockingStore, waiting: list[Request], chosen: Path
) -> None:
    chosen.write_text(json.dumps([*({"id": each.id, "digest": each.digest} for each in waiting), {"id": 1}]))
    assert cli("bulk", "approve", str(chosen)).code == 2
    assert statuses(store, waiting) == ["pending"] * 3


def test_more_than_anybody_looks_at_together_end_with_2(cli: Cli, store: BlockingStore, chosen: Path) -> None:
    chosen.write_text(json.dumps([{"id": f"apr_{number}", "digest": "v1"} for number in range(201)]))
    refused = cli("bulk", "deny", str(chosen))
    assert refused.code == 2
    assert "200 are the most" in refused.err


def test_a_file_that_cannot_be_read_ends_with_2(cli: Cli, store: BlockingStore, tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere", tmp_path, tmp_path / "a\u202eb"):
        refused = cli("bulk", "deny", str(path))
        assert (refused.code, refused.out) == (2, "")
        assert "cannot be read" in refused.err
        assert all(line.isprintable() for line in refused.err.splitlines())


def test_a_file_of_very_many_bytes_ends_with_2_and_is_not_read_whole(
    cli: Cli, store: BlockingStore, chosen: Path
) -> None:
    chosen.touch()
    os.truncate(chosen, 33 * 1024 * 1024)
    refused = cli("bulk", "deny", str(chosen))
    assert refused.code == 2
    assert "33,554,432 bytes" in refused.err


def test_ids_that_nobody_knows_are_told_each_and_visible(
    cli: Cli, store: BlockingStore, waiting: list[Request], chosen: Path
) -> None:
    unknown = ["", UNKNOWN, "apr_\u202e\x1b[2J", waiting[0].id[:12]]
    chosen.write_text(json.dumps([{"id": each, "digest": waiting[0].digest} for each in unknown]))
    finished = cli("bulk", "approve", str(chosen))
    assert finished.code == 4
    assert len(finished.out.splitlines()) == 4
    assert all(line.isprintable() for line in (finished.out + finished.err).splitlines())
    assert cli("bulk", "approve", str(chosen), "--json").out.isascii()
    assert statuses(store, waiting) == ["pending"] * 3


def test_what_a_held_session_asks_is_left_and_can_be_denied(
    cli: Cli, store: BlockingStore, waiting: list[Request], chosen: Path
) -> None:
    store.reviewer.hold_session("release-bot", "run-1", reviewer=ANN, reason="odd\u202e")
    finished = cli("bulk", "approve", choose(chosen, *waiting))
    assert finished.code == 4
    assert finished.out.count("back: odd\\u{202E}") == 3
    assert cli("bulk", "deny", str(chosen)).code == 0


def test_hostile_requests_are_decided_by_id_and_show_nothing(cli: Cli, store: BlockingStore, chosen: Path) -> None:
    request = submit(store, dataclasses.replace(HOSTILE_CALL, risk=None))
    finished = cli("bulk", "approve", choose(chosen, request))
    assert (finished.code, finished.out) == (0, f"{request.id} approved\n")


def test_a_reviewer_without_a_name_decides_nothing(
    cli: Cli, store: BlockingStore, waiting: list[Request], chosen: Path
) -> None:
    refused: Finished = cli("bulk", "approve", choose(chosen, *waiting), "--reviewer", "")
    assert refused.code == 2
    assert statuses(store, waiting) == ["pending"] * 3


def test_what_another_reviewer_decided_meanwhile_is_told(
    cli: Cli, store: BlockingStore, waiting: list[Request], chosen: Path
) -> None:
    file = choose(chosen, *waiting)
    approve(store, waiting[2])
    finished = cli("bulk", "approve", file, "--reviewer", "bo")
    assert finished.code == 4
    assert "already approved by ann" in finished.out
    assert statuses(store, waiting) == ["approved"] * 3
