"""grant add and grant test: what a reviewer lets run without being asked, looked at first."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.clock import HOUR, MINUTE
from approval_tui.domain.grants import Grant
from approval_tui.domain.models import Request, Requirements
from approval_tui.store.blocking import BlockingStore
from tests.cli.running import Cli, on_terminal, run_process
from tests.cli.test_looking import HOSTILE_CALL
from tests.support import BO, assert_sound, deny, submit

QUESTION = "Grant this? Type yes and press Enter"
NOT_A_YES = [b"\n", b"y\n", b"no\n", b"YES\n", b"\x04", b"yes\x04\x04", b"yess\n", b"\x03"]


def making(call: Call, target: str, **parts: Any) -> Call:
    """The call for another target of make."""
    return dataclasses.replace(call, arguments={"command": f"make {target}"}, **parts)


def only(store: BlockingStore) -> Grant:
    (grant,) = store.reviewer.grants()
    return grant


def status(store: BlockingStore, request: Request) -> str:
    return store.reviewer.get(request.id).status


def adding(request: Request, *words: str) -> tuple[str, ...]:
    return ("grant", "add", request.id, "--reviewer", "ann", *words)


# --- add ---------------------------------------------------------------------------------------


def test_without_a_terminal_a_grant_needs_the_digest(cli: Cli, store: BlockingStore, request_: Request) -> None:
    refused = cli(*adding(request_))
    assert (refused.code, refused.out) == (2, "")
    assert "needs --digest" in refused.err
    assert f"approval-tui grant test {request_.id}" in refused.err
    assert store.reviewer.grants() == ()


def test_with_the_digest_a_grant_is_given_and_what_waits_is_approved(
    cli: Cli, store: BlockingStore, request_: Request, call: Call
) -> None:
    waiting = submit(store, making(call, "test"))
    finished = cli(*adding(request_, "--digest", request_.digest, "--glob", "command=make *", "--uses", "3"))
    grant = only(store)
    assert (finished.code, finished.err) == (0, "")
    assert re.fullmatch(rf"{grant.id} for (12h|11h59m), used 2 of 3\n", finished.out)
    assert status(store, waiting) == status(store, request_) == "approved"
    assert (grant.scope, grant.session, grant.granted_by) == ("session", "run-1", "ann")
    assert submit(store, making(call, "docs")).status == "approved"
    assert submit(store, making(call, "more")).status == "pending"
    assert_sound(store)


def test_the_json_of_a_new_grant_is_that_of_the_list(cli: Cli, store: BlockingStore, request_: Request) -> None:
    said = cli(
        *adding(request_, "--digest", request_.digest, "--any", "command", "--always", "--for", "30m", "--json")
    ).json
    assert [said] == cli("grant", "list", "--json").json
    assert (said["scope"], said["session"], said["most_uses"]) == ("always", None, None)
    assert said["matcher"]["parts"][0] == {"path": ["arguments", "command"], "kind": "anything", "text": None}
    grant = only(store)
    assert grant.expires_at - grant.granted_at == 30 * MINUTE


@pytest.mark.parametrize(
    ("words", "lifetime"), [((), 12 * HOUR), (("--always",), 168 * HOUR), (("--for", "1h30m"), 90 * MINUTE)]
)
def test_how_long_a_grant_holds(
    cli: Cli, store: BlockingStore, request_: Request, words: tuple[str, ...], lifetime: int
) -> None:
    assert cli(*adding(request_, "--digest", request_.digest, *words)).code == 0
    grant = only(store)
    assert grant.expires_at - grant.granted_at == lifetime
    assert grant.matcher is None


def test_parts_of_the_context_and_names_that_are_no_words_can_be_named(
    cli: Cli, store: BlockingStore, call: Call
) -> None:
    request = submit(
        store,
        dataclasses.replace(
            call, arguments={"a.b": 1, "a": {"b": "x/1", "=": 2}}, context={"working_directory": "/w/a"}
        ),
    )
    words = ["--any", '["arguments","a.b"]', "--glob", "a.b=x/*", "--glob", "context.working_directory=/w/*"]
    assert cli(*adding(request, "--digest", request.digest, *words)).code == 0
    again = {"a.b": "else", "a": {"b": "x/2", "=": 2}}
    assert submit(store, dataclasses.replace(call, arguments=again, context={"working_directory": "/w/b"})).status == (
        "approved"
    )
    assert_sound(store)


@pytest.mark.parametrize(
    "words",
    [
        ["--glob", "command"],
        ["--glob", "command=make"],
        ["--glob", "command=***"],
        ["--glob", "command=../*"],
        ["--glob", "command="],
        ["--glob", "else=make *"],
        ["--any", "else"],
        ["--any", ""],
        ["--any", "[1]"],
        ["--any", "["],
        ["--any", "context.else"],
        ["--uses", "0"],
        ["--uses", "-1"],
        ["--uses", "1000001"],
        ["--uses", "many"],
        ["--for", "0s"],
        ["--for", "400d"],
        ["--for", "soon"],
        ["--reviewer", ""],
    ],
    ids=" ".join,
)
def test_terms_that_mean_nothing_end_with_2_and_nothing_is_granted(
    cli: Cli, store: BlockingStore, request_: Request, words: list[str]
) -> None:
    refused = cli("grant", "add", request_.id, "--digest", request_.digest, *words)
    assert (refused.code, refused.out) == (2, "")
    assert refused.err
    assert cli("grant", "test", request_.id, *words).code == 2
    assert store.reviewer.grants() == ()


def test_what_cannot_be_granted_ends_with_4_and_says_why(cli: Cli, store: BlockingStore, call: Call) -> None:
    cases = [
        (dataclasses.replace(call, risk="high"), [], "looked at each time"),
        (dataclasses.replace(call, tool="b", requirements=Requirements(quorum=2)), [], "several reviewers"),
        (dataclasses.replace(call, tool="c", session=None), [], "names no session"),
        (dataclasses.replace(call, tool="d"), ["--glob", "command=ls *"], "the matcher does not cover it"),
    ]
    for each, words, why in cases:
        request = submit(store, each)
        refused = cli(*adding(request, "--digest", request.digest, *words))
        assert (refused.code, refused.out) == (4, "")
        assert why in refused.err
    assert store.reviewer.grants() == ()


def test_another_digest_ends_with_4_and_an_unknown_request_with_3(
    cli: Cli, store: BlockingStore, request_: Request
) -> None:
    assert cli(*adding(request_, "--digest", "v1:sha256:" + "0" * 64)).code == 4
    assert cli("grant", "add", "apr_" + "0" * 32, "--digest", request_.digest).code == 3
    assert cli("grant", "test", "apr_" + "0" * 32).code == 3
    assert cli("grant", "test", "grt_" + "0" * 32).code == 3
    assert store.reviewer.grants() == ()


# --- at a terminal -----------------------------------------------------------------------------


def test_a_typed_yes_grants_what_was_shown(store: BlockingStore, request_: Request, call: Call) -> None:
    waiting = submit(store, making(call, "test"))
    with on_terminal(*adding(request_, "--glob", "command=make *", "--uses", "5"), COLUMNS="200") as terminal:
        terminal.until_shown(QUESTION)
        assert store.reviewer.grants() == ()
        terminal.type(b"yes\n")
        assert terminal.ended() == 0
    for text in (
        "shell for release-bot, in the session run-1,",
        "for 12h, 5 times at most, without asking, where",
        'command fits "make *"',
        "context is exactly {}",
        "It approves 2 of what waits:",
        request_.id,
        waiting.id,
        "make test",
        f"{only(store).id} for 1",
        "used 2 of 5",
    ):
        assert text in terminal.output
    assert status(store, waiting) == "approved"


@pytest.mark.parametrize("answer", NOT_A_YES, ids=repr)
def test_anything_else_grants_nothing(store: BlockingStore, request_: Request, answer: bytes) -> None:
    with on_terminal(*adding(request_)) as terminal:
        terminal.until_shown(QUESTION)
        terminal.type(answer)
        assert terminal.ended() == 130
    assert store.reviewer.grants() == ()
    assert status(store, request_) == "pending"


def test_what_was_typed_before_the_question_is_not_its_answer(store: BlockingStore, request_: Request) -> None:
    with on_terminal(*adding(request_), typed_before=b"yes\nyes\n") as terminal:
        terminal.until_shown(QUESTION)
        terminal.type(b"\n")
        assert terminal.ended() == 130
    assert store.reviewer.grants() == ()


def test_hostile_names_and_values_are_visible_before_the_question(store: BlockingStore) -> None:
    request = submit(store, dataclasses.replace(HOSTILE_CALL, risk=None))
    waiting = submit(store, dataclasses.replace(HOSTILE_CALL, risk=None, reason="else", dedupe_window=0))
    with on_terminal(*adding(request), COLUMNS="400") as terminal:
        terminal.until_shown(QUESTION)
        terminal.type(b"no\n")
        terminal.ended()
    assert all(line.isprintable() for line in terminal.output.split("\n"))
    for text in (
        "sh\\u{2066}ell",
        "serv\\u{115F}er",
        "bot\\u{AD}",
        "run\\u{2028}",
        "\\u{202E} # harmless",
        "\\u{3164}",
    ):
        assert text in terminal.output
    assert waiting.id in terminal.output
    assert "\u2713 approved" not in terminal.output


# --- test --------------------------------------------------------------------------------------


def test_a_look_says_what_would_be_approved_and_what_would_have_been_and_changes_nothing(
    cli: Cli, store: BlockingStore, request_: Request, call: Call
) -> None:
    before = [submit(store, making(call, target)) for target in ("one", "two", "a b")]
    deny(store, before[1])
    head = store.reviewer.head()
    finished = cli("grant", "test", request_.id, "--glob", "command=make *")
    assert (finished.code, finished.err) == (0, "")
    assert "It approves 2 of what waits:" in finished.out
    assert "Of the last 4 calls of this tool it covers 3:" in finished.out
    assert [before[2].id in finished.out, before[1].id in finished.out] == [False, True]
    assert store.reviewer.head() == head
    said = cli("grant", "test", request_.id, "--glob", "command=make *", "--json").json
    assert said == {
        "releases": [{"id": each.id, "digest": each.digest} for each in (request_, before[0])],
        "covered": [before[1].id, before[0].id, request_.id],
        "looked_at": 4,
    }
    deny(store, request_)
    deny(store, before[0])
    assert "It approves nothing of what waits." in cli("grant", "test", request_.id).out


def test_of_many_that_are_covered_the_newest_are_named_and_the_others_counted(
    cli: Cli, store: BlockingStore, call: Call
) -> None:
    made = [submit(store, making(call, str(number))) for number in range(8)]
    for each in made:
        deny(store, each)
    out = cli("grant", "test", made[0].id, "--any", "command").out
    assert "and 3 more (--json names them all)" in out
    assert [each.id in out for each in made] == [False] * 3 + [True] * 5


def test_a_grant_that_there_is_can_be_looked_at_and_takes_no_terms(
    cli: Cli, store: BlockingStore, request_: Request, call: Call
) -> None:
    cli(*adding(request_, "--digest", request_.digest, "--glob", "command=make *"))
    grant = only(store)
    said = cli("grant", "test", grant.id, "--json").json
    assert said == {"releases": [], "covered": [request_.id], "looked_at": 1}
    for words in (["--any", "command"], ["--glob", "command=*"], ["--always"], ["--uses", "1"], ["--for", "1h"]):
        refused = cli("grant", "test", grant.id, *words)
        assert (refused.code, refused.out) == (2, "")


@pytest.mark.parametrize("columns", ["40", "200"])
def test_hostile_values_are_visible_in_a_look(
    cli: Cli, store: BlockingStore, columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    request = submit(store, dataclasses.replace(HOSTILE_CALL, risk=None))
    out = cli("grant", "test", request.id).out
    assert all(line.isprintable() for line in out.splitlines())
    assert out.count("\n") == len(out.splitlines())
    assert cli("grant", "test", request.id, "--json").out.isascii()


# --- the list ----------------------------------------------------------------------------------


def test_the_list_says_how_often_and_what_each_covers(
    cli: Cli, store: BlockingStore, request_: Request, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    cli(*adding(request_, "--digest", request_.digest, "--glob", "command=make *", "--uses", "1"))
    grant = only(store)
    assert cli("grant", "list").err == f"No grants are in force in {store.location}.\n"
    header, row = cli("grant", "list", "--all").out.splitlines()
    assert header.split() == ["ID", "STATE", "USES", "BY", "CALL"]
    for text in (grant.id, "used up", "1 of 1", "ann", 'command fits "make *"', "context is exactly {}"):
        assert text in row
    store.reviewer.revoke_grant(grant.id, reviewer=BO)
    assert "revoked by bo" in cli("grant", "list", "--all").out
    assert cli("grant", "revoke", grant.id).out == f"{grant.id} revoked by bo\n"


def test_secrets_are_masked_in_the_list_and_hostile_patterns_visible(
    cli: Cli, store: BlockingStore, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    arguments = {"password": "hunter2hunter2", "path": "src/\u202ea/x", "n\u3164": 1}
    request = submit(store, dataclasses.replace(call, arguments=arguments))
    cli(*adding(request, "--digest", request.digest, "--glob", "path=src/\u202ea/*"))
    out = cli("grant", "list").out
    assert "hunter2" not in out
    assert "src/\\u{202E}a/*" in out
    assert "n\\u{3164}" in out
    assert "hunter2" in cli("grant", "list", "--json").out


def test_the_whole_command_in_a_process_of_its_own(store: BlockingStore, request_: Request) -> None:
    given = run_process(*adding(request_, "--digest", request_.digest, "--any", "command", "--json"))
    assert given.code == 0
    assert json.loads(given.out)["id"] == only(store).id
    looked = run_process("grant", "test", only(store).id)
    assert (looked.code, looked.err) == (0, "")
