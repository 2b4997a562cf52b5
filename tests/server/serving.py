"""A real server for a test: in a thread of this process, or as the command in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import uvicorn.server

from approval_tui.display.redaction import Redactor
from approval_tui.display.unusual import unusual_sentences
from approval_tui.domain.decisions import Reviewer
from approval_tui.domain.models import Request
from approval_tui.domain.precedents import Precedents
from approval_tui.domain.roles import AGENT, REVIEWER
from approval_tui.domain.tokens import new_token
from approval_tui.integrations.approval_manager import ApprovalManager
from approval_tui.integrations.approval_routes import answer
from approval_tui.policy.document import parse_policy
from approval_tui.policy.engine import PolicyEngine
from approval_tui.server.operations import Operation
from approval_tui.server.run import Serving, operations_for, run_server
from approval_tui.server.sockets import Address, listen_at
from approval_tui.settings.configuration import Settings
from approval_tui.store import open_store, open_store_blocking
from approval_tui.store.blocking import BlockingStore
from tests.support import LONG, ROOT, until

OPERATOR = Reviewer("operator", via="cli")
UNUSED = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients of plain HTTP, each of which would read the machine's certificates; it trusts nobody."""

LOOKS_EVERY = 0.005
"""Seconds after which a server on a thread looks again whether it is to end."""

HOSTS = ("localhost", "127.0.0.1", "[::1]")


def token_for(desk: BlockingStore, role: str, name: str, lifetime: int | None = None) -> str:
    """The text of a new token, as its owner is handed it."""
    new = new_token()
    desk.reviewer.create_token(new, role, name, lifetime=lifetime, reviewer=OPERATOR)
    return new.text


def engine_of(policy: str | None) -> Callable[[], PolicyEngine | None]:
    """What gives the engine of a policy's text; None where there is none."""
    engine = None if policy is None else PolicyEngine(parse_policy(policy, "policy.yaml"))
    return lambda: engine


@dataclass
class Served:
    """A server that runs: where it is, the store behind it, and tokens for it."""

    url: str
    desk: BlockingStore
    agent_token: str
    reviewer_token: str

    def client(self, token: str | None = None, **options: Any) -> httpx2.Client:
        """A plain HTTP client with that token, else without one."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return httpx2.Client(
            base_url=self.url, headers=headers, timeout=LONG, trust_env=False, verify=UNUSED, **options
        )

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])


def find_unusual(request: Request, precedents: Precedents) -> list[str]:
    """What is unusual, as the command finds it."""
    return unusual_sentences(request, precedents, Redactor())


class _Impatient:
    """The asyncio that uvicorn's server uses: it looks every few ms whether it is to end, not ten times a second."""

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    @staticmethod
    async def sleep(seconds: float) -> None:
        await asyncio.sleep(min(seconds, LOOKS_EVERY))


uvicorn.server.asyncio = _Impatient()  # type: ignore[assignment, attr-defined]


class ThreadedServer:
    """The server on a thread of this process."""

    def __init__(
        self,
        store_path: str,
        *,
        policy: str | None = None,
        settings: Settings | None = None,
        port: int = 0,
        **serving: Any,
    ) -> None:
        self._listening = listen_at(Address("127.0.0.1", port))
        self.port: int = self._listening.getsockname()[1]
        self._stop: list[Callable[[], None]] = []
        self.loop: asyncio.AbstractEventLoop | None = None
        self._serving = Serving(
            **{
                "engine": engine_of(policy),
                "settings": settings or Settings(),
                "unusual": find_unusual,
                "hosts": HOSTS,
                **serving,
            }
        )
        self._thread = threading.Thread(target=self._run, args=(store_path,), name="server", daemon=True)
        self._thread.start()
        until(lambda: self._stop or not self._thread.is_alive())
        assert self._stop, "the server did not start"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        """Ends the server as a signal would, and waits until it has ended."""
        assert self.loop is not None
        self.loop.call_soon_threadsafe(self._stop[0])
        self._thread.join(LONG)
        assert not self._thread.is_alive()

    def _run(self, store_path: str) -> None:
        async def run() -> None:
            self.loop = asyncio.get_running_loop()
            async with open_store(store_path) as store:
                await run_server(store, self._serving, self._listening, self._stop.append)

        asyncio.run(run())


class Watched:
    """A server whose tasks and connections a test can count."""

    def __init__(self, server: ThreadedServer, served: Served) -> None:
        self.served = served
        self._server = server

    def tasks(self) -> int:
        """How many tasks serve callers now."""
        loop = self._server.loop
        return sum("run_asgi" in repr(task) for task in asyncio.all_tasks(loop))


def serve(store_path: str, **options: Any) -> tuple[ThreadedServer, Served]:
    """A server on a thread with a token for the agent `bot` and one for the reviewer `ann`."""
    desk = open_store_blocking(store_path)
    server = ThreadedServer(store_path, **options)
    return server, Served(server.url, desk, token_for(desk, AGENT, "bot"), token_for(desk, REVIEWER, "ann"))


@contextlib.contextmanager
def serving_all(store_path: str, **options: Any) -> Iterator[Served]:
    """The same with ToolWeaver's routes, as the command serves, until the context ends."""
    with ApprovalManager(store_path) as manager:

        def proposals(method: str, path: str, body: object, reviewer: str, token: str) -> tuple[int, dict[str, Any]]:
            return answer(manager, method, path, body, reviewer=reviewer, token=token)

        server, served = serve(store_path, proposals=proposals, **options)
        with served.desk:
            yield served
            server.stop()


def table() -> tuple[Operation, ...]:
    """The server's own table, to be read; nothing stands behind it."""
    nothing: Any = None
    return operations_for(nothing, nothing, Serving(engine_of(None), Settings(), find_unusual, proposals=_no_proposals))


def _no_proposals(_method: str, _path: str, _body: object, _reviewer: str, _token: str) -> tuple[int, dict[str, Any]]:
    raise NotImplementedError


def free_port() -> int:
    """A port of this machine that nobody listens at just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class ServerProcess:
    """`approval-tui serve` in a process of its own, which can be killed."""

    def __init__(self, store_path: str, *options: str, bind: str = "127.0.0.1:0") -> None:
        environment = {**os.environ, "APPROVAL_TUI_STORE": store_path}
        place = () if "--uds" in options else ("--bind", bind)
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "approval_tui", "serve", *place, *options],
            cwd=ROOT,
            env=environment,
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.said = ""
        assert self.process.stderr is not None
        while "Listening" not in self.said:
            line = self.process.stderr.readline()
            assert line, self.said
            self.said += line
        found = re.search(r"https?://\S+", self.said)
        self.url = found[0] if found else ""

    def kill(self) -> None:
        """As `kill -9`."""
        self.process.kill()
        self._collect()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ends it by a signal, and gives its exit code."""
        self.process.send_signal(number)
        return self._collect()

    def _collect(self) -> int:
        _, rest = self.process.communicate(timeout=LONG)
        self.said += rest
        return self.process.returncode
