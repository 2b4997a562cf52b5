"""Forks beside open stores: no thread keeps a lock that a fork of another one took, and children write their own."""

from __future__ import annotations

import json
import threading

import pytest

from approval_tui.domain.calls import Call
from approval_tui.store.blocking import BlockingStore
from approval_tui.store.drivers import forks
from approval_tui.store.drivers.forks import Forks
from tests.support import LONG, run_worker, submit


def test_a_fork_waits_for_the_fork_of_another_thread(
    store: BlockingStore, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forks, "LONGEST_FORK", 0.0)
    prepared = threading.Event()

    def fork() -> None:
        Forks.prepare()
        prepared.set()
        Forks.end()

    Forks.prepare()
    other = threading.Thread(target=fork, daemon=True)
    other.start()
    assert not prepared.wait(0.2)  # whoever does not wait is there by then, and has forgotten what the first one holds
    Forks.end()
    other.join(LONG)
    assert prepared.is_set()
    assert submit(store, call).status == "pending"  # no lock is left behind


def test_a_store_is_used_while_several_threads_fork(store_location: str) -> None:
    said = json.loads(run_worker("forking_threads", store_location))
    assert said == {"submitted": 60, "children": 20, "problems": 0}
