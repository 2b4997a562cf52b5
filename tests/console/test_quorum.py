"""Several reviewers in the console: what is needed, who has voted, and what a vote did (R7)."""

from __future__ import annotations

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.decisions import Reviewer
from approval_tui.domain.models import Request, Requirements
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from tests.console.conftest import OpenConsole
from tests.support import BO, ManualClock, approve, event_names, submit

WIDE = (240, 34)
NAMED = Requirements(quorum=2, reviewers=("ann", "bo", "cy"))


@pytest.fixture
def payments(store_path: str, clock: ManualClock) -> BlockingStore:
    """The store in which nothing else waits."""
    return open_store_blocking(store_path, clock=clock)


def payment(store: BlockingStore, requirements: Requirements = NAMED) -> Request:
    return submit(store, Call("pay", {"amount": 100}, "bot", requirements=requirements))


async def test_the_detail_and_the_row_say_how_many_are_needed_and_who_has_approved(
    open_console: OpenConsole, payments: BlockingStore
) -> None:
    request = payment(payments)
    async with open_console(WIDE) as console:
        await console.see("2 of 3 (ann, bo, cy): nobody yet (advisory here: names are not checked)")
        assert "0 of 2  100" in console.text()
        approve(payments, request, BO)
        await console.see("2 of 3 (ann, bo, cy): bo approved (advisory here: names are not checked)")
        assert "1 of 2  100" in console.text()


async def test_a_vote_says_how_many_there_are_and_the_same_again_that_it_changes_nothing(
    open_console: OpenConsole, payments: BlockingStore
) -> None:
    request = payment(payments, Requirements(quorum=2))
    async with open_console() as console:
        await console.press("a")
        await console.see("Your vote is recorded: 1 of 2. It still waits: pay for bot.")
        await console.until(lambda: len(console.shown.decisions) == 1)
        await console.press("a")
        await console.see("You have approved it already, and nothing changed: 1 of 2.")
        approve(payments, request, BO)
        await console.until(lambda: console.shown.status == "approved")
    assert event_names(payments, request) == ["request_submitted", "vote_recorded", "request_approved"]


async def test_the_last_vote_that_is_needed_approves(open_console: OpenConsole, payments: BlockingStore) -> None:
    approve(payments, payment(payments), BO)
    async with open_console() as console:
        await console.press("a")
        await console.see("Approved: pay for bot.")
        assert "of 2  100" not in console.text()


async def test_a_vote_for_what_it_was_before_an_edit_is_shown_as_such(
    open_console: OpenConsole, payments: BlockingStore
) -> None:
    request = approve(payments, payment(payments), Reviewer("cy"))
    payments.reviewer.decide(request.id, "approve", reviewer=BO, digest=request.digest, edited_arguments={"amount": 50})
    async with open_console(WIDE) as console:
        await console.see("bo approved; cy approved what it was before the edit")
        await console.see("for what it was before the edit")
        assert "1 of 2  50" in console.text()


async def test_the_requester_is_refused_with_words_under_any_spelling(
    open_console: OpenConsole, payments: BlockingStore
) -> None:
    request = submit(payments, Call("pay", {}, "ANN", requirements=Requirements(quorum=2)))
    async with open_console() as console:
        await console.press("a")
        await console.see("cannot vote for it")
    assert payments.reviewer.get(request.id).decisions == ()
