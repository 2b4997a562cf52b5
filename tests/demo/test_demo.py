"""The demo: three real agents, five kinds of decision, every effect held against the disk, nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from approval_tui.domain.lifecycle import CONSUMED
from approval_tui.store import open_store_blocking
from tests.demo.running import agents_in, start_demo
from tests.support import LONG, assert_sound, until

#: How each kind of decision shows in the table: requester, what the call is about, decision, effect.
KINDS = {
    "approved": ("build-bot", "cksum sources/*.txt > checksums.txt", "● succeeded", "done"),
    "denied": ("docs-bot", "notes/credentials.md", "✕ denied", "Credentials do not belong in notes.  not done"),
    "expired": ("build-bot", "sources/main.txt", "◇ expired", "not done"),
    "edited": ("mail-bot", "to: team@example.org", "● succeeded (edited)", "done"),
    "revoked": (
        "build-bot",
        "cp checksums.txt deployed.txt",
        "✕ denied",
        "The window was moved.                not done",
    ),
}


@pytest.fixture(scope="module")
def automatic_demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """One run of `demo --auto --keep`: its folder and what it printed."""
    scratch = tmp_path_factory.mktemp("demo")
    process = start_demo(scratch, "--auto", "--keep", home=tmp_path_factory.mktemp("home"))
    printed, said = process.communicate(timeout=2 * LONG)
    assert not agents_in(scratch)
    (folder,) = scratch.iterdir()
    return folder, subprocess.CompletedProcess(process.args, process.returncode, printed, said)


def test_the_demo_ends_well_and_says_so(automatic_demo: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder, finished = automatic_demo
    assert finished.returncode == 0, finished.stdout + finished.stderr
    *rows, blank, summary, log = finished.stdout.splitlines()
    assert len(rows) == 9
    assert all(row.endswith("  as decided") for row in rows[1:])
    assert blank == ""
    assert summary == "8 requests, none of them with another effect than was decided."
    assert log.startswith("Audit log: ")
    assert " events, sound, head v1:sha256:" in log
    assert finished.stderr.splitlines() == [
        "Three agents start; each of their calls waits for a yes.",
        f"Kept: {folder}",
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_decision_has_its_row(
    kind: str, automatic_demo: tuple[Path, subprocess.CompletedProcess[str]]
) -> None:
    requester, what, decision, effect = KINDS[kind]
    (row,) = [row for row in automatic_demo[1].stdout.splitlines() if row.startswith(requester) and what in row]
    assert decision in row
    assert row.endswith(f"{effect}{' ' * (len('not done') - len('done')) if effect == 'done' else ''}  as decided")


def test_the_effects_are_really_on_the_disk(automatic_demo: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    work = automatic_demo[0] / "work"
    assert (work / "notes/release.md").read_text().startswith("# Release 2")
    assert not (work / "notes/credentials.md").exists()
    assert not (work / "drafts/old.md").exists()
    assert (work / "sources/main.txt").exists()
    assert "sources/main.txt" in (work / "checksums.txt").read_text()
    assert not (work / "deployed.txt").exists()
    sent = [json.loads(line) for line in (work / "outbox.jsonl").read_text().splitlines()]
    assert [message["to"] for message in sent] == ["team@example.org", "support@example.org"]


def test_the_agents_were_told_why_their_calls_did_not_run(
    automatic_demo: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    refusals = [json.loads(line) for line in (automatic_demo[0] / "work/refusals.jsonl").read_text().splitlines()]
    assert sorted(refusal["kind"] for refusal in refusals) == ["ApprovalDenied", "ApprovalDenied", "ApprovalExpired"]
    said = " ".join(refusal["said"] for refusal in refusals)
    assert "Credentials do not belong in notes." in said
    assert "The window was moved." in said


def test_the_store_of_the_demo_holds_every_decision_and_verifies(
    automatic_demo: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    with open_store_blocking(str(automatic_demo[0] / "store/approvals.db")) as store:
        requests = store.reviewer.history()
        assert_sound(store)
        assert store.reviewer.list() == ()
        names = {event.name for request in requests for event in store.reviewer.events(request_id=request.id)}
    assert sorted(request.status for request in requests) == [CONSUMED] * 5 + ["denied"] * 2 + ["expired"]
    assert {request.outcome for request in requests if request.status == CONSUMED} == {"succeeded"}
    assert {"request_edited", "request_revoked", "request_denied", "request_expired", "request_approved"} <= names
    sessions = {(request.requester, request.session) for request in requests}
    assert {requester for requester, _ in sessions} == {"docs-bot", "build-bot", "mail-bot"}
    assert len(sessions) == 3


def test_without_a_terminal_the_demo_decides_by_itself_and_leaves_nothing_behind(
    tmp_path: Path, own_home: Path
) -> None:
    scratch = tmp_path / "scratch"
    process = start_demo(scratch, home=own_home)
    printed, said = process.communicate(timeout=2 * LONG)
    assert process.returncode == 0, printed + said
    assert "8 requests, none of them with another effect than was decided." in printed
    assert list(scratch.iterdir()) == []
    assert agents_in(scratch) == []


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 128 + signal.SIGTERM), (signal.SIGHUP, 128 + signal.SIGHUP)],
)
def test_a_demo_that_is_interrupted_leaves_neither_agents_nor_folders(
    number: signal.Signals, code: int, tmp_path: Path, own_home: Path
) -> None:
    scratch = tmp_path / "scratch"
    process = start_demo(scratch, "--auto", home=own_home)
    try:
        until(lambda: len(agents_in(scratch)) == 3)
        process.send_signal(number)
        process.communicate(timeout=LONG)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    assert process.returncode == code
    assert list(scratch.iterdir()) == []
    assert agents_in(scratch) == []


def test_the_demo_touches_neither_the_default_store_nor_the_working_folder(own_home: Path, tmp_path: Path) -> None:
    before = sorted(os.listdir(tmp_path))
    process = start_demo(tmp_path / "scratch", "--auto", "--store", str(tmp_path / "mine.db"), home=own_home)
    printed, said = process.communicate(timeout=2 * LONG)
    assert process.returncode == 0, printed + said
    assert "--store is not touched" in said
    assert sorted(os.listdir(tmp_path)) == sorted([*before, "scratch"])
    assert os.listdir(own_home) == []


def test_whose_policy_and_configuration_it_is_run_with_have_no_say_in_it(own_home: Path, tmp_path: Path) -> None:
    home, scratch = own_home, tmp_path / "scratch"
    policy, config = tmp_path / "policy.yaml", tmp_path / "config.yaml"
    policy.write_text('version: "1"\ndefault: deny\n')
    config.write_text(f"policy: {policy}\nrequests:\n  timeout: 1s\n")
    process = start_demo(scratch, "--auto", home=home, APPROVAL_TUI_POLICY=str(policy), APPROVAL_TUI_CONFIG=str(config))
    printed, said = process.communicate(timeout=2 * LONG)
    assert process.returncode == 0, printed + said
    assert "8 requests, none of them with another effect than was decided." in printed
