"""What a token of the server may be used for."""

from __future__ import annotations

AGENT = "agent"  #: asks for approvals under its own name, and never decides
REVIEWER = "reviewer"  #: looks at everything and decides under its own name
ROLES = (REVIEWER, AGENT)
