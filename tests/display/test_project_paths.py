"""Where a path lies, by its spelling alone."""

from __future__ import annotations

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approval_tui.display.project_paths import CANNOT_BE_TOLD, OUTSIDE, where_path_lies
from tests.display.hostile import LINEAR, any_texts, growth
from tests.hostile import HOSTILE_TEXTS

PROJECT = "/work/project"
HOME = "/home/ann"


@pytest.mark.parametrize(
    "path",
    [
        "",
        ".",
        "./",
        "src/main.py",
        "./src/../src",
        "src/..",
        "../project",
        "../project/src",
        "../../work/project/",
        "/work/project",
        "/work/project/",
        "//work//project//src",
        "///work/./project",
        "/../work/project",
        "...",
        "..hidden/x",
        "a\n../../x",
        "src/\\..",
        "*.py",
    ],
)
def test_a_path_inside_the_project_gets_no_words(path: str) -> None:
    assert where_path_lies(path, PROJECT, HOME) is None


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "//",
        "/etc/passwd",
        "..",
        "../",
        "../..",
        "../projectile",
        "/work/projectile",
        "/work/project2/",
        "/work/proj",
        "/work",
        "/work/project/..",
        "/work/project/../other",
        "src/../../x",
        "./.././x",
        "/WORK/project",
        "~",
        "~/",
        "~/.ssh/id_rsa",
        "~//x",
        "/work/project\n",
        "/work/project ",
    ],
)
def test_a_path_outside_the_project_is_said_to_be_so(path: str) -> None:
    assert where_path_lies(path, PROJECT, HOME) == OUTSIDE


@pytest.mark.parametrize(
    "path",
    ["~bob", "~bob/x", "~+", "~-/x", "$HOME", "$HOME/x", "/work/project/$X", "`pwd`/x", "${X}", "a\0b", "/etc\0"],
)
def test_what_a_shell_or_the_system_would_make_something_else_of_is_not_guessed(path: str) -> None:
    assert where_path_lies(path, PROJECT, HOME) == CANNOT_BE_TOLD


@pytest.mark.parametrize("directory", [None, "", "project", "./project", "~", "/work\0/project"])
@pytest.mark.parametrize("path", ["src", "/etc/passwd", "..", "", "~"])
def test_nothing_can_be_told_of_an_unknown_project(path: str, directory: str | None) -> None:
    assert where_path_lies(path, directory, HOME) == CANNOT_BE_TOLD


@pytest.mark.parametrize("home", [None, "", "ann", "/home\0/ann"])
def test_a_home_that_is_not_known_is_not_guessed(home: str | None) -> None:
    assert where_path_lies("~/x", PROJECT, home) == CANNOT_BE_TOLD
    assert where_path_lies("x/~", PROJECT, home) is None


def test_a_home_may_lie_in_the_project_and_the_project_in_the_home() -> None:
    assert where_path_lies("~/x", "/home", "/home/ann/") is None
    assert where_path_lies("~/project/x", "/home/ann/project", "/home/ann") is None
    assert where_path_lies("~/other", "/home/ann/project", "/home/ann") == OUTSIDE


@pytest.mark.parametrize("project", ["/work/project/", "//work/project", "/work/./project", "/work/x/../project//"])
def test_the_spelling_of_the_project_does_not_matter(project: str) -> None:
    assert where_path_lies("src", project) is None
    assert where_path_lies("/work/project/src", project) is None
    assert where_path_lies("/work/projectile", project) == OUTSIDE


@pytest.mark.parametrize("path", ["/", "/etc", "..", "../../x", "src", "//etc"])
def test_everything_lies_inside_a_project_that_is_the_root(path: str) -> None:
    assert where_path_lies(path, "/") is None


@given(st.lists(st.sampled_from(["..", ".", "", "a", "work", "project", "projectile"]), max_size=8), st.booleans())
def test_it_agrees_with_the_common_path_of_both(steps: list[str], is_absolute: bool) -> None:
    path = ("/" if is_absolute else "") + "/".join(steps)
    whole = "/" + posixpath.normpath(posixpath.join(PROJECT, path)).lstrip("/")
    is_inside = posixpath.commonpath([whole, PROJECT]) == PROJECT
    assert (where_path_lies(path, PROJECT) is None) == is_inside


@given(any_texts, st.none() | any_texts, st.none() | any_texts)
def test_any_text_is_answered_in_our_words(path: str, directory: str | None, home: str | None) -> None:
    assert where_path_lies(path, directory, home) in (None, OUTSIDE, CANNOT_BE_TOLD)


@pytest.mark.parametrize("text", HOSTILE_TEXTS.values(), ids=HOSTILE_TEXTS.keys())
def test_hostile_texts_are_answered_in_our_words(text: str) -> None:
    assert where_path_lies(f"/etc/{text}", PROJECT, text) in (OUTSIDE, CANNOT_BE_TOLD)
    assert where_path_lies(text, text, text) in (None, OUTSIDE, CANNOT_BE_TOLD)


@pytest.mark.parametrize("piece", ["../", "a/", "/", "./", "~/"])
def test_a_long_path_costs_no_more_than_its_length(piece: str) -> None:
    assert growth(lambda path: where_path_lies(path, PROJECT), lambda size: piece * size, size=100_000) < LINEAR
