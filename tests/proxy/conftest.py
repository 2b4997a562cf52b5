"""A proxy in front of a recording server, and the reviewer's side of its store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from tests.proxy.client import RawClient, proxy_command, recording_server
from tests.proxy.installed import everything, filesystem, node_modules, python_of_sdk_1

__all__ = ["everything", "filesystem", "node_modules", "python_of_sdk_1"]

POLICY = """
version: "1"
default: require_approval
hide: [delete]
tools:
  read: {rules: []}
"""

StartProxy = Callable[..., RawClient]


@pytest.fixture
def desk(store_path: str) -> Iterator[BlockingStore]:
    """The store as reviewers use it, on the machine's clock as a proxy is."""
    with open_store_blocking(store_path) as opened:
        yield opened


@pytest.fixture
def record(tmp_path: Path) -> Path:
    """Where the recording server writes what reached it."""
    return tmp_path / "record.jsonl"


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """A policy under which `read` runs, `write` asks and `delete` is hidden."""
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY)
    return path


@pytest.fixture
def start_proxy(store_path: str, record: Path, policy: Path, tmp_path: Path) -> Iterator[StartProxy]:
    """Starts proxies with these options in front of a recording server, and ends them with the test.

    What they say on stderr goes to `errors.txt` in the test's folder.
    """
    with ExitStack() as started:

        def start(*options: str, shake_hands: bool = True) -> RawClient:
            command = proxy_command("--store", store_path, "-c", str(policy), *options, server=recording_server(record))
            client = started.enter_context(RawClient(command, errors=tmp_path / "errors.txt"))
            if shake_hands:
                client.shake_hands()
            return client

        yield start
