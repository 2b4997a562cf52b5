"""Gates, hooks and the server on a database: what they ask there is decided there, over a restart of it."""

from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path

import httpx2
import pytest

from approval_tui import Gate
from approval_tui.domain.models import Request
from approval_tui.integrations.coding_agents.agent import CodingAgent
from approval_tui.store import open_store_blocking
from tests.gate.both_forms import BLOCKING, FORMS, MAKE_DEPLOY, new_gate, pending_after, use
from tests.integrations.coding_agents.support_hooks import BOTH, COMMAND, PRE, event
from tests.machines.machine import Machine
from tests.postgres.servers import OwnServer
from tests.server.serving import ServerProcess, token_for
from tests.support import LONG, approve, assert_sound, until


@pytest.mark.parametrize("form", FORMS)
def test_a_gate_waits_over_a_restart_and_runs_what_was_approved(form: str, own_postgres: OwnServer) -> None:
    url = own_postgres.url(own_postgres.new_schema())
    with open_store_blocking(url) as desk, new_gate(url) as gate:
        ran: list[object] = []
        working = threading.Thread(target=lambda: ran.append(use(form, gate, lambda call: call.arguments)))
        working.start()
        request = pending_after(desk, set())
        own_postgres.restart("immediate")
        approve(desk, request)
        working.join(LONG)
        assert ran == [MAKE_DEPLOY]
        told = desk.reviewer.get(request.id)
        assert (told.status, told.outcome) == ("consumed", "succeeded")
        assert_sound(desk)


def test_many_gates_of_one_program_ask_at_once(postgres_url: str) -> None:
    with open_store_blocking(postgres_url) as desk, new_gate(postgres_url) as gate:
        ran: list[object] = []
        working = [
            threading.Thread(
                target=lambda n=n: ran.append(use(BLOCKING, gate, lambda call: call.arguments, arguments={"n": n}))
            )
            for n in range(12)
        ]
        for thread in working:
            thread.start()
        until(lambda: len(desk.reviewer.list()) == len(working))
        for request in desk.reviewer.list():
            approve(desk, request)
        for thread in working:
            thread.join(LONG)
        assert len(ran) == len(working)
        assert_sound(desk)


@BOTH
def test_a_hook_asks_in_a_database_and_keeps_its_claim_in_its_own_home(
    agent: CodingAgent, postgres_url: str, tmp_path: Path
) -> None:
    machine = Machine(tmp_path / "machine", postgres_url)
    with open_store_blocking(postgres_url) as desk:
        with subprocess.Popen(
            [*COMMAND, "hook", agent.name, "--wait", "60s"],
            env=machine.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as asking:
            assert asking.stdin is not None
            assert asking.stdout is not None
            asking.stdin.write(event(agent, PRE))
            asking.stdin.close()
            request = pending_after(desk, set())
            approve(desk, request)
            assert b"deny" not in asking.stdout.read()
        assert asking.returncode == 0
        assert desk.reviewer.get(request.id).status == "consumed"
    kept = [name for _, _, names in os.walk(tmp_path / "machine") for name in names]
    assert kept


def test_a_server_on_a_database_answers_agents_and_reviewers_over_its_restart(own_postgres: OwnServer) -> None:
    url = own_postgres.url(own_postgres.new_schema())
    with open_store_blocking(url) as desk:
        tokens = {role: token_for(desk, role, name) for role, name in (("agent", "release-bot"), ("reviewer", "ann"))}
        server = ServerProcess(url)
        try:
            with Gate("release-bot", context={}, store=server.url, token=tokens["agent"], timeout=LONG) as gate:
                ran: list[object] = []
                working = threading.Thread(target=lambda: ran.append(use(BLOCKING, gate, lambda call: call.arguments)))
                working.start()
                request = pending_after(desk, set())
                own_postgres.restart("fast")
                until(lambda: _approved_over_http(server.url, tokens["reviewer"], request))
                working.join(LONG)
                assert ran == [MAKE_DEPLOY]
            assert_sound(desk)
        finally:
            assert server.stop() == 0


def _approved_over_http(url: str, token: str, request: Request) -> bool:
    """Whether the reviewer's API took the approval; while the database is away it says so."""
    answer = httpx2.post(
        f"{url}/api/approve/{request.id}",
        headers={"Authorization": f"Bearer {token}"},
        json={"digest": request.digest},
    )
    assert answer.status_code in (200, 503), answer.text
    return answer.status_code == 200
