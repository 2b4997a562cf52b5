"""The server and the console with a reviewer's credentials, beside agents that have their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from approval_tui.console.app import ConsoleApp
from approval_tui.domain.calls import Call
from approval_tui.domain.decisions import Reviewer
from approval_tui.domain.errors import StoreReadOnly
from approval_tui.domain.grants import ALWAYS, GrantTerms
from approval_tui.domain.models import Request
from approval_tui.store.blocking import BlockingStore
from tests.console.driver import Console
from tests.server.serving import Served, serve
from tests.store.postgres_roles.arena import Arena
from tests.support import ANN, LONG, ManualClock, assert_sound, consume, submit

MakeCall = Callable[..., Call]


@pytest.fixture
def served(arena: Arena) -> Iterator[Served]:
    server, served = serve(arena.reviewer)
    yield served
    server.stop()
    served.desk.close()


def granted_again(agent: BlockingStore, reviewer: BlockingStore, a_call: MakeCall) -> Request:
    """A request that a grant covers; nobody has held it against the grant yet."""
    first = submit(agent, a_call())
    reviewer.reviewer.add_grant(first.id, GrantTerms(ALWAYS), reviewer=ANN, digest=first.digest)
    return submit(agent, a_call(arguments=first.arguments, session="another"))


def test_a_server_serves_and_applies_grants_as_soon_as_an_agent_asks(
    served: Served, agent: BlockingStore, reviewer: BlockingStore, a_call: MakeCall
) -> None:
    covered = granted_again(agent, reviewer, a_call)
    assert agent.requester.wait(covered.id, timeout=int(LONG * 1000)).status == "approved"
    assert consume(agent, covered).arguments == covered.arguments
    with served.client(served.agent_token) as bot, served.client(served.reviewer_token) as ann:
        key = {"Idempotency-Key": "k"}
        asked = bot.post("/v1/requests", json={"tool": "ls", "arguments": {}, "timeout": "5m"}, headers=key).json()
        digest = ann.get(f"/api/pending/{asked['id']}").json()["digest"]
        ann.post(f"/api/approve/{asked['id']}", json={"digest": digest}).raise_for_status()
        assert bot.get(f"/v1/requests/{asked['id']}").json()["status"] == "approved"
        bot.post(f"/v1/requests/{asked['id']}/consume", headers=key).raise_for_status()
        bot.post(f"/v1/requests/{asked['id']}/outcome", json={"status": "succeeded"}).raise_for_status()
    with pytest.raises(StoreReadOnly, match="belongs to another"):
        agent.requester.submit(Call("ls", {}, requester="bot"))
    assert_sound(reviewer)


async def test_a_console_decides_and_applies_grants(
    arena: Arena, agent: BlockingStore, reviewer: BlockingStore, a_call: MakeCall
) -> None:
    covered, asked = granted_again(agent, reviewer, a_call), submit(agent, a_call())
    monotonic = ManualClock(0)
    app = ConsoleApp(arena.reviewer, reviewer=Reviewer("ann", via="console"), monotonic=monotonic)
    async with app.run_test(size=(140, 34)) as pilot:
        console = Console(pilot, ManualClock(), monotonic)
        await console.until(lambda: console.screen.is_live and console.app.contract.is_painted)
        assert reviewer.reviewer.get(covered.id).status == "approved"
        await console.until(lambda: console.shown.id == asked.id)
        await console.approve()
        await console.until(lambda: reviewer.reviewer.get(asked.id).status == "approved")
    assert consume(agent, asked).arguments == asked.arguments
