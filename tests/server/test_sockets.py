"""Addresses and sockets of the server."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import ssl
import stat
import subprocess
from pathlib import Path

import pytest

from approval_tui.domain.errors import InvalidInput
from approval_tui.server import sockets
from approval_tui.server.sockets import Address, listen_at, listen_on_path, most_sockets, parse_address, tls_context
from tests.certificates import certificate_for


@pytest.mark.parametrize(
    ("text", "address", "is_loopback", "said"),
    [
        ("127.0.0.1:9111", ("127.0.0.1", 9111), True, "127.0.0.1:9111"),
        ("localhost:0", ("localhost", 0), True, "localhost:0"),
        ("127.8.8.8:1", ("127.8.8.8", 1), True, "127.8.8.8:1"),
        ("[::1]:80", ("::1", 80), True, "[::1]:80"),
        ("0.0.0.0:80", ("0.0.0.0", 80), False, "0.0.0.0:80"),
        ("[::]:80", ("::", 80), False, "[::]:80"),
        ("10.0.0.1:80", ("10.0.0.1", 80), False, "10.0.0.1:80"),
    ],
)
def test_an_address_is_of_this_machine_or_not(
    text: str, address: tuple[str, int], is_loopback: bool, said: str
) -> None:
    parsed = parse_address(text)
    assert (parsed, parsed.is_loopback, str(parsed)) == (Address(*address), is_loopback, said)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "x:1",
        "local:1",
        "127.0.0.1:65536",
        "127.0.0.1:",
        "127.0.0.1:-1",
        "127.0.0.1:٣",
        "::1:80",
        "[::1]",
        "a.example:1",
        "127.1:80",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_address(text)


def test_a_server_that_comes_back_may_have_its_port_at_once() -> None:
    with listen_at(Address("127.0.0.1", 0)) as listening:
        assert listening.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)


def test_a_socket_for_a_group_that_there_is_not_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no group"):
        listen_on_path(str(tmp_path / "s"), "no such group")
    assert not os.path.exists(tmp_path / "s")


async def test_an_answer_is_sent_at_once_and_not_when_the_last_one_was_acknowledged() -> None:
    found: list[int] = []

    async def look(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        found.append(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    async with await asyncio.start_server(look, sock=listen_at(Address("127.0.0.1", 0))) as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        await reader.read()
        writer.close()
    assert found == [1]


def test_a_socket_is_its_owners_alone_whatever_others_may_do_with_new_files(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with listen_on_path(str(tmp_path / "s"), None):
            assert stat.S_IMODE(os.stat(tmp_path / "s").st_mode) == 0o600
        assert os.umask(0) == 0  # new files of this process are as before
        with pytest.raises(InvalidInput):
            listen_on_path(str(tmp_path / "nowhere" / "s"), None)
        assert os.umask(0) == 0
    finally:
        os.umask(before)


def test_a_socket_of_a_group_belongs_to_it(tmp_path: Path) -> None:
    import grp

    mine = os.getgid()
    groups = [each.gr_gid for each in grp.getgrall()] if os.geteuid() == 0 else os.getgroups()
    group = grp.getgrgid(next((each for each in groups if each != mine), mine))
    with listen_on_path(str(tmp_path / "s"), group.gr_name):
        status = os.stat(tmp_path / "s")
    assert (stat.S_IMODE(status.st_mode), status.st_gid, status.st_uid) == (0o660, group.gr_gid, os.geteuid())


def test_a_socket_of_another_kind_is_not_replaced(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.bind(path)
        with pytest.raises(InvalidInput, match="is taken"):
            listen_on_path(path, None)
        assert os.path.exists(path)


def test_a_link_is_not_followed_to_what_would_be_replaced(tmp_path: Path) -> None:
    with listen_on_path(str(tmp_path / "left"), None):
        pass
    os.symlink(tmp_path / "left", tmp_path / "s")
    with pytest.raises(InvalidInput, match="is taken"):
        listen_on_path(str(tmp_path / "s"), None)
    assert os.path.exists(tmp_path / "left")


def test_nothing_older_than_tls_1_2_is_spoken() -> None:
    certificate = certificate_for("IP:127.0.0.1")
    assert tls_context(*certificate).minimum_version == ssl.TLSVersion.TLSv1_2


def test_a_key_with_a_password_is_refused_and_nobody_is_asked_for_it(tmp_path: Path) -> None:
    certificate = certificate_for("IP:127.0.0.1")
    locked = str(tmp_path / "locked.pem")
    subprocess.run(
        ["openssl", "rsa", "-aes256", "-passout", "pass:geheim", "-in", certificate.key, "-out", locked],
        check=True, capture_output=True,
    )  # fmt: skip
    with pytest.raises(InvalidInput, match="cannot be used"):
        tls_context(certificate.path, locked)
    other = certificate_for("IP:127.0.0.2")
    with pytest.raises(InvalidInput, match="cannot be used"):
        tls_context(certificate.path, other.key)


def test_callers_leave_files_to_the_rest_and_what_a_process_may_have_is_never_lowered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (500, limits[1]))
        assert most_sockets() == 400
        monkeypatch.setattr(sockets, "_MOST_FILES", 450)
        sockets.raise_most_sockets()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (500, limits[1])
        monkeypatch.setattr(sockets, "_MOST_FILES", 510)
        sockets.raise_most_sockets()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (510, limits[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
