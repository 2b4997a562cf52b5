"""A raw MCP client: it writes what a test wants written, and keeps every message that comes back."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.support import LONG, ROOT

Message = dict[str, Any]
CLIENT = {"name": "raw", "version": "1"}


class RawClient:
    """A server's process, or a proxy's, with a thread that reads what it says; use it in `with`."""

    def __init__(self, command: Sequence[str], *, errors: Path | None = None, **environment: str) -> None:
        self._errors = open(errors or os.devnull, "wb")  # noqa: SIM115 - closed with the process
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        self.messages: list[Any] = []
        self._news = threading.Condition()
        self._has_ended = False
        self._next_id = 1000
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    # --- what a client does --------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Writes these very bytes."""
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, message: Any) -> None:
        """Writes one message on a line."""
        self.write(json.dumps(message).encode() + b"\n")

    def request(self, method: str, params: Any = None, *, id: str | int | None = None) -> str | int:
        """Sends a request and gives its id; does not wait."""
        self._next_id += 1
        request_id = self._next_id if id is None else id
        message: Message = {"jsonrpc": "2.0", "id": request_id, "method": method}
        self.send(message if params is None else {**message, "params": params})
        return request_id

    def notify(self, method: str, params: Any = None) -> None:
        """Sends a notification."""
        message: Message = {"jsonrpc": "2.0", "method": method}
        self.send(message if params is None else {**message, "params": params})

    def ask(self, method: str, params: Any = None) -> Message:
        """Sends a request and waits for its answer."""
        return self.answer(self.request(method, params))

    def call(self, tool: str, arguments: Any = None, **params: Any) -> Message:
        """Calls a tool and waits for the answer."""
        return self.answer(self.start_call(tool, arguments, **params))

    def start_call(self, tool: str, arguments: Any = None, **params: Any) -> str | int:
        """Calls a tool and gives the request's id; does not wait."""
        given = {} if arguments is None else {"arguments": arguments}
        return self.request("tools/call", {"name": tool, **given, **params})

    def shake_hands(self, version: str = "2025-11-25", capabilities: Message | None = None) -> Message:
        """Initializes the session."""
        params = {"protocolVersion": version, "capabilities": capabilities or {}, "clientInfo": CLIENT}
        answer = self.ask("initialize", params)
        self.notify("notifications/initialized")
        return answer

    # --- what comes back -----------------------------------------------------------------------

    def answer(self, request_id: str | int | None) -> Message:
        """Waits for the answer with that id."""
        return self.wait_for(lambda message: "method" not in message and message.get("id") == request_id)

    def wait_for(self, wanted: Callable[[Message], bool]) -> Message:
        """Waits for the first message that is wanted; a list is looked at as its items are."""
        with self._news:
            found = self._news.wait_for(lambda: self._first(wanted) or self._has_ended, LONG)
            message = self._first(wanted)
        if message is None:
            raise AssertionError(f"it did not come{'' if found else ' in time'}; there came {self.messages}")
        return message

    def has(self, wanted: Callable[[Message], bool]) -> bool:
        """Whether a message like that has come so far."""
        with self._news:
            return self._first(wanted) is not None

    def _first(self, wanted: Callable[[Message], bool]) -> Message | None:
        flat = [item for message in self.messages for item in (message if isinstance(message, list) else [message])]
        return next((message for message in flat if wanted(message)), None)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._news:
                self.messages.append(json.loads(line))
                self._news.notify_all()
        with self._news:
            self._has_ended = True
            self._news.notify_all()

    # --- the end -------------------------------------------------------------------------------

    def hang_up(self) -> int:
        """Closes the client's end and waits for the process; gives its exit code."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.wait()

    def wait(self) -> int:
        """Waits for the end of the process, and of what it says."""
        code = self.process.wait(LONG)
        self._thread.join(LONG)
        return code

    def kill(self) -> None:
        """Kills the process as no handler can notice."""
        self.process.send_signal(signal.SIGKILL)
        self.wait()

    def __enter__(self) -> RawClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(LONG)
        self._thread.join(LONG)
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        self._errors.close()


def proxy_command(*options: str, server: Sequence[str] = ()) -> list[str]:
    """The command line of a proxy in front of that server."""
    command = [sys.executable, "-W", "error", "-m", "approval_tui", "proxy", *options]
    return [*command, "--", *server] if server else command


def recording_server(record: Path) -> list[str]:
    """The command line of the server that writes down the calls which reach it."""
    return [sys.executable, "-m", "tests.proxy.recording_server", str(record)]


def recorded(record: Path) -> list[Message]:
    """The calls that reached the server so far."""
    if not record.exists():
        return []
    return [json.loads(line) for line in record.read_text().splitlines()]
