"""ToolWeaver: the names of its guide on approval gates, over the store.

What its guide builds in memory is here kept, expires, and decides once; its verification script runs unchanged. The
`/approval/...` routes of its webhook are answered by `approval_routes.answer`.
"""

from __future__ import annotations

from approval_tui.integrations.approval_log import AuditLogger
from approval_tui.integrations.approval_manager import ApprovalManager, approval_manager
from approval_tui.integrations.approval_prompt import request_cli_approval
from approval_tui.integrations.drafting_workflow import ApprovalWorkflow, execute_with_retry_on_rejection
from approval_tui.integrations.proposals import ApprovalRequest, ApprovalStatus, ProposalError

__all__ = [
    "ApprovalManager",
    "ApprovalRequest",
    "ApprovalStatus",
    "ApprovalWorkflow",
    "AuditLogger",
    "ProposalError",
    "approval_manager",
    "execute_with_retry_on_rejection",
    "request_cli_approval",
]
