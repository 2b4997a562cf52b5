"""An agent on one machine and a reviewer on another, with nothing in common but a database."""

from __future__ import annotations

import re
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from approval_tui.cli.exit_codes import CONFLICT
from approval_tui.domain.calls import Call
from approval_tui.domain.clock import MINUTE, system_clock
from approval_tui.domain.errors import StoreAway, StoreUnavailable
from approval_tui.domain.grants import ALWAYS, GrantTerms
from approval_tui.store import open_store_blocking, wakeups
from tests.machines.machine import HOUR, Machine
from tests.postgres.servers import OwnServer
from tests.support import ANN, LONG, submit, submit_approved, until

CALL = ("--requester", "bot", "--tool", "shell", "--session", "run-1", "--args", '{"command": "make deploy"}')
CLOCKS = {"agent ahead, reviewer behind": (2 * HOUR, -HOUR), "agent behind, reviewer ahead": (-2 * HOUR, HOUR)}


@pytest.fixture(params=CLOCKS)
def machines(request: pytest.FixtureRequest, tmp_path: Path, postgres_url: str) -> tuple[Machine, Machine]:
    """The agent's and the reviewer's, whose clocks are hours apart."""
    agents, reviewers = CLOCKS[request.param]
    return (
        Machine(tmp_path / "agents", postgres_url, ahead=agents),
        Machine(tmp_path / "reviewers", postgres_url, ahead=reviewers),
    )


def the_pending(machine: Machine) -> dict[str, Any]:
    """The one request that waits, as soon as there is one."""
    found: list[dict[str, Any]] = []

    def look() -> bool:
        found[:] = machine.ask("list")
        return bool(found)

    until(look)
    return found[0]


def test_an_agent_waits_here_and_is_approved_there(machines: tuple[Machine, Machine]) -> None:
    agents, reviewers = machines
    began = time.time()
    waiting = agents.start("submit", *CALL, "--wait")
    request = the_pending(reviewers)
    reviewers.run("approve", request["id"], "--digest", request["digest"], "--reviewer", "ann")
    out, err = waiting.communicate(timeout=LONG)
    assert (waiting.returncode, out.split()[-1]) == (0, "approved"), err
    assert "left" in err

    claim = agents.ask("consume", request["id"], "--requester", "bot")
    agents.run("outcome", request["id"], "succeeded", "--claim", claim["claim"])
    [told] = reviewers.ask("history")
    assert (told["status"], told["outcome"]) == ("consumed", "succeeded")
    seen = reviewers.run("history")
    assert "bot" in seen
    assert "-" not in seen.splitlines()[1].split()[1], "nothing is from the future"
    decided = told["decisions"][0]["decided_at"]
    assert told["created_at"] <= decided
    assert began - 5 <= _seconds(told["created_at"]) <= time.time() + 5, "the database's clock counts"
    reviewers.run("audit", "verify")


@pytest.mark.parametrize("machines", list(CLOCKS)[:1], indirect=True)
def test_where_it_is_still_early_by_its_own_clock_nobody_approves_what_has_expired(
    machines: tuple[Machine, Machine],
) -> None:
    agents, reviewers = machines
    waiting = agents.start("submit", *CALL, "--timeout", "1s", "--wait")
    out, _ = waiting.communicate(timeout=LONG)
    request_id, status = out.split()[-2:]
    assert status == "expired"
    [request] = reviewers.ask("history")
    assert (request["id"], request["status"]) == (request_id, "expired")
    reviewers.run("approve", request_id, "--digest", request["digest"], code=CONFLICT)


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


def test_what_looks_at_the_clock_first_goes_by_that_of_the_database(tmp_path: Path, postgres_url: str) -> None:
    ahead = Machine(tmp_path / "ahead", postgres_url, ahead=HOUR)
    assert "A new, empty store was made" in ahead.tell("list")
    with open_store_blocking(postgres_url) as store:
        assert abs(store.now() - system_clock()) < MINUTE
        request = submit_approved(store, Call(tool="shell", arguments={}, requester="bot", session="run-1"))
        store.reviewer.add_grant(request.id, GrantTerms(ALWAYS), reviewer=ANN, digest=request.digest)
    assert re.search(r"  for (7d|6d23h)  ", ahead.run("grant", "list"))


def test_a_wait_that_is_given_up_says_that_the_request_stays(
    own_postgres: OwnServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wakeups, "LONGEST_ABSENCE", 0.0)
    with open_store_blocking(own_postgres.url(own_postgres.new_schema()), patience=0.0) as store:
        request = submit(store, Call(tool="shell", arguments={}, requester="bot"))
        own_postgres.stop()
        with pytest.raises(StoreAway, match=f"request {request.id} stays there as it is"):
            store.requester.wait(request.id)


def test_a_database_that_is_not_there_is_not_waited_for(postgres_url: str) -> None:
    with pytest.raises(StoreUnavailable, match=r"does not let this user into .*does not exist") as refused:
        open_store_blocking(postgres_url.replace("/approvals?", "/nowhere?"))
    assert not isinstance(refused.value, StoreAway)
