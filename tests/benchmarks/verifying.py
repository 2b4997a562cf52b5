"""Checking the audit log and every row against it, and the same chain with nothing but hashlib."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import statistics
from time import perf_counter

from approval_tui.domain.canonical import HASH_TAG
from approval_tui.domain.chain import CHAIN_TAG, GENESIS
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from tests.benchmarks.measuring import Counts, Figure, Samples, compare, pooled, undisturbed
from tests.benchmarks.samples import REVIEWER, sample_call


def measure(counts: Counts, folder: str) -> list[Figure]:
    """One figure: the time of `verify` for each event."""
    path = os.path.join(folder, "store.db")
    with open_store_blocking(path) as store:
        for number in range(counts.requests):
            call = sample_call(number)
            request = store.requester.submit(call).request
            store.reviewer.decide(request.id, "approve", reviewer=REVIEWER, digest=request.digest)
            store.requester.consume(request.id, request.fingerprint, requester=call.requester)
        contenders = {"verify": lambda: _verify(store), "chain": lambda: _follow_chain(path)}
        rounds = undisturbed(contenders, counts.verifications)
    results = rounds.samples
    rate = 1e6 / statistics.median(pooled(results["verify"], "event"))
    figure = compare(
        "verify, each event",
        "us",
        results["verify"],
        "the chain alone, hashlib",
        results["chain"],
        measure="event",
        notes=(f"{rate:,.0f} events/s, rows and digests included", f"{3 * counts.requests:,} events"),
        disturbed=rounds.disturbed,
    )
    return [figure]


def _verify(store: BlockingStore) -> Samples:
    start = perf_counter()
    verification = store.reviewer.verify()
    took = perf_counter() - start
    assert verification.is_sound
    return {"event": [1e6 * took / verification.events]}


def _follow_chain(path: str) -> Samples:
    start = perf_counter()
    connection = sqlite3.connect(path)
    previous, count = GENESIS, 0
    for seq, body, stored in connection.execute("SELECT seq, body, hash FROM events ORDER BY seq"):
        body_hash = hashlib.sha256(body.encode()).hexdigest()
        link = f"{CHAIN_TAG}\n{seq}\n{previous}\n{HASH_TAG}{body_hash}".encode()
        previous = HASH_TAG + hashlib.sha256(link).hexdigest()
        assert previous == stored
        count += 1
    connection.close()
    return {"event": [1e6 * (perf_counter() - start) / count]}
