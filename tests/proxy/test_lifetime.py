"""How a proxy begins and ends: nothing of its server stays behind, and what cannot begin says why."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from approval_tui.store.blocking import BlockingStore
from tests.cli.running import one_pending, run_process
from tests.gate.policies import PolicyFile
from tests.proxy.client import CLIENT, Message, proxy_command, recorded, recording_server
from tests.proxy.conftest import StartProxy
from tests.proxy.support_calls import DONE, approved, until_servers_ended, with_other_waits
from tests.support import ANN, LONG, ROOT, assert_sound, event_names, until


def frames(*messages: Message) -> bytes:
    """The messages on lines, numbered, after those that shake hands."""
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": CLIENT}
    script: list[Message] = [
        {"method": "initialize", "params": hello, "id": 0},
        {"method": "notifications/initialized"},
        *({"id": number, **message} for number, message in enumerate(messages, 1)),
    ]
    return b"".join(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n" for message in script)


def a_call(tool: str, **arguments: Any) -> Message:
    return {"method": "tools/call", "params": {"name": tool, "arguments": arguments}}


# --- the client ends it ------------------------------------------------------------------------


def test_a_server_that_ends_with_its_input_ends_the_proxy_well(
    start_proxy: StartProxy, record: Path, tmp_path: Path
) -> None:
    proxy = start_proxy()
    assert proxy.call("read")["result"] == DONE
    assert proxy.hang_up() == 0
    until_servers_ended(record)
    assert (tmp_path / "errors.txt").read_text() == ""


@pytest.mark.parametrize("habits", [["leave_child"], ["leave_daemon"], ["stubborn", "leave_child"]], ids=" ".join)
def test_a_client_that_goes_ends_the_server_with_all_that_it_started_whatever_they_ignore(
    start_proxy: StartProxy, record: Path, habits: Sequence[str]
) -> None:
    proxy = start_proxy()
    for habit in habits:
        proxy.call("read", {"answer": habit})
    assert proxy.hang_up() == 0
    until_servers_ended(record)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda each: each.name)
def test_a_signal_ends_both_and_what_still_runs_is_reported(
    start_proxy: StartProxy, desk: BlockingStore, record: Path, tmp_path: Path, number: signal.Signals
) -> None:
    proxy = start_proxy("--hold", "10m")
    go_on = tmp_path / "go on"
    running = proxy.start_call("write", {"answer": "when", "file": str(go_on)})
    request = one_pending(desk)
    desk.reviewer.decide(request.id, "approve", reviewer=ANN, digest=request.digest)
    until(lambda: recorded(record))
    proxy.start_call("write", {"n": 2})
    held = one_pending(desk)
    proxy.process.send_signal(number)
    go_on.touch()
    assert proxy.wait() == 128 + number
    until_servers_ended(record)
    assert not proxy.has(lambda message: message.get("id") == running), "the client is not spoken to any more"
    assert desk.reviewer.get(request.id).outcome == "succeeded"
    assert event_names(desk, held) == ["request_submitted"]
    assert len(recorded(record)) == 1
    assert "Traceback" not in (tmp_path / "errors.txt").read_text()
    assert_sound(desk)


@contextmanager
def started(command: Sequence[str], errors: Path, **streams: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A process whose stdin and stdout are the test's own."""
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, **streams}
    with open(errors, "wb") as file:
        process = subprocess.Popen(command, cwd=ROOT, stderr=file, **pipes)
    try:
        yield process
    finally:
        process.kill()
        process.wait(LONG)
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with suppress(BrokenPipeError):
                    stream.close()


def test_a_client_that_reads_no_more_ends_the_proxy_and_a_call_that_ran_is_reported(
    start_proxy: StartProxy, desk: BlockingStore, store_path: str, policy: Path, record: Path, tmp_path: Path
) -> None:
    go_on = tmp_path / "go on"
    first = start_proxy("--hold", "0")
    request = approved(first, desk, "write", answer := {"answer": "when", "file": str(go_on)})
    first.hang_up()
    command = proxy_command("--store", store_path, "-c", str(policy), server=recording_server(record))
    with started(command, tmp_path / "errors.txt") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(frames(a_call("write", **answer)))
        process.stdin.flush()
        process.stdout.readline()
        until(lambda: recorded(record))
        process.stdout.close()
        go_on.touch()
        until(lambda: desk.reviewer.get(request.id).outcome == "succeeded")
        process.stdin.write(json.dumps({"jsonrpc": "2.0", "id": 2, "method": "ping"}).encode() + b"\n")
        process.stdin.flush()
        assert process.wait(LONG) == 0
    until_servers_ended(record)
    assert "Traceback" not in (tmp_path / "errors.txt").read_text()
    assert "defect" not in (tmp_path / "errors.txt").read_text()
    assert_sound(desk)


def test_a_client_that_reads_nothing_and_goes_does_not_keep_the_proxy(
    store_path: str, policy: Path, record: Path, tmp_path: Path
) -> None:
    command = proxy_command("--store", store_path, "-c", str(policy), server=recording_server(record))
    note = {"jsonrpc": "2.0", "method": "notifications/message", "params": {"data": "x" * 2_000_000}}
    with started(with_other_waits(command), tmp_path / "errors.txt") as process:
        assert process.stdin is not None
        process.stdin.write(frames({"method": "test/say", "params": {"line": json.dumps(note)}}, a_call("read")))
        process.stdin.close()
        assert process.wait(LONG) == 0
    until_servers_ended(record)
    assert "Traceback" not in (tmp_path / "errors.txt").read_text()


# --- the server ends it ------------------------------------------------------------------------


def test_a_server_that_ends_ends_the_proxy_with_its_code(start_proxy: StartProxy, record: Path) -> None:
    proxy = start_proxy()
    waiting = proxy.start_call("read", {"answer": "never"})
    proxy.start_call("read", {"answer": "die"})
    assert proxy.answer(waiting)["error"]["code"] == -32603
    assert proxy.wait() == 7
    until_servers_ended(record)


def test_a_server_that_dies_while_its_child_lives_on_is_noticed(start_proxy: StartProxy, record: Path) -> None:
    proxy = start_proxy()
    proxy.call("read", {"answer": "leave_child"})
    answer = proxy.call("read", {"answer": "die"})
    assert answer["error"]["code"] == -32603
    assert "nobody knows" in answer["error"]["message"]
    assert proxy.wait() == 7
    until_servers_ended(record)


def test_a_server_that_ends_ends_what_is_held_and_leaves_it_pending(
    start_proxy: StartProxy, desk: BlockingStore
) -> None:
    proxy = start_proxy("--hold", "10m")
    proxy.start_call("write")
    request = one_pending(desk)
    proxy.start_call("read", {"answer": "die"})
    assert proxy.wait() == 7
    assert desk.reviewer.get(request.id).status == "pending"


# --- what cannot begin -------------------------------------------------------------------------


def test_a_command_that_cannot_be_started_is_said_in_a_line(tmp_path: Path, policy: Path) -> None:
    no_program = tmp_path / "a file"
    no_program.write_text("This is no program.\n")
    told = []
    for command in ("no-such-server", str(no_program)):
        finished = run_process("proxy", "-c", str(policy), "--", command)
        assert (finished.code, finished.out) == (2, "")
        told += finished.err.splitlines()
    no_program.chmod(no_program.stat().st_mode | stat.S_IXUSR)
    finished = run_process("proxy", "-c", str(policy), "--", str(no_program))
    assert (finished.code, finished.out) == (2, "")
    said = "approval-tui: The server could not be started: {}: {}. Nothing runs. Check the command after --."
    assert [*told, *finished.err.splitlines()] == [
        said.format("no-such-server", "No such file or directory"),
        said.format(no_program, "Permission denied"),
        said.format(no_program, "Exec format error"),
    ]


def test_a_policy_that_cannot_be_used_starts_nothing_and_says_where_it_is_wrong(tmp_path: Path, record: Path) -> None:
    policy = PolicyFile(str(tmp_path / "policy.yaml"), "default: maybe")
    finished = run_process("proxy", "-c", policy.path, "--", *recording_server(record))
    assert (finished.code, finished.out) == (2, "")
    assert f"{policy.path}:2:10: " in finished.err
    os.unlink(policy.path)
    finished = run_process("proxy", "-c", policy.path, "--", *recording_server(record))
    assert (finished.code, finished.out) == (2, "")
    assert policy.path in finished.err
    assert not record.exists(), "the server was started"


def test_a_slip_in_the_command_line_is_said_on_stderr_alone() -> None:
    for option, value in (("--hold", "soon"), ("--pending-code", "x"), ("--on-pending", "on"), ("--rollback-on", "x")):
        finished = run_process("proxy", option, value, "--", "server")
        assert (finished.code, finished.out) == (2, "")
        assert option in finished.err
    finished = run_process("proxy")
    assert (finished.code, finished.out) == (2, "")


def test_a_name_that_no_call_could_have_is_refused_before_anything_starts(record: Path) -> None:
    for option, name in (("--requester", ""), ("--session", ""), ("--server", "x" * 300)):
        finished = run_process("proxy", option, name, "--", *recording_server(record))
        assert (finished.code, finished.out) == (2, ""), option
    assert not record.exists(), "the server was started"


# --- files in the place of pipes ---------------------------------------------------------------


def test_a_script_in_a_file_is_answered_to_its_end(store_path: str, policy: Path, record: Path, tmp_path: Path) -> None:
    script, answers = tmp_path / "script.jsonl", tmp_path / "answers.jsonl"
    script.write_bytes(frames({"method": "tools/list"}, a_call("read", n=1), a_call("write", n=2), a_call("delete")))
    command = proxy_command("--store", store_path, "-c", str(policy), "--hold", "0", server=recording_server(record))
    errors = tmp_path / "errors.txt"
    with open(script, "rb") as given, open(answers, "wb") as taken:  # noqa: SIM117
        with started(command, errors, stdin=given, stdout=taken) as process:
            assert process.wait(LONG) == 0
    told = {message["id"]: message for message in map(json.loads, answers.read_text().splitlines())}
    assert sorted(told) == [0, 1, 2, 3, 4]
    assert told[2]["result"] == DONE
    assert told[3]["error"]["data"]["type"] == "approval_required"
    assert [call["arguments"] for call in recorded(record)] == [{"n": 1}]
    until_servers_ended(record)


def test_a_client_that_says_all_and_hangs_up_gets_its_answers(
    store_path: str, policy: Path, record: Path, tmp_path: Path
) -> None:
    command = proxy_command("--store", store_path, "-c", str(policy), server=recording_server(record))
    with started(command, tmp_path / "errors.txt") as process:
        said, _ = process.communicate(frames(a_call("read"), {"method": "ping"}), LONG)
    assert process.returncode == 0
    assert sorted(json.loads(line)["id"] for line in said.splitlines()) == [0, 1, 2]


def test_nothing_on_stdin_ends_the_proxy_at_once(policy: Path, record: Path, store_path: str, tmp_path: Path) -> None:
    command = proxy_command("--store", store_path, "-c", str(policy), server=recording_server(record))
    with started(command, tmp_path / "errors.txt", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        assert process.wait(LONG) == 0
    until_servers_ended(record)
    assert (tmp_path / "errors.txt").read_text() == ""
