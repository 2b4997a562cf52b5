"""Shell commands that try to fool or to exhaust the reader of their parts."""

from __future__ import annotations

import sys
from types import FrameType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approval_tui.display.shell_parts import shell_parts
from approval_tui.display.shell_tokens import NOT_PLAIN, NOT_READ
from approval_tui.display.visible import is_all_visible
from tests.display.hostile import any_texts
from tests.display.shell_marks import MARKS, MARKS_WITH_MORE
from tests.hostile import HOSTILE_TEXTS, MEGABYTE

PROJECT = "/work/project"
HOME = "/home/ann"

SHELL_PIECES = st.sampled_from(
    [
        *["(", ")", "$(", "`", "\\`", '"', "'", "$'", '$"', "${", "}", "{ ", "$((", "((", "))", "[[ ", " ]]"],
        *[
            "\\",
            "\\\n",
            " ",
            "\t",
            "\n",
            ";",
            ";;",
            "&",
            "&&",
            "|",
            "||",
            "|&",
            "#",
            "!",
            "=",
            "x=",
            "x=(",
            "<(",
            ">(",
            "@(",
        ],
        *[">", ">>", "<", "<<E", "<<'E'", "<<-E", "\nE\n", "\n\tE\n", "<<<", "2>&1", "&>", ">|", "{fd}>"],
        *["case x in ", "esac", "if ", "then ", "fi", "for x in ", "do ", "done", "f() ", "function ", "time ", "-p "],
        *["curl ", "sudo ", "env ", "-u ", "bash ", "-c ", "eval ", "find ", "-exec ", "git ", "push ", "cd ", "/etc"],
        *["$X", "$", "*", "{a,b}", "~", "..", "/", "http://", "\0", "\u202e", "漢", "\ud800", "a", "1", "E", "python "],
    ]
)
shell_texts = st.one_of(any_texts, st.lists(SHELL_PIECES, max_size=30).map("".join))


@given(shell_texts, st.sampled_from([None, PROJECT, "/", ""]), st.none() | st.just(HOME))
def test_the_parts_are_the_command_whatever_it_is(command: str, directory: str | None, home: str | None) -> None:
    parts = shell_parts(command, directory, home)
    assert "".join(part.text for part in parts) == command
    for part in parts:
        assert part.text or part.marks
        assert len(set(part.marks)) == len(part.marks)
        for mark in part.marks:
            assert mark in MARKS or mark.split(":")[0] in MARKS_WITH_MORE
            assert is_all_visible(mark)


@pytest.mark.parametrize("text", HOSTILE_TEXTS.values(), ids=HOSTILE_TEXTS.keys())
def test_hostile_texts_are_read_in_every_place(text: str) -> None:
    for command in (text, f"echo {text}; rm x", f"cat '{text}' > {text}", f"$({text})", f"{text}() {{ {text}; }}"):
        for directory in (PROJECT, text):
            parts = shell_parts(command, directory, text)
            assert "".join(part.text for part in parts) == command
            assert all(is_all_visible(mark) for part in parts for mark in part.marks)


LONGEST_WORK = [
    *("(", "((", "$(", "`", '"', "'", "${", '"$(', "\\`", "<<A ", "<<A\n", "<<A\nA\n", "cat <<A\n$("),
    *("\n", "a;", "a ", "cd /a && ", "sudo ", "find -exec ", "$(cat <<A\nA\n)"),
]
REPEATED = [
    *LONGEST_WORK,
    *(")", "$((", "\"'", '"`', "$'", '"${x:-', "{ ", "[[ ", "\\", ";", "|", "&", ">", "> x", "<(", "a=(", "# \n"),
    *("\\\n", "$\\\n", "case x in a) ", "f() {", "<<-A\n", "<<<", "((1)) ", "`a` ", '"$(a)"', "eval ", "sh -c 'a' "),
    *("cd a;", "/a:", "X=/:", "../", "~/", "--x=/", "$x"),
]


@pytest.mark.parametrize("piece", LONGEST_WORK)
def test_a_megabyte_of_anything_is_read_to_its_end(piece: str) -> None:
    command = piece * (MEGABYTE // len(piece))
    assert "".join(part.text for part in shell_parts(command, PROJECT, HOME)) == command


def calls_made(command: str) -> int:
    """How many Python functions are called to read a command."""
    calls = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        shell_parts(command, PROJECT, HOME)
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize("piece", REPEATED)
def test_twice_as_long_a_command_takes_about_twice_the_work(piece: str) -> None:
    assert calls_made(piece * 4000) <= 3 * calls_made(piece * 2000)


def test_a_very_long_command_says_where_reading_ended_and_a_long_quote_is_no_reason_to() -> None:
    assert shell_parts("a;" * MEGABYTE, PROJECT)[-1].marks == (f"{NOT_PLAIN}: it is too long", NOT_READ)
    assert shell_parts(f"echo '{'a;' * MEGABYTE}'; rm x", PROJECT)[-1] == ("; rm x", ("deletes",))
