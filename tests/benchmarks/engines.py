"""How many requests a second one file and one PostgreSQL carry, with 1 to 64 agents that ask without a pause.

A request's life is four transactions that each reach the disk: it is asked, approved, consumed, and its outcome
reported. Here each agent's process also decides, so that nothing but the store is measured.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from functools import partial
from multiprocessing.connection import Connection
from time import monotonic_ns

from approval_tui.domain.lifecycle import APPROVE, SUCCEEDED
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from tests.benchmarks.children import ask, children
from tests.benchmarks.measuring import Counts, Figure, Samples, compare, percentile, pooled, turn_about
from tests.benchmarks.samples import REVIEWER, sample_call
from tests.postgres.programs import Unavailable, programs
from tests.postgres.servers import RunOwner

_FILE, _DATABASE = "file", "database"
_BASELINE = "one SQLite file, the same agents"
_MS = 1_000_000.0


def measure(counts: Counts, folder: str) -> list[Figure]:
    """One figure for each number of agents: requests a second on PostgreSQL against those on a file."""
    try:
        programs()
    except Unavailable as why:
        return [Figure(_name(agents), "requests/s", _BASELINE, problem=str(why)) for agents in counts.agents]
    with _durable_database() as url:
        places = {_FILE: os.path.join(folder, "file.db"), _DATABASE: url}
        for place in places.values():
            open_store_blocking(place).close()
        return [_figure(agents, counts, places) for agents in counts.agents]


def _name(agents: int) -> str:
    return f"requests a second, {agents} agent{'' if agents == 1 else 's'}, PostgreSQL"


def _figure(agents: int, counts: Counts, places: dict[str, str]) -> Figure:
    lives = max(1, counts.lives // agents)

    def carry(kind: str, pipes: list[Connection]) -> Samples:
        answers = ask(pipes, kind)
        took = (max(each["end"] for each in answers) - min(each["start"] for each in answers)) / 1e9
        return {"rate": [lives * agents / took], "life": [life for each in answers for life in each["lives"]]}

    with children(agents, _work, places, lives) as pipes:
        ask(pipes, "open")
        results = turn_about({kind: partial(carry, kind, pipes) for kind in places}, counts.carried)
    notes = tuple(
        f"{label}: {percentile(rates, 50):,.0f} requests/s; a life takes p50 {percentile(waits, 50):.1f} ms, "
        f"p99 {percentile(waits, 99):.0f} ms"
        for kind, label in ((_DATABASE, "PostgreSQL"), (_FILE, "one file"))
        for rates, waits in [(pooled(results[kind], "rate"), pooled(results[kind], "life"))]
    )
    return compare(
        _name(agents), "requests/s", results[_DATABASE], _BASELINE, results[_FILE], measure="rate", notes=notes
    )


@contextlib.contextmanager
def _durable_database() -> Iterator[str]:
    """A schema on a server of its own, over a socket, that writes to the disk what it commits, as it is installed."""
    from psycopg.sql import SQL

    owner = RunOwner()
    try:
        with owner.run.own() as server:
            for setting in ("fsync", "full_page_writes"):
                server.administer(SQL(f"ALTER SYSTEM SET {setting} = on").format())
            server.restart()
            yield server.url(server.new_schema())
    finally:
        owner.end()


def _work(pipe: Connection, number: int, places: dict[str, str], lives: int) -> None:
    """One agent: for each question, as many lives as it was told, without a pause."""
    with contextlib.ExitStack() as stack:
        stores = {kind: stack.enter_context(open_store_blocking(place)) for kind, place in places.items()}
        lived = 0
        while True:
            kind = pipe.recv()
            if kind == "open":
                pipe.send("open")
                continue
            pipe.send(_live(stores[kind], f"build-bot-{number}", lived, lives))
            lived += lives


def _live(store: BlockingStore, requester: str, lived: int, lives: int) -> dict[str, object]:
    took = []
    first = start = monotonic_ns()
    for number in range(lived, lived + lives):
        request = store.requester.submit(sample_call(number, requester)).request
        store.reviewer.decide(request.id, APPROVE, reviewer=REVIEWER, digest=request.digest)
        claim = store.requester.consume(request.id, request.fingerprint, requester=requester)
        store.requester.report_outcome(request.id, claim.id, SUCCEEDED)
        end = monotonic_ns()
        took.append((end - start) / _MS)
        start = end
    return {"lives": took, "start": first, "end": start}
