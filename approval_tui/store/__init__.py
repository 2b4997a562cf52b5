"""The store: where requests, decisions and the audit log live. The only room that speaks SQL."""

from __future__ import annotations

from collections.abc import Generator
from types import TracebackType
from typing import TYPE_CHECKING, Any

from approval_tui.domain.clock import Clock
from approval_tui.domain.database_urls import is_database_url, shown_location
from approval_tui.domain.ids import IdFactory, new_request_id
from approval_tui.store.locations import folder_beside, resolved_location
from approval_tui.store.opening import Opening

if TYPE_CHECKING:
    from approval_tui.store.asynchronous import AsyncStore
    from approval_tui.store.blocking import BlockingStore

PATIENCE = 5.0
"""Seconds for which a server that went away is tried again: its restart takes less."""


def open_store(
    location: str | None = None,
    *,
    create: bool = True,
    readonly: bool = False,
    clock: Clock | None = None,
    new_id: IdFactory = new_request_id,
    patience: float = PATIENCE,
) -> OpeningStore:
    """The async store, for `async with open_store() as store:` or `store = await open_store()`.

    `location` is a path or URL; without one, APPROVAL_TUI_STORE, the configuration and the platform's data
    folder are asked in this order. Without `create` a store that is not there is not made; with `readonly`
    nothing is ever written, and every write raises StoreReadOnly. Without a `clock`, that of the machine counts, or
    of the database. `patience` says for how many s a server that went away is tried again before StoreAway is raised.
    Raises StoreUnavailable (StoreMissing where there is none and none is made), or ConfigurationError.
    """
    return OpeningStore(Opening(resolved_location(location), create, readonly, clock, new_id, patience))


def open_store_blocking(
    location: str | None = None,
    *,
    create: bool = True,
    readonly: bool = False,
    clock: Clock | None = None,
    new_id: IdFactory = new_request_id,
    patience: float = PATIENCE,
) -> BlockingStore:
    """The same store without asyncio; a context manager."""
    from approval_tui.store.blocking import BlockingStore

    return BlockingStore(Opening(resolved_location(location), create, readonly, clock, new_id, patience).engine())


class OpeningStore:
    """A store that is about to be opened: await it, or enter it."""

    def __init__(self, opening: Opening) -> None:
        self._opening = opening
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

        return AsyncStore(await self._opening.async_engine())


__all__ = [
    "OpeningStore",
    "folder_beside",
    "is_database_url",
    "open_store",
    "open_store_blocking",
    "resolved_location",
    "shown_location",
]
