"""Claude Code of one version in one mode, in a test's own place."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.coding_agents.claude_model import ClaudeModel, ToolCall, Turns
from tests.coding_agents.running import CLAUDE_CODE, Ended, Place, Running, install, running, uninstall

OLDER, NEWER = "2.1.197", "2.1.330"
DEFAULT, BYPASS = "default", "bypass"
MODES = {DEFAULT: (), BYPASS: ("--dangerously-skip-permissions",), "plan": ("--permission-mode", "plan")}
KEY = "no-real-key"


@dataclass(frozen=True)
class ClaudeRun:
    """A headless run, and its model."""

    process: Running
    model: ClaudeModel

    def wait(self) -> Ended:
        """Waits for its end, which must be a good one."""
        ended = self.process.wait()
        assert ended.code == 0, f"{ended.out}\n{ended.err}"
        return ended


@dataclass(frozen=True)
class Claude:
    """The program, its mode, and where it runs."""

    program: str
    mode: str
    place: Place

    def install(
        self,
        *,
        wait: str = "50s",
        fail_closed: bool = False,
        policy: str | None = None,
        scope: str = "user",
        store: Path | None = None,
    ) -> None:
        """Installs our hook; `policy` is the text of a policy's file."""
        path = None if policy is None else self.place.root / "policy.yaml"
        if path is not None and policy is not None:
            path.write_text(policy)
        install(self.place, CLAUDE_CODE, wait=wait, fail_closed=fail_closed, policy=path, scope=scope, store=store)

    def uninstall(self, *, scope: str = "user") -> None:
        """Takes our hook out again."""
        uninstall(self.place, CLAUDE_CODE, scope=scope)

    @contextlib.contextmanager
    def run(
        self,
        *turns: Sequence[ToolCall],
        subagents: Mapping[str, Turns] | None = None,
        options: Sequence[str] = (),
    ) -> Iterator[ClaudeRun]:
        """A headless run in which the model makes these calls."""
        with ClaudeModel(turns, subagents) as model:
            command = [self.program, "-p", "Do it.", "--output-format", "json", *MODES[self.mode], *options]
            with running(command, self.place, **claude_environment(model)) as process:
                yield ClaudeRun(process, model)

    def settings(self, scope: str = "user") -> Path:
        """The file in which it looks for hooks."""
        folder = self.place.home if scope == "user" else self.place.project
        return folder / ".claude" / "settings.json"


def claude_environment(model: ClaudeModel) -> dict[str, str]:
    """What leads Claude Code to the model, and keeps it from everything else."""
    return {
        "ANTHROPIC_BASE_URL": model.url,
        "ANTHROPIC_API_KEY": KEY,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
        "IS_SANDBOX": "1",  # or its bypass mode refuses to run as root, as some machines run tests
    }


def settle_in(place: Place) -> None:
    """Answers beforehand what Claude Code asks at its first start in a terminal."""
    project = {"hasTrustDialogAccepted": True, "hasCompletedProjectOnboarding": True, "allowedTools": []}
    settled = {
        "hasCompletedOnboarding": True,
        "lastOnboardingVersion": "9.9.9",
        "theme": "dark",
        "customApiKeyResponses": {"approved": [KEY[-20:]], "rejected": []},
        "projects": {str(place.project): project},
        "bypassPermissionsModeAccepted": True,
    }
    (place.home / ".claude.json").write_text(json.dumps(settled))
