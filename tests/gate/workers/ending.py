"""A program that ends, in one way or another, without closing its gates."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import Callable

from approval_tui import Gate, StoreUnavailable
from approval_tui.store import open_store_blocking
from tests.gate.policies import PolicyFile, gate_of

KEPT: list[Gate] = []
"""As a module's globals keep a gate until the very end."""


def call(gate: Gate) -> None:
    with gate.guard("free", {}) as guarded:
        guarded.arguments["used"] = True


async def call_async(gate: Gate) -> None:
    async with gate.guard("free", {}):
        await asyncio.sleep(0)


def after_a_moment(store: str, policy: PolicyFile) -> None:
    KEPT.append(gate_of(store, policy))
    call(KEPT[0])


def after_its_policy_was_said(store: str, policy: PolicyFile) -> None:
    after_a_moment(store, policy)
    with open_store_blocking(store) as desk:
        while not desk.reviewer.policy_standings():
            pass


def after_an_event_loop(store: str, policy: PolicyFile) -> None:
    KEPT.append(gate_of(store, policy))
    asyncio.run(call_async(KEPT[0]), debug=False)  # which would complain of a slow machine


def after_forgetting(store: str, policy: PolicyFile) -> None:
    for _ in range(3):
        call(gate_of(store, policy))
        gc.collect()


def inside_a_block(store: str, policy: PolicyFile) -> None:
    KEPT.extend(gate_of(store, policy) for _ in range(3))
    for gate in KEPT:
        call(gate)
    with KEPT[0].guard("free", {}):
        sys.exit(0)


def after_asking(store: str, policy: PolicyFile) -> None:
    KEPT.append(gate_of(store, policy))
    KEPT[0].submit_blocking("free", {})


def in_a_forked_child(store: str, policy: PolicyFile) -> None:
    KEPT.append(gate_of(store, policy))
    KEPT[0].engine_in_force()
    child = os.fork()
    call(KEPT[0])
    if child:
        _, status = os.waitpid(child, 0)
        sys.exit(os.waitstatus_to_exitcode(status))


def in_a_forked_child_of_a_gate_in_use(store: str, policy: PolicyFile) -> None:
    """Where the store's connection is the parent's; the child closes the gate and uses it anew."""
    after_a_moment(store, policy)
    child = os.fork()
    if child == 0:
        try:
            call(KEPT[0])
        except StoreUnavailable:
            KEPT[0].close()
        call(KEPT[0])
        return
    call(KEPT[0])
    _, status = os.waitpid(child, 0)
    sys.exit(os.waitstatus_to_exitcode(status))


WAYS: dict[str, Callable[[str, PolicyFile], None]] = {
    way.__name__: way
    for way in (
        after_a_moment,
        after_its_policy_was_said,
        after_an_event_loop,
        after_forgetting,
        inside_a_block,
        after_asking,
        in_a_forked_child,
        in_a_forked_child_of_a_gate_in_use,
    )
}


if __name__ == "__main__":
    name, place, file = sys.argv[1:]
    WAYS[name](place, PolicyFile(file))
