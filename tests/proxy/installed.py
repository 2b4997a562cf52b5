"""MCP servers and clients of other projects, installed once for all test runs into a folder that git ignores."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support import ROOT

_PINS = Path(__file__).parent / "servers"
_PLACE = Path(ROOT) / ".cache" / "mcp-servers"
_LONGEST = 600.0
"""Seconds that an installation may take over a slow line."""


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """The folder `node_modules` with what servers/package.json names."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        pytest.skip("these servers need node and npm")
    return _installed("package.json", _install_npm) / "node_modules"


@pytest.fixture(scope="session")
def python_of_sdk_1() -> str:
    """The Python of an environment with what servers/requirements.txt names: servers, and the SDK's version 1."""
    return str(_installed("requirements.txt", _install_pip) / "bin" / "python")


@pytest.fixture(scope="session")
def everything(node_modules: Path) -> list[str]:
    """The command line of the server that shows every feature of MCP 2025-11-25."""
    return ["node", str(node_modules / "@modelcontextprotocol/server-everything/dist/index.js"), "stdio"]


@pytest.fixture(scope="session")
def filesystem(node_modules: Path) -> list[str]:
    """The command line of the server for files; a folder that it may use has to follow."""
    return ["node", str(node_modules / "@modelcontextprotocol/server-filesystem/dist/index.js")]


def _installed(pins: str, install: Callable[[Path, Path], None]) -> Path:
    """The folder that holds what the file names; it appears there when it is whole, and one process makes it."""
    pinned = _PINS / pins
    place = _PLACE / f"{pinned.stem}-{hashlib.sha256(pinned.read_bytes()).hexdigest()[:12]}"
    if not place.exists():
        with _alone():
            if not place.exists():
                unfinished = place.with_suffix(".unfinished")
                shutil.rmtree(unfinished, ignore_errors=True)
                unfinished.mkdir()
                install(pinned, unfinished)
                unfinished.rename(place)
    return place


def _install_npm(pinned: Path, place: Path) -> None:
    shutil.copy(pinned, place / "package.json")
    _run("npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--no-update-notifier", at=place)


def _install_pip(pinned: Path, place: Path) -> None:
    _run(sys.executable, "-m", "venv", str(place), at=place)
    pip = [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run(*pip, "-r", str(pinned), at=place)


def _run(*command: str, at: Path) -> None:
    finished = subprocess.run(
        command, cwd=at, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_LONGEST, check=False
    )
    assert finished.returncode == 0, f"{' '.join(command)} failed:\n{finished.stdout}\n{finished.stderr}"


@contextmanager
def _alone() -> Iterator[None]:
    """Keeps the other test processes waiting."""
    _PLACE.mkdir(parents=True, exist_ok=True)
    lock = os.open(_PLACE / "lock", os.O_CREAT | os.O_RDWR, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
