"""store copy and store backup: what they print, how they end, and what they never show."""

from __future__ import annotations

import os

import pytest

from approval_tui.domain.chain import GENESIS
from approval_tui.domain.models import Request
from approval_tui.store.blocking import BlockingStore
from tests.cli.running import Cli, run_process
from tests.postgres.servers import Server
from tests.store.copies import all_rows, once_at
from tests.store.tampering import attack
from tests.support import approve


@pytest.fixture
def target(store_path: str) -> str:
    return f"{store_path}.copy"


def test_a_copy_says_what_was_copied_and_what_to_do_next(
    cli: Cli, store: BlockingStore, request_: Request, target: str
) -> None:
    finished = cli("store", "copy", store.location, target)
    head = store.reviewer.head()
    assert finished.code == 0
    assert head is not None
    first, second = finished.out.splitlines()
    assert first == (
        f"{store.location} was copied to {target}: 1 events, 1 requests, 0 other rows. Both verify, and every row is "
        "the same."
    )
    assert second.split(" ")[:2] == ["1", head.hash]
    assert f"stop what uses {store.location}" in finished.err
    assert f"set APPROVAL_TUI_STORE={target}" in finished.err
    assert f"from now on is not in {target}" in finished.err
    assert cli("list", "--json", "--store", target).json[0]["id"] == request_.id


def test_a_copy_as_json_counts_the_rows_of_each_table(
    cli: Cli, store: BlockingStore, request_: Request, target: str
) -> None:
    approve(store, request_)
    told = cli("store", "copy", store.location, target, "--json").json
    assert (told["from"], told["to"], told["resumed"], told["events_since"]) == (store.location, target, False, 0)
    assert (told["rows"]["events"], told["rows"]["requests"], told["rows"]["grants"]) == (2, 1, 0)
    assert told["head"] == cli("audit", "head", "--json", "--store", target).json
    assert told["seconds"] > 0


def test_an_empty_store_can_be_copied_and_backed_up(cli: Cli, store: BlockingStore, target: str) -> None:
    assert cli("store", "copy", store.location, target).out.splitlines()[-1] == f"0 {GENESIS}"
    assert cli("store", "backup", f"{target}.backup").out == f"0 {GENESIS}\n"


def test_what_was_written_meanwhile_is_told(
    cli: Cli, store: BlockingStore, request_: Request, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    when = ("requests copied", "requests compared")
    monkeypatch.setattr(
        "approval_tui.cli.commands.store_copy.Progress", lambda: _Told(once_at(when, lambda: approve(store, request_)))
    )
    finished = cli("store", "copy", store.location, target)
    assert finished.code == 0
    assert "was written to meanwhile: 1 events came after the copy's last one" in finished.err
    assert [each["status"] for each in cli("list", "--json", "--store", target).json] == ["pending"]


class _Told:
    """A progress that does what a test wants."""

    def __init__(self, act: object) -> None:
        self.act = act

    def __enter__(self) -> object:
        return self.act

    def __exit__(self, *_: object) -> None:
        pass


def test_an_unfinished_copy_is_refused_by_every_command_until_it_is_finished(
    cli: Cli, store: BlockingStore, request_: Request, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as interrupted:
        when = ("events verified", "requests copied")
        interrupted.setattr("approval_tui.cli.commands.store_copy.Progress", lambda: _Told(once_at(when, stop)))
        ended = cli("store", "copy", store.location, target)
        assert ended.code == 130
        assert "What was copied so far is kept: the same command goes on from there." in ended.err
    for words in (["list"], ["audit", "verify"], ["store", "backup", f"{target}.backup"]):
        refused = cli(*words, "--store", target)
        assert (refused.code, refused.out) == (5, "")
        assert f"is an unfinished copy of {store.location}" in refused.err
        assert f"`approval-tui store copy {store.location} {target}` again" in refused.err
    assert cli("store", "copy", target, f"{target}.2").code == 5
    finished = cli("store", "copy", store.location, target, "--json").json
    assert finished["resumed"] is True
    assert cli("list", "--store", target).code == 0


def test_refusals_have_their_exit_codes(cli: Cli, store: BlockingStore, request_: Request, target: str) -> None:
    assert cli("store", "copy", store.location, store.location).code == 2
    assert cli("store", "copy", "", target).code == 2
    assert cli("store", "copy", f"{store.location}.none", target).code == 5
    assert cli("store", "backup", store.location).code == 2
    attack(store, "UPDATE requests SET risk = 'low' WHERE id = ?", (request_.id,))
    for words in (["copy", store.location, target], ["backup", target]):
        refused = cli("store", *words)
        assert (refused.code, refused.out) == (10, "")
        assert "does not verify: its call was changed: the digest does not fit" in refused.err
    assert not os.path.exists(target)


def test_no_password_is_shown(
    store: BlockingStore, request_: Request, postgres_server: Server, postgres_schema: str
) -> None:
    url = postgres_server.url(postgres_schema).replace(":///", "://approvals_owner:hunter2@/")
    url = url.replace("&user=approvals_owner", "&password=hunter2")
    for words in (["copy", store.location, url], ["copy", store.location, url], ["copy", url, f"{store.location}.2"]):
        finished = run_process("store", *words)
        assert "approvals_owner:" in finished.out + finished.err
        assert "hunter2" not in finished.out + finished.err
    backup = run_process("store", "backup", f"{store.location}.backup", "--store", url)
    assert (backup.code, "hunter2" in backup.err) == (0, False)
    assert all_rows(f"{store.location}.backup") == all_rows(store.location)
