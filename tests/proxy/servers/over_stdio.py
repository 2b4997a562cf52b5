"""The server of `tools` over stdio. Usage: python -m tests.proxy.servers.over_stdio [RECORD]

RECORD gets one JSON line for each call that reaches a tool.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from mcp.server.stdio import stdio_server

from tests.proxy.servers.tools import Tools


async def main() -> None:
    server = Tools(_told).server
    async with stdio_server() as (from_client, to_client):
        await server.run(from_client, to_client, server.create_initialization_options())


def _told(what: str, of: dict[str, Any]) -> None:
    if what == "call" and len(sys.argv) > 1:
        with open(sys.argv[1], "a", encoding="utf-8") as record:
            print(json.dumps(of), file=record)


if __name__ == "__main__":
    asyncio.run(main())
