"""Who may touch the store's files: folders 0700 and files 0600, whatever the umask."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.errors import StoreUnavailable
from approval_tui.settings.permissions import (
    ensure_folder_of_own,
    ensure_private_file,
    ensure_private_folder,
    is_private_folder,
)
from approval_tui.store import open_store_blocking
from approval_tui.store.bells import Bell
from tests.support import approve, sqlite_engine, submit


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """The habits of the user's shell, generous and strict."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: str | Path) -> int:
    return stat.S_IMODE(os.lstat(path).st_mode)


@pytest.mark.usefixtures("umask")
def test_everything_beside_the_store_is_private(tmp_path: Path, call: Call) -> None:
    path = tmp_path / "data" / "deeper" / "approvals.db"
    with open_store_blocking(str(path)) as store:
        request = submit(store, call)
        with Bell.for_request(sqlite_engine(store).bells, request.id), Bell.for_console(sqlite_engine(store).bells):
            approve(store, request)
            found = {each: mode(each) for each in (tmp_path / "data").rglob("*")}
    assert mode(tmp_path / "data") == 0o700
    folders = {each.name for each in found if each.is_dir()}
    names = {each.name for each in found if each.parent == path.parent}
    assert folders == {"deeper", "approvals.db.bells", request.id[-2:], "consoles"}
    assert names == {
        "approvals.db",
        "approvals.db-wal",
        "approvals.db-shm",
        "approvals.db.turn",
        "approvals.db.bells",
    }
    assert len(found) > len(folders) + len(names) - 1, "the bells themselves are among them"
    for each, its_mode in found.items():
        assert its_mode == (0o700 if each.is_dir() else 0o600), each


@pytest.mark.usefixtures("umask")
def test_the_default_store_is_private(call: Call, own_home: Path) -> None:
    with open_store_blocking() as store:
        submit(store, call)
        assert mode(store.location) == 0o600
        assert mode(os.path.dirname(store.location)) == 0o700
        assert store.location.startswith(str(own_home))


def test_a_folder_is_its_users_though_their_shell_would_take_it_from_them(tmp_path: Path) -> None:
    before = os.umask(0o277)
    try:
        ensure_private_folder(str(tmp_path / "a" / "b"))
    finally:
        os.umask(before)
    assert [mode(tmp_path / "a"), mode(tmp_path / "a" / "b")] == [0o700, 0o700]


def test_a_folder_of_another_user_is_not_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = str(tmp_path / "own")
    ensure_folder_of_own(folder)
    assert is_private_folder(folder)
    another = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: another)
    assert not is_private_folder(folder)
    with pytest.raises(StoreUnavailable, match="or is not yours"):
        ensure_folder_of_own(folder)


def test_a_folder_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o2770)
    ensure_private_folder(str(shared / "new"))
    assert mode(shared) == 0o2770
    assert mode(shared / "new") & 0o777 == 0o700


def test_a_file_that_is_there_keeps_its_mode_and_content(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("kept")
    for allowed in (0o600, 0o400, 0o640, 0o644):
        path.chmod(allowed)
        ensure_private_file(str(path))
        assert mode(path) == allowed
        assert path.read_text() == "kept"


@pytest.mark.parametrize("others", [0o660, 0o606, 0o666, 0o777, 0o622])
def test_a_file_that_others_may_write_is_refused_and_left(tmp_path: Path, others: int) -> None:
    path = tmp_path / "file"
    path.write_text("kept")
    path.chmod(others)
    with pytest.raises(StoreUnavailable, match="can be written by other users"):
        ensure_private_file(str(path))
    assert mode(path) == others
    assert path.read_text() == "kept"


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "a" / "b"):
        with pytest.raises(StoreUnavailable, match="cannot be made") as caught:
            ensure_private_folder(str(path))
        assert "--store" in caught.value.to_do
