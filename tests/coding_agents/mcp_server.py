"""A small MCP server over stdio: `write` writes its text to the file that it was started with, `look` only looks."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

_TEXT = {"type": "object", "properties": {"text": {"type": "string"}}}
_TOOLS = [
    {"name": "look", "description": "looks", "inputSchema": _TEXT, "annotations": {"readOnlyHint": True}},
    {"name": "write", "description": "writes", "inputSchema": _TEXT, "annotations": {"destructiveHint": True}},
]


def main() -> None:
    """Answers until stdin ends."""
    for line in sys.stdin:
        message = json.loads(line)
        if "id" in message:
            answer = {"jsonrpc": "2.0", "id": message["id"], "result": _result(message)}
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()


def _result(message: dict[str, Any]) -> dict[str, Any]:
    asked = message.get("params") or {}
    if message["method"] == "initialize":
        server = {"name": "lab", "version": "1"}
        return {"protocolVersion": asked["protocolVersion"], "capabilities": {"tools": {}}, "serverInfo": server}
    if message["method"] == "tools/list":
        return {"tools": _TOOLS}
    if message["method"] == "tools/call":
        if asked["name"] == "write":
            Path(sys.argv[1]).write_text(asked["arguments"]["text"])
        return {"content": [{"type": "text", "text": f"{asked['name']} is done"}]}
    return {}


if __name__ == "__main__":
    main()
