"""A wire to a PostgreSQL server that is cut at the end of a transaction, before or after the server has heard of it."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
from pathlib import Path
from types import TracebackType

_SOCKET = ".s.PGSQL.5432"
_COMMIT = b"COMMIT\0"
"""As it stands in the statement, and in the answer that it was done."""


class CuttingWire:
    """Stands between clients and the server on a socket of its own; a context manager."""

    def __init__(self, servers_folder: str, folder: Path) -> None:
        self._server = os.path.join(servers_folder, _SOCKET)
        self.folder = str(folder)
        self.cuts: list[str] = []  #: what happens to the next commits: "before" or "after"
        self.is_down = False  #: whether it takes nobody after a cut
        self.cut = 0
        self._listening = socket.socket(socket.AF_UNIX)
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> CuttingWire:
        self._listening.bind(os.path.join(self.folder, _SOCKET))
        self._listening.listen()
        self._listening.settimeout(0.05)
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._listening.close()

    def _start(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(TimeoutError):
                client, _ = self._listening.accept()
                if self.is_down and self.cut:
                    client.close()
                else:
                    self._start(self._carry, client)

    def _carry(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as server:
            server.connect(self._server)
            is_deaf = False
            while not self._stop.is_set():
                ready, _, _ = select.select([client, server], [], [], 0.05)
                for side in ready:
                    data = side.recv(65536)
                    if not data:
                        return
                    if side is client and _COMMIT in data and self.cuts:
                        self.cut += 1
                        if self.cuts.pop(0) == "before":
                            return
                        is_deaf = True
                    if side is server and is_deaf and _COMMIT in data:
                        return  # the server has done it, and nobody hears of that
                    if side is client or not is_deaf:
                        (server if side is client else client).sendall(data)
