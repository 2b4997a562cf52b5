"""An agent in a process of its own that pays, says so, and then stays inside the block until it is killed."""

from __future__ import annotations

import sys

from tests.gate.policies import PolicyFile, gate_of


def main(store: str, policy: str, amount: str) -> None:
    """Pays so much behind a gate that goes by the policy."""
    with (
        gate_of(store, PolicyFile(policy), claim_lifetime="50ms") as gate,
        gate.guard("pay", {"amount": int(amount)}) as call,
    ):
        print("running", call.arguments["amount"], flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
