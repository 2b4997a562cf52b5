"""What a policy's verdict on one call costs, against the canonical JSON of the same call's arguments."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from time import perf_counter_ns
from typing import Any

from approval_tui.domain.canonical import JsonObject, canonical_json
from approval_tui.domain.lifecycle import ALLOW
from approval_tui.policy.document import parse_policy
from approval_tui.policy.engine import PolicyEngine
from tests.benchmarks.measuring import Counts, Figure, Samples, compare, percentile, pooled, undisturbed
from tests.benchmarks.samples import ARGUMENT_BYTES, sample_call

RULES = (10, 100, 1_000)
TOOLS = 1_000
_BASELINE = f"canonical JSON of the same call's arguments, {ARGUMENT_BYTES:,} bytes"
_US = 1000.0


def measure(counts: Counts, folder: str) -> list[Figure]:
    """One figure for each number of rules that a call must pass, and one for a tool among many."""
    call = sample_call(0)
    arguments = dict(call.arguments)
    engines = {f"judging by {count:,} rules": _engine({call.tool: _rules(count)}) for count in RULES}
    others = {f"other_{number}": _rules(1) for number in range(TOOLS - 1)}
    engines[f"judging by 1 rule, {TOOLS:,} tools"] = _engine({**others, call.tool: _rules(1)})
    contenders: dict[str, Callable[[], Samples]] = {
        name: partial(_judge, engine, call.tool, arguments, counts.cycles) for name, engine in engines.items()
    }
    contenders["canonical"] = partial(_write, arguments, counts.cycles)
    for run in contenders.values():
        run()
    rounds = undisturbed(contenders, counts.rounds)
    results = rounds.samples
    return [
        compare(
            name,
            "us",
            results[name],
            _BASELINE,
            results["canonical"],
            measure="call",
            notes=(f"p99 {percentile(pooled(results[name], 'call'), 99):.0f} us",),
            disturbed=rounds.disturbed,
        )
        for name in engines
    ]


def _judge(engine: PolicyEngine, tool: str, arguments: JsonObject, times: int) -> Samples:
    samples: Samples = {"call": []}
    for _ in range(times):
        start = perf_counter_ns()
        verdict = engine.evaluate(tool, arguments)
        samples["call"].append((perf_counter_ns() - start) / _US)
        assert verdict.verdict == ALLOW
    return samples


def _write(arguments: JsonObject, times: int) -> Samples:
    samples: Samples = {"call": []}
    for _ in range(times):
        start = perf_counter_ns()
        written = canonical_json(arguments)
        samples["call"].append((perf_counter_ns() - start) / _US)
        assert len(written) == ARGUMENT_BYTES
    return samples


def _engine(tools: dict[str, list[JsonObject]]) -> PolicyEngine:
    document = {"version": "1", "tools": {tool: {"rules": rules} for tool, rules in tools.items()}}
    return PolicyEngine(parse_policy(json.dumps(document), "policy.yaml"))


def _rules(count: int) -> list[JsonObject]:
    """So many rules that let the sample call pass, so that each one is asked: an operator each, in turn."""
    conditions: list[tuple[str, str, str, Any]] = [
        ("evaluate", "args.retries", "lte", 10),
        ("evaluate", "args.command", "regex", "^make [a-z]+ "),
        ("evaluate", "args.environment.STAGE", "in", ["test", "live"]),
        ("require_approval", "args.dry_run", "eq", True),
        ("evaluate", "args.files", "contains", "build/package-5.tar.gz"),
        ("evaluate", "args.command", "not_regex", "[;|&`]"),
        ("require_approval", "args.retries", "gt", 100),
        ("evaluate", "args.environment.REGION", "neq", "south"),
        ("require_approval", "args.force", "exists", True),
        ("evaluate", "args.note", "not_contains", "secret"),
    ]
    rules: list[JsonObject] = []
    for number in range(count):
        action, path, op, value = conditions[number % len(conditions)]
        condition = {"path": path, "op": op, "value": value}
        rules.append({"name": f"rule {number}", "action": action, "conditions": [condition]})
    return rules
