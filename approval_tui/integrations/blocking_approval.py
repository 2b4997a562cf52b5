"""The words of pydantic-ai-blocking-approval: what a toolset says of a call, what is asked, and what is answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

from pydantic import BaseModel
from pydantic_ai import RunContext

from approval_tui.domain.errors import ConfigurationError
from approval_tui.domain.names import quoted_name

ApprovalConfig: TypeAlias = Mapping[str, Mapping[str, Any]]
"""For each tool what a toolset may know of it; `pre_approved: True` lets its calls run without asking."""

PRE_APPROVED = "pre_approved"


@dataclass(frozen=True)
class ApprovalResult:
    """Whether a call is blocked, may run, or needs a person's approval; made by its three factories.

    Raises ValueError for a blocked one without a reason and for another one with a reason.
    """

    status: Literal["blocked", "pre_approved", "needs_approval"]
    block_reason: str | None = None

    def __post_init__(self) -> None:
        if self.is_blocked and self.block_reason is None:
            raise ValueError("a blocked ApprovalResult needs a block_reason")
        if not self.is_blocked and self.block_reason is not None:
            raise ValueError("only a blocked ApprovalResult has a block_reason")

    @classmethod
    def blocked(cls, reason: str) -> ApprovalResult:
        """The call never runs, and nobody is asked."""
        return cls("blocked", reason)

    @classmethod
    def pre_approved(cls) -> ApprovalResult:
        """The call runs, and nobody is asked."""
        return cls("pre_approved")

    @classmethod
    def needs_approval(cls) -> ApprovalResult:
        """The call runs once a person approved it."""
        return cls("needs_approval")

    @property
    def is_blocked(self) -> bool:
        return self.status == "blocked"

    @property
    def is_pre_approved(self) -> bool:
        return self.status == "pre_approved"

    @property
    def is_needs_approval(self) -> bool:
        return self.status == "needs_approval"


class ApprovalRequest(BaseModel):
    """The call that a callback is asked about."""

    tool_name: str
    tool_args: dict[str, Any]
    description: str


class ApprovalDecision(BaseModel):
    """What a callback answers: yes or no, maybe why, and whether it means to remember that for the session.

    A callback remembers by itself. In the console, a reviewer's approval for the session is a grant in the store.
    """

    approved: bool
    note: str | None = None
    remember: Literal["none", "session"] = "none"


ApprovalCallback: TypeAlias = Callable[[ApprovalRequest], ApprovalDecision | Awaitable[ApprovalDecision]]
"""Answers for a person. A sync one holds the event loop until it returns; an async one lets other calls wait beside."""


@runtime_checkable
class SupportsNeedsApproval(Protocol):
    """A toolset that judges its calls itself."""

    def needs_approval(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[Any], config: ApprovalConfig
    ) -> ApprovalResult | Awaitable[ApprovalResult]:
        """Whether the call is blocked, may run, or needs approval; `config` is the ApprovalToolset's."""


@runtime_checkable
class SupportsApprovalDescription(Protocol):
    """A toolset that says in words what a call would do."""

    def get_approval_description(self, name: str, tool_args: dict[str, Any], ctx: RunContext[Any]) -> str:
        """The words that a person reads; asked for only when a person is."""


class ApprovalError(PermissionError):
    """Base of the errors with which a call does not run."""

    def __init__(self, tool_name: str, message: str) -> None:
        super().__init__(message)
        self.tool_name = tool_name


class ApprovalDenied(ApprovalError):
    """A person said no, or nobody said yes in time; `decision.note` says why, if anybody did."""

    def __init__(self, tool_name: str, decision: ApprovalDecision) -> None:
        super().__init__(tool_name, f"Approval denied for {tool_name}: {decision.note or 'no reason given'}")
        self.decision = decision


class ApprovalBlocked(ApprovalError):
    """The toolset, or the policy, never lets such a call run; `reason` says why."""

    def __init__(self, tool_name: str, reason: str | None) -> None:
        super().__init__(tool_name, f"Blocked {tool_name}: {reason or 'blocked by policy'}")
        self.reason = reason


def needs_approval_from_config(name: str, config: ApprovalConfig | None) -> ApprovalResult:
    """Whether the configuration lets the tool's calls run without asking; what it does not name needs approval.

    Raises ConfigurationError where `pre_approved` is neither True nor False: `"false"` would read as true.
    """
    of_tool = (config or {}).get(name, {})
    problem = problem_of(name, of_tool)
    if problem is not None:
        raise ConfigurationError([problem], not_done="The call did not run.", to_do="Write True or False.")
    return ApprovalResult.pre_approved() if of_tool.get(PRE_APPROVED) else ApprovalResult.needs_approval()


def problem_of(name: str, of_tool: object) -> str | None:
    """What is wrong with a tool's part of a configuration, if anything is."""
    if not isinstance(of_tool, Mapping):
        return f"config: {quoted_name(name)} is {type(of_tool).__name__}, not a mapping"
    value = of_tool.get(PRE_APPROVED, False)
    if type(value) is not bool:
        return f"config: {quoted_name(name)}: {PRE_APPROVED} is {value!r}, and neither True nor False"
    return None


def ensure_decision(answer: object) -> ApprovalDecision:
    """The answer itself; raises TypeError for anything but an ApprovalDecision that says True or False."""
    if isinstance(answer, ApprovalDecision) and type(answer.approved) is bool:
        return answer
    raise TypeError(f"approval_callback must return ApprovalDecision, not {type(answer).__name__}")
