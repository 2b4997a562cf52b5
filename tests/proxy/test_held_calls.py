"""Calls through the proxy in a session that a reviewer holds back: the model reads why, and the server sees nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from approval_tui.store.blocking import BlockingStore
from tests.gate.policies import judged_without_asking
from tests.proxy.client import recorded
from tests.proxy.conftest import StartProxy
from tests.proxy.support_calls import DONE, approved, asked, refusal, text_of
from tests.support import ANN, assert_sound

SAID = "[SESSION HELD] ann holds the session run-1 back: it looks odd. That concerns "


@pytest.mark.parametrize("on_pending", ["error", "tool_error"])
def test_nothing_of_a_held_session_reaches_the_server_and_the_model_is_told_why(
    start_proxy: StartProxy, desk: BlockingStore, record: Path, on_pending: str
) -> None:
    options = ("--hold", "0", "--requester", "bot", "--session", "run-1", "--on-pending", on_pending)
    proxy = start_proxy(*options)
    request = approved(proxy, desk, "write", {"path": "a"})
    desk.reviewer.hold_session("bot", "run-1", reviewer=ANN, reason="it looks odd")
    for tool, arguments, about in (("write", {"path": "a"}, f"request {request.id} (write)"), ("read", {}, "read")):
        answer = proxy.call(tool, arguments)
        assert answer["result"]["isError"] is True
        assert text_of(answer).startswith(SAID + about)
        told = refusal(answer)
        assert (told["type"], told["tool"], told["retryable"]) == ("session_held", tool, True)
    assert recorded(record) == []
    assert judged_without_asking(desk) == [("deny", "(session held back)")]
    asked(proxy, desk, "write", {"path": "b"})
    desk.reviewer.release_session("bot", "run-1", reviewer=ANN)
    assert [proxy.call("write", {"path": "a"})["result"], proxy.call("read", {})["result"]] == [DONE, DONE]
    assert_sound(desk)
