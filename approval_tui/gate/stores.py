"""Which store a gate asks in: a file, or a server at a URL. Each form of it is opened once, when it is first needed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from approval_tui.domain.errors import ConfigurationError, InvalidInput
from approval_tui.domain.http_names import is_server_url
from approval_tui.gate.steps import to_the_end
from approval_tui.settings.configuration import Settings, store_location
from approval_tui.store import open_store, open_store_blocking

if TYPE_CHECKING:
    from approval_tui.remote.asynchronous import RemoteRequester, RemoteStore
    from approval_tui.remote.blocking import BlockingRemoteRequester, BlockingRemoteStore
    from approval_tui.remote.connection import Connection
    from approval_tui.store.asynchronous import AsyncStore, RequesterStore
    from approval_tui.store.blocking import BlockingStore
    from approval_tui.store.blocking_requester import BlockingRequesterStore

    AnyStore = AsyncStore | RemoteStore
    AnyBlockingStore = BlockingStore | BlockingRemoteStore
    AnyRequester = RequesterStore | RemoteRequester
    AnyBlockingRequester = BlockingRequesterStore | BlockingRemoteRequester

_NOT_RUN = "No call may run."


class GateStores:
    """The store at `location`, or where the settings and APPROVAL_TUI_STORE say; `token` is for a server's.

    `said` names what the gate was told that only a server says to those who ask it.
    """

    def __init__(
        self, location: str | None, token: str | None, settings: Callable[[], Settings], said: Collection[str]
    ) -> None:
        self._location = location
        self._token = token
        self._settings = settings
        self._said = said
        self._lock = threading.Lock()
        self._blocking: AnyBlockingStore | None = None
        self._async: AnyStore | None = None

    @property
    def location(self) -> str:
        """The path of the file, or the URL of the server."""
        return store_location(self._location, self._settings())

    def refuse_policy_of_this_side(self) -> None:
        """Raises ConfigurationError where a policy would judge here what a server's policy judges there."""
        if is_server_url(self.location):
            raise ConfigurationError(
                ["a policy is named here, and calls that a server is asked about are judged by its own"],
                not_done=_NOT_RUN,
                to_do="Name the policy where the server runs, and none here (`policy`, APPROVAL_TUI_POLICY, the "
                "configuration).",
            )

    def open_blocking(self) -> AnyBlockingStore:
        """The store for code without asyncio."""
        with self._lock:
            if self._blocking is None:
                location = self.location
                if is_server_url(location):
                    from approval_tui.remote.blocking import BlockingRemoteStore

                    self._blocking = BlockingRemoteStore(self._connection(location))
                else:
                    self._blocking = open_store_blocking(location)
            return self._blocking

    async def open_async(self) -> AnyStore:
        """The store for an event loop."""
        if self._async is not None:
            return self._async
        return await to_the_end(self._open_and_keep(), lambda _: None)  # half open, nobody would close it

    def close(self) -> None:
        """Closes the blocking store, if it was opened."""
        with self._lock:
            store, self._blocking = self._blocking, None
        if store is not None:
            store.close()

    async def aclose(self) -> None:
        """Closes both, if they were opened."""
        self.close()
        store, self._async = self._async, None
        if store is not None:
            await store.close()

    async def _open_and_keep(self) -> AnyStore:
        location = self.location
        store: AnyStore
        if is_server_url(location):
            from approval_tui.remote.asynchronous import RemoteStore

            store = RemoteStore(self._connection(location))
        else:
            store = await open_store(location)
        kept = self._keep(store)
        if kept is not store:  # another task of this gate was faster
            await store.close()
        return kept

    def _keep(self, store: AnyStore) -> AnyStore:
        with self._lock:  # the other task may run on another thread's loop
            if self._async is None:
                self._async = store
            return self._async

    def _connection(self, url: str) -> Connection:
        """How the server is reached; raises InvalidInput for what is the server's to say."""
        from approval_tui.remote.connection import connection_to

        if self._said:
            raise InvalidInput(
                f"The server at {url} says itself what this gate says: {', '.join(self._said)}.",
                not_done=_NOT_RUN,
                to_do="Take it out here, and set it in the server's configuration.",
            )
        return connection_to(url, self._token)
