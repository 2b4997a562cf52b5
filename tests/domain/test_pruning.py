"""How much of a log may go: the longest beginning over whose end nothing reaches."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from approval_tui.domain.pruning import MOST_KEEPERS, UNENDED, Cut, Span

BEGINS_AND_LENGTHS = st.lists(
    st.tuples(st.integers(1, 40), st.one_of(st.integers(0, 12), st.just(UNENDED))), max_size=30
)


def a_span(first: int, length: int) -> Span:
    return Span(first, UNENDED if length == UNENDED else first + length, first, f"span of {first}", "goes on")


@given(BEGINS_AND_LENGTHS, st.integers(0, 45))
def test_it_is_the_last_number_over_which_nothing_reaches(pairs: list[tuple[int, int]], limit: int) -> None:
    spans = sorted(a_span(*pair) for pair in pairs if pair[0] <= limit)
    cut = Cut(limit)
    for span in spans:
        cut.add(span)
    free = [here for here in range(limit + 1) if not any(each.first <= here < each.last for each in spans)]
    assert cut.found() == (free[-1], sum(each.first <= free[-1] for each in spans))


@given(BEGINS_AND_LENGTHS, st.integers(0, 45))
def test_whatever_reaches_over_the_limit_is_told_or_counted(pairs: list[tuple[int, int]], limit: int) -> None:
    spans = sorted(a_span(*pair) for pair in pairs if pair[0] <= limit)
    cut = Cut(limit)
    for span in spans:
        cut.add(span)
    over = [each.what for each in spans if each.last > limit]
    assert [each.what for each in cut.keepers] == over[:MOST_KEEPERS]
    assert cut.further_keepers == max(0, len(over) - MOST_KEEPERS)
