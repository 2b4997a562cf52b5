"""What a whole short command costs, against a Python that does nothing."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from functools import partial

from approval_tui.store import open_store_blocking
from tests.benchmarks.environment import without_settings
from tests.benchmarks.measuring import Counts, Figure, Samples, Target, compare, turn_about
from tests.benchmarks.samples import sample_call

PENDING_REQUESTS = 20
_TARGET = Target(5.0)
_BASELINE = "python -c pass"
_LIST = f"CPU of list --json with {PENDING_REQUESTS} pending"


def measure(counts: Counts, folder: str) -> list[Figure]:
    """Two figures: `list --json`, and the bare import."""
    path = os.path.join(folder, "store.db")
    with open_store_blocking(path) as store:
        for number in range(PENDING_REQUESTS):
            store.requester.submit(sample_call(number))
    environment = {**without_settings(folder), "PYTHONPYCACHEPREFIX": os.path.join(folder, "compiled")}
    nothing = [sys.executable, "-c", "pass"]
    bare_import = [sys.executable, "-c", "import approval_tui"]
    listing = [sys.executable, "-m", "approval_tui", "list", "--json", "--store", path]
    contenders = {
        "pass": partial(_cpu_of, nothing, environment),
        "import": partial(_cpu_of, bare_import, environment),
    }
    problem = _why_it_fails(listing, environment)
    for run in contenders.values():
        run()  # the first run compiles what the others load
    if problem is None:
        contenders["list"] = partial(_cpu_of, listing, environment)
    results = turn_about(contenders, counts.starts)
    figures = [
        compare("CPU of import approval_tui", "ms", results["import"], _BASELINE, results["pass"], measure="cpu")
    ]
    if problem is None:
        figures.append(compare(_LIST, "ms", results["list"], _BASELINE, results["pass"], measure="cpu", target=_TARGET))
    else:
        figures.append(Figure(_LIST, "ms", _BASELINE, target=_TARGET, problem=problem))
    return figures


def _why_it_fails(command: list[str], environment: dict[str, str]) -> str | None:
    """The last line of what the command complained about, or None where it did its work."""
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode == 0:
        return None
    lines = done.stderr.strip().splitlines()
    return f"exit code {done.returncode}: {lines[-1] if lines else 'no message'}"


def _cpu_of(command: list[str], environment: dict[str, str]) -> Samples:
    """Milliseconds of CPU, user and system, of the command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, timeout=60, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {"cpu": [1000 * (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)]}
