"""PydanticAI: a toolset whose calls wait for a person, and the console as the answer to deferred calls.

Everything that `pydantic_ai_blocking_approval` 0.9.0 exports is here under the same name; replacing the import is the
only change that such code needs. Needs the extra `pydantic-ai`.
"""

from __future__ import annotations

from approval_tui.integrations.approval_toolset import ApprovalToolset
from approval_tui.integrations.blocking_approval import (
    ApprovalBlocked,
    ApprovalCallback,
    ApprovalConfig,
    ApprovalDecision,
    ApprovalDenied,
    ApprovalError,
    ApprovalRequest,
    ApprovalResult,
    SupportsApprovalDescription,
    SupportsNeedsApproval,
    needs_approval_from_config,
)
from approval_tui.integrations.deferred_approvals import ConsoleApprovals, approve_in_console

__all__ = [
    "ApprovalBlocked",
    "ApprovalCallback",
    "ApprovalConfig",
    "ApprovalDecision",
    "ApprovalDenied",
    "ApprovalError",
    "ApprovalRequest",
    "ApprovalResult",
    "ApprovalToolset",
    "ConsoleApprovals",
    "SupportsApprovalDescription",
    "SupportsNeedsApproval",
    "approve_in_console",
    "needs_approval_from_config",
]
