"""The agents' own programs from npm, installed once for all test runs into a folder that git ignores."""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support import ROOT

_PINS = Path(__file__).with_name("package.json")
_PLACE = Path(ROOT) / ".cache" / "coding-agents"
_LONGEST = 900.0
"""Seconds that the installation may take over a slow line."""

NOT_THERE = "THE REAL CODING AGENTS ARE NOT TESTED"
"""How every reason begins for which these tests are skipped."""


@pytest.fixture(scope="session")
def agents(testrun_uid: str) -> Path:
    """The folder `node_modules` with what package.json names."""
    place = _PLACE / hashlib.sha256(_PINS.read_bytes()).hexdigest()[:12]
    if not place.exists():
        with _alone():
            if not place.exists():
                _install(place, testrun_uid)
    return place / "node_modules"


def claude_code(agents: Path, version: str) -> str:
    """The program of Claude Code in that version."""
    return str(agents / f"claude-code-{version}" / "claude")


def codex_program(agents: Path) -> str:
    """The program of Codex."""
    return str(agents / "codex-0.169.0" / "vendor" / "x86_64-unknown-linux-musl" / "bin" / "codex")


def _install(place: Path, testrun: str) -> None:
    """Puts the packages there, whole or not at all; what failed once in a run of tests is not tried again in it."""
    failed = _PLACE / f"failed-{testrun}"
    if failed.exists():
        _skip(failed.read_text())
    why = _cannot()
    if why is None:
        unfinished = place.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        shutil.copy(_PINS, unfinished / "package.json")
        why = _run_npm(unfinished)
        if why is None:
            unfinished.rename(place)
    if why is not None:
        for old in _PLACE.glob("failed-*"):
            old.unlink()
        failed.write_text(why)
        _skip(why)


def _skip(why: str) -> None:
    pytest.skip(f"{NOT_THERE}: {why}")


def _cannot() -> str | None:
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        return "their programs are pinned for Linux on x86-64"
    return None if shutil.which("npm") else "npm is not on the PATH"


def _run_npm(place: Path) -> str | None:
    """Installs what is named there; gives why that failed."""
    npm = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--no-update-notifier", "--ignore-scripts"]
    npm += ["--fetch-retries=1", "--fetch-retry-mintimeout=2000", "--fetch-retry-maxtimeout=2000"]
    try:
        finished = subprocess.run(
            npm, cwd=place, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_LONGEST, check=False
        )
    except subprocess.TimeoutExpired:
        return f"npm was not done after {_LONGEST:.0f} s"
    if finished.returncode == 0:
        return None
    lines = [line for line in finished.stderr.splitlines() if line.startswith("npm error")]
    return "npm could not fetch them: " + " / ".join(lines[:4])


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
