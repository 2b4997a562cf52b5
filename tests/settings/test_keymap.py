"""Keys of one's own: a key is the same under all its names, and what ends every other question decides nothing."""

from __future__ import annotations

import pytest
from textual.keys import _character_to_key

from approval_tui.console.bindings import textual_keys
from approval_tui.domain.errors import ConfigurationError
from approval_tui.settings.actions import ACTIONS, NEVER_DECIDING, TAKEN, keymap_problems
from approval_tui.settings.configuration import parse_settings

DECIDING = [action.id for action in ACTIONS if action.decides]
OTHERS = [action.id for action in ACTIONS if not action.decides and action.id != "quit"]

SIGNS = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
"""Signs whose keys Textual calls by their names."""

FREED = {"help": ("f1",), "filter": ("f2",), "mark_all": ("f3",)}
"""The default keys among the signs, out of the way."""


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("modifier", ["", "ctrl+", "alt+"])
def test_a_sign_and_its_name_are_one_key(modifier: str, sign: str) -> None:
    key, name = f"{modifier}{sign}", f"{modifier}{_character_to_key(sign)}"
    assert name != key
    assert textual_keys([key]) == textual_keys([name])
    if key in TAKEN:
        assert set(keymap_problems({"approve": (name,)})) == {"approve"}
        return
    for first, second in ((key, name), (name, key)):
        problems = keymap_problems({**FREED, "approve": (first,), "next": (second,)})
        assert problems == {
            "approve": f"{key} is the key of next already",
            "next": f"{key} is the key of approve already",
        }
    assert keymap_problems({**FREED, "approve": (key, name)}) == {}


def test_a_name_is_found_to_be_the_default_key_of_another_action() -> None:
    for action, name, problem in (
        ("approve", "question_mark", "? is the key of help already"),
        ("approve", "slash", "/ is the key of filter already"),
        ("next", "digit_one", "1 is the key of pending already"),
        ("copy", "latin_small_letter_a", "a is the key of approve already"),
    ):
        assert keymap_problems({action: (name,)}) == {action: problem}


def test_keys_that_change_places_under_other_names_are_no_conflict() -> None:
    assert keymap_problems({"help": ("slash",), "filter": ("question_mark",)}) == {}


@pytest.mark.parametrize("modifiers", ["", "shift+", "ctrl+", "alt+", "ctrl+shift+"])
def test_what_is_pressed_without_a_thought_decides_nothing_with_a_modifier_either(modifiers: str) -> None:
    for key in NEVER_DECIDING:
        for action in DECIDING:
            problems = keymap_problems({action: ("f9", f"{modifiers}{key}")})
            assert problems == {action: f"{modifiers}{key} never decides; choose another key"}


@pytest.mark.parametrize(
    ("name", "key"),
    [
        *((key, key) for key in TAKEN),
        ("ctrl+latin_small_letter_j", "ctrl+j"),
        ("ctrl+latin_small_letter_m", "ctrl+m"),
        ("ctrl+left_square_bracket", "ctrl+["),
    ],
)
def test_a_key_that_terminals_send_for_another_one_is_refused_for_every_action(name: str, key: str) -> None:
    for action in (*DECIDING, *OTHERS):
        assert keymap_problems({action: ("f9", name)}) == {action: f"{key} {TAKEN[key]}; choose another key"}


FILE = """\
console:
  keys:
    approve: ctrl+j
    deny: [D, shift+enter]
    help: f1
    copy: question_mark
    expire: '?'
"""


def test_keys_that_cannot_be_used_are_told_all_at_once_with_their_lines() -> None:
    with pytest.raises(ConfigurationError) as raised:
        parse_settings(FILE, "config.yaml")
    found = [each.split(":", 3) for each in raised.value.problems]
    assert sorted((int(line), said.strip()) for _, line, _, said in found) == [
        (3, "console.keys.approve: ctrl+j is what terminals send for enter; choose another key"),
        (4, "console.keys.deny: shift+enter never decides; choose another key"),
        (6, "console.keys.copy: ? is the key of expire already"),
        (7, "console.keys.expire: ? is the key of copy already"),
    ]


def test_only_the_default_keys_of_an_action_may_be_taken_ones() -> None:
    assert keymap_problems({"quit": ("ctrl+q", "f10")}) == {}
    assert "ctrl+j is what terminals send for enter" in keymap_problems({"quit": ("ctrl+j",)})["quit"]
    assert "ctrl+@ is what terminals send for ctrl+space" in keymap_problems({"approve": ("ctrl+at",)})["approve"]
