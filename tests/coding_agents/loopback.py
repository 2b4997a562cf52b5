"""A server on 127.0.0.1 for one test, which keeps what was asked of it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

Json = dict[str, Any]


class LoopbackModel:
    """A model that does what a script says; use it in `with`. The rest is its API's matter."""

    def __init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.asked: list[Json] = []

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, path: str, body: Json) -> Json | Iterable[Json] | None:
        """One JSON document, or the events of a stream, each with its `type`; None for what is not there."""
        raise NotImplementedError

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        model = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *arguments: Any) -> None:
                pass

            def do_HEAD(self) -> None:
                self._send(404, "application/json", b"")

            do_GET = do_HEAD

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)) or b"{}")
                answer = model.answer(self.path, body)
                if answer is None:
                    self._send(404, "application/json", b"{}")
                elif isinstance(answer, dict):
                    self._send(200, "application/json", json.dumps(answer).encode())
                else:
                    stream = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in answer)
                    self._send(200, "text/event-stream", stream.encode())

            def _send(self, status: int, kind: str, data: bytes) -> None:
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        return Handler

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
