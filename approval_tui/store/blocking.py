"""The blocking store: plain sqlite3, for scripts, the command line and agents without asyncio."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

from approval_tui.domain.lazy import lazy_property
from approval_tui.store.engine import Engine

if TYPE_CHECKING:
    from approval_tui.store.blocking_maintainer import BlockingMaintainer
    from approval_tui.store.blocking_reader import BlockingReader
    from approval_tui.store.blocking_requester import BlockingRequesterStore
    from approval_tui.store.blocking_reviewer import BlockingReviewerStore


class BlockingStore:
    """An open store with its faces; a context manager that closes it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @lazy_property
    def requester(self) -> BlockingRequesterStore:
        """What an agent is handed; each face is loaded when it is first used."""
        from approval_tui.store.blocking_requester import BlockingRequesterStore

        return BlockingRequesterStore(self._engine)

    @lazy_property
    def reviewer(self) -> BlockingReviewerStore:
        """What those who decide are handed."""
        from approval_tui.store.blocking_reviewer import BlockingReviewerStore

        return BlockingReviewerStore(self._engine)

    @lazy_property
    def reader(self) -> BlockingReader:
        """What those are handed who only look: the reviewer's face without its decisions, and sooner loaded."""
        from approval_tui.store.blocking_reader import BlockingReader

        return BlockingReader(self._engine)

    @lazy_property
    def maintainer(self) -> BlockingMaintainer:
        """What those are handed who keep the store itself in order."""
        from approval_tui.store.blocking_maintainer import BlockingMaintainer

        return BlockingMaintainer(self._engine)

    @property
    def location(self) -> str:
        """Where the store is: its file's path, or its URL without the password."""
        return self._engine.location

    @property
    def may_decide(self) -> bool:
        """Whether the store lets this user approve; a database role for agents may not."""
        return self._engine.may_decide

    def now(self) -> int:
        """The moment that counts in this store, in ms UTC: by the machine's clock, or by the database's."""
        return self._engine.clock()

    def close(self) -> None:
        """Closes the store; closing twice is harmless."""
        self._engine.close()

    def __enter__(self) -> BlockingStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
