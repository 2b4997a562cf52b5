"""The real Codex in a terminal: the event before its own prompt is answered from the console, or the prompt comes."""

from __future__ import annotations

import pytest

from approval_tui.domain.models import Request
from approval_tui.store.blocking import BlockingStore
from tests.cli.running import one_pending
from tests.coding_agents.codex_model import escalated, function_call, shell
from tests.coding_agents.codex_running import Codex
from tests.coding_agents.reviewing import MAKE
from tests.coding_agents.terminal import press_until, shows
from tests.support import approve, deny, until

pytestmark = pytest.mark.agents

QUESTION = "Would you like to"
DONE = "All done."


def second_pending(desk: BlockingStore, first: Request) -> Request:
    """The question that Codex's own prompt would be, after the one before the call was decided on."""
    until(lambda: any(request.id != first.id for request in desk.reviewer.list()))
    return one_pending(desk)


def test_a_command_within_the_sandbox_asks_once(codex: Codex, desk: BlockingStore) -> None:
    codex.install()
    with codex.session([shell(MAKE)]) as running:
        request = approve(desk, one_pending(desk))
        shows(running.tmux, DONE)
        until(lambda: desk.reviewer.get(request.id).outcome is not None)
    assert len(desk.reviewer.history()) == 1


def test_a_command_out_of_the_sandbox_runs_with_two_approvals_and_without_the_prompt(
    codex: Codex, desk: BlockingStore
) -> None:
    codex.install()
    with codex.session([escalated(MAKE)]) as running:
        first = approve(desk, one_pending(desk))
        second = second_pending(desk, first)
        assert QUESTION not in running.tmux.screen()
        assert codex.place.text("made.txt") is None
        approve(desk, second)
        shows(running.tmux, DONE)
        assert QUESTION not in running.tmux.screen()
        assert codex.place.text("made.txt") == "made\n"
        until(lambda: desk.reviewer.get(first.id).outcome == desk.reviewer.get(second.id).outcome == "succeeded", 10)


def test_a_denial_before_the_prompt_runs_nothing_and_is_told_to_the_model(codex: Codex, desk: BlockingStore) -> None:
    codex.install()
    call = escalated(MAKE)
    with codex.session([call]) as running:
        deny(desk, second_pending(desk, approve(desk, one_pending(desk))), "not out of the sandbox")
        shows(running.tmux, DONE)
        assert "not out of the sandbox" in running.model.told(call)
    assert codex.place.text("made.txt") is None


@pytest.mark.parametrize(("key", "made"), [("y", "made\n"), ("Escape", None)])
def test_the_agents_own_prompt_decides_where_nobody_did(
    codex: Codex, desk: BlockingStore, key: str, made: str | None
) -> None:
    codex.install(wait="5s")
    with codex.session([escalated(MAKE)]) as running:
        second = second_pending(desk, approve(desk, one_pending(desk)))
        shows(running.tmux, QUESTION)
        assert codex.place.text("made.txt") is None
        assert desk.reviewer.get(second.id).status == "cancelled"
        press_until(running.tmux, key, lambda screen: QUESTION not in screen)
        shows(running.tmux, DONE if made else "nterrupted")
    assert codex.place.text("made.txt") == made


def test_nobody_before_a_call_means_that_it_does_not_run(codex: Codex, desk: BlockingStore) -> None:
    codex.install(wait="1s")
    call = escalated(MAKE)
    with codex.session([call]) as running:
        shows(running.tmux, DONE)
        assert "Nobody decided" in running.model.told(call)
        assert QUESTION not in running.tmux.screen()
    assert codex.place.text("made.txt") is None


def test_a_call_of_a_server_needs_one_approval_for_both_of_its_questions(codex: Codex, desk: BlockingStore) -> None:
    codex.install()
    call = function_call("write", {"text": "by the server"}, namespace="mcp__lab")
    with codex.session([call]) as running:
        request = approve(desk, one_pending(desk))
        shows(running.tmux, DONE)
        until(lambda: desk.reviewer.get(request.id).outcome == "succeeded")
    assert codex.place.text("served.txt") == "by the server"
    assert len(desk.reviewer.history()) == 1


def test_escape_while_the_hook_waits_runs_nothing_and_the_question_ends(codex: Codex, desk: BlockingStore) -> None:
    codex.install(wait="5s")
    with codex.session([shell(MAKE)]) as running:
        one_pending(desk)
        running.tmux.press("Escape")
        shows(running.tmux, "nterrupted")
        until(lambda: not desk.reviewer.list())
    assert codex.place.text("made.txt") is None
    assert desk.reviewer.history()[0].status in ("cancelled", "expired")


def test_trust_all_at_its_start_writes_what_these_tests_write(codex: Codex, desk: BlockingStore) -> None:
    codex.install()
    with codex.session([shell(MAKE)], options=()) as running:
        shows(running.tmux, "Trust all and continue")
        press_until(running.tmux, "2", lambda screen: "› 2. Trust all" in screen)
        press_until(running.tmux, "Enter", lambda screen: "Trust all" not in screen)
        deny(desk, one_pending(desk))
        shows(running.tmux, DONE)
    by_codex = codex.trusted
    assert len(by_codex) == 3
    (codex.folder / "config.toml").unlink()
    codex.trust_all()
    assert codex.trusted == by_codex
