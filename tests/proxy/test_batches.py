"""Batches: taken apart where the protocol has them, refused where it has not, and their answers gathered."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from approval_tui.domain.canonical import JsonObject
from approval_tui.proxy.batches import Batch
from tests.proxy.careless_server import arrived, careless_server
from tests.proxy.client import RawClient, proxy_command, recorded
from tests.proxy.conftest import StartProxy
from tests.support import until

BATCHES = "2025-03-26"
CANCEL = "notifications/cancelled"


class Sent:
    """What batches sent."""

    def __init__(self) -> None:
        self.lists: list[list[JsonObject]] = []

    async def __call__(self, answers: list[JsonObject]) -> None:
        self.lists.append(list(answers))


# --- gathering ---------------------------------------------------------------------------------


async def test_answers_are_sent_together_once_the_last_has_come() -> None:
    sent = Sent()
    batch = Batch(sent)
    first, second = batch.reply(is_awaited=True), batch.reply(is_awaited=True)
    await batch.close()
    await second({"id": 2})
    assert sent.lists == []
    await first({"id": 1})
    assert sent.lists == [[{"id": 2}, {"id": 1}]]


async def test_answers_that_come_before_the_end_of_the_batch_wait_for_it() -> None:
    sent = Sent()
    batch = Batch(sent)
    await batch.reply(is_awaited=True)({"id": 1})
    assert sent.lists == []
    await batch.reply(is_awaited=False)({"id": None})
    assert sent.lists == []
    await batch.close()
    assert sent.lists == [[{"id": 1}, {"id": None}]]


async def test_where_nothing_is_answered_nothing_is_sent() -> None:
    sent = Sent()
    batch = Batch(sent)
    batch.reply(is_awaited=False)
    await batch.close()
    assert sent.lists == []


# --- through a proxy ---------------------------------------------------------------------------


def request(request_id: object, method: str, **params: Any) -> JsonObject:
    return {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}


def call(request_id: object, tool: str, **arguments: Any) -> JsonObject:
    return request(request_id, "tools/call", name=tool, arguments=arguments)


def cancel(request_id: object) -> JsonObject:
    return {"jsonrpc": "2.0", "method": CANCEL, "params": {"requestId": request_id}}


def batch_answer(client: RawClient, *ids: object) -> dict[object, JsonObject]:
    """Waits for a list of answers with just these ids, and gives them by their ids."""

    def is_whole(_: JsonObject) -> bool:
        return any(isinstance(each, list) and {one.get("id") for one in each} == set(ids) for each in client.messages)

    client.wait_for(is_whole)
    found = next(each for each in client.messages if isinstance(each, list) and {one["id"] for one in each} == set(ids))
    assert len(found) == len(ids)
    return {each["id"]: each for each in found}


def test_a_batch_is_taken_apart_and_its_answers_are_gathered(start_proxy: StartProxy, record: Path) -> None:
    client = start_proxy("--hold", "0", shake_hands=False)
    client.shake_hands(BATCHES)
    client.send(
        [
            call(1, "read", n=1),
            call(2, "write", n=2),
            call(3, "delete", n=3),
            request(4, "ping"),
            {"jsonrpc": "2.0", "method": "notifications/roots/list_changed"},
            {"jsonrpc": "2.0", "method": "tools/call", "params": {"name": "write"}},
            {"jsonrpc": "2.0", "id": 77, "result": {"method": "tools/call"}},
            call(4, "read", n=4),
            call(None, "write"),
            {"id": 5, "method": "tools/call", "params": {"name": "write"}},
            {"jsonrpc": "2.0", "id": 6, "method": "tools/call", "params": ["write"]},
            {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "write"}, "result": {}},
            {"jsonrpc": "2.0", "id": 8, "Method": "tools/call", "method": "ping"},
            {},
            request(9, "tools/list"),
        ]
    )
    client.call("read", {"n": "after"})
    whole = client.wait_for(lambda message: message.get("id") == 9)
    answers = next(each for each in client.messages if isinstance(each, list) and whole in each)
    by_id = {each["id"]: each for each in answers if each["id"] not in (4, None)}
    assert sorted(by_id) == [1, 2, 3, 5, 6, 7, 8, 9]
    assert by_id[1]["result"]["isError"] is False
    assert by_id[2]["error"]["data"]["type"] == "approval_required"
    assert by_id[3]["result"]["isError"] is True
    assert all(by_id[number]["error"]["code"] == -32600 for number in (5, 6, 7, 8))
    assert [tool["name"] for tool in by_id[9]["result"]["tools"]] == ["read", "write"]
    assert sorted("error" in each for each in answers if each["id"] == 4) == [False, True], (
        "an id may not be used twice"
    )
    assert len([each for each in answers if each["id"] is None]) == 2
    ran = [each["arguments"]["n"] for each in recorded(record)]
    assert sorted(ran, key=str) == [1, "after"], "calls that are open at once reach the server in any order"


NO_BATCHES: list[tuple[str, Any]] = [
    ("2025-11-25", [call(1, "read"), call(2, "write")]),
    ("2025-11-25", []),
    ("2026-07-28", [call(1, "write")]),
    (BATCHES, []),
    (BATCHES, [[call(1, "write")]]),
    (BATCHES, [call(1, "read"), [call(2, "write")]]),
    (BATCHES, [call(1, "read"), None]),
    (BATCHES, ["tools/call"]),
    (BATCHES, [[]]),
]


def test_a_list_is_refused_whole_where_it_is_no_batch(start_proxy: StartProxy, record: Path) -> None:
    faults = []
    for version in dict.fromkeys(version for version, _ in NO_BATCHES):
        client = start_proxy("--hold", "0", shake_hands=False)
        client.shake_hands(version)
        for value in (value for of, value in NO_BATCHES if of == version):
            before = len(client.messages)
            client.send(value)
            client.call("read", {"n": "good"})
            said = client.messages[before:-1]
            if [(each["id"], each["error"]["code"]) for each in said if isinstance(each, dict)] != [(None, -32600)]:
                faults.append((version, value, said))
    assert not faults
    assert {each["arguments"].get("n") for each in recorded(record)} == {"good"}


def test_a_client_that_shook_no_hands_has_no_batches(start_proxy: StartProxy, record: Path) -> None:
    client = start_proxy("--hold", "0", shake_hands=False)
    client.send([call(1, "read")])
    assert client.answer(None)["error"]["code"] == -32600
    assert recorded(record) == []


def test_a_held_call_that_is_cancelled_leaves_the_other_answers_of_its_batch(start_proxy: StartProxy) -> None:
    client = start_proxy("--hold", "1h", shake_hands=False)
    client.shake_hands(BATCHES)
    client.send([call(1, "write"), request(2, "ping")])
    until_held = {"progressToken": "t"}
    client.start_call("write", {"n": 2}, _meta=until_held)
    client.wait_for(lambda message: message.get("method") == "notifications/progress")
    client.send(cancel(1))
    answers = batch_answer(client, 1, 2)
    assert "did not run" in answers[1]["error"]["message"]


def test_a_call_that_is_cancelled_in_the_same_batch_leaves_the_other_answers(start_proxy: StartProxy) -> None:
    client = start_proxy("--hold", "1h", shake_hands=False)
    client.shake_hands(BATCHES)
    client.send([call(1, "write"), request(2, "ping"), cancel(1)])
    answers = batch_answer(client, 1, 2)
    assert "did not run" in answers[1]["error"]["message"]
    assert "result" in answers[2]


def test_a_request_that_is_cancelled_after_its_batch_leaves_the_other_answers(
    store_path: str, policy: Path, record: Path
) -> None:
    """Nobody answers what is cancelled (MCP, cancellation): the rest of its batch must not wait for that."""
    with RawClient(proxy_command("--store", store_path, "-c", str(policy), server=careless_server(record))) as client:
        client.shake_hands(BATCHES)
        client.send([request(1, "slow", arguments={"answer": "never"}), request(2, "ping")])
        client.send([call(3, "read", answer="never"), request(4, "ping")])
        until(lambda: all(any(name in line for line in arrived(record)) for name in (b"slow", b"read")))
        client.send(cancel(1))
        client.send(cancel(3))
        assert "result" in client.answer(2)
        assert "result" in client.answer(4)


def test_an_id_that_another_batch_uses_leaves_the_first_batch_its_answers(
    store_path: str, policy: Path, record: Path
) -> None:
    with RawClient(proxy_command("--store", store_path, "-c", str(policy), server=careless_server(record))) as client:
        client.shake_hands(BATCHES)
        client.send([request(1, "slow", arguments={"answer": "never"}), request(2, "ping")])
        client.send([request(1, "ping"), request(3, "ping")])
        assert "error" in batch_answer(client, 1, 3)[1]
        client.send(cancel(1))
        assert "result" in client.answer(2)


def test_a_batch_of_more_messages_than_anybody_sends_is_refused_whole(start_proxy: StartProxy) -> None:
    """Each of them would be answered: a batch of ten megabytes by one of hundreds."""
    client = start_proxy(shake_hands=False)
    client.shake_hands(BATCHES)
    client.write(b"[" + b",".join([b"{}"] * 20_000) + b"]\n")
    assert client.answer(None)["error"]["code"] == -32600
    assert len(client.messages) == 2
    assert not isinstance(client.messages[1], list)


def test_a_bad_answer_in_a_servers_batch_costs_nobody_else_an_answer(
    store_path: str, policy: Path, tmp_path: Path
) -> None:
    """The server answers in a batch of its own (it may, in this version) of which the first item cannot be read."""
    program = tmp_path / "batching.py"
    program.write_text(BATCHING_SERVER)
    command = proxy_command("--store", store_path, "-c", str(policy), server=[sys.executable, str(program)])
    with RawClient(command) as client:
        client.shake_hands(BATCHES)
        client.send([request(1, "a"), request(2, "b")])
        answers = batch_answer(client, 1, 2)
    assert "refused" in answers[1]["error"]["message"]
    assert answers[2]["result"] == {"fine": True}


BATCHING_SERVER = """
import json, sys

def say(*answers):
    whole = [{"jsonrpc": "2.0", **answer} for answer in answers]
    print(json.dumps(whole if len(whole) > 1 else whole[0]), flush=True)

asked = []
for line in sys.stdin:
    message = json.loads(line)
    if message["method"] == "initialize":
        say({"id": message["id"], "result": {"protocolVersion": "2025-03-26"}})
    elif message["method"] in ("a", "b"):
        asked.append(message["id"])
        if len(asked) == 2:
            say({"id": asked[0], "result": []}, {"id": asked[1], "result": {"fine": True}})
"""
