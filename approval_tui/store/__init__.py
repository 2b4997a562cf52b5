"""The store: where requests, decisions and the audit log live. The only room that speaks SQL."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any

from approval_tui.domain.clock import Clock, system_clock
from approval_tui.domain.errors import StoreIncompatible, StoreUnavailable
from approval_tui.domain.http_names import is_server_url
from approval_tui.domain.ids import IdFactory, new_request_id
from approval_tui.settings.paths import STORE_VARIABLE

if TYPE_CHECKING:
    from approval_tui.store.asynchronous import AsyncStore
    from approval_tui.store.blocking import BlockingStore
    from approval_tui.store.drivers.sqlite import SqliteEngine


def open_store(
    location: str | None = None,
    *,
    create: bool = True,
    readonly: bool = False,
    clock: Clock = system_clock,
    new_id: IdFactory = new_request_id,
) -> OpeningStore:
    """The async store, for `async with open_store() as store:` or `store = await open_store()`.

    `location` is a path or URL; without one, APPROVAL_TUI_STORE, the configuration and the platform's data
    folder are asked in this order. Without `create` a store that is not there is not made; with `readonly`
    nothing is ever written, and every write raises StoreReadOnly. Raises StoreUnavailable (StoreMissing where
    there is none and none is made), or ConfigurationError.
    """
    return OpeningStore(store_path(location), partial(_engine, create, readonly, clock, new_id))


def open_store_blocking(
    location: str | None = None,
    *,
    create: bool = True,
    readonly: bool = False,
    clock: Clock = system_clock,
    new_id: IdFactory = new_request_id,
) -> BlockingStore:
    """The same store without asyncio; a context manager."""
    from approval_tui.store.blocking import BlockingStore

    return BlockingStore(_engine(create, readonly, clock, new_id, store_path(location)))


def _engine(create: bool, readonly: bool, clock: Clock, new_id: IdFactory, path: str) -> SqliteEngine:
    if readonly:
        from approval_tui.store.drivers.sqlite_readonly import ReadonlySqliteEngine

        return ReadonlySqliteEngine(path, clock=clock, new_id=new_id)
    from approval_tui.store.drivers.sqlite import SqliteEngine

    return SqliteEngine(path, clock=clock, new_id=new_id, create=create)


def store_path(location: str | None) -> str:
    """The absolute path of the store's file; raises StoreIncompatible for a URL of another engine."""
    chosen = location or os.environ.get(STORE_VARIABLE) or _configured_location()
    if chosen.startswith("sqlite://"):
        chosen = chosen.removeprefix("sqlite://")
    elif is_server_url(chosen):
        raise StoreIncompatible(
            f"{chosen} is a server, and this needs the store's file.",
            not_done="Nothing was opened and nothing may run.",
            to_do="Run it where the file is (--store), or decide over the server's reviewer API.",
        )
    elif "://" in chosen:
        raise StoreIncompatible(
            f"A store at {chosen.partition('://')[0]}:// is not known to this version.",
            not_done="Nothing was opened and nothing may run.",
            to_do="Give the path of a file, or a URL such as sqlite:///srv/approvals.db.",
        )
    if not chosen or chosen == ":memory:" or chosen.endswith(os.sep):
        raise StoreUnavailable(
            f"{chosen!r} is no file that two programs could share.",
            not_done="Nothing was opened and nothing may run.",
            to_do="Give the path of a file.",
        )
    return os.path.abspath(os.path.expanduser(chosen))


def _configured_location() -> str:
    from approval_tui.settings.configuration import load_settings, store_location  # only where nobody said a path

    return store_location(None, load_settings())


class OpeningStore:
    """A store that is about to be opened: await it, or enter it."""

    def __init__(self, path: str, make: Callable[[str], SqliteEngine]) -> None:
        self._path = path
        self._make = make
        self._store: AsyncStore | None = None

    def __await__(self) -> Generator[Any, None, AsyncStore]:
        return self._open().__await__()

    async def __aenter__(self) -> AsyncStore:
        self._store = await self._open()
        return self._store

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._store is not None:
            await self._store.close()

    async def _open(self) -> AsyncStore:
        from approval_tui.store.asynchronous import AsyncStore
        from approval_tui.store.drivers.sqlite_async import AsyncSqliteEngine

        return AsyncStore(await AsyncSqliteEngine.open(partial(self._make, self._path)))


__all__ = ["OpeningStore", "open_store", "open_store_blocking", "store_path"]
