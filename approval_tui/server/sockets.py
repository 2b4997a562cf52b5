"""Where the server listens: an address of this machine, another one with TLS, or a socket in the file system."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import resource
import socket
import ssl
import stat
import sys
from typing import NamedTuple

from approval_tui.domain.errors import InvalidInput

_BACKLOG = 1024
_MOST_FILES = 4096
_OTHER_FILES = 100
"""What the rest of the process opens at most."""

_NOT_STARTED = "Nothing was started."


class Address(NamedTuple):
    """A host and a port; `host` is an IP address or `localhost`."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only programs of this machine can reach it."""
        return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str) -> Address:
    """The address of `127.0.0.1:9111` or `[::1]:9111`; raises InvalidInput."""
    host, colon, port = text.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535 or (":" in bare and bare == host):
            raise ValueError
        if bare != "localhost":
            bare = str(ipaddress.ip_address(bare))
    except ValueError:
        raise InvalidInput(
            f"{text!r} is no address to listen at.",
            not_done=_NOT_STARTED,
            to_do="Give an IP address and a port, such as 127.0.0.1:9111 or [::1]:9111.",
        ) from None
    return Address(bare, int(port))


def listen_at(address: Address) -> socket.socket:
    """A socket that listens there; raises InvalidInput where it cannot."""
    host = "127.0.0.1" if address.host == "localhost" else address.host
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends at once (TCP_NODELAY) only where the protocol is named; else each answer waits 40 ms.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, address.port))
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise _cannot_listen(str(address), error) from None
    return listening


def listen_on_path(path: str, group: str | None) -> socket.socket:
    """A socket in the file system that its owner alone may use, or the group, too; raises InvalidInput.

    A socket that a server left behind is replaced, one that still answers is not, and nothing else either.
    """
    _take_away_stale(path)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)  # never open to others, not even for a moment
    try:
        listening.bind(path)
        if group is not None:
            os.chown(path, -1, _group_id(group))
            os.chmod(path, 0o660)
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise _cannot_listen(path, error) from None
    except InvalidInput:
        listening.close()
        os.unlink(path)
        raise
    finally:
        os.umask(before)
    return listening


def raise_most_sockets() -> None:
    """Lets this process have as many sockets as a server can use, where the system admits it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY:
        wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


def most_sockets() -> int:
    """How many sockets callers may have, so that the store and the log keep theirs."""
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if soft == resource.RLIM_INFINITY else max(1, soft - _OTHER_FILES)


def take_away(path: str) -> None:
    """Takes the socket out of the file system when the server ends."""
    with contextlib.suppress(OSError):
        os.unlink(path)


def tls_context(certificate: str, key: str) -> ssl.SSLContext:
    """The TLS of the server, 1.2 or newer; raises InvalidInput where the files cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key, password=lambda: "")
    except (OSError, ssl.SSLError, ValueError) as error:
        raise InvalidInput(
            f"The certificate {certificate} with the key {key} cannot be used: {error}.",
            not_done=_NOT_STARTED,
            to_do="Give a PEM certificate chain and its key without a password.",
        ) from None
    return context


def _take_away_stale(path: str) -> None:
    try:
        is_socket = stat.S_ISSOCK(os.lstat(path).st_mode)
    except OSError:
        return
    if is_socket:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                probe.connect(path)
            except ConnectionRefusedError:
                os.unlink(path)
                return
            except OSError:
                pass
    what = "another server listens there" if is_socket else "something else is there"
    raise InvalidInput(f"{path} is taken: {what}.", not_done=_NOT_STARTED, to_do="Give another path.")


def _group_id(group: str) -> int:
    import grp

    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise InvalidInput(f"There is no group {group!r}.", not_done=_NOT_STARTED, to_do="Name one.") from None


def _cannot_listen(where: str, error: OSError) -> InvalidInput:
    return InvalidInput(
        f"Nobody can listen at {where}: {error.strerror or error}.", not_done=_NOT_STARTED, to_do="Give another place."
    )
