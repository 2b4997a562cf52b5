"""How a proxy can be told to answer and to roll back; the configuration and the command line offer the same."""

from __future__ import annotations

from approval_tui.domain.clock import SECOND

ON_PENDING_ERROR = "error"  #: a JSON-RPC error, with the details as its data
ON_PENDING_TOOL_ERROR = "tool_error"  #: a result with isError, whose text every model gets to read
ON_PENDING = (ON_PENDING_ERROR, ON_PENDING_TOOL_ERROR)

ROLLBACK_NOT_RUN = "not_run"  #: only what certainly did not run can run again
ROLLBACK_ERROR = "error"  #: what the server answers with an error can run again, too
ROLLBACK_ON = (ROLLBACK_NOT_RUN, ROLLBACK_ERROR)

DEFAULT_REQUESTER = "mcp"
DEFAULT_HOLD = 30 * SECOND
DEFAULT_PENDING_CODE = -32003
