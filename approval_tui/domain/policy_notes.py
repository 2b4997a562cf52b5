"""What gates say of the policies that they go by, as the audit log keeps it."""

from __future__ import annotations

from dataclasses import dataclass


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
