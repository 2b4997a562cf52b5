"""Votes through every door at the same moment: all of them count, each once, and one of them decides (R7)."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.decisions import Reviewer
from approval_tui.domain.models import Requirements
from approval_tui.domain.roles import REVIEWER
from approval_tui.store import open_store_blocking
from tests.server.serving import ServerProcess, serve, token_for
from tests.support import LONG, ROOT, approve, assert_sound, event_names, submit

ROUNDS = 8


@pytest.mark.parametrize(
    "doors", [("console", "cli"), ("cli", "server"), ("server", "console"), ("console", "cli", "server")], ids="-".join
)
def test_votes_of_one_moment_through_different_doors_are_all_counted_once(
    store_path: str, doors: tuple[str, ...]
) -> None:
    with open_store_blocking(store_path) as store:
        token = token_for(store, REVIEWER, "ann")
        server = ServerProcess(store_path)
        try:
            words = (store_path, server.url, token, ",".join(doors), str(ROUNDS))
            raced = subprocess.run(
                [sys.executable, "-W", "error", "-m", "tests.server.voting", *words],
                cwd=ROOT,
                capture_output=True,
                text=True,
                timeout=2 * LONG,
                check=False,
            )
        finally:
            server.stop()
        assert raced.returncode == 0, raced.stderr
        results = json.loads(raced.stdout)
        assert len(results) == ROUNDS
        for result in results:
            request = store.reviewer.get(result["id"])
            assert request.status == "approved"
            assert sorted(result["told"]) == ["approved"] + ["pending"] * (len(doors) - 1)
            names = {"console": ("cy", "console"), "cli": ("bo", "cli"), "server": ("ann", "api")}
            assert sorted((each.reviewer, each.via) for each in request.decisions) == sorted(
                names[door] for door in doors
            )
            assert {each.reviewer: each.token is not None for each in request.decisions} == {
                names[door][0]: door == "server" for door in doors
            }
            votes = ["vote_recorded"] * (len(doors) - 1)
            assert event_names(store, request) == ["request_submitted", *votes, "request_approved"]
        assert_sound(store)


def test_one_reviewer_who_votes_with_a_token_and_at_the_machine_counts_once(store_path: str) -> None:
    server, served = serve(store_path)
    with served.desk as desk, served.client(served.reviewer_token) as client:
        request = submit(desk, Call("pay", {}, "bot", requirements=Requirements(quorum=2)))
        voted = approve(desk, request, Reviewer("Ann", via="console"))
        answer = client.post(f"/api/approve/{request.id}", json={"digest": request.digest})
        assert (answer.status_code, answer.json()["status"]) == (200, "pending")
        assert desk.reviewer.get(request.id) == voted
        server.stop()
