"""show and approve print what is unusual about a request; what a script reads is as it was."""

from __future__ import annotations

import json
from typing import Any

import pytest

from approval_tui.display.unusual import TITLE
from approval_tui.display.visible import is_all_visible
from approval_tui.domain.calls import Call
from approval_tui.domain.models import Request
from approval_tui.store.blocking import BlockingStore
from tests.cli.running import Cli, on_terminal, run_process
from tests.hostile import HOSTILE_TEXTS, everywhere
from tests.support import approve, consume, deny, submit, submit_approved

SECRET = "hunter22-and-more"
FIRST = "  • the first request in this store"


def ask(store: BlockingStore, **arguments: Any) -> Request:
    return submit(store, Call("deploy", arguments, "bot"))


def rows_in(output: str) -> list[str]:
    """The rows below the title, up to the next one."""
    rows = output.splitlines()
    begin = rows.index(f"{TITLE}:") + 1
    return rows[begin : rows.index("", begin)]


def test_show_prints_it_above_the_arguments(cli: Cli, store: BlockingStore) -> None:
    request = ask(store, n=1)
    shown = cli("show", request.id)
    assert rows_in(shown.out) == [FIRST]
    assert shown.out.index(f"{TITLE}:") < shown.out.index("\narguments:")
    consume(store, approve(store, request))
    heading, words = rows_in(cli("show", ask(store, n=2).id).out)[-2:]
    assert "by this requester" in heading
    assert words == "  │ argument n: was 1, is 2"


def test_nothing_is_printed_where_nothing_is_unusual_or_all_is_over(cli: Cli, store: BlockingStore) -> None:
    denied = ask(store, n=1)
    deny(store, denied)
    consume(store, submit_approved(store, Call("deploy", {"n": 2}, "bot")))
    for request in (denied, ask(store, n=2)):
        assert TITLE not in cli("show", request.id).out


def test_a_script_reads_what_it_read_before(cli: Cli, store: BlockingStore) -> None:
    request = ask(store, n=1)
    shown = cli("show", request.id, "--json")
    assert shown.json == json.loads(json.dumps(request.to_json()))
    assert shown.err == ""


def test_secrets_are_masked_until_they_are_revealed(cli: Cli, store: BlockingStore) -> None:
    consume(store, approve(store, ask(store, n=1)))
    request = ask(store, n=1, password=SECRET)
    assert SECRET not in cli("show", request.id).out
    assert f'  │ argument password: is new: "{SECRET}"' in cli("show", request.id, "--reveal").out.splitlines()


def test_a_terminal_with_ascii_only_gets_ascii_only(store: BlockingStore) -> None:
    request = ask(store, command="make сору")
    shown = run_process(
        "show", request.id, encoding="ascii", PYTHONIOENCODING="ascii", APPROVAL_TUI_STORE=store.location
    )
    assert shown.code == 0
    assert rows_in(shown.out)[0] == FIRST.replace("•", "*")
    assert "\\u{441}" in rows_in(shown.out)[1]


@pytest.mark.parametrize("columns", ["40", "100"])
def test_no_row_of_a_hostile_text_begins_where_ours_do(
    columns: str, cli: Cli, store: BlockingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    for text in HOSTILE_TEXTS.values():
        call = everywhere(text)
        submit_approved(store, Call(**{**vars(call), "arguments": {"command": "make"}}))
        rows = rows_in(cli("show", submit(store, call).id).out)
        assert rows
        assert all(is_all_visible(row) for row in rows)
        assert [row for row in rows if not row.startswith(("  • ", "  │ ", "  ↳ "))] == []


def test_approve_shows_it_before_it_asks_of_what_would_run(store: BlockingStore) -> None:
    consume(store, approve(store, ask(store, n=1)))
    request = ask(store, n=2)
    with on_terminal("approve", request.id, "--reviewer", "bo", "--edit", '{"n": 3}') as terminal:
        terminal.until_shown("Type yes and press Enter")
        assert f"{TITLE}:" in terminal.output
        assert "argument n: was 1, is 3" in terminal.output
        terminal.type(b"no\n")
        terminal.ended()
