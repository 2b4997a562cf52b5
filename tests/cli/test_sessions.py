"""session show, hold, release and list: one run of an agent as a whole, and how it is stopped."""

from __future__ import annotations

import dataclasses

import pytest

from approval_tui.cli.commands import session as command
from approval_tui.domain.calls import Call
from approval_tui.domain.clock import format_timestamp
from approval_tui.domain.lifecycle import ALLOW
from approval_tui.domain.models import Request, Requirements
from approval_tui.domain.verdicts import Verdict
from approval_tui.store.blocking import BlockingStore
from tests.cli.running import Cli, run_process
from tests.cli.test_looking import HOSTILE_CALL
from tests.store.granting import grant_for
from tests.store.holding import admit
from tests.support import ANN, BO, approve, assert_sound, consume, deny, submit, submit_approved

UNKNOWN = "apr_" + "0" * 32
ALL_COMMANDS = ("show", "hold", "release")


def status(store: BlockingStore, request: Request) -> str:
    return store.reviewer.get(request.id).status


# --- hold and release --------------------------------------------------------------------------


def test_a_session_is_held_by_any_of_its_requests_and_released(
    cli: Cli, store: BlockingStore, request_: Request, call: Call
) -> None:
    approved = submit_approved(store, dataclasses.replace(call, tool="approved"))
    held = cli("session", "hold", approved.id[:16], "--reviewer", "ann", "--reason", "it looks odd")
    assert (held.code, held.out, held.err) == (0, "run-1 of release-bot is held back\n", "")
    (hold,) = store.reviewer.holds()
    assert (hold.held_by, hold.reason, hold.is_in_force) == ("ann", "it looks odd", True)
    refused = cli("approve", request_.id, "--digest", request_.digest)
    assert refused.code == 4
    assert "ann holds the session" in refused.err
    assert "it looks odd" in refused.err
    assert cli("consume", approved.id).code == 4
    assert cli("deny", request_.id, "--digest", request_.digest).code == 0
    released = cli("session", "release", request_.id, "--reviewer", "bo")
    assert (released.code, released.out) == (0, "run-1 of release-bot is released\n")
    assert cli("consume", approved.id).code == 0
    assert_sound(store)


def test_to_hold_or_release_twice_says_the_same_and_changes_nothing(
    cli: Cli, store: BlockingStore, request_: Request
) -> None:
    for word in ("hold", "release"):
        first = cli("session", word, request_.id, "--json", "--reviewer", "ann")
        count = len(store.reviewer.events())
        again = cli("session", word, request_.id, "--json", "--reviewer", "bo")
        assert (again.code, again.json) == (0, first.json)
        assert len(store.reviewer.events()) == count


def test_the_json_of_a_hold_says_everything(cli: Cli, store: BlockingStore, request_: Request) -> None:
    said = cli("session", "hold", request_.id, "--json", "--reviewer", "ann", "--reason", "odd").json
    (hold,) = store.reviewer.holds()
    assert said == {
        "requester": "release-bot",
        "session": "run-1",
        "held_by": "ann",
        "held_at": format_timestamp(hold.held_at),
        "reason": "odd",
        "released_by": None,
        "released_at": None,
        "denied": [],
    }
    released = cli("session", "release", request_.id, "--json", "--reviewer", "bo").json
    assert (released["released_by"], released["held_by"], "denied" in released) == ("bo", "ann", False)
    assert cli("session", "list", "--all", "--json").json == [released]


def test_what_waits_can_be_denied_with_the_hold(cli: Cli, store: BlockingStore, call: Call) -> None:
    waiting = [submit(store, dataclasses.replace(call, tool=str(number))) for number in range(3)]
    risky = submit(store, dataclasses.replace(call, tool="risky", risk="high", requirements=Requirements(quorum=2)))
    other = submit(store, dataclasses.replace(call, session="run-2", tool="other"))
    elsewhere = submit(store, dataclasses.replace(call, requester="build-bot", tool="elsewhere"))
    held = cli("session", "hold", waiting[0].id, "--deny-waiting", "--reviewer", "ann", "--reason", "stop")
    assert held.code == 0
    denied = [*waiting, risky]
    assert held.out.splitlines() == ["run-1 of release-bot is held back", *(f"{each.id} denied" for each in denied)]
    assert {status(store, each) for each in denied} == {"denied"}
    assert store.reviewer.get(risky.id).decisions[-1].reason == "stop"
    assert status(store, other) == status(store, elsewhere) == "pending"
    assert_sound(store)


def test_one_that_cannot_be_denied_is_told_and_the_session_is_held_all_the_same(
    cli: Cli, store: BlockingStore, call: Call
) -> None:
    plain = submit(store, call)
    needing = submit(store, dataclasses.replace(call, tool="else", requirements=Requirements(reason_required=True)))
    held = cli("session", "hold", plain.id, "--deny-waiting", "--json")
    assert held.code == 4
    assert [(each["id"], each["decided"]) for each in held.json["denied"]] == [(plain.id, True), (needing.id, False)]
    assert "needs a reason" in held.json["denied"][1]["why"]
    assert store.reviewer.holds()[0].is_in_force
    assert cli("session", "hold", plain.id, "--deny-waiting", "--reason", "stop").code == 0
    assert status(store, needing) == "denied"


def test_all_that_waits_is_denied_however_much_it_is(
    cli: Cli, store: BlockingStore, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "_PART", 2)
    needs = Requirements(reviewers=("cy",))
    made = [
        submit(
            store,
            dataclasses.replace(call, tool=str(number), requirements=needs if number % 3 == 0 else Requirements()),
        )
        for number in range(9)
    ]
    held = cli("session", "hold", made[0].id, "--deny-waiting", "--json", "--reviewer", "ann")
    assert held.code == 4
    assert [each["id"] for each in held.json["denied"]] == [each.id for each in made]
    assert [each["decided"] for each in held.json["denied"]] == [number % 3 != 0 for number in range(9)]


@pytest.mark.parametrize("word", ALL_COMMANDS)
def test_what_is_of_no_session_or_unknown_ends_with_words(
    cli: Cli, store: BlockingStore, call: Call, word: str
) -> None:
    request = submit(store, dataclasses.replace(call, session=None))
    refused = cli("session", word, request.id)
    assert (refused.code, refused.out) == (2, "")
    assert "belongs to no session" in refused.err
    unknown = cli("session", word, UNKNOWN)
    assert (unknown.code, unknown.out) == (3, "")
    for words in ((), ("",), (request.id, "more")):
        assert cli("session", word, *words).code in (2, 3)
    assert store.reviewer.holds() == ()


def test_what_was_never_held_cannot_be_released(cli: Cli, store: BlockingStore, request_: Request) -> None:
    refused = cli("session", "release", request_.id)
    assert (refused.code, refused.out) == (3, "")
    assert "is not known here" in refused.err


def test_nobody_holds_and_nobody_releases(cli: Cli, store: BlockingStore, request_: Request) -> None:
    for word in ("hold", "release"):
        assert cli("session", word, request_.id, "--reviewer", "").code == 2
    assert cli("session", "hold", request_.id, "--deny-waiting", "--reviewer", "").code == 2
    assert store.reviewer.holds() == ()
    assert status(store, request_) == "pending"


# --- list --------------------------------------------------------------------------------------


def test_the_list_shows_what_is_held_and_with_all_what_was(
    cli: Cli, store: BlockingStore, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert cli("session", "list").err == f"No session is held back in {store.location}.\n"
    assert cli("session", "list", "--all").err == f"No session was ever held back in {store.location}.\n"
    for session in ("run-1", "run-2"):
        submit(store, dataclasses.replace(call, session=session, tool=session))
        store.reviewer.hold_session("release-bot", session, reviewer=ANN, reason=f"why {session}")
    store.reviewer.release_session("release-bot", "run-1", reviewer=BO)
    out = cli("session", "list").out
    assert "run-1" not in out
    for text in ("ann", "held", "run-2 of release-bot: why run-2"):
        assert text in out
    assert "released by bo" in cli("session", "list", "--all").out
    assert [each["session"] for each in cli("session", "list", "--json").json] == ["run-2"]
    assert len(cli("session", "list", "--json", "--all").json) == 2


# --- show --------------------------------------------------------------------------------------


def test_a_session_is_told_with_its_grants_its_hold_and_all_it_asked_and_did(
    cli: Cli, store: BlockingStore, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    grant = grant_for(store, call)
    granted = submit(store, call)
    waiting = submit(store, dataclasses.replace(call, tool="waits", arguments={"file": "a"}))
    denied = deny(store, submit(store, dataclasses.replace(call, tool="bad")), "too risky")
    admit(store, dataclasses.replace(call, tool="look"), verdict=Verdict(ALLOW))
    submit(store, dataclasses.replace(call, session="run-2", tool="elsewhere"))
    cli("session", "hold", waiting.id, "--reviewer", "bo", "--reason", "odd")
    shown = cli("session", "show", denied.id)
    assert (shown.code, shown.err) == (0, "")
    for text in (
        *("run-1", "release-bot", "4 times, 1 waiting", "by bo since", ": odd"),
        *("used 1: exactly one call", "(a grant)", "too risky", "allowed by the policy", "look"),
        *(grant.request_id, granted.id, waiting.id, denied.id),
    ):
        assert text in shown.out, text
    assert "elsewhere" not in shown.out
    lines = [line for line in shown.out.splitlines() if "apr_" in line]
    assert [grant.request_id in lines[0], granted.id in lines[1], waiting.id in lines[2]] == [True] * 3


def test_what_was_refused_because_the_session_was_held_is_told_so(
    cli: Cli, store: BlockingStore, call: Call, request_: Request
) -> None:
    store.reviewer.hold_session("release-bot", "run-1", reviewer=ANN)
    with pytest.raises(Exception, match="holds the session"):
        admit(store, dataclasses.replace(call, tool="look"), verdict=Verdict(ALLOW))
    out = cli("session", "show", request_.id).out
    assert "denied, as the session was held back" in out
    assert "policy" not in out


def test_the_json_of_a_session_holds_all_of_it(cli: Cli, store: BlockingStore, call: Call) -> None:
    grant = grant_for(store, call)
    waiting = submit(store, dataclasses.replace(call, tool="waits"))
    admit(store, dataclasses.replace(call, tool="look"), verdict=Verdict(ALLOW))
    store.reviewer.hold_session("release-bot", "run-1", reviewer=ANN)
    said = cli("session", "show", waiting.id, "--json").json
    assert set(said) == {"requester", "session", "hold", "grants", "requests", "earlier", "calls"}
    assert (said["requester"], said["session"], said["earlier"]) == ("release-bot", "run-1", 0)
    assert said["hold"] == store.reviewer.holds()[0].to_json()
    assert [each["id"] for each in said["requests"]] == [grant.request_id, waiting.id]
    assert said["grants"] == cli("grant", "list", "--json").json
    assert [each["body"]["details"]["tool"] for each in said["calls"]] == ["look"]


@pytest.mark.parametrize("columns", ["40", "100", "400"])
def test_hostile_names_and_values_are_visible_everywhere(
    cli: Cli, store: BlockingStore, columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    hostile = dataclasses.replace(HOSTILE_CALL, risk=None)
    grant_for(store, hostile)
    request = submit(store, dataclasses.replace(hostile, tool="de\x1b[2Jnied"))
    deny(store, request, "no\u202e\nreleased")
    admit(store, hostile, verdict=Verdict(ALLOW))
    for words in (
        ("show", request.id),
        ("hold", request.id, "--reviewer", "an\u202en", "--reason", "od\u200bd\nrow"),
        ("list",),
        ("show", request.id),
        ("release", request.id, "--reviewer", "b\u2066o"),
        ("list", "--all"),
        ("show", request.id),
    ):
        shown = cli("session", *words)
        assert shown.code == 0
        assert all(line.isprintable() for line in (shown.out + shown.err).splitlines()), words
        assert shown.out.count("\n") == len(shown.out.splitlines())
        assert cli("session", *words, "--json").out.isascii()


def test_a_row_cannot_be_forged_by_a_reason_or_a_name(
    cli: Cli, store: BlockingStore, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    request = submit(
        store, dataclasses.replace(call, tool="x\n  9m ago  approved by ann", session="s of y is released")
    )
    consume(store, approve(store, request))
    out = cli("session", "show", request.id).out
    assert len([line for line in out.splitlines() if line.startswith("  ")]) == 1
    held = cli("session", "hold", request.id).out
    assert held == '"s of y is released" of release-bot is held back\n'


def test_secrets_are_masked_in_the_story(cli: Cli, store: BlockingStore, call: Call) -> None:
    request = submit(store, dataclasses.replace(call, arguments={"password": "hunter2hunter2"}))
    grant_for(store, dataclasses.replace(call, tool="else", arguments={"password": "hunter2hunter2"}))
    assert "hunter2" not in cli("session", "show", request.id).out
    assert "hunter2" in cli("session", "show", request.id, "--json").out


def test_the_whole_command_in_a_process_of_its_own(store: BlockingStore, request_: Request) -> None:
    for words, code in (
        (("hold", request_.id), 0),
        (("show", request_.id), 0),
        (("list",), 0),
        (("release", request_.id), 0),
        (("show", UNKNOWN), 3),
    ):
        finished = run_process("session", *words)
        assert finished.code == code, finished.err
