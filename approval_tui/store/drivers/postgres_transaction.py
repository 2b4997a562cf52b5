"""One transaction of PostgreSQL, in as few trips to the server as can be."""

from __future__ import annotations

from hashlib import sha256

from psycopg import Connection

from approval_tui.domain.clock import Clock
from approval_tui.domain.ids import IdFactory
from approval_tui.store.drivers.postgres_texts import STATEMENTS, Row
from approval_tui.store.linking import body_after_time
from approval_tui.store.transaction import NewEvent, Parameters

NOW = "floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now"
"""The moment at the database, in ms UTC."""

_BEGIN_READ = b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_BEGIN_WRITE = b"BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
_LOOK_AROUND = f"SELECT {NOW}".encode()
_LOOK_AROUND_TO_WRITE = f"SELECT {NOW}, pg_current_xact_id()::text AS number".encode()
_LOCK = f"SELECT pg_advisory_xact_lock(%s) AS locked, {NOW}".encode()


class PostgresTransaction:
    """One open transaction; see `store.transaction.Transaction`."""

    __slots__ = (
        "_connection", "_has_clock", "_later", "_schema", "_writes", "may_decide", "new_events", "new_id", "now",
        "number", "touched",
    )  # fmt: skip

    def __init__(
        self, connection: Connection[Row], new_id: IdFactory, schema: int, *, may_decide: bool, writes: bool
    ) -> None:
        self.now = 0
        self.number = ""
        self.touched: set[str] = set()
        self.new_events: list[NewEvent] = []
        self.new_id = new_id
        self.may_decide = may_decide
        self._connection = connection
        self._schema = schema
        self._writes = writes
        self._has_clock = False
        self._later: list[tuple[bytes, Parameters]] = []

    def begin(self, clock: Clock | None) -> int:
        """Begins, in one trip to the server; gives the time there, which is that of the transaction without a clock."""
        with self._connection.pipeline():
            self._connection.execute(_BEGIN_WRITE if self._writes else _BEGIN_READ)
            around = self._connection.execute(_LOOK_AROUND_TO_WRITE if self._writes else _LOOK_AROUND)
        row = around.fetchone()
        assert row is not None
        there: int = row["now"]
        self._has_clock = clock is not None
        self.now = there if clock is None else clock()
        self.number = row["number"] if self._writes else ""
        return there

    def rows(self, statement: str, parameters: Parameters) -> list[Row]:
        self._flush()
        return self._connection.execute(STATEMENTS[statement], parameters).fetchall()

    def execute(self, statement: str, parameters: Parameters) -> int:
        self._flush()
        if statement == "bump_version":
            row = self._connection.execute(STATEMENTS[statement], parameters).fetchone()
            assert row is not None
            self._note_time(row["now"])
            return int(row["count"])
        return self._connection.execute(STATEMENTS[statement], parameters).rowcount

    def add(self, statement: str, parameters: Parameters) -> None:
        """Keeps the statement for the next trip to the server."""
        self._later.append((STATEMENTS[statement], parameters))

    def serialize(self, key: str) -> None:
        """Holds a lock on the key's hash until the end; who only reads needs none."""
        if self._writes:
            self._flush()
            number = sha256(f"{self._schema}:{key}".encode()).digest()[:8]
            locked = self._connection.execute(_LOCK, [int.from_bytes(number, "big", signed=True)]).fetchone()
            assert locked is not None
            self._note_time(locked["now"])

    def commit(self, channels: list[str]) -> None:
        """Sends what was kept, wakes those who listen, links the events and commits, in one trip to the server.

        The end of the log is held from the first event to the commit, and nothing crosses the wire meanwhile.
        """
        events = [
            {"request_id": new.request_id, "name": new.name, "at": self.now, "body": body_after_time(new)}
            for new in self.new_events
        ]
        with self._connection.pipeline():
            self._send_kept()
            if channels:
                self._connection.execute(
                    b"SELECT pg_notify(channel, '') FROM unnest(%s::text[]) AS channel", [channels]
                )
            for event in events:
                self._connection.execute(STATEMENTS["append_event_at_end"], event)
            self._connection.execute(b"COMMIT")

    def _note_time(self, there: int) -> None:
        """What may have had to wait is judged by the time after the wait."""
        if not self._has_clock:
            self.now = max(self.now, there)

    def _flush(self) -> None:
        if self._later:
            with self._connection.pipeline():
                self._send_kept()

    def _send_kept(self) -> None:
        later, self._later = self._later, []
        for text, parameters in later:
            self._connection.execute(text, parameters)
