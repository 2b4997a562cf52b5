"""A server at a URL that answers tool calls with what is no answer, as machines between two others do."""

from __future__ import annotations

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

_JSON = "application/json"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        self._send(405, b"")

    def do_DELETE(self) -> None:
        self._send(200, b"")

    def do_POST(self) -> None:
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if "id" not in message:
            self._send(202, b"")
            return
        params, result = message.get("params") or {}, {}
        if message["method"] == "initialize":
            result = {"protocolVersion": params["protocolVersion"], "capabilities": {}, "serverInfo": {"name": "c"}}
        elif message["method"] == "tools/list":
            result = {"tools": []}
        answer = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}).encode()
        how = (params.get("arguments") or {}).get("answer")
        if how == "cut":
            self._send(200, answer[:-5], missing=5)
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        elif how == "page":
            self._send(200, b"<html>Please log in</html>", kind="text/\x9b31mhtml")  # and a terminal's control
        elif how == "error page":
            self._send(502, b"<html>Bad gateway</html>", kind="text/html")
        else:
            self._send(200, answer)

    def _send(self, status: int, body: bytes, *, kind: str = _JSON, missing: int = 0) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) + missing))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


class CarelessHttpServer:
    """That server, from `with` on; a call's argument `answer` says what it gets: `cut`, `page`, or `error page`."""

    def __init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/mcp"

    def __enter__(self) -> CarelessHttpServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
