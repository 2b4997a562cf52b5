"""JSON-RPC messages and tool calls: what each one is, and what two readers could take for two things."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from approval_tui.domain.canonical import JsonObject
from approval_tui.proxy.frames import FrameRefused
from approval_tui.proxy.messages import (
    NOTIFICATION,
    REQUEST,
    RESPONSE,
    InvalidParams,
    Message,
    read_message,
    read_tool_call,
)
from tests.proxy.strict_readers import careless

MEMBERS = ("jsonrpc", "id", "method", "params", "result", "error")


def plain(**members: Any) -> JsonObject:
    return {"jsonrpc": "2.0", **members}


def refusal_of(value: Any) -> str:
    with pytest.raises(FrameRefused) as refused:
        read_message(value)
    return refused.value.why


# --- what a message is -------------------------------------------------------------------------

READ: list[tuple[JsonObject, Message]] = [
    (plain(id=1, method="ping"), Message(REQUEST, {}, 1, "ping")),
    (plain(id="a", method="ping", params={}), Message(REQUEST, {}, "a", "ping")),
    (plain(id=1, method="ping", params=None), Message(REQUEST, {}, 1, "ping")),
    (plain(id=1, method="tools/call"), Message(REQUEST, {}, 1, "tools/call")),
    (plain(method="ping"), Message(NOTIFICATION, {}, None, "ping")),
    (plain(method="tools/call"), Message(NOTIFICATION, {}, None, "tools/call")),
    (plain(id=1, result={}), Message(RESPONSE, {}, 1)),
    (plain(id=1, error={}), Message(RESPONSE, {}, 1)),
    (plain(id=None, error={}), Message(RESPONSE, {}, None)),
    (plain(error={}), Message(RESPONSE, {}, None)),
    (plain(id=1, method="ping", extra=1, name="write"), Message(REQUEST, {}, 1, "ping")),
    (plain(id=1, method=""), Message(REQUEST, {}, 1, "")),
    (plain(id=1, method="tools/callback"), Message(REQUEST, {}, 1, "tools/callback")),
]


@pytest.mark.parametrize(("value", "expected"), READ, ids=[str(value) for value, _ in READ])
def test_a_message_is_a_request_a_notification_or_a_response(value: JsonObject, expected: Message) -> None:
    message = read_message(value)
    assert (message.kind, message.id, message.method) == (expected.kind, expected.id, expected.method)
    assert message.value is value
    assert message.params == {}


NO_IDS: tuple[Any, ...] = (None, 1.0, True, [1], {}, 2**53, -(2**53), 10**400)

REFUSED: list[tuple[Any, str]] = [
    ([], "it is a list"),
    ([plain(id=1, method="ping")], "it is a list"),
    ("text", "it is a text"),
    (1, "it is a number"),
    (1.5, "it is a number"),
    (True, "it is true or false"),
    (None, "it is missing or null"),
    ({}, 'it lacks "jsonrpc": "2.0"'),
    ({"id": 1, "method": "ping"}, "it lacks"),
    ({"jsonrpc": 2.0, "id": 1, "method": "ping"}, "it lacks"),
    ({"jsonrpc": "2", "id": 1, "method": "ping"}, "it lacks"),
    ({"jsonrpc": ["2.0"], "id": 1, "method": "ping"}, "it lacks"),
    (plain(), "neither a method nor one of result and error"),
    (plain(id=1), "neither a method nor one of result and error"),
    (plain(id=1, params={}), "neither a method nor one of result and error"),
    (plain(id=1, result={}, error={}), "neither a method nor one of result and error"),
    (plain(id=1, method="tools/call", result={}), "a method, and a result or an error"),
    (plain(id=1, method="ping", error={}), "a method, and a result or an error"),
    (plain(id=1, method=None, result={}), "its method is missing or null"),
    (plain(id=1, method=["tools/call"]), "its method is a list"),
    (plain(id=1, method={"tools/call": 1}), "its method is an object"),
    (plain(id=1, method=1), "its method is a number"),
    (plain(id=1, method="tools/call", params=["write", {}]), "its params are a list"),
    (plain(id=1, method="ping", params=[]), "its params are a list"),
    (plain(id=1, method="tools/call", params='{"name": "write"}'), "its params are a text"),
    (plain(method="tools/call", params=0), "its params are a number"),
    (plain(method="tools/call", params=False), "its params are true or false"),
    (plain(id=1, result=[]), "its result is a list"),
    (plain(id=1, result=None), "its result is missing or null"),
    (plain(id=1, error="no"), "its error is a text"),
    (plain(result={}), "its id is neither"),
    (plain(id=None, result={}), "its id is neither"),
    *((plain(id=each, method="tools/call"), "its id is neither") for each in NO_IDS),
    *((plain(id=each, error={}), "its id is neither") for each in NO_IDS if each is not None),
]


@pytest.mark.parametrize(("value", "why"), REFUSED, ids=[str(value)[:60] for value, _ in REFUSED])
def test_a_message_that_is_not_clearly_one_of_these_is_refused_and_why(value: Any, why: str) -> None:
    assert why in refusal_of(value)


# --- lookalikes --------------------------------------------------------------------------------

LOOKALIKE_KEYS = (
    *("Method", "METHOD", "ID", "Id", "Params", "PARAMS", "Result", "eRROR", "JSONRPC", "JsonRpc"),
    *("param\u017f", "re\u017fult", "j\u017fonrpc", "\uff4dethod", "met\uff48od", "\U0001d426ethod"),
    *("method ", " method", "\tparams", "id\n", "id\r", "method\u00a0", "method\u2003", "\u2028id"),
)
LOOKALIKE_KEYS_OF_SOME_READERS = (
    *("method\0", "method\0x", "id\0", "params\0\0"),  # a text ends at a NUL in C
    *("method\x01", "\x1fparams", "id\x08"),  # trim() of Java drops every control character
    *("method\ufeff", "\ufeffid"),  # trim() of JavaScript drops this one
    *("\u0131d", "\u0130d"),  # equalsIgnoreCase() of Java
    *("method\ud800", "me\udfffthod"),  # readers that leave out what is no character
)


@pytest.mark.parametrize("key", LOOKALIKE_KEYS, ids=ascii)
def test_a_key_that_a_careless_reader_takes_for_a_member_is_refused(key: str) -> None:
    assert careless(key) in MEMBERS
    for value in (plain(id=1, method="ping"), plain(id=1, result={}), plain(method="ping")):
        assert refusal_of({**value, key: "tools/call"}) == f"its key {key!a} could be read as another one"
        assert "could be read as another one" in refusal_of({key: {}, **value})


@pytest.mark.parametrize("key", LOOKALIKE_KEYS_OF_SOME_READERS, ids=ascii)
def test_a_key_that_some_reader_ends_or_trims_to_a_member_is_refused(key: str) -> None:
    assert careless(key) in MEMBERS
    assert refusal_of({**plain(id=1, method="ping"), key: "tools/call"})


LOOKALIKE_METHODS = (
    *("Tools/Call", "TOOLS/CALL", "tools/calL", "tool\u017f/call", "\uff54ools/call", "tools\uff0fcall"),
    *("tools/call ", " tools/call", "tools/call\n", "\rtools/call", "tools/call\u00a0"),
)
LOOKALIKE_METHODS_OF_SOME_READERS = (
    *("tools/call\0", "tools/call\0x", "tools/call\x01", "\x00tools/call", "tools/call\ufeff", "\ufefftools/call"),
    *("tools/call\ud800", "tools\udfff/call", "\u200btools/call"),
)


@pytest.mark.parametrize("method", LOOKALIKE_METHODS, ids=ascii)
def test_a_method_that_a_careless_reader_takes_for_a_call_is_refused(method: str) -> None:
    for value in (plain(id=1, method=method), plain(method=method)):
        assert refusal_of(value) == f"its method {method!a} could be read as tools/call"


@pytest.mark.parametrize("method", LOOKALIKE_METHODS_OF_SOME_READERS, ids=ascii)
def test_a_method_that_some_reader_ends_or_trims_to_a_call_is_refused(method: str) -> None:
    assert careless(method) == "tools/call"
    assert refusal_of(plain(id=1, method=method))
    assert refusal_of(plain(method=method))


@pytest.mark.parametrize(
    "method", ["Tools/List", "tools/list ", "tool\u017f/list", "tools/list\0", "tools/list\ufeff"], ids=ascii
)
def test_a_method_that_a_careless_reader_takes_for_a_list_of_tools_is_refused(method: str) -> None:
    """Nothing would be taken out of its answer, since it does not go by that name here."""
    assert careless(method) == "tools/list"
    assert refusal_of(plain(id=1, method=method))


letters = st.sampled_from("\0\x01\t\r\n \x85\xa0\u2003\u200b\ufeff\ud800\u017f\u0131\u212a\uff41_-x")


@settings(max_examples=200)
@given(member=st.sampled_from([*MEMBERS, "tools/call"]), data=st.data())
def test_whatever_is_done_to_a_name_it_is_itself_or_refused_or_nothing_like_it(
    member: str, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(member)))
    cut = data.draw(st.integers(0, 1))
    other = member[:at] + data.draw(st.text(letters, max_size=2)) + member[at + cut :]
    other = data.draw(st.sampled_from([other, other.upper(), other.title()]))
    assume(other != member)
    key_or_method = {"method": other} if member == "tools/call" else {other: "tools/call"}
    try:
        read_message({**plain(id=1, method="ping"), **key_or_method})
    except FrameRefused:
        return
    assert careless(other) != member


# --- tool calls --------------------------------------------------------------------------------


def tool_call(**params: Any) -> Message:
    return read_message(plain(id=1, method="tools/call", params=params))


def test_a_call_has_its_tool_its_arguments_and_what_was_said_with_them() -> None:
    message = tool_call(name="write", arguments={"a": [1]}, _meta={"progressToken": "t"}, task={"ttl": 1})
    call = read_tool_call(message)
    assert (call.id, call.name, call.arguments, call.progress_token) == (1, "write", {"a": [1]}, "t")
    assert (call.is_task, call.continues, call.request_state) == (True, False, None)
    assert call.value is message.value


@pytest.mark.parametrize("given_arguments", [{}, {"arguments": None}, {"arguments": {}}])
def test_a_call_without_arguments_has_none(given_arguments: JsonObject) -> None:
    call = read_tool_call(tool_call(name="write", task=None, inputResponses=None, requestState=None, **given_arguments))
    assert (call.arguments, call.is_task, call.continues) == ({}, False, False)


@pytest.mark.parametrize("params", [{"requestState": ""}, {"requestState": "s"}, {"inputResponses": {}}])
def test_a_call_with_a_state_or_with_responses_goes_on_with_another(params: JsonObject) -> None:
    call = read_tool_call(tool_call(name="write", **params))
    assert call.continues
    assert call.request_state == params.get("requestState")


@pytest.mark.parametrize("token", [1.5, True, None, [], {}, 2**53])
def test_a_progress_token_that_readers_could_read_differently_is_none(token: object) -> None:
    assert read_tool_call(tool_call(name="write", _meta={"progressToken": token})).progress_token is None


INVALID: list[tuple[JsonObject, str]] = [
    ({}, "name is missing or null"),
    ({"name": None}, "name is missing or null"),
    ({"name": ["write"]}, "name is a list"),
    ({"name": {"write": 1}}, "name is an object"),
    ({"name": 1}, "name is a number"),
    ({"name": True}, "name is true or false"),
    ({"name": "write", "arguments": []}, "arguments are a list"),
    ({"name": "write", "arguments": [{"a": 1}]}, "arguments are a list"),
    ({"name": "write", "arguments": '{"a": 1}'}, "arguments are a text"),
    ({"name": "write", "arguments": 0}, "arguments are a number"),
    ({"name": "write", "arguments": False}, "arguments are true or false"),
    ({"name": "write", "_meta": []}, "_meta is a list"),
    ({"name": "write", "_meta": "x"}, "_meta is a text"),
    ({"name": "write", "requestState": 1}, "requestState is a number"),
    ({"name": "write", "requestState": {}}, "requestState is an object"),
    *(
        ({"name": "read", key: "write"}, f"{key!a} is no parameter of tools/call")
        for key in ("Name", "NAME", "ARGUMENTS", "argument\u017f", "\uff4eame", "name ", "name\0", "input", "args", "")
    ),
    *(({"name": "read", key: {}}, "is no parameter") for key in ("__proto__", "tool", "params", "Task", "_META")),
]


@pytest.mark.parametrize(("params", "why"), INVALID, ids=[ascii(params)[:60] for params, _ in INVALID])
def test_parameters_that_could_be_read_in_two_ways_are_refused_and_why(params: JsonObject, why: str) -> None:
    with pytest.raises(InvalidParams) as invalid:
        read_tool_call(tool_call(**params))
    assert why in invalid.value.why


def test_a_refusal_quotes_only_the_beginning_of_a_name() -> None:
    long = "\u00a0" * 100_000
    assert len(refusal_of({**plain(id=1, method="ping"), long + "id": 1})) < 300
    assert len(refusal_of(plain(id=1, method=long + "tools/call"))) < 300
    with pytest.raises(InvalidParams) as invalid:
        read_tool_call(tool_call(**{"name": "read", long: 1}))
    assert len(invalid.value.why) < 300


# --- with the arguments that may run -----------------------------------------------------------


def test_the_arguments_that_may_run_take_the_place_of_the_clients_and_nothing_else_changes() -> None:
    message = tool_call(name="write", arguments={"a": 1}, _meta={"x": 1})
    call = read_tool_call(message)
    assert call.with_arguments({"a": 2}) == plain(
        id=1, method="tools/call", params={"name": "write", "arguments": {"a": 2}, "_meta": {"x": 1}}
    )
    assert message.value["params"]["arguments"] == {"a": 1}


@pytest.mark.parametrize(
    ("given_arguments", "approved", "sent"),
    [
        ({}, {}, {}),
        ({"arguments": None}, {}, {}),
        ({"arguments": {}}, {}, {"arguments": {}}),
        ({"arguments": {"a": 1}}, {}, {"arguments": {}}),
        ({}, {"a": 1}, {"arguments": {"a": 1}}),
        ({"arguments": None}, {"a": 1}, {"arguments": {"a": 1}}),
    ],
)
def test_no_arguments_stay_no_arguments(given_arguments: JsonObject, approved: JsonObject, sent: JsonObject) -> None:
    call = read_tool_call(tool_call(name="write", **given_arguments))
    assert call.with_arguments(approved)["params"] == {"name": "write", **sent}
