"""What an agent hands to its hook: every recorded event is read, and nothing else than text and objects is believed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from approval_tui.domain.errors import InvalidInput
from approval_tui.domain.limits import LONGEST_NAME
from approval_tui.integrations.coding_agents.hook_input import (
    MOST_BYTES,
    OUTCOMES,
    QUESTIONS,
    HookInput,
    read_hook_input,
)
from tests.integrations.coding_agents.support_hooks import (
    AGENTS,
    ALL_RECORDED,
    CLAUDE,
    HEADLESS,
    Setting,
    changed,
    event,
    recorded,
)

PRE = event(CLAUDE)
WRONG: dict[str, Any] = {
    "a number": 5,
    "a huge number": 10**300,
    "a fraction": 1.5,
    "true": True,
    "a list": ["Bash"],
    "an object": {"a": "b"},
    "an empty text": "",
}
NOT_ARGUMENTS = {key: value for key, value in WRONG.items() if key != "an object"}


def with_null(name: str) -> bytes:
    """The event with null in that field."""
    return json.dumps(json.loads(PRE) | {name: None}).encode()


# --- what was recorded -------------------------------------------------------------------------


@pytest.mark.parametrize(("agent", "name"), ALL_RECORDED)
def test_every_recorded_event_is_read_as_it_was_sent(agent: str, name: str) -> None:
    data = recorded(agent, name)
    said = json.loads(data)
    read = read_hook_input(data)
    assert read == HookInput(
        event=said["hook_event_name"],
        tool=said.get("tool_name"),
        arguments=said.get("tool_input"),
        session=said["session_id"],
        working_directory=said["cwd"],
        call_id=said.get("tool_use_id"),
        mode=said.get("permission_mode"),
        error=said.get("error") or said.get("reason"),
        concerns_tool="tool_name" in said,
    )
    assert name.startswith(f"{read.event}-{read.tool or 'none'}-")
    assert read.is_question == (read.event in QUESTIONS)


@pytest.mark.parametrize("agent", AGENTS)
def test_what_was_recorded_holds_every_event_that_the_hook_hears_of(agent: str) -> None:
    events = {read_hook_input(recorded(*each)).event for each in ALL_RECORDED if each[0] == agent}
    assert set(AGENTS[agent].hook_events) <= events


@pytest.mark.parametrize("agent", AGENTS)
def test_what_was_recorded_holds_modes_that_ask_and_modes_that_do_not(agent: str) -> None:
    asks = set()
    for each in ALL_RECORDED:
        read = read_hook_input(recorded(*each))
        if each[0] == agent and read.is_question:
            asks.add(AGENTS[agent].can_ask(read, {}))
    assert asks == {True, False}


@pytest.mark.parametrize(("agent", "name"), [each for each in ALL_RECORDED if "PostToolUse" in each[1]])
def test_what_comes_after_a_call_names_the_same_call_as_what_came_before(agent: str, name: str) -> None:
    before = {
        (read.session, read.call_id): read
        for each in ALL_RECORDED
        if (read := read_hook_input(recorded(*each))).event == "PreToolUse" and each[0] == agent
    }
    after = read_hook_input(recorded(agent, name))
    if (after.session, after.call_id) in before:
        assert before[after.session, after.call_id].call_hash == after.call_hash
    else:
        assert after.call_id is not None


# --- fields that are strange -------------------------------------------------------------------


def test_fields_that_nobody_knows_change_nothing() -> None:
    strange = changed(PRE, new_field={"a": [1, 2.5, None]}, effort={"level": "max"}, approved=True, decision="allow")
    assert read_hook_input(strange) == read_hook_input(PRE)


@pytest.mark.parametrize("name", ["session_id", "cwd", "tool_use_id", "permission_mode", "error", "reason"])
@pytest.mark.parametrize("value", [*WRONG.values()], ids=[*WRONG])
def test_a_text_that_is_none_counts_as_not_sent(name: str, value: Any) -> None:
    assert read_hook_input(changed(PRE, **{name: value})) == read_hook_input(changed(PRE, **{name: None}))
    assert read_hook_input(with_null(name)) == read_hook_input(changed(PRE, **{name: None}))


@pytest.mark.parametrize("value", [*WRONG.values()], ids=[*WRONG])
def test_a_tool_without_a_name_is_no_question_and_still_concerns_a_tool(value: Any) -> None:
    read = read_hook_input(changed(PRE, tool_name=value))
    assert (read.tool, read.is_question, read.concerns_tool) == (None, False, True)


@pytest.mark.parametrize("value", [*NOT_ARGUMENTS.values()], ids=[*NOT_ARGUMENTS])
def test_arguments_that_are_no_object_are_no_question_and_still_concern_a_tool(value: Any) -> None:
    read = read_hook_input(changed(PRE, tool_input=value))
    assert (read.arguments, read.is_question, read.concerns_tool) == (None, False, True)


@pytest.mark.parametrize("value", [value for value in WRONG.values() if value != ""])
def test_an_event_without_a_name_is_not_understood(value: Any) -> None:
    with pytest.raises(InvalidInput, match="no object with a hook_event_name"):
        read_hook_input(changed(PRE, hook_event_name=value))


@pytest.mark.parametrize("name", [*json.loads(PRE)])
def test_every_field_but_the_event_may_be_missing(name: str) -> None:
    data = changed(PRE, **{name: None})
    if name == "hook_event_name":
        with pytest.raises(InvalidInput):
            read_hook_input(data)
        return
    read = read_hook_input(data)
    assert read.is_question == (name not in ("tool_name", "tool_input"))
    assert read.concerns_tool


@pytest.mark.parametrize("name", ["PreToolUseV2", "pretooluse", "ToolUse", "", " PreToolUse", "PreToolUse\0", "漢"])
def test_an_event_of_the_future_is_no_question_and_no_outcome(name: str) -> None:
    read = read_hook_input(changed(PRE, hook_event_name=name))
    assert (read.event, read.is_question, read.concerns_tool) == (name, False, True)
    assert read.event not in OUTCOMES
    assert not read_hook_input(changed(PRE, hook_event_name=name, tool_name=None, tool_input=None)).concerns_tool


@pytest.mark.parametrize("name", ["session_id", "tool_use_id"])
@pytest.mark.parametrize("value", [" ", "\n\t", "x" * (LONGEST_NAME + 1), "x" * 1_000_000])
def test_a_name_that_the_store_does_not_take_counts_as_not_sent(name: str, value: str) -> None:
    assert read_hook_input(changed(PRE, **{name: value})) == read_hook_input(changed(PRE, **{name: None}))


def test_a_name_as_long_as_the_store_takes_it_is_kept() -> None:
    assert read_hook_input(changed(PRE, tool_use_id="漢" * LONGEST_NAME)).call_id == "漢" * LONGEST_NAME


def test_the_hash_of_a_call_names_its_tool_and_its_arguments() -> None:
    hashes = {
        read_hook_input(changed(PRE, tool_name=tool, tool_input=arguments)).call_hash
        for tool in ("Bash", "bash", "Write")
        for arguments in ({}, {"command": "ls"}, {"command": "ls "}, {"command": ["ls"]}, {"command": 1, "": None})
    }
    assert len(hashes) == 15


def test_the_hash_of_a_call_does_not_depend_on_the_order_of_its_arguments() -> None:
    one, other = (changed(PRE, tool_input=arguments) for arguments in ({"a": 1, "b": 2}, {"b": 2, "a": 1}))
    assert read_hook_input(one).call_hash == read_hook_input(other).call_hash


# --- text that is strange ----------------------------------------------------------------------

MARK = b'"make deploy"'
NO_EVENTS = {
    "nothing": b"",
    "blanks": b" \n\t",
    "no JSON": b"PreToolUse Bash make deploy",
    "half of it": PRE[: len(PRE) // 2],
    "two of it": PRE + PRE,
    "a line before it": b"warning: old node\n" + PRE,
    "a list": b"[" + PRE + b"]",
    "a text": json.dumps(PRE.decode()).encode(),
    "null": b"null",
    "a number": b"5",
    "a whole number of 5,000 digits": PRE.replace(MARK, b"9" * 5000),
    "100,000 lists in one another": PRE.replace(MARK, b"[" * 100_000 + b"]" * 100_000),
    "objects without an end": b'{"a":' * 100_000,
    "a control character": PRE.replace(MARK, b'"make\x00 deploy"'),
    "a line break in a text": PRE.replace(MARK, b'"make\n deploy"'),
    "one byte too many": b" " * (MOST_BYTES + 1 - len(PRE)) + PRE,
}
TWO_READINGS = {
    "not UTF-8": PRE.replace(MARK, b'"make \xff\xfe deploy"'),
    "UTF-8 that is too long": PRE.replace(MARK, b'"\xc0\xaf"'),
    "a surrogate in UTF-8": PRE.replace(MARK, b'"\xed\xa0\x80"'),
    "a lone surrogate": PRE.replace(MARK, b'"make \\ud83d deploy"'),
    "surrogates in the wrong order": PRE.replace(MARK, b'"\\ude00\\ud83d"'),
    "a lone surrogate in a key": PRE.replace(b'"command"', b'"comm\\udc00and"'),
    "a lone surrogate in the tool": PRE.replace(b'"Bash"', b'"Ba\\udc00sh"'),
    "a key twice": PRE.replace(b'"command":', b'"command": "ls", "command":'),
    "the tool twice": PRE.replace(b'"tool_name":', b'"tool_name": "Read", "tool_name":'),
    "the event twice": PRE.replace(b'"hook_event_name":', b'"hook_event_name": "Stop", "hook_event_name":'),
    "the event twice, an end last": PRE[:-1] + b', "hook_event_name": "PostToolUse"}',
    "the event twice, another last": PRE[:-1] + b', "hook_event_name": "Stop"}',
    "NaN": PRE.replace(MARK, b"NaN"),
    "infinity": PRE.replace(MARK, b"-Infinity"),
    "a number beyond all": PRE.replace(MARK, b"1e400"),
    "a whole number of 1,300 digits": PRE.replace(MARK, b"9" * 1300),
    "200 lists in one another": PRE.replace(MARK, b"[" * 200 + b"]" * 200),
}
STRANGE = NO_EVENTS | TWO_READINGS


def test_the_tables_of_strange_texts_are_what_they_say() -> None:
    assert all(data != PRE for data in STRANGE.values())


@pytest.mark.parametrize("data", [*NO_EVENTS.values()], ids=[*NO_EVENTS])
def test_text_that_is_no_event_is_not_understood(data: bytes) -> None:
    with pytest.raises(InvalidInput, match="What the agent sent was not understood: ") as caught:
        read_hook_input(data)
    assert "Nobody was asked" in caught.value.not_done
    assert caught.value.to_do


@pytest.mark.parametrize("data", [*TWO_READINGS.values()], ids=[*TWO_READINGS])
def test_text_that_could_be_two_events_is_no_question(data: bytes) -> None:
    """Neither what would run nor an answer that lets it run may rest on which of both the agent means."""
    try:
        read = read_hook_input(data)
    except InvalidInput:
        return
    assert (read.tool, read.arguments, read.is_question, read.concerns_tool) == (None, None, False, True)


@pytest.mark.parametrize("data", [*STRANGE.values()], ids=[*STRANGE])
@pytest.mark.parametrize("agent", AGENTS.values(), ids=[*AGENTS])
def test_text_that_is_no_question_stops_the_call_where_nobody_can_be_asked(agent: Any, data: bytes) -> None:
    answer = Setting(agent, environment=HEADLESS).answer(data)
    assert (answer.decision, answer.is_about_nothing) == ("deny", True)
    assert answer.reason


def test_a_mark_of_byte_order_is_no_matter() -> None:
    assert read_hook_input(b"\xef\xbb\xbf" + PRE) == read_hook_input(PRE)


@pytest.mark.parametrize("number", [b"9007199254740993", b"-0", b"-0.0", b"1e22", b"5e-324", b"9" * 1200])
def test_a_number_that_a_store_can_keep_is_understood(number: bytes) -> None:
    read = read_hook_input(PRE.replace(MARK, number))
    assert read.arguments == {"command": json.loads(number)}
    assert read.call_hash


def test_ten_megabytes_of_something_else_are_no_matter() -> None:
    large = changed(PRE, transcript="x" * 10_000_000)
    assert read_hook_input(large) == read_hook_input(PRE)


def test_ten_megabytes_of_arguments_are_read_whole() -> None:
    read = read_hook_input(changed(PRE, tool_input={"content": "x\n" * 5_000_000}))
    assert read.arguments == {"content": "x\n" * 5_000_000}


def test_as_many_bytes_as_a_hook_takes_are_read() -> None:
    assert read_hook_input(b" " * (MOST_BYTES - len(PRE)) + PRE) == read_hook_input(PRE)


# --- what a tool answered is not ours to judge -------------------------------------------------

TOOL_ANSWERS = {
    "an output that was cut within a character": b'"tool_response": {"stdout": "cut \\ud83d"}',
    "an error that was cut within a character": b'"error": "cut \\ud83d"',
    "120 lists in one another": b'"tool_response": ' + b"[" * 120 + b"]" * 120,
    "a whole number of 1,300 digits": b'"tool_response": ' + b"9" * 1300,
}


@pytest.mark.parametrize("answered", [*TOOL_ANSWERS.values()], ids=[*TOOL_ANSWERS])
def test_the_end_of_a_call_is_understood_whatever_the_tool_answered(answered: bytes) -> None:
    read = read_hook_input(event(CLAUDE, "PostToolUse")[:-1] + b", " + answered + b"}")
    assert (read.event, read.session, read.call_id) == ("PostToolUse", "session-1", "call-1")
