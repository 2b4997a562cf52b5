"""Hundreds of agents wait at one server: each hears of its decision, and the server's memory stays flat."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence

import httpx2
import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.http_names import uuid_of
from approval_tui.domain.models import Request
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from tests.server.serving import ServerProcess, token_for
from tests.support import LONG, approve, assert_sound, submit

POLLS = 500
ROUNDS = 3

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def resident_kilobytes(process: int) -> int:
    """How much memory the process has now."""
    with open(f"/proc/{process}/status") as file:
        found = re.search(r"VmRSS:\s+(\d+) kB", file.read())
    assert found is not None
    return int(found[1])


async def polls(url: str, token: str, requests: Sequence[Request]) -> list[Connection]:
    """One open connection for each request, with a poll on it that is held."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    connections = []
    for request in requests:
        reader, writer = await asyncio.open_connection(host, int(port))
        head = f"GET /v1/requests/{uuid_of(request.id)}?wait=30s HTTP/1.1\r\nHost: localhost\r\n"
        writer.write(f"{head}Authorization: Bearer {token}\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        connections.append((reader, writer))
    return connections


async def answers(connections: Sequence[Connection]) -> list[str]:
    """The status of the request in each answer."""
    async with asyncio.timeout(LONG):
        texts = await asyncio.gather(*(reader.read() for reader, _ in connections))
    for _, writer in connections:
        writer.close()
    return [json.loads(text.partition(b"\r\n\r\n")[2])["status"] for text in texts]


def one_round(server: ServerProcess, desk: BlockingStore, token: str, number: int) -> None:
    calls = [Call("shell", {"round": number, "n": each}, "bot") for each in range(POLLS)]
    requests = [submit(desk, call) for call in calls]

    async def run() -> list[str]:
        connections = await polls(server.url, token, requests)
        async with httpx2.AsyncClient(trust_env=False, timeout=LONG) as client:  # others are served meanwhile
            assert (await client.get(f"{server.url}/openapi.json")).status_code == 200
        for request in requests:
            await asyncio.to_thread(approve, desk, request)
        return await answers(connections)

    assert asyncio.run(run()) == ["approved"] * POLLS


@pytest.mark.parametrize("rounds", [ROUNDS, pytest.param(20, marks=pytest.mark.soak)])
def test_five_hundred_polls_are_held_and_answered_with_flat_memory(store_path: str, rounds: int) -> None:
    with open_store_blocking(store_path) as desk:
        token = token_for(desk, "agent", "bot")
        server = ServerProcess(store_path)
        one_round(server, desk, token, 0)
        settled = resident_kilobytes(server.process.pid)
        for number in range(1, rounds):
            one_round(server, desk, token, number)
        assert resident_kilobytes(server.process.pid) < settled + 8 * 1024
        assert server.stop() == 0
        assert_sound(desk)
