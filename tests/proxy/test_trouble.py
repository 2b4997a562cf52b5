"""When the store or the policy cannot be used: nothing runs that may not, and the client is told why."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.clock import HOUR, system_clock
from approval_tui.gate import Gate
from approval_tui.proxy.client_pipes import ClientPipes
from approval_tui.proxy.frames import frame_of
from approval_tui.proxy.lines import Line
from approval_tui.proxy.options import ProxyOptions
from approval_tui.proxy.relay import Relay
from approval_tui.proxy.tally import Tally
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from tests.cli.running import one_pending
from tests.gate.policies import BROKEN, PolicyFile, details_of
from tests.proxy.client import Message, RawClient, proxy_command, recorded, recording_server
from tests.proxy.conftest import StartProxy
from tests.proxy.support_calls import (
    DONE,
    approved,
    asked,
    in_doubt_later,
    refusal,
    text_of,
    until_servers_ended,
    with_other_waits,
)
from tests.support import LONG, approve, assert_sound, until


def names(proxy: RawClient) -> list[str]:
    return [tool["name"] for tool in proxy.ask("tools/list")["result"]["tools"]]


def assert_store_unavailable(answer: Message, *said: str) -> None:
    told = refusal(answer)
    assert (told["type"], told["retryable"]) == ("store_unavailable", True)
    assert (answer["result"]["isError"], answer["result"]["resultType"]) == (True, "complete")
    assert text_of(answer).startswith("[STORE UNAVAILABLE] ")
    for each in ("The call did not run.", *said):
        assert each in text_of(answer)


# --- the store ---------------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", ["its folder is a file", "it is no database"])
def test_without_a_store_nothing_runs_and_all_else_goes_on_until_there_is_one(
    record: Path, policy: Path, tmp_path: Path, trouble: str
) -> None:
    wrong = tmp_path / "store"
    wrong.write_text("This is no store.\n" * 100)
    path = wrong / "approvals.db" if trouble == "its folder is a file" else wrong
    command = proxy_command("--store", str(path), "-c", str(policy), server=recording_server(record))
    with RawClient(command, errors=tmp_path / "errors.txt") as proxy:
        proxy.shake_hands()
        for tool in ("read", "write", "delete"):
            assert_store_unavailable(proxy.call(tool), str(wrong))
        assert names(proxy) == ["read", "write"]
        assert proxy.ask("ping")["result"]["heard"] == "ping"
        assert recorded(record) == []
        assert wrong.read_text() == "This is no store.\n" * 100
        wrong.unlink()
        assert proxy.call("read")["result"] == DONE
        with open_store_blocking(str(path)) as desk:
            write = proxy.start_call("write")
            approve(desk, one_pending(desk))
            assert proxy.answer(write)["result"] == DONE
            assert_sound(desk)
        assert proxy.hang_up() == 0
    assert "Traceback" not in (tmp_path / "errors.txt").read_text()


@contextmanager
def held(store_path: str) -> Iterator[None]:
    """The store, while another program writes to it and does not come to an end."""
    with closing(sqlite3.connect(store_path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def busy_proxy(store_path: str, policy: Path, record: Path, *, seconds: float) -> RawClient:
    """A proxy that waits for so long where another program holds the store."""
    command = proxy_command("--store", store_path, "-c", str(policy), "--hold", "0", server=recording_server(record))
    return RawClient(with_other_waits(command, seconds))


def test_a_store_that_is_held_for_too_long_lets_nothing_run(
    desk: BlockingStore, store_path: str, record: Path, policy: Path
) -> None:
    with busy_proxy(store_path, policy, record, seconds=0.2) as proxy:
        proxy.shake_hands()
        request = approved(proxy, desk, "write", {"n": 1})
        with held(store_path):
            for tool, arguments in (("read", {}), ("write", {"n": 1}), ("write", {"n": 2}), ("delete", {})):
                assert_store_unavailable(proxy.call(tool, arguments), "is held by another program")
        assert recorded(record) == []
        assert desk.reviewer.get(request.id).status == "approved"
        assert desk.reviewer.list() == ()
        assert proxy.call("write", {"n": 1})["result"] == DONE
    assert len(recorded(record)) == 1
    assert_sound(desk)


def test_a_store_that_is_held_does_not_keep_the_server_of_a_client_that_is_gone(
    desk: BlockingStore, store_path: str, record: Path, policy: Path
) -> None:
    with busy_proxy(store_path, policy, record, seconds=10 * LONG) as proxy:
        proxy.shake_hands()
        proxy.call("read", {"n": 1})
        with held(store_path):
            proxy.start_call("read", {"n": 2})
            proxy.ask("ping")
            assert proxy.process.stdin is not None
            proxy.process.stdin.close()
            until_servers_ended(record)
        assert proxy.wait() == 0
    assert [call["arguments"] for call in recorded(record)] == [{"n": 1}]
    assert_sound(desk)


def test_while_calls_wait_for_a_store_that_is_held_everything_else_goes_on(
    start_proxy: StartProxy, desk: BlockingStore, store_path: str, record: Path
) -> None:
    proxy = start_proxy()
    proxy.call("read")
    with held(store_path):
        waiting = proxy.start_call("read", {"n": 1})
        assert proxy.ask("ping")["result"]["heard"] == "ping"
        assert names(proxy) == ["read", "write"]
        assert len(recorded(record)) == 1
    assert proxy.answer(waiting)["result"] == DONE
    assert_sound(desk)


def test_a_store_that_is_moved_away_stops_everything_and_what_ran_meanwhile_is_in_doubt(
    start_proxy: StartProxy, desk: BlockingStore, store_path: str, record: Path, tmp_path: Path
) -> None:
    proxy = start_proxy("--hold", "0")
    go_on = tmp_path / "go on"
    arguments = {"answer": "when", "file": str(go_on)}
    request = approved(proxy, desk, "write", arguments)
    running = proxy.start_call("write", arguments)
    until(lambda: recorded(record))
    folder = os.path.dirname(store_path)
    os.rename(folder, f"{folder} moved")
    until(lambda: refusal(proxy.call("delete"))["type"] == "store_unavailable")  # it is looked for now and then
    assert_store_unavailable(proxy.call("write", arguments), "was moved or replaced")
    go_on.touch()
    assert proxy.answer(running)["result"] == DONE, "it ran, and its answer is the client's"
    errors = tmp_path / "errors.txt"
    until(lambda: f"the outcome succeeded of request {request.id} was not recorded" in errors.read_text())
    assert len(recorded(record)) == 1
    os.rename(f"{folder} moved", folder)
    assert proxy.call("read")["result"] == DONE
    with open_store_blocking(store_path, clock=lambda: system_clock() + 2 * HOUR) as later:
        assert in_doubt_later(later) == {request.id}
    assert_sound(desk)


# --- the policy --------------------------------------------------------------------------------


def test_a_policy_that_is_broken_or_removed_meanwhile_leaves_the_one_that_was_read_in_force(
    start_proxy: StartProxy, desk: BlockingStore, policy: Path, record: Path, tmp_path: Path
) -> None:
    proxy = start_proxy("--hold", "0")
    file = PolicyFile(str(policy))

    def assert_old_policy_is_in_force(n: int) -> None:
        assert proxy.call("read", {"n": n})["result"] == DONE
        asked(proxy, desk, "write", {"n": n})
        assert refusal(proxy.call("delete"))["rule"] == "(hidden)"
        assert names(proxy) == ["read", "write"]
        assert [call["arguments"]["n"] for call in recorded(record)] == [*range(n + 1)]

    assert_old_policy_is_in_force(0)
    file.write(BROKEN)
    until(lambda: len(details_of(desk, "policy_rejected")) == 1)
    assert_old_policy_is_in_force(1)
    policy.unlink()
    until(lambda: len(details_of(desk, "policy_rejected")) == 2)
    assert_old_policy_is_in_force(2)
    file.write("default: deny")
    until(lambda: len(details_of(desk, "policy_reloaded")) == 2)
    assert refusal(proxy.call("read", {"n": 3}))["rule"] == "(default deny)"
    assert refusal(proxy.call("write", {"n": 0}))["rule"] == "(default deny)"
    assert len(recorded(record)) == 3
    broken, removed = details_of(desk, "policy_rejected")
    assert broken["problems"][0].startswith(f"{policy}:2:10: ")
    assert str(policy) in removed["problems"][0]
    errors = (tmp_path / "errors.txt").read_text()
    assert errors.count("the policy that was read before stays in force") == 2
    assert_sound(desk)


def test_what_was_approved_does_not_run_under_a_policy_that_denies_it_by_now(
    start_proxy: StartProxy, desk: BlockingStore, policy: Path, record: Path
) -> None:
    proxy = start_proxy("--hold", "10m")
    call = proxy.start_call("write", {"n": 1})
    request = one_pending(desk)
    PolicyFile(str(policy)).write("default: deny")
    until(lambda: refusal(proxy.call("delete"))["rule"] == "(default deny)")
    approve(desk, request)
    assert refusal(proxy.answer(call))["rule"] == "(default deny)"
    assert recorded(record) == []
    assert desk.reviewer.get(request.id).status == "approved"
    assert_sound(desk)


# --- ourselves ---------------------------------------------------------------------------------


class OneClient:
    """A client in memory, which says one thing and keeps what it is told."""

    def __init__(self, message: JsonObject) -> None:
        self._lines: list[Line | None] = [Line(frame_of(message)), None]
        self.told: asyncio.Queue[Any] = asyncio.Queue()

    async def receive(self) -> Line | None:
        return self._lines.pop(0)

    async def send(self, message: Any) -> None:
        self.told.put_nowait(message)


class SilentServer:
    """A server in memory that keeps what reaches it and says nothing."""

    def __init__(self) -> None:
        self.heard: list[JsonObject] = []

    async def send(self, message: JsonObject) -> None:
        self.heard.append(message)


class DefectiveGate:
    """A gate with a defect."""

    def engine_in_force(self) -> None:
        return None

    def guard(self, *_: object, **__: object) -> None:
        raise ZeroDivisionError


async def test_a_defect_of_our_own_is_answered_and_nothing_runs() -> None:
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "write"}}
    client, server, options = OneClient(call), SilentServer(), ProxyOptions("mcp", "run-1", "files", ("server",))
    relay = Relay(cast(ClientPipes, client), cast(Any, server), cast(Gate, DefectiveGate()), options, Tally())
    await relay.read_client()
    async with asyncio.timeout(LONG / 10):
        answer = await client.told.get()
    assert (answer["id"], answer["error"]["code"]) == (1, -32603)
    assert "did not run" in answer["error"]["message"]
    assert server.heard == []
    await relay.end_calls()
