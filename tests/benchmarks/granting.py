"""What it costs that calls are held against grants, and that a session may be held: submissions with and without."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import count
from time import perf_counter_ns

from approval_tui.domain.calls import Call
from approval_tui.domain.decisions import Reviewer
from approval_tui.domain.grants import ALWAYS, GrantTerms
from approval_tui.domain.matchers import ANYTHING, FITTING, Part, exact_matcher
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from tests.benchmarks.measuring import Counts, Figure, Samples, compare, percentile, pooled, undisturbed
from tests.benchmarks.samples import sample_call

GRANTS = (1, 100)
_BASELINE = "the same call where nothing was ever granted"
_US = 1000.0


def measure(counts: Counts, folder: str) -> list[Figure]:
    """Calls that the last of so many grants approves, and calls that none of them covers."""
    numbers = count()
    contenders: dict[str, Callable[[], Samples]] = {"none": _contender(folder, 0, False, counts.cycles, numbers)}
    for grants in GRANTS:
        for covered in (True, False):
            name = f"submit, {'covered by one' if covered else 'covered by none'} of {grants} grants"
            contenders[name] = _contender(folder, grants, covered, counts.cycles, numbers)
    for run in contenders.values():
        run()
    rounds = undisturbed(contenders, counts.rounds)
    return [
        compare(
            name,
            "us",
            rounds.samples[name],
            _BASELINE,
            rounds.samples["none"],
            measure="submit",
            notes=(f"p99 {percentile(pooled(rounds.samples[name], 'submit'), 99):.0f} us",),
            disturbed=rounds.disturbed,
        )
        for name in contenders
        if name != "none"
    ]


def _contender(folder: str, grants: int, covered: bool, cycles: int, numbers: Iterator[int]) -> Callable[[], Samples]:
    store = open_store_blocking(os.path.join(folder, f"{grants}-{covered}", "approvals.db"))
    for number in range(grants):
        _grant(store, number if number < grants - 1 or not covered else None)
    return partial(_submit, store, cycles, numbers, is_granted=covered)


def _grant(store: BlockingStore, number: int | None) -> None:
    """A grant for every command that begins so: `make`, or another word for each number."""
    word = "make" if number is None else f"tool{number}"
    call = sample_call(0)
    arguments = {**call.arguments, "command": f"{word} one"}
    request = store.requester.submit(replace(call, arguments=arguments, session="run-1")).request
    matcher = exact_matcher(request).with_part(Part(("arguments", "command"), FITTING, f"{word} *"))
    terms = GrantTerms(ALWAYS, matcher.with_part(Part(("context",), ANYTHING)))
    store.reviewer.add_grant(request.id, terms, reviewer=Reviewer("ann"), digest=request.digest)


def _submit(store: BlockingStore, times: int, numbers: Iterator[int], *, is_granted: bool) -> Samples:
    samples: Samples = {"submit": []}
    for _ in range(times):
        base = sample_call(0)
        call: Call = replace(base, arguments={**base.arguments, "command": f"make n{next(numbers)}"}, session="run-1")
        start = perf_counter_ns()
        request = store.requester.submit(call).request
        samples["submit"].append((perf_counter_ns() - start) / _US)
        assert (request.status == "approved") == is_granted
    return samples
