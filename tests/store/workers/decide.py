"""Approves one request in a process of its own: path, id, digest, the moment in ms UTC."""

from __future__ import annotations

import sys

from approval_tui.store import open_store_blocking
from tests.support import ANN


def main(path: str, request_id: str, digest: str, now: str) -> None:
    with open_store_blocking(path, clock=lambda: int(now)) as store:
        store.reviewer.decide(request_id, "approve", reviewer=ANN, digest=digest)


if __name__ == "__main__":
    main(*sys.argv[1:])
