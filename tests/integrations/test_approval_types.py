"""The words of pydantic-ai-blocking-approval: results, requests, decisions, errors, and the configuration."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from pydantic import ValidationError

from approval_tui.domain.errors import ConfigurationError
from approval_tui.integrations import pydantic_ai as exported
from approval_tui.integrations.pydantic_ai import (
    ApprovalBlocked,
    ApprovalDecision,
    ApprovalDenied,
    ApprovalError,
    ApprovalRequest,
    ApprovalResult,
    ApprovalToolset,
    SupportsApprovalDescription,
    SupportsNeedsApproval,
    needs_approval_from_config,
)
from tests.integrations.runs import Files

NO_BOOLEANS = ["false", "true", 1, 0, None, [], "yes"]


# --- results -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("result", "status", "reason"),
    [
        (ApprovalResult.blocked("nobody may"), "blocked", "nobody may"),
        (ApprovalResult.pre_approved(), "pre_approved", None),
        (ApprovalResult.needs_approval(), "needs_approval", None),
    ],
)
def test_a_result_is_what_its_factory_says_and_nothing_else(
    result: ApprovalResult, status: str, reason: str | None
) -> None:
    assert (result.status, result.block_reason) == (status, reason)
    said = {
        "blocked": result.is_blocked,
        "pre_approved": result.is_pre_approved,
        "needs_approval": result.is_needs_approval,
    }
    assert [name for name, holds in said.items() if holds] == [status]


def test_a_blocked_result_needs_a_reason_and_no_other_has_one() -> None:
    with pytest.raises(ValueError, match="needs a block_reason"):
        ApprovalResult("blocked")
    for status in ("pre_approved", "needs_approval"):
        with pytest.raises(ValueError, match="only a blocked"):
            ApprovalResult(status, "why")


def test_a_result_cannot_be_turned_into_another_one() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        ApprovalResult.blocked("nobody may").status = "pre_approved"  # type: ignore[misc]


# --- requests and decisions --------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [{"path": "notes.txt"}, {"path": "a.json", "diff": "- a\n+ b", "lines": 5, "more": {"deep": [1, None]}}],
)
def test_a_request_holds_the_call_as_it_is(arguments: dict[str, Any]) -> None:
    request = ApprovalRequest(tool_name="patch", tool_args=arguments, description="Patch it")
    assert (request.tool_name, request.tool_args, request.description) == ("patch", arguments, "Patch it")


def test_a_decision_is_for_this_once_and_without_a_note_unless_it_says_otherwise() -> None:
    once = ApprovalDecision(approved=True)
    assert (once.approved, once.note, once.remember) == (True, None, "none")
    session = ApprovalDecision(approved=True, remember="session")
    assert (session.approved, session.remember) == (True, "session")
    denied = ApprovalDecision(approved=False, note="not on a Friday")
    assert (denied.approved, denied.note) == (False, "not on a Friday")


def test_a_decision_remembers_nothing_but_sessions() -> None:
    with pytest.raises(ValidationError):
        ApprovalDecision(approved=True, remember="always")  # type: ignore[arg-type]


# --- errors ------------------------------------------------------------------------------------


def test_both_errors_are_permission_errors_that_name_the_tool() -> None:
    denied = ApprovalDenied("deploy", ApprovalDecision(approved=False, note="not today"))
    blocked = ApprovalBlocked("deploy", "it is locked")
    assert isinstance(denied, ApprovalError)
    assert isinstance(blocked, ApprovalError)
    assert issubclass(ApprovalError, PermissionError)
    assert (denied.tool_name, blocked.tool_name) == ("deploy", "deploy")
    assert (denied.decision.note, blocked.reason) == ("not today", "it is locked")
    assert str(denied) == "Approval denied for deploy: not today"
    assert str(blocked) == "Blocked deploy: it is locked"


def test_a_denial_without_a_note_says_that_there_is_none() -> None:
    denied = ApprovalDenied("deploy", ApprovalDecision(approved=False))
    assert str(denied) == "Approval denied for deploy: no reason given"


# --- the configuration -------------------------------------------------------------------------


def test_only_a_tool_that_the_configuration_names_is_pre_approved() -> None:
    config: dict[str, dict[str, Any]] = {
        "read": {"pre_approved": True},
        "delete": {"pre_approved": False},
        "list": {"depth": 3},
    }
    assert needs_approval_from_config("read", config).is_pre_approved
    assert all(needs_approval_from_config(name, config).is_needs_approval for name in ("delete", "list", "unknown"))


@pytest.mark.parametrize("config", [{}, None])
def test_without_a_configuration_every_tool_needs_approval(config: Any) -> None:
    assert needs_approval_from_config("read", config).is_needs_approval


@pytest.mark.parametrize("value", NO_BOOLEANS)
def test_a_pre_approval_that_is_no_boolean_is_refused_when_it_is_asked_for(value: object) -> None:
    with pytest.raises(ConfigurationError, match=r"read: pre_approved is .*neither True nor False"):
        needs_approval_from_config("read", {"read": {"pre_approved": value}})


@pytest.mark.parametrize("value", NO_BOOLEANS)
def test_a_pre_approval_that_is_no_boolean_makes_no_toolset(value: object) -> None:
    with pytest.raises(ConfigurationError, match=r"read: pre_approved is .*neither True nor False"):
        ApprovalToolset(Files().toolset(), config={"read": {"pre_approved": value}})


def test_a_toolset_names_everything_that_is_wrong_with_it_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        ApprovalToolset(
            Files().toolset(),
            config={"read": {"pre_approved": "false"}, "delete": True},  # type: ignore[dict-item]
            mode="paranoid",  # type: ignore[arg-type]
            on_denied="shrug",  # type: ignore[arg-type]
        )
    said = str(caught.value)
    for part in ("'false'", "delete is bool, not a mapping", "'paranoid'", "'shrug'", "No call may run."):
        assert part in said


# --- the names ---------------------------------------------------------------------------------


def test_every_name_of_the_package_that_it_replaces_is_here() -> None:
    replaced = {
        "ApprovalBlocked",
        "ApprovalCallback",
        "ApprovalConfig",
        "ApprovalDecision",
        "ApprovalDenied",
        "ApprovalError",
        "ApprovalRequest",
        "ApprovalResult",
        "ApprovalToolset",
        "SupportsApprovalDescription",
        "SupportsNeedsApproval",
        "needs_approval_from_config",
    }
    assert replaced <= set(exported.__all__)
    assert all(hasattr(exported, name) for name in exported.__all__)


def test_a_toolset_supports_what_it_has_a_method_for() -> None:
    class Judging:
        def needs_approval(self, name: str, tool_args: Any, ctx: Any, config: Any) -> ApprovalResult:
            return ApprovalResult.needs_approval()

    class Describing:
        def get_approval_description(self, name: str, tool_args: Any, ctx: Any) -> str:
            return name

    assert isinstance(Judging(), SupportsNeedsApproval)
    assert not isinstance(Describing(), SupportsNeedsApproval)
    assert isinstance(Describing(), SupportsApprovalDescription)
    assert not isinstance(Judging(), SupportsApprovalDescription)
