"""What the proxy adds to an allowed tool call and to the first answer, against the same server without it.

The server is a small one of Python's standard library, which answers at once: the ratios are the worst that there are.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial
from time import perf_counter_ns
from types import TracebackType
from typing import Any

from tests.benchmarks.environment import without_settings
from tests.benchmarks.measuring import Counts, Figure, Samples, compare, percentile, pooled, turn_about

_MS = 1_000_000.0
_SERVER = [sys.executable, "-m", "tests.proxy.recording_server", os.devnull]
_BASELINE = "the same server without the proxy"
_INITIALIZE = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}


def measure(counts: Counts, folder: str) -> list[Figure]:
    """Two figures: an allowed call, and the time from the start of the process to the answer to `initialize`."""
    policy = os.path.join(folder, "policy.yaml")
    with open(policy, "w", encoding="utf-8") as file:
        json.dump({"version": "1", "tools": {"read": {"rules": []}}}, file)
    store = os.path.join(folder, "store.db")
    proxy = [sys.executable, "-m", "approval_tui", "proxy", "--store", store, "-c", policy, "--", *_SERVER]
    environment = without_settings(folder)
    with _Session(_SERVER, environment) as direct, _Session(proxy, environment) as gated:
        contenders = {
            "direct": partial(_call, direct, counts.cycles),
            "proxy": partial(_call, gated, counts.cycles),
        }
        for run in contenders.values():
            run()
        calls = turn_about(contenders, counts.rounds)
    starts = turn_about(
        {"direct": partial(_start, _SERVER, environment), "proxy": partial(_start, proxy, environment)}, counts.starts
    )
    figures = []
    for name, results, measured in (("an allowed call", calls, "call"), ("start to first answer", starts, "start")):
        notes = (f"p99 {percentile(pooled(results['proxy'], measured), 99):.1f} ms",)
        proxied, alone = results["proxy"], results["direct"]
        figures.append(compare(f"MCP: {name}", "ms", proxied, _BASELINE, alone, measure=measured, notes=notes))
    return figures


class _Session:
    """A server, or a proxy before it, that is spoken to line by line."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._last_id = 0

    def ask(self, method: str, params: Any) -> Any:
        """Asks and waits for the answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._last_id += 1
        message = {"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": params}
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()
        while True:
            answer = json.loads(self._process.stdout.readline())
            if answer.get("id") == self._last_id:
                return answer["result"]

    def __enter__(self) -> _Session:
        self.ask("initialize", _INITIALIZE)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()


def _call(session: _Session, times: int) -> Samples:
    samples: Samples = {"call": []}
    for _ in range(times):
        start = perf_counter_ns()
        result = session.ask("tools/call", {"name": "read", "arguments": {"path": "notes.txt"}})
        samples["call"].append((perf_counter_ns() - start) / _MS)
        assert result["isError"] is False
    return samples


def _start(command: list[str], environment: dict[str, str]) -> Samples:
    start = perf_counter_ns()
    with _Session(command, environment):
        return {"start": [(perf_counter_ns() - start) / _MS]}
