"""Addresses and sockets of the server."""

from __future__ import annotations

import asyncio
import socket

import pytest

from approval_tui.domain.errors import InvalidInput
from approval_tui.server.sockets import Address, listen_at, parse_address


@pytest.mark.parametrize(
    ("text", "address", "is_loopback", "said"),
    [
        ("127.0.0.1:9111", ("127.0.0.1", 9111), True, "127.0.0.1:9111"),
        ("localhost:0", ("localhost", 0), True, "localhost:0"),
        ("127.8.8.8:1", ("127.8.8.8", 1), True, "127.8.8.8:1"),
        ("[::1]:80", ("::1", 80), True, "[::1]:80"),
        ("0.0.0.0:80", ("0.0.0.0", 80), False, "0.0.0.0:80"),
        ("[::]:80", ("::", 80), False, "[::]:80"),
        ("10.0.0.1:80", ("10.0.0.1", 80), False, "10.0.0.1:80"),
    ],
)
def test_an_address_is_of_this_machine_or_not(
    text: str, address: tuple[str, int], is_loopback: bool, said: str
) -> None:
    parsed = parse_address(text)
    assert (parsed, parsed.is_loopback, str(parsed)) == (Address(*address), is_loopback, said)


@pytest.mark.parametrize(
    "text", ["", ":", "x:1", "127.0.0.1:", "127.0.0.1:-1", "127.0.0.1:٣", "::1:80", "[::1]", "a.example:1", "127.1:80"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_address(text)


async def test_an_answer_is_sent_at_once_and_not_when_the_last_one_was_acknowledged() -> None:
    found: list[int] = []

    async def look(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        found.append(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    async with await asyncio.start_server(look, sock=listen_at(Address("127.0.0.1", 0))) as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        await reader.read()
        writer.close()
    assert found == [1]
