"""A way to a server on which answers get lost: the server has done its work, and the caller hears nothing of it."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable
from types import TracebackType

from tests.support import LONG


class LossyWay:
    """A TCP relay, one request per connection; the answers to requests that `is_lost` fits are thrown away.

    `is_lost` is given the request's first line and how many requests with that line came before.
    """

    def __init__(self, port: int, is_lost: Callable[[str, int], bool]) -> None:
        self.server_port = port
        self._is_lost = is_lost
        self.seen: list[str] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, name="lossy-way", daemon=True).start()

    def __enter__(self) -> LossyWay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                caller, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._relay, args=(caller,), daemon=True).start()

    def _relay(self, caller: socket.socket) -> None:
        with caller:
            request = _read_request(caller)
            if request is None:
                return
            line = request.partition(b"\r\n")[0].decode()
            with self._lock:
                before = self.seen.count(line)
                self.seen.append(line)
            try:
                with socket.create_connection(("127.0.0.1", self.server_port), LONG) as server:
                    server.sendall(request.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
                    answer = b"".join(iter(lambda: server.recv(65536), b""))
            except OSError:
                return  # the server is away: the caller is hung up on, as it would be there
            if answer and not self._is_lost(line, before):
                caller.sendall(answer)


def _read_request(caller: socket.socket) -> bytes | None:
    data = b""
    while b"\r\n\r\n" not in data:
        part = caller.recv(65536)
        if not part:
            return None
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    declared = re.search(rb"(?i)content-length: (\d+)", head)
    head = b"\r\n".join(line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:"))
    while declared is not None and len(body) < int(declared[1]):
        body += caller.recv(65536)
    return head + b"\r\n\r\n" + body
