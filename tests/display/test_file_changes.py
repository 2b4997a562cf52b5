"""What a coding agent's call would do to files: the text after it, or words that say why it cannot be told."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approval_tui.display import file_changes as words
from approval_tui.display import notebook_cells
from approval_tui.display.file_changes import (
    EDITING_TOOLS,
    FileChange,
    NewText,
    comparison,
    file_changes,
)
from approval_tui.display.glyphs import UNICODE
from approval_tui.display.patch_text import CannotApply
from approval_tui.display.redaction import Redactor
from approval_tui.display.unified_diff import unified_diff
from approval_tui.display.visible import is_all_visible
from tests.display.hostile import LINEAR, any_texts, growth
from tests.hostile import HOSTILE_TEXTS


def text_after(made: FileChange, before: str | None) -> str | None:
    """The file's text after the call."""
    return comparison(made, before).after


def change(tool: str, **arguments: Any) -> FileChange:
    """What the call changes, in the folder /work."""
    (only,) = file_changes(tool, arguments, "/work")
    return only


def edit(old: str, new: str, **more: Any) -> FileChange:
    return change("Edit", file_path="/work/f", old_string=old, new_string=new, **more)


def multi_edit(*edits: tuple[str, str] | tuple[str, str, bool]) -> FileChange:
    names = ("old_string", "new_string", "replace_all")
    return change("MultiEdit", file_path="f", edits=[dict(zip(names, each, strict=False)) for each in edits])


def patch(*lines: str) -> str:
    return "\n".join(["*** Begin Patch", *lines, "*** End Patch"])


# --- Edit, MultiEdit, Write --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "before", "after"),
    [
        pytest.param(edit("b", "B"), "abc", "aBc", id="one text"),
        pytest.param(edit("a", "b", replace_all=True), "a.a.a", "b.b.b", id="everywhere"),
        pytest.param(edit("a", "b", replace_all=False), "a", "b", id="not everywhere"),
        pytest.param(edit("aa", "b", replace_all=True), "aaa", "ba", id="none over another"),
        pytest.param(edit("a\nb\n", ""), "a\nb\nc\n", "c\n", id="lines removed"),
        pytest.param(edit("b", ""), "a\nb\nc\n", "a\nc\n", id="the end of a removed line goes too"),
        pytest.param(edit("a\n", ""), "a\n\nb\n", "\nb\n", id="but no second one"),
        pytest.param(edit("b", "", replace_all=True), "b\nab", "ab", id="everywhere, where it stands before one"),
        pytest.param(edit("", "new\n"), None, "new\n", id="a new file"),
        pytest.param(edit("", "new\n"), "", "new\n", id="an empty file"),
        pytest.param(edit("", "new\n"), " \n", "new\n", id="a file of blanks"),
        pytest.param(edit("\\1$&", "$1\\0"), "a\\1$&b", "a$1\\0b", id="no patterns"),
        pytest.param(edit("a\nb", "x\ny"), "a\r\nb\r\n", "x\ny\n", id="CR LF taken for LF"),
        pytest.param(edit("a", "x\ny"), "a\r\nb\r\n", "x\ny\nb\n", id="lines put between such lines"),
        pytest.param(edit("a", ""), "a\r\nb\r\n", "b\n", id="such a line removed"),
        pytest.param(edit("a", "x"), "a\r\nb\r\n", "x\r\nb\r\n", id="no line end is touched"),
        pytest.param(edit("a\r\n", "x\r\n"), "a\r\nb\r\n", "x\r\nb\r\n", id="CR LF said"),
        pytest.param(multi_edit(("a", "b"), ("c", "d")), "ac", "bd", id="two texts"),
        pytest.param(multi_edit(("a", "x", True), ("b", "y")), "aba", "xyx", id="everywhere, then one"),
        pytest.param(change("Write", file_path="f", content=""), "old", "", id="written empty"),
        pytest.param(change("Write", file_path="f", content="a\r\n"), None, "a\r\n", id="written anew"),
    ],
)
def test_the_text_after_a_call_is_the_one_that_the_agents_tool_would_write(
    made: FileChange, before: str | None, after: str
) -> None:
    assert text_after(made, before) == after


@pytest.mark.parametrize(
    ("made", "before", "why"),
    [
        (edit("x", "y"), "abc", "the text to replace is not in the file"),
        (edit("x", "y"), None, "there is no such file"),
        (edit("a", "y"), "aba", "it is there 2 times, and only one is to be replaced"),
        (edit("a", "a"), "a", "the text to replace and the new one are the same"),
        (edit("", "a"), "b", "the file is there already, and is not empty"),
        (edit('say "hi"', "x"), "say “hi”", "the text to replace is in the file only with other quotation marks or"),
        (edit("caf\\u00e9", "x"), "café", "the text to replace is in the file only with other quotation marks or"),
        (edit("café", "x"), "caf\\u00E9", "the text to replace is in the file only with other quotation marks or"),
        (edit("a", "b" * 5000, replace_all=True), "a" * 5000, "the file would become too large to be compared here"),
        (multi_edit(("a", "b"), ("x", "y")), "a", "edit 2: the text to replace is not in the file"),
        (multi_edit(("a", "bcd"), ("c", "y")), "a", "edit 2: it replaces what an edit before it puts in"),
        (multi_edit(("a", "b"), ("b\n", "y")), "a\n", "edit 2: it replaces what an edit before it puts in"),
        (multi_edit(("a", "b"), ("", "y")), "a", "edit 2: the file is there already, and is not empty"),
    ],
)
def test_a_call_that_the_agents_tool_would_refuse_is_told_in_words(
    made: FileChange, before: str | None, why: str
) -> None:
    with pytest.raises(CannotApply) as refused:
        text_after(made, before)
    assert str(refused.value).startswith(why)


@pytest.mark.parametrize(
    ("made", "before", "notes"),
    [
        (edit("a", "b"), "a", ()),
        (edit("a", "x\ny"), "a\r\n", (words.NORMALISED,)),
        (edit("a", ""), "a\n", (words.LINE_END_REMOVED,)),
        (edit("a", ""), "ab\n", ()),
        (edit("a\n", ""), "a\n\nb\n", ()),
        (change("apply_patch", command=patch("*** Update File: f", "@@", "-b", "+B")), "a\nb\n", ()),
        (
            change("apply_patch", command=patch("*** Update File: f", "@@", "-b", "+B")),
            "a\rb\r",
            (words.OTHER_LINE_ENDS,),
        ),
    ],
)
def test_what_is_not_seen_in_the_texts_is_said_in_a_note(made: FileChange, before: str, notes: tuple[str, ...]) -> None:
    assert comparison(made, before).notes == notes


def test_where_line_ends_are_taken_for_one_another_both_sides_are_shown_so() -> None:
    assert comparison(edit("b\n", "x\n"), "a\r\nb\r\n")[:2] == ("a\nb\n", "a\nx\n")


# --- NotebookEdit ------------------------------------------------------------------------------

CELLS: list[dict[str, Any]] = [
    {"cell_type": "markdown", "id": "intro", "source": ["# Title\n", "text"]},
    {"cell_type": "code", "id": "cell-2", "source": "x = 1", "outputs": [{"text": "1"}]},
    {"cell_type": "code", "source": "", "outputs": []},
]
NOTEBOOK = json.dumps({"cells": CELLS, "nbformat": 4})
INTRO, FIRST, EMPTY = (
    "# cell intro (markdown)\n  # Title\n  text\n",
    "# cell cell-2 (code)\n  x = 1\n",
    "# cell cell-2 (code)\n\n",
)


def cell(new_source: str, **more: Any) -> FileChange:
    return change("NotebookEdit", notebook_path="/work/n.ipynb", new_source=new_source, **more)


@pytest.mark.parametrize(
    ("made", "after"),
    [
        pytest.param(cell("y", cell_id="intro"), f"# cell intro (markdown)\n  y\n{FIRST}{EMPTY}", id="by its id"),
        pytest.param(
            cell("y", cell_id="cell-0", cell_type="code", edit_mode="replace"),
            f"# cell intro (code)\n  y\n{FIRST}{EMPTY}",
            id="by its place, with another type",
        ),
        pytest.param(cell("y", cell_id="cell-2"), f"{INTRO}# cell cell-2 (code)\n  y\n{EMPTY}", id="an id first"),
        pytest.param(cell("", cell_id="intro", edit_mode="delete"), f"{FIRST}{EMPTY}", id="deleted"),
        pytest.param(
            cell("y\n\nz", edit_mode="insert"),
            f"# new cell (code)\n  y\n\n  z\n{INTRO}{FIRST}{EMPTY}",
            id="inserted at the beginning",
        ),
        pytest.param(
            cell("y", cell_id="intro", cell_type="markdown", edit_mode="insert"),
            f"{INTRO}# new cell (markdown)\n  y\n{FIRST}{EMPTY}",
            id="inserted behind a cell",
        ),
    ],
)
def test_of_a_notebook_the_sources_of_its_cells_are_compared(made: FileChange, after: str) -> None:
    assert comparison(made, NOTEBOOK)[:2] == (INTRO + FIRST + EMPTY, after)
    assert text_after(made, NOTEBOOK) == after


def test_outputs_that_go_with_a_change_are_told() -> None:
    only, removed = notebook_cells.ONLY_CELLS, notebook_cells.OUTPUTS_REMOVED
    assert comparison(cell("y", cell_id="cell-2"), NOTEBOOK).notes == (only, removed)
    assert comparison(cell("y", cell_id="intro"), NOTEBOOK).notes == (only,)
    text_with_outputs = json.dumps({"cells": [CELLS[0] | {"outputs": [{"text": "1"}]}]})
    assert comparison(cell("y", cell_id="intro"), text_with_outputs).notes == (only,)


def test_a_source_or_an_id_cannot_imitate_the_row_above_a_cell() -> None:
    hostile = [{"cell_type": "a)\n# cell b (", "id": "c\n# cell d", "source": "x\n# cell e (code)\ny"}]
    shown = comparison(cell("z", edit_mode="insert"), json.dumps({"cells": hostile})).before
    assert shown == '# cell "c\\n# cell d" ("a)\\n# cell b (")\n  x\n  # cell e (code)\n  y\n'


@pytest.mark.parametrize(
    ("made", "before", "why"),
    [
        (cell("y", cell_id="a"), None, "there is no such file"),
        (cell("y"), NOTEBOOK, "the call does not say which cell"),
        (cell("y", cell_id="", edit_mode="delete"), NOTEBOOK, "the call does not say which cell"),
        (cell("y", cell_id="nothing"), NOTEBOOK, "the notebook has no such cell"),
        (cell("y", cell_id="cell-3"), NOTEBOOK, "the notebook has no such cell"),
        (cell("y", cell_id="cell-³"), NOTEBOOK, "the notebook has no such cell"),
        (cell("y", cell_id="cell-" + "9" * 5000), NOTEBOOK, "the notebook has no such cell"),
        (cell("y"), "", "the file is no notebook"),
        (cell("y"), "print(1)", "the file is no notebook"),
        (cell("y"), "[" * 100_000, "the file is no notebook"),
        (cell("y"), "9" * 10_000, "the file is no notebook"),
        (cell("y"), '{"cells": [], "x": NaN}', "the file is no notebook"),
        (cell("y"), '{"cells": {}}', "the file is no notebook"),
        (cell("y"), '{"cells": [1]}', "the file is no notebook: its cell 0 is none"),
        (cell("y"), '{"cells": [{"source": [1], "cell_type": "code"}]}', "the file is no notebook: its cell 0 is none"),
    ],
)
def test_a_cell_that_cannot_be_changed_is_told_in_words(made: FileChange, before: str | None, why: str) -> None:
    with pytest.raises(CannotApply) as refused:
        comparison(made, before)
    assert str(refused.value) == why


# --- apply_patch -------------------------------------------------------------------------------

ADD = patch("*** Add File: a", "+x")


@pytest.mark.parametrize("key", ["command", "input", "patch"])
@pytest.mark.parametrize("value", [ADD, [ADD], ["apply_patch", ADD], ["applypatch", f"<<'EOF'\n{ADD}\nEOF"]])
def test_a_patch_is_found_wherever_codex_may_put_it(key: str, value: Any) -> None:
    (made,) = file_changes("apply_patch", {key: value}, "/work")
    assert (made.path, made.location, text_after(made, None)) == ("a", "/work/a", "x\n")


def test_a_patch_changes_several_files_each_of_its_own() -> None:
    text = patch(
        "*** Update File: src/a", "*** Move to: ../b", "@@", "-x", "+y", "*** Delete File: /c", "*** Add File: d"
    )
    moved, deleted, added = file_changes("apply_patch", {"command": text}, "/work/project")
    assert (moved.location, moved.moved_to, moved.moved_location) == ("/work/project/src/a", "../b", "/work/b")
    assert (deleted.location, deleted.moved_to, added.location) == ("/c", None, "/work/project/d")
    assert [text_after(moved, "x\n"), text_after(deleted, "x\n"), text_after(added, None)] == ["y\n", None, ""]


@pytest.mark.parametrize(
    ("lines", "before", "notes"),
    [
        (("*** Add File: a", "+x"), "old", (words.REPLACED,)),
        (("*** Add File: a", "+x"), None, ()),
        (("*** Update File: a", "+x"), "y\r\n", (words.OTHER_LINE_ENDS,)),
        (("*** Update File: a", "+x"), "y\n", ()),
        (("*** Environment ID: e", "*** Update File: a", "+x"), "y\n", (words.ELSEWHERE,)),
        (("*** Update File: a", "+x", "*** Delete File: ./a"), "y\n", (words.NAMED_AGAIN,)),
        (("*** Update File: a", "+x", "*** Update File: b", "*** Move to: a", "+x"), "y\n", (words.NAMED_AGAIN,)),
        (("*** Update File: a", "*** Move to: /work/a", "+x"), "y\n", (words.MOVED_ONTO_ITSELF,)),
    ],
)
def test_what_a_patch_does_besides_is_said_in_a_note(
    lines: tuple[str, ...], before: str | None, notes: tuple[str, ...]
) -> None:
    first = file_changes("apply_patch", {"command": patch(*lines)}, "/work")[0]
    assert comparison(first, before).notes == notes


def test_a_file_that_is_moved_onto_itself_is_gone_afterwards() -> None:
    (made,) = file_changes("apply_patch", {"command": patch("*** Update File: a", "*** Move to: a", "+x")}, None)
    assert text_after(made, "y\n") is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("rm -rf /", "line 1 of the patch is not `*** Begin Patch`"),
        (patch(), "the patch names no file"),
        (patch("*** Update File: a"), "line 3 of the patch: the file above is to be updated, but has no hunk"),
    ],
)
def test_a_patch_that_cannot_be_read_is_one_change_without_a_path_that_says_why(text: str, why: str) -> None:
    (made,) = file_changes("apply_patch", {"command": text}, "/work")
    assert (made.path, made.location) == ("", None)
    with pytest.raises(CannotApply) as refused:
        comparison(made, "")
    assert str(refused.value) == why


# --- paths -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "folder", "location"),
    [
        ("/etc/hosts", None, "/etc/hosts"),
        ("/work/../etc//./hosts/", None, "/etc/hosts"),
        ("//etc/hosts", None, "/etc/hosts"),
        ("a/b", "/work", "/work/a/b"),
        ("../../../x", "/work", "/x"),
        ("a", None, None),
        ("a", "work", None),
        ("", "/work", None),
        ("~/x", "/work", None),
        ("~", "/work", None),
        ("~x", "/work", "/work/~x"),
        (" /etc/hosts", "/work", None),
        ("/etc/hosts\n", "/work", None),
        ("/a\0b", "/work", None),
        ("a", "/work\0", None),
    ],
)
def test_a_path_is_told_as_an_absolute_one_or_not_at_all(path: str, folder: str | None, location: str | None) -> None:
    (made,) = file_changes("Write", {"file_path": path, "content": ""}, folder)
    assert (made.path, made.location) == (path, location)


# --- other tools, other arguments, hostile ones ------------------------------------------------

ARGUMENTS: dict[str, dict[str, Any]] = {
    "Edit": {"file_path": "/f", "old_string": "a", "new_string": "b", "replace_all": True},
    "MultiEdit": {"file_path": "/f", "edits": [{"old_string": "a", "new_string": "b", "replace_all": True}]},
    "Write": {"file_path": "/f", "content": "a"},
    "NotebookEdit": {
        "notebook_path": "/f",
        "new_source": "a",
        "cell_id": "b",
        "cell_type": "code",
        "edit_mode": "insert",
    },
    "apply_patch": {"command": ADD},
}
OTHER_TYPES: tuple[Any, ...] = (None, 0, 1, 1.5, [], {}, [1], [[]], [None], ["a", "b"], {"a": "b"}, b"a", float("nan"))


def test_the_known_tools_are_those_that_have_such_arguments() -> None:
    assert set(ARGUMENTS) == EDITING_TOOLS
    assert all(len(file_changes(tool, arguments, "/work")) == 1 for tool, arguments in ARGUMENTS.items())


@pytest.mark.parametrize("tool", ["Bash", "shell", "Read", "edit", "Edit ", "", "mcp__x__Edit", "apply_patch\n"])
@pytest.mark.parametrize("arguments", ARGUMENTS.values())
def test_of_another_tool_nothing_is_said(tool: str, arguments: dict[str, Any]) -> None:
    assert file_changes(tool, arguments, "/work") == ()


@pytest.mark.parametrize("tool", ARGUMENTS)
def test_arguments_of_another_shape_change_nothing_that_can_be_told(tool: str) -> None:
    arguments = ARGUMENTS[tool]
    required = set(arguments) - {"replace_all", "cell_id", "cell_type", "edit_mode"}
    for key in arguments:
        without = {other: value for other, value in arguments.items() if other != key}
        assert len(file_changes(tool, without, "/work")) == (key not in required)
        for value in OTHER_TYPES:
            assert file_changes(tool, {**arguments, key: value}, "/work") == ()
    assert file_changes(tool, {**arguments, "more": 1}, "/work") == ()


@pytest.mark.parametrize(
    ("tool", "changed"),
    [
        ("MultiEdit", {"edits": [{"old_string": "a", "new_string": 1}]}),
        ("MultiEdit", {"edits": [{"old_string": "a", "new_string": "b", "more": 1}]}),
        ("MultiEdit", {"edits": [{"old_string": "a", "new_string": "b"}, "c"]}),
        ("NotebookEdit", {"edit_mode": "append"}),
        ("NotebookEdit", {"cell_type": "raw"}),
        ("apply_patch", {"command": ["bash", ADD]}),
        ("apply_patch", {"command": ["apply_patch", ADD, "more"]}),
        ("apply_patch", {"command": ADD, "patch": ADD}),
    ],
)
def test_neither_do_arguments_of_another_shape_inside(tool: str, changed: dict[str, Any]) -> None:
    assert file_changes(tool, {**ARGUMENTS[tool], **changed}, "/work") == ()


@pytest.mark.parametrize("wrong", [None, 1, "text", [("file_path", "a")]])
def test_what_are_no_arguments_at_all_is_no_error(wrong: Any) -> None:
    assert file_changes("Edit", wrong, "/work") == ()
    assert file_changes(wrong, ARGUMENTS["Edit"], "/work") == ()
    assert file_changes("Write", ARGUMENTS["Write"], wrong)[0].location == "/f"


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), any_texts, st.sampled_from(["/f", "insert", ADD])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_texts, inner, max_size=3),
    max_leaves=6,
)
keys = sorted({key for arguments in ARGUMENTS.values() for key in arguments})


@given(st.sampled_from(sorted(ARGUMENTS)), st.dictionaries(st.sampled_from(keys), json_values), any_texts)
def test_no_arguments_raise_anything_but_words(tool: str, changed: dict[str, Any], before: str) -> None:
    for made in file_changes(tool, ARGUMENTS[tool] | changed, "/work"):
        with suppress(CannotApply):
            comparison(made, before)


@pytest.mark.parametrize("name", HOSTILE_TEXTS)
def test_hostile_texts_in_every_place_are_taken_as_they_are_and_words_are_ours_alone(name: str) -> None:
    text = HOSTILE_TEXTS[name]
    written = change("Write", file_path=text, content=text)
    assert (written.path, written.action, text_after(written, None)) == (text, NewText(text), text)
    assert text_after(edit("<old>", text), "(<old>)") == f"({text})"
    for made in (edit(text, "x"), cell(text, cell_id=text), multi_edit(("a", text), (f"{text}b", text))):
        with pytest.raises(CannotApply) as refused:
            comparison(made, "a")
        assert is_all_visible(str(refused.value))
        assert str(refused.value).isascii()
    rows = unified_diff(*comparison(edit("a", text), "a\n")[:2], Redactor().lifted(), UNICODE)
    assert all(is_all_visible(row.text) for row in rows)


DEAR: dict[str, Callable[[int], tuple[FileChange, str]]] = {
    "many edits": lambda size: (
        multi_edit(*((f"<{number}>", "-") for number in range(size))),
        "".join(f"<{number}>" for number in range(size)),
    ),
    "a text that is everywhere": lambda size: (edit("a", "bb", replace_all=True), "a" * size),
    "a text that is nearly everywhere": lambda size: (edit("a" * size + "b", "c"), "a" * 2 * size),
    "many cells": lambda size: (
        cell("x", cell_id=f"cell-{size - 1}"),
        json.dumps({"cells": [{"cell_type": "code", "source": "x\ny"}] * size}),
    ),
    "a patch that names a file again and again": lambda size: (
        file_changes("apply_patch", {"patch": patch(*["*** Delete File: a"] * size)}, "/work")[-1],
        "a",
    ),
}


@pytest.mark.parametrize("name", DEAR)
def test_the_cost_of_a_call_stays_bounded_or_grows_no_faster_than_it(name: str) -> None:
    def work(size: int) -> None:
        made, before = DEAR[name](size)
        with suppress(CannotApply):
            comparison(made, before)

    assert growth(work, lambda size: size, size=3000) < LINEAR
