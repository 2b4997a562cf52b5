"""Stores with many requests, written in bulk: copies of one request that the store itself wrote.

Each copy has an id, a tool and hashes of its own, so that the console finds nothing wrong with it; the links
between the copied events are not worked out, because only `verify` follows them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from approval_tui.domain.calls import Call
from approval_tui.domain.clock import DAY
from approval_tui.domain.identity import digest_of, fingerprint_of
from approval_tui.domain.limits import DEFAULT_TIMEOUT
from approval_tui.domain.models import Request
from approval_tui.store import open_store_blocking
from tests.benchmarks.samples import REVIEWER

_BATCH = 20_000

Row = dict[str, Any]


def token(number: int) -> str:
    """The name of the tool of the call with that number: what is looked for on the screen."""
    return f"Q{number:06d}"


def listed_call(number: int, *, timeout: int = DEFAULT_TIMEOUT) -> Call:
    """A call that fits on any screen, told from all others by its tool; `timeout` in ms."""
    return Call(
        tool=token(number),
        arguments={"command": f"make deploy TARGET=web-{number:06d}", "retries": 3},
        requester="release-bot",
        session="run-1",
        context={"directory": "/srv/web"},
        reason="The release is due.",
        risk="medium",
        timeout=timeout,
    )


def fill(path: str, count: int, *, decided: bool = False) -> None:
    """Makes a store with that many requests, pending for a day or all denied; the last has the highest number."""
    with open_store_blocking(path) as store:
        last = store.requester.submit(listed_call(count - 1, timeout=DAY)).request
        if decided:
            store.reviewer.decide(last.id, "deny", reviewer=REVIEWER, digest=last.digest)
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -262144")
        row = dict(connection.execute("SELECT * FROM requests").fetchone())
        events = [dict(each) for each in connection.execute("SELECT * FROM events ORDER BY seq")]
        indices = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        ).fetchall()
        for index in indices:  # made anew in one go, which is quicker than row by row
            connection.execute(f"DROP INDEX {index['name']}")
        for start in range(0, count - 1, _BATCH):
            copies = list(_copies(last, row, range(start, min(start + _BATCH, count - 1)), count))
            connection.execute("BEGIN IMMEDIATE")
            _insert(connection, "requests", copies)
            first_seq = (start + 1) * len(events) + 1
            _insert(connection, "events", list(_events(events, row, copies, first_seq)))
            connection.execute("COMMIT")
        for index in indices:
            connection.execute(index["sql"])
        connection.execute("ANALYZE")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()


def _copies(last: Request, row: Row, numbers: range, count: int) -> Iterator[Row]:
    """The rows with these numbers, each a millisecond older than the next."""
    call = listed_call(count - 1)
    if digest_of(last.id, last.session, _fingerprint(call), last.reason, last.risk) != last.digest:
        raise RuntimeError("the copies would not have the digests that the store gives")
    own, milliseconds = f"{count - 1:06d}", int(last.id[4:16], 16)
    for number in numbers:
        call = listed_call(number)
        younger_by = count - 1 - number
        request_id = f"apr_{milliseconds - younger_by:012x}{last.id[16:]}"
        fingerprint = _fingerprint(call)
        digest = digest_of(request_id, call.session, fingerprint, call.reason, call.risk)
        yield {
            **row,
            "id": request_id,
            "tool": call.tool,
            "arguments": row["arguments"].replace(own, f"{number:06d}"),
            "fingerprint": fingerprint,
            "digest": digest,
            "decisions": row["decisions"].replace(row["digest"], digest),
            "created_at": row["created_at"] - younger_by,
        }


def _fingerprint(call: Call) -> str:
    context, arguments = dict(call.context), dict(call.arguments)
    return fingerprint_of(call.requester, call.server, call.tool, context, arguments, call.rule_hash, is_checked=True)


def _events(events: list[Row], row: Row, copies: list[Row], seq: int) -> Iterator[Row]:
    """Every copy's events, as the store wrote them for the first."""
    for copy in copies:
        for event in events:
            body = event["body"].replace(row["tool"][1:], copy["tool"][1:])
            for column in ("id", "fingerprint", "digest"):
                body = body.replace(row[column], copy[column])
            yield {**event, "seq": seq, "request_id": copy["id"], "body": body}
            seq += 1


def _insert(connection: sqlite3.Connection, table: str, rows: list[Row]) -> None:
    columns = list(rows[0])
    places = ", ".join("?" * len(columns))
    statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})"
    connection.executemany(statement, (tuple(row.values()) for row in rows))
