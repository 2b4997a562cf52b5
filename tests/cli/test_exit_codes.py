"""Every exit code of the table but the demo's, from the real command; and no traceback with any of them."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from approval_tui.cli.exit_codes import DEFECT, EXIT_CODES, NOT_AS_EXPECTED, exit_code_of
from approval_tui.domain import errors
from approval_tui.domain.models import Request
from approval_tui.store.blocking import BlockingStore
from tests.cli.running import COMMAND, on_terminal, run_process, started
from tests.store.tampering import attack, raw
from tests.support import LONG, deny


def _denied(store: BlockingStore, request: Request) -> list[str]:
    deny(store, request)
    return ["wait", request.id]


def _tampered(store: BlockingStore, request: Request) -> list[str]:
    attack(store, "UPDATE requests SET risk = 'low' WHERE id = ?", (request.id,))
    return ["audit", "verify"]


def _words(store: BlockingStore, request: Request) -> dict[int, list[str]]:
    return {
        0: ["list"],
        2: ["approve", request.id],
        3: ["show", "apr_" + "0" * 32],
        4: ["deny", request.id, "--digest", "another"],
        5: ["list", "--store", os.path.dirname(store.location)],
        9: ["wait", request.id, "--timeout", "1ms"],
    }


@pytest.mark.parametrize("code", [0, 2, 3, 4, 5, 9])
def test_codes_of_a_request_that_waits(store: BlockingStore, request_: Request, code: int) -> None:
    finished = run_process(*_words(store, request_)[code])
    assert finished.code == code
    assert (finished.err == "") == (code == 0)


def test_3_is_a_grant_that_does_not_exist_too(store: BlockingStore) -> None:
    finished = run_process("grant", "revoke", "grt_" + "0" * 32)
    assert (finished.code, finished.out) == (3, "")
    assert "approval-tui grant list" in finished.err


def test_6_7_and_8_are_the_ways_of_not_being_approved(store: BlockingStore, request_: Request) -> None:
    assert run_process(*_denied(store, request_)).code == 6
    ask = ("submit", "--tool", "t", "--args", "{}", "--requester", "bot", "--wait", "--timeout", "1ms")
    assert run_process(*ask).code == 7
    cancelled = run_process("submit", "--tool", "u", "--args", "{}", "--requester", "bot", "--json").json
    run_process("cancel", cancelled["id"])
    assert run_process("wait", cancelled["id"]).code == 8


def test_10_is_a_log_that_does_not_verify(store: BlockingStore, request_: Request) -> None:
    assert run_process(*_tampered(store, request_)).code == 10


def test_70_is_a_defect_and_says_so_in_two_lines(store: BlockingStore) -> None:
    broken = "import sys; sys.modules['sqlite3'] = None; from approval_tui.cli.main import run; sys.exit(run(['list']))"
    environment = {**os.environ}
    finished = subprocess.run(
        [sys.executable, "-c", broken], capture_output=True, text=True, env=environment, timeout=LONG, check=False
    )
    assert finished.returncode == 70
    assert "this is a defect" in finished.stderr
    assert "ModuleNotFoundError" in finished.stderr
    assert (len(finished.stderr.splitlines()), "Traceback" in finished.stderr) == (2, False)
    environment["APPROVAL_TUI_DEBUG"] = "1"
    finished = subprocess.run(
        [sys.executable, "-c", broken], capture_output=True, text=True, env=environment, timeout=LONG, check=False
    )
    assert (finished.returncode, "Traceback" in finished.stderr) == (70, True)


@pytest.mark.parametrize("words", [["list"], ["list", "--json"], ["--help"], ["audit", "export"], ["config", "show"]])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_74_is_an_output_that_cannot_be_written(
    store: BlockingStore, request_: Request, words: list[str], unbuffered: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    with open("/dev/full", "w") as full:
        finished = subprocess.run(
            [*COMMAND, *words], stdout=full, stderr=subprocess.PIPE, text=True, timeout=LONG, check=False
        )
    assert finished.returncode == 74
    assert finished.stderr.splitlines()[-1].startswith("approval-tui: The standard output cannot be written")
    assert "Traceback" not in finished.stderr


def test_130_is_an_interruption(store: BlockingStore, request_: Request) -> None:
    with on_terminal("approve", request_.id) as terminal:
        terminal.until_shown("Type yes")
        terminal.type(b"\x03")
        assert terminal.ended() == 130


@pytest.mark.parametrize("words", [["list"], ["audit", "export"], ["--help"], ["history", "--json"]])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_141_is_a_reader_that_went_away_and_nothing_is_said(
    store: BlockingStore, request_: Request, words: list[str], unbuffered: str
) -> None:
    with started(*words, PYTHONUNBUFFERED=unbuffered) as process:
        assert process.stdout is not None
        process.stdout.close()
        process.stdout = None
        err = process.communicate(timeout=LONG)[1]
    assert (process.returncode, err) == (141, b"")


def test_a_stream_that_is_closed_from_the_start_is_no_defect(store: BlockingStore, request_: Request) -> None:
    for redirection, code in ((">&-", 74), ("2>&-", 0), ("<&-", 0)):
        finished = subprocess.run(
            ["sh", "-c", f'exec "$@" list {redirection}', "sh", *COMMAND],
            capture_output=True,
            timeout=LONG,
            check=False,
        )
        assert finished.returncode == code, redirection
        assert b"Traceback" not in finished.stderr


def test_what_was_printed_before_an_error_is_not_lost(store: BlockingStore, request_: Request) -> None:
    deny(store, request_)
    with contextlib.closing(raw(store)) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(requests)")]
    others = {"id": "'apr_' || printf('%032x', number)", "decisions": "CASE number WHEN 1 THEN 'x' ELSE decisions END"}
    attack(
        store,
        f"INSERT INTO requests ({', '.join(columns)}) "
        "WITH RECURSIVE numbers(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < 500) "
        f"SELECT {', '.join(others.get(column, column) for column in columns)} FROM requests, numbers",
    )
    finished = run_process("history", "--json", "--limit", "501")
    assert finished.code == 5
    assert finished.out.count('"status": "denied"') == 500
    assert finished.out.endswith("}")


def test_every_code_of_the_table_is_reached_by_a_test_here() -> None:
    reached = {0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 70, 74, 130, 141}
    assert set(EXIT_CODES) - reached == {NOT_AS_EXPECTED}


def _kinds(kind: type[errors.ApprovalTuiError]) -> list[type[errors.ApprovalTuiError]]:
    return [kind, *(each for child in kind.__subclasses__() for each in _kinds(child))]


@pytest.mark.parametrize(
    "kind", [each for each in _kinds(errors.ApprovalTuiError) if each.__module__ == errors.__name__]
)
def test_every_error_of_ours_has_a_code(kind: type[errors.ApprovalTuiError]) -> None:
    code = exit_code_of(kind.__new__(kind))
    assert code in EXIT_CODES
    assert (code == DEFECT) == (kind in (errors.ApprovalTuiError, errors.NotApproved))


@pytest.mark.parametrize("words", [["list"], ["history"], ["audit", "verify"], ["submit"], ["expire", "--all-stale"]])
def test_a_store_that_is_none_ends_with_5_and_stays_as_it_is(tmp_path: Path, words: list[str]) -> None:
    file = tmp_path / "notes\u202e.txt"
    file.write_text("not a database, and long enough to be looked at" * 100)
    file.chmod(0o600)
    before = file.read_bytes()
    if words == ["submit"]:
        words = ["submit", "--tool", "t", "--args", "{}", "--requester", "bot"]
    finished = run_process(*words, "--store", str(file))
    assert finished.code == 5
    assert "notes\\u{202E}.txt" in finished.err
    assert file.read_bytes() == before


def test_a_newer_store_is_refused_with_what_to_do(store: BlockingStore, request_: Request) -> None:
    connection = sqlite3.connect(store.location)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    finished = run_process("list")
    assert (finished.code, "pip install --upgrade" in finished.err) == (5, True)
