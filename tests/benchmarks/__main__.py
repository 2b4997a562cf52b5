"""`python -m tests.benchmarks`: runs the benchmarks and prints what they found."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence

from tests.benchmarks import (
    agent_latency,
    cursor,
    engines,
    first_paint,
    flood,
    granting,
    hook_startup,
    idle,
    judging,
    mcp_overhead,
    memory,
    reporting,
    screen_latency,
    server_overhead,
    startup,
    storm,
    toolset_overhead,
    transactions,
    verifying,
    waiting,
    wake,
)
from tests.benchmarks.measuring import FULL, QUICK, Counts, Figure

GROUPS: dict[str, Callable[[Counts, str], list[Figure]]] = {
    "transactions": transactions.measure,
    "storm": storm.measure,
    "engines": engines.measure,
    "wake": wake.measure,
    "waiting": waiting.measure,
    "startup": startup.measure,
    "verify": verifying.measure,
    "screen": screen_latency.measure,
    "agent": agent_latency.measure,
    "paint": first_paint.measure,
    "cursor": cursor.measure,
    "idle": idle.measure,
    "flood": flood.measure,
    "memory": memory.measure,
    "judging": judging.measure,
    "granting": granting.measure,
    "mcp": mcp_overhead.measure,
    "toolset": toolset_overhead.measure,
    "hook": hook_startup.measure,
    "server": server_overhead.measure,
}


def run_groups(names: Sequence[str], counts: Counts) -> dict[str, list[Figure]]:
    """The figures of these groups, each measured in a scratch folder of its own."""
    results = {}
    for name in names:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix="approval-tui-benchmark-") as folder:
            scratch = os.path.join(folder, "stores")
            os.mkdir(scratch, 0o700)
            results[name] = GROUPS[name](counts, scratch)
    return results


def main(arguments: Sequence[str] | None = None, counts: Counts | None = None) -> int:
    """Runs and prints; 1 if `--check` was given and a target was missed, else 0.

    `counts` takes the place of what `--quick` chooses.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--quick", action="store_true", help="measure less: rougher figures, sooner")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a target is missed")
    parser.add_argument("--only", action="append", choices=list(GROUPS), metavar="NAME", help=", ".join(GROUPS))
    options = parser.parse_args(arguments)
    results = run_groups(options.only or list(GROUPS), counts or (QUICK if options.quick else FULL))
    print(json.dumps(reporting.to_json(results), indent=2) if options.json else reporting.to_table(results))
    return 1 if options.check and reporting.missed(results) else 0


if __name__ == "__main__":
    sys.exit(main())
