"""A policy that changes while its gate is in use: what is taken up, what is refused, and what is said of it."""

from __future__ import annotations

import gc
import json
import logging
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from approval_tui import ApprovalPending, Gate, open_store_blocking
from approval_tui.domain.errors import PolicyDenied, PolicyError, StoreUnavailable
from approval_tui.domain.models import Request
from approval_tui.domain.policy_notes import PolicyNote
from approval_tui.gate import policy_source
from approval_tui.gate.policy_source import PolicySource
from approval_tui.policy.files import read_policy
from approval_tui.policy.model import Policy
from approval_tui.store.blocking import BlockingStore
from tests.gate.both_forms import BLOCKING, FORMS, history, reviewing, use
from tests.gate.policies import (
    ALLOW_ALL,
    ASK_ALL,
    BROKEN,
    DENY_ALL,
    PAY,
    PAY_BY_TWO,
    PAY_NEVER,
    PolicyFile,
    arguments_of,
    away_from_midnight,
    details_of,
    gate_of,
    must_not_run,
    policy_events,
    policy_file,
    run_gate_worker,
    until_said,
    value_of,
)
from tests.gate.workers.ending import WAYS
from tests.support import BO, LONG, approve, assert_sound, until


@pytest.fixture(autouse=True)
def same_day() -> None:
    away_from_midnight()


@pytest.fixture
def policy(tmp_path: Path) -> PolicyFile:
    return policy_file(tmp_path, ALLOW_ALL)


@pytest.fixture
def gate(store_path: str, policy: PolicyFile) -> Iterator[Gate]:
    with gate_of(store_path, policy) as opened:
        yield opened


def verdict(gate: Gate) -> str:
    """What becomes of a call: it is allowed, denied, asked, or the policy cannot be used."""
    try:
        use(BLOCKING, gate, arguments_of, tool="pay", arguments={"amount": 1}, wait=False)
    except (PolicyDenied, ApprovalPending, PolicyError) as error:
        return type(error).__name__
    return "allowed"


def watchers() -> list[threading.Thread]:
    """The threads that watch a policy, those of closed gates for a tenth of a second more."""
    return [thread for thread in threading.enumerate() if thread.name == "policy-watch"]


# --- taken up, refused, mended -----------------------------------------------------------------


def test_a_changed_policy_is_taken_up_and_recorded(policy: PolicyFile, gate: Gate, desk: BlockingStore) -> None:
    assert verdict(gate) == "allowed"
    policy.write(DENY_ALL)
    until(lambda: verdict(gate) == "PolicyDenied")
    policy.write(ASK_ALL)
    until(lambda: verdict(gate) == "ApprovalPending")
    until_said(desk, "reloaded", "reloaded", "reloaded")
    said = details_of(desk, "policy_reloaded")
    assert len({each["hash"] for each in said}) == 3
    assert [(each["file"], each["problems"], each["requester"]) for each in said] == [
        (policy.path, [], "release-bot")
    ] * 3
    assert_sound(desk)


def test_a_policy_that_cannot_be_used_leaves_the_old_one_in_force_and_is_recorded_with_its_faults(
    policy: PolicyFile, gate: Gate, desk: BlockingStore
) -> None:
    policy.write(DENY_ALL)
    assert verdict(gate) == "PolicyDenied"
    until_said(desk, "reloaded")
    policy.write(f"{BROKEN}\nhdie: [pay]")
    until_said(desk, "reloaded", "rejected")
    assert verdict(gate) == "PolicyDenied"
    (said,) = details_of(desk, "policy_rejected")
    assert (said["file"], said["hash"], said["requester"]) == (policy.path, "", "release-bot")
    assert said["problems"] == [
        f"{policy.path}:2:10: default: must be allow, deny or require_approval, not 'maybe'",
        f"{policy.path}:3:1: hdie: is no key here; did you mean hide?",
    ]
    policy.write(DENY_ALL)
    until_said(desk, "reloaded", "rejected", "reloaded")
    first, last = details_of(desk, "policy_reloaded")
    assert first == last
    policy.write(ALLOW_ALL)
    until(lambda: verdict(gate) == "allowed")
    assert_sound(desk)


def test_a_policy_that_was_never_usable_is_recorded_so_and_taken_up_once_it_is_mended(
    policy: PolicyFile, gate: Gate, desk: BlockingStore
) -> None:
    policy.write(BROKEN)
    assert verdict(gate) == "PolicyError"
    until_said(desk, "rejected")
    policy.write("default: perhaps")
    until_said(desk, "rejected", "rejected")
    assert verdict(gate) == "PolicyError"
    policy.write(ALLOW_ALL)
    until(lambda: verdict(gate) == "allowed")
    until_said(desk, "rejected", "rejected", "reloaded")


def test_gates_of_one_policy_say_a_change_once(store_path: str, policy: PolicyFile, desk: BlockingStore) -> None:
    gates = [gate_of(store_path, policy) for _ in range(3)]
    assert [verdict(gate) for gate in gates] == ["allowed"] * 3
    policy.write(DENY_ALL)
    while gates:
        until(lambda: verdict(gates[0]) == "PolicyDenied")
        gates.pop(0).close()
    until(lambda: not watchers())
    assert policy_events(desk) == ["reloaded", "reloaded"]


def test_counters_survive_a_change_of_the_policy(policy: PolicyFile, gate: Gate, desk: BlockingStore) -> None:
    limit = "tools: {pay: {rules: [{name: few, rate_limit: 3/day}]}}"
    policy.write(limit)
    assert [verdict(gate) for _ in range(2)] == ["allowed"] * 2
    until_said(desk, "reloaded")
    policy.write(f"{limit}\ndescription: the same with a name")
    until_said(desk, "reloaded", "reloaded")
    assert [verdict(gate) for _ in range(2)] == ["allowed", "PolicyDenied"]
    policy.write(limit.replace("3/day", "4/day"))
    until(lambda: verdict(gate) == "allowed")
    assert verdict(gate) == "PolicyDenied"


def test_what_a_store_could_not_be_told_is_told_later(policy: PolicyFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy_source, "_SAY_AGAIN", 0.0)
    told: list[PolicyNote] = []

    def note(said: PolicyNote) -> None:
        told.append(said)
        if len(told) < 3:
            raise StoreUnavailable("It is away.", not_done="", to_do="")

    source = PolicySource(policy.path, note)
    source.engine()
    until(lambda: len(told) == 3)
    assert set(told) == {PolicyNote(policy.path, told[0].hash)}
    policy.write(BROKEN)
    until(lambda: len(told) == 4)
    assert told[3].problems
    source.close()


@pytest.mark.parametrize(
    "error", [StoreUnavailable("It is away.", not_done="", to_do=""), OSError("It is away.")], ids=["told", "odd"]
)
def test_a_store_that_is_away_does_not_keep_a_policy_from_being_judged_by_and_watched(
    error: Exception, policy: PolicyFile, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "approval_tui.gate")

    def note(said: PolicyNote) -> None:
        raise error

    source = PolicySource(policy.path, note)
    assert source.engine().evaluate("pay", {}).verdict == "allow"
    until(lambda: "It is away." in caplog.text)
    policy.write(DENY_ALL)
    until(lambda: source.engine().evaluate("pay", {}).verdict == "deny")
    source.close()


def test_a_policy_that_stays_broken_is_read_now_and_then_and_complained_of_once(
    policy: PolicyFile, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    reads: list[str] = []
    notes: list[PolicyNote] = []

    def counted(path: str) -> tuple[Policy, str]:
        reads.append(path)
        return read_policy(path)

    monkeypatch.setattr(policy_source, "_READ_AGAIN", 0.0)
    monkeypatch.setattr(policy_source, "read_policy", counted)
    policy.write(BROKEN)
    source = PolicySource(policy.path, notes.append)
    with pytest.raises(PolicyError):
        source.engine()
    until(lambda: len(reads) > 3)
    source.close()
    until(lambda: not watchers())
    assert len(notes) == caplog.text.count("cannot be used, nothing may run") == 1


def test_what_is_said_of_a_policy_goes_into_the_gates_store_wherever_the_program_went(
    tmp_path: Path, policy: PolicyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("began", "went on"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "began")
    with gate_of("approvals.db", policy) as gate:
        assert verdict(gate) == "allowed"
        with open_store_blocking(str(tmp_path / "began" / "approvals.db")) as desk:
            until_said(desk, "reloaded")
            monkeypatch.chdir(tmp_path / "went on")
            policy.write(DENY_ALL)
            until(lambda: len(policy_events(desk)) > 1 or os.listdir(tmp_path / "went on"))
            assert policy_events(desk) == ["reloaded", "reloaded"]
    assert os.listdir(tmp_path / "went on") == []


def test_what_can_hardly_be_meant_is_logged(policy: PolicyFile, gate: Gate, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "approval_tui.gate")
    policy.write("hide: [pay]\ntools: {pay: {rules: [{name: vain, action: deny}]}}")
    assert verdict(gate) == "PolicyDenied"
    assert f"{policy.path}:3:23: tools.pay.rules[0]: can never match: pay is hidden" in caplog.text


# --- ways to change a file ---------------------------------------------------------------------


def write_in_place(path: Path, text: str) -> None:
    path.write_text(f'version: "1"\n{text}\n')


def replace(path: Path, text: str) -> None:
    PolicyFile(str(path)).write(text)


def replace_with_an_old_one(path: Path, text: str) -> None:
    """Another file with the time of the one before it, as some copying programs give it."""
    before = path.stat()
    new = path.with_name("copied")
    write_in_place(new, text)
    os.utime(new, ns=(before.st_atime_ns, before.st_mtime_ns))
    new.rename(path)


def write_without_a_trace(path: Path, text: str) -> None:
    """The same file, of the same length, with the same time of change."""
    before = path.stat()
    content = f'version: "1"\n{text}'.encode()
    with open(path, "r+b") as file:
        file.write(content.ljust(before.st_size))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)


def move_away_and_back(path: Path, text: str) -> None:
    path.rename(path.with_name("away"))
    write_in_place(path.with_name("away"), text)
    path.with_name("away").rename(path)


@pytest.mark.parametrize(
    "change", [write_in_place, replace, replace_with_an_old_one, write_without_a_trace, move_away_and_back]
)
def test_however_the_file_is_written_the_change_is_noticed(
    change: Callable[[Path, str], None], policy: PolicyFile, gate: Gate
) -> None:
    policy.write(f"{ALLOW_ALL} # {'x' * 40}")
    assert verdict(gate) == "allowed"
    change(Path(policy.path), DENY_ALL)
    until(lambda: verdict(gate) == "PolicyDenied")


@pytest.mark.parametrize("target", ["another file", "another folder"])
def test_a_link_that_is_turned_to_another_policy_is_noticed(
    target: str, store_path: str, tmp_path: Path, desk: BlockingStore
) -> None:
    for number, text in enumerate((ALLOW_ALL, DENY_ALL)):
        policy_file(tmp_path / str(number), text)
    link, turning = tmp_path / "mounted" / "policy.yaml", tmp_path / "mounted" / "data"
    link.parent.mkdir()
    if target == "another folder":
        link.symlink_to("data/policies/policy.yaml")  # as Kubernetes mounts a ConfigMap
        turning.symlink_to(tmp_path / "0")
    else:
        link.symlink_to(tmp_path / "0" / "policies" / "policy.yaml")
    with gate_of(store_path, PolicyFile(str(link))) as gate:
        assert verdict(gate) == "allowed"
        new = tmp_path / "mounted" / "new"
        if target == "another folder":
            new.symlink_to(tmp_path / "1")
            new.replace(turning)
        else:
            new.symlink_to(tmp_path / "1" / "policies" / "policy.yaml")
            new.replace(link)
        until(lambda: verdict(gate) == "PolicyDenied")
        policy_file(tmp_path / "1", ASK_ALL)
        until(lambda: verdict(gate) == "ApprovalPending")
        shutil.rmtree(tmp_path / "0")
        policy_file(tmp_path / "1", ALLOW_ALL)
        until(lambda: verdict(gate) == "allowed")


def test_a_file_that_is_deleted_leaves_the_old_policy_and_one_that_is_put_back_is_taken_up(
    policy: PolicyFile, gate: Gate, desk: BlockingStore
) -> None:
    policy.write(DENY_ALL)
    assert verdict(gate) == "PolicyDenied"
    until_said(desk, "reloaded")
    os.unlink(policy.path)
    until_said(desk, "reloaded", "rejected")
    assert details_of(desk, "policy_rejected")[0]["problems"] == [
        f"{policy.path}: cannot be read: No such file or directory"
    ]
    assert verdict(gate) == "PolicyDenied"
    policy.write(DENY_ALL)
    until_said(desk, "reloaded", "rejected", "reloaded")
    policy.write(ALLOW_ALL)
    until(lambda: verdict(gate) == "allowed")


def test_a_folder_that_is_deleted_leaves_the_old_policy_and_one_that_is_put_back_is_watched_again(
    policy: PolicyFile, gate: Gate, desk: BlockingStore
) -> None:
    policy.write(DENY_ALL)
    assert verdict(gate) == "PolicyDenied"
    until_said(desk, "reloaded")
    shutil.rmtree(os.path.dirname(policy.path))
    until_said(desk, "reloaded", "rejected")
    assert verdict(gate) == "PolicyDenied"
    policy.write(ASK_ALL)
    until(lambda: verdict(gate) == "ApprovalPending")
    policy.write(ALLOW_ALL)
    until(lambda: verdict(gate) == "allowed")
    until_said(desk, "reloaded", "rejected", "reloaded", "reloaded")


def test_a_folder_that_was_not_there_at_first_is_waited_for(
    store_path: str, tmp_path: Path, desk: BlockingStore
) -> None:
    late = policy_file(tmp_path / "late" / "er")
    with gate_of(store_path, late) as gate:
        assert verdict(gate) == "PolicyError"
        late.write(ALLOW_ALL)
        until(lambda: verdict(gate) == "allowed")


@pytest.mark.parametrize("name", ["pol\nicy.yaml", "\u202eyaml", "caf\udce9.yaml", " ", "'\"; DROP TABLE events; --"])
def test_a_policy_of_any_name_is_read_watched_and_recorded(
    name: str, store_path: str, tmp_path: Path, desk: BlockingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("approval_tui.gate"), "disabled", True)  # a report takes no surrogates
    odd = PolicyFile(str(tmp_path / name), ALLOW_ALL)
    with gate_of(store_path, odd) as gate:
        assert verdict(gate) == "allowed"
        until_said(desk, "reloaded")
        odd.write(BROKEN)
        until_said(desk, "reloaded", "rejected")
    assert [standing.note.file for standing in desk.reviewer.policy_standings()] == [
        odd.path.encode("utf-8", "backslashreplace").decode()
    ]
    assert_sound(desk)


def test_where_the_system_gives_no_more_watches_or_files_the_policy_is_read_as_soon_as_it_can_be(
    policy: PolicyFile,
) -> None:
    assert run_gate_worker("without_watches", policy.path).split() == [
        "allow",
        "deny",
        "deny",
        "require_approval",
        "()",
    ]


def test_a_storm_of_changes_ends_with_the_last_and_disturbs_nobody_who_judges(policy: PolicyFile) -> None:
    notes: list[PolicyNote] = []
    source = PolicySource(policy.path, notes.append)
    found: set[str] = set()
    ended = threading.Event()

    def judge() -> None:
        while not ended.is_set():
            found.add(source.engine().evaluate("pay", {}).verdict)

    source.engine()
    threads = [threading.Thread(target=judge, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(60):
        policy.write(f"{(ALLOW_ALL, BROKEN, DENY_ALL)[number % 3]} # {number}")
    policy.write(ASK_ALL)
    until(lambda: "require_approval" in found)
    ended.set()
    for thread in threads:
        thread.join(LONG)
    assert found <= {"allow", "deny", "require_approval"}
    until(lambda: notes[-1].hash == read_policy(policy.path)[1])
    source.close()


# --- while a caller waits ----------------------------------------------------------------------


def changing(desk: BlockingStore, policy: PolicyFile, text: str, *said: str) -> Callable[[Request], object]:
    """A reviewer who approves once the gate goes by another policy than the one that asked."""

    def decide(request: Request) -> None:
        policy.write(text)
        until_said(desk, *said)
        approve(desk, request)

    return decide


@pytest.mark.parametrize("form", FORMS)
def test_a_policy_that_became_stricter_while_the_caller_waited_asks_anew(
    form: str, policy: PolicyFile, gate: Gate, desk: BlockingStore
) -> None:
    policy.write(PAY)

    def decide_together(request: Request) -> None:
        assert request.requirements.quorum == 2
        assert approve(desk, request).status == "pending"
        approve(desk, request, BO)

    first = changing(desk, policy, PAY_BY_TWO, "reloaded", "reloaded")
    with reviewing(desk, first, decide_together) as came:
        ran = use(form, gate, lambda call: (call.id, call.arguments), tool="pay", arguments={"amount": 500})
    assert ran == (came[1].id, {"amount": 500})
    assert came[0].rule_hash != came[1].rule_hash
    assert history(desk, came[0]) == ["submitted", "approved", "cancelled"]
    details = desk.reviewer.events(request_id=came[0].id)[-1].body["details"]
    assert details["reason"] == "the policy was changed, and the call is asked anew"
    assert history(desk, came[1]) == ["submitted", "vote_recorded", "approved", "consumed", "outcome"]
    assert value_of(desk) == 500
    assert_sound(desk)


@pytest.mark.parametrize("form", FORMS)
def test_a_policy_that_denies_by_now_lets_nothing_run_that_was_approved_before(
    form: str, policy: PolicyFile, gate: Gate, desk: BlockingStore
) -> None:
    policy.write(PAY)
    decide = changing(desk, policy, PAY_NEVER, "reloaded", "reloaded")
    with reviewing(desk, decide) as came, pytest.raises(PolicyDenied) as caught:
        use(form, gate, must_not_run, tool="pay", arguments={"amount": 500})
    assert (caught.value.rule, caught.value.reason) == ("closed", "The till is closed.")
    assert caught.value.request is not None
    assert caught.value.request.id == came[0].id
    assert history(desk, came[0]) == ["submitted", "approved", "tool_call"]
    assert value_of(desk) == 0
    with pytest.raises(PolicyDenied):
        use(form, gate, must_not_run, tool="pay", arguments={"amount": 500})
    assert_sound(desk)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "text",
    [
        PAY.replace("Nobody may pay more than 1000.", "Other words."),
        PAY.replace("ask for much", "another name"),
        PAY.replace("- name: ask for much", "- name: ask for much\n        approval_timeout: 3m"),
        f"approvals: {{hold: 1m, timeout: 2m, dedupe_window: 0}}\n{PAY}",
        f"description: x\n{PAY}  other:\n    rules: [{{name: x, action: deny}}]\n",
        ALLOW_ALL,
    ],
    ids=["other words", "another name", "another time", "other times of all", "another tool", "allowed by now"],
)
def test_an_approval_counts_where_the_policy_changed_in_nothing_that_matters_to_it(
    form: str, text: str, policy: PolicyFile, gate: Gate, desk: BlockingStore
) -> None:
    policy.write(PAY)
    with reviewing(desk, changing(desk, policy, text, "reloaded", "reloaded")) as came:
        assert use(form, gate, lambda call: call.id, tool="pay", arguments={"amount": 500}) == came[0].id
    assert history(desk, came[0]) == ["submitted", "approved", "consumed", "outcome"]
    assert_sound(desk)


@pytest.mark.parametrize("form", FORMS)
def test_a_broken_policy_changes_nothing_for_the_caller_who_waits(
    form: str, policy: PolicyFile, gate: Gate, desk: BlockingStore
) -> None:
    policy.write(PAY)
    with reviewing(desk, changing(desk, policy, BROKEN, "reloaded", "rejected")) as came:
        assert use(form, gate, lambda call: call.id, tool="pay", arguments={"amount": 500}) == came[0].id
    assert value_of(desk) == 500


def test_an_unused_approval_is_worth_nothing_under_stricter_rules(
    policy: PolicyFile, gate: Gate, desk: BlockingStore
) -> None:
    policy.write(PAY)
    approve(desk, gate.submit_blocking("pay", {"amount": 500}))
    until_said(desk, "reloaded")
    policy.write(PAY_BY_TWO)
    until_said(desk, "reloaded", "reloaded")
    with pytest.raises(ApprovalPending) as caught:
        use(BLOCKING, gate, must_not_run, tool="pay", arguments={"amount": 500}, wait=False)
    assert caught.value.request.requirements.quorum == 2


# --- the end -----------------------------------------------------------------------------------


def test_closing_a_gate_stops_watching_and_the_gate_may_be_used_again(policy: PolicyFile, gate: Gate) -> None:
    until(lambda: not watchers())
    assert verdict(gate) == "allowed"
    assert len(watchers()) == 1
    gate.close()
    gate.close()
    until(lambda: not watchers())
    policy.write(DENY_ALL)
    assert verdict(gate) == "PolicyDenied"
    policy.write(ALLOW_ALL)
    until(lambda: verdict(gate) == "allowed")


def test_a_gate_without_a_policy_watches_nothing(store_path: str) -> None:
    until(lambda: not watchers())
    with Gate("release-bot", store=store_path) as gate:
        gate.submit_blocking("pay", {})
        assert watchers() == []


def test_a_gate_that_is_forgotten_stops_watching(store_path: str, policy: PolicyFile) -> None:
    gate = gate_of(store_path, policy)
    assert verdict(gate) == "allowed"
    assert watchers()
    del gate
    gc.collect()
    until(lambda: not watchers())


def test_many_threads_that_use_a_gate_at_once_start_one_watcher(policy: PolicyFile, gate: Gate) -> None:
    until(lambda: not watchers())
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(verdict(gate)), daemon=True) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    assert found == ["allowed"] * 12
    assert len(watchers()) == 1


@pytest.mark.parametrize("way", WAYS)
def test_a_gate_that_is_never_closed_ends_with_its_program_without_a_word(
    way: str, store_path: str, policy: PolicyFile, desk: BlockingStore
) -> None:
    policy.write("tools: {free: {rules: [{name: many, rate_limit: 100/day}]}}")
    assert run_gate_worker("ending", way, store_path, policy.path, options=("-X", "dev")) == ""
    assert policy_events(desk) == ["reloaded"]
    assert_sound(desk)


@pytest.mark.parametrize("holding", ["free", "held"])
def test_a_forked_child_watches_for_itself(holding: str, policy: PolicyFile) -> None:
    assert json.loads(run_gate_worker("forking", policy.path, holding)) == {
        "parent at first": "allow",
        "told before the fork": True,
        "child at first": "allow",
        "child at last": ["deny", 1],
        "parent at last": "deny",
    }
