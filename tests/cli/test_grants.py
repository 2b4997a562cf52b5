"""approve --for-session, grant list and grant revoke: what a reviewer lets run without being asked, seen and ended."""

from __future__ import annotations

import dataclasses
import json
import re

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.clock import HOUR, format_timestamp, system_clock
from approval_tui.domain.models import Request, Requirements
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from tests.cli.running import Cli, on_terminal
from tests.cli.test_looking import HOSTILE_CALL
from tests.store.granting import grant_for, grant_of
from tests.support import BO, ManualClock, approve, assert_sound, consume, submit

NOBODYS = "grt_" + "0" * 32


def approving(request: Request, *words: str) -> tuple[str, ...]:
    """The words that approve what was looked at, for its session."""
    return ("approve", request.id, "--digest", request.digest, "--for-session", "--reviewer", "ann", *words)


# --- giving one --------------------------------------------------------------------------------


def test_an_approval_for_the_session_lets_the_same_call_run_without_asking(
    cli: Cli, store: BlockingStore, request_: Request, call: Call
) -> None:
    finished = cli(*approving(request_))
    assert (finished.code, finished.out) == (0, f"{request_.id} approved\n")
    consume(store, request_)
    ask = ("submit", "--tool", call.tool, "--args", json.dumps(call.arguments), "--requester", call.requester)
    again = cli(*ask, "--session", "run-1", "--json").json
    assert (again["status"], again["created"]) == ("approved", True)
    assert [(each["reviewer"], each["via"]) for each in again["decisions"]] == [("ann", "grant")]
    assert "approved by ann, " in cli("show", again["id"]).out
    assert "via grant" in cli("show", again["id"]).out
    assert cli(*ask, "--session", "run-2", "--json").json["status"] == "pending"
    assert f"with the grant {grant_of(store, request_).id}" in cli("audit", "list").out
    assert_sound(store)


def test_the_same_approval_again_gives_no_second_grant(cli: Cli, store: BlockingStore, request_: Request) -> None:
    assert [cli(*approving(request_)).code for _ in range(2)] == [0, 0]
    assert len(store.reviewer.grants()) == 1


def test_an_approval_for_once_is_not_made_one_for_the_session(
    cli: Cli, store: BlockingStore, request_: Request
) -> None:
    approve(store, request_)
    refused = cli(*approving(request_))
    assert (refused.code, "already approved by ann" in refused.err) == (4, True)
    assert store.reviewer.grants() == ()


def test_an_edit_holds_for_once_only(cli: Cli, store: BlockingStore, request_: Request) -> None:
    refused = cli(*approving(request_, "--edit", '{"command": "ls"}'))
    assert refused.code == 4
    assert "cannot be approved for its session: what would run is not what the agent asks for" in refused.err
    assert "Approve it for this once." in refused.err
    assert store.reviewer.get(request_.id) == request_


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ({"session": None}, "its requester names no session"),
        ({"risk": "high"}, "a call of high risk is looked at each time"),
        ({"requirements": Requirements(quorum=2)}, "its rule asks for several reviewers"),
        ({"requirements": Requirements(reason_required=True)}, "its rule asks for a reason each time"),
    ],
)
def test_what_cannot_be_approved_for_a_session_says_why_and_still_waits(
    cli: Cli, store: BlockingStore, call: Call, parts: dict[str, object], why: str
) -> None:
    request = submit(store, dataclasses.replace(call, **parts))  # type: ignore[arg-type]
    refused = cli(*approving(request, "--reason", "fine"))
    assert (refused.code, refused.out) == (4, "")
    assert f"cannot be approved for its session: {why}" in refused.err
    assert store.reviewer.get(request.id) == request
    assert store.reviewer.grants() == ()


def test_only_approve_holds_for_a_session(cli: Cli, request_: Request) -> None:
    for command in ("deny", "revoke", "expire"):
        assert cli(command, request_.id, "--for-session").code == 2


# --- at a terminal -----------------------------------------------------------------------------

QUESTION = "Approve this, and the same call for the rest of its session? Type yes and press Enter"


def test_a_terminal_asks_for_the_session_in_words_and_a_typed_yes_gives_the_grant(
    store: BlockingStore, request_: Request
) -> None:
    with on_terminal("approve", request_.id, "--for-session", "--reviewer", "bo") as terminal:
        terminal.until_shown(QUESTION)
        assert "run-1" in terminal.output
        assert store.reviewer.grants() == ()
        terminal.type(b"yes\n")
        assert terminal.ended() == 0
    grant = grant_of(store, request_)
    assert (grant.granted_by, grant.session) == ("bo", "run-1")


def test_anything_but_yes_gives_no_grant_and_without_the_option_none_is_asked_for(
    store: BlockingStore, request_: Request
) -> None:
    with on_terminal("approve", request_.id, "--for-session", typed_before=b"yes\n") as terminal:
        terminal.until_shown(QUESTION)
        terminal.type(b"y\n")
        assert terminal.ended() == 130
    assert store.reviewer.get(request_.id) == request_
    with on_terminal("approve", request_.id) as terminal:
        terminal.until_shown("Approve this? Type yes")
        terminal.type(b"yes\n")
        assert terminal.ended() == 0
    assert "session?" not in terminal.output
    assert store.reviewer.grants() == ()


# --- looking at them ---------------------------------------------------------------------------


def test_grants_in_force_are_listed_and_with_all_those_that_ended_too(
    cli: Cli, store: BlockingStore, store_path: str, call: Call
) -> None:
    with open_store_blocking(store_path, clock=ManualClock(system_clock() - 13 * HOUR)) as yesterday:
        old = grant_for(yesterday, call)
    revoked = grant_for(store, dataclasses.replace(call, session="run-2"))
    store.reviewer.revoke_grant(revoked.id, reviewer=BO)
    live = grant_for(store, call)
    submit(store, call)
    _, row = cli("grant", "list").out.splitlines()
    assert re.fullmatch(rf"{live.id}  for (12h|11h59m) +1 +ann +shell for release-bot in run-1 *", row)
    states = {line.split()[0]: line for line in cli("grant", "list", "--all").out.splitlines()[1:]}
    assert list(states) == [live.id, revoked.id, old.id]
    assert "revoked by bo" in states[revoked.id]
    assert "expired" in states[old.id]
    listed = cli("grant", "list", "--json").json
    assert [each["id"] for each in listed] == [live.id]
    assert [each["id"] for each in cli("grant", "list", "--all", "--json").json] == list(states)


def test_a_grant_as_json_says_everything_and_in_ascii(cli: Cli, store: BlockingStore) -> None:
    hostile = dataclasses.replace(HOSTILE_CALL, risk=None)
    grant = grant_for(store, hostile)
    (listed,) = cli("grant", "list", "--json").json
    assert listed == {
        **{name: getattr(grant, name) for name in ("id", "scope", "fingerprint", "request_id", "granted_by", "uses")},
        **{name: getattr(hostile, name) for name in ("tool", "requester", "session")},
        "granted_at": format_timestamp(grant.granted_at),
        "expires_at": format_timestamp(grant.granted_at + 12 * HOUR),
        "revoked_by": None,
        "revoked_at": None,
        "matcher": None,
        "most_uses": None,
    }


def test_without_a_grant_the_table_is_empty_and_stderr_says_so(cli: Cli, store: BlockingStore, call: Call) -> None:
    finished = cli("grant", "list", "--all")
    assert (finished.code, len(finished.out.splitlines())) == (0, 1)
    assert finished.err == f"No grants in {store.location}.\n"
    store.reviewer.revoke_grant(grant_for(store, call).id, reviewer=BO)
    assert cli("grant", "list").err == f"No grants are in force in {store.location}.\n"
    assert cli("grant", "list", "--json").out == "[]\n"


@pytest.mark.parametrize(("columns", "lines"), [("40", 4), ("200", 2)])
def test_hostile_names_in_the_table_are_visible_and_each_grant_keeps_its_lines(
    cli: Cli, store: BlockingStore, columns: str, lines: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    grant = grant_for(store, dataclasses.replace(HOSTILE_CALL, risk=None))
    out = cli("grant", "list").out
    assert out.count("\n") == len(out.splitlines()) == lines
    assert all(line.isprintable() for line in out.splitlines())
    assert "sh\\u{2066}ell" in out
    assert grant.id in out


def test_a_name_cannot_go_on_for_us_in_the_table(
    cli: Cli, store: BlockingStore, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    grant_for(store, dataclasses.replace(call, tool="ls for tidy-bot in run-9", session="run-1 for ann"))
    _, row = cli("grant", "list").out.splitlines()
    assert row.rstrip().endswith('"ls for tidy-bot in run-9" for release-bot in "run-1 for ann"')


# --- ending one --------------------------------------------------------------------------------


def test_a_grant_that_was_revoked_lets_the_next_call_be_asked_again(cli: Cli, store: BlockingStore, call: Call) -> None:
    grant = grant_for(store, call)
    finished = cli("grant", "revoke", grant.id, "--reviewer", "bo", "--reason", "too broad\u202e")
    assert (finished.code, finished.out, finished.err) == (0, f"{grant.id} revoked by bo\n", "")
    assert submit(store, call).status == "pending"
    event = store.reviewer.events()[1]
    assert (event.name, event.body["details"]["reason"]) == ("grant_revoked", "too broad\u202e")
    assert event.body["details"]["by"]["via"] == "cli"
    assert "too broad\\u{202E}" in cli("audit", "list").out
    assert_sound(store)


def test_to_revoke_twice_changes_nothing_and_says_who_did_it_first(cli: Cli, store: BlockingStore, call: Call) -> None:
    grant = grant_for(store, call)
    assert cli("grant", "revoke", grant.id, "--reviewer", "bo", "--json").json["revoked_by"] == "bo"
    count = len(store.reviewer.events())
    again = cli("grant", "revoke", grant.id, "--reviewer", "ann")
    assert (again.code, again.out) == (0, f"{grant.id} revoked by bo\n")
    assert len(store.reviewer.events()) == count


@pytest.mark.parametrize("unknown", [NOBODYS, "", "apr_1", "\u202e\x1b[2J", "grt_ is in this store."])
def test_a_grant_that_does_not_exist_ends_with_3_and_is_named_in_visible_characters(
    cli: Cli, store: BlockingStore, call: Call, unknown: str
) -> None:
    grant = grant_for(store, call)
    finished = cli("grant", "revoke", unknown)
    assert (finished.code, finished.out) == (3, "")
    assert "Nothing was changed. `approval-tui grant list` shows the ids" in finished.err
    assert all(line.isprintable() for line in finished.err.splitlines())
    assert "No grant grt_ is" not in finished.err
    assert store.reviewer.grants() == (grant,)


def test_the_words_of_the_commands_are_checked(cli: Cli, store: BlockingStore, call: Call) -> None:
    grant = grant_for(store, call)
    for words in (["grant"], ["grant", "revoke"], ["grant", "drop"], ["grant", "list", "now"]):
        assert cli(*words).code == 2, words
    assert cli("grant", "revoke", grant.id, "--reviewer", "").code == 2
    assert store.reviewer.grants() == (grant,)
