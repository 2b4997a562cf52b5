"""approve on a real terminal (rule R9): all of it is shown, and only a typed yes is a yes."""

from __future__ import annotations

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.models import DENIAL, Request, Requirements
from approval_tui.store.blocking import BlockingStore
from tests.cli.running import on_terminal
from tests.support import ANN, deny, submit

QUESTION = "Type yes and press Enter"
QUESTION_OF_HIGH_RISK = "of HIGH RISK? Type the last 4 characters of its id and press Enter"
NOT_A_YES = [b"\n", b"y\n", b"no\n", b"YES\n", b"yes!\n", b"\x04", b"yes\x04\x04", b" \n", b"yess\n"]


def status(store: BlockingStore, request: Request) -> str:
    return store.reviewer.get(request.id).status


def approving(request: Request, *words: str) -> tuple[str, ...]:
    return ("approve", request.id, "--reviewer", "bo", *words)


def test_a_typed_yes_approves_what_was_shown(store: BlockingStore, request_: Request) -> None:
    with on_terminal(*approving(request_)) as terminal:
        terminal.until_shown(QUESTION)
        assert status(store, request_) == "pending"
        terminal.type(b"yes\n")
        assert terminal.ended() == 0
    assert f"{request_.id} approved" in terminal.output
    (decision,) = store.reviewer.get(request_.id).decisions
    assert (decision.reviewer, decision.digest, decision.via) == ("bo", request_.digest, "cli")
    assert decision.tty is not None
    assert decision.tty.startswith("/dev/")


@pytest.mark.parametrize("answer", NOT_A_YES, ids=repr)
def test_anything_else_leaves_it_undecided(store: BlockingStore, request_: Request, answer: bytes) -> None:
    with on_terminal(*approving(request_)) as terminal:
        terminal.until_shown(QUESTION)
        terminal.type(answer)
        assert terminal.ended() == 130
    assert "Nothing was decided" in terminal.output
    assert status(store, request_) == "pending"


def test_control_c_leaves_it_undecided(store: BlockingStore, request_: Request) -> None:
    with on_terminal(*approving(request_)) as terminal:
        terminal.until_shown(QUESTION)
        terminal.type(b"\x03")
        assert terminal.ended() == 130
    assert status(store, request_) == "pending"


def test_what_was_typed_before_the_question_is_not_its_answer(store: BlockingStore, request_: Request) -> None:
    with on_terminal(*approving(request_), typed_before=b"yes\nyes\n") as terminal:
        terminal.until_shown(QUESTION)
        terminal.type(b"\n")
        assert terminal.ended() == 130
    assert status(store, request_) == "pending"


def test_everything_is_shown_secrets_too(store: BlockingStore) -> None:
    lines = "\n".join(f"line {number}" for number in range(300))
    arguments = {"script": lines, "token": "a secret \u202eword", "nested": {"deep": [1, {"deeper": "x" * 500}]}}
    request = submit(store, Call("shell", arguments, "release-bot", reason="trust me", risk="high"))
    with on_terminal(*approving(request)) as terminal:
        terminal.until_shown(QUESTION_OF_HIGH_RISK)
        terminal.type(b"no\n")
        terminal.ended()
    shown = terminal.output.replace("\n", "").replace("  \u21b3 ", "").replace(" ", "")
    for text in ("line 0", "line 299", "a secret \\u{202E}word", "x" * 100, "trust me", "HIGH", request.digest):
        assert text.replace(" ", "") in shown
    assert terminal.output.count("\u2502 line ") == 300


def test_an_edit_is_shown_before_the_question(store: BlockingStore, request_: Request) -> None:
    with on_terminal(*approving(request_, "--edit", '{"command": "make dry-run"}')) as terminal:
        terminal.until_shown(QUESTION)
        assert "make deploy" in terminal.output
        assert "make dry-run" in terminal.output
        terminal.type(b"yes\n")
        assert terminal.ended() == 0
    assert store.reviewer.get(request_.id).effective_arguments == {"command": "make dry-run"}


def test_what_an_edit_changes_is_shown_and_that_its_agent_could_not_run_it(store: BlockingStore) -> None:
    call = Call("spawn", {"n": 1, "kept": True}, "codex", edit_taken_as=DENIAL)
    request = submit(store, call)
    with on_terminal(*approving(request, "--edit", '{"n": 2, "kept": true}')) as terminal:
        terminal.until_shown(QUESTION)
        terminal.type(b"yes\n")
        assert terminal.ended() == 0
    shown = " ".join(terminal.output.split())
    assert "what your edit changes (- was, + is): - n: 1 + n: 2 kept: true" in shown
    assert (
        "This agent says that it cannot run other arguments: your edit reaches it as a denial that names them." in shown
    )
    assert store.reviewer.get(request.id).edited_arguments == {"n": 2, "kept": True}


def test_what_somebody_else_decided_meanwhile_stands(store: BlockingStore, request_: Request) -> None:
    with on_terminal(*approving(request_)) as terminal:
        terminal.until_shown(QUESTION)
        deny(store, request_)
        terminal.type(b"yes\n")
        assert terminal.ended() == 4
    assert "already denied by ann" in terminal.output


def test_what_was_edited_meanwhile_is_not_approved(store: BlockingStore) -> None:
    request = submit(store, Call("pay", {"amount": 1}, "bot", requirements=Requirements(quorum=2)))
    with on_terminal(*approving(request)) as terminal:
        terminal.until_shown(QUESTION)
        store.reviewer.decide(
            request.id, "approve", reviewer=ANN, digest=request.digest, edited_arguments={"amount": 1000}
        )
        terminal.type(b"yes\n")
        assert terminal.ended() == 4
    assert "not what you looked at" in terminal.output
    assert [each.reviewer for each in store.reviewer.get(request.id).decisions] == ["ann"]


def test_with_the_digest_nothing_is_asked(store: BlockingStore, request_: Request) -> None:
    with on_terminal(*approving(request_, "--digest", request_.digest)) as terminal:
        assert terminal.ended() == 0
    assert QUESTION not in terminal.output
    assert status(store, request_) == "approved"


def test_a_request_that_does_not_wait_is_not_asked_about(store: BlockingStore, request_: Request) -> None:
    deny(store, request_)
    with on_terminal(*approving(request_)) as terminal:
        assert terminal.ended() == 4
    assert QUESTION not in terminal.output


def test_a_closed_terminal_decides_nothing(store: BlockingStore, request_: Request) -> None:
    with on_terminal(*approving(request_)) as terminal:
        terminal.until_shown(QUESTION)
        terminal.hang_up()
        assert terminal.ended() != 0
    assert status(store, request_) == "pending"


def test_a_dumb_terminal_gets_the_list(store: BlockingStore, request_: Request) -> None:
    with on_terminal(TERM="dumb") as terminal:
        assert terminal.ended() == 0
    assert request_.id in terminal.output
    assert "The console needs a terminal" in terminal.output


# --- high risk ---------------------------------------------------------------------------------


@pytest.fixture
def risky(store: BlockingStore) -> Request:
    return submit(store, Call("shell", {"command": "make deploy"}, "release-bot", risk="high"))


def test_a_call_of_high_risk_is_approved_with_the_end_of_its_id(store: BlockingStore, risky: Request) -> None:
    with on_terminal(*approving(risky)) as terminal:
        terminal.until_shown(QUESTION_OF_HIGH_RISK)
        assert risky.id in terminal.output
        terminal.type(f"{risky.id[-4:]}\n".encode())
        assert terminal.ended() == 0
    assert status(store, risky) == "approved"


@pytest.mark.parametrize("answer", [*NOT_A_YES, b"yes\n"], ids=repr)
def test_no_yes_approves_a_call_of_high_risk(store: BlockingStore, risky: Request, answer: bytes) -> None:
    with on_terminal(*approving(risky)) as terminal:
        terminal.until_shown(QUESTION_OF_HIGH_RISK)
        terminal.type(answer)
        assert terminal.ended() == 130
    assert status(store, risky) == "pending"


def test_neither_the_whole_id_nor_less_of_it_nor_its_end_without_enter_approves(
    store: BlockingStore, risky: Request
) -> None:
    for answer in (f"{risky.id}\n", f"{risky.id[-3:]}\n", f"{risky.id[-4:]}\x04\x04"):
        with on_terminal(*approving(risky)) as terminal:
            terminal.until_shown(QUESTION_OF_HIGH_RISK)
            terminal.type(answer.encode())
            assert terminal.ended() == 130
    assert status(store, risky) == "pending"


def test_with_the_digest_nothing_is_asked_of_a_call_of_high_risk_either(store: BlockingStore, risky: Request) -> None:
    with on_terminal(*approving(risky, "--digest", risky.digest)) as terminal:
        assert terminal.ended() == 0
    assert status(store, risky) == "approved"


def test_the_end_of_its_id_approves_no_call_of_another_risk(store: BlockingStore, request_: Request) -> None:
    with on_terminal(*approving(request_)) as terminal:
        terminal.until_shown(QUESTION)
        terminal.type(f"{request_.id[-4:]}\n".encode())
        assert terminal.ended() == 130
    assert status(store, request_) == "pending"
