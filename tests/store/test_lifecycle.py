"""The life of a request: every command on a request in every state, with the events it writes (R1, R3)."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.errors import ClaimInDoubt, ClaimInvalid, Conflict, RequestChanged, StatusConflict
from approval_tui.domain.limits import DEFAULT_APPROVAL_LIFETIME, DEFAULT_CLAIM_LIFETIME, DEFAULT_TIMEOUT
from approval_tui.domain.models import Request
from approval_tui.store.blocking import BlockingStore
from tests.support import (
    ANN,
    BO,
    ManualClock,
    approve,
    assert_sound,
    consume,
    deny,
    event_names,
    submit,
    submit_approved,
)

NO_CLAIM = "clm_none"


class Life:
    """One request that is led into a state, and the claim on it if there is one."""

    def __init__(self, store: BlockingStore, clock: ManualClock, call: Call) -> None:
        self.store = store
        self.clock = clock
        self.call = call
        self.claim = NO_CLAIM
        self.request: Request

    def pending(self) -> None:
        self.request = submit(self.store, self.call)

    def overdue(self) -> None:
        self.pending()
        self.clock.move(DEFAULT_TIMEOUT)

    def approved(self) -> None:
        self.request = submit_approved(self.store, self.call)

    def approval_overdue(self) -> None:
        self.approved()
        self.clock.move(DEFAULT_APPROVAL_LIFETIME)

    def denied(self) -> None:
        self.pending()
        deny(self.store, self.request)

    def revoked(self) -> None:
        self.approved()
        self.store.reviewer.revoke(self.request.id, reviewer=ANN)

    def expired(self) -> None:
        self.pending()
        self.store.reviewer.expire(self.request.id, reviewer=ANN)

    def cancelled(self) -> None:
        self.pending()
        self.store.requester.cancel(self.request.id, requester=self.call.requester)

    def consumed(self) -> None:
        self.approved()
        self.claim = consume(self.store, self.request).id

    def ended(self) -> None:
        self.consumed()
        self.store.requester.report_outcome(self.request.id, self.claim, "succeeded")

    def in_doubt(self) -> None:
        self.consumed()
        self.clock.move(DEFAULT_CLAIM_LIFETIME)


#: What each state looks like to a reader.
STATES: dict[str, tuple[Callable[[Life], None], str]] = {
    "pending": (Life.pending, "pending"),
    "overdue": (Life.overdue, "expired"),
    "approved": (Life.approved, "approved"),
    "approval overdue": (Life.approval_overdue, "expired"),
    "denied": (Life.denied, "denied"),
    "revoked": (Life.revoked, "denied"),
    "expired": (Life.expired, "expired"),
    "cancelled": (Life.cancelled, "cancelled"),
    "consumed": (Life.consumed, "consumed"),
    "ended": (Life.ended, "consumed"),
    "in doubt": (Life.in_doubt, "consumed"),
}


def status_of_state(state: str) -> str:
    return STATES[state][1]


#: Bo, who decided nothing before, so that no command is a harmless repeat.
COMMANDS: dict[str, Callable[[Life], object]] = {
    "approve": lambda life: approve(life.store, life.request, BO),
    "deny": lambda life: deny(life.store, life.request, reviewer=BO),
    "revoke": lambda life: life.store.reviewer.revoke(life.request.id, reviewer=BO),
    "expire": lambda life: life.store.reviewer.expire(life.request.id, reviewer=BO),
    "cancel": lambda life: life.store.requester.cancel(life.request.id, requester=life.call.requester),
    "consume": lambda life: consume(life.store, life.request),
    "succeed": lambda life: life.store.requester.report_outcome(life.request.id, life.claim, "succeeded"),
    "fail": lambda life: life.store.requester.report_outcome(life.request.id, life.claim, "failed"),
    "roll back": lambda life: life.store.requester.rollback(life.request.id, life.claim),
    "report not run": lambda life: life.store.requester.report_outcome(life.request.id, life.claim, "not_run"),
    "resolve": lambda life: life.store.reviewer.resolve(life.request.id, "failed", reviewer=BO),
}

#: The status and the event of every command that a rule allows.
ALLOWED = {
    ("pending", "approve"): ("approved", "request_approved"),
    ("pending", "deny"): ("denied", "request_denied"),
    ("pending", "expire"): ("expired", "request_expired"),
    ("pending", "cancel"): ("cancelled", "request_cancelled"),
    ("overdue", "expire"): ("expired", "request_expired"),
    ("approved", "revoke"): ("denied", "request_revoked"),
    ("approved", "cancel"): ("cancelled", "request_cancelled"),
    ("approved", "consume"): ("consumed", "request_consumed"),
    ("approval overdue", "expire"): ("expired", "request_expired"),
    ("expired", "expire"): ("expired", None),
    ("consumed", "succeed"): ("consumed", "outcome_reported"),
    ("consumed", "fail"): ("consumed", "outcome_reported"),
    ("consumed", "roll back"): ("approved", "claim_rolled_back"),
    ("consumed", "report not run"): ("approved", "claim_rolled_back"),
    ("in doubt", "resolve"): ("consumed", "claim_resolved"),
}
OF_A_CLAIM = ("succeed", "fail", "roll back", "report not run")

#: Refusals that are no mere conflict of status.
OTHER_REFUSALS: dict[tuple[str, str], type[Conflict]] = {
    **{("ended", command): ClaimInvalid for command in OF_A_CLAIM},
    **{("in doubt", command): ClaimInDoubt for command in OF_A_CLAIM},
}


@pytest.fixture
def life(store: BlockingStore, clock: ManualClock, call: Call) -> Life:
    return Life(store, clock, call)


@pytest.mark.parametrize("state", STATES)
def test_a_state_reads_as_its_status(life: Life, state: str) -> None:
    reach, status = STATES[state]
    reach(life)
    request = life.store.reviewer.get(life.request.id)
    assert request.status == status
    assert request.in_doubt == (state == "in doubt")
    assert request.is_running == (state == "consumed")
    assert life.store.requester.get(life.request.id) == request


@pytest.mark.parametrize(("state", "command"), ALLOWED)
def test_an_allowed_command_changes_the_status_and_writes_its_event(life: Life, state: str, command: str) -> None:
    STATES[state][0](life)
    before = event_names(life.store, life.request)
    status, event = ALLOWED[state, command]
    COMMANDS[command](life)
    assert life.store.reviewer.get(life.request.id).status == status
    assert event_names(life.store, life.request) == [*before, *([event] if event else [])]
    assert_sound(life.store)


@pytest.mark.parametrize(
    ("state", "command"), [pair for pair in itertools.product(STATES, COMMANDS) if pair not in ALLOWED]
)
def test_any_other_command_is_refused_and_changes_nothing(life: Life, state: str, command: str) -> None:
    STATES[state][0](life)
    before = life.store.reviewer.get(life.request.id)
    log = event_names(life.store, life.request)
    with pytest.raises(Conflict) as caught:
        COMMANDS[command](life)
    assert type(caught.value) is OTHER_REFUSALS.get((state, command), StatusConflict)
    assert caught.value.not_done
    assert caught.value.to_do
    after = life.store.reviewer.get(life.request.id)
    assert after.status == before.status
    assert after.decisions == before.decisions
    assert after.outcome == before.outcome
    added = event_names(life.store, life.request)[len(log) :]
    # Whoever finds a request past its time may record that, and a late report and a late decision are kept.
    if command in ("approve", "deny") and status_of_state(state) in ("expired", "cancelled"):
        assert added in (["decision_made_late"], ["request_expired", "decision_made_late"])
    elif state in ("overdue", "approval overdue"):
        assert added in ([], ["request_expired"])
    elif state == "in doubt" and command in OF_A_CLAIM:
        assert added == ["outcome_reported_late"]
    else:
        assert added == []
        assert after == before
    assert_sound(life.store)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("approved", "already approved by ann at 2027-"),
        ("denied", "already denied by ann at 2027-"),
        ("expired", "expired since 2027-"),
        ("cancelled", "already cancelled at 2027-"),
        ("consumed", "already used at 2027-"),
        ("ended", "(outcome: succeeded)"),
        ("in doubt", "in doubt: no outcome came in time"),
    ],
)
def test_a_refused_decision_says_what_the_request_is_now(life: Life, state: str, words: str) -> None:
    STATES[state][0](life)
    with pytest.raises(StatusConflict) as caught:
        COMMANDS["deny"](life)
    assert words in caught.value.happened
    assert caught.value.not_done == "Your decision was not recorded."
    assert life.request.id in caught.value.to_do
    assert caught.value.request is not None
    assert caught.value.request.id == life.request.id


@pytest.mark.parametrize(
    "state", ["denied", "revoked", "expired", "overdue", "cancelled", "consumed", "ended", "in doubt"]
)
def test_what_was_refused_or_used_can_never_be_approved_again(life: Life, state: str) -> None:
    STATES[state][0](life)
    for reviewer in (ANN, BO):
        with pytest.raises(StatusConflict):
            approve(life.store, life.request, reviewer)
    with pytest.raises(StatusConflict):
        consume(life.store, life.request)
    assert_sound(life.store)


def test_a_request_is_expired_at_the_very_moment_and_not_before(life: Life) -> None:
    life.pending()
    life.clock.now = life.request.expires_at - 1
    assert life.store.reviewer.get(life.request.id).status == "pending"
    assert life.store.reviewer.overview().pending == 1
    life.clock.move(1)
    assert life.store.reviewer.get(life.request.id).status == "expired"
    assert life.store.reviewer.overview().pending == 0
    assert life.store.reviewer.list() == ()


def test_an_approval_can_be_used_until_the_very_moment_and_not_at_it(life: Life) -> None:
    life.approved()
    assert life.request.approval_expires_at is not None
    life.clock.now = life.request.approval_expires_at
    with pytest.raises(StatusConflict, match="expired since"):
        consume(life.store, life.request)
    # The refusal recorded the expiry, so that even a clock that jumps back does not give the approval back.
    life.clock.move(-1)
    with pytest.raises(StatusConflict):
        consume(life.store, life.request)
    assert event_names(life.store, life.request)[-1] == "request_expired"


def test_the_last_moment_of_an_approval_is_enough(life: Life) -> None:
    life.approved()
    assert life.request.approval_expires_at is not None
    life.clock.now = life.request.approval_expires_at - 1
    assert consume(life.store, life.request).request.status == "consumed"


def test_an_expiry_says_from_where_and_by_whom(life: Life) -> None:
    life.expired()
    event = life.store.reviewer.events(request_id=life.request.id)[-1]
    assert event.body["details"] == {
        "from": "pending",
        "by": {"reviewer": "ann", "via": "api", "os_user": None, "tty": None},
    }
    natural = submit(life.store, Call(tool="other", arguments={}, requester="build-bot"))
    life.clock.move(DEFAULT_TIMEOUT)
    life.store.reviewer.expire(natural.id, reviewer=ANN)
    event = life.store.reviewer.events(request_id=natural.id)[-1]
    assert event.body["details"] == {"from": "pending", "by": None}


def test_expire_due_records_all_that_is_past_its_time_and_only_that(store: BlockingStore, clock: ManualClock) -> None:
    def a_call(number: int, timeout: int) -> Call:
        return Call(tool="shell", arguments={"n": number}, requester="release-bot", timeout=timeout)

    overdue = [submit(store, a_call(number, 1000)) for number in range(450)]
    unused = submit_approved(store, a_call(1000, DEFAULT_TIMEOUT))
    clock.move(DEFAULT_APPROVAL_LIFETIME - 1)
    waiting = submit(store, a_call(1001, DEFAULT_TIMEOUT))
    used = submit_approved(store, a_call(1002, DEFAULT_TIMEOUT))
    consume(store, used)
    clock.move(1)
    assert store.reviewer.expire_due() == 451
    for request in (*overdue, unused):
        assert event_names(store, request)[-1] == "request_expired"
    assert store.reviewer.get(waiting.id).status == "pending"
    assert store.reviewer.get(used.id).status == "consumed"
    head = store.reviewer.head()
    assert store.reviewer.expire_due() == 0
    assert store.reviewer.head() == head
    assert_sound(store)


def test_only_the_requester_cancels(life: Life) -> None:
    life.pending()
    with pytest.raises(RequestChanged, match="belongs to the requester 'release-bot'"):
        life.store.requester.cancel(life.request.id, requester="build-bot")
    assert life.store.reviewer.get(life.request.id).status == "pending"
    life.store.requester.cancel(life.request.id, requester="release-bot", reason="no longer needed")
    event = life.store.reviewer.events(request_id=life.request.id)[-1]
    assert event.body["details"] == {"from": "pending", "reason": "no longer needed"}


def test_a_revocation_is_a_denial_with_its_reviewer_and_reason(life: Life) -> None:
    life.approved()
    revoked = life.store.reviewer.revoke(life.request.id, reviewer=BO, reason="wrong branch")
    assert [(each.verdict, each.reviewer, each.reason) for each in revoked.decisions] == [
        ("approve", "ann", None),
        ("deny", "bo", "wrong branch"),
    ]


def test_every_command_on_a_request_raises_its_version_by_one(life: Life) -> None:
    life.pending()
    versions = [life.request.version]
    for command in ("approve", "consume", "roll back", "consume", "succeed"):
        result = COMMANDS[command](life)
        life.claim = getattr(result, "id", life.claim) if command == "consume" else life.claim
        versions.append(life.store.reviewer.get(life.request.id).version)
    assert versions == [1, 2, 3, 4, 5, 6]


def test_the_event_holds_what_the_row_became(life: Life) -> None:
    life.approved()
    submitted, approved = life.store.reviewer.events(request_id=life.request.id)
    assert submitted.body["changes"]["status"] == "pending"
    assert submitted.body["changes"]["digest"] == life.request.digest
    assert submitted.body["details"] == {
        "tool": "shell",
        "server": None,
        "requester": "release-bot",
        "session": "run-1",
    }
    assert approved.body["changes"]["approval_expires_at"] == life.request.approval_expires_at
    assert (approved.name, approved.request_id, approved.at) == ("request_approved", life.request.id, life.clock.now)


def test_a_decision_that_comes_too_late_is_kept_with_all_that_it_said(life: Life) -> None:
    life.cancelled()
    with pytest.raises(StatusConflict, match="cancelled"):
        life.store.reviewer.decide(
            life.request.id, "approve", reviewer=BO, digest=life.request.digest, reason="it was fine"
        )
    event = life.store.reviewer.events(request_id=life.request.id)[-1]
    decision = event.body["details"]["decision"]
    assert event.name == "decision_made_late"
    assert (decision["verdict"], decision["reviewer"], decision["reason"]) == ("approve", BO.name, "it was fine")
    assert decision["digest"] == life.request.digest
    assert life.store.reviewer.get(life.request.id).status == "cancelled"
    assert_sound(life.store)
