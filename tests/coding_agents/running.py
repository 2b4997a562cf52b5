"""One test's surroundings of an agent: a home, a project and a store of its own, our command, and a run of it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support import LONG, until

OUR_COMMAND = str(Path(sys.executable).with_name("approval-tui"))
"""The command as it was installed beside this Python."""

CLAUDE_CODE = "claude-code"
CODEX = "codex"


@dataclass(frozen=True)
class Place:
    """The folders of one test; `home` and `store` are those of the test's own fixtures."""

    root: Path
    home: Path
    store: Path

    @classmethod
    def at(cls, root: Path, home: Path, store: Path) -> Place:
        """With the folders that an agent needs to be there."""
        place = cls(root, home, store)
        for folder in (place.project, place.root / "tmp"):
            folder.mkdir()
        return place

    @property
    def project(self) -> Path:
        """The folder in which the agent works."""
        return self.root / "project"

    @property
    def environment(self) -> dict[str, str]:
        """What an agent, and our command beside it, find in their environment: nothing of this machine's user."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "TMPDIR": str(self.root / "tmp"),
            "TERM": "xterm-256color",
            "SHELL": "/bin/bash",
            "LANG": "C.UTF-8",
        }

    def text(self, name: str) -> str | None:
        """What the project's file of that name holds; None where there is no such file."""
        path = self.project / name
        return path.read_text() if path.exists() else None


def ours(place: Place, *words: str, command: str = OUR_COMMAND) -> str:
    """Runs our command in the project's folder, and gives what it printed."""
    finished = subprocess.run(
        [command, *words],
        cwd=place.project,
        env=place.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LONG,
        check=False,
    )
    assert finished.returncode == 0, f"{words}: {finished.stdout}\n{finished.stderr}"
    return finished.stdout


def install(
    place: Place,
    agent: str,
    *,
    wait: str = "50s",
    fail_closed: bool = False,
    policy: Path | None = None,
    scope: str = "user",
    store: Path | None = None,
    command: str = OUR_COMMAND,
) -> str:
    """Installs the hook with our own command."""
    words = ["hook", "install", agent, "--scope", scope, "--wait", wait, "--store", str(store or place.store)]
    words += ["--fail-closed"] if fail_closed else []
    words += [] if policy is None else ["--policy", str(policy)]
    return ours(place, *words, command=command)


def uninstall(place: Place, agent: str, *, scope: str = "user") -> str:
    """Takes the hook out again with our own command."""
    return ours(place, "hook", "uninstall", agent, "--scope", scope)


@dataclass(frozen=True)
class Ended:
    """How an agent's run ended."""

    code: int
    out: str
    err: str

    @property
    def result(self) -> Any:
        """The JSON that it printed at its end."""
        return json.loads(self.out)


class Running:
    """A headless run of an agent."""

    def __init__(self, command: Sequence[str], place: Place, environment: dict[str, str]) -> None:
        self._out, self._err = place.root / "agent.out", place.root / "agent.err"
        with open(self._out, "wb") as out, open(self._err, "wb") as err:
            self._process = subprocess.Popen(
                command,
                cwd=place.project,
                env={**place.environment, **environment},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    def wait(self) -> Ended:
        """Waits for its end."""
        code = self._process.wait(LONG)
        return Ended(code, self._out.read_text(), self._err.read_text())

    def has_ended(self) -> bool:
        """Whether it is over."""
        return self._process.poll() is not None

    def interrupt(self) -> None:
        """What Ctrl-C sends."""
        self._process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """Ends it and what it started in its group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(LONG)


@contextlib.contextmanager
def running(command: Sequence[str], place: Place, **environment: str) -> Iterator[Running]:
    """The agent while it runs; whatever is left of it afterwards is killed."""
    run = Running(command, place, environment)
    try:
        yield run
    finally:
        run.kill()


def hooks_of(place: Place) -> list[int]:
    """The ids of the processes of our hook that ask in the place's store."""
    found = []
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            words = Path("/proc", name, "cmdline").read_bytes().split(b"\0") if name.isdigit() else []
            if b"-c" not in words and b"hook" in words and str(place.store).encode() in words:
                found.append(int(name))
    return found


def kill_hook(place: Place) -> None:
    """Kills the one hook that waits, as no handler can notice."""
    until(lambda: len(hooks_of(place)) == 1)
    os.kill(hooks_of(place)[0], signal.SIGKILL)


def kill_shell_of_hook(place: Place) -> None:
    """Kills the shell that the agent started for the one hook that waits, and leaves the hook."""
    until(lambda: len(hooks_of(place)) == 1)
    status = Path("/proc", str(hooks_of(place)[0]), "stat").read_text()
    os.kill(int(status.rpartition(")")[2].split()[1]), signal.SIGKILL)
