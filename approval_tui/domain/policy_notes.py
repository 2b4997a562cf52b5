"""What gates say of the policies that they go by, as the audit log keeps it."""

from __future__ import annotations

from dataclasses import dataclass

from approval_tui.domain.clock import HOUR

REJECTION_COUNTS_FOR = 24 * HOUR
"""For how many ms a rejection is taken for one that still stands; a gate that is there says it again before."""

SAID_AGAIN_AFTER = 12 * HOUR
"""After how many ms the log is told again that a policy still cannot be used."""


@dataclass(frozen=True)
class PolicyNote:
    """What a gate has to say of a policy's file: its content's hash, or what is wrong with it."""

    file: str
    hash: str
    problems: tuple[str, ...] = ()
    requester: str | None = None


@dataclass(frozen=True)
class PolicyStanding:
    """The newest that was said of one policy's file, and when (ms UTC)."""

    note: PolicyNote
    at: int
