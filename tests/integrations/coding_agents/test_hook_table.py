"""Input × what the store and its policy hold × options: the answer, the whole table, on real stores.

`expected` says the answer independently of the hook. Whatever it is, it is never a yes that nobody gave to exactly
this call, nothing is left waiting, and the log verifies.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from approval_tui.domain.canonical import canonical_hash
from approval_tui.integrations.coding_agents.hook_answer import HookAnswer
from approval_tui.store.drivers import sqlite
from tests.gate.policies import details_of
from tests.integrations.coding_agents.questions import COMMAND, QUESTIONS, Question
from tests.integrations.coding_agents.store_states import STATES, Place, State, opened
from tests.integrations.coding_agents.support_hooks import ATTENDED, CODEX, HEADLESS, Setting, kept_files, taken
from tests.support import assert_sound

EVERY = 3
"""Of the table's cells every so many stand in the short run, some of each row and of each column; in long runs all."""


def expected(asked: Question, place: Place, fail_closed: bool) -> str:
    """The answer; nobody decides while the hook waits."""
    undecided = "ask" if asked.can_ask and not fail_closed else "deny"
    if not asked.is_question or not place.is_config_right:
        return undecided
    if asked.is_unasked and place.policy is None:
        return "nothing"
    if place.says == "nothing" or not place.store_opens:
        return undecided
    if place.says == "edited":
        return "allow" if asked.takes_edit else "deny"
    return {"yes": "allow", "no": "deny"}.get(place.says, undecided)


def assert_somebody_said_yes(asked: Question, place: Place, answer: HookAnswer) -> None:
    """A reviewer, a grant or the policy let exactly these arguments run, once, and the hook holds the right to it."""
    runs = COMMAND if answer.arguments is None else answer.arguments
    with opened(place) as store:
        if place.policy is not None:
            (judged,) = details_of(store, "tool_call")
            assert (judged["verdict"], judged["tool"], judged["arguments"]) == (
                "allow",
                asked.tool,
                canonical_hash(COMMAND),
            )
            return
        newest = store.reviewer.history()[0]
        assert (newest.status, newest.outcome) == ("consumed", None)
        assert (newest.tool, newest.effective_arguments) == (asked.tool, runs)
        assert newest.decisions[-1].verdict == "approve"
        assert newest.decisions[-1].reviewer == "ann"
    assert len(kept_files(store)) == 1


def assert_well_left(place: Place, waiting_before: set[str]) -> None:
    """Nothing waits that did not wait before, and the log verifies."""
    place.closing.close()
    if place.store_opens:
        with opened(place) as store:
            assert_sound(store)
            assert {each.id for each in store.reviewer.list()} == waiting_before


def waiting_in(place: Place) -> set[str]:
    """The ids of what waits."""
    if not place.store_opens or not os.path.exists(place.store):
        return set()
    with opened(place) as store:
        return {each.id for each in store.reviewer.list()}


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that is held is given up at once."""
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT", 0.02)
    monkeypatch.delenv("APPROVAL_TUI_STORE")
    monkeypatch.delenv("APPROVAL_TUI_CONFIG")


@pytest.mark.parametrize(
    ("prepare", "asked"),
    [
        pytest.param(prepare, asked, id=f"{state}-{question}", marks=[] if is_short else [pytest.mark.soak])
        for row, (state, prepare) in enumerate(STATES.items())
        for column, (question, asked) in enumerate(QUESTIONS.items())
        for is_short in [(row + column) % EVERY == 0]
    ],
)
def test_every_answer_is_the_one_that_the_table_has(tmp_path: Path, prepare: State, asked: Question) -> None:
    for fail_closed in (False, True):
        place = Place(str(tmp_path / ("closed" if fail_closed else "open") / "approvals.db"))
        prepare(place, asked)
        before = waiting_in(place)
        setting = Setting(
            asked.agent,
            place.store,
            wait=1,
            fail_closed=fail_closed,
            policy=place.policy,
            config=place.config,
            environment=HEADLESS if asked.headless else ATTENDED,
        )
        answer = setting.answer(asked.data)
        assert answer.decision == expected(asked, place, fail_closed), answer
        assert answer.reason or answer.decision == "nothing"
        assert "A defect" not in answer.reason
        if answer.decision == "allow":
            assert_somebody_said_yes(asked, place, answer)
        assert_well_left(place, before)
        if not answer.is_about_nothing or answer.decision == "deny":
            assert_it_is_taken(asked, answer)


def assert_it_is_taken(asked: Question, answer: HookAnswer) -> None:
    """The agent does after it what was meant."""
    does = taken(asked.agent, asked.event, asked.agent.speak(asked.event, answer))
    if answer.decision == "deny":
        assert does.decision == "deny"
    elif answer.decision == "allow":
        may_be_silent = asked.agent is CODEX and asked.event == "PreToolUse" and answer.arguments is None
        assert does.decision == ("nothing" if may_be_silent else "allow")
        assert does.arguments == answer.arguments
    elif answer.decision == "ask":
        assert does.decision == ("nothing" if asked.event == "PermissionRequest" else "ask")
    else:
        assert does.decision == "nothing"
