"""The real Claude Code: what a reviewer said is what happens, and without a yes nothing does."""

from __future__ import annotations

import json

import pytest

from approval_tui.domain.errors import StatusConflict
from approval_tui.store.blocking import BlockingStore
from tests.cli.running import one_pending
from tests.coding_agents.claude_model import bash
from tests.coding_agents.claude_running import BYPASS, NEWER, Claude
from tests.coding_agents.reviewing import MAKE, details_of, only_request
from tests.coding_agents.running import ours
from tests.support import ANN, approve, assert_sound, deny, event_names

pytestmark = pytest.mark.agents

in_bypass = pytest.mark.parametrize("claude", [(NEWER, BYPASS)], indirect=True)


def test_an_approved_command_runs_once_and_its_end_is_recorded(claude: Claude, desk: BlockingStore) -> None:
    claude.install()
    call = bash(MAKE)
    with claude.run([call]) as run:
        request = one_pending(desk)
        assert claude.place.text("made.txt") is None
        approve(desk, request)
        session = run.wait().result["session_id"]
    assert claude.place.text("made.txt") == "made\n"
    done = desk.reviewer.get(request.id)
    assert (done.status, done.outcome, done.outcome_detail) == ("consumed", "succeeded", None)
    assert (done.tool, done.server, done.requester) == ("Bash", "claude-code", "claude-code")
    assert done.arguments == call.arguments
    assert done.session == session
    assert done.context == {"working_directory": str(claude.place.project)}
    assert details_of(desk, request, "request_submitted")["call_id"] == call.id
    assert event_names(desk, request) == [
        "request_submitted",
        "request_approved",
        "request_consumed",
        "outcome_reported",
    ]
    assert_sound(desk)


def test_an_approved_command_that_fails_is_recorded_as_failed(claude: Claude, desk: BlockingStore) -> None:
    claude.install()
    with claude.run([bash("echo broken >&2; exit 7")]) as run:
        request = approve(desk, one_pending(desk))
        run.wait()
    done = desk.reviewer.get(request.id)
    assert (done.status, done.outcome) == ("consumed", "failed")
    assert "7" in (done.outcome_detail or "")
    assert "broken" in (done.outcome_detail or "")


def test_an_edited_command_runs_instead_of_the_agents(claude: Claude, desk: BlockingStore) -> None:
    claude.install()
    call = bash(MAKE)
    edited = {**call.arguments, "command": "echo edited >> edited.txt"}
    with claude.run([call]) as run:
        request = one_pending(desk)
        desk.reviewer.decide(request.id, "approve", reviewer=ANN, digest=request.digest, edited_arguments=edited)
        run.wait()
    assert claude.place.text("edited.txt") == "edited\n"
    assert claude.place.text("made.txt") is None
    done = desk.reviewer.get(request.id)
    assert (done.outcome, done.outcome_detail) == ("succeeded", None)


def test_a_denied_command_does_not_run_and_the_model_is_told_why(claude: Claude, desk: BlockingStore) -> None:
    claude.install()
    call = bash(MAKE)
    with claude.run([call]) as run:
        request = deny(desk, one_pending(desk), "not on a Friday, 'ünder' no $circumstances")
        run.wait()
        assert "not on a Friday, 'ünder' no $circumstances" in run.model.told(call)
    assert claude.place.text("made.txt") is None
    assert desk.reviewer.get(request.id).status == "denied"


def test_a_command_that_nobody_decides_on_does_not_run_and_a_late_yes_is_kept(
    claude: Claude, desk: BlockingStore
) -> None:
    claude.install(wait="1s")
    call = bash(MAKE)
    with claude.run([call]) as run:
        run.wait()
        assert "Nobody decided" in run.model.told(call)
    assert claude.place.text("made.txt") is None
    request = only_request(desk)
    assert request.status == "cancelled"
    assert details_of(desk, request, "request_cancelled")["reason"] == "nobody decided in time"
    with pytest.raises(StatusConflict):
        approve(desk, request)
    assert event_names(desk, request) == ["request_submitted", "request_cancelled", "decision_made_late"]


@pytest.mark.parametrize("claude", [(NEWER, BYPASS)], indirect=True)
@pytest.mark.parametrize(("verdict", "made"), [("approve", "made\n"), ("deny", None)])
def test_a_reviewer_at_the_command_line_decides(
    claude: Claude, desk: BlockingStore, verdict: str, made: str | None
) -> None:
    claude.install()
    with claude.run([bash(MAKE)]) as run:
        one_pending(desk)
        (shown,) = json.loads(ours(claude.place, "list", "--json", "--store", str(claude.place.store)))
        ours(claude.place, verdict, shown["id"], "--digest", shown["digest"], "--store", str(claude.place.store))
        run.wait()
    assert claude.place.text("made.txt") == made
