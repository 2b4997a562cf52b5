"""What a model learns of a reviewer's edit from the proxy, whatever the server answers (MCP results, errors, tasks)."""

from __future__ import annotations

from typing import Any

import pytest

from approval_tui.proxy.answers import EDIT_META_KEY, with_edit_told
from approval_tui.store.blocking import BlockingStore
from tests.gate.policies import edit
from tests.proxy.conftest import StartProxy
from tests.proxy.support_calls import asked
from tests.support import ANN

TOLD = "A reviewer changed it."
META = {EDIT_META_KEY: {"approval_id": "apr_1", "told": TOLD}}
BLOCK = {"type": "text", "text": TOLD}


@pytest.mark.parametrize(
    ("result", "told"),
    [
        ({"content": []}, {"content": [BLOCK], "_meta": META}),
        (
            {"content": [{"type": "text", "text": "no"}], "isError": True},
            {"content": [{"type": "text", "text": "no"}, BLOCK], "isError": True, "_meta": META},
        ),
        (
            {"content": [{"type": "text", "text": '{"n":1}'}], "structuredContent": {"n": 1}, "_meta": {"a": 1}},
            {
                "content": [{"type": "text", "text": '{"n":1}'}, BLOCK],
                "structuredContent": {"n": 1},
                "_meta": {"a": 1, **META},
            },
        ),
        ({"task": {"taskId": "t"}}, {"task": {"taskId": "t"}, "_meta": META}),
        ({"content": "no list", "_meta": 5}, {"content": "no list", "_meta": 5}),
    ],
    ids=["nothing", "a failure", "structured", "a task", "malformed"],
)
def test_what_is_told_stands_behind_the_content_and_in_the_meta(result: dict[str, Any], told: dict[str, Any]) -> None:
    answer = {"jsonrpc": "2.0", "id": 1, "result": result}
    before = repr(answer)
    assert with_edit_told(answer, TOLD, "apr_1") == {"jsonrpc": "2.0", "id": 1, "result": told}
    assert repr(answer) == before, "the server's own answer is looked at after this"
    assert with_edit_told(answer, None, None) is answer


def test_an_error_says_it_in_its_message() -> None:
    answer = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32602, "message": "no such path", "data": [1]}}
    error = {"code": -32602, "message": f"no such path ({TOLD})", "data": [1]}
    assert with_edit_told(answer, TOLD, "apr_1") == {**answer, "error": error}


def test_a_call_that_was_not_edited_has_the_servers_very_answer(start_proxy: StartProxy, desk: BlockingStore) -> None:
    proxy = start_proxy("--hold", "0")
    request = asked(proxy, desk, "write", {"n": 1})
    desk.reviewer.decide(request.id, "approve", reviewer=ANN, digest=request.digest)
    assert EDIT_META_KEY not in str(proxy.call("write", {"n": 1}))


def test_the_result_of_a_task_tells_it_however_often_it_is_fetched(
    start_proxy: StartProxy, desk: BlockingStore
) -> None:
    proxy = start_proxy("--hold", "0")
    asking = {"answer": "task", "id": "one"}
    request = asked(proxy, desk, "write", asking, task={"ttl": 60_000})
    edit(desk, request, {**asking, "n": 2})
    begun = proxy.call("write", asking, task={"ttl": 60_000})["result"]
    assert begun["task"]["taskId"] == "one"
    assert begun["_meta"][EDIT_META_KEY]["approval_id"] == request.id
    for _ in range(2):
        result = proxy.ask("tasks/result", {"taskId": "one"})["result"]
        assert result["content"][-1]["text"].endswith("n was added: 2.")
    assert desk.reviewer.get(request.id).outcome == "succeeded"
    assert EDIT_META_KEY not in str(proxy.ask("tasks/result", {"taskId": "another"}))
