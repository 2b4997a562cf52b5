"""A unified diff: what it shows leads from one text to the other, nothing is cut silently, no line is confusable."""

from __future__ import annotations

import re
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approval_tui.display.glyphs import ASCII, UNICODE, Glyphs
from approval_tui.display.redaction import Redactor, mask
from approval_tui.display.unified_diff import (
    ADDED,
    DELETED,
    DELETED_AND_EMPTY,
    HUNK,
    KEPT,
    MOST_LINES,
    NEW,
    NEW_AND_EMPTY,
    NO_NEWLINE,
    NOT_COMPARED,
    NOTE,
    REMOVED,
    UNCHANGED,
    DiffLine,
    unified_diff,
)
from approval_tui.display.visible import is_all_visible
from tests.display.hostile import LINEAR, any_texts, growth, undo_escapes
from tests.hostile import HOSTILE_TEXTS

MARKS = {KEPT: " ", REMOVED: "-", ADDED: "+", HUNK: "", NOTE: "# "}
OPEN = Redactor().lifted()


def drawn(before: str | None, after: str | None, redactor: Redactor = OPEN, most: int | None = MOST_LINES) -> list[str]:
    """The rows as a caller may draw them."""
    return [MARKS[kind] + text for kind, text in unified_diff(before, after, redactor, most=most)]


def numbered(*numbers: int) -> str:
    return "".join(f"line {number}\n" for number in numbers)


def applied(before: str, rows: list[DiffLine]) -> str:
    """What the rows make of the text, as `patch` would: every line that stayed or went must be where they say."""
    old = re.findall(r"[^\n]*\n|[^\n]+\Z", before)
    new: list[str] = []
    place = 0
    for number, (kind, text) in enumerate(rows):
        if kind == HUNK:
            head = re.fullmatch(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@", text)
            assert head
            begin = int(head[1]) - (head[2] != "0")
            new += old[place:begin]
            place = begin
            assert len(new) == int(head[3]) - (head[4] != "0")
        elif kind != NOTE:
            is_ended = number + 1 == len(rows) or rows[number + 1] != (NOTE, NO_NEWLINE)
            line = undo_escapes(text) + "\n" * is_ended
            if kind != ADDED:
                assert old[place] == line
                place += 1
            if kind != REMOVED:
                new.append(line)
    return "".join(new + old[place:])


@pytest.mark.parametrize(
    ("before", "after", "rows"),
    [
        (numbered(*range(1, 10)), numbered(1, 2, 3, 4, 50, 6, 7, 8, 9), [
            "@@ -2,7 +2,7 @@", " line 2", " line 3", " line 4", "-line 5", "+line 50", " line 6", " line 7", " line 8",
        ]),
        ("a\n", "a\nb\n", ["@@ -1 +1,2 @@", " a", "+b"]),
        ("a\nb\n", "b\n", ["@@ -1,2 +1 @@", "-a", " b"]),
        ("a\n", "", ["@@ -1 +0,0 @@", "-a"]),
        ("", "a\n", ["@@ -0,0 +1 @@", "+a"]),
        (None, "a\nb\n", [f"# {NEW}", "@@ -0,0 +1,2 @@", "+a", "+b"]),
        ("a\nb\n", None, [f"# {DELETED}", "@@ -1,2 +0,0 @@", "-a", "-b"]),
        ("a\nb", "a\nb\n", ["@@ -1,2 +1,2 @@", " a", "-b", f"# {NO_NEWLINE}", "+b"]),
        ("a\nb\n", "a\nb", ["@@ -1,2 +1,2 @@", " a", "-b", "+b", f"# {NO_NEWLINE}"]),
        ("a\nb", "c\nb", ["@@ -1,2 +1,2 @@", "-a", "+c", " b", f"# {NO_NEWLINE}"]),
        ("a\r\nb\r\n", "a\nb\r\n", ["@@ -1,2 +1,2 @@", "-a\\u{D}", "+a", " b\\u{D}"]),
        ("a\n", "\ufeffa \t\n", ["@@ -1 +1 @@", "-a", "+\\u{FEFF}a \\u{9}"]),
        ("a\n", "a \n", ["@@ -1 +1 @@", "-a", "+a\\u{20}"]),
        ("a\n", "a\n", [f"# {UNCHANGED}"]),
        (None, None, [f"# {UNCHANGED}"]),
        (None, "", [f"# {NEW_AND_EMPTY}"]),
        ("", None, [f"# {DELETED_AND_EMPTY}"]),
    ],
)  # fmt: skip
def test_a_change_is_shown_with_three_lines_around_it_and_its_line_numbers(
    before: str | None, after: str | None, rows: list[str]
) -> None:
    assert drawn(before, after) == rows


def test_changes_far_from_one_another_are_hunks_of_their_own_and_near_ones_share_a_hunk() -> None:
    before = numbered(*range(1, 40))
    far = drawn(before, before.replace("line 5\n", "x\n").replace("line 13\n", "y\n"))
    near = drawn(before, before.replace("line 5\n", "x\n").replace("line 12\n", "y\n"))
    assert [row for row in far if row.startswith("@@")] == ["@@ -2,7 +2,7 @@", "@@ -10,7 +10,7 @@"]
    assert [row for row in near if row.startswith("@@")] == ["@@ -2,14 +2,14 @@"]


def test_a_line_that_looks_like_a_row_of_ours_is_told_apart_by_its_kind() -> None:
    text = f"@@ -1 +1 @@\n--- a\n+++ b\n# {DELETED}\n{NO_NEWLINE}\n"
    rows = unified_diff("", text, OPEN)
    assert [row.kind for row in rows] == [HUNK] + 5 * [ADDED]
    assert [row.text for row in rows[1:]] == text.splitlines()


texts = st.one_of(
    st.lists(st.sampled_from(["a", "b", "c", "", "a\r", "@@", "-a", " "]), max_size=30).map("\n".join),
    st.lists(any_texts, max_size=8).map("\n".join),
)


@given(texts, texts)
def test_the_rows_lead_from_the_one_text_to_the_other(before: str, after: str) -> None:
    assert applied(before, unified_diff(before, after, OPEN, most=None)) == after


@given(st.lists(st.integers(0, 300), max_size=400), st.data())
def test_they_do_so_after_many_changes_of_a_long_text(numbers: list[int], data: st.DataObject) -> None:
    lines = [f"{number}\n" for number in range(300)]
    before = "".join(lines)
    for number in numbers[:40]:
        place = data.draw(st.integers(0, len(lines)))
        lines[place : place + number % 3] = [f"{number}\n"] * (number % 2)
    after = "".join(lines)
    assert applied(before, unified_diff(before, after, OPEN, most=None)) == after


@pytest.mark.parametrize("name", HOSTILE_TEXTS)
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_hostile_texts_are_shown_whole_with_every_character_visible(name: str, glyphs: Glyphs) -> None:
    text = HOSTILE_TEXTS[name]
    rows = unified_diff("same\n", f"same\n{text}\n{text}.", OPEN, glyphs)
    assert all(is_all_visible(row.text) and (not glyphs.is_ascii or row.text.isascii()) for row in rows)
    assert [undo_escapes(row.text) for row in rows if row.kind == ADDED] == f"{text}\n{text}.".split("\n")


def dear_texts(count: int) -> dict[str, tuple[str, str]]:
    """Texts of so many lines that make comparing dear."""
    return {
        "all lines equal": ("x\n" + "a\n" * count + "y\n", "p\n" + "a\n" * (count - 9) + "q\n"),
        "two lines in turn": ("x\n" + "a\nb\n" * count + "y\n", "p\n" + "b\na\n" * count + "q\n"),
        "nothing in common": ("a\n" * count, "b\n" * count),
        "each line twice": (
            "".join(f"{number // 2}\n" for number in range(count)),
            "".join(f"{number // 2}\n" for number in reversed(range(count))),
        ),
        "in reverse": (numbered(*range(count)), numbered(*reversed(range(count)))),
        "only line breaks": ("x" + "\n" * count, "y" + "\n" * (count + 7)),
    }


@pytest.mark.parametrize("name", dear_texts(1))
def test_texts_that_make_comparing_dear_are_shown_right_at_a_cost_that_grows_no_faster_than_they(name: str) -> None:
    before, after = dear_texts(20_000)[name]
    assert applied(before, unified_diff(before, after, OPEN, most=None)) == after

    def work(both: tuple[str, str]) -> None:
        unified_diff(*both, redactor=OPEN)

    assert growth(work, lambda size: dear_texts(size)[name], size=5000) < LINEAR


def test_what_was_not_compared_is_shown_as_all_that_was_and_then_all_that_is_and_says_so() -> None:
    before, after = dear_texts(5000)["all lines equal"]
    rows = unified_diff(before, after, OPEN, most=None)
    kinds = [row.kind for row in rows]
    assert rows[1] == (NOTE, NOT_COMPARED)
    assert kinds[2:] == [REMOVED] * 5002 + [ADDED] * 4993


def test_few_changes_in_a_very_long_text_are_found_one_by_one() -> None:
    lines = [f"{number % 1000} {number // 7}\n" if number % 5 else "\n" for number in range(20_000)]
    before = "".join(lines)
    for place in range(100, 20_000, 1000):
        lines[place] = f"new {place}\n"
    rows = unified_diff(before, "".join(lines), OPEN)
    kinds = [row.kind for row in rows]
    assert (kinds.count(REMOVED), kinds.count(ADDED), kinds.count(HUNK)) == (20, 20, 20)


@pytest.mark.parametrize("count", [MOST_LINES - 1, MOST_LINES, MOST_LINES + 1, 5 * MOST_LINES])
def test_more_rows_than_are_shown_are_counted_and_never_cut_silently(count: int) -> None:
    rows = unified_diff("", "a\n" * count, OPEN)
    more = count + 1 - MOST_LINES
    if more <= 0:
        assert len(rows) == count + 1
        assert rows[-1].kind == ADDED
    else:
        assert len(rows) == MOST_LINES + 1
        are = "1 more row is" if more == 1 else f"{more:,} more rows are"
        assert rows[-1] == (NOTE, f"{are} not shown here; the arguments show the new text whole")


def test_of_a_deleted_file_it_is_the_file_that_holds_what_is_not_shown() -> None:
    assert unified_diff("a\n" * 9, None, OPEN, most=4)[-1] == (
        NOTE,
        "7 more rows are not shown here; the file holds what they say",
    )


@given(texts, texts, st.integers(0, 12))
def test_the_rows_that_are_shown_are_the_first_ones(before: str, after: str, most: int) -> None:
    every = unified_diff(before, after, OPEN, most=None)
    rows = unified_diff(before, after, OPEN, most=most)
    if every[0].text == UNCHANGED or len(every) <= most:
        assert rows == every
    else:
        assert rows[:-1] == every[:most]
        assert rows[-1].text.startswith(f"{len(every) - most} more row")


HEAD, BODY, FOOT = "-----BEGIN PRIVATE KEY-----", "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC", "-----END PRIVATE KEY-----"
KEY = f"{HEAD}\n{BODY}\n{FOOT}\n"


def test_secrets_are_masked_on_each_of_their_lines_and_a_changed_secret_is_a_change() -> None:
    before, after = "user: ann\ntoken: hunter2222\n", "user: ann\ntoken: hunter3333\n"
    shown = f"token: {mask('hunter2222')}"
    assert drawn(before, after, Redactor()) == ["@@ -1,2 +1,2 @@", " user: ann", f"-{shown}", f"+{shown}"]
    assert drawn(None, KEY, Redactor())[2:] == [f"+{mask(line)}" for line in (HEAD, BODY, FOOT)]
    assert drawn(before, after, Redactor().lifted())[2:] == ["-token: hunter2222", "+token: hunter3333"]


@pytest.mark.parametrize(("before", "after"), [(KEY, KEY.replace(HEAD, "x")), (KEY.replace(HEAD, "x"), KEY)])
def test_lines_of_a_key_that_stay_are_masked_where_only_one_of_the_texts_still_has_the_key(
    before: str, after: str
) -> None:
    rows = unified_diff(before, after, Redactor())
    assert DiffLine(KEPT, mask(BODY)) in rows
    assert all(BODY not in row.text for row in rows)


def test_the_rows_are_those_of_diff_u(tmp_path: object) -> None:
    before = numbered(*range(1, 60))
    after = before.replace("line 7\n", "").replace("line 30\n", "line 30\nnew\n").replace("line 59\n", "line 59")
    for name, text in (("a", before), ("b", after)):
        with open(f"{tmp_path}/{name}", "w") as file:
            file.write(text)
    printed = subprocess.run(
        ["diff", "-u", f"{tmp_path}/a", f"{tmp_path}/b"], capture_output=True, text=True, check=False
    ).stdout
    expected = re.sub(r"^\\ .*", f"# {NO_NEWLINE}", printed, flags=re.MULTILINE)
    assert drawn(before, after) == expected.splitlines()[2:]
