"""The real Codex without a terminal: nothing runs without a yes, once its user has trusted in the hook."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from approval_tui.integrations.coding_agents.agent import COULD_NOT_START
from approval_tui.store.blocking import BlockingStore
from tests.cli.running import one_pending
from tests.coding_agents.codex_model import apply_patch, function_call, shell
from tests.coding_agents.codex_running import NO_SANDBOX, Codex
from tests.coding_agents.loopback import Json
from tests.coding_agents.own_program import OwnProgram
from tests.coding_agents.reviewing import MAKE, details_of, only_request
from tests.coding_agents.running import kill_hook
from tests.support import ANN, approve, assert_sound, deny, event_names, until

pytestmark = pytest.mark.agents

PATCH = "*** Begin Patch\n*** Add File: patched.txt\n+by a patch\n*** End Patch\n"

open_or_closed = pytest.mark.parametrize("fail_closed", [False, True], ids=["fails-open", "fail-closed"])


def test_an_approved_command_runs_once(codex: Codex, desk: BlockingStore) -> None:
    codex.install()
    call = shell(MAKE)
    with codex.run([call]) as run:
        request = one_pending(desk)
        assert codex.place.text("made.txt") is None
        approve(desk, request)
        run.wait()
    assert codex.place.text("made.txt") == "made\n"
    done = desk.reviewer.get(request.id)
    assert (done.status, done.outcome) == ("consumed", "succeeded")
    assert (done.tool, done.arguments, done.requester) == ("Bash", {"command": MAKE}, "codex")
    assert done.context == {"working_directory": str(codex.place.project)}
    assert done.session
    assert details_of(desk, request, "request_submitted")["call_id"] == call["call_id"]
    assert event_names(desk, request) == [
        "request_submitted",
        "request_approved",
        "request_consumed",
        "outcome_reported",
    ]
    assert_sound(desk)


def test_an_edited_command_runs_instead_of_the_agents(codex: Codex, desk: BlockingStore) -> None:
    codex.install()
    with codex.run([shell(MAKE)]) as run:
        request = one_pending(desk)
        edited = {"command": "echo edited >> edited.txt"}
        desk.reviewer.decide(request.id, "approve", reviewer=ANN, digest=request.digest, edited_arguments=edited)
        run.wait()
    assert codex.place.text("edited.txt") == "edited\n"
    assert codex.place.text("made.txt") is None
    done = desk.reviewer.get(request.id)
    assert (done.outcome, done.outcome_detail) == ("succeeded", "the agent does not say how it ended")


def test_an_edit_that_it_does_not_take_runs_nothing_and_is_told_to_the_model(codex: Codex, desk: BlockingStore) -> None:
    codex.install()
    call = shell(MAKE)
    with codex.run([call]) as run:
        request = one_pending(desk)
        edited = {"command": MAKE, "workdir": "/"}
        desk.reviewer.decide(request.id, "approve", reviewer=ANN, digest=request.digest, edited_arguments=edited)
        run.wait()
        assert "workdir" in run.model.told(call)
    assert codex.place.text("made.txt") is None


def test_a_denied_command_does_not_run_and_the_model_is_told_why(codex: Codex, desk: BlockingStore) -> None:
    codex.install()
    call = shell(MAKE)
    with codex.run([call]) as run:
        request = deny(desk, one_pending(desk), "not on a Friday, 'ünder' no $circumstances")
        run.wait()
        assert "not on a Friday, 'ünder' no $circumstances" in run.model.told(call)
    assert codex.place.text("made.txt") is None
    assert desk.reviewer.get(request.id).status == "denied"


@open_or_closed
def test_a_command_that_nobody_decides_on_does_not_run(codex: Codex, desk: BlockingStore, fail_closed: bool) -> None:
    codex.install(wait="1s", fail_closed=fail_closed)
    call = shell(MAKE)
    with codex.run([call]) as run:
        run.wait()
        assert "Nobody decided" in run.model.told(call)
    assert codex.place.text("made.txt") is None
    assert only_request(desk).status == "cancelled"


def _patch(project: Path) -> tuple[Json, str, str, str]:
    return apply_patch(PATCH), "apply_patch", "patched.txt", "by a patch\n"


def _of_a_server(project: Path) -> tuple[Json, str, str, str]:
    call = function_call("write", {"text": "by the server"}, namespace="mcp__lab")
    return call, "mcp__lab__write", "served.txt", "by the server"


@pytest.mark.parametrize("prepare", [_patch, _of_a_server])
@pytest.mark.parametrize("verdict", [approve, deny])
def test_a_call_that_changes_something_asks(
    codex: Codex,
    desk: BlockingStore,
    prepare: Callable[[Path], tuple[Json, str, str, str]],
    verdict: Callable[..., object],
) -> None:
    codex.install()
    call, tool, name, done = prepare(codex.place.project)
    with codex.run([call]) as run:
        request = one_pending(desk)
        assert request.tool == tool
        assert codex.place.text(name) is None
        verdict(desk, request)
        run.wait()
    assert codex.place.text(name) == (done if verdict is approve else None)
    assert desk.reviewer.get(request.id).outcome == ("succeeded" if verdict is approve else None)


def test_an_edited_call_of_a_server_runs_as_edited(codex: Codex, desk: BlockingStore) -> None:
    codex.install()
    call, _, name, _ = _of_a_server(codex.place.project)
    with codex.run([call]) as run:
        request = one_pending(desk)
        edited = {"text": "by the reviewer"}
        desk.reviewer.decide(request.id, "approve", reviewer=ANN, digest=request.digest, edited_arguments=edited)
        run.wait()
    assert codex.place.text(name) == "by the reviewer"


def test_two_calls_of_one_turn_each_ask(codex: Codex, desk: BlockingStore) -> None:
    codex.install()
    first, second = shell("echo one >> one.txt"), shell("echo two >> two.txt")
    with codex.run([first, second]) as run:
        until(lambda: len(desk.reviewer.list()) == 2)
        for request in desk.reviewer.list():
            (approve if "two" in request.arguments["command"] else deny)(desk, request)
        run.wait()
    assert (codex.place.text("one.txt"), codex.place.text("two.txt")) == (None, "two\n")


@open_or_closed
def test_a_command_does_not_run_while_the_store_is_away(codex: Codex, fail_closed: bool) -> None:
    codex.install(fail_closed=fail_closed)
    codex.place.store.parent.write_text("no folder")
    call = shell(MAKE)
    with codex.run([call]) as run:
        run.wait()
        assert str(codex.place.store.parent) in run.model.told(call)
    assert codex.place.text("made.txt") is None


@open_or_closed
@pytest.mark.parametrize("spoil", [OwnProgram.remove, OwnProgram.spoil])
def test_a_command_does_not_run_when_the_hook_cannot_start(
    codex: Codex, spoil: Callable[[OwnProgram], None], fail_closed: bool, tmp_path: Path
) -> None:
    program = OwnProgram(tmp_path / "program")
    codex.install(fail_closed=fail_closed, command=program.command)
    spoil(program)
    call = shell(MAKE)
    with codex.run([call]) as run:
        run.wait()
        assert COULD_NOT_START in run.model.told(call)
    assert codex.place.text("made.txt") is None


@open_or_closed
def test_a_command_does_not_run_when_the_hook_is_killed_while_it_waits(
    codex: Codex, desk: BlockingStore, fail_closed: bool
) -> None:
    codex.install(fail_closed=fail_closed)
    with codex.run([shell(MAKE)]) as run:
        one_pending(desk)
        kill_hook(codex.place)
        run.wait()
    assert codex.place.text("made.txt") is None


def test_a_hook_of_the_project_asks(codex: Codex, desk: BlockingStore) -> None:
    codex.install(scope="project")
    call = shell(MAKE)
    with codex.run([call]) as run:
        deny(desk, one_pending(desk), "not in this project")
        run.wait()
        assert "not in this project" in run.model.told(call)
    assert codex.place.text("made.txt") is None


def test_a_hook_that_its_user_trusted_is_asked(codex: Codex, desk: BlockingStore) -> None:
    codex.install(wait="1s")
    codex.trust_all()
    with codex.run([shell(MAKE)], options=[NO_SANDBOX]) as run:
        run.wait()
    assert only_request(desk).status == "cancelled"
    assert codex.place.text("made.txt") is None


def test_codex_passes_over_an_untrusted_hook_in_silence(codex: Codex, desk: BlockingStore) -> None:
    """What `hook doctor` is there to find: Codex runs the call, and says nothing of the hook that it left out."""
    codex.install(wait="1s")
    with codex.run([shell(MAKE)], options=[NO_SANDBOX]) as run:
        ended = run.wait()
    assert codex.place.text("made.txt") == "made\n"
    assert "hook" not in (ended.out + ended.err).lower()
    assert desk.reviewer.history() == desk.reviewer.list() == ()
