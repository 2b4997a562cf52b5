"""Smuggling: frames made so that the proxy might read one thing and the server another.

For each: the server got no call that asks, the client was told so under its id where that can be known, and the
proxy serves the next good call.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from approval_tui.proxy.frames import LARGEST_FRAME
from approval_tui.proxy.open_requests import MOST_OPEN
from tests.proxy.client import Message, RawClient, proxy_command, recorded
from tests.proxy.conftest import StartProxy
from tests.support import until

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
INVALID_PARAMS = -32602
ASKS = -32003
RUNS = None
"""No error but a result."""

NO_ANSWER = object()
"""In the place of an id: nothing is answered."""

# --- the frames --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Frame:
    """What is written, and the answer that it should get: an id, and the code of an error or RUNS."""

    data: bytes
    id: Any
    code: int | None


def frames(request_id: object, code: int | None, *written: str | bytes | dict[str, Any]) -> list[Frame]:
    """Frames that should get the same answer; an object lacks only its `jsonrpc`, and in a text CALL is written out."""
    return [Frame(_data(each), request_id, code) for each in written]


def _data(written: str | bytes | dict[str, Any]) -> bytes:
    if isinstance(written, bytes):
        return written
    if isinstance(written, dict):
        return json.dumps({"jsonrpc": "2.0", **written}).encode()
    return written.replace("CALL", '"method":"tools/call","params":{"name":"write","arguments":{}}').encode()


def call(request_id: object = 7, /, **params: Any) -> dict[str, Any]:
    return {"id": request_id, "method": "tools/call", "params": params}


HEAD = '{"jsonrpc":"2.0","id":7,'
PLAIN = _data(HEAD + "CALL}")
LONG = b" " * LARGEST_FRAME

NOT_ONE_MEANING = [
    *frames(None, PARSE_ERROR, PLAIN + b"\r" + PLAIN.replace(b"7", b"8")),
    *frames(7, PARSE_ERROR, PLAIN + PLAIN, PLAIN + b"\x1e" + PLAIN, HEAD + '"method":"ping"}\r{"id":7,CALL}'),
    *frames(7, PARSE_ERROR, HEAD + '"method":"ping","a":"\r{CALL}\r"}', HEAD + '"a":"\x01",CALL}'),
    *frames(7, PARSE_ERROR, HEAD + '"method":"ping",CALL}', HEAD + 'CALL,"method":"ping"}'),
    *frames(7, PARSE_ERROR, HEAD + '"\\u006dethod":"ping",CALL}', HEAD + '"jsonrpc":"2.0",CALL}'),
    *frames(7, PARSE_ERROR, HEAD + '"method":"tools/call","params":{"name":"read","name":"write"}}'),
    *frames(7, PARSE_ERROR, HEAD + '"method":"tools/call","params":{"name":"read"},"params":{"name":"write"}}'),
    *frames(7, PARSE_ERROR, HEAD + '"method":"tools/call","params":{"name":"read","arguments":{"a":[{"b":1,"b":2}]}}}'),
    *frames(None, PARSE_ERROR, HEAD + '"id":8,CALL}'),
    *(
        frame
        for value in ("NaN", "[-Infinity]", "1e999", "1" * 5000)
        for frame in frames(7, PARSE_ERROR, HEAD + f'CALL,"a":{value}}}')
    ),
    *frames(7, PARSE_ERROR, *(HEAD + 'CALL,"a":' + "[" * levels + "]" * levels + "}" for levels in (501, 100_000))),
    *frames(7, PARSE_ERROR, b"\xef\xbb\xbf" + PLAIN, PLAIN + b"\x00", PLAIN[:-1]),
    *frames(7, PARSE_ERROR, *(PLAIN[:-1] + b',"a":"' + bad + b'"}' for bad in (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80"))),
    *frames(
        None,
        PARSE_ERROR,
        PLAIN.decode().encode("utf-16-be"),
        PLAIN.replace(b'"', b"'"),
        '{"jsonrpc":"2.0",/*"id":8,*/"id":7,CALL}',
    ),
    *frames(
        None, PARSE_ERROR, b'{"id":"\\q",', b'{"id": 007, "method":"tools/call"}', b'{"id":"\xff",}', b'{"id":"\x01",}'
    ),
    *frames(7, PARSE_ERROR, PLAIN + LONG + b"!", PLAIN[:-1] + LONG + b"}", PLAIN[:-1] + 3 * LONG + b"}"),
]

LOOKALIKE_METHODS = (
    *("Tools/Call", "TOOLS/CALL", "tool\u017f/call", "\uff54ools/call", "tools/call ", "\ttools/call"),
    *("tools/call\0", "tools/call\0/x", "tools/call\x01", "tools/call\ufeff", "tools/call\ud800"),
)
LOOKALIKE_KEYS = ("Method", "METHOD", "\uff4dethod", "method ", "method\0", "method\ufeff", "method\x01", "\0method")

NO_IDS: tuple[Any, ...] = (None, 1.0, True, [7], {}, 2**53, 10**400)
NO_METHODS: tuple[Any, ...] = (["tools/call"], None, {}, 1)
NO_PARAMS: tuple[Any, ...] = (["write", {}], '{"name":"write"}', 1, True)

NO_MESSAGE = [
    *frames(None, INVALID_REQUEST, *(call(each, name="write") for each in NO_IDS)),
    *frames(
        7, INVALID_REQUEST, '{"id":7,CALL}', '{"jsonrpc":"1.0","id":7,CALL}', {"id": 7, "params": {"name": "write"}}
    ),
    *frames(7, INVALID_REQUEST, HEAD + 'CALL,"result":{}}', HEAD + 'CALL,"error":{"code":1}}'),
    *frames(7, INVALID_REQUEST, *({**call(name="write"), "method": method} for method in NO_METHODS)),
    *frames(7, INVALID_REQUEST, *({**call(), "params": params} for params in NO_PARAMS)),
    *frames(7, INVALID_REQUEST, *({**call(name="write"), "method": "ping", key: 1} for key in LOOKALIKE_KEYS)),
    *frames(7, INVALID_REQUEST, *({**call(name="read"), key: {}} for key in ("Params", "param\u017f", "params\0"))),
    *frames(7, INVALID_REQUEST, *({**call(name="write"), "method": method} for method in LOOKALIKE_METHODS)),
    *frames(None, INVALID_REQUEST, {"method": "Tools/Call", "params": {"name": "write"}}),
    *frames(None, INVALID_REQUEST, b"[" + PLAIN + b"]", b"[[" + PLAIN + b"]]", b"[]", b'"tools/call"', b"null", b"7"),
]

LOOKALIKE_PARAMS = ("Name", "nAME", "\uff4eame", "ARGUMENTS", "argument\u017f", "name\0", "tool", "__proto__")
LOOKALIKE_TOOLS = ("Delete", "DELETE", "del-ete", "delete ", "delete\0x", "\uff44elete")

NO_CALL = [
    *frames(7, INVALID_PARAMS, {"id": 7, "method": "tools/call"}, {**call(), "params": None}, call()),
    *frames(7, INVALID_PARAMS, *(call(name=name) for name in (["write"], {"write": 1}, 1, None, "", " ", "w" * 257))),
    *frames(7, INVALID_PARAMS, *(call(name=name) for name in ("write\ud800", *LOOKALIKE_TOOLS))),
    *frames(7, INVALID_PARAMS, *(call(name="write", arguments=each) for each in ([], [1], '{"a": 1}', 1, True))),
    *frames(
        7,
        INVALID_PARAMS,
        *(call(name="write", arguments={"a": each}) for each in ("\ud800", 10**4000, "x" * 5_000_000)),
    ),
    *frames(7, INVALID_PARAMS, *(call(**{"name": "read", key: "write"}) for key in LOOKALIKE_PARAMS)),
    *frames(7, INVALID_PARAMS, *(call(name=name, requestState="nobody's") for name in ("read", "write"))),
    *frames(7, INVALID_PARAMS, call(name="write", inputResponses={}), call(name="write", requestState=["a"])),
    *frames(7, INVALID_PARAMS, call(name="read", _meta=[])),
]

HONEST_CALLS = [
    *frames(
        7, ASKS, PLAIN, b"\r \t" + PLAIN + b" \r", PLAIN.replace(b",", b",\r"), HEAD + 'CALL,"extra":{"method":"ping"}}'
    ),
    *frames(7, ASKS, PLAIN.replace(b"tools/", b"tools\\/"), PLAIN.replace(b"tools/", b"\\u0074ools/")),
    *frames(7, ASKS, PLAIN.replace(b"method", b"\\u006dethod"), PLAIN.replace(b"write", b"\\u0077rite")),
    *frames(7, ASKS, call(name="write", arguments={"n": 10**400}), call(name="__proto__")),
    *frames(7, ASKS, *(call(name=name) for name in ("Write", "Read", "re_ad", "read ", "read\0x", "\uff52ead"))),
    *frames("7", ASKS, call("7", name="write", arguments=None)),
    *frames(7, RUNS, call(name="delete")),
]

PASSED_ON = [
    *frames(7, RUNS, {"id": 7, "method": "ping", "params": {"name": "write", "inner": {"method": "tools/call"}}}),
    *frames(7, RUNS, HEAD + '"method":"ping","params":\r{"jsonrpc":"2.0","id":8,CALL}\r}'),
    *frames(7, RUNS, HEAD + '"method":"ping","params":{"text":"\\r{\\"method\\":\\"tools\\/call\\"}\\r"}}'),
    *frames(7, RUNS, {"id": 7, "method": "ping", "params": {"a": "\ud800", "b": 10**400, "\x85\u2028": "\r\n"}}),
    *frames(NO_ANSWER, RUNS, {"id": 7, "result": {"method": "tools/call", "params": {"name": "write"}}}, b"", b" \r\t"),
    *frames(NO_ANSWER, RUNS, *({"method": "tools/call", "params": {"name": name}} for name in ("read", "write"))),
]


# --- how they fare -----------------------------------------------------------------------------


def faults_of(client: RawClient, sent: Sequence[Frame]) -> Iterator[str]:
    """What is wrong with the answers to each of these frames, or with the proxy after it."""
    for number, frame in enumerate(sent):
        start = len(client.messages)
        client.write(frame.data + b"\n")
        good = client.call("read", {"after": number})
        told = [] if frame.id is NO_ANSWER else [said_after(client, start, frame.id)]
        shown = ascii(frame.data[:200])
        if good.get("result", {}).get("isError") is not False:
            yield f"the good call after {shown} got {good}"
        if [each for each in client.messages[start:] if each is not good] != told:
            yield f"{shown} got {client.messages[start:]}"
        if told and told[0].get("error", {}).get("code") != frame.code:
            yield f"{shown} got {told[0]}"


def said_after(client: RawClient, start: int, request_id: object) -> Message:
    """Waits for the first answer with the id among the messages that came after so many."""
    return client.wait_for(
        lambda message: message.get("id") == request_id and any(each is message for each in client.messages[start:])
    )


@pytest.mark.parametrize(
    "sent",
    [NOT_ONE_MEANING, NO_MESSAGE, NO_CALL, HONEST_CALLS, PASSED_ON],
    ids=["not one meaning", "no message", "no call", "honest calls", "passed on"],
)
def test_nothing_is_smuggled_past_the_gate(sent: list[Frame], start_proxy: StartProxy, record: Path) -> None:
    client = start_proxy("--hold", "0")
    faults = list(faults_of(client, sent))
    assert not faults, "\n".join(faults)
    expected = [("read", {"after": number}) for number in range(len(sent))]
    assert [(each["name"], each["arguments"]) for each in recorded(record)] == expected


def test_an_id_in_use_is_refused_and_the_first_request_keeps_it(start_proxy: StartProxy, record: Path) -> None:
    client = start_proxy("--hold", "0")
    client.request("tools/call", {"name": "read", "arguments": {"answer": "never"}}, id=7)
    sent = frames(7, INVALID_REQUEST, call(name="read"), call(name="write"), {"id": 7, "method": "ping"})
    assert list(faults_of(client, sent)) == []
    until(lambda: 7 in [each["id"] for each in recorded(record)])
    assert [each["id"] for each in recorded(record)].count(7) == 1


ALLOWING_POLICY = """
version: "1"
default: allow
hide: [delete, "remove_*"]
tools:
  write: {rules: [{name: ask, action: require_approval}]}
  "send_*": {rules: [{name: ask, action: require_approval}]}
"""


LOOKALIKE_NAMES = (
    *("Write", "WRITE", "wri_te", "w-rite", "Delete", "wr\u0131te", "\uff57rite"),
    *(" write", "write\t", "write\0", "write\0x", "write\ufeff", "write\x01", "delete\0", "delete "),
    *("Send_mail", "SEND_MAIL", "Remove_all"),
)


def test_where_the_rest_runs_a_name_that_a_server_takes_for_a_gated_one_does_not(
    start_proxy: StartProxy, policy: Path, record: Path
) -> None:
    policy.write_text(ALLOWING_POLICY)
    client = start_proxy("--hold", "0")
    answers = {name: client.call(name) for name in LOOKALIKE_NAMES}
    assert [name for name, answer in answers.items() if "error" not in answer] == []
    assert recorded(record) == []
    assert client.call("other")["result"]["isError"] is False


# --- what a client could use up ------------------------------------------------------------------


def test_a_call_that_is_cancelled_at_once_frees_its_id(start_proxy: StartProxy) -> None:
    client = start_proxy("--hold", "0")
    cancelled = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}}
    client.write(PLAIN + b"\n" + json.dumps(cancelled).encode() + b"\n")
    client.write(PLAIN + b"\n")
    assert client.answer(7)["error"]["code"] == ASKS


def test_requests_that_were_cancelled_do_not_count_as_open(store_path: str, policy: Path) -> None:
    """A cancelled request is not answered (MCP, cancellation), and this server answers nothing at all."""
    options = ("--store", store_path, "-c", str(policy), "--hold", "0")
    with RawClient(proxy_command(*options, server=["sh", "-c", "cat > /dev/null"])) as client:
        for number in range(MOST_OPEN + 1):
            client.request("resources/read", id=number)
            client.notify("notifications/cancelled", {"requestId": number})
        assert client.call("write")["error"]["code"] == ASKS


def test_a_refusal_does_not_repeat_a_name_of_megabytes(start_proxy: StartProxy) -> None:
    client = start_proxy("--hold", "0")
    for name in ("w" * 500_000, " " * 500_000, "\U0010ffff" * 100_000):
        answer = client.call(name)
        assert answer["error"]["code"] == INVALID_PARAMS
        assert len(json.dumps(answer)) < 5_000
