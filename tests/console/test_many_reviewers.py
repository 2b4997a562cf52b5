"""Two consoles, a command line and an HTTP reviewer decide the same requests while agents run: nothing goes wrong."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.console.race.agents import POLICY
from tests.console.race.race import Race

ENOUGH = 24
"""Decisions tried in the default run; it ends when so many were, however long that takes."""

MINUTE = 60.0


def _has_enough(race: Race) -> bool:
    """Whether everybody decided something, and all together enough."""
    everybody = min(race.answers.done_by("cli"), race.answers.done_by("api"), *(c.decisions for c in race.consoles))
    return everybody >= 1 and len(race.answers.given) >= ENOUGH


async def _run(store_path: str, tmp_path: Path, seed: int, least_seconds: float) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY)
    began = time.monotonic()
    race = Race(store_path, seed)
    print(f"seed {seed}")  # pytest shows it with a failure
    try:
        await race.run(lambda it: _has_enough(it) and time.monotonic() - began >= least_seconds, str(policy))
        judge = race.judged()
        print(dict(judge.counts), [dict(console.acts) for console in race.consoles], race.looks)
        assert judge.wrong == []
    finally:
        race.close()


async def test_many_reviewers_decide_the_same_requests_and_nothing_goes_wrong(store_path: str, tmp_path: Path) -> None:
    await _run(store_path, tmp_path, 0, 0.0)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1, 9))
async def test_the_same_for_a_minute(seed: int, store_path: str, tmp_path: Path) -> None:
    await _run(store_path, tmp_path, seed, MINUTE)
