"""Several reviewers (R7): who counts, under whatever spelling, against a model that knows who is who."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from approval_tui.display.quorum_words import count_words
from approval_tui.domain.calls import Call
from approval_tui.domain.decisions import Reviewer
from approval_tui.domain.errors import DecisionRefused, InvalidInput, RequestChanged
from approval_tui.domain.models import Request, Requirements
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from tests.support import ANN, approve, assert_sound, deny, event_names, submit

REQUESTER = "release-bot"
SPELLINGS = {
    "ann": ("ann", "Ann", " ann", "ann ", "a\u200bnn", "\u0430nn", "\uff21nn", "ann\0"),
    "bo": ("bo", "BO", "b\u043e", "b-o"),
    "cy": ("cy", "\u0441\u0443"),
    REQUESTER: (REQUESTER, "Release_Bot", "release-b\u043et", "releasebot\u2063"),
}
PERSON = {spelling: person for person, spellings in SPELLINGS.items() for spelling in spellings}
OTHERS_OF_ANN, OTHERS_OF_THE_REQUESTER = SPELLINGS["ann"][1:], SPELLINGS[REQUESTER][1:]


def asking_for(quorum: int, *reviewers: str, requester: str = REQUESTER) -> Call:
    needs = Requirements(quorum=quorum, reviewers=reviewers)
    return Call("pay", {"amount": 0}, requester, requirements=needs)


@pytest.mark.parametrize("spelling", OTHERS_OF_ANN, ids=ascii)
def test_another_spelling_of_a_name_is_no_second_reviewer(store: BlockingStore, spelling: str) -> None:
    voted = approve(store, submit(store, asking_for(2)))
    again = approve(store, voted, Reviewer(spelling))
    assert again == voted
    assert event_names(store, voted) == ["request_submitted", "vote_recorded"]
    assert_sound(store)


@pytest.mark.parametrize("spelling", OTHERS_OF_THE_REQUESTER, ids=ascii)
def test_the_requester_cannot_vote_under_another_spelling_and_may_deny(store: BlockingStore, spelling: str) -> None:
    request = submit(store, asking_for(2))
    with pytest.raises(DecisionRefused, match=r"who asked for request .* count as one and cannot vote for it"):
        approve(store, request, Reviewer(spelling))
    assert store.reviewer.get(request.id) == request
    assert deny(store, request, reviewer=Reviewer(spelling)).status == "denied"


@pytest.mark.parametrize("spelling", OTHERS_OF_ANN, ids=ascii)
def test_a_rule_that_names_its_reviewers_admits_them_as_it_spells_them(store: BlockingStore, spelling: str) -> None:
    request = approve(store, submit(store, asking_for(2, "ann", "bo")))
    for verdict in (approve, deny):
        with pytest.raises(DecisionRefused, match="Only ann, bo may decide"):
            verdict(store, request, reviewer=Reviewer(spelling))
    assert store.reviewer.get(request.id) == request


def test_one_person_whom_a_rule_names_twice_counts_once(store: BlockingStore) -> None:
    voted = approve(store, submit(store, asking_for(2, "ann", "Ann", "bo")))
    assert approve(store, voted, Reviewer("Ann")) == voted


@pytest.mark.parametrize("reviewers", [("ann", "Ann"), ("ann", "\u0430nn"), ("ann", REQUESTER), ("ann", "Release Bot")])
def test_a_rule_whose_quorum_cannot_be_reached_asks_nobody(store: BlockingStore, reviewers: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInput, match="fewer reviewers than its quorum needs"):
        store.requester.submit(asking_for(2, *reviewers))
    assert store.reviewer.list() == ()


def test_whoever_asks_may_be_the_one_reviewer_that_a_rule_wants(store: BlockingStore) -> None:
    request = submit(store, asking_for(1, "ann", requester="ann"))
    assert approve(store, request, ANN).status == "approved"


def test_a_decision_keeps_which_token_proved_the_name_and_the_log_tells(store: BlockingStore) -> None:
    proved = Reviewer("ann", via="api", token="0f" * 8)
    voted = approve(store, submit(store, asking_for(2)), proved)
    approved = approve(store, voted, Reviewer("bo", via="console"))
    assert [decision.token for decision in approved.decisions] == ["0f" * 8, None]
    assert [decision["token"] for decision in approved.to_json()["decisions"]] == ["0f" * 8, None]
    revoked = store.reviewer.revoke(approved.id, reviewer=proved)
    assert revoked.decisions[-1].token == "0f" * 8
    other = submit(store, dataclasses.replace(asking_for(2), tool="other"))
    store.reviewer.expire(other.id, reviewer=proved)
    assert store.reviewer.events(request_id=other.id)[-1].body["details"]["by"]["token"] == "0f" * 8
    assert_sound(store)


# --- any sequence ------------------------------------------------------------------------------


class Step(NamedTuple):
    """What somebody does: under which name, whether they deny, what they edit it into, and what they looked at."""

    name: str
    denies: bool = False
    edit: int | None = None
    looked_at: int | None = None  #: arguments that it had or has; None are the present ones


steps = st.builds(
    Step,
    name=st.sampled_from(sorted(PERSON)),
    denies=st.sampled_from([False] * 9 + [True]),
    edit=st.sampled_from([None, None, None, 0, 1, 2]),
    looked_at=st.sampled_from([None, None, None, 0, 1]),
)


class Model:
    """Who approved which arguments, and what follows from it."""

    def __init__(self, quorum: int) -> None:
        self.quorum = quorum
        self.present = 0
        self.is_edited = False
        self.status = "pending"
        self.voters: dict[int, set[str]] = {}

    @property
    def counted(self) -> int:
        """How many people approved the present arguments."""
        return len(self.voters.get(self.present, ()))

    def take(self, step: Step) -> type[Exception] | None:
        """Does the step, or says which error refuses it."""
        person = PERSON[step.name]
        has_voted = person in self.voters.get(self.present, ())
        if self.is_edited and has_voted and not step.denies and step.edit == self.present:
            return None  # the very same edit again, which changes nothing whatever it was made on
        if step.looked_at not in (None, self.present):
            return RequestChanged
        if step.denies:
            self.status = "denied"
            return None
        if person == REQUESTER:
            return DecisionRefused
        if step.edit is not None:
            self.present, self.is_edited = step.edit, True
        self.voters.setdefault(self.present, set()).add(person)
        if self.counted >= self.quorum:
            self.status = "approved"
        return None


@settings(deadline=None)
@given(quorum=st.integers(2, 3), steps=st.lists(steps, max_size=12))
@example(quorum=2, steps=[Step("ann"), Step("bo", edit=1), Step("cy", edit=0)])
@example(quorum=2, steps=[Step("ann", edit=0), Step("Ann", edit=0, looked_at=1), Step("Ann", looked_at=1)])
@example(quorum=2, steps=[Step("ann"), Step("Ann"), Step(REQUESTER), Step("Release_Bot"), Step("bo")])
@example(quorum=3, steps=[Step("ann"), Step("bo"), Step("ann", edit=0), Step("cy", looked_at=1), Step("cy")])
def test_it_is_approved_exactly_when_enough_others_approved_what_it_is_now(quorum: int, steps: Sequence[Step]) -> None:
    model = Model(quorum)
    with tempfile.TemporaryDirectory() as folder, open_store_blocking(os.path.join(folder, "approvals.db")) as store:
        request = submit(store, asking_for(quorum))
        digests = {0: request.digest}
        for step in steps:
            before = request
            had_voted = PERSON[step.name] in model.voters.get(model.present, ())
            request = _do(store, request, step, digests, model.take(step))
            digests.setdefault(model.present, request.digest)
            assert request == store.reviewer.get(request.id)
            assert request.status == model.status
            assert request.effective_arguments == {"amount": model.present}
            assert count_words(request) == f"{model.counted} of {quorum}"
            if had_voted and not step.denies and step.edit is None:
                assert request == before
            if model.status != "pending":
                break
        assert_sound(store)


def _do(
    store: BlockingStore, request: Request, step: Step, digests: dict[int, str], error: type[Exception] | None
) -> Request:
    """Does the step; where that error is expected, the request stays as it is."""
    unknown = "v1:sha256:" + "0" * 64
    edited: dict[str, Any] | None = None if step.edit is None or step.denies else {"amount": step.edit}

    def decide() -> Request:
        return store.reviewer.decide(
            request.id,
            "deny" if step.denies else "approve",
            reviewer=Reviewer(step.name),
            digest=request.digest if step.looked_at is None else digests.get(step.looked_at, unknown),
            edited_arguments=edited,
        )

    if error is None:
        return decide()
    with pytest.raises(error):
        decide()
    return store.reviewer.get(request.id)
