"""list, show and history: whole ids, nothing invisible, nothing cut in silence, JSON that is exact."""

from __future__ import annotations

import json

import pytest

from approval_tui.cli import progress
from approval_tui.cli.main import run
from approval_tui.domain.calls import Call
from approval_tui.domain.clock import MINUTE
from approval_tui.domain.models import Request
from approval_tui.store.blocking import BlockingStore
from approval_tui.store.transactions import searching
from tests.cli.running import Cli, run_process
from tests.support import approve, consume, deny, submit

HOSTILE = "rm -rf ~\u202e # harmless\u200b\x1b[2K\x07 \\u{202E}"
HOSTILE_SHOWN = "rm -rf ~\\u{202E} # harmless\\u{200B}\\u{1B}[2K\\u{7} \\\\u{202E}"
HOSTILE_CALL = Call(
    tool="sh\u2066ell",
    arguments={"command": HOSTILE, "cost": 1.0, "tiny": 1e-7, "large": 2**70, "näme\u3164": None},
    requester="bot\u00ad",
    server="serv\u115fer",
    session="run\u2028",
    context={"cw\u200cd": "/srv\u00a0"},
    reason="please\nstatus      \u2713 approved",
    risk="high",
)
REQUIRED_KEYS = {
    *("id", "status", "tool", "server", "requester", "session", "context", "arguments", "digest", "fingerprint"),
    *("created_at", "expires_at", "decisions", "consumed_at", "outcome"),
}


def many(store: BlockingStore, count: int) -> list[Request]:
    return [submit(store, Call(tool="shell", arguments={"n": number}, requester="bot")) for number in range(count)]


def test_list_prints_the_whole_id_and_what_a_person_needs(cli: Cli, store: BlockingStore, request_: Request) -> None:
    finished = cli("list")
    assert finished.code == 0
    for text in (request_.id, "shell", "release-bot", "make deploy", "9m"):
        assert text in finished.out
    assert finished.err == ""


def test_without_anything_that_waits_the_table_is_empty_and_stderr_says_so(cli: Cli, store: BlockingStore) -> None:
    finished = cli("list")
    assert (finished.code, len(finished.out.splitlines())) == (0, 1)
    assert f"Nothing waits for a decision in {store.location}" in finished.err
    assert cli("list", "--json").out == "[]\n"


@pytest.mark.parametrize("words", [["list"], ["show"], ["show", "--reveal"], ["audit", "list"]])
@pytest.mark.parametrize("columns", ["40", "100", "400"])
def test_human_output_holds_no_invisible_character(
    cli: Cli, store: BlockingStore, words: list[str], columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    request = submit(store, HOSTILE_CALL)
    finished = cli(*words, *([request.id] if words[0] == "show" else []))
    assert finished.code == 0
    assert finished.out.count("\n") == len(finished.out.splitlines())
    assert all(line.isprintable() for line in finished.out.splitlines())
    assert "\u3164" not in finished.out


def test_show_shows_everything_with_invisible_characters_written_out(cli: Cli, store: BlockingStore) -> None:
    request = submit(store, HOSTILE_CALL)
    shown = cli("show", request.id).out
    for text in (HOSTILE_SHOWN, "1.0", "1e-07", str(2**70), "näme\\u{3164}", request.id, request.digest, "/srv\\u{A0}"):
        assert text in shown
    for text in ("sh\\u{2066}ell", "bot\\u{AD}", "serv\\u{115F}er", "run\\u{2028}", 'in "cw\\u{200C}d"', "HIGH"):
        assert text in shown
    assert "agent says  please\\u{A}status" in shown
    assert next(line for line in shown.splitlines() if line.startswith("status")).endswith("left")


def test_a_value_cannot_imitate_a_label_however_narrow_the_terminal_is(
    cli: Cli, store: BlockingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    reason = "x" * 28 + "status      approved"
    request = submit(store, Call(tool="shell", arguments={}, requester="bot", reason=reason))
    starts = [line.split("  ")[0] for line in cli("show", request.id).out.splitlines()]
    assert starts.count("status") == 1


def test_nothing_of_a_long_payload_is_left_out(cli: Cli, store: BlockingStore) -> None:
    words = [f"word{number}" for number in range(3000)]
    request = submit(store, Call(tool="shell", arguments={"command": " ".join(words)}, requester="bot"))
    shown = "".join(line[2:].removeprefix("\u21b3 ") for line in cli("show", request.id).out.splitlines())
    assert " ".join(words) in shown


def test_json_is_ascii_exact_and_has_every_promised_key(cli: Cli, store: BlockingStore) -> None:
    request = submit(store, HOSTILE_CALL)
    (listed,) = cli("list", "--json").json
    shown = cli("show", request.id, "--json").json
    assert listed == shown == json.loads(json.dumps(request.to_json()))
    assert set(shown) >= REQUIRED_KEYS
    assert shown["arguments"] == HOSTILE_CALL.arguments
    assert list(shown["arguments"]) == list(HOSTILE_CALL.arguments)
    assert '"cost": 1.0' in cli("show", request.id, "--json").out


def test_secrets_are_masked_until_they_are_revealed_and_json_has_them(cli: Cli, store: BlockingStore) -> None:
    request = submit(store, Call(tool="login", arguments={"password": "open sesame"}, requester="bot"))
    for words in (["list"], ["show", request.id]):
        assert "open sesame" not in cli(*words).out
        assert "11 characters redacted" in cli(*words).out
    assert '"open sesame"' in cli("show", request.id, "--reveal").out
    assert cli("show", request.id, "--json").json["arguments"] == {"password": "open sesame"}


def test_names_of_secrets_in_the_configuration_count(cli: Cli, store: BlockingStore, tmp_path: object) -> None:
    config = f"{tmp_path}/config.yaml"
    with open(config, "w") as file:
        file.write("redact:\n  names: [iban]\n")
    submit(store, Call(tool="pay", arguments={"iban": "AB12 3456"}, requester="bot"))
    assert "AB12" in cli("list").out
    assert "AB12" not in cli("list", "--config", config).out


def test_a_text_that_is_cut_in_a_table_says_so(cli: Cli, store: BlockingStore) -> None:
    submit(store, Call(tool="t" * 200, arguments={"a": "b" * 90}, requester="release-bot"))
    submit(store, Call(tool="shell", arguments={"a": "c" * 200}, requester="release-bot"))
    lines = cli("list").out.splitlines()
    assert "t" * 23 + "\u2026  release-bot" in lines[3]
    assert lines[5].rstrip().endswith("c\u2026")
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize("columns", ["80", "100", "200"])
def test_the_id_and_the_digest_can_be_copied_whatever_the_width(
    cli: Cli, request_: Request, columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert request_.id in cli("list").out
    assert request_.digest in cli("show", request_.id).out


def test_every_status_can_be_listed(cli: Cli, store: BlockingStore, past: BlockingStore) -> None:
    made = many(store, 5)
    approve(store, made[0])
    deny(store, made[1])
    consume(store, approve(store, made[2]))
    store.requester.cancel(made[3].id, requester="bot")
    late = submit(past, Call(tool="shell", arguments={"late": 1}, requester="bot"))
    lost = submit(past, Call(tool="shell", arguments={"lost": 1}, requester="bot"))
    past.requester.consume(approve(past, lost).id, lost.fingerprint, requester="bot", claim_lifetime=MINUTE)
    expected = {
        "pending": [made[4].id],
        "approved": [made[0].id],
        "denied": [made[1].id],
        "consumed": [lost.id, made[2].id],
        "cancelled": [made[3].id],
        "expired": [late.id],
        "in_doubt": [lost.id],
    }
    for status, ids in expected.items():
        assert [each["id"] for each in cli("list", "--status", status, "--json").json] == ids, status
        assert all(each in cli("list", "--status", status).out for each in ids)
        if status != "pending":
            assert [each["id"] for each in cli("history", "--status", status, "--json").json] == ids, status


def test_a_list_that_is_not_whole_says_so(cli: Cli, store: BlockingStore) -> None:
    many(store, 3)
    assert "3 wait; the oldest 2 are listed" in cli("list", "--limit", "2").err
    assert cli("list", "--limit", "3").err == ""
    assert len(cli("list", "--limit", "2", "--json").json) == 2


def test_history_gives_every_request_once_page_by_page(cli: Cli, store: BlockingStore) -> None:
    denied = [deny(store, request).id for request in many(store, 7)]
    found: list[str] = []
    before: list[str] = []
    while page := cli("history", "--limit", "3", "--json", *before).json:
        found += [each["id"] for each in page]
        before = ["--before", found[-1]]
    assert found == denied[::-1]
    assert f"approval-tui history --before {denied[-3]}" in cli("history", "--limit", "3").err


def test_history_can_be_narrowed(cli: Cli, store: BlockingStore) -> None:
    for tool, requester, session in (("shell", "a", "1"), ("mail", "a", "2"), ("mail", "b", "2")):
        deny(store, submit(store, Call(tool=tool, arguments={}, requester=requester, session=session)))
    approve(store, submit(store, Call(tool="pay", arguments={}, requester="c")))

    def tools(*words: str) -> list[str]:
        return [each["tool"] for each in cli("history", "--json", *words).json]

    assert tools("--status", "denied") == ["mail", "mail", "shell"]
    assert tools("--status", "approved") == ["pay"]
    assert tools("--requester", "a") == ["mail", "shell"]
    assert tools("--tool", "mail", "--requester", "b") == ["mail"]
    assert tools("--session", "1") == ["shell"]
    assert cli("history", "--tool", "none").err.startswith("Nothing in the history matches")


@pytest.fixture
def mixed(store: BlockingStore) -> list[Request]:
    """Calls that differ in everything that can be asked for."""
    return [
        submit(store, Call("shell", {"command": "make deploy"}, "ann-bot", session="1", risk="low")),
        submit(store, Call("mail", {"subject": "Deploy \u202edone"}, "ann-bot", session="2", risk="high")),
        submit(store, Call("pay", {"note": '50% of "all"'}, "bo-bot", session="2", risk="high", reason="the rent")),
    ]


NARROWED = [
    (["--requester", "ann-bot"], ["shell", "mail"]),
    (["--tool", "pay"], ["pay"]),
    (["--session", "2"], ["mail", "pay"]),
    (["--risk", "high"], ["mail", "pay"]),
    (["--risk", "high", "--requester", "ann-bot"], ["mail"]),
    (["--text", "DEPLOY"], ["shell", "mail"]),
    (["--text", "deploy", "--text", "make"], ["shell"]),
    (["--text", 'of "ALL"'], ["pay"]),
    (["--text", "0%"], ["pay"]),
    (["--text", "\u202e"], ["mail"]),
    (["--text", "rent", "--session", "2"], ["pay"]),
    (["--text", "nowhere"], []),
]


@pytest.mark.parametrize(("words", "tools"), NARROWED)
def test_lists_can_be_narrowed_and_searched(
    cli: Cli, store: BlockingStore, mixed: list[Request], words: list[str], tools: list[str]
) -> None:
    assert [each["tool"] for each in cli("list", "--json", *words).json] == tools
    assert [each["tool"] for each in cli("history", "--json", *words).json] == []
    for request in mixed:
        deny(store, request)
    assert [each["tool"] for each in cli("history", "--json", *words).json] == tools[::-1]
    assert [each["tool"] for each in cli("list", "--status", "denied", "--json", *words).json] == tools[::-1]
    assert [each["tool"] for each in cli("list", "--json", *words).json] == []


def test_a_narrowed_list_says_what_it_leaves_out(cli: Cli, store: BlockingStore, mixed: list[Request]) -> None:
    assert "2 wait and match; the oldest 1 are listed" in cli("list", "--risk", "high", "--limit", "1").err
    assert cli("list", "--risk", "high", "--limit", "2").err == ""
    nothing = cli("list", "--text", "nowhere")
    assert (nothing.code, len(nothing.out.splitlines())) == (0, 1)
    assert "No such request matches" in nothing.err


def test_a_search_of_the_history_goes_on_where_it_ended(cli: Cli, store: BlockingStore) -> None:
    denied = [deny(store, request).id for request in many(store, 6)]
    assert "the same with --before " + denied[4] in cli("history", "--text", "shell", "--limit", "2").err
    found = cli("history", "--text", "shell", "--limit", "2", "--before", denied[4], "--json").json
    assert [each["id"] for each in found] == [denied[3], denied[2]]


def test_a_search_narrates_to_a_person_how_far_it_is(
    store: BlockingStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told: list[tuple[str, int, int]] = []

    def note(_self: progress.Progress, what: str, done: int, total: int) -> None:
        told.append((what, done, total))

    monkeypatch.setattr(progress.Progress, "__call__", note)
    monkeypatch.setattr(searching, "SCAN", 4)
    for request in many(store, 10):
        deny(store, request)
    assert run(["history", "--text", "nowhere"]) == 0
    assert told == [("requests searched", done, 10) for done in (4, 8, 10)]
    told.clear()
    assert run(["audit", "list", "--text", "denied", "--limit", "7"]) == 0
    assert told == [("events searched", done, 20) for done in (4, 7)]
    assert "Older ones: the same with --before 14" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["list"], ["history"], ["audit", "list"]])
def test_more_words_than_can_be_looked_for_are_a_slip(cli: Cli, store: BlockingStore, command: list[str]) -> None:
    finished = cli(*command, *(["--text", "a"] * 7))
    assert (finished.code, finished.out) == (2, "")
    assert "7 words are looked for; 6 are the most" in finished.err


def test_a_risk_that_does_not_exist_is_refused(cli: Cli, store: BlockingStore) -> None:
    for command in ("list", "history"):
        assert cli(command, "--risk", "huge").code == 2


def test_a_unique_prefix_is_enough_and_an_ambiguous_one_is_refused(cli: Cli, store: BlockingStore) -> None:
    first, second = many(store, 2)
    same = next(size for size in range(36) if first.id[:size] != second.id[:size])
    assert cli("show", first.id[:same], "--json").json["id"] == first.id
    assert cli("show", first.id[4:same].upper(), "--json").json["id"] == first.id
    ambiguous = cli("show", first.id[: same - 1])
    assert (ambiguous.code, "More than one request" in ambiguous.err) == (2, True)
    short = cli("show", first.id[:7])
    assert (short.code, "first 8 or more" in short.err) == (2, True)
    assert cli("show", "apr_ffffffff").code == 3


def test_without_a_terminal_no_command_prints_what_waits_and_how_to_decide(
    store: BlockingStore, request_: Request
) -> None:
    finished = run_process()
    assert finished.code == 0
    assert request_.id in finished.out
    assert "approval-tui approve ID --digest DIGEST" in finished.err
    assert run_process("--json").json[0]["id"] == request_.id
