"""A policy's source where the system gives no more watches, then no more files; prints what it said of a call."""

from __future__ import annotations

import contextlib
import logging
import os
import resource
import sys

import watchfiles

from approval_tui.domain.policy_notes import PolicyNote
from approval_tui.gate import policy_source
from approval_tui.gate.policy_source import PolicySource
from tests.gate.policies import ALLOW_ALL, ASK_ALL, DENY_ALL, PolicyFile
from tests.support import until

LOADED = (watchfiles,)
"""Loaded while files can still be opened."""


def take_all_files() -> list[int]:
    """Opens files until no more can be opened."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, most))
    held = []
    with contextlib.suppress(OSError):
        while True:
            held.append(os.open(os.devnull, os.O_RDONLY))
    return held


def main(path: str) -> None:
    """One file that can be opened does for a policy and not for a watch; without one, the policy cannot be read."""
    policy_source._READ_AGAIN = 0.1
    logging.getLogger("approval_tui.gate").disabled = True
    policy, later, last = (PolicyFile(f"{path}{end}") for end in ("", ".later", ".last"))
    policy.write(ALLOW_ALL)
    later.write(DENY_ALL)  # written now, because writing takes a file
    last.write(ASK_ALL)
    notes: list[PolicyNote] = []
    source = PolicySource(path, notes.append)

    def verdict() -> str:
        return source.engine().evaluate("pay", {}).verdict

    held = take_all_files()
    os.close(held.pop())
    found = [verdict()]
    os.replace(later.path, path)
    until(lambda: verdict() != found[-1])
    found.append(verdict())
    held.append(take_one_file())
    os.replace(last.path, path)
    until(lambda: notes[-1].problems)
    found.append(verdict())
    os.close(held.pop())
    until(lambda: verdict() != found[-1])
    found.append(verdict())
    source.close()
    print(*found, notes[-1].problems)


def take_one_file() -> int:
    """Takes the one file that is left, as soon as the watcher does not have it."""
    taken: list[int] = []

    def take() -> bool:
        with contextlib.suppress(OSError):
            taken.append(os.open(os.devnull, os.O_RDONLY))
        return bool(taken)

    until(take)
    return taken[0]


if __name__ == "__main__":
    main(*sys.argv[1:])
