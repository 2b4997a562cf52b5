"""How long a hook takes at most, and what waits for it: each of these times follows from the one before it."""

from __future__ import annotations

DEFAULT_WAIT = 50_000
"""For how many ms a person may take, where nobody says otherwise: agents and their users wait for a minute."""

LONGEST_WAIT = 3_600_000
"""The longest wait, in ms."""

GRACE = 5_000
"""For how many ms after the wait the hook may still be at work; then it answers without a decision.

For as long does its request outlive the wait: a hook that was killed cannot withdraw it.
"""

AGENT_WAITS = 10_000
"""For how many ms after the wait the agent waits for the hook, as `hook install` writes it."""

LEAST_AGENT_WAITS = 6_000
"""The least with which an installed hook is still heard in time."""

OF_AN_OUTCOME = 30_000
"""For how many ms the agent waits for the hook after a call, when nobody is asked."""
