"""`store backup`: one file that is the store at one moment, whole and verified, or no file at all."""

from __future__ import annotations

import dataclasses
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.errors import InvalidInput, LogBroken, StoreUnavailable
from approval_tui.store import open_store_blocking
from approval_tui.store.copying.backup import back_up
from approval_tui.store.copying.procedure import copy_store
from tests.store.copies import all_rows, quiet, without_guards
from tests.store.lives import everything
from tests.support import LONG, ROOT, ManualClock, assert_sound, submit

ON_BOTH = pytest.mark.parametrize("location", ["sqlite", "postgres"], indirect=True)


@pytest.fixture
def location(request: pytest.FixtureRequest, clock: ManualClock, call: Call) -> str:
    """A store of that engine in which everything happened."""
    place: str = request.getfixturevalue("store_path" if request.param == "sqlite" else "postgres_url")
    with open_store_blocking(place, clock=clock) as store:
        everything(store, clock, call)
    return place


@pytest.fixture
def file(tmp_path: Path) -> str:
    """Where a backup is to be, in a folder of its own."""
    (tmp_path / "backups").mkdir()
    return str(tmp_path / "backups" / "approvals.backup")


def beside(file: str) -> list[str]:
    """What is in the folder of the backup."""
    return sorted(os.listdir(os.path.dirname(file)))


@ON_BOTH
def test_a_backup_is_a_store_of_its_owner_alone_and_can_be_copied_back(
    location: str, file: str, tmp_path: Path, clock: ManualClock
) -> None:
    before = os.umask(0)
    try:
        backup = back_up(location, file, quiet)
    finally:
        os.umask(before)
    assert beside(file) == ["approvals.backup"]
    assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
    assert all_rows(file) == all_rows(location)
    with open_store_blocking(file, readonly=True, clock=clock) as copy:
        verification = copy.reader.verify(backup.head)
        assert verification.problems == ()
        assert (backup.events, backup.requests) == (verification.events, verification.requests)
    assert beside(file) == ["approvals.backup"]
    restored = str(tmp_path / "restored.db")
    copy_store(file, restored, quiet)
    assert all_rows(restored) == all_rows(location)


@ON_BOTH
def test_a_file_that_is_there_is_not_replaced(location: str, file: str) -> None:
    Path(file).write_text("kept")
    for name in (file, os.path.dirname(file)):
        with pytest.raises(InvalidInput, match="exists already"):
            back_up(location, name, quiet)
    with pytest.raises(InvalidInput, match="is empty"):
        back_up(location, "", quiet)
    assert beside(file) == ["approvals.backup"]
    assert Path(file).read_text() == "kept"


@ON_BOTH
def test_a_file_that_appears_meanwhile_is_not_replaced(location: str, file: str) -> None:
    def appear(_what: str, _done: int, _total: int) -> None:
        Path(file).write_text("kept")

    with pytest.raises(InvalidInput, match="exists already"):
        back_up(location, file, appear)
    assert beside(file) == ["approvals.backup"]
    assert Path(file).read_text() == "kept"


@pytest.mark.parametrize("location", ["sqlite"], indirect=True)
def test_what_somebody_put_into_the_place_of_an_unfinished_backup_is_not_written_to(location: str, file: str) -> None:
    Path(file).with_name("of another").write_text("kept")
    os.symlink("of another", f"{file}.{os.getpid()}.partial")
    with pytest.raises(StoreUnavailable, match="cannot be written: File exists"):
        back_up(location, file, quiet)
    assert Path(file).with_name("of another").read_text() == "kept"


@ON_BOTH
def test_a_store_that_does_not_verify_gives_no_backup(location: str, file: str) -> None:
    without_guards(location, "UPDATE requests SET risk = 'high' WHERE tool = 'pending'")
    with pytest.raises(LogBroken, match="does not verify"):
        back_up(location, file, quiet)
    assert beside(file) == []


@pytest.mark.parametrize("location", ["sqlite"], indirect=True)
def test_a_backup_is_of_one_moment_though_others_write_all_the_time(
    location: str, file: str, call: Call, clock: ManualClock
) -> None:
    is_over = threading.Event()

    def write() -> None:
        with open_store_blocking(location) as own:
            number = 0
            while not is_over.is_set():
                number += 1
                submit(own, dataclasses.replace(call, tool=f"writer-{number}"))

    def write_between(what: str, _done: int, _total: int) -> None:
        if what == "pages copied":
            with open_store_blocking(location) as own:
                submit(own, dataclasses.replace(call, tool=f"between-{len(own.reviewer.list())}"))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        backup = back_up(location, file, write_between)
    finally:
        is_over.set()
        writer.join()
    with open_store_blocking(file, clock=clock) as copy:
        assert copy.reviewer.head() == backup.head
        assert_sound(copy)


@pytest.mark.parametrize("location", ["sqlite"], indirect=True)
def test_a_folder_that_is_not_there_says_so(location: str, file: str) -> None:
    with pytest.raises(StoreUnavailable, match="cannot be written: No such file or directory"):
        back_up(location, f"{os.path.dirname(file)}/none/file", quiet)


@pytest.mark.parametrize("location", ["sqlite"], indirect=True)
def test_a_file_that_cannot_be_written_to_its_end_says_so_and_leaves_nothing(location: str, file: str) -> None:
    said = subprocess.run(
        [sys.executable, "-c", _WITH_SMALL_FILES, location, file],
        capture_output=True, text=True, cwd=ROOT, timeout=LONG, check=False,
    )  # fmt: skip
    assert said.stdout.startswith(f"StoreUnavailable The store {file}"), said
    assert beside(file) == []


_WITH_SMALL_FILES = """
import resource, signal, sys
from approval_tui.store.copying.backup import back_up
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
try:
    back_up(*sys.argv[1:], lambda *_: None)
except Exception as error:
    print(type(error).__name__, error)
"""
