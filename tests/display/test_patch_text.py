"""Patches of Codex's apply_patch: read and applied as the tool does, or refused in words (as Codex 0.169 does)."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approval_tui.display.patch_text import (
    ADDED,
    DELETED,
    UPDATED,
    CannotApply,
    Hunk,
    PatchedFile,
    parse_patch,
    patched_text,
)
from tests.display.hostile import LINEAR, any_texts, growth
from tests.hostile import HOSTILE_TEXTS


def patch(*lines: str) -> str:
    """The patch of these lines."""
    return "\n".join(["*** Begin Patch", *lines, "*** End Patch"])


def updated(before: str, *lines: str) -> str | None:
    """What a patch of these lines makes of the file."""
    (file,) = parse_patch(patch("*** Update File: f", *lines))
    return patched_text(file, before)


def test_a_patch_names_files_that_are_added_deleted_updated_and_moved() -> None:
    text = patch(
        "*** Add File: path/add.py",
        "+abc",
        "+",
        "+def",
        "*** Delete File: path/delete.py",
        "*** Update File: path/update.py",
        "*** Move to: path/update2.py",
        "@@ def f():",
        "-    pass",
        "+    return 123",
        "*** End of File",
        "*** Update File: /etc/hosts",
        " kept",
        "+new",
    )
    assert parse_patch(text) == (
        PatchedFile(ADDED, "path/add.py", text="abc\n\ndef\n"),
        PatchedFile(DELETED, "path/delete.py"),
        PatchedFile(
            UPDATED,
            "path/update.py",
            "path/update2.py",
            hunks=(Hunk("def f():", (("-", "    pass"), ("+", "    return 123")), True),),
        ),
        PatchedFile(UPDATED, "/etc/hosts", hunks=(Hunk(None, ((" ", "kept"), ("+", "new")), False),)),
    )


PLAIN = patch("*** Add File: a", "+x")


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        f"\n \t{PLAIN}\n\n",
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("***", " ***"),
        PLAIN.replace("Patch", "Patch \t"),
        f"<<EOF\n{PLAIN}\nEOF",
        f"<<'EOF'\n{PLAIN}\nEOF\n",
        f'<<"EOF"\n{PLAIN}\n  EOF',
    ],
)
def test_blanks_around_markers_and_a_here_document_around_the_patch_do_not_matter(text: str) -> None:
    assert parse_patch(text) == (PatchedFile(ADDED, "a", text="x\n"),)


def test_a_patch_that_says_in_which_environment_its_files_are_is_told_apart() -> None:
    (file,) = parse_patch(patch("*** Environment ID: remote", "*** Delete File: a"))
    assert file == PatchedFile(DELETED, "a", is_elsewhere=True)


def test_a_patch_may_name_no_file_at_all() -> None:
    assert parse_patch(patch()) == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "line 1 of the patch is not `*** Begin Patch`"),
        ("<<EOF", "line 1 of the patch is not `*** Begin Patch`"),
        ("<<EOF\nEOF", "line 1 of the patch is not `*** Begin Patch`"),
        ("<<EOF\n*** Begin Patch\nEOF", "line 1 of the patch is not `*** Begin Patch`"),
        ("bad", "line 1 of the patch is not `*** Begin Patch`"),
        ("\n\nbad\n", "line 3 of the patch is not `*** Begin Patch`"),
        ("*** Begin Patch", "line 1 of the patch, its last one, is not `*** End Patch`"),
        ("*** Begin Patch\nbad", "line 2 of the patch, its last one, is not `*** End Patch`"),
        ("<<EOF\nbad\n*** End Patch\nEOF", "line 2 of the patch is not `*** Begin Patch`"),
        ("<<END\n*** Begin Patch\n*** End Patch\nEND", "line 1 of the patch is not `*** Begin Patch`"),
        (patch("*** Frobnicate File: a"), "line 2 of the patch: a file should be named there"),
        (patch("*** Add File: a", "+x", "", "+y"), "line 4 of the patch: a file should be named there"),
        (patch("*** Delete File: a", "-x"), "line 3 of the patch: a file should be named there"),
        (patch("*** Update File: a"), "line 3 of the patch: the file above is to be updated, but has no hunk"),
        (patch("*** Update File: a", "@@"), "line 4 of the patch: the hunk above has no lines"),
        (patch("*** Update File: a", "@@ class", "@@ def", "+x"), "line 4 of the patch: the hunk above has no lines"),
        (patch("*** Update File: a", "@@", "*** End of File"), "line 4 of the patch: the hunk above has no lines"),
        (patch("*** Update File: a", "@@", "+x", "y"), "line 5 of the patch: a line of a hunk should begin with"),
        (patch("*** Update File: a", "+x", "*** Move to: b"), "line 4 of the patch: a line of a hunk should begin"),
        (patch("*** Update File: a", "+x", "*** End of File", "+y"), "line 5 of the patch: after `*** End of File`"),
        (patch("*** Delete File: a", "*** End Patch", "+x"), "line 3 of the patch: the patch ends before its last"),
        (patch("*** Environment ID: ", "*** Delete File: a"), "line 2 of the patch: an environment should be named"),
        (patch("*** Environment ID: x", "*** Environment ID: y"), "line 3 of the patch: an environment should be"),
        (patch("*** Delete File: a", "*** Environment ID: x"), "line 3 of the patch: a file should be named there"),
        (f"<<EOF\n{patch('bad')}\nEOF", "line 3 of the patch: a file should be named there"),
    ],
)
def test_what_is_no_patch_is_refused_with_the_line_that_is_wrong(text: str, words: str) -> None:
    with pytest.raises(CannotApply) as refused:
        parse_patch(text)
    assert str(refused.value).startswith(words)


@pytest.mark.parametrize(
    ("before", "lines", "after"),
    [
        pytest.param("a\nb\nc\n", ("@@", " a", "-b", "+B", " c"), "a\nB\nc\n", id="a line between two"),
        pytest.param("a\nb\n", ("-b", "+B"), "a\nB\n", id="the first hunk without a head"),
        pytest.param("a\nb\na\nb\n", ("@@", "-b", "+1", "@@", "-b", "+2"), "a\n1\na\n2\n", id="hunks in order"),
        pytest.param("b\nclass C\nb\n", ("@@ class C", "-b", "+B"), "b\nclass C\nB\n", id="below a line"),
        pytest.param("x\nx\n", ("@@ x", "-x", "+y"), "x\ny\n", id="below a line like it"),
        pytest.param("b\n  class C \nb\n", ("@@ class C", "-b", "+B"), "b\n  class C \nB\n", id="below, loosely"),
        pytest.param("a\nb\n", ("@@", "+x"), "a\nb\nx\n", id="an addition goes to the end"),
        pytest.param("a\n\n\n", ("@@", "+x"), "a\n\n\nx\n", id="also behind empty lines"),
        pytest.param("a\nb\nc\n", ("@@ a", "+x"), "a\nb\nc\nx\n", id="even below a line"),
        pytest.param("a\nb\n", ("@@", "+x", "@@", "-a", "+A"), "A\nb\nx\n", id="also where a hunk above it follows"),
        pytest.param("", ("@@", "+x"), "x\n", id="into an empty file"),
        pytest.param("a\nb\n", ("@@", "-a", "-b"), "", id="until nothing is left"),
        pytest.param("a\nb", ("@@", "-b", "+B"), "a\nB\n", id="the last line is ended"),
        pytest.param("a\nb", ("@@", "-a", "+A"), "A\nb\n", id="also where it stays"),
        pytest.param("a\nb\na\nb\n", ("@@", "-b", "+B", "*** End of File"), "a\nb\na\nB\n", id="at the end"),
        pytest.param("a\nb\n", ("@@", "-b", "+B", "*** End of File", "", "@@", "+x"), "a\nB\nx\n", id="and more"),
        pytest.param("a\nb\n", ("@@", " a", "-b", "+B", ""), "a\nB\n", id="an empty line for the last line's end"),
        pytest.param("a\n", ("@@", "-a", "+A", " "), "A\n", id="a blank for it"),
        pytest.param("a\n\nb\n", ("@@", " a", "", "-b", "+B"), "a\n\nB\n", id="an empty line of context"),
        pytest.param("a  \nb\t\n", ("@@", " a", "-b", "+B"), "a  \nB\n", id="blanks at ends ignored, context kept"),
        pytest.param("  a\n  b\n", ("@@", " a", "-b", "+b2"), "  a\nb2\n", id="blanks at both ends ignored"),
        pytest.param(
            "say “hi” – now\nb\n", ("@@", ' say "hi" - now', "-b"), "say “hi” – now\n", id="typographic signs"
        ),
        pytest.param("a\xa0b\nc\n", ("@@", "-a b", "+x"), "x\nc\n", id="typographic blanks"),
        pytest.param("a \na\n", ("@@", "-a"), "a \n", id="an exact match before a loose one"),
        pytest.param("a\r\nb\r\n", ("@@", "-a", "+A", " b"), "A\r\nb\r\n", id="CR LF stays"),
        pytest.param("a\nb\r\nc\r", ("@@", "-b", "+B"), "a\nB\nc\r", id="new lines end as the first one does"),
        pytest.param("a\rb\rc", ("@@", "-b", "+B"), "a\rB\rc\r", id="lines that end in CR"),
        pytest.param("\x1ca\na\n", ("@@", "-a"), "\x1ca\n", id="a separator is no blank"),
        pytest.param("-a\n+b\n", ("@@", "--a", " +b", "+@@"), "+b\n@@\n", id="lines that look like marks"),
        pytest.param("a\n", ("@@ ", "-a", "+A"), "A\n", id="a head with a blank"),
    ],
)
def test_a_hunk_is_applied_as_the_tool_applies_it(before: str, lines: tuple[str, ...], after: str) -> None:
    assert updated(before, *lines) == after


@pytest.mark.parametrize(
    ("before", "lines", "words"),
    [
        ("a\n", ("@@", "-b", "+B"), "hunk 1 does not fit: the lines it expects are not in the file, in this order"),
        ("a\nb\n", ("@@", "-b", "@@", "-a"), "hunk 2 does not fit: the lines it expects are not in the file, in this"),
        ("a\nb\n", ("@@ x", "-b"), "hunk 1 does not fit: the line it is said to stand below is not in the file"),
        ("a\nb\n", ("@@", "-a", "*** End of File"), "hunk 1 does not fit: the lines it expects are not at the end"),
        ("a\n", ("@@", " a", " b", " c"), "hunk 1 does not fit: the lines it expects are not in the file"),
        ("a\n", ("@@", "-b", "+" + HOSTILE_TEXTS["an override of direction"]), "hunk 1 does not fit: the lines"),
    ],
)
def test_a_hunk_that_does_not_fit_is_named_in_words_that_quote_nothing(
    before: str, lines: tuple[str, ...], words: str
) -> None:
    with pytest.raises(CannotApply) as refused:
        updated(before, *lines)
    assert str(refused.value).startswith(words)
    assert str(refused.value).isascii()


def test_an_added_file_replaces_one_that_is_there_and_a_missing_one_is_neither_updated_nor_deleted() -> None:
    added, deleted, changed = parse_patch(
        patch("*** Add File: a", "+x", "*** Delete File: b", "*** Update File: c", "+y")
    )
    assert patched_text(added, None) == patched_text(added, "old\n") == "x\n"
    assert patched_text(deleted, "old\n") is None
    for file in (deleted, changed):
        with pytest.raises(CannotApply, match="there is no such file"):
            patched_text(file, None)


lines_of_patches = st.one_of(
    st.sampled_from(["*** Update File: a", "*** Add File: b", "*** Move to: c", "@@", "@@ a", "*** End of File", ""]),
    st.sampled_from([" a", "-a", "+a", "-b", "+", "*** End Patch", " ", "-"]),
    any_texts,
)


@given(st.lists(lines_of_patches, max_size=12).map(lambda lines: patch("*** Update File: f", *lines)), any_texts)
def test_any_text_is_read_and_applied_or_refused_in_words(text: str, before: str) -> None:
    with suppress(CannotApply):
        for file in parse_patch(text):
            assert isinstance(patched_text(file, before), str) or file.kind == DELETED


@given(st.text(max_size=60))
def test_what_is_no_patch_at_all_raises_nothing_else(text: str) -> None:
    with pytest.raises(CannotApply):
        parse_patch(text)


DEAR = {
    "many hunks that fit loosely": lambda size: ("a \n" * size, ["@@", "-a", "+b"] * (size // 3)),
    "a hunk that nearly fits everywhere": lambda size: ("a\n" * size, ["@@", *["-a"] * (size // 2), "-b"]),
    "many hunks for the last line": lambda size: ("a\n" * size + "b\n", ["@@ b", "+x"] * (size // 2)),
    "many files": lambda size: ("", ["+x", "*** Update File: f"] * size + ["+x"]),
    "many lines added": lambda size: ("", ["+x"] * size),
}


@pytest.mark.parametrize("name", DEAR)
def test_the_cost_of_a_patch_grows_no_faster_than_it(name: str) -> None:
    def work(made: tuple[str, list[str]]) -> None:
        before, lines = made
        with suppress(CannotApply):
            for file in parse_patch(patch("*** Update File: f", *lines)):
                patched_text(file, before)

    assert growth(work, DEAR[name], size=4000) < LINEAR
