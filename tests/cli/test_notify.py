"""`notify run` and `notify test`, in processes of their own, with receivers that are real."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.clock import system_clock
from approval_tui.domain.models import Request
from approval_tui.domain.notices import LEASE
from approval_tui.store import open_store, open_store_blocking
from approval_tui.store.blocking import BlockingStore
from tests.cli.running import Cli, ended, run_process, started
from tests.notify.receivers import TAKEN, Answer, Received, Receiver, receiving
from tests.notify.running import delivering, sink_of, soon
from tests.support import LONG, until

SECRET = "geheim"


def configured(tmp_path: Path, *receivers: Receiver, apprise: str = "", more: str = "") -> str:
    """A configuration with the first receiver as its webhook."""
    lines = ["notify:"]
    for receiver in receivers:
        lines.append(f"  webhook: {{url: '{receiver.url}', secret: {SECRET}, allow_private: true{more}}}")
    if apprise:
        lines.append(f"  apprise: ['{apprise}']")
    file = tmp_path / "config.yaml"
    file.write_text("\n".join(lines) + "\n")
    return str(file)


@pytest.fixture
def store(store_path: str) -> Iterator[BlockingStore]:
    """A store in the present."""
    with open_store_blocking(store_path) as opened:
        yield opened


def ask(store: BlockingStore, call: Call, number: int) -> Request:
    return store.requester.submit(dataclasses.replace(call, arguments={"number": number})).request


@contextmanager
def running(config: str, store_path: str) -> Iterator[subprocess.Popen[bytes]]:
    """`notify run`, from when it says that it delivers."""
    with started("notify", "run", "--config", config, "--store", store_path) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert line == b"Delivering to 127.0.0.1. Ctrl-C ends it.\n", line + process.stderr.read()
        yield process


# --- test --------------------------------------------------------------------------------------


def test_a_test_says_who_took_it(cli: Cli, tmp_path: Path) -> None:
    with receiving() as receiver:
        finished = cli("notify", "test", "--config", configured(tmp_path, receiver))
        assert (finished.code, finished.out) == (0, "127.0.0.1: taken\n")
        assert [received.json["type"] for received in receiver.received] == ["test"]


def test_a_test_that_was_not_taken_says_why_and_fails(cli: Cli, tmp_path: Path) -> None:
    with receiving(lambda _: Answer(403)) as receiver:
        config = configured(tmp_path, receiver, apprise="nosuchservice://geheim")
        finished = cli("notify", "test", "--config", config, "--json")
    assert finished.code == 1
    webhook, chat = finished.json
    assert webhook == {"sink": "127.0.0.1", "kind": "webhook", "taken": False, "failure": "it answered 403"}
    assert (chat["sink"], chat["kind"], chat["taken"]) == ("nosuchservice", "apprise", False)
    assert SECRET not in finished.out + finished.err


def test_a_chat_is_tried_out_too(cli: Cli, tmp_path: Path) -> None:
    with receiving() as receiver:
        config = configured(tmp_path, apprise=f"json://127.0.0.1:{receiver.port}/geheim")
        finished = cli("notify", "test", "--config", config)
        assert (finished.code, finished.out) == (0, "json: taken\n")
        assert len(receiver.received) == 1


def test_a_private_address_is_refused_unless_it_is_allowed(cli: Cli, tmp_path: Path) -> None:
    with receiving() as receiver:
        config = configured(tmp_path, receiver)
        Path(config).write_text(Path(config).read_text().replace(", allow_private: true", ""))
        finished = cli("notify", "test", "--config", config)
        assert finished.code == 1
        assert finished.out == "127.0.0.1: its host lies in a private network, and allow_private is not set\n"
        assert receiver.received == []


@pytest.mark.parametrize("command", ["run", "test"])
def test_where_nobody_is_to_be_told_it_says_what_to_write(cli: Cli, command: str) -> None:
    finished = cli("notify", command)
    assert finished.code == 2
    assert "notify.webhook" in finished.err


def test_the_webhook_of_the_policy_in_force_is_told_too(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiving() as receiver:
        policy = tmp_path / "policy.yaml"
        webhook = f'{{url: "{receiver.url}", secret: other, allow_private: true}}'
        policy.write_text(f'version: "1"\napprovals: {{notify: {{webhook: {webhook}}}}}\n')
        monkeypatch.setenv("APPROVAL_TUI_POLICY", str(policy))
        assert cli("notify", "test").out == "127.0.0.1: taken\n"
        same_url = cli("notify", "test", "--config", configured(tmp_path, receiver))
        assert same_url.out == "127.0.0.1: taken\n"
        assert len(receiver.received) == 2


@pytest.mark.parametrize("command", ["run", "test"])
@pytest.mark.parametrize(("name", "url"), [("httpx2", None), ("apprise", "json://h/")])
def test_without_the_extra_it_says_what_to_install(tmp_path: Path, command: str, name: str, url: str | None) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    (gone / f"{name}.py").write_text(f"raise ModuleNotFoundError('no', name={name!r})\n")
    with receiving() as receiver:
        config = configured(tmp_path, apprise=url) if url else configured(tmp_path, receiver)
        finished = run_process("notify", command, "--config", config, PYTHONPATH=str(gone))
    assert finished.code == 2
    assert "pip install 'approval-tui[notify]'" in finished.err


# --- run ---------------------------------------------------------------------------------------


def test_what_is_asked_is_delivered_until_it_is_ended(
    store: BlockingStore, call: Call, tmp_path: Path, store_path: str
) -> None:
    with receiving() as receiver, running(configured(tmp_path, receiver), store_path) as process:
        request = ask(store, call, 1)
        until(receiver.told_of)
        assert receiver.told_of() == [request.id]
        process.send_signal(signal.SIGTERM)
        finished = ended(process)
    assert (finished.code, finished.out, finished.err) == (0, "", "")


def test_ctrl_c_interrupts_it(store: BlockingStore, tmp_path: Path, store_path: str) -> None:
    with receiving() as receiver, running(configured(tmp_path, receiver), store_path) as process:
        process.send_signal(signal.SIGINT)
        assert ended(process).code == 130


def test_a_receiver_that_fails_is_said_and_the_decision_is_made(
    store: BlockingStore, call: Call, tmp_path: Path, store_path: str
) -> None:
    with receiving(lambda _: Answer(500)) as receiver, running(configured(tmp_path, receiver), store_path) as process:
        request = ask(store, call, 1)
        until(receiver.told_of)
        finished = run_process("approve", request.id, "--digest", request.digest, "--store", store_path)
        assert finished.code == 0
        process.send_signal(signal.SIGTERM)
        assert ended(process).err == "127.0.0.1 was not told: it answered 500. It is tried again.\n"


def test_two_deliverers_do_not_send_the_same(store: BlockingStore, call: Call, tmp_path: Path, store_path: str) -> None:
    with receiving() as receiver:
        config = configured(tmp_path, receiver, more=", events: [requested, decided]")
        with running(config, store_path), running(config, store_path):
            until(lambda: not is_behind(store, receiver))
            requests = [ask(store, call, number) for number in range(60)]
            until(lambda: len({received.message_id for received in receiver.received}) >= len(requests))
            until(lambda: not left(store))
        assert sorted(receiver.told_of()) == sorted(request.id for request in requests)


def is_behind(store: BlockingStore, receiver: Receiver) -> bool:
    sink = sink_of(receiver).id
    return not store._engine.read(lambda tx: tx.rows("sink", {"sink": sink}))


def left(store: BlockingStore) -> list[object]:
    """What is still to be delivered, now or later."""
    ever = {"before": 2**62, "now": 2**62, "most": 1000}
    return list(store._engine.read(lambda tx: tx.rows("old_deliveries", ever)))


@pytest.mark.parametrize("is_answered", [False, True], ids=["before the answer", "with the answer on its way"])
async def test_what_a_killed_deliverer_had_leased_is_delivered_by_another(
    store: BlockingStore, call: Call, tmp_path: Path, store_path: str, is_answered: bool
) -> None:
    victims: list[int] = []

    def answer(_: Received) -> Answer:
        if victims:
            os.kill(victims.pop(), signal.SIGKILL)
            return TAKEN if is_answered else Answer(hangs=True)
        return TAKEN

    with receiving(answer) as receiver:
        with running(configured(tmp_path, receiver), store_path) as process:
            victims.append(process.pid)
            request = ask(store, call, 1)
            await soon(lambda: process.poll() == -signal.SIGKILL, LONG)
        assert receiver.told_of() == [request.id]
        assert len(left(store)) == 1
        async with (
            open_store(store_path, clock=lambda: system_clock() + LEASE) as later,
            delivering(later, [sink_of(receiver)]),
        ):
            await soon(lambda: len(receiver.received) == 2)
        first, second = receiver.received
        assert (first.message_id, first.body) == (second.message_id, second.body)
        assert left(store) == []
