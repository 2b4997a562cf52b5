"""What Schemathesis is not asked to send, because no schema can say when it is right."""

from __future__ import annotations

from typing import Any

import schemathesis


@schemathesis.hook
def filter_case(_context: Any, case: Any) -> bool:
    """Leaves out bodies with an attempt, which is right only after another request that is at its end."""
    return not (isinstance(case.body, dict) and "attempt" in case.body)
