"""Names as careless readers take them: what Go, Java, JavaScript, C and pydantic do not tell apart."""

from __future__ import annotations

import time

import pytest

from approval_tui.domain.names import folded_name


@pytest.mark.parametrize(
    "other",
    [
        *("File_Path", "FILE_PATH", "filePath", "file-path", "FilePath", "filepath", " file_path", "file_path\t"),
        *("\ufefffile_path", "file_path\0", "file_path\0x", "\0file_path", "file\u200b_path", "file_path\ud800"),
        *(
            "f\u0131le_path",
            "f\u0130le_path",
            "\uff46ile_path",
            "\U0001d41file_path",
            "fi\u0301le_path",
            "file\u00a0path",
        ),
    ],
    ids=ascii,
)
def test_a_name_that_some_reader_takes_for_another_is_folded_as_it_is(other: str) -> None:
    assert folded_name(other) == folded_name("file_path")


@pytest.mark.parametrize(
    "other", ["file_paths", "file.path", "file/path", "path", "", "\0", "x" * 100, "file_p\u0430th"]
)
def test_another_name_is_folded_otherwise(other: str) -> None:
    assert folded_name(other) != folded_name("file_path")


@pytest.mark.parametrize("length", [64, 65, 200])
def test_long_names_are_folded_as_short_ones_are(length: int) -> None:
    assert folded_name("K\u212a" * length) == "k" * 2 * length


def test_a_name_of_megabytes_is_folded_in_a_moment_by_its_beginning() -> None:
    started = time.process_time()
    for letter in ("\u017f", "\ufdfa", "\u200b"):
        folded_name(letter * 1_000_000)
    assert folded_name("file_path" + "\u200b" * 1_000_000) == folded_name("file_path")
    assert time.process_time() - started < 30
