"""Codex in a test's own place: its configuration, a headless run, and its users' trust in our hook."""

from __future__ import annotations

import contextlib
import json
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.coding_agents import mcp_server
from tests.coding_agents.codex_model import CodexModel
from tests.coding_agents.loopback import Json
from tests.coding_agents.running import CODEX, Ended, Place, Running, install, running
from tests.coding_agents.terminal import in_terminal
from tests.coding_agents.trusting import trust_hooks
from tests.console.test_tmux import Tmux

NO_SANDBOX = "--dangerously-bypass-approvals-and-sandbox"
TRUSTED = "--dangerously-bypass-hook-trust"

_CONFIG = """
model = "gpt-5.5"
model_provider = "loopback"
[model_providers.loopback]
name = "loopback"
base_url = "{url}/v1"
wire_api = "responses"
env_key = "LOOPBACK_KEY"
request_max_retries = 0
stream_max_retries = 0
[analytics]
enabled = false
[notice.model_migrations]
"gpt-5.5" = "gpt-6-sol"
[mcp_servers.lab]
command = {python}
args = [{server}, {served}]
[sandbox_workspace_write]
exclude_slash_tmp = true
exclude_tmpdir_env_var = true
[projects.{project}]
trust_level = "trusted"
"""

ENVIRONMENT = {"LOOPBACK_KEY": "no-real-key"}


@dataclass(frozen=True)
class CodexRun:
    """A headless run, and its model."""

    process: Running
    model: CodexModel

    def wait(self) -> Ended:
        """Waits for its end, which must be a good one."""
        ended = self.process.wait()
        assert ended.code == 0, f"{ended.out}\n{ended.err}"
        return ended


@dataclass(frozen=True)
class CodexSession:
    """Codex on a screen, and its model."""

    tmux: Tmux
    model: CodexModel


@dataclass(frozen=True)
class Codex:
    """The program, and where it runs."""

    program: str
    place: Place

    @property
    def folder(self) -> Path:
        """Its own folder, with its configuration and its hooks."""
        return self.place.home / ".codex"

    def install(self, **options: Any) -> None:
        """Installs our hook; see `running.install`."""
        install(self.place, CODEX, **options)

    def configure(self, model: CodexModel) -> None:
        """Writes its configuration, with what its user trusts in already."""
        self.folder.mkdir(exist_ok=True)
        texts = {
            "url": model.url,
            "python": json.dumps(sys.executable),
            "server": json.dumps(mcp_server.__file__),
            "served": json.dumps(str(self.place.project / "served.txt")),
            "project": json.dumps(str(self.place.project)),
        }
        path = self.folder / "config.toml"
        kept = path.read_text() if path.exists() else ""
        path.write_text(_CONFIG.format(**texts) + kept)

    @contextlib.contextmanager
    def run(self, *turns: Sequence[Json], options: Sequence[str] = (NO_SANDBOX, TRUSTED)) -> Iterator[CodexRun]:
        """A headless run in which the model makes these calls."""
        with CodexModel(turns) as model:
            self.configure(model)
            command = [self.program, "exec", "--json", "--skip-git-repo-check", *options, "Do it."]
            with running(command, self.place, **ENVIRONMENT) as process:
                yield CodexRun(process, model)

    @contextlib.contextmanager
    def session(self, *turns: Sequence[Json], options: Sequence[str] = (TRUSTED,)) -> Iterator[CodexSession]:
        """A session on a screen that may ask its user, in which the model makes these calls."""
        with CodexModel(turns) as model:
            self.configure(model)
            command = [self.program, "--no-alt-screen", "--no-daemon", "-a", "on-request", "-s", "workspace-write"]
            with in_terminal([*command, *options, "Do it."], self.place, ENVIRONMENT) as tmux:
                yield CodexSession(tmux, model)

    def trust_all(self) -> None:
        """Trusts in the installed hooks as they are, as "Trust all" does at its start."""
        trust_hooks(self.folder)

    @property
    def trusted(self) -> Json:
        """What its configuration says of trust in hooks."""
        state: Json = tomllib.loads((self.folder / "config.toml").read_text()).get("hooks", {}).get("state", {})
        return state
