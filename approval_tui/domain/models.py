"""The data that everything speaks of: a request and what a decision on it needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from approval_tui.domain.canonical import JsonObject, stored_json
from approval_tui.domain.clock import optional_timestamp
from approval_tui.domain.errors import StoreCorrupt
from approval_tui.domain.lazy import lazy_property
from approval_tui.domain.lifecycle import CONSUMED

if TYPE_CHECKING:
    from approval_tui.domain.attempts import DraftAttempt
    from approval_tui.domain.decisions import Decision

VIA_GRANT = "grant"  #: what decisions that a grant made say of where they come from
VIA_POLICY = "policy"  #: what decisions that a policy made say; their reviewer is the name of its rule
DENIAL = "denial"  #: an edit is told to the agent as a denial that names the arguments that would do
EVIDENCE_NONE = "none"  #: decided by id; nothing is known of what the reviewer saw
EVIDENCE_SHOWN = "shown"  #: every row of the payload was visible to the reviewer


@dataclass(frozen=True)
class Requirements:
    """What a decision on a request needs, as a policy rule set it when the request was made."""

    quorum: int = 1
    reviewers: tuple[str, ...] = ()
    reason_required: bool = False
    evidence: str = EVIDENCE_NONE

    def to_json(self) -> JsonObject:
        """The stored form."""
        return {
            "quorum": self.quorum,
            "reviewers": list(self.reviewers),
            "reason_required": self.reason_required,
            "evidence": self.evidence,
        }

    @classmethod
    def from_json(cls, value: JsonObject) -> Requirements:
        """The requirements of their stored form; raises KeyError or TypeError where that is malformed."""
        if type(value["reviewers"]) is not list:
            raise TypeError("requirements whose reviewers are no list")
        found = cls(**{**value, "reviewers": tuple(value["reviewers"])})
        kinds = (type(found.quorum), type(found.reason_required), type(found.evidence))
        if kinds != (int, bool, str) or any(type(reviewer) is not str for reviewer in found.reviewers):
            raise TypeError("requirements of other types")
        return found

    def and_also(self, other: Requirements) -> Requirements | None:
        """What satisfies both; None where no decision could, because they name too few reviewers in common."""
        named = tuple(name for name in self.reviewers if name in other.reviewers) if other.reviewers else self.reviewers
        reviewers = named if self.reviewers else other.reviewers
        quorum = max(self.quorum, other.quorum)
        if self.reviewers or other.reviewers:
            from approval_tui.domain.people import people  # few rules name their reviewers

            if len(people(reviewers)) < quorum:
                return None
        return Requirements(
            quorum,
            reviewers,
            self.reason_required or other.reason_required,
            EVIDENCE_NONE if self.evidence == other.evidence == EVIDENCE_NONE else EVIDENCE_SHOWN,
        )

    def cover(self, other: Requirements) -> bool:
        """Whether every decision that satisfies these satisfies the other ones, too."""
        return (
            self.quorum >= other.quorum
            and (not other.reviewers or (self.reviewers != () and set(self.reviewers) <= set(other.reviewers)))
            and (self.reason_required or not other.reason_required)
            and (self.evidence == EVIDENCE_SHOWN or other.evidence == EVIDENCE_NONE)
        )


NO_REQUIREMENTS = Requirements()
NO_DECISIONS = "[]"
"""The stored text where nobody has decided."""


@dataclass(frozen=True)
class Request:
    """One tool call that waits, or waited, for a decision; times are in ms UTC.

    `status` is what counts at the moment of reading (rule R3). `arguments` are those the agent sent,
    `edited_arguments` those that a reviewer put in their place; these, `context` and `decisions` are parsed
    from their stored texts when they are first asked for, which raises StoreCorrupt for malformed ones.
    `edit_taken_as` is None where edited arguments run, and DENIAL where what asked could not run them.
    """

    id: str
    status: str
    version: int
    tool: str
    server: str | None
    requester: str
    session: str | None
    context_text: str
    arguments_text: str
    edited_arguments_text: str | None
    reason: str | None
    risk: str | None
    rule_hash: str | None
    requirements: Requirements
    fingerprint: str
    digest: str
    created_at: int
    expires_at: int
    approval_lifetime: int
    approval_expires_at: int | None
    decided_at: int | None
    decisions_text: str
    consumed_at: int | None
    claim_expires_at: int | None
    outcome: str | None
    outcome_at: int | None
    outcome_detail: str | None
    in_doubt: bool
    attempt: DraftAttempt | None = None
    edit_taken_as: str | None = None

    @classmethod
    def of(cls, values: dict[str, Any]) -> Request:
        """The request with exactly these fields, which it keeps; faster than to assign each to a frozen object."""
        request = object.__new__(cls)
        object.__setattr__(request, "__dict__", values)
        return request

    @lazy_property
    def context(self) -> JsonObject:
        """What the requester says of the call's surroundings."""
        return self._object(self.context_text)

    @lazy_property
    def arguments(self) -> JsonObject:
        """The arguments that the agent sent."""
        return self._object(self.arguments_text)

    @lazy_property
    def edited_arguments(self) -> JsonObject | None:
        """The arguments that a reviewer put in their place; None where nobody did."""
        return None if self.edited_arguments_text is None else self._object(self.edited_arguments_text)

    @lazy_property
    def decisions(self) -> tuple[Decision, ...]:
        """What reviewers said, in order."""
        if self.decisions_text == NO_DECISIONS:
            return ()
        from approval_tui.domain.decisions import Decision  # most requests of a listing have none yet

        try:
            decisions = stored_json(self.decisions_text)
            if type(decisions) is not list:
                raise TypeError("its decisions are no list")
            return tuple(map(Decision.from_json, decisions))
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise StoreCorrupt.unreadable(self.id, error) from None

    def _object(self, text: str) -> JsonObject:
        try:
            value = stored_json(text)
        except (ValueError, TypeError, RecursionError) as error:
            raise StoreCorrupt.unreadable(self.id, error) from None
        if type(value) is not dict:
            raise StoreCorrupt.unreadable(self.id, TypeError(f"it holds {type(value).__name__} for an object"))
        return value

    @property
    def effective_arguments(self) -> JsonObject:
        """The arguments that may run: the reviewer's where there was an edit, else the agent's."""
        return self.arguments if self.edited_arguments is None else self.edited_arguments

    @property
    def is_of_high_risk(self) -> bool:
        """Whether its agent or a rule says that its risk is high, so that a yes to it takes more than one key."""
        return self.risk == "high"

    @property
    def is_decided_by_policy(self) -> bool:
        """Whether a policy said yes or no to it when it was made, so that no person was asked."""
        return self.decisions_text != NO_DECISIONS and self.decisions[0].via == VIA_POLICY

    @property
    def is_running(self) -> bool:
        """Whether a caller holds the claim and has not reported yet."""
        return self.status == CONSUMED and self.outcome is None and not self.in_doubt

    def to_json(self) -> dict[str, Any]:
        """The object that `--json` prints; times are ISO 8601 in UTC."""
        return {
            "id": self.id,
            "status": self.status,
            "tool": self.tool,
            "server": self.server,
            "requester": self.requester,
            "session": self.session,
            "context": self.context,
            "arguments": self.arguments,
            "edited_arguments": self.edited_arguments,
            "reason": self.reason,
            "risk": self.risk,
            "digest": self.digest,
            "fingerprint": self.fingerprint,
            "rule_hash": self.rule_hash,
            "requirements": self.requirements.to_json(),
            "created_at": optional_timestamp(self.created_at),
            "expires_at": optional_timestamp(self.expires_at),
            "approval_expires_at": optional_timestamp(self.approval_expires_at),
            "decided_at": optional_timestamp(self.decided_at),
            "decisions": [
                {**decision.to_json(), "decided_at": optional_timestamp(decision.decided_at), "token": decision.token}
                for decision in self.decisions
            ],
            "consumed_at": optional_timestamp(self.consumed_at),
            "in_doubt": self.in_doubt,
            "outcome": self.outcome,
            "outcome_at": optional_timestamp(self.outcome_at),
            "outcome_detail": self.outcome_detail,
            "attempt": None if self.attempt is None else self.attempt.to_json(),
            "edit_taken_as": self.edit_taken_as,
        }
