"""What the README shows of the server is run as it stands there, on another port."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from tests.server.serving import ServerProcess
from tests.support import LONG, ROOT, approve, until

README = (Path(ROOT) / "README.md").read_text(encoding="utf-8")
SECTION = README[README.index("## Over HTTP") : README.index("### What protects against what")]
EXAMPLES = ("remote_agent.py", "protocol_agent.py")


@pytest.fixture
def desk(store_path: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[BlockingStore]:
    monkeypatch.setenv("APPROVAL_TUI_STORE", store_path)
    with open_store_blocking(store_path) as opened:
        yield opened


def example(name: str) -> str:
    return (Path(ROOT) / "tests" / "examples" / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_stand_in_the_readme(name: str) -> None:
    assert f"```python\n{example(name)}```" in SECTION


def test_tokens_agents_and_reviewers_go_through_as_shown(
    desk: BlockingStore, store_path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup, look = re.findall(r"```sh\n(.*?)```", SECTION, flags=re.DOTALL)
    tokens, serve = setup.rsplit("approval-tui serve\n", 1)[0], "approval-tui serve" in setup
    assert serve
    bash(tokens, tmp_path)
    server = ServerProcess(store_path)
    monkeypatch.setenv("APPROVAL_TUI_TOKEN", (tmp_path / "agent.token").read_text().strip())
    for name in EXAMPLES:
        source = example(name).replace("http://127.0.0.1:9111", server.url)
        agent = subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, text=True)
        until(desk.reviewer.list)
        (request,) = desk.reviewer.list()
        assert request.id in bash(look.replace("http://127.0.0.1:9111", server.url), tmp_path)
        approve(desk, request)
        assert agent.communicate(timeout=LONG)[0].startswith("runs")
        assert desk.reviewer.get(request.id).requester == "release-bot"
    assert server.stop() == 0


def bash(script: str, folder: Path) -> str:
    """What the script prints, with this project's command on its path."""
    path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder, env={**os.environ, "PATH": path}, check=True, capture_output=True, text=True, timeout=LONG,
    ).stdout  # fmt: skip
