"""A reviewer's word on a request, who gave it, and what it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.models import EVIDENCE_NONE, EVIDENCE_SHOWN

EVIDENCE_TABLE = "table"  #: decided in bulk, from a table of exactly these requests
EVIDENCE_TYPED = "typed"  #: not all rows were shown; the reviewer typed the end of the id instead
EVIDENCE_KINDS = (EVIDENCE_SHOWN, EVIDENCE_TABLE, EVIDENCE_TYPED, EVIDENCE_NONE)


@dataclass(frozen=True)
class Evidence:
    """What is known of what the reviewer saw: the kind, the payload's rows, and how long in ms (rule R9)."""

    kind: str = EVIDENCE_NONE
    rows: int = 0
    shown_ms: int = 0


@dataclass(frozen=True)
class Decision:
    """One reviewer's word on one digest of a request."""

    verdict: str
    reviewer: str
    reason: str | None
    digest: str
    evidence: Evidence
    via: str
    os_user: str | None
    tty: str | None
    decided_at: int
    token: str | None = None  #: the id of the server's token that proved the name; None where it was only said

    def to_json(self) -> JsonObject:
        """The form in which it is stored and logged; the time is in ms UTC, and `token` is there where there is one."""
        return {
            "verdict": self.verdict,
            "reviewer": self.reviewer,
            "reason": self.reason,
            "digest": self.digest,
            "evidence": {
                "kind": self.evidence.kind,
                "rows": self.evidence.rows,
                "shown_ms": self.evidence.shown_ms,
            },
            "via": self.via,
            "os_user": self.os_user,
            "tty": self.tty,
            "decided_at": self.decided_at,
            **({} if self.token is None else {"token": self.token}),
        }

    @classmethod
    def of(cls, values: dict[str, Any]) -> Decision:
        """The decision with exactly these fields, which it keeps; faster than to assign each to a frozen object."""
        decision = object.__new__(cls)
        object.__setattr__(decision, "__dict__", values)
        return decision

    @classmethod
    def from_json(cls, value: JsonObject) -> Decision:
        """The decision of its stored form; raises TypeError where that is malformed."""
        if type(value) is not dict or {"token", *value} != cls.__dataclass_fields__.keys():
            raise TypeError(f"{value!r} is no decision")
        return cls.of({"token": None, **value, "evidence": Evidence(**value["evidence"])})


@dataclass(frozen=True)
class Reviewer:
    """Who decides, and from where: the name, the surface, and what the operating system says.

    `token` is the id of the server's token that proves the name; without one the name is only said, as anybody who can
    open the store's file may say any.
    """

    name: str
    via: str = "api"
    os_user: str | None = None
    tty: str | None = None
    token: str | None = None

    def to_json(self) -> JsonObject:
        """The form in events; `token` is there where there is one."""
        said: JsonObject = {"reviewer": self.name, "via": self.via, "os_user": self.os_user, "tty": self.tty}
        return said if self.token is None else {**said, "token": self.token}


NO_EVIDENCE = Evidence()
