"""What PydanticAI's toolset costs a call: pre-approved against the bare toolset, granted against the gate itself."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from time import perf_counter_ns
from typing import Any

from pydantic_ai import RunContext
from pydantic_ai.models.test import TestModel
from pydantic_ai.toolsets import AbstractToolset, FunctionToolset
from pydantic_ai.usage import RunUsage

from approval_tui.domain.grants import FOR_SESSION
from approval_tui.gate import Gate
from approval_tui.integrations.pydantic_ai import ApprovalToolset
from approval_tui.store import open_store_blocking
from tests.benchmarks.measuring import Counts, Figure, Samples, compare, undisturbed
from tests.benchmarks.samples import REVIEWER

TOOL, ARGUMENTS, SESSION = "shell_exec", {"command": "make deploy"}, "benchmark"
_US = 1000.0


def shell_exec(command: str) -> str:
    """A tool that does nothing, so that what stands around it is measured."""
    return command


def measure(counts: Counts, folder: str) -> list[Figure]:
    """A call that needs nobody, in memory, and one that a grant of the store approves."""
    store = os.path.join(folder, "approvals.db")
    _grant(store)
    contenders: dict[str, Callable[[], Samples]] = {
        "bare": lambda: asyncio.run(_bare(counts.cycles)),
        "pre-approved": lambda: asyncio.run(_pre_approved(counts.cycles)),
        "gate": lambda: asyncio.run(_gate(store, counts.cycles)),
        "granted": lambda: asyncio.run(_granted(store, counts.cycles)),
    }
    for run in contenders.values():
        run()
    rounds = undisturbed(contenders, counts.rounds)
    results = rounds.samples
    return [
        compare(
            f"a {name} call of a toolset",
            "us",
            results[name],
            baseline,
            results[against],
            measure="call",
            disturbed=rounds.disturbed,
        )
        for name, against, baseline in (
            ("pre-approved", "bare", "the same call of the toolset inside"),
            ("granted", "gate", "the same call in `async with gate.guard(...)`, granted, too"),
        )
    ]


def _grant(store: str) -> None:
    """Lets the call run in its session without asking, as `s` in the console does."""
    with Gate("benchmark", store=store, session=SESSION) as gate, open_store_blocking(store) as opened:
        request = gate.submit_blocking(TOOL, ARGUMENTS)
        opened.reviewer.decide(request.id, "approve", reviewer=REVIEWER, digest=request.digest, grant=FOR_SESSION)


async def _bare(times: int) -> Samples:
    return await _calls(FunctionToolset([shell_exec]), times)


async def _pre_approved(times: int) -> Samples:
    config = {TOOL: {"pre_approved": True}}
    return await _calls(ApprovalToolset(FunctionToolset([shell_exec]), config=config), times)


async def _granted(store: str, times: int) -> Samples:
    async with Gate("benchmark", store=store, session=SESSION) as gate:
        return await _calls(ApprovalToolset(FunctionToolset([shell_exec]), gate=gate), times)


async def _gate(store: str, times: int) -> Samples:
    async def call() -> str:
        async with gate.guard(TOOL, ARGUMENTS) as guarded:
            return shell_exec(guarded.arguments["command"])

    async with Gate("benchmark", store=store, session=SESSION) as gate:
        return await _timed(call, times)


async def _calls(toolset: AbstractToolset[None], times: int) -> Samples:
    ctx = RunContext(deps=None, model=TestModel(), usage=RunUsage(), run_id="run", tool_call_id="call")
    async with toolset:
        tool = (await toolset.get_tools(ctx))[TOOL]
        return await _timed(lambda: toolset.call_tool(TOOL, dict(ARGUMENTS), ctx, tool), times)


async def _timed(call: Callable[[], Awaitable[Any]], times: int) -> Samples:
    samples: Samples = {"call": []}
    for _ in range(times):
        start = perf_counter_ns()
        assert await call() == ARGUMENTS["command"]
        samples["call"].append((perf_counter_ns() - start) / _US)
    return samples
