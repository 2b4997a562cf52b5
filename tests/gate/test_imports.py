"""What an agent pays for: importing the package and asking from blocking code load no screen and no server (R13)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import approval_tui
from approval_tui import Gate
from approval_tui.store.blocking import BlockingStore
from tests.gate.policies import policy_file
from tests.support import LONG, ROOT, approve

UNWANTED = {"textual", "rich", "aiosqlite", "watchfiles", "yaml", "httpx", "starlette", "mcp", "pydantic", "re2"}


def loaded_after(code: str) -> set[str]:
    """The modules that a fresh interpreter has loaded after the code."""
    finished = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"{code}\nimport json, sys; print(json.dumps(list(sys.modules)))"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=LONG,
    )
    assert finished.returncode == 0, finished.stderr
    assert not finished.stderr
    return set(json.loads(finished.stdout.splitlines()[-1]))


def packages(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


def test_importing_the_package_loads_nothing_else() -> None:
    loaded = loaded_after("import approval_tui")
    assert {name for name in loaded if name.startswith("approval_tui")} == {"approval_tui", "approval_tui.version"}
    assert not packages(loaded) & {*UNWANTED, "asyncio", "sqlite3", "rfc8785"}


def test_every_name_of_the_package_can_be_had_without_screen_or_server() -> None:
    loaded = loaded_after("import approval_tui\nfor name in approval_tui.__all__: getattr(approval_tui, name)")
    assert "approval_tui.gate.gate" in loaded
    assert not packages(loaded) & UNWANTED


def test_the_package_has_no_other_names() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = approval_tui.nothing


def test_a_blocking_gate_loads_neither_screen_nor_server_nor_yaml(
    gate: Gate, desk: BlockingStore, store_path: str
) -> None:
    request = approve(desk, gate.submit_blocking("shell", {"command": "make deploy"}))
    loaded = loaded_after(f"""
from approval_tui import Gate
with Gate("release-bot", session="run-1", store={store_path!r}, context={{}}) as gate:
    with gate.guard("shell", {{"command": "make deploy"}}) as call:
        call.arguments["command"]
""")
    assert desk.reviewer.get(request.id).outcome == "succeeded"
    assert "sqlite3" in loaded
    assert not packages(loaded) & {*UNWANTED, "rfc8785", "asyncio"}
    rooms = {name.split(".")[1] for name in loaded if name.startswith("approval_tui.")}
    assert rooms == {"version", "domain", "settings", "store", "gate"}
    assert "approval_tui.store.asynchronous" not in loaded


def test_only_a_configuration_that_exists_loads_yaml(store_path: str, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("requests:\n  timeout: 3m\n")
    for path, expected in ((str(config), True), (None, False)):
        loaded = loaded_after(f"""
from approval_tui import Gate
with Gate("release-bot", store={store_path!r}, config={path!r}) as gate:
    gate.submit_blocking("shell", {{}})
""")
        assert ("yaml" in loaded) == expected


# --- policies ----------------------------------------------------------------------------------


def judging(store: str, policy: str | None) -> str:
    """A program that has one call judged, and ends."""
    return f"""
from approval_tui import ApprovalPending, Gate
with Gate("release-bot", store={store!r}, policy={policy!r}, context={{}}) as gate:
    try:
        with gate.guard("shell", {{"command": "make deploy"}}, wait=False): pass
    except ApprovalPending: pass
"""


def test_a_gate_without_a_policy_loads_nothing_of_policies(store_path: str) -> None:
    loaded = loaded_after(judging(store_path, None))
    assert not packages(loaded) & {*UNWANTED, "rfc8785", "asyncio"}
    assert not {name for name in loaded if name.startswith("approval_tui.policy")}
    assert "approval_tui.gate.policy_source" not in loaded
    assert "approval_tui.domain.yaml_tree" not in loaded


def test_a_gate_with_a_policy_loads_neither_screen_nor_server(store_path: str, tmp_path: Path) -> None:
    policy = policy_file(tmp_path, "tools: {shell: {rules: [{name: few, rate_limit: 5/day}]}}")
    loaded = loaded_after(judging(store_path, policy.path))
    assert {"yaml", "approval_tui.policy.engine", "approval_tui.gate.policy_source"} <= loaded
    assert not packages(loaded) & {"textual", "rich", "aiosqlite", "httpx", "starlette", "mcp", "pydantic", "re2"}
    assert "approval_tui.store.asynchronous" not in loaded


def test_only_a_policy_with_a_regular_expression_loads_what_matches_them(store_path: str, tmp_path: Path) -> None:
    condition = '{path: args.command, op: not_regex, value: "^rm "}'
    rule = f"{{name: keep, action: evaluate, conditions: [{condition}]}}"
    policy = policy_file(tmp_path, f"tools: {{shell: {{rules: [{rule}]}}}}")
    assert "re2" in loaded_after(judging(store_path, policy.path))


def test_naming_a_policy_loads_it_only_when_a_call_is_judged(store_path: str, tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.yaml")
    loaded = loaded_after(
        f"from approval_tui import Gate\nGate('release-bot', policy={missing!r}).guard('shell', {{}})"
    )
    assert not packages(loaded) & UNWANTED
    assert not {name for name in loaded if name.startswith("approval_tui.policy")}
