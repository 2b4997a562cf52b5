"""What a coding agent's hook costs from its start to its answer, against a Python that does nothing."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from functools import partial

from approval_tui.domain.calls import Call
from approval_tui.domain.grants import FOR_SESSION
from approval_tui.store import open_store_blocking
from tests.benchmarks.environment import without_settings
from tests.benchmarks.measuring import Counts, Figure, Samples, Target, compare, turn_about
from tests.benchmarks.samples import REVIEWER

_TARGET = Target(6.0)
_BASELINE = "python -c pass"
_FOLDER = "/work/project"
_SESSION = "run-1"
_POLICY = """\
version: "1"
default: require_approval
tools:
  Bash:
    rules:
      - name: nothing is deleted
        conditions: [{path: args.command, op: not_contains, value: rm}]
        on_deny: Ask somebody to delete it.
"""

#: What answers, and how: by the tool that is asked about, further options, and the words of the answer.
_ASKED = {
    "a grant": ("Bash", [], '"permissionDecision": "allow"'),
    "a policy": ("Bash", ["--policy", "policy.yaml"], '"permissionDecision": "allow"'),
    "the agent's own rules, for what only reads": ("Read", [], "{}"),
}


def measure(counts: Counts, folder: str) -> list[Figure]:
    """One figure for each of what answers at once, without a person."""
    path = os.path.join(folder, "store.db")
    _grant(path)
    with open(os.path.join(folder, "policy.yaml"), "w") as file:
        file.write(_POLICY)
    environment = {**without_settings(folder), "PYTHONPYCACHEPREFIX": os.path.join(folder, "compiled")}
    contenders = {"pass": partial(_cpu_of, [sys.executable, "-c", "pass"], environment, folder, b"", "")}
    for name, (tool, options, answer) in _ASKED.items():
        command = [sys.executable, "-P", "-m", "approval_tui", "hook", "claude-code", "--store", path, *options]
        contenders[name] = partial(_cpu_of, command, environment, folder, _question(tool), answer)
    for run in contenders.values():
        run()  # the first run compiles what the others load, and reads the policy's YAML
    results = turn_about(contenders, counts.starts)
    return [
        compare(
            f"CPU of a hook answered by {name}",
            "ms",
            results[name],
            _BASELINE,
            results["pass"],
            measure="cpu",
            target=_TARGET,
        )
        for name in _ASKED
    ]


def _arguments(tool: str) -> dict[str, str]:
    return {"command": "make deploy"} if tool == "Bash" else {"file_path": f"{_FOLDER}/README.md"}


def _question(tool: str) -> bytes:
    return json.dumps(
        {
            "session_id": _SESSION,
            "cwd": _FOLDER,
            "permission_mode": "default",
            "hook_event_name": "PreToolUse",
            "tool_name": tool,
            "tool_input": _arguments(tool),
            "tool_use_id": "toolu_01",
        }
    ).encode()


def _grant(path: str) -> None:
    """Has the call of the question approved for its session."""
    call = Call(
        "Bash",
        _arguments("Bash"),
        "claude-code",
        server="claude-code",
        session=_SESSION,
        context={"working_directory": _FOLDER},
    )
    with open_store_blocking(path) as store:
        request = store.requester.submit(call).request
        store.reviewer.decide(request.id, "approve", reviewer=REVIEWER, digest=request.digest, grant=FOR_SESSION)


def _cpu_of(command: list[str], environment: dict[str, str], folder: str, question: bytes, answer: str) -> Samples:
    """Milliseconds of CPU, user and system, of the command, which must give that answer."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        command, env=environment, cwd=folder, input=question, capture_output=True, timeout=60, check=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert answer in done.stdout.decode(), done.stdout
    return {"cpu": [1000 * (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)]}
