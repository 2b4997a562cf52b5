"""The reviewer's face of the blocking store: it looks, and it decides."""

from __future__ import annotations

from approval_tui.store.blocking_face import writes
from approval_tui.store.blocking_reader import BlockingReader
from approval_tui.store.transactions import reviewer


class BlockingReviewerStore(BlockingReader):
    """The face of those who decide."""

    decide = writes(reviewer.decide)
    revoke = writes(reviewer.revoke)
    expire = writes(reviewer.expire)
    resolve = writes(reviewer.resolve)

    def expire_due(self) -> int:
        """Records the expiry of everything whose time has passed, and says of how many."""
        from approval_tui.store import procedures

        return procedures.run_blocking(procedures.expire_all_due(), self._run)
