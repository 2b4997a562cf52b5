"""One tree of errors; each says what happened, what was not done, and what to do now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from approval_tui.domain.names import quoted_name

if TYPE_CHECKING:
    from approval_tui.domain.counters import Reservation
    from approval_tui.domain.holds import Hold
    from approval_tui.domain.models import Request


class ApprovalTuiError(Exception):
    """Base of every error that this package raises on purpose."""

    def __init__(self, happened: str, *, not_done: str, to_do: str) -> None:
        super().__init__(" ".join(part for part in (happened, not_done, to_do) if part))
        self.happened = happened
        self.not_done = not_done
        self.to_do = to_do


# --- what a caller handed in -------------------------------------------------------------------


class InvalidInput(ApprovalTuiError):
    """Something that was handed in cannot be used."""


class ExtraMissing(InvalidInput):
    """What was asked for needs a part of this package that is not installed."""


class InvalidJson(InvalidInput):
    """Text or a value that has no single meaning as JSON (RFC 8785, I-JSON)."""

    def __init__(self, happened: str) -> None:
        super().__init__(happened, not_done="Nothing was written.", to_do="Correct the JSON and try again.")


class ConfigurationError(ApprovalTuiError):
    """The configuration cannot be used; `problems` holds one line for each fault."""

    def __init__(
        self,
        problems: Sequence[str],
        *,
        not_done: str = "Nothing was started.",
        to_do: str = "Correct the configuration (`approval-tui config validate` checks it).",
    ) -> None:
        super().__init__("\n".join(problems), not_done=not_done, to_do=to_do)
        self.problems = tuple(problems)


class PolicyError(ConfigurationError):
    """The policy cannot be used; `problems` holds one line for each fault."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(
            problems,
            not_done="No call may run on it.",
            to_do="Correct the policy (`approval-tui policy validate` checks it).",
        )


# --- what the store holds ----------------------------------------------------------------------


class RequestNotFound(ApprovalTuiError):
    """No request has that id."""

    def __init__(self, request_id: str) -> None:
        super().__init__(
            f"No request {request_id} is in this store.",
            not_done="Nothing was changed.",
            to_do="`approval-tui list` and `approval-tui history` show the ids; check --store too.",
        )
        self.request_id = request_id


class GrantNotFound(ApprovalTuiError):
    """No grant has that id."""

    def __init__(self, grant_id: str) -> None:
        super().__init__(
            f"No grant {quoted_name(grant_id)} is in this store.",
            not_done="Nothing was changed.",
            to_do="`approval-tui grant list` shows the ids; check --store too.",
        )


class TokenNotFound(ApprovalTuiError):
    """No token has that id."""

    def __init__(self, token_id: str) -> None:
        super().__init__(
            f"No token {quoted_name(token_id)} is in this store.",
            not_done="Nothing was changed.",
            to_do="`approval-tui token list` shows the ids; check --store too.",
        )


class SessionNotFound(ApprovalTuiError):
    """That session never asked anything here, or was never held back."""

    def __init__(self, requester: str, session: str) -> None:
        super().__init__(
            f"The session {quoted_name(session)} of {quoted_name(requester)} is not known here.",
            not_done="Nothing was changed.",
            to_do="`approval-tui list --json` shows the sessions of what waits; check --store too.",
        )


class AmbiguousId(InvalidInput):
    """An id prefix fits more than one request."""


class Conflict(ApprovalTuiError):
    """The request is not in a state that allows this; `request` is what it is now, where known."""

    def __init__(self, happened: str, *, not_done: str, to_do: str, request: Request | None = None) -> None:
        super().__init__(happened, not_done=not_done, to_do=to_do)
        self.request = request


class StatusConflict(Conflict):
    """The request has another status than the command needs."""


class RequestChanged(Conflict):
    """The decision names another digest than the request has now."""


class DecisionRefused(Conflict):
    """The request's own requirements do not admit this decision."""


class KeyReused(Conflict):
    """The key of a submission was used for another one before."""


class SessionHeld(Conflict):
    """A reviewer holds the session back, so that nothing of it is approved or runs."""

    @classmethod
    def by(cls, hold: Hold, *, request: Request | None = None) -> SessionHeld:
        """The error for a session that is held so."""
        why = f": {hold.reason}" if hold.reason else ""
        return cls(
            f"{hold.held_by} holds the session {quoted_name(hold.session)} back{why}.",
            not_done="Nothing was approved and nothing may run.",
            to_do="A reviewer releases it with `approval-tui session release`, or in the console (o).",
            request=request,
        )


class ClaimInvalid(Conflict):
    """The claim is not the one that is open for this request."""


class ClaimInDoubt(Conflict):
    """The claim's time passed without an outcome; only a reviewer's resolve ends it."""


class CountersMoved(Conflict):
    """Counters that a verdict relied on have other values now; the call must be judged again."""


class LimitReached(Conflict):
    """A counter of the policy has no room left for the call; `reservation` says which, and why."""

    def __init__(self, reservation: Reservation, *, request: Request | None = None) -> None:
        super().__init__(
            f"The limit of {reservation.counter.name} is reached.",
            not_done="The call may not run, and nothing was counted.",
            to_do="Ask again when its window has ended.",
            request=request,
        )
        self.reservation = reservation


# --- the store itself --------------------------------------------------------------------------


class StoreUnavailable(ApprovalTuiError):
    """The store cannot be reached, so nothing may run."""


class StoreMissing(StoreUnavailable):
    """There is no store where one was looked for."""


class StoreAway(StoreUnavailable):
    """The server of the store cannot be reached, which may pass by itself."""


class StoreInDoubt(StoreUnavailable):
    """The connection was lost at the end of a transaction, and whether it was recorded is not known."""


class StoreBusy(StoreUnavailable):
    """Another program holds the store for longer than can be waited for."""


class StoreFull(StoreUnavailable):
    """The disk of the store has no room left."""


class StoreReadOnly(StoreUnavailable):
    """The store can be read at most: its file, folder or file system is not writable, or it was opened so."""


class StoreReplaced(StoreUnavailable):
    """The store's file was moved or replaced while it was open."""


class StoreIncompatible(StoreUnavailable):
    """The file is no store, or one of a newer version, or the SQLite library is too old."""


class StoreCorrupt(StoreUnavailable):
    """The store holds something that it never wrote."""

    @classmethod
    def unreadable(cls, request_id: str, why: Exception) -> StoreCorrupt:
        """The error for a row that we cannot have written."""
        return cls(
            f"The row of request {request_id} cannot be read: {why}.",
            not_done="Nothing was decided and nothing may run on it.",
            to_do="Run `approval-tui audit verify`; somebody wrote to the store's file.",
        )


class LogBroken(StoreCorrupt):
    """The audit log of a store, or what it says of the requests, does not verify."""


# --- what a gate says to the agent -------------------------------------------------------------


class NotApproved(ApprovalTuiError):
    """The call did not run; `request` is what was asked, None where a policy refused it before anybody was."""

    def __init__(self, happened: str, *, request: Request | None, to_do: str) -> None:
        super().__init__(happened, not_done="The call did not run.", to_do=to_do)
        self.request = request


class PolicyDenied(NotApproved):
    """The policy said no; `reason` is what its rule has to say, `rule` the rule's name."""

    def __init__(
        self,
        tool: str,
        *,
        rule: str,
        reason: str,
        request: Request | None = None,
        to_do: str = "Do something else, or ask whoever keeps the policy.",
    ) -> None:
        stop = "" if reason.endswith((".", "!", "?")) else "."
        super().__init__(f"The policy denies {quoted_name(tool)}: {reason}{stop}", request=request, to_do=to_do)
        self.rule = rule
        self.reason = reason


class RulesChanged(NotApproved):
    """What was approved was asked under rules that are no longer in force."""

    request: Request

    def __init__(self, request: Request) -> None:
        super().__init__(
            f"Request {request.id} ({quoted_name(request.tool)}) was asked under rules that are no longer in force.",
            request=request,
            to_do="Ask again.",
        )


class ApprovalDenied(NotApproved):
    """A reviewer said no; `reason` is the reviewer's."""

    request: Request

    @property
    def reason(self) -> str | None:
        decisions = self.request.decisions
        return decisions[-1].reason if decisions else None


class ApprovalExpired(NotApproved):
    """Nobody decided in time, or the approval was not used in time."""

    request: Request


class ApprovalCancelled(NotApproved):
    """The requester withdrew the request."""

    request: Request


class ApprovalHeld(NotApproved):
    """A reviewer holds the session back; what was approved of it may run when it is released."""


class ApprovalPending(NotApproved):
    """Nobody has decided yet, and the caller did not want to wait."""

    request: Request
