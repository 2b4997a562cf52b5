"""Reviewers who vote in the same moment through different doors of one store; prints what each was told as JSON.

Arguments: the store's path, the server's URL, the server's token of a reviewer, the doors with commas, and how often.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import sys
from typing import Any

import httpx2

from approval_tui.cli.main import run
from approval_tui.domain.calls import Call
from approval_tui.domain.decisions import Reviewer
from approval_tui.domain.models import Request, Requirements
from approval_tui.store import open_store, open_store_blocking
from tests.store.workers.family import Body, Start, run_together
from tests.support import LONG, submit


def through_the_console(path: str, request: Request) -> Body:
    """The async store, as a console has it open, in the name of `cy`."""

    def body(start: Start) -> str:
        async def vote() -> str:
            async with open_store(path) as store:
                seen = await store.reviewer.get(request.id)
                start()
                decided = await store.reviewer.decide(
                    seen.id, "approve", reviewer=Reviewer("cy", via="console"), digest=seen.digest
                )
                return decided.status

        return asyncio.run(vote())

    return body


def through_the_command_line(path: str, request: Request) -> Body:
    """The command, in the name of `bo`."""

    def body(start: Start) -> str:
        words = ("approve", request.id, "--digest", request.digest, "--reviewer", "bo", "--json", "--store", path)
        printed = io.StringIO()
        start()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
            code = run(words)
        if code != 0:
            raise RuntimeError(f"approve ended with {code}")
        status: str = json.loads(printed.getvalue())["status"]
        return status

    return body


def through_the_server(url: str, token: str, request: Request) -> Body:
    """The server's API, in the name of the token's owner."""

    def body(start: Start) -> str:
        headers = {"Authorization": f"Bearer {token}"}
        with httpx2.Client(base_url=url, headers=headers, timeout=LONG, trust_env=False) as client:
            start()
            answer = client.post(f"/api/approve/{request.id}", json={"digest": request.digest})
            answer.raise_for_status()
            status: str = answer.json()["status"]
            return status

    return body


def race(path: str, url: str, token: str, doors: list[str], rounds: int) -> list[dict[str, Any]]:
    """For each round, the id of the request and the status that each door told; all of them are needed."""
    results = []
    for number in range(rounds):
        call = Call("pay", {"round": number}, "bot", requirements=Requirements(quorum=len(doors)))
        with open_store_blocking(path) as store:
            request = submit(store, call)
        bodies = {
            "console": through_the_console(path, request),
            "cli": through_the_command_line(path, request),
            "server": through_the_server(url, token, request),
        }
        results.append({"id": request.id, "told": run_together([bodies[door] for door in doors])})
    return results


if __name__ == "__main__":
    place, server, secret, names, times = sys.argv[1:]
    print(json.dumps(race(place, server, secret, names.split(","), int(times))))
