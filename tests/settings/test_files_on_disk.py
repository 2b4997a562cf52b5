"""A file is read for a reviewer as it is, and whatever else stands at the path is told in words, without waiting."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from approval_tui.settings import files_on_disk
from approval_tui.settings.files_on_disk import LARGEST_FILE, FileOnDisk, read_for_review
from tests.hostile import HOSTILE_TEXTS
from tests.permissions import said_with_permissions


@pytest.fixture
def folder(tmp_path: object) -> str:
    return os.path.realpath(str(tmp_path))


def written(path: str, data: bytes = b"text\n") -> str:
    with open(path, "wb") as file:
        file.write(data)
    return path


@pytest.mark.parametrize("text", ["", "a\n", "a\r\nb", "\ufeffcaf\u00e9 \0 \u202e \U0001f600\n", "\n" * 1000])
def test_a_file_is_read_as_it_is(folder: str, text: str) -> None:
    path = written(f"{folder}/f", text.encode())
    assert read_for_review(path) == FileOnDisk(text, None, path)


@pytest.mark.parametrize("name", HOSTILE_TEXTS)
def test_a_file_of_a_hostile_name_is_read_or_told_to_have_none(folder: str, name: str) -> None:
    text = HOSTILE_TEXTS[name].replace("/", "_")
    path = f"{folder}/{text}"
    if "\0" in text:
        assert read_for_review(path) == FileOnDisk(None, "its path holds a character that no path may have", None)
    elif len(text.encode()) > 255:
        found = read_for_review(path)
        assert (found.text, found.problem, found.is_missing) == (None, "its name is too long", False)
    else:
        assert read_for_review(written(path)) == FileOnDisk("text\n", None, path)


def test_a_missing_file_is_no_problem_but_a_missing_folder_is_one(folder: str) -> None:
    assert read_for_review(f"{folder}/f") == FileOnDisk(None, None, f"{folder}/f", is_missing=True)
    assert read_for_review(f"{folder}/a/b/f") == FileOnDisk(
        None, "its folder is not there either", f"{folder}/a/b/f", is_missing=True
    )


def test_a_link_is_followed_and_where_it_leads_is_told(folder: str) -> None:
    path = written(f"{folder}/f")
    os.symlink("f", f"{folder}/link")
    os.symlink(f"{folder}/link", f"{folder}/second")
    os.symlink(folder, f"{folder}/same")
    for location in (f"{folder}/link", f"{folder}/second", f"{folder}/same/f", f"{folder}/same/same/link"):
        assert read_for_review(location) == FileOnDisk("text\n", None, path)


def test_a_link_to_what_is_not_there_leads_to_a_missing_file(folder: str) -> None:
    os.symlink("gone", f"{folder}/link")
    os.symlink("no/gone", f"{folder}/far")
    assert read_for_review(f"{folder}/link") == FileOnDisk(None, None, f"{folder}/gone", is_missing=True)
    assert read_for_review(f"{folder}/far") == FileOnDisk(
        None, "its folder is not there either", f"{folder}/no/gone", is_missing=True
    )


def problem(location: str) -> str | None:
    """What is said of something that is there but is not read."""
    found = read_for_review(location)
    assert found.text is None
    assert not found.is_missing
    return found.problem


def test_links_that_lead_to_themselves_are_told(folder: str) -> None:
    os.symlink("b", f"{folder}/a")
    os.symlink("a", f"{folder}/b")
    assert problem(f"{folder}/a") == "its links lead nowhere but to themselves"


def test_what_is_no_regular_file_is_not_opened_and_nothing_is_waited_for(folder: str) -> None:
    os.mkfifo(f"{folder}/pipe")
    os.symlink("pipe", f"{folder}/link")
    assert problem(f"{folder}/pipe") == problem(f"{folder}/link") == "it is a pipe"
    assert problem(folder) == "it is a folder"
    assert problem("/dev/null") == problem("/dev/zero") == problem("/dev/tty") == "it is a device"


@pytest.fixture
def bound_socket(folder: str) -> Iterator[str]:
    here = os.getcwd()
    with socket.socket(socket.AF_UNIX) as bound:
        os.chdir(folder)  # the name of a socket is short
        try:
            bound.bind("s")
        finally:
            os.chdir(here)
        yield f"{folder}/s"


def test_a_socket_is_told(bound_socket: str) -> None:
    assert problem(bound_socket) == "it is a socket"


def test_a_pipe_that_takes_a_files_place_is_not_waited_for_either(folder: str) -> None:
    os.mkfifo(f"{folder}/pipe")
    descriptor = os.open(f"{folder}/pipe", files_on_disk._OPENING)  # which would wait for a writer otherwise
    os.close(descriptor)
    os.symlink("pipe", f"{folder}/link")
    with pytest.raises(OSError, match="symbolic links"):
        os.open(f"{folder}/link", files_on_disk._OPENING)


@pytest.mark.parametrize("path", ["/proc/self/environ", "/proc/version", "/proc", "/sys/kernel/uevent_seqnum"])
@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="this system has no /proc")
def test_what_the_system_makes_up_is_not_read(path: str) -> None:
    assert problem(path) == f"what is in /{path.split('/')[1]} is not read: the system makes it up"


def test_a_folder_whose_name_only_begins_like_those_of_the_system_is_read(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files_on_disk, "_OF_THE_SYSTEM", (f"{folder}/pro",))
    os.mkdir(f"{folder}/processes")
    os.mkdir(f"{folder}/pro")
    assert read_for_review(written(f"{folder}/processes/f")).text == "text\n"
    assert problem(written(f"{folder}/pro/f")) == f"what is in {folder}/pro is not read: the system makes it up"


def test_a_file_that_is_another_one_when_it_is_opened_is_looked_at_again(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    small, path = written(f"{folder}/small"), written(f"{folder}/f", b"a" * (LARGEST_FILE + 1))
    before = os.stat(small)
    monkeypatch.setattr(os, "stat", lambda *_, **__: before)
    assert problem(path) == f"too large to be compared here ({LARGEST_FILE + 1:,} bytes)"
    monkeypatch.setattr(os, "fstat", lambda *_: before)
    assert problem(path) == f"too large to be compared here (more than {LARGEST_FILE:,} bytes)"


@pytest.mark.parametrize("data", [b"\xff", b"caf\xe9", b"a\xed\xa0\x80", b"\x00\x01\x80", "text".encode("utf-16")])
def test_what_is_not_text_in_utf_8_is_told(folder: str, data: bytes) -> None:
    assert problem(written(f"{folder}/f", data)) == "it is not text in UTF-8"


def test_a_file_of_the_most_bytes_is_read_and_a_larger_one_is_told_without_reading_it(folder: str) -> None:
    most = read_for_review(written(f"{folder}/most", b"a" * LARGEST_FILE))
    assert most.text == "a" * LARGEST_FILE
    assert problem(written(f"{folder}/more", b"a" * (LARGEST_FILE + 1))) == (
        f"too large to be compared here ({LARGEST_FILE + 1:,} bytes)"
    )
    with open(f"{folder}/sparse", "wb") as file:
        file.truncate(1 << 40)
    assert problem(f"{folder}/sparse") == "too large to be compared here (1,099,511,627,776 bytes)"


def test_no_more_is_read_of_a_file_than_the_most(folder: str) -> None:
    path = written(f"{folder}/f", b"a" * (LARGEST_FILE + 100))
    with open(path, "rb") as file:
        assert len(files_on_disk._bytes(file.fileno())) == LARGEST_FILE + 1


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("", "its path does not begin at the root"),
        ("f", "its path does not begin at the root"),
        ("../f", "its path does not begin at the root"),
        ("~/f", "its path does not begin at the root"),
        ("/a\0b", "its path holds a character that no path may have"),
        ("\0", "its path holds a character that no path may have"),
        ("/\ud800", "its path holds characters that no path may have"),
        ("/" + "a" * 256, "its name is too long"),
        ("/" + "a/" * 2048, "its name is too long"),
        ("/etc/passwd/x", "what should be a folder of its path is none"),
    ],
)
def test_a_path_that_leads_nowhere_is_told_in_words(location: str, words: str) -> None:
    assert problem(location) == words


_READING = """
import sys
from approval_tui.settings.files_on_disk import read_for_review
print(*(read_for_review(path).problem for path in sys.argv[1:]), sep="\\n")
"""


def test_what_may_not_be_read_is_told(folder: str) -> None:
    os.mkdir(f"{folder}/closed")
    written(f"{folder}/closed/f")
    path = written(f"{folder}/f")
    os.chmod(path, 0)
    os.chmod(f"{folder}/closed", 0)
    try:
        said = said_with_permissions(_READING, path, f"{folder}/closed/f", f"{folder}/closed/new")
        assert said.splitlines() == ["permission denied"] * 3
    finally:
        os.chmod(f"{folder}/closed", 0o700)
