"""Editing strict JSON: what is put in comes out again without a trace, and nothing else moves."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from approval_tui.integrations.coding_agents.claude_code import AGENT as CLAUDE_CODE
from approval_tui.integrations.coding_agents.codex import AGENT as CODEX
from approval_tui.integrations.coding_agents.hook_command import HookSetup
from approval_tui.integrations.coding_agents.installed_hook import (
    found_hooks,
    new_entries,
    with_hooks,
    without_hooks,
)
from approval_tui.integrations.coding_agents.json_text import JsonFault, JsonText, line_and_column

PROGRAM = ("/opt/bin/approval-tui",)
FIRST = new_entries(PROGRAM, CLAUDE_CODE, HookSetup())
SECOND = new_entries(PROGRAM, CLAUDE_CODE, HookSetup(wait=90_500, fail_closed=True, policy="/etc/a policy.yaml"))
FOREIGN = {"matcher": "Bash", "hooks": [{"type": "command", "command": "echo approval-tui"}]}

# --- documents of any shape and layout ---------------------------------------------------------

_NAMES = st.one_of(st.text(max_size=6), st.sampled_from(["hooks", "PreToolUse", "matcher", "command"]))
_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_NAMES, inner, max_size=3)),
    max_leaves=8,
)
_GROUPS = st.one_of(st.just(FOREIGN), _VALUES)
_EVENTS = st.dictionaries(
    st.sampled_from(["PreToolUse", "PermissionRequest", "PostToolUse", "Stop"]),
    st.lists(_GROUPS, max_size=2),
    max_size=4,
)
_OTHERS = st.dictionaries(_NAMES.filter(lambda name: name != "hooks"), _VALUES, max_size=4)


@st.composite
def _settings(draw: st.DrawFn) -> dict[str, Any]:
    """Settings with hooks in them or not, anywhere among the other keys."""
    items = list(draw(_OTHERS).items())
    if draw(st.booleans()):
        items.insert(draw(st.integers(0, len(items))), ("hooks", draw(_EVENTS)))
    return dict(items)


@st.composite
def _texts(draw: st.DrawFn) -> str:
    """Their text: in one line or many, with any indentation and end of line, or with blanks wherever they may be."""
    value = draw(_settings())
    if draw(st.booleans()):
        return _scattered(draw, value)
    indent = draw(st.sampled_from([None, 0, 1, 2, 4, 8, "\t", " \t"]))
    separators = draw(st.sampled_from([None, (",", ":"), (",", ": "), (", ", ":")]))
    text = json.dumps(value, indent=indent, separators=separators, ensure_ascii=draw(st.booleans()))
    text = text.replace("\n", draw(st.sampled_from(["\n", "\r\n", "\r"])))
    return (
        draw(st.sampled_from(["", "\n", "\r\n", " \t\n\n"])) + text + draw(st.sampled_from(["", "\n", "\r\n", "\n\n"]))
    )


def _scattered(draw: st.DrawFn, value: Any) -> str:
    blank = draw(st.sampled_from(["", " ", "\n", "\n  ", "\r\n\t", "\n\n"]))

    def gap() -> str:
        return draw(st.sampled_from(["", blank, blank, " "]))

    def written(value: Any) -> str:
        if isinstance(value, dict):
            items = [f"{gap()}{json.dumps(key)}{gap()}:{gap()}{written(each)}{gap()}" for key, each in value.items()]
            return "{" + (",".join(items) or gap()) + "}"
        if isinstance(value, list):
            return "[" + (",".join(f"{gap()}{written(each)}{gap()}" for each in value) or gap()) + "]"
        return json.dumps(value)

    return gap() + written(value) + gap()


@example('{"":[null],"0":null,\n  "1":null}')
@given(_texts())
def test_what_was_installed_comes_out_without_a_trace(text: str) -> None:
    installed = with_hooks(text, CLAUDE_CODE, FIRST)
    assert without_hooks(installed) == text


@given(_texts())
def test_installing_twice_is_installing_once_and_other_options_replace_ours_in_place(text: str) -> None:
    installed = with_hooks(text, CLAUDE_CODE, FIRST)
    assert with_hooks(installed, CLAUDE_CODE, FIRST) == installed
    updated = with_hooks(installed, CLAUDE_CODE, SECOND)
    assert {hook.event: hook.entry for hook in found_hooks(updated)} == SECOND
    assert without_hooks(updated) == text


@given(_texts())
def test_installing_adds_one_group_to_each_event_and_changes_no_value(text: str) -> None:
    before, after = json.loads(text), json.loads(with_hooks(text, CLAUDE_CODE, FIRST))
    expected = dict(before)
    expected["hooks"] = dict(before.get("hooks", {}))
    for event, entry in FIRST.items():
        group = {"matcher": "*", "hooks": [entry]}
        expected["hooks"][event] = [*before.get("hooks", {}).get(event, []), group]
    assert json.dumps(after) == json.dumps(expected)


@given(_texts())
def test_every_line_that_was_there_is_there_afterwards_but_for_commas(text: str) -> None:
    lines = iter(re.split(r"\r\n|\n|\r", with_hooks(text, CLAUDE_CODE, FIRST)))
    pieces = [line for line in re.split(r"\r\n|\n|\r", text) if line.strip(" \t{}[],")]
    if "hooks" not in json.loads(text) and len(pieces) > 1:
        for piece in pieces:
            assert any(line.startswith(piece.rstrip(" \t{}[],")) for line in lines)


@given(st.text(max_size=60) | _texts().map(lambda text: text[: len(text) // 2]))
def test_what_python_does_not_read_is_refused_and_never_edited(text: str) -> None:
    try:
        json.loads(text, parse_constant=_refuse)
    except ValueError:
        with pytest.raises(JsonFault):
            JsonText(text)


def _refuse(name: str) -> None:
    raise ValueError(name)


# --- how it looks ------------------------------------------------------------------------------

ENTRY = {"PreToolUse": {"type": "command", "command": "/bin/approval-tui hook claude-code", "timeout": 60}}
IN_ONE_LINE = (
    '{"matcher": "*", "hooks": [{"type": "command", "command": "/bin/approval-tui hook claude-code", "timeout": 60}]}'
)
TIGHT = '{"matcher":"*","hooks":[{"type":"command","command":"/bin/approval-tui hook claude-code","timeout":60}]}'


def _group(indentation: str, unit: str, newline: str = "\n") -> str:
    text = json.dumps({"matcher": "*", "hooks": [ENTRY["PreToolUse"]]}, indent=unit)
    return text.replace("\n", newline + indentation)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{}", f'{{\n  "hooks": {{\n    "PreToolUse": [\n      {_group("      ", "  ")}\n    ]\n  }}\n}}'),
        (
            '{\r\n\t"model": "opus"\r\n}\r\n',
            '{\r\n\t"model": "opus",\r\n\t"hooks": {\r\n\t\t"PreToolUse": [\r\n\t\t\t'
            + _group("\t\t\t", "\t", "\r\n")
            + "\r\n\t\t]\r\n\t}\r\n}\r\n",
        ),
        ('{"model":"opus"}', f'{{"model":"opus","hooks":{{"PreToolUse":[{TIGHT}]}}}}'),
        ('{"model": "opus"}\n', f'{{"model": "opus", "hooks": {{"PreToolUse": [{IN_ONE_LINE}]}}}}\n'),
        (
            '{\n    "hooks": {\n        "PreToolUse": [{"hooks": []}]\n    },\n    "model": "opus"\n}',
            '{\n    "hooks": {\n        "PreToolUse": [{"hooks": []}, '
            + IN_ONE_LINE
            + ']\n    },\n    "model": "opus"\n}',
        ),
        (
            '{\n "hooks": {\n  "Stop": [\n   {\n    "hooks": []\n   }\n  ]\n }\n}\n',
            '{\n "hooks": {\n  "Stop": [\n   {\n    "hooks": []\n   }\n  ],\n  "PreToolUse": [\n   '
            + _group("   ", " ")
            + "\n  ]\n }\n}\n",
        ),
    ],
    ids=["empty", "tabs and CRLF", "minified", "one line", "one line in many", "another event"],
)
def test_what_is_put_in_looks_like_its_surroundings(before: str, after: str) -> None:
    assert with_hooks(before, CLAUDE_CODE, ENTRY) == after
    assert without_hooks(after) == before


def test_codex_gets_no_matcher() -> None:
    entries = new_entries(PROGRAM, CODEX, HookSetup())
    hooks = json.loads(with_hooks("{}", CODEX, entries))["hooks"]
    assert {event: [*group] for event, (group,) in hooks.items()} == {event: ["hooks"] for event in CODEX.hook_events}


# --- what a user did with it -------------------------------------------------------------------


def _with_group(*commands: str, matcher: str = "*") -> str:
    group = {"matcher": matcher, "hooks": [{"type": "command", "command": command} for command in commands]}
    return json.dumps({"hooks": {"PreToolUse": [group]}}, indent=2)


@pytest.mark.parametrize("position", [0, 1, 2])
def test_of_a_group_that_a_user_put_other_hooks_into_only_ours_goes(position: int) -> None:
    others = ["echo approval-tui", "lint"]
    ours = "approval-tui hook claude-code --wait 5s"
    text = _with_group(*others[:position], ours, *others[position:])
    assert json.loads(without_hooks(text)) == json.loads(_with_group(*others))
    commands = [
        each["command"] for each in json.loads(with_hooks(text, CLAUDE_CODE, ENTRY))["hooks"]["PreToolUse"][0]["hooks"]
    ]
    assert commands == [*others[:position], ENTRY["PreToolUse"]["command"], *others[position:]]


def test_of_hooks_of_ours_that_stand_there_more_than_once_one_stays() -> None:
    ours = "approval-tui hook claude-code --wait 5s"
    text = json.dumps({"hooks": {"PreToolUse": [FOREIGN] + [{"hooks": [{"command": ours}, {"command": ours}]}] * 2}})
    assert [hook.entry for hook in found_hooks(with_hooks(text, CLAUDE_CODE, ENTRY))] == [ENTRY["PreToolUse"]]
    assert json.loads(without_hooks(text)) == {"hooks": {"PreToolUse": [FOREIGN]}}


def test_ours_in_an_event_that_is_heard_no_more_goes_when_it_is_installed_again() -> None:
    text = json.dumps({"hooks": {"Stop": [{"hooks": [{"command": "approval-tui hook claude-code"}]}]}})
    assert [*json.loads(with_hooks(text, CLAUDE_CODE, ENTRY))["hooks"]] == ["PreToolUse"]


def test_a_matcher_that_a_user_narrowed_stays() -> None:
    text = with_hooks(_with_group("approval-tui hook claude-code", matcher="Bash"), CLAUDE_CODE, ENTRY)
    assert [hook.matcher for hook in found_hooks(text)] == ["Bash"]


def test_keys_written_with_escapes_are_the_same_keys() -> None:
    text = (
        '{"h\\u006foks": {"Pre\\u0054oolUse": [{"hooks": [{"c\\u006fmmand": "approval-tui h\\u006fok claude-code"}]}]}}'
    )
    assert len(found_hooks(text)) == 1
    assert without_hooks(text) == "{}"


# --- what is refused ---------------------------------------------------------------------------


OWN = '{"type": "command", "command": "approval-tui hook claude-code"}'


@pytest.mark.parametrize(
    ("text", "what", "place"),
    [
        ("", "it is empty", (1, 1)),
        (" \n", "it is empty", (2, 1)),
        ("[]", "an object must stand here", (1, 1)),
        ('{\n  // mine\n  "a": 1\n}', "a comment", (2, 3)),
        ('{"a": 1} # end', "a comment", (1, 10)),
        ('{"a": 1, /* b */ "b": 2}', "a comment", (1, 10)),
        ('{\n  "a": 1,\n}', "a comma with nothing after it", (2, 9)),
        ('{"a": [1, 2,]}', "a comma with nothing after it", (1, 12)),
        ('{"a": 1', "the text ends", (1, 8)),
        ("{'a': 1}", "a key in double quotes", (1, 2)),
        ('{"a" 1}', "a colon", (1, 6)),
        ('{"a": 1 "b": 2}', "a comma or }", (1, 9)),
        ('{"a": NaN}', "no JSON value", (1, 7)),
        ('{"a": 01}', "a comma or }", (1, 8)),
        ('{"a": "\t"}', "no JSON value", (1, 7)),
        ('{"a": "\\x"}', "no JSON value", (1, 7)),
        ('{"a": 1}}', "nothing may follow", (1, 9)),
        ('\ufeff{"a": 1}', "no JSON value", (1, 1)),
        ('{"hooks": []}', "must be an object", (1, 11)),
        ('{"hooks": null}', "must be an object", (1, 11)),
        ('{"hooks": {"PreToolUse": {}}}', "must be a list", (1, 26)),
        ('{"hooks": {},\n "hooks": {}}', "once more", (2, 2)),
        ('{"hooks": {"Stop": [], "Stop": []}}', "once more", (1, 24)),
        ('{"hooks": {"Stop": [{"hooks": [], "hooks": []}]}}', "once more", (1, 35)),
        ('{"hooks": {"Stop": [{"hooks": [{"command": "", "command": ""}]}]}}', "once more", (1, 48)),
        ('{"hooks": {"Stop": [{"matcher": 1, "matcher": 2, "hooks": [' + OWN + "]}]}}", "once more", (1, 36)),
        ("[" * 101, "levels", (1, 101)),
        (f'{{"a": {"1" * 5000}}}', "a number too large", (1, 7)),
        ('{"a": -1e999}', "a number too large", (1, 7)),
    ],
)
def test_what_cannot_be_edited_is_refused_with_its_place(text: str, what: str, place: tuple[int, int]) -> None:
    with pytest.raises(JsonFault) as caught:
        with_hooks(text, CLAUDE_CODE, FIRST)
    assert what in caught.value.what
    assert line_and_column(text, caught.value.position) == place


@pytest.mark.parametrize(
    "hooks", [{"PreToolUse": [1, None, "x", {"hooks": 1}, {"hooks": [1, {"command": 1}]}]}, {"Stop": 1}]
)
def test_what_is_no_hook_stays_where_it_is(hooks: dict[str, Any]) -> None:
    text = json.dumps({"hooks": hooks})
    assert without_hooks(with_hooks(text, CLAUDE_CODE, FIRST)) == text


def test_a_long_file_of_hooks_is_edited_in_one_go() -> None:
    text = json.dumps({"hooks": {f"Event{number}": [FOREIGN] for number in range(3000)}}, indent=1)
    assert without_hooks(with_hooks(text, CLAUDE_CODE, FIRST)) == text
