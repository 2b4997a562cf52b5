"""An agent in a process of its own: one call behind the gate; prints what became of it."""

from __future__ import annotations

import asyncio
import sys

from approval_tui import Gate


def main() -> int:
    """Waits behind the gate in the form and on the store that the command line names."""
    form, store = sys.argv[1:]
    gate = Gate("release-bot", session="run-1", store=store, context={})

    async def ask() -> None:
        async with gate, gate.guard("shell", {"command": "make deploy"}) as call:
            print("ran", call.arguments)

    try:
        if form == "async":
            asyncio.run(ask())
        else:
            with gate, gate.guard("shell", {"command": "make deploy"}) as call:
                print("ran", call.arguments)
    except KeyboardInterrupt:
        print("interrupted")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
