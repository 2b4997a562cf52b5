"""Which engine opens a store; each is loaded only where it is used."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from approval_tui.domain.clock import Clock, system_clock
from approval_tui.domain.errors import StoreIncompatible
from approval_tui.domain.ids import IdFactory
from approval_tui.store.locations import is_database_url, shown_location

if TYPE_CHECKING:
    from approval_tui.store.drivers.postgres import PostgresEngine
    from approval_tui.store.drivers.sqlite import SqliteEngine
    from approval_tui.store.engine import AsyncEngine, Engine


class Opening(NamedTuple):
    """How a store is to be opened; see `open_store`."""

    location: str
    create: bool
    readonly: bool
    clock: Clock | None
    new_id: IdFactory
    patience: float

    def engine(self) -> Engine:
        """The engine of a store that works in place."""
        return self._postgres(is_pooled=False) if is_database_url(self.location) else self._sqlite()

    async def async_engine(self) -> AsyncEngine:
        """The engine of a store that works on threads."""
        if is_database_url(self.location):
            refuse_without_psycopg(self.location)
            from approval_tui.store.drivers.postgres_async import AsyncPostgresEngine

            return await AsyncPostgresEngine.open(partial(self._postgres, is_pooled=True))
        from approval_tui.store.drivers.sqlite_async import AsyncSqliteEngine

        return await AsyncSqliteEngine.open(self._sqlite)

    def _sqlite(self) -> SqliteEngine:
        clock = self.clock or system_clock
        if self.readonly:
            from approval_tui.store.drivers.sqlite_readonly import ReadonlySqliteEngine

            return ReadonlySqliteEngine(self.location, clock=clock, new_id=self.new_id)
        from approval_tui.store.drivers.sqlite import SqliteEngine

        return SqliteEngine(self.location, clock=clock, new_id=self.new_id, create=self.create)

    def _postgres(self, *, is_pooled: bool) -> PostgresEngine:
        refuse_without_psycopg(self.location)
        from approval_tui.store.drivers.postgres import PostgresEngine
        from approval_tui.store.drivers.postgres_connections import Connecting, OneConnection, PooledConnections

        connecting = Connecting(self.location)
        return PostgresEngine(
            connecting,
            PooledConnections(connecting) if is_pooled else OneConnection(connecting),
            clock=self.clock,
            new_id=self.new_id,
            create=self.create,
            readonly=self.readonly,
            patience=self.patience,
        )


def refuse_without_psycopg(location: str) -> None:
    """Raises StoreIncompatible where what connects to databases is not installed."""
    try:
        import psycopg  # noqa: F401 - looked for before anything is opened
        import psycopg_pool  # noqa: F401
    except ImportError as error:
        raise StoreIncompatible(
            f"The store {shown_location(location)} needs psycopg, which is not installed ({error}).",
            not_done="Nothing was opened and nothing may run.",
            to_do="Install it with `pip install 'approval-tui[postgres]'`.",
        ) from None
