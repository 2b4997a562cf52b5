"""`approval-tui demo`: three real agents, a scratch store, and a person (or a script) who decides."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from typing import NoReturn

from approval_tui.cli.demo.report import check_effects, table
from approval_tui.cli.demo.reviewer import review
from approval_tui.cli.demo.scenario import AGENTS
from approval_tui.domain.clock import format_timestamp
from approval_tui.settings.paths import CONFIG_VARIABLE, POLICY_VARIABLE
from approval_tui.store import open_store_blocking

_SHORT_TIMEOUT = {True: "2", False: "60"}
"""Seconds that the request waits which nobody is meant to decide, with `--auto` and without."""

#: A terminal that is closed, or a `kill`, must not leave agents behind that nobody sees.
_ENDING_SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]

_LAST_WORDS = 5.0
"""Seconds that an agent gets to withdraw what it asked for."""


def run_demo(auto: bool, keep: bool) -> int:
    """Runs the demo to its end; 0 only if every effect on disk is what was decided, else 1."""
    automatic = auto or not (sys.stdin.isatty() and sys.stdout.isatty())
    scratch = tempfile.mkdtemp(prefix="approval-tui-demo-")
    work_folder, store = os.path.join(scratch, "work"), os.path.join(scratch, "store", "approvals.db")
    agents: list[subprocess.Popen[bytes]] = []
    for number in _ENDING_SIGNALS:
        signal.signal(number, _end)
    try:
        _lay_out(work_folder)
        open_store_blocking(store).close()
        print("Three agents start; each of their calls waits for a yes.", file=sys.stderr)
        agents = [_start(name, work_folder, store, automatic) for name in AGENTS]
        if automatic:
            with open_store_blocking(store) as opened:
                in_time = review(opened.reviewer, work_folder, lambda: any(agent.poll() is None for agent in agents))
        else:
            in_time = _review_in_console(store) == 0
        _stop(agents)
        return _report(work_folder, store, automatic, in_time and all(agent.returncode == 0 for agent in agents))
    finally:
        _stop(agents)
        if keep:
            print(f"Kept: {scratch}", file=sys.stderr)
        else:
            shutil.rmtree(scratch, ignore_errors=True)


def _lay_out(work_folder: str) -> None:
    """The files that the agents find."""
    for path, content in {
        "drafts/old.md": "An old draft.\n",
        "sources/main.txt": "The only copy.\n",
        "sources/library.txt": "Some more.\n",
    }.items():
        target = os.path.join(work_folder, path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "w", encoding="utf-8") as file:
            file.write(content)


def _start(name: str, work_folder: str, store: str, automatic: bool) -> subprocess.Popen[bytes]:
    # Neither the configuration nor the policy of whoever tries it out has a say in what the demo shows.
    environment = {name: value for name, value in os.environ.items() if name != POLICY_VARIABLE}
    return subprocess.Popen(
        [sys.executable, "-m", "approval_tui.cli.demo.agents", name, work_folder, store, _SHORT_TIMEOUT[automatic]],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=None if automatic else subprocess.DEVNULL,
        env={**environment, CONFIG_VARIABLE: os.devnull},
        start_new_session=True,
    )


def _review_in_console(store: str) -> int:
    from approval_tui.console import run_console
    from approval_tui.settings.configuration import load_settings
    from approval_tui.settings.identity import default_reviewer, reviewer

    settings = load_settings()
    return run_console(settings, store, reviewer(default_reviewer(settings), via="console"))


def _end(number: int, _frame: object) -> NoReturn:
    raise SystemExit(128 + number)


def _stop(agents: list[subprocess.Popen[bytes]]) -> None:
    """Interrupts the agents that still run, so that they withdraw their requests, and then ends them."""
    for agent in agents:
        if agent.poll() is None:
            agent.send_signal(signal.SIGINT)
    for agent in agents:
        try:
            agent.wait(_LAST_WORDS)
        except subprocess.TimeoutExpired:
            agent.kill()
            agent.wait()


def _report(work_folder: str, store: str, automatic: bool, agents_are_well: bool) -> int:
    with open_store_blocking(store) as opened:
        lines = check_effects(opened.reviewer, work_folder)
        verification = opened.reviewer.verify()
        head = verification.head
    for row in table(lines):
        print(row)
    differing = sum(1 for line in lines if not line.agrees)
    print()
    print(f"{len(lines)} requests, {differing or 'none'} of them with another effect than was decided.")
    if verification.is_sound and head is not None:
        print(f"Audit log: {verification.events} events, sound, head {head.hash} at {format_timestamp(head.at)}.")
    for problem in verification.problems:
        print(f"Audit log: {problem.what} (event {problem.seq}, request {problem.request_id}).")
    if automatic and not agents_are_well:
        print("An agent did not come to its end.", file=sys.stderr)
    is_well = not differing and verification.is_sound and (agents_are_well or not automatic)
    return 0 if is_well else 1
