"""One proxy from its start to its end: the server is started, both sides are read, everything is closed."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from typing import Any

from approval_tui.domain.errors import InvalidInput
from approval_tui.gate import Gate
from approval_tui.proxy.child import ChildServer
from approval_tui.proxy.client_pipes import ClientGone, ClientPipes
from approval_tui.proxy.options import ProxyOptions
from approval_tui.proxy.presence import Presence
from approval_tui.proxy.relay import Relay
from approval_tui.proxy.tally import Tally
from approval_tui.proxy.upstream import Upstream

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

_ANSWERING = 1.5
"""Seconds in which what was asked last is still answered after the client has hung up."""

_DRAINING = 1.0
"""Seconds in which what a server that ended has said last is read."""


def run_proxy(gate: Gate, options: ProxyOptions, process: subprocess.Popen[bytes] | None) -> int:
    """Serves the client on stdin and stdout until it goes, or the server ends, or a signal comes; the exit code.

    `process` is the server's, where it has one. Raises InvalidInput where what a server at a URL needs is missing.
    """
    try:
        return asyncio.run(_serve(gate, options, process))
    finally:
        for descriptor in (0, 1):  # asyncio made them so, and a terminal would stay so for the shell
            with suppress(OSError):
                os.set_blocking(descriptor, True)


async def _serve(gate: Gate, options: ProxyOptions, process: subprocess.Popen[bytes] | None) -> int:
    upstream = await connect(process, options.upstream, options.headers)
    try:
        client = await ClientPipes.open()
        try:
            async with gate:
                return await _relay(client, upstream, gate, options)
        finally:
            await client.close()
    finally:
        await asyncio.shield(upstream.close())
        upstream.release()


async def connect(
    process: subprocess.Popen[bytes] | None, url: str | None, headers: Sequence[tuple[str, str]]
) -> Upstream:
    """The server of the process, or the one at the URL; raises InvalidInput where what that needs is missing."""
    if process is not None:
        return await ChildServer.adopt(process)
    assert url is not None
    try:
        from approval_tui.proxy.http_upstream import HttpUpstream
    except ImportError as error:
        raise InvalidInput(
            f"A server at a URL needs what is not installed: {error}.",
            not_done="Nothing was started.",
            to_do="Install the extra: pip install 'approval-tui[mcp]'.",
        ) from None
    return await HttpUpstream.connect(url, headers)


async def _relay(client: ClientPipes, upstream: Upstream, gate: Gate, options: ProxyOptions) -> int:
    tally = Tally()
    relay = Relay(client, upstream, gate, options, tally)
    presence = Presence(gate, options, tally)
    said = _task(presence.keep())
    try:
        return await _serve_until_end(client, upstream, relay)
    finally:
        await _end(said)
        await presence.end()


async def _serve_until_end(client: ClientPipes, upstream: Upstream, relay: Relay) -> int:
    """Both directions at once; whichever ends first ends the other."""
    stopped: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    _stop_on_signals(stopped)
    from_client, from_server = _task(relay.read_client()), _task(relay.read_server())
    ended = asyncio.get_running_loop().create_task(upstream.ended())
    anything: list[asyncio.Future[Any]] = [from_client, from_server, ended, stopped]
    await asyncio.wait(anything, return_when=asyncio.FIRST_COMPLETED)
    if not stopped.done() and (ended.done() or (from_server.done() and _is_fine(from_server))):
        await asyncio.wait([from_server], timeout=_DRAINING)  # what it said last
        await relay.end_calls()
        await _end(from_client, from_server)
        await upstream.close()
        return await ended
    if stopped.done() or not (from_client.done() and _is_fine(from_client)):
        client.abandon()
    await _end(from_client)
    await relay.finish_sending()
    if from_server.done():  # nobody read what it passed on, but what became of the last calls is still to be heard
        from_server = _task(relay.read_server())
    upstream.end_input()
    answered = _task(relay.until_answered())
    await asyncio.wait([answered, from_server], timeout=_ANSWERING, return_when=asyncio.FIRST_COMPLETED)
    await upstream.close()
    await asyncio.wait([from_server], timeout=_DRAINING)
    await client.close()  # what waits for a client that does not read must not wait any longer
    await relay.end_calls()
    await _end(from_server, answered, ended)
    return stopped.result() if stopped.done() else 0


def _task(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    return asyncio.get_running_loop().create_task(work)


def _is_fine(task: asyncio.Task[None]) -> bool:
    """Whether the task came to its end; raises what went wrong in it but for a client that is gone."""
    error = task.exception()
    if error is not None and not isinstance(error, ClientGone):
        raise error
    return error is None


async def _end(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError, ClientGone):
            await task


def _stop_on_signals(stopped: asyncio.Future[int]) -> None:
    def stop(number: int) -> None:
        if not stopped.done():
            stopped.set_result(128 + number)

    for number in _SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, stop, number)
