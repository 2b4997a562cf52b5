"""The streams: data on stdout, narration on stderr, in whatever encoding the terminal has."""

from __future__ import annotations

import json

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.models import Request
from approval_tui.store.blocking import BlockingStore
from tests.cli.running import Cli, run_process
from tests.support import approve, deny, submit


@pytest.mark.parametrize("encoding", ["ascii", "cp437", "utf-16"])
def test_no_encoding_of_the_terminal_breaks_a_command(store: BlockingStore, encoding: str) -> None:
    request = submit(store, Call("shell", {"command": "ls \u4f60\u597d \u20ac \U0001f600"}, "bot", risk="high"))
    deny(store, submit(store, Call("mail", {"to": "\u03b1"}, "bot")), "\u2192 no")
    for words in (["list"], ["show", request.id], ["history"], ["audit", "list"]):
        assert run_process(*words, encoding=encoding, PYTHONIOENCODING=encoding).code == 0
    assert run_process("list", "--bog\u20acus", encoding=encoding, PYTHONIOENCODING=encoding).code == 2


def test_a_terminal_without_unicode_gets_letters_for_glyphs(store: BlockingStore) -> None:
    submit(store, Call("shell", {}, "bot", risk="high"))
    shown = run_process("list", encoding="ascii", PYTHONIOENCODING="ascii").out
    assert "H HIGH" in shown
    assert "\\u25b2" not in shown


@pytest.mark.parametrize(
    "words",
    [
        ["list"],
        ["show", "ID"],
        ["approve", "ID", "--digest", "DIGEST"],
        ["deny", "ID"],
        ["expire", "ID"],
        ["expire", "--all-stale"],
        ["cancel", "ID"],
        ["history"],
        ["audit", "list"],
        ["audit", "verify"],
        ["audit", "head"],
        ["submit", "--tool", "t", "--args", "{}", "--requester", "bot"],
        ["submit", "--tool", "t", "--args", "{}", "--requester", "bot", "--wait", "--timeout", "1ms"],
        ["wait", "ID", "--timeout", "1ms"],
        ["config", "path"],
        ["config", "show"],
        ["config", "validate"],
        [],
    ],
    ids=" ".join,
)
def test_with_json_stdout_is_one_ascii_document(cli: Cli, request_: Request, words: list[str]) -> None:
    words = [{"ID": request_.id, "DIGEST": request_.digest}.get(word, word) for word in words]
    finished = cli(*words, "--json")
    assert finished.out.isascii()
    assert finished.out.endswith("\n")
    json.loads(finished.out)


def test_json_of_what_is_left_prints_the_request_too(cli: Cli, store: BlockingStore, request_: Request) -> None:
    approve(store, request_)
    claim = cli("consume", request_.id, "--json").json
    assert set(claim) == {"claim", "arguments", "request"}
    outcome = cli("outcome", request_.id, "succeeded", "--claim", claim["claim"], "--json").json
    assert outcome == {**claim["request"], "outcome": "succeeded", "outcome_at": outcome["outcome_at"]}


def test_error_texts_hold_no_invisible_character(cli: Cli, store: BlockingStore) -> None:
    request = submit(store, Call("shell", {}, "bot\u202e\x1b[2J"))
    deny(store, request, "because\nof\u2028this")
    for words in (["cancel", request.id], ["cancel", request.id, "--requester", "x"], ["revoke", request.id]):
        finished = cli(*words)
        assert finished.code == 4
        assert len(finished.err.splitlines()) == 1
        assert finished.err.rstrip("\n").isprintable()
    assert "\\u{202E}" in cli("show", "apr_\u202e0000000").err or cli("show", "apr_\u202e0000000").code == 2
