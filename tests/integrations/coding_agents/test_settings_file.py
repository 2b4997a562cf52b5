"""An agent's settings on the disk: read with care, changed whole or not at all."""

from __future__ import annotations

import os
import resource
import stat
from pathlib import Path

import pytest

from approval_tui.domain.errors import ConfigurationError, Conflict
from approval_tui.integrations.coding_agents.agent import PROJECT, USER
from approval_tui.integrations.coding_agents.settings_file import LARGEST_FILE, read_settings, write_settings
from tests.permissions import said_with_permissions


@pytest.fixture
def file(tmp_path: Path) -> Path:
    folder = tmp_path / "settings"
    folder.mkdir()
    path = folder / "settings.json"
    path.write_text('{"a": 1}\n')
    return path


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _names(path: Path) -> list[str]:
    return sorted(os.listdir(path.parent))


# --- writing -----------------------------------------------------------------------------------


def test_the_text_is_put_in_place_and_what_was_there_is_kept_beside_it(file: Path) -> None:
    backup = write_settings(read_settings(str(file)), '{"a": 2}\n', USER)
    assert file.read_text() == '{"a": 2}\n'
    assert backup == f"{file}.approval-tui-backup"
    assert Path(backup).read_text() == '{"a": 1}\n'
    assert _names(file) == ["settings.json", "settings.json.approval-tui-backup"]


def test_each_backup_has_a_name_of_its_own_unless_it_holds_the_same(file: Path) -> None:
    texts = ['{"a": 1}\n', '{"a": 2}\n', '{"a": 1}\n', '{"a": 3}\n', '{"a": 1}\n']
    backups = [write_settings(read_settings(str(file)), text, USER) for text in texts[1:]]
    endings = ["", "-2", "", "-3"]
    assert backups == [f"{file}.approval-tui-backup{ending}" for ending in endings]
    assert [Path(f"{file}.approval-tui-backup{ending}").read_text() for ending in ("", "-2", "-3")] == [
        texts[0],
        texts[1],
        texts[3],
    ]


def test_a_link_in_a_backups_place_is_not_followed(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text(file.read_text())
    Path(f"{file}.approval-tui-backup").symlink_to(other)
    assert write_settings(read_settings(str(file)), "{}", USER) == f"{file}.approval-tui-backup-2"
    assert other.read_text() == '{"a": 1}\n'


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_the_mode_stays_and_the_backup_has_it_too(file: Path, mode: int) -> None:
    file.chmod(mode)
    backup = write_settings(read_settings(str(file)), "{}", USER)
    assert backup is not None
    assert (_mode(file), _mode(Path(backup))) == (mode, mode)


def test_the_owner_stays(file: Path) -> None:
    owner = (12345, 12346) if os.geteuid() == 0 else (os.geteuid(), os.getegid())  # only root can give files away
    os.chown(file, *owner)
    write_settings(read_settings(str(file)), "{}", USER)
    assert (file.stat().st_uid, file.stat().st_gid) == owner


@pytest.mark.parametrize(("scope", "mode", "folder_mode"), [(USER, 0o600, 0o700), (PROJECT, 0o644, 0o755)])
def test_a_new_file_and_its_folder_are_as_private_as_their_scope(
    tmp_path: Path, scope: str, mode: int, folder_mode: int
) -> None:
    before = os.umask(0o022)
    try:
        path = tmp_path / "one" / "two" / "settings.json"
        assert write_settings(read_settings(str(path)), "{}\n", scope) is None
    finally:
        os.umask(before)
    assert path.read_text() == "{}\n"
    assert [_mode(each) for each in (path, path.parent, path.parent.parent)] == [mode, folder_mode, folder_mode]
    assert _names(path) == ["settings.json"]


def test_a_link_stays_and_the_file_behind_it_changes(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "settings.json"
    link.symlink_to("settings/settings.json")
    backup = write_settings(read_settings(str(link)), "{}", USER)
    assert os.readlink(link) == "settings/settings.json"
    assert file.read_text() == "{}"
    assert backup == f"{file}.approval-tui-backup"


def test_a_link_to_nothing_stays_and_the_file_behind_it_is_made(tmp_path: Path) -> None:
    link = tmp_path / "settings.json"
    link.symlink_to("dotfiles/claude.json")
    write_settings(read_settings(str(link)), "{}", USER)
    assert link.is_symlink()
    assert (tmp_path / "dotfiles" / "claude.json").read_text() == "{}"


def test_a_byte_order_mark_and_the_ends_of_lines_stay(file: Path) -> None:
    file.write_bytes(b'\xef\xbb\xbf{\r\n"a": 1}')
    found = read_settings(str(file))
    assert found.text == '{\r\n"a": 1}'
    write_settings(found, found.text.replace("1", "2"), USER)
    assert file.read_bytes() == b'\xef\xbb\xbf{\r\n"a": 2}'


# --- what cannot be written --------------------------------------------------------------------


def _rewritten(file: Path) -> None:
    file.write_text('{"b": 1}')


def _removed(file: Path) -> None:
    file.unlink()


def _led_elsewhere(file: Path) -> None:
    other = file.with_name("other.json")
    file.rename(other)
    file.symlink_to(other)


@pytest.mark.parametrize("change", [_rewritten, _removed, _led_elsewhere])
def test_a_file_that_changed_in_the_meantime_is_left_as_it_is(file: Path, change: object) -> None:
    found = read_settings(str(file))
    assert callable(change)
    change(file)
    names, text = _names(file), file.read_text() if file.exists() else None
    with pytest.raises((Conflict, ConfigurationError)):
        write_settings(found, "{}", USER)
    assert (_names(file), file.read_text() if file.exists() else None) == (names, text)


def test_an_older_backup_stays_where_the_file_cannot_be_changed(file: Path) -> None:
    for text in ('{"a": 2}\n', '{"a": 1}\n'):
        write_settings(read_settings(str(file)), text, USER)
    found = read_settings(str(file))
    names = _names(file)
    _rewritten(file)
    with pytest.raises(Conflict):
        write_settings(found, "{}", USER)
    assert _names(file) == names
    assert Path(f"{file}.approval-tui-backup").read_text() == '{"a": 1}\n'


def test_a_file_that_appeared_in_the_meantime_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    found = read_settings(str(path))
    path.write_text('{"b": 1}')
    with pytest.raises(Conflict) as caught:
        write_settings(found, "{}", USER)
    assert "again" in str(caught.value)
    assert path.read_text() == '{"b": 1}'
    assert not [name for name in _names(path) if name.startswith(("settings.json.", ".settings"))]


_WRITING = """
import sys
from approval_tui.domain.errors import ConfigurationError
from approval_tui.integrations.coding_agents.agent import USER
from approval_tui.integrations.coding_agents.settings_file import read_settings, write_settings
try:
    write_settings(read_settings(sys.argv[1]), "{}", USER)
except ConfigurationError as error:
    print(error)
"""


@pytest.mark.parametrize("is_folder", [True, False])
def test_what_is_read_only_is_left_as_it_is(file: Path, is_folder: bool) -> None:
    place = file.parent if is_folder else file
    before = _mode(place)
    place.chmod(before & ~0o222)
    try:
        assert "cannot be written" in said_with_permissions(_WRITING, str(file))
    finally:
        place.chmod(before)
    assert (file.read_text(), _names(file)) == ('{"a": 1}\n', ["settings.json"])


def test_a_folder_that_is_a_file_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / ".claude").write_text("")
    with pytest.raises(ConfigurationError) as caught:
        read_settings(str(tmp_path / ".claude" / "settings.json"))
    assert "Not a directory" in str(caught.value)


def test_a_disk_without_room_leaves_the_file_and_nothing_beside_it(file: Path) -> None:
    found = read_settings(str(file))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(ConfigurationError) as caught:
            write_settings(found, " " * 8192, USER)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "cannot be written: File too large" in str(caught.value)
    assert (file.read_text(), _names(file)) == ('{"a": 1}\n', ["settings.json"])


def test_a_folder_that_cannot_be_made_is_said() -> None:
    found = read_settings("/proc/self/approval-tui/settings.json")
    with pytest.raises(ConfigurationError) as caught:
        write_settings(found, "{}", USER)
    assert "cannot be written" in str(caught.value)


# --- what cannot be read -----------------------------------------------------------------------


def test_what_is_no_file_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("link")
    for name, why in (("folder", "directory"), ("pipe", "is no file"), ("link", "symbolic links")):
        with pytest.raises(ConfigurationError) as caught:
            read_settings(str(tmp_path / name))
        assert why in str(caught.value)


def test_a_file_too_large_for_settings_is_refused(file: Path) -> None:
    file.write_bytes(b"[" + b" " * (LARGEST_FILE - 2) + b"]")
    assert len(read_settings(str(file)).text) == LARGEST_FILE
    file.write_bytes(b"[" + b" " * (LARGEST_FILE - 1) + b"]")
    with pytest.raises(ConfigurationError) as caught:
        read_settings(str(file))
    assert "1,000,000 bytes" in str(caught.value)


@pytest.mark.parametrize(
    ("data", "place"), [(b'{\n  "\xff": 1}', "2:4"), ('{"é": 1}'.encode("latin-1"), "1:3"), (b"\xff\xfe{\0}\0", "1:1")]
)
def test_what_is_not_utf_8_is_refused_with_its_place(file: Path, data: bytes, place: str) -> None:
    file.write_bytes(data)
    with pytest.raises(ConfigurationError) as caught:
        read_settings(str(file))
    assert caught.value.problems[0].startswith(f"{file}:{place}: not UTF-8")
