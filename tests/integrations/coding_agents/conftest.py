"""What tests of the hooks share: a project to work in, the settings of Claude Code, and a store that stays sound."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from approval_tui.store.blocking import BlockingStore
from tests.cli.running import Cli, in_this_process
from tests.support import assert_sound


@pytest.fixture
def in_project(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project, in which the test runs; nothing says that agents keep their settings elsewhere."""
    for variable in ("CLAUDE_CONFIG_DIR", "CODEX_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(project)
    return project


@pytest.fixture
def cli(in_project: Path, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Runs the command in this process, in the project."""
    return in_this_process(capsys)


@pytest.fixture
def file(own_home: Path) -> Path:
    """The user's settings of Claude Code, which are not there yet."""
    return own_home / ".claude" / "settings.json"


@pytest.fixture
def project_file(project: Path) -> Path:
    """The project's settings of Claude Code, which are not there yet."""
    path = project / ".claude" / "settings.json"
    path.parent.mkdir()
    return path


@pytest.fixture
def sound_desk(desk: BlockingStore) -> Iterator[BlockingStore]:
    """The store, whose log is whole and fits its requests when the test is over."""
    yield desk
    assert_sound(desk)
