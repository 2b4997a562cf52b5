"""What a command loads (rule R13): none that does not draw loads what draws, asyncio, an HTTP stack or YAML."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from approval_tui.cli.arguments import COMMANDS
from approval_tui.domain.calls import Call
from approval_tui.domain.clock import MINUTE
from approval_tui.domain.models import Request
from approval_tui.domain.roles import AGENT
from approval_tui.domain.tokens import new_token
from approval_tui.store.blocking import BlockingStore
from tests.store.granting import approve_for_session, grant_of
from tests.support import ANN, LONG, ROOT, approve, submit

DRAWING = ("textual", "rich", "asyncio", "aiosqlite", "watchfiles")
HTTP = ("httpx", "httpx2", "urllib.request", "http", "starlette", "uvicorn", "msgspec", "apprise")
HEAVY = (*DRAWING, *HTTP, "yaml")
FOR_DEFAULT_PLACES = ("platformdirs", "pathlib", "tempfile", "shutil")
DRAWS = ("demo",)
SERVES = ("serve",)
SPEAKS_MCP = ("proxy", "policy scan")
POLICY = os.path.join(ROOT, "tests", "examples", "payments.yaml")
TELLS = ("notify run", "notify test")
HOOKS = ("hook claude-code", "hook codex")
READ_A_POLICY = ("policy validate", "policy test", "policy replay")

_COMMAND = """
import sys
before = set(sys.modules)
from approval_tui.cli.main import run
code = run(sys.argv[1:])
print(code, *(name for name in {heavy} if name in set(sys.modules) - before), file=sys.stderr)
"""
_IMPORT = "import sys\nimport approval_tui\nprint(0, *(n for n in {heavy} if n in sys.modules), file=sys.stderr)"


_HOOK = """
import os, sys
before, leave = set(sys.modules), os._exit
def tell(code):
    print(code, *(name for name in {heavy} if name in set(sys.modules) - before), file=sys.stderr, flush=True)
    leave(code)
os._exit = tell
from approval_tui.cli.main import run
run(sys.argv[1:])
"""


def loaded(source: str, *words: str, heavy: tuple[str, ...] = HEAVY, **environment: str) -> str:
    """The exit code and the heavy modules that were loaded."""
    finished = subprocess.run(
        [sys.executable, "-c", source.format(heavy=heavy), *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=LONG,
        check=False,
    )
    return finished.stderr.splitlines()[-1]


@pytest.fixture
def words_of(store: BlockingStore, past: BlockingStore) -> dict[str, list[str]]:
    """One command line for each command that does not draw, on a store in which it does its work."""

    def pending(number: int) -> Request:
        return submit(store, Call("shell", {"n": number}, "bot"))

    waits, claimed, usable = pending(1), approve(store, pending(2)), approve(store, pending(3))
    granted = approve_for_session(store, submit(store, Call("shell", {"n": 4}, "bot", session="run-1")))
    held = submit(store, Call("shell", {"n": 5}, "bot", session="run-2"))
    store.reviewer.hold_session("bot", "run-2", reviewer=ANN)
    claim = store.requester.consume(claimed.id, claimed.fingerprint, requester="bot").id
    token = new_token()
    store.reviewer.create_token(token, AGENT, "bot", lifetime=None, reviewer=ANN)
    lost = approve(past, submit(past, Call("shell", {"lost": 1}, "bot")))
    past.requester.consume(lost.id, lost.fingerprint, requester="bot", claim_lifetime=MINUTE)
    table = f"{os.path.dirname(store.location)}/table.json"
    with open(table, "w") as file:
        json.dump([{"id": waits.id, "digest": waits.digest}], file)
    return {
        "": [],
        "bulk approve": ["bulk", "approve", table],
        "bulk deny": ["bulk", "deny", table],
        "grant add": ["grant", "add", waits.id, "--digest", waits.digest, "--always", "--any", "n"],
        "grant test": ["grant", "test", waits.id, "--always"],
        "session show": ["session", "show", granted.id],
        "session hold": ["session", "hold", granted.id, "--deny-waiting"],
        "session release": ["session", "release", held.id],
        "session list": ["session", "list"],
        "list": ["list"],
        "show": ["show", waits.id],
        "approve": ["approve", waits.id, "--digest", waits.digest],
        "deny": ["deny", waits.id],
        "expire": ["expire", waits.id],
        "revoke": ["revoke", usable.id],
        "resolve": ["resolve", lost.id, "--outcome", "failed"],
        "grant list": ["grant", "list"],
        "grant revoke": ["grant", "revoke", grant_of(store, granted).id],
        "history": ["history"],
        "audit list": ["audit", "list"],
        "audit verify": ["audit", "verify"],
        "audit head": ["audit", "head"],
        "audit export": ["audit", "export"],
        "submit": ["submit", "--tool", "t", "--args", "{}", "--requester", "bot", "--wait", "--timeout", "1ms"],
        "wait": ["wait", waits.id, "--timeout", "1ms"],
        "consume": ["consume", usable.id],
        "outcome": ["outcome", claimed.id, "succeeded", "--claim", claim],
        "cancel": ["cancel", waits.id],
        "config path": ["config", "path"],
        "config show": ["config", "show"],
        "config validate": ["config", "validate"],
        "policy validate": ["policy", "validate", POLICY],
        "policy test": ["policy", "test", POLICY, "--tool", "git_status", "--args", "{}"],
        "policy replay": ["policy", "replay", POLICY],
        "policy schema": ["policy", "schema"],
        "proxy status": ["proxy", "status"],
        "token create": ["token", "create", "--role", "agent", "--name", "bot"],
        "store init": ["store", "init"],
        "token list": ["token", "list"],
        "token revoke": ["token", "revoke", token.id],
        "store prune": ["store", "prune", "--before", "90d", "--yes"],
        "store check": ["store", "check"],
        "hook install": ["hook", "install", "claude-code", "--scope", "project", "--dry-run"],
        "hook uninstall": ["hook", "uninstall", "claude-code", "--scope", "project", "--dry-run"],
        "hook doctor": ["hook", "doctor", "codex"],
        "store copy": ["store", "copy", store.location, f"{store.location}.copy"],
        "store backup": ["store", "backup", f"{store.location}.backup"],
    }


@pytest.mark.parametrize(
    "name", ["", *(each.name for each in COMMANDS if each.name not in (*DRAWS, *SERVES, *SPEAKS_MCP, *HOOKS, *TELLS))]
)
def test_a_command_loads_only_what_it_needs(words_of: dict[str, list[str]], name: str) -> None:
    code = {"submit": "7", "wait": "9", "hook doctor": "1"}.get(name, "0")
    if name in READ_A_POLICY:
        code = "0 yaml"
    assert loaded(_COMMAND, *words_of[name], APPROVAL_TUI_CONFIG="", CODEX_HOME="/nowhere") == code


@pytest.mark.parametrize("name", HOOKS)
@pytest.mark.parametrize(
    ("question", "options"),
    [
        ("read", []),
        ("shell", ["--wait", "1s"]),
        ("shell", ["--policy", os.path.join(ROOT, "tests", "examples", "payments.yaml")]),
    ],
)
def test_a_hook_loads_no_argparse_and_reads_yaml_once(
    store: BlockingStore, name: str, question: str, options: list[str]
) -> None:
    heavy = (*HEAVY, *FOR_DEFAULT_PLACES, "argparse", "logging")
    tool = {"read": "Read", "shell": "Bash"}[question]
    said = {"hook_event_name": "PreToolUse", "session_id": "s", "tool_name": tool, "tool_input": {"command": "ls"}}
    if (name, question) == ("hook codex", "read"):  # which asks for all that it does not know, and waits
        options = ["--wait", "1s"]
    for yaml in [["yaml"], []] if "--policy" in options else [[]]:
        finished = subprocess.run(
            [sys.executable, "-c", _HOOK.format(heavy=heavy), *name.split(), *options],
            input=json.dumps(said),
            capture_output=True,
            text=True,
            timeout=LONG,
            check=False,
        )
        assert finished.stderr.split() == ["0", *yaml]


@pytest.mark.parametrize("name", SPEAKS_MCP)
def test_the_mcp_gate_loads_neither_screen_nor_http(name: str) -> None:
    heavy = ("textual", "rich", "mcp", "pydantic", "httpx2", "http", "urllib.request")
    words = [*name.split(), "--", sys.executable, "-m", "tests.proxy.recording_server", os.devnull]
    assert loaded(_COMMAND, *words, heavy=heavy) == "0"


def test_yaml_is_loaded_for_a_configuration_that_exists(store: BlockingStore, tmp_path: object) -> None:
    config = f"{tmp_path}/config.yaml"
    with open(config, "w") as file:
        file.write("reviewer: ann\n")
    assert "yaml" in loaded(_COMMAND, "list", APPROVAL_TUI_CONFIG=config).split()


def test_a_listing_as_json_of_a_named_store_looks_for_no_configuration(store: BlockingStore, tmp_path: object) -> None:
    config = f"{tmp_path}/config.yaml"
    with open(config, "w") as file:
        file.write("reviewer: ann\n")
    heavy = (*HEAVY, *FOR_DEFAULT_PLACES)
    assert loaded(_COMMAND, "list", "--json", heavy=heavy, APPROVAL_TUI_CONFIG=config) == "0"


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert loaded(_IMPORT) == "0"
