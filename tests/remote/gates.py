"""Gates of a server, used in both forms."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, NoReturn

from approval_tui import Gate
from approval_tui.domain.models import Request
from approval_tui.gate.guard import GuardedCall
from tests.gate.both_forms import BLOCKING, MAKE_DEPLOY
from tests.server.serving import Served
from tests.support import LONG


def remote_gate(served: Served, **options: Any) -> Gate:
    """A gate that asks the server, as the agent whose token it has."""
    defaults = {"url": served.url, "token": served.agent_token, "context": {}, "session": "run-1", "timeout": LONG}
    return Gate("whoever", **{**defaults, **options})


def use(form: str, gate: Gate, body: Callable[[GuardedCall], Any], arguments: Any = None, **options: Any) -> Any:
    """Runs the body behind the gate, and gives what it gave; the async form gets a loop of its own."""
    arguments = MAKE_DEPLOY if arguments is None else arguments
    if form == BLOCKING:
        with gate.guard("shell", arguments, **options) as call:
            return body(call)

    async def run() -> Any:
        try:
            async with gate.guard("shell", arguments, **options) as call:
                return body(call)
        finally:
            await gate.aclose()

    return asyncio.run(run())


def must_not_run(call: GuardedCall) -> NoReturn:
    raise AssertionError(f"the block ran with {call.arguments}")


def only(served: Served) -> Request:
    """The one request of the store, as it is now."""
    (request,) = [*served.desk.reviewer.list(), *served.desk.reviewer.history()]
    return request
