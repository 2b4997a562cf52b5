"""What decisions need: two demands together, and whether one demand is enough for another."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approval_tui.domain.models import EVIDENCE_NONE, EVIDENCE_SHOWN, NO_REQUIREMENTS, Requirements

NAMES = ("ann", "bo", "cy", "dee")

demands = st.builds(
    Requirements,
    quorum=st.integers(1, 4),
    reviewers=st.lists(st.sampled_from(NAMES), unique=True).map(tuple),
    reason_required=st.booleans(),
    evidence=st.sampled_from([EVIDENCE_NONE, EVIDENCE_SHOWN]),
).filter(lambda each: not each.reviewers or len(each.reviewers) >= each.quorum)

decisions = st.tuples(st.sets(st.sampled_from([*NAMES, "eve", "fay"])), st.booleans(), st.booleans())
"""Who approved, whether with a reason, and whether every row was shown to them."""


def satisfied(demand: Requirements, decision: tuple[set[str], bool, bool]) -> bool:
    """Whether the decision satisfies the demand."""
    who, has_reason, was_shown = decision
    counted = {name for name in who if not demand.reviewers or name in demand.reviewers}
    return (
        len(counted) >= demand.quorum
        and counted == who
        and (has_reason or not demand.reason_required)
        and (was_shown or demand.evidence == EVIDENCE_NONE)
    )


def same(one: Requirements | None, other: Requirements | None) -> bool:
    """Whether two demands ask for the same; the order of the reviewers says nothing."""
    if one is None or other is None:
        return one is other
    parts = [(each.quorum, set(each.reviewers), each.reason_required, each.evidence) for each in (one, other)]
    return parts[0] == parts[1]


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        (NO_REQUIREMENTS, NO_REQUIREMENTS, NO_REQUIREMENTS),
        (Requirements(2), Requirements(3), Requirements(3)),
        (Requirements(reason_required=True), NO_REQUIREMENTS, Requirements(reason_required=True)),
        (Requirements(evidence=EVIDENCE_SHOWN), NO_REQUIREMENTS, Requirements(evidence=EVIDENCE_SHOWN)),
        (Requirements(reviewers=("ann",)), NO_REQUIREMENTS, Requirements(reviewers=("ann",))),
        (Requirements(reviewers=("ann", "bo")), Requirements(reviewers=("cy", "bo")), Requirements(reviewers=("bo",))),
        (Requirements(reviewers=("ann",)), Requirements(reviewers=("bo",)), None),
        (Requirements(2), Requirements(reviewers=("ann",)), None),
        (Requirements(2), Requirements(reviewers=("ann", "bo")), Requirements(2, ("ann", "bo"))),
        (Requirements(2, ("ann", "bo")), Requirements(reviewers=("bo", "cy")), None),
    ],
)
def test_two_demands_together_ask_for_all_that_either_asks_for(
    one: Requirements, other: Requirements, together: Requirements | None
) -> None:
    assert one.and_also(other) == together
    assert same(other.and_also(one), together)


@given(demands, demands, decisions)
def test_a_decision_satisfies_two_demands_together_where_it_satisfies_each(
    one: Requirements, other: Requirements, decision: tuple[set[str], bool, bool]
) -> None:
    together = one.and_also(other)
    satisfies_each = satisfied(one, decision) and satisfied(other, decision)
    assert (together is not None and satisfied(together, decision)) == satisfies_each


@given(demands, demands, demands)
def test_it_does_not_matter_which_demand_comes_first(one: Requirements, two: Requirements, three: Requirements) -> None:
    assert same(one.and_also(two), two.and_also(one))
    first, last = one.and_also(two), two.and_also(three)
    assert same(first and first.and_also(three), last and one.and_also(last))
    assert one.and_also(one) == one
    assert one.and_also(NO_REQUIREMENTS) == one


@pytest.mark.parametrize(
    ("ours", "theirs", "enough"),
    [
        (NO_REQUIREMENTS, NO_REQUIREMENTS, True),
        (Requirements(2), Requirements(1), True),
        (Requirements(1), Requirements(2), False),
        (Requirements(reviewers=("ann",)), NO_REQUIREMENTS, True),
        (NO_REQUIREMENTS, Requirements(reviewers=("ann",)), False),
        (Requirements(reviewers=("ann",)), Requirements(reviewers=("bo", "ann")), True),
        (Requirements(reviewers=("bo", "ann")), Requirements(reviewers=("ann", "bo")), True),
        (Requirements(reviewers=("ann", "bo")), Requirements(reviewers=("ann",)), False),
        (Requirements(reason_required=True), NO_REQUIREMENTS, True),
        (NO_REQUIREMENTS, Requirements(reason_required=True), False),
        (Requirements(evidence=EVIDENCE_SHOWN), NO_REQUIREMENTS, True),
        (NO_REQUIREMENTS, Requirements(evidence=EVIDENCE_SHOWN), False),
    ],
)
def test_a_demand_covers_what_asks_for_no_more(ours: Requirements, theirs: Requirements, enough: bool) -> None:
    assert ours.cover(theirs) is enough


@given(demands, demands, decisions)
def test_what_satisfies_a_demand_satisfies_all_that_it_covers(
    ours: Requirements, theirs: Requirements, decision: tuple[set[str], bool, bool]
) -> None:
    assert not (ours.cover(theirs) and satisfied(ours, decision)) or satisfied(theirs, decision)


@given(demands, demands, demands)
def test_covering_is_an_order(one: Requirements, two: Requirements, three: Requirements) -> None:
    assert one.cover(one)
    assert one.cover(NO_REQUIREMENTS)
    assert not (one.cover(two) and two.cover(three)) or one.cover(three)
    if one.cover(two) and two.cover(one):
        assert same(one, two)


@given(demands, demands)
def test_two_demands_together_cover_each_and_nothing_weaker_does(one: Requirements, other: Requirements) -> None:
    together = one.and_also(other)
    if together is None:
        assert not one.cover(other)
        assert not other.cover(one)
        return
    assert together.cover(one)
    assert together.cover(other)
    assert same(together, one) == one.cover(other)


def test_no_two_of_these_are_enough_for_each_other() -> None:
    each = [Requirements(2), Requirements(reviewers=("ann",)), Requirements(reason_required=True)]
    each += [Requirements(evidence=EVIDENCE_SHOWN), Requirements(reviewers=("bo",))]
    assert not any(one.cover(other) or other.cover(one) for one, other in combinations(each, 2))


@given(demands)
def test_a_demand_comes_back_from_its_stored_form(demand: Requirements) -> None:
    assert Requirements.from_json(demand.to_json()) == demand


@pytest.mark.parametrize(
    "stored",
    [
        {},
        {"quorum": 1},
        {"quorum": "2", "reviewers": [], "reason_required": False, "evidence": "none"},
        {"quorum": True, "reviewers": [], "reason_required": False, "evidence": "none"},
        {"quorum": 1, "reviewers": [1], "reason_required": False, "evidence": "none"},
        {"quorum": 1, "reviewers": None, "reason_required": False, "evidence": "none"},
        {"quorum": 1, "reviewers": [], "reason_required": 0, "evidence": "none"},
        {"quorum": 1, "reviewers": [], "reason_required": False, "evidence": None},
        {"quorum": 1, "reviewers": [], "reason_required": False, "evidence": "none", "role": "admin"},
    ],
)
def test_a_stored_form_that_is_malformed_is_no_demand(stored: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError)):
        Requirements.from_json(stored)


@pytest.mark.parametrize("reviewers", ["ann", {"ann": 1}, 5, None])
def test_stored_requirements_whose_reviewers_are_no_list_are_refused(reviewers: object) -> None:
    stored = {**Requirements(reviewers=("ann",)).to_json(), "reviewers": reviewers}
    with pytest.raises(TypeError, match="reviewers are no list"):
        Requirements.from_json(stored)
