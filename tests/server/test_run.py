"""What runs beside a server: expiries become events, and a task that breaks is told of."""

from __future__ import annotations

import os

import pytest

from approval_tui.domain.calls import Call
from approval_tui.server import run
from approval_tui.store.asynchronous import AsyncStore
from tests.server.raw import connected, head, of, one_answer
from tests.server.serving import Watched, serve
from tests.support import event_names, submit, until


def test_a_time_that_passes_unseen_becomes_an_event_also_after_the_store_was_away(
    store_path: str, store_looks_each_time: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "_SWEEP_EVERY", 0.01)
    server, served = serve(store_path)
    with served.desk:
        first = submit(served.desk, Call("t", {"n": 1}, "bot", timeout=1))
        until(lambda: event_names(served.desk, first)[-1] == "request_expired")
        os.rename(store_path, f"{store_path}.away")
        with served.client(served.reviewer_token) as reviewer:
            until(lambda: reviewer.get("/api/pending").status_code == 503)
        os.rename(f"{store_path}.away", store_path)
        second = submit(served.desk, Call("t", {"n": 2}, "bot", timeout=1))
        until(lambda: event_names(served.desk, second)[-1] == "request_expired")
    server.stop()


def test_a_task_that_breaks_is_told_of_and_the_server_goes_on(
    store_path: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def breaks(_store: AsyncStore) -> None:
        raise RuntimeError("no more disk")

    server, served = serve(store_path, tasks=(breaks,))
    with served.desk, served.client(served.reviewer_token) as reviewer:
        assert reviewer.get("/api/pending").status_code == 200
    server.stop()
    assert "a defect in approval-tui: RuntimeError: no more disk" in caplog.text


async def test_work_that_a_defect_ended_is_begun_anew_and_that_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(run, "BEGUN_ANEW_AFTER", 0.0)
    begun: list[int] = []

    async def work() -> None:
        begun.append(len(begun))
        if len(begun) < 3:
            raise RuntimeError("broken")

    await run.kept_up(work)
    assert begun == [0, 1, 2]
    assert [record.getMessage() for record in caplog.records] == ["a defect in approval-tui: RuntimeError: broken"] * 2


@pytest.mark.parametrize("path", ["/v1/requests/{id}", "/api/pending/{id}", "/api/pending?newer_than={id}"])
def test_a_server_that_ends_tells_who_waits_how_it_stands(store_path: str, path: str) -> None:
    server, served = serve(store_path)
    request = submit(served.desk, Call("t", {}, "bot"))
    token = served.agent_token if path.startswith("/v1") else served.reviewer_token
    path = path.replace("{id}", request.id)
    with served.desk, connected(served) as connection:
        connection.sendall(head(f"GET {path}{'&' if '?' in path else '?'}wait=30s HTTP/1.1", of(token)))
        until(lambda: Watched(server, served).tasks() == 1)
        server.stop()
        answer = one_answer(connection)
    assert answer.status == 200
    assert answer.body.get("status", "pending") == "pending"
