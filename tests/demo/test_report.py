"""The demo's report: what the disk shows is held against what was decided, and any difference is named."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from approval_tui.cli.demo import _report
from approval_tui.cli.demo.report import check_effects, table
from approval_tui.domain.calls import Call
from approval_tui.domain.models import Request
from approval_tui.store.blocking import BlockingStore
from tests.support import ANN, approve, consume, deny, submit

WRITE = ("write_file", {"path": "notes/release.md", "content": "# Release 2\n"})
DELETE = ("delete_file", {"path": "drafts/old.md"})
RUN = ("run_command", {"command": "cksum a > sums.txt"})
SEND = ("send_message", {"to": "team@example.org", "subject": "Release 2", "body": "Thank you."})

Effect = Callable[[Path], object]


def nothing(work: Path) -> None:
    """The disk as the agents found it."""


def wrote(work: Path) -> None:
    (work / "notes").mkdir()
    (work / "notes/release.md").write_text("# Release 2\n")


def wrote_something_else(work: Path) -> None:
    (work / "notes").mkdir()
    (work / "notes/release.md").write_text("# Release 3\n")


def deleted(work: Path) -> None:
    (work / "drafts/old.md").unlink()


def ran(work: Path) -> None:
    (work / "sums.txt").write_text("1 2 a\n")


def ran_without_result(work: Path) -> None:
    (work / "sums.txt").write_text("")


def sent(*recipients: str) -> Effect:
    def effect(work: Path) -> None:
        messages = [{**SEND[1], "to": recipient} for recipient in recipients]
        (work / "outbox.jsonl").write_text("".join(json.dumps(message) + "\n" for message in messages))

    return effect


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A working folder with the draft that may be deleted."""
    folder = tmp_path / "work"
    (folder / "drafts").mkdir(parents=True)
    (folder / "drafts/old.md").write_text("An old draft.\n")
    return folder


def ask(store: BlockingStore, call: tuple[str, dict[str, Any]]) -> Request:
    return submit(store, Call(tool=call[0], arguments=call[1], requester="docs-bot"))


def succeed(store: BlockingStore, request: Request) -> None:
    """Approves, consumes and reports success."""
    claim = consume(store, approve(store, request))
    store.requester.report_outcome(request.id, claim.id, "succeeded")


def last_words(store: BlockingStore, work: Path) -> str:
    (line,) = check_effects(store.reviewer, str(work))
    return table([line])[1].rsplit("  ", 1)[-1]


CALLS_AND_EFFECTS = [(WRITE, wrote), (DELETE, deleted), (RUN, ran), (SEND, sent("team@example.org"))]
IDS = ["write", "delete", "run", "send"]


@pytest.mark.parametrize(("call", "effect"), CALLS_AND_EFFECTS, ids=IDS)
def test_a_call_that_ran_agrees_only_with_its_effect(
    call: tuple[str, dict[str, Any]], effect: Effect, store: BlockingStore, work: Path
) -> None:
    succeed(store, ask(store, call))
    assert last_words(store, work) == "DIFFERS"
    effect(work)
    assert last_words(store, work) == "as decided"


@pytest.mark.parametrize(("call", "effect"), CALLS_AND_EFFECTS, ids=IDS)
def test_a_denied_call_agrees_only_with_a_disk_without_its_effect(
    call: tuple[str, dict[str, Any]], effect: Effect, store: BlockingStore, work: Path
) -> None:
    deny(store, ask(store, call), "No.")
    assert last_words(store, work) == "as decided"
    effect(work)
    assert last_words(store, work) == "DIFFERS"


@pytest.mark.parametrize(("call", "effect"), CALLS_AND_EFFECTS, ids=IDS)
def test_an_effect_before_anybody_decided_is_a_difference(
    call: tuple[str, dict[str, Any]], effect: Effect, store: BlockingStore, work: Path
) -> None:
    request = ask(store, call)
    effect(work)
    assert last_words(store, work) == "DIFFERS"
    approve(store, request)
    assert last_words(store, work) == "DIFFERS"


@pytest.mark.parametrize(
    ("call", "effect"), [(WRITE, wrote_something_else), (RUN, ran_without_result), (SEND, sent("everyone@example.org"))]
)
def test_another_effect_than_the_approved_one_is_a_difference(
    call: tuple[str, dict[str, Any]], effect: Effect, store: BlockingStore, work: Path
) -> None:
    succeed(store, ask(store, call))
    effect(work)
    assert last_words(store, work) == "DIFFERS"


@pytest.mark.parametrize(
    ("recipients", "words"),
    [
        (("team@example.org",), "as decided"),
        (("everyone@example.org",), "DIFFERS"),
        (("team@example.org", "everyone@example.org"), "DIFFERS"),
        ((), "DIFFERS"),
    ],
)
def test_an_edited_call_agrees_only_with_the_effect_of_the_edit(
    recipients: tuple[str, ...], words: str, store: BlockingStore, work: Path
) -> None:
    request = ask(store, ("send_message", {**SEND[1], "to": "everyone@example.org"}))
    request = store.reviewer.decide(
        request.id, "approve", reviewer=ANN, digest=request.digest, edited_arguments=SEND[1]
    )
    claim = consume(store, request)
    store.requester.report_outcome(request.id, claim.id, "succeeded")
    sent(*recipients)(work)
    assert last_words(store, work) == words


def test_a_failed_call_may_have_no_effect(store: BlockingStore, work: Path) -> None:
    request = ask(store, WRITE)
    claim = consume(store, approve(store, request))
    store.requester.report_outcome(request.id, claim.id, "failed", detail="OSError")
    assert last_words(store, work) == "as decided"
    wrote(work)
    assert last_words(store, work) == "DIFFERS"


def test_the_table_names_every_request_once_oldest_first(store: BlockingStore, work: Path) -> None:
    deny(store, ask(store, WRITE), "Not\u202e now.")
    ask(store, DELETE)
    rows = table(check_effects(store.reviewer, str(work)))
    assert [row.split()[:2] for row in rows] == [
        ["requester", "tool"],
        ["docs-bot", "write_file"],
        ["docs-bot", "delete_file"],
    ]
    assert "Not\\u{202E} now." in rows[1]


@pytest.mark.parametrize(
    ("effect", "agents_are_well", "code"), [(wrote, True, 0), (nothing, True, 1), (wrote, False, 1)]
)
def test_the_demo_ends_well_only_if_disk_and_agents_are_well(
    effect: Effect,
    agents_are_well: bool,
    code: int,
    store: BlockingStore,
    work: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    succeed(store, ask(store, WRITE))
    effect(work)
    assert _report(str(work), store.location, True, agents_are_well) == code
    printed = capsys.readouterr()
    assert ("1 of them" in printed.out) == (effect is nothing)
    assert ("An agent did not come to its end." in printed.err) == (not agents_are_well)


def test_the_demo_does_not_end_well_when_somebody_wrote_to_its_store(
    store: BlockingStore, work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deny(store, ask(store, WRITE), "No.")
    with contextlib.closing(sqlite3.connect(store.location)) as connection, connection:
        connection.execute("UPDATE requests SET decided_at = 1")
    assert _report(str(work), store.location, True, True) == 1
    assert "Audit log: " in capsys.readouterr().out
