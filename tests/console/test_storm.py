"""In a storm of keys, clicks and changes nothing is decided that the contract does not allow (rule R11)."""

from __future__ import annotations

import pytest

from approval_tui.domain.models import Request
from approval_tui.store.blocking import BlockingStore
from tests.console.conftest import OpenConsole
from tests.console.driver import key_event
from tests.console.storm import Storm, until_done

LEAST_DECISIONS = 1


@pytest.mark.parametrize(
    ("seed", "seconds"),
    [(0, 100), *(pytest.param(seed, 250, marks=pytest.mark.soak) for seed in range(32))],
)
async def test_a_storm_decides_nothing_that_the_contract_does_not_allow(
    seed: int, seconds: int, store_path: str
) -> None:
    storm = Storm(store_path, seed)
    print(f"seed {seed}")  # pytest shows it with a failure
    await storm.blow(seconds)
    assert sum(storm.oracle.allowed.values()) >= LEAST_DECISIONS, storm.oracle.allowed


async def test_keys_wait_from_when_a_request_was_drawn_however_long_that_took(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        await console.press("j", "j", "j")
        clock = console.app.clock

        def slow_clock() -> int:
            """The age of a request is asked for while it is drawn; this one takes a second to draw."""
            console.app.clock = clock
            console.monotonic.move(1000)
            return clock()

        console.monotonic.move(1000)
        console.app.clock = slow_clock
        console.app.post_message(key_event("k"))
        await console.until(lambda: console.app.clock is clock)
        await until_done(console.app)
        await console.press_at_once("a")
    assert [each.id for each in reviewing_store.reviewer.list()] == [each.id for each in requests]
