"""What the store really executes for one create, decide and consume, and the same again in bare sqlite3."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, cast

from approval_tui.domain import chain
from approval_tui.domain.calls import Call
from approval_tui.domain.canonical import exact_json, record_json, stored_json, tagged_hash
from approval_tui.domain.identity import digest_of, fingerprint_of
from approval_tui.store import open_store_blocking
from approval_tui.store.drivers.sqlite import _PRAGMAS
from approval_tui.store.statements import STATEMENTS
from tests.benchmarks.samples import REVIEWER, sample_call
from tests.support import sqlite_engine

Statement = tuple[str, Mapping[str, Any], bool]
"""SQL, parameters, and whether it gives rows."""


@dataclass(frozen=True)
class Recorded:
    """One transaction: its statements from BEGIN to COMMIT, and the hashing that its values came from."""

    statements: tuple[Statement, ...]
    compute: Callable[[], object]


@dataclass(frozen=True)
class Cycle:
    """One call with the three transactions of its life."""

    call: Call
    create: Recorded
    decide: Recorded
    consume: Recorded


@dataclass(frozen=True)
class Recording:
    """Cycles in order, as a fresh store executed them, and the hash of the last event they led to."""

    cycles: tuple[Cycle, ...]
    head: str


class _RecordingConnection:
    """Stands before a connection and notes what is executed."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.statements: list[Statement] = []

    def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
        self.statements.append((sql, dict(parameters), sql.lstrip().upper().startswith("SELECT")))
        return self._connection.execute(sql, parameters)

    def cursor(self) -> _RecordingConnection:
        return self

    def take(self) -> tuple[Statement, ...]:
        taken, self.statements = tuple(self.statements), []
        return taken

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def record(path: str, count: int) -> Recording:
    """Runs that many cycles on a fresh store and keeps every statement with its values.

    Raises RuntimeError if the store executes statements past the recorder, or if what `compute` does is not
    what the store computed: then the baseline would not be the same work.
    """
    cycles = []
    traced: list[str] = []
    with open_store_blocking(path) as store:
        engine = sqlite_engine(store)
        real = engine.connection
        recorder = _RecordingConnection(real)
        engine.connection = cast(sqlite3.Connection, recorder)
        previous = chain.GENESIS
        for number in range(count):
            if number == 0:
                real.set_trace_callback(traced.append)
            call = sample_call(number)
            request = store.requester.submit(call).request
            create = recorder.take()
            store.reviewer.decide(request.id, "approve", reviewer=REVIEWER, digest=request.digest)
            decide = recorder.take()
            store.requester.consume(request.id, request.fingerprint, requester=call.requester)
            consume = recorder.take()
            if number == 0:
                real.set_trace_callback(None)
                seen = len(create) + len(decide) + len(consume)
                executed = sum(1 for _ in groupby(traced))  # a statement with a trigger is traced twice over
                if seen != executed:
                    raise RuntimeError(f"{executed} statements were executed and {seen} recorded")
            parts = []
            for statements, maker in ((create, _create_work), (decide, _decide_work), (consume, _consume_work)):
                compute, previous = maker(call, request.id, statements, previous)
                parts.append(Recorded(statements, compute))
            cycles.append(Cycle(call, *parts))
        engine.connection = real
    return Recording(tuple(cycles), previous)


def bare_connection(path: str) -> sqlite3.Connection:
    """A plain connection to a fresh file with the store's schema and pragmas."""
    open_store_blocking(path).close()
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
    for pragma in _PRAGMAS:
        connection.execute(pragma)
    return connection


def replay(connection: sqlite3.Connection, recorded: Recorded) -> None:
    """The recorded statements, with the recorded values."""
    execute = connection.execute
    for sql, parameters, gives_rows in recorded.statements:
        cursor = execute(sql, parameters)
        if gives_rows:
            cursor.fetchall()


def compute_and_replay(connection: sqlite3.Connection, recorded: Recorded) -> None:
    """The hashes and canonical JSON that the values came from, then the same."""
    recorded.compute()
    replay(connection, recorded)


def check_head(connection: sqlite3.Connection, recording: Recording) -> None:
    """Raises RuntimeError unless the replay left the very log that the store wrote."""
    row = connection.execute("SELECT hash FROM events ORDER BY seq DESC LIMIT 1").fetchone()
    if row is None or row[0] != recording.head:
        raise RuntimeError("the replay did not do what the store did")


def _create_work(
    call: Call, request_id: str, statements: Sequence[Statement], previous: str
) -> tuple[Callable[[], object], str]:
    link, head = _link_work(statements, previous)
    arguments, context = dict(call.arguments), dict(call.context)
    requirements = call.requirements.to_json()

    def compute() -> object:
        fingerprint = fingerprint_of(call.requester, call.server, call.tool, context, arguments, call.rule_hash)
        exact_json(arguments)
        exact_json(context)
        exact_json(requirements)
        digest = digest_of(request_id, call.session, fingerprint, call.reason, call.risk)
        link()
        return fingerprint, digest

    inserted = _parameters_of(statements, "insert_request")
    _must_be_equal(compute(), (inserted["fingerprint"], inserted["digest"]))
    return compute, head


def _decide_work(
    call: Call, request_id: str, statements: Sequence[Statement], previous: str
) -> tuple[Callable[[], object], str]:
    link, head = _link_work(statements, previous)
    stored = _parameters_of(statements, "approve")["decisions"]
    decisions = json.loads(stored)

    def compute() -> object:
        link()
        return record_json(decisions)

    _must_be_equal(compute(), stored)
    return compute, head


def _consume_work(
    call: Call, request_id: str, statements: Sequence[Statement], previous: str
) -> tuple[Callable[[], object], str]:
    link, head = _link_work(statements, previous)
    arguments, context = exact_json(dict(call.arguments)), exact_json(dict(call.context))
    secret = f"clm_{'0' * 32}".encode()

    def compute() -> object:
        fingerprint = fingerprint_of(
            call.requester, call.server, call.tool, stored_json(context), stored_json(arguments), call.rule_hash
        )
        digest = digest_of(request_id, call.session, fingerprint, call.reason, call.risk)
        tagged_hash(secret)
        link()
        return digest

    _must_be_equal(compute(), _parameters_of(statements, "consume")["digest"])
    return compute, head


def _link_work(statements: Sequence[Statement], previous: str) -> tuple[Callable[[], str], str]:
    """The making of the transaction's event: its canonical body and its link to the one before."""
    event = _parameters_of(statements, "append_event")
    seq, at, name, request_id = event["seq"], event["at"], event["name"], event["request_id"]
    body = json.loads(event["body"])
    changes, details = body["changes"], body["details"]

    def link() -> str:
        return chain.link(seq, previous, chain.event_body(name, request_id, at, changes, details))

    _must_be_equal(link(), event["hash"])
    return link, event["hash"]


def _parameters_of(statements: Sequence[Statement], name: str) -> Mapping[str, Any]:
    for sql, parameters, _ in statements:
        if sql == STATEMENTS[name]:
            return parameters
    raise RuntimeError(f"the store executed no statement {name}")


def _must_be_equal(computed: object, stored: object) -> None:
    if computed != stored:
        raise RuntimeError(f"the baseline computes {computed!r} and the store stored {stored!r}")
