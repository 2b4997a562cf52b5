"""What a client is told of its tool calls: that they ran, that somebody is asked, or why they may not run."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from approval_tui.domain.canonical import canonical_hash
from approval_tui.domain.clock import format_timestamp
from approval_tui.store.blocking import BlockingStore
from tests.cli.running import on_terminal, one_pending, run_process
from tests.gate.policies import away_from_midnight, details_of, judged_without_asking
from tests.proxy.client import RawClient, proxy_command, recorded, recording_server
from tests.proxy.conftest import StartProxy
from tests.proxy.support_calls import (
    DONE,
    PENDING_CODE,
    REFUSAL,
    approved,
    asked,
    asked_by,
    log_text,
    refusal,
    text_of,
)
from tests.support import ANN, ROOT, approve, assert_sound, deny

DENYING = """
version: "1"
default: require_approval
hide: [delete]
tools:
  locked:
    rules:
      - {name: closed for now, action: deny, on_deny: Keep away.}
  rare:
    rules:
      - {name: once, rate_limit: 1/day}
  read:
    rules:
      - name: only below home
        conditions:
          - {path: args.path, op: regex, value: ^/home/}
"""

BRIEF = """
version: "1"
default: require_approval
tools:
  brief:
    rules:
      - {name: quickly, action: require_approval, approval_timeout: 1s}
"""

CONFIGURATION = """
proxy:
  hold: 0s
  on_pending: tool_error
  pending_code: -31000
"""


@pytest.fixture
def store_path(tmp_path: Path) -> str:
    """A place that a shell reads only in quotes, so that commands must name it so."""
    return str(tmp_path / "the team's store" / "approvals.db")


# --- it runs -----------------------------------------------------------------------------------


def test_an_allowed_call_runs_as_it_is_and_only_its_hash_is_kept(
    start_proxy: StartProxy, desk: BlockingStore, record: Path
) -> None:
    proxy = start_proxy("--server", "files", "--session", "run-1")
    meta = {"progressToken": "t", "com.example/trace": [1.5, None, "é\u2028"]}
    answer = proxy.call("read", {"path": "geheim-é", "again": {"b": 1, "a": [True]}}, _meta=meta)
    assert answer == {"jsonrpc": "2.0", "id": answer["id"], "result": DONE}
    assert recorded(record) == [
        {"id": answer["id"], "name": "read", "arguments": {"path": "geheim-é", "again": {"b": 1, "a": [True]}}}
        | {"_meta": meta}
    ]
    assert details_of(desk, "tool_call") == [
        {
            "verdict": "allow",
            "rule": None,
            "rule_hash": None,
            "tool": "read",
            "server": "files",
            "requester": "mcp",
            "session": "run-1",
            "arguments": canonical_hash({"path": "geheim-é", "again": {"b": 1, "a": [True]}}),
            "claim": None,
        }
    ]
    assert "geheim" not in log_text(desk)
    assert desk.reviewer.history() == ()
    assert_sound(desk)


def test_a_call_without_arguments_is_passed_on_without(start_proxy: StartProxy, record: Path) -> None:
    proxy = start_proxy()
    assert [proxy.call("read")["result"], proxy.call("read", {})["result"]] == [DONE, DONE]
    assert [sorted(call) for call in recorded(record)] == [["id", "name"], ["arguments", "id", "name"]]


# --- somebody is asked -------------------------------------------------------------------------


def test_an_undecided_call_is_answered_with_an_error_that_says_what_is_asked_and_what_to_do(
    start_proxy: StartProxy, desk: BlockingStore, record: Path
) -> None:
    proxy = start_proxy("--hold", "0", "--requester", "bot", "--session", "run-1", "--server", "files")
    answer = proxy.call("write", {"path": "a", "text": "hello"})
    request = asked_by(desk, answer)
    command = f"approval-tui approve {request.id} --store {shlex.quote(desk.location)}"
    assert answer.keys() == {"jsonrpc", "id", "error"}
    assert answer["error"].keys() == {"code", "message", "data"}
    assert answer["error"]["code"] == PENDING_CODE
    assert answer["error"]["data"] == {
        "type": "approval_required",
        "approval_id": request.id,
        "tool": "write",
        "expires_at": format_timestamp(request.expires_at),
        "retryable": True,
        "human_instructions": f"Decide in the console, approval-tui, or run: {command}",
    }
    for said in ("The call did not run.", "Make the same call again", format_timestamp(request.expires_at), command):
        assert said in text_of(answer)
    assert (request.requester, request.session, request.server) == ("bot", "run-1", "files")
    assert (request.tool, request.arguments) == ("write", {"path": "a", "text": "hello"})
    assert request.context == {"working_directory": ROOT, "command": recording_server(record)}
    assert recorded(record) == []
    assert_sound(desk)


def test_the_command_for_a_person_works_as_it_is_written(start_proxy: StartProxy, desk: BlockingStore) -> None:
    proxy = start_proxy("--hold", "0")
    answer = proxy.call("write", {"text": "hello"})
    command = refusal(answer)["human_instructions"].partition("run: ")[2]
    program, *words = shlex.split(command)
    assert program == "approval-tui"
    with on_terminal(*words) as terminal:
        terminal.until_shown("Type yes")
        terminal.type(b"yes\n")
        assert terminal.ended() == 0
    assert proxy.call("write", {"text": "hello"})["result"] == DONE


def test_where_everybody_has_the_same_store_the_command_does_not_name_it(policy: Path, record: Path) -> None:
    command = proxy_command("-c", str(policy), "--hold", "0", server=recording_server(record))
    with RawClient(command) as proxy:
        proxy.shake_hands()
        told = refusal(proxy.call("write"))
        assert told["human_instructions"].endswith(f"run: approval-tui approve {told['approval_id']}")
        digest = run_process("show", told["approval_id"], "--json").json["digest"]
        assert run_process("approve", told["approval_id"], "--digest", digest).code == 0
        assert proxy.call("write")["result"] == DONE


def test_an_undecided_call_can_be_answered_with_a_result_that_a_model_reads(
    start_proxy: StartProxy, desk: BlockingStore
) -> None:
    proxy = start_proxy("--hold", "0", "--on-pending", "tool_error", "--pending-code", "4711")
    answer = proxy.call("write", {"text": "hello"})
    request = asked_by(desk, answer)
    command = f"approval-tui approve {request.id} --store {shlex.quote(desk.location)}"
    assert answer.keys() == {"jsonrpc", "id", "result"}
    result = answer["result"]
    assert result.keys() == {"content", "isError", "_meta", "resultType"}
    assert (result["isError"], result["resultType"]) == (True, "complete")
    assert result["_meta"].keys() == {REFUSAL}
    assert result["_meta"][REFUSAL] == {
        "type": "approval_required",
        "approval_id": request.id,
        "tool": "write",
        "expires_at": format_timestamp(request.expires_at),
        "retryable": True,
        "human_instructions": f"Decide in the console, approval-tui, or run: {command}",
    }
    assert result["content"] == [{"type": "text", "text": text_of(answer)}]
    assert text_of(answer).startswith("[APPROVAL REQUIRED] ")
    assert command in text_of(answer)
    # A task has no result of that form yet, so it is refused with an error, whatever was chosen.
    as_task = proxy.call("write", {"text": "hello"}, task={"ttl": 1000})
    assert as_task["error"]["code"] == 4711
    assert refusal(as_task)["approval_id"] == request.id


def test_the_configuration_says_how_to_answer_and_options_come_before_it(
    start_proxy: StartProxy, tmp_path: Path
) -> None:
    configuration = tmp_path / "config.yaml"
    configuration.write_text(CONFIGURATION)
    proxy = start_proxy("--config", str(configuration))
    assert proxy.call("write")["result"]["isError"] is True
    assert proxy.call("write", task={})["error"]["code"] == -31000
    proxy = start_proxy("--config", str(configuration), "--on-pending", "error", "--pending-code", "-7")
    assert proxy.call("write")["error"]["code"] == -7


def test_without_a_policy_every_tool_asks(store_path: str, desk: BlockingStore, record: Path, tmp_path: Path) -> None:
    command = proxy_command("--store", store_path, "--hold", "0", server=recording_server(record))
    with RawClient(command, errors=tmp_path / "errors.txt") as proxy:
        proxy.shake_hands()
        assert [asked(proxy, desk, tool).tool for tool in ("read", "write", "delete")] == ["read", "write", "delete"]
        assert "No policy is named, so every tool call asks" in (tmp_path / "errors.txt").read_text()
    assert recorded(record) == []


# --- it may not run ----------------------------------------------------------------------------


def test_what_the_policy_denies_says_by_which_rule_and_why(
    start_proxy: StartProxy, desk: BlockingStore, record: Path, policy: Path
) -> None:
    away_from_midnight()
    policy.write_text(DENYING)
    proxy = start_proxy()
    assert proxy.call("rare")["result"] == DONE
    answers = [
        proxy.call("locked", {"password": "geheim"}),
        proxy.call("delete"),
        proxy.call("rare"),
        proxy.call("read", {"path": "/etc/passwd"}),
    ]
    rules = [
        ("locked", "closed for now", "Keep away."),
        ("delete", "(hidden)", 'Tool "delete" is hidden by policy'),
        ("rare", "once", "Rate limit of 1 per day reached. Try again later."),
        ("read", "only below home", 'Denied by rule "only below home"'),
    ]
    for answer, (tool, rule, reason) in zip(answers, rules, strict=True):
        result = answer["result"]
        assert (result["isError"], result["resultType"]) == (True, "complete")
        assert refusal(answer) == {
            "type": "policy_denied",
            "tool": tool,
            "retryable": False,
            "rule": rule,
            "reason": reason,
        }
        assert text_of(answer).startswith("[POLICY DENIED] ")
        assert reason in text_of(answer)
        assert "did not run" in text_of(answer)
    as_task = proxy.call("locked", task={})
    assert refusal(as_task) == refusal(answers[0])
    lookalike = proxy.call("Delete")
    assert lookalike["error"]["code"] == -32602
    assert [call["name"] for call in recorded(record)] == ["rare"]
    denied = [("deny", rule) for _, rule, _ in rules]
    assert judged_without_asking(desk) == [("allow", None), *denied, ("deny", "closed for now")]
    assert details_of(desk, "tool_call")[1]["arguments"] == canonical_hash({"password": "geheim"})
    assert "geheim" not in log_text(desk)
    assert desk.reviewer.list() == ()
    assert_sound(desk)


def test_a_reviewers_no_gives_the_reason_and_cannot_be_taken_for_a_failure_of_the_tool(
    start_proxy: StartProxy, desk: BlockingStore, record: Path
) -> None:
    proxy = start_proxy("--hold", "0")
    request = deny(desk, asked(proxy, desk, "write", {"n": 1}), "Not on a Friday.")
    answer = proxy.call("write", {"n": 1})
    assert refusal(answer) == {
        "type": "approval_denied",
        "tool": "write",
        "retryable": False,
        "approval_id": request.id,
        "reason": "Not on a Friday.",
        "reviewer": "ann",
    }
    assert (answer["result"]["isError"], answer["result"]["resultType"]) == (True, "complete")
    assert text_of(answer).startswith("[APPROVAL DENIED] ")
    for said in ("ann", "Not on a Friday.", "did not run"):
        assert said in text_of(answer)
    assert refusal(proxy.call("write", {"n": 1}))["approval_id"] == request.id, "the same no, not a new question"

    deny(desk, asked(proxy, desk, "write", {"n": 2}))
    assert refusal(proxy.call("write", {"n": 2}))["reason"] is None
    desk.reviewer.revoke(approved(proxy, desk, "write", {"n": 3}).id, reviewer=ANN, reason="On second thoughts.")
    revoked = refusal(proxy.call("write", {"n": 3}))
    assert (revoked["type"], revoked["reason"]) == ("approval_denied", "On second thoughts.")

    assert recorded(record) == []
    failed = proxy.call("read", {"answer": "is_error"})["result"]
    assert failed["isError"] is True
    assert "_meta" not in failed
    assert_sound(desk)


def test_a_request_that_ends_undecided_while_it_is_held_is_answered_and_the_next_call_asks_anew(
    start_proxy: StartProxy, desk: BlockingStore, record: Path, policy: Path
) -> None:
    policy.write_text(BRIEF)
    proxy = start_proxy("--hold", "1m")
    expired = refusal(proxy.call("brief"))
    assert (expired["type"], expired["retryable"]) == ("approval_expired", True)
    assert desk.reviewer.get(expired["approval_id"]).status == "expired"
    again = proxy.start_call("brief")
    assert refusal(proxy.answer(again))["approval_id"] != expired["approval_id"]
    call = proxy.start_call("write")
    request = one_pending(desk)
    desk.requester.cancel(request.id, requester="mcp")
    withdrawn = refusal(proxy.answer(call))
    assert withdrawn == {
        "type": "approval_cancelled",
        "tool": "write",
        "retryable": True,
        "approval_id": request.id,
    }
    assert recorded(record) == []
    assert_sound(desk)


# --- nothing else on stdout, and no arguments anywhere else ------------------------------------


def test_arguments_stand_in_the_request_alone_and_stdout_has_only_messages(
    start_proxy: StartProxy, desk: BlockingStore, tmp_path: Path
) -> None:
    proxy = start_proxy("--hold", "0")
    request = asked(proxy, desk, "write", {"password": "geheim", "answer": "complain"})
    approve(desk, request)
    proxy.call("write", {"password": "geheim", "answer": "complain"})
    deny(desk, asked(proxy, desk, "write", {"password": "geheim"}))
    proxy.call("write", {"password": "geheim"})
    proxy.call("delete", {"password": "geheim"})
    errors = (tmp_path / "errors.txt").read_text()
    assert desk.reviewer.get(request.id).arguments["password"] == "geheim"
    assert "geheim" not in log_text(desk)
    assert "geheim" not in errors
    assert "\\u{" not in errors, "what we write ourselves holds nothing that must be made visible"
    assert "geheim" not in json.dumps(proxy.messages)
    assert "the server complains" in errors, "the server's own stderr is the client's to read"
    assert all(message["jsonrpc"] == "2.0" for message in proxy.messages)
    assert_sound(desk)
