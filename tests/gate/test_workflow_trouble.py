"""Whatever goes wrong in a workflow, nothing runs that nobody approved, and the log says what became of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from approval_tui import ApprovalDenied, ApprovalExpired, Gate, NotApproved, PolicyDenied
from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.errors import InvalidInput, InvalidJson
from approval_tui.gate.workflow import ApprovalWorkflow
from approval_tui.gate.workflow_results import Validation
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from tests.gate.both_forms import BLOCKING, FORMS, history, new_gate, reviewing
from tests.gate.policies import edit
from tests.gate.workflows import DRAFT, OTHER_DRAFT, TASK, Part, drive, never, only_request, run
from tests.support import approve, assert_sound, deny


class OutOfOrder(Exception):
    pass


# --- answers that are none ---------------------------------------------------------------------

NONSENSE = [
    {"valid": True},
    {"is_valid": "false"},
    {"is_valid": "true"},
    {"is_valid": 1},
    {"is_valid": None},
    {},
    None,
    1,
    "yes",
    [True],
    OutOfOrder,
    {"is_valid": True, "issues": 3},
    {"is_valid": True, "issues": {"is_long": True}},
    {"is_valid": True, "score": "high"},
    {"is_valid": True, "score": True},
    Validation("no"),  # type: ignore[arg-type]
    Validation(True, 3),  # type: ignore[arg-type]
]


@pytest.mark.parametrize("form", FORMS)
def test_a_check_whose_answer_is_unclear_lets_nothing_pass(form: str, gate: Gate, desk: BlockingStore) -> None:
    for answer in NONSENSE:
        with pytest.raises(InvalidInput, match=r"^The draft's validation gave .*Nobody was asked"):
            run(form, gate, draft=Part(DRAFT), validate=Part(answer), execute=Part(never), max_retries=2)
    assert desk.reviewer.head() is None


@pytest.mark.parametrize("form", FORMS)
def test_a_check_whose_answer_to_an_edit_is_unclear_does_not_let_it_run_and_gives_the_approval_back(
    form: str, gate: Gate, desk: BlockingStore
) -> None:
    edit(desk, gate.submit_blocking("shell", DRAFT), OTHER_DRAFT)
    for answer in NONSENSE:
        with pytest.raises(InvalidInput, match=r"^The draft's validation gave"):
            run(form, gate, draft=Part(DRAFT), validate=Part(True, answer), execute=Part(never), max_retries=2)
        assert only_request(desk).status == "approved"
    assert_sound(desk)


@pytest.mark.parametrize("form", FORMS)
def test_a_draft_that_is_no_mapping_is_refused_before_it_is_checked(form: str, gate: Gate, desk: BlockingStore) -> None:
    for draft in (None, "make deploy", ["make deploy"], 1, [("command", "make deploy")]):
        with pytest.raises(InvalidInput, match=r"and not a mapping\. Nobody was asked"):
            run(form, gate, draft=Part(draft), validate=Part(never), execute=Part(never), max_retries=2)
    assert desk.reviewer.head() is None


@pytest.mark.parametrize("form", FORMS)
def test_a_draft_that_is_no_json_is_refused_before_anybody_is_asked(form: str, gate: Gate, desk: BlockingStore) -> None:
    for draft in ({"a": float("nan")}, {"a": OutOfOrder}, {1: "a"}, {"a": "\ud800"}):
        with pytest.raises(InvalidJson):
            run(form, gate, draft=Part(draft), execute=Part(never), max_retries=2)
    assert desk.reviewer.head() is None


@pytest.mark.parametrize("form", FORMS)
def test_what_cannot_be_asked_so_is_refused(form: str, gate: Gate, desk: BlockingStore) -> None:
    unfit = {"risk": "enormous", "timeout": "soon", "reason": lambda *_: 1, "tool": "a" * 5000}
    for option, value in unfit.items():
        options: dict[str, Any] = {option: value}
        with pytest.raises(InvalidInput):
            run(form, gate, draft=Part(DRAFT), execute=Part(never), max_retries=2, **options)
    assert desk.reviewer.head() is None


# --- functions that raise ----------------------------------------------------------------------


def raising(error: BaseException) -> Callable[..., NoReturn]:
    def function(*_: object) -> NoReturn:
        raise error

    return function


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("part", ["draft", "validate", "reason"])
def test_what_is_raised_before_anybody_is_asked_goes_on_and_nothing_is_asked(
    form: str, part: str, gate: Gate, desk: BlockingStore
) -> None:
    failing: Any = raising(OutOfOrder()) if part == "reason" else Part(OutOfOrder())
    parts: dict[str, Any] = {"draft": Part(DRAFT), "execute": Part(never), part: failing}
    with pytest.raises(OutOfOrder):
        run(form, gate, max_retries=2, **parts)
    assert desk.reviewer.head() is None


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (OutOfOrder("exit 1"), "OutOfOrder: exit 1"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (InvalidInput("No.", not_done="", to_do=""), "InvalidInput: No."),
    ],
    ids=["error", "interrupt", "one of ours"],
)
def test_what_is_raised_while_the_draft_is_carried_out_goes_on_and_the_outcome_is_failed(
    form: str, error: BaseException, detail: str, gate: Gate, desk: BlockingStore
) -> None:
    execute = Part(error)
    with reviewing(desk, lambda request: approve(desk, request)), pytest.raises(type(error)) as caught:
        run(form, gate, draft=Part(DRAFT, never), execute=execute, max_retries=2)
    assert caught.value is error
    request = only_request(desk)
    assert (request.outcome, request.outcome_detail) == ("failed", detail)
    assert execute.given == [DRAFT]
    assert_sound(desk)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("error", [OutOfOrder("out of order"), KeyboardInterrupt()], ids=["error", "interrupt"])
def test_what_is_raised_while_an_edit_is_checked_goes_on_and_the_approval_is_given_back(
    form: str, error: BaseException, gate: Gate, desk: BlockingStore
) -> None:
    with reviewing(desk, lambda request: edit(desk, request, OTHER_DRAFT)), pytest.raises(type(error)):
        run(form, gate, draft=Part(DRAFT, never), validate=Part(True, error), execute=Part(never), max_retries=2)
    request = only_request(desk)
    assert (request.status, request.outcome) == ("approved", None)
    assert history(desk, request)[-2:] == ["consumed", "rolled_back"]
    assert_sound(desk)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("part", ["draft", "validate", "execute"])
def test_a_function_that_runs_out_of_something_does_not_end_the_workflow_quietly(
    form: str, part: str, gate: Gate, desk: BlockingStore
) -> None:
    approve(desk, gate.submit_blocking("shell", DRAFT))
    parts: dict[str, Any] = {"draft": Part(DRAFT), "execute": Part(None), part: Part(lambda _: next(iter([])))}
    with pytest.raises(RuntimeError, match="raised StopIteration"):
        run(form, gate, **parts)
    assert only_request(desk).outcome == ("failed" if part == "execute" else None)


# --- errors of other gates ---------------------------------------------------------------------


@pytest.fixture
def foreign(tmp_path: Path) -> list[NotApproved]:
    """Refusals of another gate, about other calls: by a reviewer, the clock and a policy."""
    with open_store_blocking(str(tmp_path / "other.db")) as store, new_gate(store.location) as other:
        denied = deny(store, other.submit_blocking("other", {"number": 1}), "Not that one.")
        expired = other.submit_blocking("other", {"number": 2}, timeout="1ms")
    how = {"to_do": ""}
    return [
        ApprovalDenied("Denied.", request=denied, **how),
        ApprovalExpired("Expired.", request=expired, **how),
        PolicyDenied("other", rule="other", reason="Never."),
    ]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("which", [0, 1, 2], ids=["denied", "expired", "policy"])
def test_a_refusal_of_another_gate_while_the_draft_is_carried_out_is_not_taken_for_this_drafts(
    form: str, which: int, foreign: list[NotApproved], gate: Gate, desk: BlockingStore
) -> None:
    with reviewing(desk, lambda request: approve(desk, request)), pytest.raises(NotApproved) as caught:
        run(form, gate, draft=Part(DRAFT, never), execute=Part(foreign[which]), max_retries=2)
    assert caught.value is foreign[which]
    request = only_request(desk)
    assert (request.status, request.outcome) == ("consumed", "failed")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("part", ["draft", "validate", "reason"])
def test_a_refusal_of_another_gate_before_anybody_is_asked_is_not_taken_for_this_drafts(
    form: str, part: str, foreign: list[NotApproved], gate: Gate, desk: BlockingStore
) -> None:
    failing: Any = raising(foreign[0]) if part == "reason" else Part(foreign[0])
    parts: dict[str, Any] = {"draft": Part(DRAFT), "execute": Part(never), part: failing}
    with pytest.raises(ApprovalDenied) as caught:
        run(form, gate, max_retries=2, **parts)
    assert caught.value is foreign[0]
    assert desk.reviewer.head() is None


@pytest.mark.parametrize("form", FORMS)
def test_a_refusal_of_another_gate_while_an_edit_is_checked_gives_the_approval_back(
    form: str, foreign: list[NotApproved], gate: Gate, desk: BlockingStore
) -> None:
    with (
        reviewing(desk, lambda request: edit(desk, request, OTHER_DRAFT)),
        pytest.raises(ApprovalDenied) as caught,
    ):
        run(form, gate, draft=Part(DRAFT), validate=Part(True, foreign[0]), execute=Part(never), max_retries=2)
    assert caught.value is foreign[0]
    assert only_request(desk).status == "approved"


# --- functions of the wrong kind ---------------------------------------------------------------


@pytest.mark.parametrize("part", ["draft", "validate"])
def test_an_async_draft_or_check_cannot_be_used_without_an_event_loop(
    part: str, gate: Gate, desk: BlockingStore
) -> None:
    parts = {"draft": Part(DRAFT), "validate": Part(True), "execute": Part(never)}
    functions: dict[str, Any] = {**parts, part: parts[part].later}
    with pytest.raises(InvalidInput, match=r"'later' is async.*Nothing was drafted.*await workflow.run"):
        ApprovalWorkflow(gate=gate, tool="shell", max_retries=2, **functions).run_blocking(TASK)
    assert parts[part].given == []
    assert desk.reviewer.head() is None


def test_an_async_function_cannot_carry_a_draft_out_without_an_event_loop_and_the_approval_is_not_used(
    gate: Gate, desk: BlockingStore
) -> None:
    execute = Part(never)
    request = approve(desk, gate.submit_blocking("shell", DRAFT))
    workflow: ApprovalWorkflow[Any] = ApprovalWorkflow(
        draft=Part(DRAFT), execute=execute.later, gate=gate, tool="shell"
    )
    with pytest.raises(InvalidInput, match=r"'later' is async.*Nothing was drafted.*await workflow.run"):
        workflow.run_blocking(TASK)
    assert execute.given == []
    assert desk.reviewer.get(request.id).status == "approved"
    assert_sound(desk)


class Promise:
    """Something to await that is no coroutine."""

    def __await__(self) -> Iterator[None]:
        yield from ()


def test_a_function_that_did_something_and_gives_more_to_await_is_not_said_not_to_have_run(
    gate: Gate, desk: BlockingStore
) -> None:
    execute = Part(lambda _: Promise())
    with reviewing(desk, lambda request: approve(desk, request)), pytest.raises(InvalidInput) as caught:
        run(BLOCKING, gate, draft=Part(DRAFT), execute=execute)
    assert execute.given == [DRAFT]
    assert (only_request(desk).status, only_request(desk).outcome) == ("consumed", "failed")
    assert "did not run" not in str(caught.value)


def test_an_async_check_of_an_edit_without_an_event_loop_gives_the_approval_back(
    gate: Gate, desk: BlockingStore
) -> None:
    validate = Part(True)
    workflow: ApprovalWorkflow[Any] = ApprovalWorkflow(
        draft=Part(DRAFT),
        validate=lambda draft: True if draft == DRAFT else validate.later(draft),
        execute=Part(never),
        gate=gate,
        tool="shell",
    )
    with reviewing(desk, lambda request: edit(desk, request, OTHER_DRAFT)), pytest.raises(InvalidInput, match="async"):
        workflow.run_blocking(TASK)
    assert only_request(desk).status == "approved"


def generate(draft: JsonObject) -> Iterator[JsonObject]:
    yield draft


async def generate_async(draft: JsonObject) -> AsyncIterator[JsonObject]:
    yield draft


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("made", [generate, generate_async], ids=["generator", "async generator"])
def test_a_function_that_gives_a_generator_has_not_carried_the_draft_out(
    form: str, made: Any, gate: Gate, desk: BlockingStore
) -> None:
    approve(desk, gate.submit_blocking("shell", DRAFT))
    with pytest.raises(InvalidInput, match="gave a generator"):
        drive(
            form,
            gate,
            ApprovalWorkflow(draft=lambda _: DRAFT, execute=lambda draft: made(draft), gate=gate, tool="shell"),
        )
    assert only_request(desk).status == "approved"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("execute", [generate, generate_async], ids=["generator", "async generator"])
def test_a_generator_whose_body_would_never_run_is_not_taken_for_a_draft_that_was_carried_out(
    form: str, execute: Any, gate: Gate, desk: BlockingStore
) -> None:
    approve(desk, gate.submit_blocking("shell", DRAFT))
    with pytest.raises((TypeError, InvalidInput), match="no plain function"):
        drive(form, gate, ApprovalWorkflow(draft=lambda _: DRAFT, execute=execute, gate=gate, tool="shell"))
    assert only_request(desk).status == "approved"
