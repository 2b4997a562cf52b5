"""A policy's source in a process that forks; prints what parent and child said of the policy, as JSON."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading

from approval_tui.domain.policy_notes import PolicyNote
from approval_tui.gate.policy_source import PolicySource
from tests.gate.policies import ALLOW_ALL, DENY_ALL, PolicyFile
from tests.support import LONG, until


def verdict(source: PolicySource) -> str:
    """What the policy in force says of any call."""
    return source.engine().evaluate("pay", {}).verdict


def watching(source: PolicySource, told: int) -> None:
    """In the child: what is in force at first, what comes into force, and who watches."""
    at_first = verdict(source)
    os.write(told, json.dumps(at_first).encode() + b"\n")
    until(lambda: verdict(source) != at_first)
    threads = [thread.name for thread in threading.enumerate()]
    os.write(told, json.dumps([verdict(source), threads.count("policy-watch")]).encode() + b"\n")


def main(path: str, holding: str) -> None:
    """Forks after the policy was read; with `held`, while another thread is at the source."""
    policy = PolicyFile(path, ALLOW_ALL)
    notes: list[PolicyNote] = []
    source = PolicySource(path, notes.append)
    answers = {"parent at first": verdict(source)}
    until(lambda: notes)
    reading, writing = os.pipe()
    if holding == "held":
        source._lock.acquire()
    child = os.fork()
    if child == 0:
        signal.alarm(round(LONG))  # a child that hangs must end
        try:
            watching(source, writing)
        finally:
            os._exit(0)
    if holding == "held":
        source._lock.release()
    os.close(writing)
    with open(reading, encoding="utf-8") as pipe:
        answers["child at first"] = json.loads(pipe.readline() or "null")
        policy.write(DENY_ALL)
        answers["child at last"] = json.loads(pipe.readline() or "null")
    os.waitpid(child, 0)
    until(lambda: verdict(source) == "deny")
    answers["parent at last"] = verdict(source)
    source.close()
    print(json.dumps(answers))


if __name__ == "__main__":
    main(*sys.argv[1:])
