"""`policy scan` and `proxy status`, as a person runs them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from approval_tui.policy.files import read_policy
from tests.proxy.client import RawClient, recording_server
from tests.proxy.conftest import StartProxy
from tests.support import LONG, ROOT, until

MODERN_SERVER = """
import json, sys
for line in sys.stdin:
    message = json.loads(line)
    if message["method"] == "initialize":
        answer = {"error": {"code": -32601, "message": "no handshake here"}}
    elif message["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"] == "2026-07-28":
        answer = {"result": {"tools": [{"name": "modern"}], "resultType": "complete"}}
    print(json.dumps({"jsonrpc": "2.0", "id": message["id"], **answer}), flush=True)
"""
ASKING_SERVER = """
import json, sys
print("Hello, I am a server")
def say(message): print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)
say({"id": 1, "method": "ping"})
pong = json.loads(sys.stdin.readline())
ping = json.loads(sys.stdin.readline())
answered, asked = (pong, ping) if "result" in pong else (ping, pong)
say({"id": asked["id"], "result": {"protocolVersion": "2025-11-25", "capabilities": {}}})
assert answered == {"jsonrpc": "2.0", "id": 1, "result": {}}
sys.stdin.readline()
listing = json.loads(sys.stdin.readline())
say({"id": listing["id"], "result": {"tools": [{"name": "asked"}]}})
"""


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "approval_tui", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LONG,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def test_a_scan_writes_every_page_of_tools_to_a_new_file_and_to_no_other(tmp_path: Path, record: Path) -> None:
    path = tmp_path / "scanned.yaml"
    finished = run("policy", "scan", "-o", str(path), "--", *recording_server(record))
    assert (finished.returncode, finished.stdout) == (0, "")
    assert f"approval-tui proxy -c {path} -- " in finished.stderr
    assert [tool.name for tool in read_policy(str(path))[0].tools] == ["read", "write", "delete"]
    before = path.read_text()
    again = run("policy", "scan", "-o", str(path), "--", *recording_server(record))
    assert again.returncode == 2
    assert "is there already" in again.stderr
    assert path.read_text() == before
    assert not record.exists() or record.read_text() == ""


@pytest.mark.parametrize(("server", "tool"), [(MODERN_SERVER, "modern"), (ASKING_SERVER, "asked")])
def test_a_scan_speaks_with_servers_of_both_eras_and_answers_what_they_ask(server: str, tool: str) -> None:
    finished = run("policy", "scan", "--", sys.executable, "-c", server)
    assert finished.returncode == 0, finished.stderr
    assert f'  "{tool}":\n' in finished.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["--timeout", "300ms", "--", sys.executable, "-c", "import sys; sys.stdin.read()"],
            "did not answer within 0.3 seconds",
        ),
        (["--", sys.executable, "-c", "pass"], "it ended, or cannot be reached"),
        (["--", "no-such-server"], "could not be started: no-such-server"),
        ([], "A proxy has one server"),
        (["--upstream", "http://127.0.0.1:1/mcp", "--", "x"], "A proxy has one server"),
        (["--upstream", "ftp://127.0.0.1/mcp"], "is no URL of HTTP"),
        (["--header", "A: b", "--", "x"], "--header is for a server at a URL"),
        (["--upstream", "http://127.0.0.1:1/mcp", "--header", "A b"], "a header is written as"),
    ],
)
def test_a_scan_that_cannot_be_done_says_why(words: list[str], said: str) -> None:
    finished = run("policy", "scan", *words)
    assert (finished.returncode, finished.stdout) == (2, "")
    assert said in finished.stderr
    assert "Traceback" not in finished.stderr


def status(store: str) -> dict[str, list[dict[str, object]]]:
    finished = run("proxy", "status", "--json", "--store", store)
    assert finished.returncode == 0, finished.stderr
    found: dict[str, list[dict[str, object]]] = json.loads(finished.stdout)
    return found


def test_the_status_has_what_runs_and_what_it_decided(start_proxy: StartProxy, store_path: str, policy: Path) -> None:
    first: RawClient = start_proxy("--requester", "writer", "--session", "s-1", "--server", "files", "--hold", "0")
    start_proxy()
    first.call("read", {})
    first.call("delete", {})
    first.call("delete", {})
    first.call("write", {"n": 1})

    def ours() -> dict[str, object]:
        return next(each for each in status(store_path)["proxies"] if each["requester"] == "writer")

    until(lambda: ours()["counts"] == {"allowed": 1, "policy_denied": 2, "pending": 1})
    found = ours()
    assert (found["session"], found["server"], found["policy"]) == ("s-1", "files", str(policy))
    assert found["process"] == first.process.pid
    assert status(store_path)["denying_rules"] == [{"rule": "(hidden)", "count": 2}]
    printed = run("proxy", "status", "--store", store_path)
    assert "1 allowed, 1 pending, 2 policy denied" in printed.stdout
    assert "2       (hidden)" in printed.stdout
    assert first.hang_up() == 0
    assert [each["requester"] for each in status(store_path)["proxies"]] == ["mcp"]


def test_a_proxy_that_was_killed_is_not_listed(start_proxy: StartProxy, store_path: str) -> None:
    proxy = start_proxy()
    until(lambda: len(status(store_path)["proxies"]) == 1)
    proxy.kill()
    assert status(store_path)["proxies"] == []
    printed = run("proxy", "status", "--store", store_path)
    assert "No proxy is running." in printed.stderr
