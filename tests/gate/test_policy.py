"""A gate that goes by a policy: what it allows runs, what it denies does not, and what it asks for is asked so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import pytest

from approval_tui import ApprovalDenied, ApprovalPending, Gate, NotApproved, open_store, open_store_blocking
from approval_tui.domain.clock import MINUTE, SECOND
from approval_tui.domain.counters import Counter
from approval_tui.domain.decisions import Evidence, Reviewer
from approval_tui.domain.errors import DecisionRefused, InvalidInput, PolicyDenied, PolicyError
from approval_tui.domain.models import Request, Requirements
from approval_tui.gate.guard import GuardedCall
from approval_tui.store.blocking import BlockingStore
from tests.gate.both_forms import BLOCKING, FORMS, Body, history, new_gate, reviewing, use
from tests.gate.policies import (
    ALLOW_ALL,
    ASK_ALL,
    BROKEN,
    DENY_ALL,
    PAY,
    SPEND,
    PolicyFile,
    arguments_of,
    away_from_midnight,
    details_of,
    edit,
    gate_of,
    judged_without_asking,
    must_not_run,
    policy_file,
    value_of,
)
from tests.gate.test_interruption import Turnstile
from tests.support import ANN, BO, approve, assert_sound, deny, until


@pytest.fixture(autouse=True)
def same_day() -> None:
    away_from_midnight()


@pytest.fixture
def policy(tmp_path: Path) -> PolicyFile:
    return policy_file(tmp_path, PAY)


@pytest.fixture
def gate(store_path: str, policy: PolicyFile) -> Iterator[Gate]:
    """A gate that goes by the policy; a test that wants another one writes it before the first call."""
    with gate_of(store_path, policy, session="run-1") as opened:
        yield opened


def pay(form: str, gate: Gate, amount: Any, body: Body = arguments_of, **options: Any) -> Any:
    """Pays so much behind the gate."""
    return use(form, gate, body, tool="pay", arguments={"amount": amount}, **options)


def requests_of(desk: BlockingStore) -> list[Request]:
    return [*desk.reviewer.list(), *desk.reviewer.history()]


def raising(error: BaseException) -> Body:
    def body(_: GuardedCall) -> NoReturn:
        raise error

    return body


# --- allowed -----------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_an_allowed_call_runs_without_a_request_and_without_waiting(form: str, gate: Gate, desk: BlockingStore) -> None:
    seen = pay(form, gate, 100, lambda call: (call.id, call.request, call.arguments))
    assert seen == (None, None, {"amount": 100})
    assert requests_of(desk) == []
    assert judged_without_asking(desk) == [("allow", None)]
    (said,) = details_of(desk, "tool_call")
    assert (said["tool"], said["requester"], said["session"]) == ("pay", "release-bot", "run-1")
    assert value_of(desk) == 100
    assert_sound(desk)


@pytest.mark.parametrize("form", FORMS)
def test_an_allowed_call_runs_with_a_copy_that_nobody_else_holds(form: str, gate: Gate) -> None:
    arguments: dict[str, Any] = {"amount": 1, "to": ["ann"]}

    def body(call: GuardedCall) -> Any:
        arguments["amount"] = 1_000_000
        arguments["to"].append("mallory")
        return call.arguments

    assert use(form, gate, body, tool="pay", arguments=arguments) == {"amount": 1, "to": ["ann"]}


def use_with_clock(form: str, gate: Gate, path: str, before: Mapping[int, Callable[[], object]], call: Any) -> Any:
    """Runs the call behind the gate, doing something before the so-and-so-manieth transaction of its store."""
    clock = Turnstile(before, off_thread=form != BLOCKING)
    if form == BLOCKING:
        gate._stores._blocking = open_store_blocking(path, clock=clock)
        return use(form, gate, arguments_of, tool="pay", arguments=call)

    async def run() -> Any:
        gate._stores._async = await open_store(path, clock=clock)
        try:
            async with gate.guard("pay", call) as guarded:
                return guarded.arguments
        finally:
            await gate.aclose()

    return asyncio.run(run())


LATE_RULE = """
      - name: not after much
        action: evaluate
        conditions: [{path: state.pay.spend, op: lt, value: 4000}]
"""


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("moment", [1, 2], ids=["while its counters are read", "while it is admitted"])
def test_what_the_agent_changes_while_the_policy_judges_does_not_run(
    form: str, moment: int, store_path: str, policy: PolicyFile, gate: Gate, desk: BlockingStore
) -> None:
    policy.write(PAY.replace("  locked:", f"{LATE_RULE}  locked:"))
    arguments = {"amount": 50}
    before = {moment: lambda: arguments.update(amount=5000)}
    assert use_with_clock(form, gate, store_path, before, arguments) == {"amount": 50}
    assert arguments == {"amount": 5000}
    assert value_of(desk) == 50


class TwoFaced(Mapping[str, Any]):
    """A mapping that shows one face after the other, each time it is read."""

    def __init__(self, *faces: Mapping[str, Any]) -> None:
        self._faces = iter(faces)
        self._face: Mapping[str, Any] = {}

    def __getitem__(self, key: str) -> Any:
        return self._face[key]

    def __iter__(self) -> Iterator[str]:
        self._face = next(self._faces, self._face)
        return iter(self._face)

    def __len__(self) -> int:
        return len(self._face)


class OddText(str):
    """Text that is equal to nothing, or to what somebody chose."""

    equal_to: str | None = None

    def __eq__(self, other: object) -> bool:
        return self.equal_to is not None and other == self.equal_to

    def __hash__(self) -> int:
        return hash(self.equal_to)

    def __str__(self) -> str:
        return "harmless"


class SmallNumber(int):
    """A number that says that it is below all others."""

    def __le__(self, other: int) -> bool:
        return True

    def __gt__(self, other: int) -> bool:
        return False


@pytest.mark.parametrize("form", FORMS)
def test_what_was_judged_is_what_runs_whatever_the_mapping_shows_next(form: str, gate: Gate) -> None:
    two_faced = TwoFaced({"amount": 1}, {"amount": 5000}, {"amount": 5000})
    assert use(form, gate, arguments_of, tool="pay", arguments=two_faced) == {"amount": 1}


@pytest.mark.parametrize("form", FORMS)
def test_what_was_judged_is_what_is_asked_whatever_the_mapping_shows_next(
    form: str, gate: Gate, desk: BlockingStore
) -> None:
    two_faced = TwoFaced({"amount": 500}, {"amount": 5000}, {"amount": 5000})
    with pytest.raises(ApprovalPending):
        use(form, gate, must_not_run, tool="pay", arguments=two_faced, wait=False)
    assert [request.arguments for request in requests_of(desk)] == [{"amount": 500}]


@pytest.mark.parametrize(
    "arguments",
    [{"amount": SmallNumber(5000)}, {OddText("amount"): 5000}, {"amount": 1, OddText("amount"): 5000}, {}],
    ids=["a number below all", "a key equal to nothing", "one key twice", "no amount"],
)
def test_odd_types_do_not_pass_a_rule(arguments: dict[str, Any], gate: Gate, desk: BlockingStore) -> None:
    with pytest.raises((PolicyDenied, ApprovalPending)):
        use(BLOCKING, gate, must_not_run, tool="pay", arguments=arguments, wait=False)
    assert value_of(desk) == 0


@pytest.mark.parametrize("equal_to", [None, "free", "locked"])
def test_an_odd_name_of_a_tool_does_not_pass_its_rules(equal_to: str | None, gate: Gate, desk: BlockingStore) -> None:
    name = OddText("locked")
    name.equal_to = equal_to
    use(BLOCKING, gate, arguments_of, tool="free")
    with pytest.raises(PolicyDenied, match="Keep away"):
        use(BLOCKING, gate, must_not_run, tool=name)
    use(BLOCKING, gate, arguments_of, tool="free")
    with pytest.raises(PolicyDenied):
        use(BLOCKING, gate, must_not_run, tool="locked")
    assert [each["tool"] for each in details_of(desk, "tool_call")] == ["free", "locked", "free", "locked"]


# --- denied ------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_a_denied_call_does_not_run_and_says_which_rule_and_why(form: str, gate: Gate, desk: BlockingStore) -> None:
    with pytest.raises(PolicyDenied) as caught:
        pay(form, gate, 1001, must_not_run)
    error = caught.value
    assert isinstance(error, NotApproved)
    assert (error.request, error.rule, error.reason) == (None, "never so much", "Nobody may pay more than 1000.")
    assert "The policy denies pay: Nobody may pay more than 1000." in str(error)
    assert "The call did not run." in str(error)
    assert requests_of(desk) == []
    assert judged_without_asking(desk) == [("deny", "never so much")]
    assert value_of(desk) == 0
    assert_sound(desk)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("hide: [pay]", "(hidden)"),
        ("hide: ['p*']", "(hidden)"),
        (DENY_ALL, "(default deny)"),
        ("tools: {'*': {rules: [{name: closed, action: deny}]}}", "closed"),
        (
            "tools: {pay: {rules: [{name: ask, action: require_approval}, {name: closed, action: deny}]}}",
            "closed",
        ),
        (
            "tools: {pay: {rules: [{name: ask, action: require_approval}]}, '*': {rules: [{name: c, action: deny}]}}",
            "c",
        ),
    ],
    ids=["hidden", "hidden by a glob", "not listed", "every tool", "after an approval rule", "in a wider rule"],
)
def test_a_denial_holds_wherever_it_stands(
    text: str, rule: str, policy: PolicyFile, gate: Gate, desk: BlockingStore
) -> None:
    policy.write(text)
    with pytest.raises(PolicyDenied) as caught:
        pay(BLOCKING, gate, 1, must_not_run)
    assert caught.value.rule == rule
    assert judged_without_asking(desk) == [("deny", rule)]
    with pytest.raises(PolicyDenied):
        gate.submit_blocking("pay", {"amount": 1})
    assert requests_of(desk) == []


@pytest.mark.parametrize("form", FORMS)
def test_a_limit_is_met_exactly_and_the_next_call_is_denied_in_the_rules_words(
    form: str, policy: PolicyFile, gate: Gate, desk: BlockingStore
) -> None:
    policy.write("tools: {pay: {rules: [{name: three, rate_limit: 3/day}]}}")
    for _ in range(3):
        pay(form, gate, 1)
    with pytest.raises(PolicyDenied) as caught:
        pay(form, gate, 1, must_not_run)
    assert caught.value.rule == "three"
    assert caught.value.reason == "Rate limit of 3 per day reached. Try again later."
    assert caught.value.request is None
    assert judged_without_asking(desk) == [("allow", None)] * 3 + [("deny", "three")]
    assert_sound(desk)


# --- asked -------------------------------------------------------------------------------------

STRICT = """
    approvals: {timeout: 7m, dedupe_window: 90s}
    tools:
      pay:
        rules:
          - name: two of three
            action: require_approval
            quorum: 2
            reviewers: [ann, bo, cy]
            reason_required: true
            evidence: shown
            risk: medium
            approval_timeout: 3m
    """


def test_a_request_carries_what_the_rule_demands_of_a_decision(
    policy: PolicyFile, gate: Gate, desk: BlockingStore
) -> None:
    policy.write(STRICT)
    request = gate.submit_blocking("pay", {"amount": 1}, timeout="1m")
    assert request.requirements == Requirements(2, ("ann", "bo", "cy"), reason_required=True, evidence="shown")
    assert request.risk == "medium"
    assert request.expires_at - request.created_at == 3 * MINUTE
    assert request.rule_hash is not None
    assert request.rule_hash.startswith("v1:sha256:")
    assert desk.reviewer.get(request.id) == request


def test_times_come_from_the_rule_then_the_policy_then_the_code(policy: PolicyFile, gate: Gate) -> None:
    policy.write(STRICT.replace("            approval_timeout: 3m\n", ""))
    request = gate.submit_blocking("pay", {"amount": 1}, timeout="1m")
    assert request.expires_at - request.created_at == 7 * MINUTE
    policy.write(ASK_ALL)
    gate.close()
    request = gate.submit_blocking("pay", {"amount": 2}, timeout="1m")
    assert request.expires_at - request.created_at == MINUTE


@pytest.mark.parametrize(
    ("rule", "code", "asked"),
    [("low", "high", "high"), ("high", "low", "high"), ("medium", None, "medium"), (None, "low", "low")],
)
def test_the_higher_of_the_rules_and_the_codes_risk_counts(
    rule: str | None, code: str | None, asked: str, policy: PolicyFile, gate: Gate
) -> None:
    policy.write(STRICT.replace("risk: medium", f"risk: {rule}" if rule else ""))
    assert gate.submit_blocking("pay", {"amount": 1}, risk=code).risk == asked


def test_the_policys_dedupe_window_counts_before_the_codes(
    store_path: str, policy: PolicyFile, desk: BlockingStore
) -> None:
    policy.write("default: require_approval\napprovals: {dedupe_window: 0}")
    with gate_of(store_path, policy, dedupe_window="1h") as gate:
        first, second = (gate.submit_blocking("pay", {}) for _ in range(2))
        assert first.id != second.id


def test_the_rules_of_a_tool_make_other_calls_of_the_same_arguments(
    policy: PolicyFile, gate: Gate, store_path: str
) -> None:
    with new_gate(store_path, session="run-1") as without:
        unruled = without.submit_blocking("pay", {"amount": 500})
    ruled = gate.submit_blocking("pay", {"amount": 500})
    assert unruled.rule_hash is None
    assert ruled.fingerprint != unruled.fingerprint


def test_an_approval_without_rules_is_none_under_rules(gate: Gate, store_path: str, desk: BlockingStore) -> None:
    with new_gate(store_path, session="run-1") as without:
        approve(desk, without.submit_blocking("pay", {"amount": 500}))
    with pytest.raises(ApprovalPending):
        pay(BLOCKING, gate, 500, must_not_run, wait=False)


@pytest.mark.parametrize("form", FORMS)
def test_a_quorum_of_named_reviewers_with_reasons_and_evidence_is_honoured_to_the_end(
    form: str, policy: PolicyFile, gate: Gate, desk: BlockingStore
) -> None:
    policy.write(STRICT)
    shown = Evidence("shown", rows=1, shown_ms=1000)

    def vote(request: Request, reviewer: Reviewer, **options: Any) -> Request:
        return desk.reviewer.decide(request.id, "approve", reviewer=reviewer, digest=request.digest, **options)

    def decide(request: Request) -> None:
        good: dict[str, Any] = {"reason": "checked", "evidence": shown}
        for reviewer, options in ((ANN, {"evidence": shown}), (ANN, {"reason": "checked"}), (Reviewer("eve"), good)):
            with pytest.raises(DecisionRefused):
                vote(request, reviewer, **options)
        for _ in range(2):
            assert vote(request, ANN, **good).status == "pending"
        assert vote(request, BO, **good).status == "approved"

    with reviewing(desk, decide):
        assert pay(form, gate, 1) == {"amount": 1}
    (request,) = requests_of(desk)
    assert history(desk, request) == ["submitted", "vote_recorded", "approved", "consumed", "outcome"]
    assert_sound(desk)


@pytest.mark.parametrize("form", FORMS)
def test_a_reviewers_no_is_no_denial_of_the_policy(form: str, gate: Gate, desk: BlockingStore) -> None:
    with reviewing(desk, lambda request: deny(desk, request, "No.")), pytest.raises(ApprovalDenied):
        pay(form, gate, 500, must_not_run)
    assert judged_without_asking(desk) == []
    assert value_of(desk) == 0


@pytest.mark.parametrize("form", FORMS)
def test_an_approved_call_is_counted_when_it_runs_and_not_while_it_waits(
    form: str, gate: Gate, desk: BlockingStore
) -> None:
    def decide(request: Request) -> None:
        assert value_of(desk) == 0
        approve(desk, request)

    with reviewing(desk, decide):
        assert pay(form, gate, 500, lambda call: value_of(desk)) == 500
    assert value_of(desk) == 500
    assert judged_without_asking(desk) == []


@pytest.mark.parametrize("form", FORMS)
def test_an_approved_call_for_which_there_is_no_room_does_not_run_and_keeps_its_approval(
    form: str, policy: PolicyFile, gate: Gate, desk: BlockingStore
) -> None:
    policy.write(PAY.replace("value: 5000", "value: 700"))

    def spend_and_approve(request: Request) -> None:
        with gate_of(desk.location, policy) as other:
            pay(BLOCKING, other, 50)
        approve(desk, request)

    with reviewing(desk, spend_and_approve) as came, pytest.raises(PolicyDenied) as caught:
        pay(form, gate, 700, must_not_run)
    assert (caught.value.rule, caught.value.reason) == ("daily spend", "Today's money is spent.")
    assert caught.value.request is not None
    assert caught.value.request.id == came[0].id
    request = desk.reviewer.get(came[0].id)
    assert request.status == "approved"
    assert history(desk, request) == ["submitted", "approved", "tool_call"]
    assert value_of(desk) == 50
    assert_sound(desk)


@pytest.mark.parametrize("form", FORMS)
def test_nobody_is_asked_for_what_a_limit_has_no_room_for(
    form: str, policy: PolicyFile, gate: Gate, desk: BlockingStore
) -> None:
    policy.write(PAY.replace("value: 5000", "value: 700"))
    with reviewing(desk, lambda request: approve(desk, request)):
        pay(form, gate, 500)
    with pytest.raises(PolicyDenied) as caught:
        pay(form, gate, 400, must_not_run)
    assert (caught.value.rule, caught.value.reason) == ("daily spend", "Today's money is spent.")
    assert caught.value.request is None
    assert desk.reviewer.list() == ()
    assert [each["verdict"] for each in details_of(desk, "tool_call")] == ["deny"]
    assert value_of(desk) == 500


@pytest.mark.parametrize("form", FORMS)
def test_after_an_edit_that_the_policy_refuses_the_agents_own_call_is_asked_anew(
    form: str, policy: PolicyFile, gate: Gate, desk: BlockingStore
) -> None:
    policy.write(TIERS)
    with reviewing(desk, lambda request: edit(desk, request, {"to": "ann"})), pytest.raises(PolicyDenied):
        use(form, gate, must_not_run, tool="pay", arguments={"amount": 90, "to": "ann"})
    with reviewing(desk, lambda request: approve(desk, request)):
        assert use(form, gate, arguments_of, tool="pay", arguments={"amount": 90, "to": "ann"})["amount"] == 90


# --- which policy ------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_without_a_policy_every_call_asks(form: str, store_path: str, desk: BlockingStore) -> None:
    with new_gate(store_path) as gate, pytest.raises(ApprovalPending) as caught:
        use(form, gate, must_not_run, wait=False)
    request = caught.value.request
    assert (request.rule_hash, request.requirements, request.risk) == (None, Requirements(), None)
    assert judged_without_asking(desk) == []


def test_the_policy_is_the_given_one_then_the_environments_then_the_configurations(
    store_path: str, tmp_path: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = {"given": "hide: [given]", "environment": "hide: [environment]", "configured": "hide: [configured]"}
    files = {name: policy_file(tmp_path / name, text) for name, text in texts.items()}
    config = tmp_path / "config.yaml"
    config.write_text(f"policy: {files['configured'].path}\n")

    def hides(**options: Any) -> list[str]:
        with new_gate(store_path, config=str(config), **options) as gate:
            found = []
            for name in texts:
                try:
                    use(BLOCKING, gate, arguments_of, tool=name, wait=False)
                except PolicyDenied:
                    found.append(name)
            return found

    assert hides() == ["configured"]
    monkeypatch.setenv("APPROVAL_TUI_POLICY", files["environment"].path)
    assert hides() == ["environment"]
    assert hides(policy=files["given"].path) == ["given"]
    monkeypatch.chdir(tmp_path / "given" / "policies")
    assert hides(policy="policy.yaml") == ["given"]
    monkeypatch.setenv("HOME", str(tmp_path / "given"))
    assert hides(policy="~/policies/policy.yaml") == ["given"]


@pytest.mark.parametrize("form", FORMS)
def test_an_empty_path_is_a_slip_and_nothing_runs(form: str, store_path: str) -> None:
    with new_gate(store_path, policy="") as gate, pytest.raises(InvalidInput, match="path is empty"):
        use(form, gate, must_not_run)


# --- policies that cannot be used --------------------------------------------------------------


def spoil(policy: PolicyFile, how: str) -> str:
    """Makes the policy one that cannot be used; gives what the error must say."""
    path = Path(policy.path)
    if how == "invalid":
        policy.write(BROKEN)
        return f"{path}:2:10: default: must be allow, deny or require_approval, not 'maybe'"
    path.unlink()
    if how == "missing":
        return f"{path}: cannot be read: No such file"
    if how == "a folder":
        path.mkdir()
        return f"{path}: cannot be read: Is a directory"
    content = {
        "too large": b"#" * (1024 * 1024 + 1),
        "not UTF-8": b'version: "1"\ndescription: "\xff"',
        "empty": b"",
        "not YAML": b'version: "1"\ntools: {',
        "endless": b"",
    }[how]
    if how == "endless":
        path.symlink_to("/dev/zero")
    else:
        path.write_bytes(content)
    return {
        "too large": f"{path}: has more than 1,048,576 bytes",
        "not UTF-8": f"{path}: is not UTF-8: invalid start byte at byte 27",
        "empty": f"{path}:1:1: the file is empty",
        "not YAML": f"{path}:2:9: not YAML",
        "endless": f"{path}: has more than 1,048,576 bytes",
    }[how]


SPOILT = ["missing", "invalid", "a folder", "too large", "not UTF-8", "empty", "not YAML", "endless"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("how", SPOILT)
def test_with_a_policy_that_cannot_be_used_nothing_runs_and_the_error_says_where(
    form: str, how: str, policy: PolicyFile, gate: Gate, desk: BlockingStore
) -> None:
    expected = spoil(policy, how)
    for _ in range(2):
        with pytest.raises(PolicyError) as caught:
            use(form, gate, must_not_run)
        assert expected in str(caught.value)
        assert "No call may run on it." in str(caught.value)
    with pytest.raises(PolicyError):
        gate.submit_blocking("pay", {"amount": 1})
    assert requests_of(desk) == []
    assert judged_without_asking(desk) == []


@pytest.mark.parametrize("how", ["missing", "invalid", "a folder"])
def test_once_the_policy_is_mended_the_same_gate_works(
    how: str, policy: PolicyFile, gate: Gate, desk: BlockingStore
) -> None:
    spoil(policy, how)
    with pytest.raises(PolicyError):
        pay(BLOCKING, gate, 1, must_not_run)
    if how == "a folder":
        Path(policy.path).rmdir()
    policy.write(PAY)

    def works() -> bool:
        try:
            return bool(pay(BLOCKING, gate, 1) == {"amount": 1})
        except PolicyError:
            return False

    until(works)
    assert value_of(desk) == 1


# --- hold --------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("hold", ["0", "100ms"])
def test_after_the_hold_the_caller_is_told_to_come_again_and_then_uses_the_approval_once(
    form: str, hold: str, policy: PolicyFile, gate: Gate, desk: BlockingStore
) -> None:
    policy.write(f"approvals: {{hold: {hold}}}\ndefault: require_approval")
    with pytest.raises(ApprovalPending) as caught:
        pay(form, gate, 1, must_not_run)
    request = caught.value.request
    assert request.status == "pending"
    with pytest.raises(ApprovalPending) as again:
        pay(form, gate, 1, must_not_run)
    assert again.value.request.id == request.id
    approve(desk, desk.reviewer.get(request.id))
    assert pay(form, gate, 1, lambda call: call.id) == request.id
    with pytest.raises(ApprovalPending) as third:
        pay(form, gate, 1, must_not_run)
    assert third.value.request.id != request.id
    assert_sound(desk)


@pytest.mark.parametrize("form", FORMS)
def test_who_decides_within_the_hold_is_waited_for(
    form: str, policy: PolicyFile, gate: Gate, desk: BlockingStore
) -> None:
    policy.write(f"default: require_approval\napprovals: {{hold: {MINUTE // SECOND}s}}")
    with reviewing(desk, lambda request: approve(desk, request)):
        assert pay(form, gate, 1) == {"amount": 1}


# --- edits -------------------------------------------------------------------------------------

TIERS = """
    tools:
      pay:
        rules:
          - {name: ask, action: require_approval, conditions: [{path: args.amount, op: gt, value: 10}]}
          - name: ask two
            action: require_approval
            quorum: 2
            conditions: [{path: args.amount, op: gt, value: 100}]
          - name: ask with care
            action: require_approval
            risk: high
            conditions: [{path: args.to, op: eq, value: abroad}]
          - {name: never, action: evaluate, conditions: [{path: args.amount, op: lte, value: 1000}], on_deny: Too much.}
          - name: spend
            action: evaluate
            conditions: [{path: state.pay.spend, op: lte, value: 5000}]
            state: {counter: spend, window: day, increment_from: args.amount}
    """


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("amount", [20, 5], ids=["that ask no more", "that are allowed"])
def test_edited_arguments_run_and_are_those_that_count(
    form: str, amount: int, policy: PolicyFile, gate: Gate, desk: BlockingStore
) -> None:
    policy.write(TIERS)
    edited = {"amount": amount, "to": "ann"}
    with reviewing(desk, lambda request: edit(desk, request, edited)):
        assert use(form, gate, arguments_of, tool="pay", arguments={"amount": 90, "to": "ann"}) == edited
    assert value_of(desk) == amount
    assert_sound(desk)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("edited", "rule", "reason"),
    [
        ({"amount": 1001, "to": "ann"}, "never", "Too much."),
        ({"amount": -1, "to": "ann"}, "spend", None),
        ({"amount": 500, "to": "ann"}, "ask", "need an approval that this request did not ask for"),
        ({"amount": 20, "to": "abroad"}, "ask", "need an approval that this request did not ask for"),
        ({"to": "ann"}, "never", "Too much."),
    ],
    ids=["denied", "not to be counted", "for two reviewers", "of a higher risk", "without an amount"],
)
def test_edited_arguments_that_the_policy_does_not_let_run_on_this_approval_are_refused_and_recorded(
    form: str,
    edited: dict[str, Any],
    rule: str,
    reason: str | None,
    policy: PolicyFile,
    gate: Gate,
    desk: BlockingStore,
) -> None:
    policy.write(TIERS)
    with reviewing(desk, lambda request: edit(desk, request, edited)) as came, pytest.raises(PolicyDenied) as caught:
        use(form, gate, must_not_run, tool="pay", arguments={"amount": 90, "to": "ann"})
    assert caught.value.rule == rule
    assert reason is None or reason in caught.value.reason
    assert caught.value.request is not None
    assert caught.value.request.id == came[0].id
    request = desk.reviewer.get(came[0].id)
    assert request.status == "cancelled"  # so that the agent's own call can be asked anew
    assert history(desk, request) == ["submitted", "edited", "approved", "tool_call", "cancelled"]
    (said,) = details_of(desk, "tool_call")
    assert (said["verdict"], said["rule"], said["tool"], said["arguments"]) == ("deny", rule, "pay", None)
    assert value_of(desk) == 0
    assert_sound(desk)


@pytest.mark.parametrize("form", FORMS)
def test_an_edit_within_a_stricter_approval_runs(
    form: str, policy: PolicyFile, gate: Gate, desk: BlockingStore
) -> None:
    policy.write(TIERS)

    def decide(request: Request) -> None:
        edited = edit(desk, request, {"amount": 400, "to": "ann"})
        assert edited.status == "pending"
        approve(desk, edited, BO)

    with reviewing(desk, decide):
        assert use(form, gate, arguments_of, tool="pay", arguments={"amount": 500, "to": "ann"})["amount"] == 400
    assert value_of(desk) == 400


# --- counters of calls that did not run --------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("amount", [50, 500], ids=["allowed", "approved"])
@pytest.mark.parametrize("raises", [False, True], ids=["ended", "raised"])
def test_what_a_call_counted_that_did_not_run_is_given_back(
    form: str, amount: int, raises: bool, gate: Gate, desk: BlockingStore
) -> None:
    def body(call: GuardedCall) -> None:
        assert value_of(desk) == amount
        call.did_not_run()
        if raises:
            raise LookupError("the host is down")

    def run() -> None:
        if raises:
            with pytest.raises(LookupError):
                pay(form, gate, amount, body)
        else:
            pay(form, gate, amount, body)

    if amount > 100:
        with reviewing(desk, lambda request: approve(desk, request)):
            run()
    else:
        run()
        assert len(details_of(desk, "tool_call_not_run")) == 1
    assert value_of(desk) == 0
    assert_sound(desk)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("amount", [50, 500], ids=["allowed", "approved"])
@pytest.mark.parametrize("error", [LookupError("x"), KeyboardInterrupt(), SystemExit(1)], ids=repr)
def test_what_a_call_counted_that_raised_stays_counted(
    form: str, amount: int, error: BaseException, gate: Gate, desk: BlockingStore
) -> None:
    if amount > 100:
        with reviewing(desk, lambda request: approve(desk, request)), pytest.raises(type(error)):
            pay(form, gate, amount, raising(error))
    else:
        with pytest.raises(type(error)):
            pay(form, gate, amount, raising(error))
    assert value_of(desk) == amount
    assert details_of(desk, "tool_call_not_run") == []


def test_an_allowed_call_that_cannot_say_that_it_did_not_run_stays_counted_and_raises_nothing(
    store_path: str, gate: Gate, desk: BlockingStore, caplog: pytest.LogCaptureFixture
) -> None:
    def body(call: GuardedCall) -> None:
        call.did_not_run()
        assert gate._stores._blocking is not None
        gate._stores._blocking.close()

    pay(BLOCKING, gate, 50, body)
    assert "the outcome not_run of an allowed call was not recorded" in caplog.text
    assert value_of(desk) == 50


# --- submitting --------------------------------------------------------------------------------


def submit(form: str, gate: Gate, amount: int) -> Request:
    if form == BLOCKING:
        return gate.submit_blocking("pay", {"amount": amount})

    async def run() -> Request:
        async with gate:
            return await gate.submit("pay", {"amount": amount})

    return asyncio.run(run())


@pytest.mark.parametrize("form", FORMS)
def test_submitting_asks_even_for_what_is_allowed_and_refuses_what_is_denied(
    form: str, gate: Gate, desk: BlockingStore
) -> None:
    assert submit(form, gate, 50).status == "pending"
    asked = submit(form, gate, 500)
    assert asked.rule_hash is not None
    with pytest.raises(PolicyDenied) as caught:
        submit(form, gate, 5000)
    assert caught.value.request is None
    assert len(requests_of(desk)) == 2
    assert judged_without_asking(desk) == [("deny", "never so much")]
    assert value_of(desk) == 0
    approve(desk, asked)
    assert pay(form, gate, 500, lambda call: call.id, wait=False) == asked.id
    assert pay(form, gate, 50, lambda call: call.id) is None


# --- the decorator -----------------------------------------------------------------------------


def test_a_decorated_function_goes_by_the_policy(policy: PolicyFile, gate: Gate, desk: BlockingStore) -> None:
    ran: list[tuple[str, int]] = []

    @gate.requires_approval(tool="pay")
    def spend(to: str, amount: int = 10) -> int:
        ran.append((to, amount))
        return amount

    assert spend("ann") == 10
    with reviewing(desk, lambda request: edit(desk, request, {"to": "bo", "amount": 300})):
        assert spend("ann", 500) == 300
    with pytest.raises(PolicyDenied):
        spend("ann", amount=5000)
    assert ran == [("ann", 10), ("bo", 300)]
    assert value_of(desk) == 310


async def test_a_decorated_coroutine_goes_by_the_policy(
    store_path: str, policy: PolicyFile, desk: BlockingStore
) -> None:
    async with gate_of(store_path, policy) as gate:

        @gate.requires_approval
        async def pay(amount: int) -> int:
            return amount

        assert await pay(10) == 10
        with pytest.raises(PolicyDenied):
            await pay(5000)
        async with gate.guard("pay", {"amount": 20}) as call:
            call.did_not_run()
    assert value_of(desk) == 10
    assert value_of(desk, Counter("other", SPEND.window)) == 0


def test_a_function_that_does_not_take_the_edited_arguments_is_not_called_and_counts_nothing(
    gate: Gate, desk: BlockingStore
) -> None:
    @gate.requires_approval(tool="pay")
    def spend(amount: int) -> None:
        raise AssertionError("called")

    with (
        reviewing(desk, lambda request: edit(desk, request, {"amount": 300, "to": "bo"})),
        pytest.raises(InvalidInput, match="does not take"),
    ):
        spend(500)
    assert value_of(desk) == 0


# --- several policies --------------------------------------------------------------------------


def test_gates_of_one_store_share_their_counters(store_path: str, policy: PolicyFile, desk: BlockingStore) -> None:
    policy.write("tools: {pay: {rules: [{name: three, rate_limit: 3/day}]}}")
    gates = [gate_of(store_path, policy, session=f"run-{number}") for number in range(3)]
    for gate in gates:
        pay(BLOCKING, gate, 1)
    for gate in gates:
        with gate, pytest.raises(PolicyDenied):
            pay(BLOCKING, gate, 1, must_not_run)


def test_an_open_policy_records_what_it_lets_through(policy: PolicyFile, gate: Gate, desk: BlockingStore) -> None:
    policy.write(ALLOW_ALL)
    for number in range(3):
        use(BLOCKING, gate, arguments_of, tool=f"tool-{number}")
    assert [each["tool"] for each in details_of(desk, "tool_call")] == ["tool-0", "tool-1", "tool-2"]
    assert_sound(desk)
