"""Approval of what AI agents do: a store, a gate, a command line and a console.

The names below are loaded when they are first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from approval_tui.version import __version__

TYPE_CHECKING = False  # what type checkers take for true; the module typing would be most of what importing costs

if TYPE_CHECKING:
    from approval_tui.domain.errors import (
        ApprovalCancelled,
        ApprovalDenied,
        ApprovalExpired,
        ApprovalHeld,
        ApprovalPending,
        ApprovalTuiError,
        NotApproved,
        PolicyDenied,
        PolicyError,
        StoreUnavailable,
    )
    from approval_tui.gate import Gate, Waiting
    from approval_tui.gate.workflow import ApprovalWorkflow
    from approval_tui.store import open_store, open_store_blocking

__all__ = [
    "ApprovalCancelled",
    "ApprovalDenied",
    "ApprovalExpired",
    "ApprovalHeld",
    "ApprovalPending",
    "ApprovalTuiError",
    "ApprovalWorkflow",
    "Gate",
    "NotApproved",
    "PolicyDenied",
    "PolicyError",
    "StoreUnavailable",
    "Waiting",
    "__version__",
    "open_store",
    "open_store_blocking",
]

_HOMES = {
    "ApprovalWorkflow": "approval_tui.gate.workflow",
    "Gate": "approval_tui.gate",
    "Waiting": "approval_tui.gate",
    "open_store": "approval_tui.store",
    "open_store_blocking": "approval_tui.store",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOMES.get(name, "approval_tui.domain.errors")), name)
    globals()[name] = value
    return value
