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


class SlowStore:
    """A store that is being told of a policy while the program forks."""

    def __init__(self) -> None:
        self.is_being_told = threading.Event()
        self.is_forking = threading.Event()
        self.has_been_told = False

    def note(self, said: PolicyNote) -> None:
        self.is_being_told.set()
        assert self.is_forking.wait(LONG)
        for _ in range(10_000):
            os.sched_yield()  # a fork that does not wait for this comes in between
        self.has_been_told = True


def main(path: str, holding: str) -> None:
    """Forks while the store is told of the policy; with `held`, while another thread is at the source as well."""
    policy = PolicyFile(path, ALLOW_ALL)
    store = SlowStore()
    source = PolicySource(path, store.note)
    answers: dict[str, object] = {"parent at first": verdict(source)}
    assert store.is_being_told.wait(LONG)
    reading, writing = os.pipe()
    if holding == "held":
        source._lock.acquire()
    store.is_forking.set()
    child = os.fork()
    if child == 0:
        signal.alarm(round(LONG))  # a child that hangs must end
        try:
            os.write(writing, json.dumps(store.has_been_told).encode() + b"\n")
            watching(source, writing)
        finally:
            os._exit(0)
    if holding == "held":
        source._lock.release()
    os.close(writing)
    with open(reading, encoding="utf-8") as pipe:
        for name in ("told before the fork", "child at first"):
            answers[name] = json.loads(pipe.readline() or "null")
        policy.write(DENY_ALL)
        answers["child at last"] = json.loads(pipe.readline() or "null")
    os.waitpid(child, 0)
    until(lambda: verdict(source) == "deny")
    answers["parent at last"] = verdict(source)
    source.close()
    print(json.dumps(answers))


if __name__ == "__main__":
    main(*sys.argv[1:])
