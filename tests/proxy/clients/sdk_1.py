"""A client of the official SDK's version 1, in an environment of its own. Usage: python sdk_1.py COMMAND...

It does what each line of stdin says: `{"list": true}`, or `{"call": NAME, "arguments": {...}}`, and prints a line of
what came of it: `{"tools": [...]}`, `{"result": {...}, "progress": [...]}`, or `{"error": {...}, "progress": [...]}`.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client


async def main() -> None:
    server = StdioServerParameters(command=sys.argv[1], args=sys.argv[2:], env=dict(os.environ))
    async with stdio_client(server) as (from_server, to_server), ClientSession(from_server, to_server) as session:
        await session.initialize()
        while line := await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps(await do(session, json.loads(line))), flush=True)


async def do(session: ClientSession, wanted: dict[str, Any]) -> dict[str, Any]:
    told: list[str | None] = []

    async def heard(progress: float, total: float | None, message: str | None) -> None:
        told.append(message)

    try:
        if "list" in wanted:
            return {"tools": [tool.name for tool in (await session.list_tools()).tools]}
        result = await session.call_tool(wanted["call"], wanted["arguments"], progress_callback=heard)
    except Exception as error:
        refused = getattr(error, "error", None)  # of the SDK's own exception, whose name its versions spell differently
        if refused is None:
            raise
        return {"error": refused.model_dump(mode="json"), "progress": told}
    return {"result": result.model_dump(mode="json", by_alias=True, exclude_none=True), "progress": told}


if __name__ == "__main__":
    asyncio.run(main())
