"""Answers that get lost and servers that go away: a gate goes on, and nothing is done twice or for nothing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from approval_tui import Gate, StoreUnavailable
from approval_tui.remote import exchanges
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from tests.gate.both_forms import FORMS, MAKE_DEPLOY, history, reviewing
from tests.remote.gates import must_not_run, only, remote_gate, use
from tests.server.lossy import LossyWay
from tests.server.serving import Served, ServerProcess, free_port, token_for
from tests.support import LONG, approve, assert_sound, until


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("part", ["POST /v1/requests HTTP", "GET ", "/consume ", "/outcome "])
def test_an_answer_that_is_lost_is_asked_for_again(form: str, part: str, served: Served) -> None:
    with (
        LossyWay(served.port, lambda line, before: part in line and before < 2) as way,
        remote_gate(served, url=way.url) as gate,
        reviewing(served.desk, lambda request: approve(served.desk, request)),
    ):
        assert use(form, gate, lambda call: call.arguments) == MAKE_DEPLOY
    assert sum(part in line for line in way.seen) >= 3
    assert history(served.desk, only(served)) == ["submitted", "approved", "consumed", "outcome"]


@pytest.mark.parametrize("form", FORMS)
def test_a_claim_whose_return_is_lost_is_given_back_once(
    form: str, served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        LossyWay(served.port, lambda line, before: "/outcome " in line and before < 2) as way,
        remote_gate(served, url=way.url) as gate,
        reviewing(served.desk, lambda request: approve(served.desk, request)),
        caplog.at_level("ERROR"),
    ):
        use(form, gate, lambda call: call.did_not_run())
    assert history(served.desk, only(served)) == ["submitted", "approved", "consumed", "rolled_back"]
    assert only(served).status == "approved"
    assert caplog.records == []


@pytest.mark.parametrize("form", FORMS)
def test_a_withdrawal_whose_answer_is_lost_is_made_once(form: str, served: Served) -> None:
    with (
        LossyWay(served.port, lambda line, before: "/rollback " in line and before < 2) as way,
        remote_gate(served, url=way.url) as gate,
        reviewing(served.desk, lambda request: approve(served.desk, request)),
    ):
        use(form, gate, lambda call: call.withdraw("of no use"))
    assert history(served.desk, only(served)) == ["submitted", "approved", "consumed", "rolled_back", "cancelled"]


def test_an_approval_that_is_withdrawn_while_the_answer_is_lost_is_withdrawn_once(served: Served) -> None:
    with (
        LossyWay(served.port, lambda line, before: line.startswith("DELETE ") and before < 2) as way,
        remote_gate(served, url=way.url) as gate,
    ):
        asked = approve(served.desk, gate.submit_blocking("shell", {}))
        withdrawn = gate.requester_store_blocking().cancel(asked.id, requester="whoever")
    assert (withdrawn.status, withdrawn.id) == ("cancelled", asked.id)
    assert history(served.desk, only(served)) == ["submitted", "approved", "cancelled"]


@pytest.fixture
def desk(store_path: str) -> Iterator[BlockingStore]:
    with open_store_blocking(store_path) as opened:
        yield opened


@pytest.mark.parametrize("form", FORMS)
def test_gates_that_wait_go_on_when_a_killed_server_is_back(form: str, store_path: str, desk: BlockingStore) -> None:
    token = token_for(desk, "agent", "bot")
    bind = f"127.0.0.1:{free_port()}"
    server = ServerProcess(store_path, bind=bind)
    ran: list[Any] = []

    def work(number: int) -> None:
        with Gate("whoever", url=server.url, token=token, context={}, timeout=LONG) as gate:
            ran.append(use(form, gate, lambda call: call.arguments["n"], {"n": number}))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    until(lambda: len(desk.reviewer.list()) == 4)
    server.kill()
    for request in desk.reviewer.list():
        approve(desk, request)
    server = ServerProcess(store_path, bind=bind)
    for thread in threads:
        thread.join(LONG)
    assert sorted(ran) == [0, 1, 2, 3]
    assert {request.outcome for request in desk.reviewer.history()} == {"succeeded"}
    assert server.stop() == 0
    assert_sound(desk)


@pytest.mark.parametrize("form", FORMS)
def test_a_server_that_is_not_there_lets_nothing_run(
    form: str, store_path: str, desk: BlockingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchanges, "PATIENCE", 0.2)
    url = f"http://127.0.0.1:{free_port()}"
    with (
        Gate("whoever", url=url, token=token_for(desk, "agent", "bot")) as gate,
        pytest.raises(StoreUnavailable, match="cannot be reached"),
    ):
        use(form, gate, must_not_run)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
        b"HTTP/1.1 201 Created\r\ncontent-length: 5\r\n\r\nhello",
        b'HTTP/1.1 200 OK\r\ncontent-length: 14\r\n\r\n{"request": {}}',
        b"HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n",
    ],
    ids=["empty", "text", "no request", "redirect", "500"],
)
@pytest.mark.parametrize("form", FORMS)
def test_what_is_no_server_of_ours_lets_nothing_run(form: str, answer: bytes, desk: BlockingStore) -> None:
    async def serve_answer() -> None:
        async def answer_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            writer.close()

        async with await asyncio.start_server(answer_once, "127.0.0.1", 0) as server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            await asyncio.to_thread(ask, url)

    def ask(url: str) -> None:
        with (
            Gate("whoever", url=url, token=token_for(desk, "agent", "bot")) as gate,
            pytest.raises(StoreUnavailable),
        ):
            use(form, gate, must_not_run)

    asyncio.run(serve_answer())


def test_an_answer_about_another_call_lets_nothing_run(served: Served) -> None:

    with remote_gate(served) as gate:
        asked = gate.submit_blocking("shell", {"n": 1})
        approve(served.desk, asked)
        other = gate.submit_blocking("shell", {"n": 2})
        store = gate.requester_store_blocking()
        with pytest.raises(StoreUnavailable, match="not what was approved"):
            store.consume(
                asked.id, other.fingerprint, requester="", claim_lifetime=1, claim_id="c", digest=asked.digest
            )
