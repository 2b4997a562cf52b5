"""An MCP server over stdio that writes down every tool call that reaches it, before it answers.

Usage: python -m tests.proxy.recording_server RECORD. RECORD gets one JSON line for each `tools/call`. What a call
does is said by its arguments: `{"answer": "error" | "is_error" | "never" | "die" | "input" | "task" | "slow"}`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

TOOLS = [
    {"name": name, "description": f"{name} something", "inputSchema": {"type": "object"}}
    for name in ("read", "write", "delete")
]


def main() -> None:
    record = open(sys.argv[1], "a", encoding="utf-8", buffering=1)  # noqa: SIM115 - until the process ends
    for line in sys.stdin.buffer:
        message = json.loads(line)
        method, params = message.get("method"), message.get("params") or {}
        if method == "tools/call":
            print(json.dumps({"id": message.get("id"), **params}), file=record)
            call(message, params)
        elif method == "initialize":
            version = params.get("protocolVersion", "2025-11-25")
            answer(message, {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": {"name": "r"}})
        elif method == "tools/list":
            pages: list[dict[str, Any]] = [{"tools": TOOLS[:2], "nextCursor": "2"}, {"tools": TOOLS[2:], "more": True}]
            answer(message, pages[params.get("cursor") == "2"])
        elif method == "tasks/result":
            answer(message, {"content": [{"type": "text", "text": "done"}], "isError": params["taskId"] == "bad"})
        elif "id" in message and method is not None:
            answer(message, {"heard": method, "params": params})


def call(message: dict[str, Any], params: dict[str, Any]) -> None:
    wanted = (params.get("arguments") or {}).get("answer")
    if wanted == "die":
        os._exit(7)
    elif wanted == "never":
        return
    elif wanted == "error":
        say({"jsonrpc": "2.0", "id": message["id"], "error": {"code": -32602, "message": "no such file"}})
    elif wanted == "input" and "requestState" not in params:
        answer(message, {"resultType": "input_required", "requestState": "state-1", "inputRequests": {}})
    elif wanted == "task":
        answer(message, {"task": {"taskId": params["arguments"].get("id", "good"), "status": "working"}})
    else:
        if wanted == "slow":
            time.sleep(0.3)
        answer(message, {"content": [{"type": "text", "text": "done"}], "isError": wanted == "is_error"})


def answer(message: dict[str, Any], result: dict[str, Any]) -> None:
    say({"jsonrpc": "2.0", "id": message["id"], "result": result})


def say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
