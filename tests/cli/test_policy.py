"""policy validate, test, replay and schema."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from approval_tui import Gate, PolicyDenied
from approval_tui.domain.calls import Call
from approval_tui.domain.clock import HOUR, system_clock
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from tests.cli.running import Cli
from tests.support import ANN, ManualClock, approve, assert_sound, consume, deny, submit

POLICY = """\
version: "1"
default: require_approval
tools:
  read:
    rules: []
  pay:
    rules:
      - name: large ones ask
        action: require_approval
        conditions: [{path: args.amount, op: gt, value: 100}]
        quorum: 2
        reviewers: [ann, bo]
        reason_required: true
        evidence: shown
        risk: high
        approval_timeout: 30m
      - name: the day has an end
        conditions: [{path: state.pay.spent, op: lte, value: 500}]
        state: {counter: spent, window: day, increment_from: args.amount}
        on_deny: Enough for today.
  drop:
    rules:
      - name: never
        action: deny
"""


@pytest.fixture
def policy(tmp_path: Path) -> str:
    file = tmp_path / "policy.yaml"
    file.write_text(POLICY)
    return str(file)


def written(tmp_path: Path, text: str, name: str = "other.yaml") -> str:
    file = tmp_path / name
    file.write_text(text)
    return str(file)


# --- validate ----------------------------------------------------------------------------------


def test_a_sound_policy_is_valid(cli: Cli, policy: str) -> None:
    finished = cli("policy", "validate", policy)
    assert (finished.code, finished.out, finished.err) == (0, "", f"{policy} is valid.\n")
    assert cli("policy", "validate", policy, "--json").json == {
        "path": policy,
        "valid": True,
        "problems": [],
        "warnings": [],
    }


def test_every_fault_is_named_with_its_place_and_ends_with_2(cli: Cli, tmp_path: Path) -> None:
    faulty = written(tmp_path, 'version: "2"\ndefalt: deny\ntools:\n  no: {rules: []}\n  \u202e: 1\n', "f\u202e.yaml")
    finished = cli("policy", "validate", faulty)
    assert finished.code == 2
    lines = finished.out.splitlines()
    assert [re.findall(r"yaml:(\d+):(\d+): ", line)[0] for line in lines] == [
        ("1", "10"),
        ("2", "1"),
        ("4", "3"),
        ("5", "6"),
    ]
    assert "did you mean default?" in lines[1]
    assert all(line.isprintable() for line in lines)
    found = cli("policy", "validate", faulty, "--json")
    assert found.code == 2
    assert len(found.json["problems"]) == len(lines)
    assert not found.json["valid"]


def test_a_doubt_is_a_warning_and_no_fault(cli: Cli, tmp_path: Path) -> None:
    doubtful = written(tmp_path, POLICY + "hide: [drop]\n")
    finished = cli("policy", "validate", doubtful)
    assert finished.code == 0
    assert finished.out.startswith("warning: ")
    assert "can never match" in finished.out
    assert len(cli("policy", "validate", doubtful, "--json").json["warnings"]) == 1


def test_without_a_file_the_policy_in_force_is_checked(
    cli: Cli, policy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished = cli("policy", "validate")
    assert finished.code == 2
    assert "without a policy, every call asks" in finished.err
    config = written(tmp_path, f"policy: {policy}\n", "config.yaml")
    assert cli("policy", "validate", "--config", config).code == 0
    monkeypatch.setenv("APPROVAL_TUI_POLICY", str(tmp_path / "gone.yaml"))
    gone = cli("policy", "validate", "--config", config)
    assert gone.code == 2
    assert "gone.yaml: cannot be read" in gone.out


# --- test --------------------------------------------------------------------------------------


def test_it_says_what_the_policy_says_and_why(cli: Cli, policy: str) -> None:
    allowed = cli("policy", "test", policy, "--tool", "read", "--args", "{}")
    assert (allowed.code, allowed.out.split()[:3]) == (0, ["verdict", "allow", "read"])
    denied = cli("policy", "test", policy, "--tool", "pay", "--args", '{"amount": 501}').out
    for words in ("deny  pay", "the day has an end  (tools.pay.rules[1])", "Enough for today.", "besides    large"):
        assert words in denied
    asked = cli("policy", "test", policy, "--tool", "pay", "--args", '{"amount": "400"}')
    assert "which cannot be evaluated" in asked.out
    asked = cli("policy", "test", policy, "--tool", "pay", "--args", '{"amount": 400}')
    for words in (
        "require_approval  pay",
        "args.amount gt 100",
        "2 reviewers, of ann, bo, a reason, the whole payload shown, risk high, within 30m",
        "counts     400 of at most 500 each day (UTC), as pay.spent",
    ):
        assert words in asked.out
    assert "Counters are taken to be empty here" in asked.err


def test_the_same_as_json(cli: Cli, policy: str) -> None:
    said = cli("policy", "test", policy, "--tool", "pay", "--args", '{"amount": 400}', "--json").json
    assert (said["verdict"], said["rule"]["name"], said["risk"], said["timeout"]) == (
        "require_approval",
        "large ones ask",
        "high",
        "30m",
    )
    assert said["requirements"] == {
        "quorum": 2,
        "reviewers": ["ann", "bo"],
        "reason_required": True,
        "evidence": "shown",
    }
    assert said["counts"] == [{"counter": "pay.spent", "window": "1d", "add": 400, "most": 500}]
    assert said["rule_hash"].startswith("v1:sha256:")
    never = cli("policy", "test", policy, "--tool", "drop", "--args", "{}", "--json").json
    assert (never["verdict"], never["rule"]["message"]) == ("deny", 'Denied by rule "never"')


@pytest.mark.parametrize(("expected", "code"), [("require_approval", 0), ("allow", 1), ("deny", 1)])
def test_an_expectation_that_fails_ends_with_1(cli: Cli, policy: str, expected: str, code: int) -> None:
    words = ("policy", "test", policy, "--tool", "anything", "--args", "{}", "--expect", expected)
    finished = cli(*words)
    assert finished.code == code
    assert ("Expected" in finished.err) == bool(code)


def test_hostile_arguments_and_secrets_are_shown_safely(cli: Cli, tmp_path: Path) -> None:
    strict = written(
        tmp_path,
        'version: "1"\ntools:\n  shell:\n    rules:\n      - name: only ls\n'
        "        conditions: [{path: args.command, op: eq, value: ls}]\n",
    )
    hostile = json.dumps({"command": "curl -H 'Authorization: Bearer abcdef1234567890'\x1b[2J\u202e"})
    for tool in ("shell", "sh\u202eell"):
        finished = cli("policy", "test", strict, "--tool", tool, "--args", hostile)
        assert all(line.isprintable() for line in finished.out.splitlines())
        assert "abcdef1234567890" not in finished.out


def test_bad_input_is_refused(cli: Cli, policy: str, tmp_path: Path) -> None:
    for arguments in ("[]", '{"a": NaN}', '{"a": 1, "a": 2}', "{"):
        assert cli("policy", "test", policy, "--tool", "t", "--args", arguments).code == 2
    faulty = written(tmp_path, "version: 3\n")
    refused = cli("policy", "test", faulty, "--tool", "t", "--args", "{}")
    assert refused.code == 2
    assert "other.yaml:1:10: version" in refused.err
    assert cli("policy", "replay", faulty).code == 2
    assert cli("policy", "replay", policy, "--since", "yesterday").code == 2


# --- replay ------------------------------------------------------------------------------------


@pytest.fixture
def history(past: BlockingStore, store: BlockingStore, store_path: str, tmp_path: Path) -> None:
    """Two hours ago: two payments that ran, a drop that was denied. Now: what a policy decided by itself, a read."""
    for amount in (50, 300):
        request = approve(past, submit(past, Call("pay", {"amount": amount}, "till")))
        claim = consume(past, request)
        past.requester.report_outcome(request.id, claim.id, "succeeded")
    deny(past, submit(past, Call("drop", {"table": "users"}, "bot\u202e")))
    file = written(tmp_path, 'version: "1"\ntools:\n  drop: {rules: [{name: never, action: deny}]}\n', "first.yaml")
    with Gate("bot", store=store_path, policy=file, context={}) as gate:
        with gate.guard("read", {"path": "a"}):
            pass
        with gate.guard("pay", {"amount": 1}):
            pass
        with pytest.raises(PolicyDenied), gate.guard("drop", {"table": "users"}):
            pass
    deny(store, submit(store, Call("read", {"path": "/etc/shadow"}, "bot")))


@pytest.mark.usefixtures("history")
def test_a_replay_says_what_would_have_been_different(cli: Cli, policy: str) -> None:
    found = cli("policy", "replay", policy, "--json").json
    differences = [(each["tool"], each["then"], each["asked_then"], each["now"]) for each in found["differences"]]
    assert differences == [
        ("pay", "consumed", True, "allow"),
        ("drop", "denied", True, "deny"),
        ("read", "denied", True, "allow"),
    ]
    assert {key: found[key] for key in found if key not in ("policy", "differences")} == {
        "calls": 7,
        "asked": 4,
        "same": 3,
        "would_run": 2,
        "would_be_denied": 1,
        "questions_saved": 3,
        "questions_added": 0,
        "would_run_though_denied": 1,
        "unknown": 1,
        "different": 3,
    }


@pytest.mark.usefixtures("history")
def test_the_same_as_a_table(cli: Cli, policy: str) -> None:
    finished = cli("policy", "replay", policy)
    assert finished.code == 0
    assert "asked, consumed" in finished.out
    assert "bot\\u{202E}" in finished.out
    assert "allow (!)" in finished.out
    assert "3 questions saved, 0 added" in finished.out
    assert "warning: 1 that were denied would run without asking" in finished.out
    assert "1 cannot be told" in finished.out
    assert cli("policy", "replay", policy, "--limit", "1").err.startswith("3 differ; the newest 1")


@pytest.mark.usefixtures("history")
def test_since_leaves_out_what_is_older(cli: Cli, policy: str) -> None:
    assert cli("policy", "replay", policy, "--since", "1h", "--json").json["calls"] == 4
    assert cli("policy", "replay", policy, "--since", "3h", "--json").json["calls"] == 7
    assert cli("policy", "replay", policy, "--since", "2000-01-01", "--json").json["calls"] == 7
    assert cli("policy", "replay", policy, "--since", "2100-01-01T00:00:00Z", "--json").json["calls"] == 0


@pytest.mark.usefixtures("history")
def test_questions_that_a_stricter_policy_adds_are_counted(cli: Cli, tmp_path: Path) -> None:
    strict = written(
        tmp_path,
        'version: "1"\ntools:\n  "*":\n    rules: [{name: all, action: require_approval}]\n',
    )
    found = cli("policy", "replay", strict, "--json").json
    assert (found["questions_saved"], found["questions_added"], found["same"], found["unknown"]) == (0, 3, 4, 0)


@pytest.mark.usefixtures("store")
def test_limits_count_in_the_windows_of_the_past(cli: Cli, store_path: str, tmp_path: Path) -> None:
    limited = written(tmp_path, 'version: "1"\ntools:\n  mail: {rules: [{name: two an hour, rate_limit: 2/hour}]}\n')
    begin = (system_clock() - 48 * HOUR) // HOUR * HOUR
    for minute in (1, 2, 3, 61):
        with open_store_blocking(store_path, clock=ManualClock(begin + minute * 60_000)) as then:
            consume(then, approve(then, submit(then, Call("mail", {"n": minute}, "bot"))))
    found = cli("policy", "replay", limited, "--json").json
    assert [each["now"] for each in found["differences"]] == ["allow", "allow", "deny", "allow"]


def test_what_did_not_run_is_not_counted_in_a_replay(cli: Cli, store_path: str, tmp_path: Path) -> None:
    limited = written(tmp_path, 'version: "1"\ntools: {mail: {rules: [{name: one a day, rate_limit: 1/day}]}}\n')
    with Gate("bot", store=store_path, policy=limited, context={}) as gate:
        for _ in range(2):
            with gate.guard("mail", {}) as call:
                call.did_not_run()
        with gate.guard("mail", {}):
            pass
    found = cli("policy", "replay", limited, "--json").json
    assert (found["calls"], found["same"]) == (3, 3)


def test_an_empty_store_is_replayed_too(cli: Cli, policy: str) -> None:
    finished = cli("policy", "replay", policy)
    assert finished.code == 0
    assert finished.out.startswith("0 calls replayed")


def test_a_replay_writes_nothing(cli: Cli, store: BlockingStore, policy: str) -> None:
    request = submit(store, Call("read", {}, "bot"))
    store.reviewer.expire(request.id, reviewer=ANN)
    head = store.reviewer.head()
    assert cli("policy", "replay", policy).code == 0
    assert store.reviewer.head() == head


# --- the requester's commands go by the policy in force --------------------------------------------


@pytest.fixture
def in_force(policy: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("APPROVAL_TUI_POLICY", policy)
    return policy


def asked(tool: str, arguments: str) -> tuple[str, ...]:
    return ("submit", "--tool", tool, "--args", arguments, "--requester", "bot")


@pytest.mark.usefixtures("in_force")
def test_what_the_policy_denies_is_not_asked(cli: Cli, store: BlockingStore) -> None:
    finished = cli(*asked("pay", '{"amount": 501}'))
    assert finished.code == 6
    assert "Enough for today." in finished.err
    assert store.reviewer.list() == ()
    (event,) = store.reviewer.events()
    assert (event.name, event.body["details"]["verdict"], event.body["details"]["rule"]) == (
        "tool_call",
        "deny",
        "the day has an end",
    )


@pytest.mark.usefixtures("in_force")
def test_what_it_asks_of_a_decision_stands_on_the_request(cli: Cli, store: BlockingStore) -> None:
    said = cli(*asked("pay", '{"amount": 400}'), "--risk", "low", "--json").json
    request = store.reviewer.get(said["id"])
    assert (request.risk, request.requirements.quorum, request.requirements.reviewers) == ("high", 2, ("ann", "bo"))
    assert request.expires_at - request.created_at == 30 * 60_000
    assert cli("approve", request.id, "--reviewer", "cy", "--digest", request.digest).code == 4
    assert cli(*asked("read", "{}")).code == 0  # an explicit question is asked even where none is needed


@pytest.mark.usefixtures("in_force")
def test_what_was_approved_is_judged_again_before_it_is_consumed(
    cli: Cli, store: BlockingStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = approve(store, submit(store, Call("drop", {}, "bot")))
    refused = cli("consume", request.id)
    assert refused.code == 6
    assert store.reviewer.get(request.id).status == "approved"
    monkeypatch.setenv("APPROVAL_TUI_POLICY", written(tmp_path, "version: 2\n"))
    assert cli("consume", request.id).code == 2
    monkeypatch.delenv("APPROVAL_TUI_POLICY")
    assert cli("consume", request.id).code == 0


def test_what_was_approved_under_rules_that_changed_is_asked_again(
    cli: Cli, store: BlockingStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def put_in_force(bound: int) -> None:
        rule = f"{{name: r, action: require_approval, conditions: [{{path: args.n, op: gt, value: {bound}}}]}}"
        text = f'version: "1"\ntools: {{t: {{rules: [{rule}]}}}}\n'
        monkeypatch.setenv("APPROVAL_TUI_POLICY", written(tmp_path, text))

    put_in_force(3)
    request = approve(store, store.reviewer.get(cli(*asked("t", '{"n": 5}'), "--json").json["id"]))
    put_in_force(1)
    refused = cli("consume", request.id)
    assert refused.code == 4
    assert "asked under rules that are no longer in force" in refused.err
    assert "Ask again." in refused.err
    put_in_force(3)
    assert cli("consume", request.id).code == 0


@pytest.mark.usefixtures("in_force")
def test_who_may_not_consume_is_told_so_and_leaves_nothing_in_the_log(cli: Cli, store: BlockingStore) -> None:
    waiting = submit(store, Call("drop", {"n": 1}, "bot"))
    approved = approve(store, submit(store, Call("drop", {"n": 2}, "bot")))
    head = store.reviewer.head()
    assert cli("consume", waiting.id).code == 4
    assert cli("consume", approved.id, "--requester", "another-bot").code == 4
    assert cli("consume", approved.id, "--fingerprint", "v1:sha256:other").code == 4
    assert store.reviewer.head() == head


def test_hold_says_how_long_submit_waits(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = 'version: "1"\ntools: {t: {rules: [{name: r, action: require_approval, hold: 0}]}}\n'
    monkeypatch.setenv("APPROVAL_TUI_POLICY", written(tmp_path, text))
    said = cli(*asked("t", "{}"), "--wait", "--json")
    assert (said.code, said.json["status"]) == (9, "pending")


@pytest.mark.usefixtures("in_force")
def test_what_is_consumed_is_counted_and_given_back_if_it_did_not_run(cli: Cli, store: BlockingStore) -> None:
    ids = [approve(store, submit(store, Call("pay", {"amount": 100, "n": n}, "bot"))).id for n in range(6)]
    claims = [cli("consume", each, "--json").json["claim"] for each in ids[:5]]
    full = cli("consume", ids[5])
    assert full.code == 6
    assert "Enough for today." in full.err
    assert cli("outcome", ids[0], "not_run", "--claim", claims[0]).code == 0
    assert cli("consume", ids[5]).code == 0
    assert_sound(store)


# --- schema ------------------------------------------------------------------------------------


def test_the_schema_is_printed_for_editors(cli: Cli) -> None:
    schema = json.loads(cli("policy", "schema").out)
    assert set(schema["properties"]) == {"version", "description", "default", "hide", "approvals", "tools"}
