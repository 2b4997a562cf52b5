"""An MCP server over stdio that writes down every tool call that reaches it, before it answers.

Usage: python -m tests.proxy.recording_server RECORD. RECORD gets one JSON line for each `tools/call`; it is locked
as long as anything of the server runs. What a call does is said by its arguments, `{"answer": WORD}`:

- error, is_error: the call fails, with a JSON-RPC error or in its result
- ambiguous: the answer has a key twice
- never: there is no answer
- when: the answer comes as soon as there is the file `file`
- slow: the answer takes a third of a second
- die: the process ends with the code 7
- deaf: the answer comes, and the server reads nothing any more
- stubborn: from now on, neither the end of its input nor SIGTERM ends the server
- leave_child: the server starts a child, which keeps its output open, too
- leave_daemon: the server starts a child without output, which SIGTERM does not end
- complain: it says so on stderr
- input: it wants input first (2026-07-28)
- task: the call runs as the task `id` (2025-11-25); the results of the tasks `bad` and `error` are failures

Beyond what MCP has, it answers `test/say` by writing the text `line` first, and `test/notifications` with what it was
notified of. A `tools/list` whose cursor is a JSON object gets that as its result; for the cursor `error`, it fails.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import time
from typing import Any, NoReturn, TextIO

LONGEST_LIFE = 120
"""Seconds after which what nothing else can end ends by itself."""

TOOLS = [
    {"name": name, "description": f"{name} something", "inputSchema": {"type": "object"}}
    for name in ("read", "write", "delete")
]

notifications: list[dict[str, Any]] = []


def main() -> None:
    record = open(sys.argv[1], "a", encoding="utf-8", buffering=1)  # noqa: SIM115 - until the process ends
    fcntl.flock(record, fcntl.LOCK_SH)
    for line in sys.stdin.buffer:
        message = json.loads(line)
        method, params = message.get("method"), message.get("params") or {}
        if method == "tools/call":
            print(json.dumps({"id": message.get("id"), **params}), file=record)
            call(message, params, record)
        elif method == "initialize":
            version = params.get("protocolVersion", "2025-11-25")
            answer(message, {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": {"name": "r"}})
        elif method == "tools/list":
            list_tools(message, params.get("cursor"))
        elif method == "tasks/result" and params["taskId"] == "error":
            fail(message)
        elif method == "tasks/result":
            answer(message, {"content": [{"type": "text", "text": "done"}], "isError": params["taskId"] == "bad"})
        elif method == "test/say":
            write(params["line"])
            answer(message, {})
        elif method == "test/notifications":
            answer(message, {"notifications": notifications})
        elif "id" in message and method is not None:
            answer(message, {"heard": method, "params": params})
        elif method is not None:
            notifications.append(message)
    if signal.getsignal(signal.SIGTERM) == signal.SIG_IGN:
        wait_for_the_end()


def call(message: dict[str, Any], params: dict[str, Any], record: TextIO) -> None:
    arguments = params.get("arguments") or {}
    wanted = arguments.get("answer")
    if wanted == "die":
        os._exit(7)
    elif wanted == "never":
        return
    elif wanted == "error":
        fail(message)
    elif wanted == "ambiguous":
        write(
            f'{{"jsonrpc": "2.0", "id": {json.dumps(message["id"])}, "result": {{"isError": true, "isError": false}}}}'
        )
    elif wanted == "input" and "requestState" not in params:
        answer(message, {"resultType": "input_required", "requestState": "state-1", "inputRequests": {}})
    elif wanted == "task":
        answer(message, {"task": {"taskId": arguments.get("id", "good"), "status": "working"}})
    else:
        if wanted == "slow":
            time.sleep(0.3)
        elif wanted == "when":
            signal.alarm(LONGEST_LIFE)
            while not os.path.exists(arguments["file"]):
                time.sleep(0.002)
            signal.alarm(0)
        elif wanted == "stubborn":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            signal.alarm(LONGEST_LIFE)
        elif wanted == "leave_child":
            start_child(record, ["sleep", str(LONGEST_LIFE)])
        elif wanted == "leave_daemon":
            ignoring = ["sh", "-c", f"trap '' TERM; exec sleep {LONGEST_LIFE}"]
            start_child(record, ignoring, subprocess.DEVNULL)
        elif wanted == "complain":
            print("the server complains", file=sys.stderr, flush=True)
        elif wanted == "deaf":
            os.close(0)
        answer(message, {"content": [{"type": "text", "text": "done"}], "isError": wanted == "is_error"})
        if wanted == "deaf":
            wait_for_the_end()


def start_child(record: TextIO, command: list[str], output: int | None = None) -> None:
    subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, pass_fds=[record.fileno()])


def list_tools(message: dict[str, Any], cursor: str | None) -> None:
    pages: list[dict[str, Any]] = [{"tools": TOOLS[:2], "nextCursor": "2"}, {"tools": TOOLS[2:], "more": True}]
    if cursor == "error":
        fail(message)
    elif cursor is not None and cursor.startswith("{"):
        answer(message, json.loads(cursor))
    else:
        answer(message, pages[cursor == "2"])


def wait_for_the_end() -> NoReturn:
    """Does nothing more until whoever reads the answers is gone, or somebody ends the process."""
    signal.alarm(LONGEST_LIFE)
    hung_up = select.poll()
    hung_up.register(1, 0)
    hung_up.poll()
    os._exit(0)


def answer(message: dict[str, Any], result: dict[str, Any]) -> None:
    say({"jsonrpc": "2.0", "id": message["id"], "result": result})


def fail(message: dict[str, Any]) -> None:
    say({"jsonrpc": "2.0", "id": message["id"], "error": {"code": -32602, "message": "no such file"}})


def say(message: dict[str, Any]) -> None:
    write(json.dumps(message))


def write(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
