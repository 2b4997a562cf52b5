"""Several reviewers in words: how many are needed, who has approved, and what a vote did."""

from __future__ import annotations

import pytest

from approval_tui.display.quorum_words import ADVISORY, count_words, needs_words, vote_words
from approval_tui.display.visible import is_all_visible
from approval_tui.domain.models import Requirements
from tests.display.requests import a_decision, a_request

TWO = Requirements(quorum=2)
TWO_OF_THREE = Requirements(quorum=2, reviewers=("ann", "bo", "cy"))
BEFORE = "v1:sha256:" + "3" * 64


@pytest.mark.parametrize(
    ("needs", "voters", "words"),
    [
        (TWO, (), "2: nobody yet"),
        (TWO, ("ann",), "2: ann approved"),
        (TWO, ("ann", "bo"), "2: ann, bo approved"),
        (TWO_OF_THREE, (), "2 of 3 (ann, bo, cy): nobody yet"),
        (TWO_OF_THREE, ("cy",), "2 of 3 (ann, bo, cy): cy approved"),
        (TWO, ("ann", "Ann", "\u0430nn"), "2: ann approved"),
        (TWO, ("release-bot", "Release Bot"), "2: nobody yet"),
        (
            Requirements(quorum=2, reviewers=("ann", "bo", "Release Bot")),
            (),
            '2 of 2 (ann, bo): nobody yet; "Release Bot" cannot vote, as the requester\'s name counts as theirs',
        ),
        (TWO, ("ann approved, bo",), '2: "ann approved, bo" approved'),
    ],
)
def test_it_is_said_how_many_are_needed_and_who_has_approved(
    needs: Requirements, voters: tuple[str, ...], words: str
) -> None:
    request = a_request(requirements=needs, decisions=[a_decision(reviewer=voter) for voter in voters])
    assert needs_words(request) == words + ADVISORY


def test_votes_for_what_it_was_before_an_edit_are_shown_as_such_and_count_no_more() -> None:
    votes = [a_decision(reviewer=each, digest=BEFORE) for each in ("ann", "bo", "Bo")]
    request = a_request(requirements=TWO, decisions=[*votes, a_decision(reviewer="bo")])
    assert needs_words(request) == f"2: bo approved; ann approved what it was before the edit{ADVISORY}"
    assert count_words(request) == "1 of 2"


def test_a_name_that_hides_something_is_shown_with_it() -> None:
    request = a_request(requirements=TWO, decisions=[a_decision(reviewer="ann\u202e")])
    assert is_all_visible(needs_words(request))
    assert "\\u{202E}" in needs_words(request)


def test_where_all_names_were_proved_by_tokens_nothing_is_advisory() -> None:
    votes = [a_decision(reviewer=each, token="0f" * 8) for each in ("ann", "bo")]
    approved = a_request(status="approved", requirements=TWO, decisions=votes)
    assert needs_words(approved) == "2: ann, bo approved"
    half_proved = a_request(status="approved", requirements=TWO, decisions=[votes[0], a_decision(reviewer="bo")])
    assert needs_words(half_proved).endswith(ADVISORY)
    assert needs_words(a_request(requirements=TWO, decisions=votes[:1])).endswith(ADVISORY)


def test_a_vote_is_said_to_be_recorded_and_one_that_was_there_to_change_nothing() -> None:
    before, voted = (a_request(requirements=TWO, decisions=votes) for votes in ((), (a_decision(),)))
    assert vote_words(before, voted, "ann") == "Your vote is recorded: 1 of 2."
    assert vote_words(voted, voted, "ANN") == "You have approved it already, and nothing changed: 1 of 2."
    was_other = a_request(requirements=TWO, digest=BEFORE, decisions=(a_decision(digest=BEFORE),))
    assert vote_words(was_other, voted, "ann") == "Your vote is recorded: 1 of 2."
