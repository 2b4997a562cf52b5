"""Agents in processes of their own that race behind one policy; prints what became of each call, as JSON."""

from __future__ import annotations

import json
import sys
from typing import Any

import watchfiles

from approval_tui import ApprovalPending
from approval_tui.domain.errors import PolicyDenied
from approval_tui.gate.policy_source import PolicySource
from approval_tui.policy import regexes
from tests.gate.policies import PolicyFile, gate_of
from tests.store.workers.family import Body, Start, run_together

LOADED = (watchfiles, PolicySource, regexes)
"""Loaded before the processes are forked, which is cheaper than to load them in each."""


def agent(store: str, policy: PolicyFile, amounts: list[int], not_running: int) -> Body:
    """Pays these amounts, the first `not_running` of which do not run after all."""

    def body(start: Start) -> list[str]:
        ended = []
        with gate_of(store, policy) as gate:
            gate._stores.open_blocking()
            gate.engine_in_force()
            start()
            for number, amount in enumerate(amounts):
                try:
                    with gate.guard("pay", {"amount": amount}, wait=False) as call:
                        if number < not_running:
                            call.did_not_run()
                        ended.append("did not run" if number < not_running else "ran")
                except (PolicyDenied, ApprovalPending) as error:
                    ended.append(type(error).__name__)
        return ended

    return body


def pay_once(store: str, policy: str, processes: int, amount: int) -> list[str]:
    """Each process pays once."""
    answers = run_together([agent(store, PolicyFile(policy), [amount], 0)] * processes)
    return [ended for (ended,) in answers]


def pay_after_not_running(store: str, policy: str, processes: int, amount: int) -> list[str]:
    """Every other process has a call that does not run before the one that it pays."""
    odd = agent(store, PolicyFile(policy), [amount, amount], 1)
    even = agent(store, PolicyFile(policy), [amount], 0)
    answers = run_together([odd if number % 2 else even for number in range(processes)])
    return [ended[-1] for ended in answers]


WORK: dict[str, Any] = {work.__name__: work for work in (pay_once, pay_after_not_running)}


if __name__ == "__main__":
    name, place, file, *numbers = sys.argv[1:]
    print(json.dumps(WORK[name](place, file, *map(int, numbers))))
