"""Who waits for news of a store: the bells beside a file, or the connections that listen in a database."""

from __future__ import annotations

import os
import select
from contextlib import closing

from approval_tui.domain.database_urls import is_database_url
from approval_tui.store.asynchronous import AsyncStore
from approval_tui.store.blocking import BlockingStore
from approval_tui.store.engine import Waker
from tests.store.tampering import PostgresConnection

_LISTENING = """
SELECT query FROM pg_stat_activity
WHERE query LIKE 'LISTEN%' AND state = 'idle' AND application_name = current_setting('application_name')
"""


def hung_bells(store: BlockingStore | AsyncStore) -> list[str]:
    """What tells of those who wait, one text or more; on PostgreSQL it needs a store of the recycler's."""
    if is_database_url(store.location):
        with closing(PostgresConnection(store.location)) as connection:
            return [query for (query,) in connection.execute(_LISTENING)]
    folder = f"{store.location}.bells"
    return [name for _, _, names in os.walk(folder) for name in names if not name.startswith(".")]


def is_rung(waker: Waker) -> bool:
    """Whether somebody told it of a commit since it was silenced."""
    poll = select.poll()
    poll.register(waker.file, select.POLLIN)
    return bool(poll.poll(0))
