"""What a gate sends to a server and makes of each answer, without sockets: every exchange is a generator."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from time import monotonic
from typing import Any, TypeVar

import pytest

from approval_tui.domain import errors
from approval_tui.domain.attempts import DraftAttempt
from approval_tui.domain.calls import Call
from approval_tui.domain.clock import DAY, HOUR, MINUTE, SECOND
from approval_tui.domain.errors import StoreCorrupt, StoreUnavailable
from approval_tui.domain.http_names import KEY_HEADER, OWN_MEDIA_TYPE, uuid_of
from approval_tui.domain.models import Request
from approval_tui.domain.request_record import request_to_record
from approval_tui.remote import exchanges, operations
from approval_tui.remote.exchanges import PATIENCE, Answering, Exchange, Lost, Pause, Received, Sending, ask
from approval_tui.store.blocking import BlockingStore
from tests.support import ANN, ManualClock, approve, deny, submit

R = TypeVar("R")

CALL = Call(
    "shell", {"n": 1}, "bot", server="files", session="run-1", context={"c": 1}, reason="why", call_id="call-7",
    attempt=DraftAttempt(1, 3, None),
)  # fmt: skip


def answer(status: int, body: Any, **headers: str) -> Received:
    """An answer with that object; header names are given with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Received(status, named, json.dumps(body).encode())


def told(request: Request, **changes: Any) -> Received:
    """The answer that tells of the request, with these changes to its record."""
    return answer(200, {"request": {**request_to_record(request), **changes}})


def refused(status: int, code: str, request: Request | None = None, **more: Any) -> Received:
    """The answer that refuses."""
    named = {} if request is None else {"request": request_to_record(request)}
    return answer(status, {"error": {"code": code, "message": "It says why.", **named, **more}})


def run(exchange: Exchange[R], *answers: Received | Lost) -> tuple[R, list[Sending]]:
    """What the exchange gives with these answers, and what it sent for each; pauses take no time."""
    left = list(answers)
    sent: list[Sending] = []
    step = next(exchange)
    while True:
        try:
            if isinstance(step, Pause):
                step = exchange.send(None)  # type: ignore[arg-type]
                continue
            sent.append(step)
            given = left.pop(0)
            step = exchange.throw(given) if isinstance(given, Lost) else exchange.send(given)
        except StopIteration as end:
            assert left == []
            return end.value, sent


def pauses(exchange: Exchange[Any], given: Received | Lost, most: int) -> list[float]:
    """The pauses of an exchange that gets nothing but this, at most so many; each comes before it sends again."""
    found: list[float] = []
    step = next(exchange)
    while len(found) < most:
        assert isinstance(step, Sending)
        try:
            pause = exchange.throw(given) if isinstance(given, Lost) else exchange.send(given)
        except StoreUnavailable:
            break
        assert isinstance(pause, Pause)
        found.append(pause.seconds)
        step = exchange.send(None)  # type: ignore[arg-type]
    return found


@pytest.fixture
def asked(store: BlockingStore) -> Request:
    return submit(store, CALL)


# --- sending -----------------------------------------------------------------------------------


def test_what_is_sent_says_what_it_is_and_which_answer_it_can_read() -> None:
    plain, with_body = next(ask("GET", "/x")), next(ask("POST", "/x", {"a": 1.0}, headers={"K": "v"}))
    assert plain == Sending("GET", "/x", {"Accept": OWN_MEDIA_TYPE, "Accept-Encoding": "identity"}, None, 10.0)
    kinds = {
        "Accept": OWN_MEDIA_TYPE, "Accept-Encoding": "identity", "Content-Type": OWN_MEDIA_TYPE, "K": "v"
    }  # fmt: skip
    assert with_body == Sending("POST", "/x", kinds, b'{"a":1.0}', 10.0)
    held = next(ask("GET", "/x", held=30.0))
    assert isinstance(held, Sending)
    assert held.seconds > 30.0


@pytest.mark.parametrize("given", [Lost("gone"), *(refused(status, "busy") for status in (429, 502, 503, 504))])
def test_what_got_no_answer_is_sent_again_just_as_it_was_after_longer_and_longer_pauses(given: Received | Lost) -> None:
    assert pauses(ask("GET", "/x"), given, 7) == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]
    result, sent = run(ask("POST", "/x", {"a": 1}, headers={KEY_HEADER: "k"}), given, given, answer(200, {"b": 2}))
    assert result == {"b": 2}
    assert sent == [sent[0]] * 3


@pytest.mark.parametrize(
    ("said", "first"),
    [("5", 5.0), ("0", 0.1), ("29", 29.0), ("-5", 0.1), ("1.5", 0.1), ("soon", 0.1), ("٣", 0.1), ("²", 0.1), ("", 0.1)],
)
def test_a_server_says_when_to_come_back(said: str, first: float) -> None:
    assert pauses(ask("GET", "/x"), answer(503, {}, retry_after=said), 1) == [first]


@pytest.mark.parametrize("said", ["31", "9" * 400])
def test_a_server_does_not_make_a_call_wait_for_longer_than_it_would(said: str) -> None:
    assert pauses(ask("GET", "/x"), answer(503, {}, retry_after=said), 1) == []


def test_a_server_is_asked_again_now_and_then_whatever_it_says() -> None:
    asking = ask("GET", "/x", until=monotonic() + 7200)
    assert pauses(asking, answer(503, {}, retry_after="3600"), 1) == [PATIENCE]


def test_nothing_is_sent_when_its_time_would_be_over() -> None:
    assert pauses(ask("GET", "/x", until=0.0), Lost("gone"), 1) == []
    with pytest.raises(StoreUnavailable, match="gone"):
        run(ask("GET", "/x", until=0.0), Lost("gone"))
    assert PATIENCE == 30.0


# --- refusals ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "invalid_request", errors.InvalidInput),
        (413, "body_too_large", errors.InvalidInput),
        (415, "unsupported_media_type", errors.InvalidInput),
        (401, "invalid_token", StoreUnavailable),
        (403, "wrong_role", StoreUnavailable),
        (404, "not_found", errors.RequestNotFound),
        (405, "method_not_allowed", StoreUnavailable),
        (408, "body_too_slow", StoreUnavailable),
        (500, "internal", StoreUnavailable),
        (302, "", StoreUnavailable),
        (204, "", StoreUnavailable),
        (409, "already_consumed", errors.StatusConflict),
        (409, "not_approved", errors.StatusConflict),
        (409, "unheard_of", errors.StatusConflict),
        (409, "claim_in_doubt", errors.ClaimInDoubt),
        (409, "claim_invalid", errors.ClaimInvalid),
        (409, "outcome_conflict", errors.ClaimInvalid),
        (409, "digest_changed", errors.RequestChanged),
        (409, "idempotency_conflict", errors.KeyReused),
        (409, "policy_denied", errors.PolicyDenied),
        (409, "rules_changed", errors.RulesChanged),
    ],
)
def test_every_refusal_is_the_error_that_the_store_itself_would_raise(
    asked: Request, status: int, code: str, kind: type[errors.ApprovalTuiError]
) -> None:
    with pytest.raises(errors.ApprovalTuiError) as caught:
        run(ask("GET", "/x"), refused(status, code, asked, rule="no-drop", reason="Never"))
    assert type(caught.value) is kind
    if status == 409:
        assert caught.value.request == asked  # type: ignore[attr-defined]
    if status not in (404, 409):
        assert "It says why." in str(caught.value)
    assert ("refuses the token" in str(caught.value)) == (status in (401, 403))
    if isinstance(caught.value, errors.PolicyDenied):
        assert (caught.value.rule, caught.value.reason) == ("no-drop", "Never")


@pytest.mark.parametrize("code", ["policy_denied", "rules_changed", "claim_in_doubt"])
def test_a_refusal_without_its_request_is_one_all_the_same(code: str) -> None:
    with pytest.raises(errors.Conflict):
        run(ask("GET", "/x"), refused(409, code))


@pytest.mark.parametrize("body", [[], "x", None, 5, {"error": {"request": {}}}, {"error": {"request": 5}}], ids=str)
@pytest.mark.parametrize("status", [200, 409, 500])
def test_what_no_server_of_ours_says_lets_nothing_run(status: int, body: Any) -> None:
    with pytest.raises(StoreUnavailable):
        run(operations.get("apr_" + "0" * 32), answer(status, body))


@pytest.mark.parametrize("body", [{}, {"error": "denied"}, {"error": None}, {"error": []}], ids=str)
def test_a_refusal_that_says_nothing_lets_nothing_run(body: Any) -> None:
    with pytest.raises(errors.Conflict):
        run(ask("GET", "/x"), answer(409, body))


@pytest.mark.parametrize(
    "change",
    [
        {"arguments_text": "{"}, {"arguments_text": "[1"}, {"context_text": "x"}, {"decisions_text": "{"},
        {"edited_arguments_text": "{"}, {"status": "allowed"}, {"version": "1"},
    ],
    ids=str,
)  # fmt: skip
def test_a_request_that_cannot_be_read_is_none(asked: Request, change: dict[str, Any]) -> None:
    with pytest.raises(StoreCorrupt, match="The server's answer cannot be used"):
        run(operations.get(asked.id), told(asked, **change))


# --- submit ------------------------------------------------------------------------------------


def test_a_submission_holds_all_that_the_call_says(asked: Request) -> None:
    submitted, (sending,) = run(operations.submit(CALL), told(asked))
    assert (submitted.request, submitted.created) == (asked, False)
    assert (sending.method, sending.path) == ("POST", "/v1/requests")
    assert sending.headers[KEY_HEADER].startswith("sub_")
    assert sending.body is not None
    assert json.loads(sending.body) == {
        "tool": "shell",
        "arguments": {"n": 1},
        "timeout": f"{CALL.timeout // MINUTE}m",
        "context": {"c": 1},
        "server": "files",
        "agent_reasoning": "why",
        "session": "run-1",
        "call_id": "call-7",
        "attempt": {"number": 1, "most": 3, "previous": None},
    }


def test_every_submission_has_a_key_of_its_own(asked: Request) -> None:
    keys = {run(operations.submit(CALL), told(asked))[1][0].headers[KEY_HEADER] for _ in range(3)}
    assert len(keys) == 3


@pytest.mark.parametrize("said", [True, False, None, 1, "true"])
def test_only_what_the_server_made_is_new(asked: Request, said: Any) -> None:
    body = {"request": request_to_record(asked), "created": said}
    assert run(operations.submit(CALL), answer(201, body))[0].created is (said is True)


@pytest.mark.parametrize(
    ("timeout", "longest", "said"),
    [
        (HOUR, None, "1h"), (DAY, None, "24h"), (90 * MINUTE, None, "90m"), (90 * SECOND, None, "90s"),
        (1, None, "1s"), (1999, None, "1s"), (HOUR, 90 * SECOND, "90s"), (MINUTE, HOUR, "1m"),
    ],
)  # fmt: skip
def test_a_person_has_as_long_as_the_call_says_and_no_longer(
    store: BlockingStore, timeout: int, longest: int | None, said: str
) -> None:
    call = Call("shell", {"n": 1}, "bot", timeout=timeout, longest_timeout=longest)
    _, (sending,) = run(operations.submit(call), told(submit(store, call)))
    assert json.loads(sending.body or b"")["timeout"] == said


@pytest.mark.parametrize(
    "other",
    [
        Call("shell", {"n": 2}, "bot", server="files", context={"c": 1}),
        Call("shell", {"n": 1}, "bot", server="other", context={"c": 1}),
        Call("drop", {"n": 1}, "bot", server="files", context={"c": 1}),
        Call("shell", {"n": 1}, "bot", server="files", context={"c": 2}),
    ],
    ids=str,
)
def test_an_answer_about_another_call_is_refused(store: BlockingStore, other: Call) -> None:
    with pytest.raises(StoreCorrupt, match="another call"):
        run(operations.submit(CALL), told(approve(store, submit(store, other))))


def test_an_answer_whose_arguments_are_not_those_of_its_digest_is_refused(store: BlockingStore, asked: Request) -> None:
    usable = approve(store, asked)
    with pytest.raises(StoreCorrupt, match="another call"):
        run(operations.submit(CALL), told(usable, edited_arguments_text='{"n":2}'))
    with pytest.raises(StoreCorrupt, match="another call"):
        run(operations.submit(CALL), told(usable, digest="v1:sha256:" + "0" * 64))


# --- wait --------------------------------------------------------------------------------------


def path_of(request: Request, query: str = "") -> str:
    return f"/v1/requests/{uuid_of(request.id)}{query}"


def test_a_wait_is_held_by_the_server_as_long_as_it_may_be_until_somebody_decided(
    store: BlockingStore, asked: Request
) -> None:
    decided = deny(store, asked)
    found, sent = run(operations.wait(asked.id), told(asked), told(asked), told(decided))
    assert found == decided
    assert [(each.path, each.seconds) for each in sent] == [(path_of(asked, "?wait=30s"), 40.0)] * 3


def test_a_wait_is_held_for_no_longer_than_was_asked_for(asked: Request) -> None:
    waiting = operations.wait(asked.id, timeout=12_500)
    first = next(waiting)
    assert isinstance(first, Sending)
    assert first.path == path_of(asked, "?wait=12s")
    found, (only,) = run(operations.wait(asked.id, timeout=0), told(asked))
    assert (found, only.path) == (asked, path_of(asked))


def test_what_is_left_of_a_second_is_waited_for_here(asked: Request) -> None:
    waiting = operations.wait(asked.id, timeout=900)
    first = next(waiting)
    assert isinstance(first, Sending)
    assert first.path == path_of(asked)
    pause = waiting.send(told(asked))
    assert isinstance(pause, Pause)
    assert 0 < pause.seconds <= 0.9


def test_a_server_that_goes_away_is_waited_for_as_long_as_the_request_may_wait(
    asked: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "PATIENCE", 0.0)
    with pytest.raises(StoreUnavailable):
        run(operations.wait(asked.id), Lost("gone"))
    waiting = operations.wait(asked.id)
    next(waiting)
    assert waiting.send(told(asked)) == Pause(operations._AT_ONCE)  # for it was not held
    assert isinstance(next(waiting), Sending)
    assert isinstance(waiting.throw(Lost("gone")), Pause)  # it may wait for hours by this clock


def test_a_server_that_goes_away_is_waited_for_hardly_longer_than_was_asked_for(
    asked: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "_GRACE", 0.0)
    with pytest.raises(StoreUnavailable):
        run(operations.wait(asked.id, timeout=0), Lost("gone"))


# --- what may run ------------------------------------------------------------------------------


def claimable(request: Request, requester: str = "bot") -> Exchange[Request]:
    return operations.claimable(request.id, request.fingerprint, requester=requester)


def test_only_the_very_call_of_this_requester_that_is_approved_can_be_consumed(
    store: BlockingStore, asked: Request
) -> None:
    usable = approve(store, asked)
    assert run(claimable(usable), told(usable))[0] == usable
    with pytest.raises(errors.StatusConflict):
        run(claimable(usable), told(asked))
    with pytest.raises(errors.RequestChanged):
        run(claimable(usable, "eve"), told(usable))
    with pytest.raises(errors.RequestChanged):
        run(claimable(usable), told(usable, fingerprint="v1:sha256:" + "0" * 64))


def consume(request: Request, digest: str | None = None) -> Exchange[Any]:
    return operations.consume(
        request.id, request.fingerprint, requester="bot", claim_lifetime=1, claim_id="clm_1", digest=digest
    )


def consumed(store: BlockingStore, usable: Request) -> Request:
    """The request as the server tells it once the approval was taken."""
    return store.requester.consume(usable.id, usable.fingerprint, requester="bot").request


def test_a_claim_is_asked_for_with_its_id_as_the_key(store: BlockingStore, asked: Request) -> None:
    usable = approve(store, asked)
    taken = consumed(store, usable)
    claim, (sending,) = run(consume(usable, usable.digest), told(taken))
    assert (claim.id, claim.request, claim.arguments) == ("clm_1", taken, {"n": 1})
    assert (sending.method, sending.path, sending.body) == ("POST", path_of(usable, "/consume"), None)
    assert sending.headers[KEY_HEADER] == "clm_1"


def test_the_arguments_of_a_reviewer_are_what_a_claim_is_for(store: BlockingStore, asked: Request) -> None:
    edited = store.reviewer.decide(asked.id, "approve", reviewer=ANN, digest=asked.digest, edited_arguments={"n": 2})
    assert run(consume(edited), told(consumed(store, edited)))[0].arguments == {"n": 2}


@pytest.mark.parametrize(
    "lie",
    [
        {"status": "approved"},
        {"status": "pending"},
        {"status": "denied"},
        {"status": "expired"},
        {"status": "cancelled"},
        {"outcome": "succeeded"},
        {"outcome": "not_run"},
        {"in_doubt": True},
        {"decisions_text": "[]"},
    ],
    ids=str,
)
def test_only_an_answer_that_says_that_the_approval_was_taken_lets_the_call_run(
    store: BlockingStore, asked: Request, lie: dict[str, Any]
) -> None:
    taken = consumed(store, approve(store, asked))
    with pytest.raises(StoreCorrupt, match="approval was taken"):
        run(consume(taken, taken.digest), told(taken, **lie))


def test_a_denial_among_the_decisions_is_no_approval(store: BlockingStore, asked: Request) -> None:
    taken = consumed(store, approve(store, asked))
    denied = taken.decisions_text.replace('"verdict":"approve"', '"verdict":"deny"')
    other_digest = taken.decisions_text.replace(taken.digest, "v1:sha256:" + "0" * 64)
    for lie in (denied, other_digest):
        with pytest.raises(StoreCorrupt, match="approval was taken"):
            run(consume(taken), told(taken, decisions_text=lie))


def test_an_answer_about_another_request_is_no_answer(store: BlockingStore, asked: Request) -> None:
    other = approve(store, submit(store, Call("read_file", {"path": "harmless"}, "bot")))
    asked_of_it = [
        operations.get(asked.id),
        operations.wait(asked.id),
        operations.cancel(asked.id, requester="bot"),
        operations.report_outcome(asked.id, "clm_1", "succeeded"),
        operations.rollback(asked.id, "clm_1"),
        operations.give_up(asked.id, "clm_1", reason="no"),
    ]
    for exchange in asked_of_it:
        with pytest.raises(StoreCorrupt, match="another request"):
            run(exchange, told(other))
    with pytest.raises(StoreCorrupt, match="another request"):
        run(operations.get(asked.id), told(asked, risk="low"))


@pytest.mark.parametrize(
    "lie",
    [
        lambda other: {"id": other.id},
        lambda other: {"fingerprint": other.fingerprint},
        lambda other: {"digest": other.digest},
        lambda other: {"arguments_text": other.arguments_text},
        lambda other: {"edited_arguments_text": other.arguments_text},
        lambda other: {"arguments_text": other.arguments_text, "digest": other.digest},
        lambda other: request_to_record(other),
    ],
    ids=["id", "fingerprint", "digest", "arguments", "edited", "arguments and digest", "all"],
)
@pytest.mark.parametrize("names_digest", [True, False])
def test_what_may_run_is_what_was_approved_or_nothing(
    store: BlockingStore, asked: Request, names_digest: bool, lie: Callable[[Request], dict[str, Any]]
) -> None:
    usable = approve(store, asked)
    taken = consumed(store, usable)
    other = consumed(store, approve(store, submit(store, Call("shell", {"n": 2}, "bot"))))
    with pytest.raises(StoreCorrupt, match=r"not what was approved|another request"):
        run(consume(usable, usable.digest if names_digest else None), told(taken, **lie(other)))


def test_another_request_of_the_very_call_is_not_the_one_that_runs(
    store: BlockingStore, asked: Request, clock: ManualClock
) -> None:
    clock.move(1)
    other = approve(store, submit(store, dataclasses.replace(CALL, dedupe_window=0)))
    assert other.fingerprint == asked.fingerprint
    with pytest.raises(StoreCorrupt, match="another request"):
        run(consume(asked), told(other))


def test_a_digest_that_was_judged_is_the_one_that_runs(store: BlockingStore, asked: Request) -> None:
    edited = store.reviewer.decide(asked.id, "approve", reviewer=ANN, digest=asked.digest, edited_arguments={"n": 2})
    with pytest.raises(StoreCorrupt, match="not what was approved"):
        run(consume(asked, asked.digest), told(edited))


# --- what became of it -------------------------------------------------------------------------


@pytest.mark.parametrize("detail", [None, "", "exit 1"])
def test_an_end_is_told_with_the_claim_and_with_what_is_said_of_it(asked: Request, detail: str | None) -> None:
    note = {} if detail is None else {"note": detail}
    for exchange, path, body in (
        (operations.report_outcome(asked.id, "c", "failed", detail=detail), "/outcome", {"status": "failed"}),
        (operations.rollback(asked.id, "c", detail=detail), "/rollback", {"withdraw": False}),
    ):
        found, (sending,) = run(exchange, told(asked))
        assert found == asked
        assert (sending.method, sending.path) == ("POST", path_of(asked, path))
        assert json.loads(sending.body or b"") == {"claim": "c", **body, **note}


def test_what_is_given_up_is_given_back_and_withdrawn_in_one_step(asked: Request) -> None:
    _, (sending,) = run(operations.give_up(asked.id, "c", reason="of no use"), told(asked))
    assert sending.path == path_of(asked, "/rollback")
    assert json.loads(sending.body or b"") == {"claim": "c", "withdraw": True, "note": "of no use"}


def test_a_withdrawal_says_no_more_than_which_request(asked: Request) -> None:
    _, (sending,) = run(operations.cancel(asked.id, requester="bot", reason="private"), told(asked))
    assert (sending.method, sending.path, sending.body) == ("DELETE", path_of(asked), None)


def test_an_answer_without_an_end_and_one_that_dribbles_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchanges, "MOST_ANSWERED", 10)
    sending = Sending("GET", "/x", {}, None, 10.0)
    endless = Answering(sending)
    endless.take(b"0123456789")
    with pytest.raises(Lost, match="more than 10 bytes"):
        endless.take(b"0")
    with pytest.raises(Lost, match="in time"):
        Answering(sending._replace(seconds=-1.0)).take(b"0")
    whole = Answering(sending)
    whole.take(b"01")
    whole.take(b"23")
    assert whole.whole() == b"0123"
