"""A proxy whose store is a server: the server's policy judges, and its people decide."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.proxy.client import RawClient, proxy_command, recorded, recording_server
from tests.proxy.conftest import POLICY
from tests.server.serving import serve
from tests.support import approve, assert_sound


def test_the_servers_policy_and_people_say_which_calls_reach_the_tool(
    store_path: str, record: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, served = serve(store_path, policy=POLICY)
    monkeypatch.setenv("APPROVAL_TUI_TOKEN", served.agent_token)
    command = proxy_command("--store", served.url, "--hold", "0", server=recording_server(record))
    with RawClient(command, errors=tmp_path / "errors.txt") as client:
        client.shake_hands()
        assert "result" in client.call("read", {"n": 1})
        pending = client.call("write", {"n": 2})["error"]
        assert (pending["code"], pending["data"]["tool"]) == (-32003, "write")
        assert client.call("delete", {})["result"]["isError"] is True
        (request,) = served.desk.reviewer.list()
        approve(served.desk, request)
        assert "result" in client.call("write", {"n": 2})
        assert client.call("write", {"n": 2})["error"]["data"]["approval_id"] != request.id
        assert client.hang_up() == 0
    assert [call["name"] for call in recorded(record)] == ["read", "write"]
    assert served.desk.reviewer.get(request.id).outcome == "succeeded"
    assert {each.requester for each in served.desk.reviewer.history()} == {"bot"}
    assert_sound(served.desk)
    server.stop()
    served.desk.close()
