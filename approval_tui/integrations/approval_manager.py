"""ToolWeaver's ApprovalManager: proposals in the store, which the console shows and anybody may decide there."""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from types import TracebackType
from typing import Any
from weakref import WeakValueDictionary

from approval_tui.domain import events
from approval_tui.domain.audit import Event
from approval_tui.domain.calls import Call
from approval_tui.domain.canonical import JsonObject, parse_json
from approval_tui.domain.clock import HOUR, LONGEST_DURATION
from approval_tui.domain.decisions import Reviewer
from approval_tui.domain.edits import edit_told
from approval_tui.domain.errors import ApprovalTuiError, Conflict, InvalidInput, PolicyDenied, RequestNotFound
from approval_tui.domain.ids import is_request_id
from approval_tui.domain.lifecycle import APPROVE, APPROVED, CONSUMED, DENIED, DENY, PENDING
from approval_tui.domain.limits import DEFAULT_CLAIM_LIFETIME
from approval_tui.domain.models import Request
from approval_tui.domain.names import quoted_name
from approval_tui.gate import Gate
from approval_tui.gate.attempt import NO_WAITING, Attempt
from approval_tui.gate.steps import run_blocking
from approval_tui.integrations.proposals import ApprovalRequest, ApprovalStatus, ProposalError
from approval_tui.settings import identity
from approval_tui.settings.configuration import load_settings, store_location
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from approval_tui.store.transactions.filters import Filter

TOOL, REQUESTER = "proposed_action", "toolweaver"

_STATUSES = {
    PENDING: ApprovalStatus.PENDING,
    APPROVED: ApprovalStatus.APPROVED,
    CONSUMED: ApprovalStatus.APPROVED,
    DENIED: ApprovalStatus.REJECTED,
}
_ACTIONS = {
    events.SUBMITTED: "CREATED",
    events.APPROVED: "APPROVED",
    events.DENIED: "REJECTED",
    events.REVOKED: "REJECTED",
    events.EXPIRED: "EXPIRED",
}
_MOST = 100_000


class ApprovalManager:
    """Makes proposals and decides on them; every one is a request in the store, every decision an audit row.

    A proposal is the call of `tool` by `requester` with its title, description and proposed action as the arguments;
    a policy in force judges it like any other, but for `allow`: somebody is always asked. An approval is valid for as
    long as the proposal waited at most, and `status` is EXPIRED after that.
    Managers of one store, tool and requester share their proposals, in whatever process they are. Without `store` the
    default store is opened at the first use. Raises StoreUnavailable where there is none to be opened.
    """

    def __init__(
        self,
        store: str | None = None,
        *,
        requester: str = REQUESTER,
        tool: str = TOOL,
        config: str | None = None,
    ) -> None:
        self._location = store
        self._config = config
        self._requester = requester
        self._tool = tool
        self._judge = Gate(requester, store=store, config=config)  #: knows the policy in force
        self._store: BlockingStore | None = None
        self._lock = threading.Lock()
        self._handed_out: WeakValueDictionary[str, ApprovalRequest] = WeakValueDictionary()

    def create_request(
        self, title: str, description: str, proposed_action: Mapping[str, Any], expires_in_hours: float = 24
    ) -> ApprovalRequest:
        """A new proposal, pending, or expired at once with 0 hours; raises ProposalError for what cannot be one."""
        if not isinstance(proposed_action, Mapping):
            raise _unusable(f"The proposed action is {type(proposed_action).__name__}, and not a mapping.")
        milliseconds = _milliseconds(expires_in_hours)
        if not isinstance(title, str) or not isinstance(description, str):
            raise _unusable("The title and the description of a proposal are texts.")
        lifetime = max(1, milliseconds)
        call = Call(
            tool=self._tool,
            arguments={"title": title, "description": description, "proposed_action": dict(proposed_action)},
            requester=self._requester,
            # Each proposal is its own, even if the same is proposed again.
            context={"working_directory": os.getcwd(), "proposal": str(uuid.uuid4())},
            timeout=lifetime,
            approval_lifetime=lifetime,
        )
        engine = self._judge.engine_in_force
        attempt = Attempt(call, engine=engine, claim_lifetime=DEFAULT_CLAIM_LIFETIME, waiting=NO_WAITING)
        with _as_proposal_errors():
            store = self._open()
            request = run_blocking(attempt, attempt.asking_steps(), store.requester).request
            if milliseconds == 0:
                reviewer = identity.reviewer(self._requester, via="api")
                request = store.reviewer.expire(request.id, reviewer=reviewer)
        return self._proposal(request)

    def get_request(self, request_id: str) -> ApprovalRequest | None:
        """The proposal as it is now, None where there is none with that id."""
        request = self._find(request_id)
        return None if request is None else self._proposal(request)

    def approve(
        self,
        request_id: str,
        reviewer: str,
        *,
        digest: str | None = None,
        via: str = "api",
        token: str | None = None,
    ) -> ApprovalRequest:
        """Approves it in that reviewer's name; again by the same reviewer changes nothing.

        `digest` is that of what the reviewer saw, else of what this manager handed out last; `token` the id of the
        token that proved the name, where one did. Raises ProposalError where it is not there, not pending any more,
        or has become another one meanwhile.
        """
        return self._decide(request_id, APPROVE, self._who(reviewer, via, token), None, digest)

    def reject(
        self,
        request_id: str,
        reviewer: str,
        reason: str,
        *,
        digest: str | None = None,
        via: str = "api",
        token: str | None = None,
    ) -> ApprovalRequest:
        """Rejects it for that reason; raises ProposalError as `approve` does."""
        return self._decide(request_id, DENY, self._who(reviewer, via, token), reason, digest)

    def list_pending(self) -> list[ApprovalRequest]:
        """The proposals that wait, oldest first."""
        chosen = Filter(status=PENDING, requester=self._requester, tool=self._tool)
        waiting = self._open().reader.list(chosen, most=_MOST)
        ours = [each for each in waiting if self._is_ours(each) and _is_proposal(each.effective_arguments)]
        return [self._proposal(request) for request in ours]

    @property
    def pending_approvals(self) -> dict[str, ApprovalRequest]:
        """The proposals that wait, by id."""
        return {proposal.request_id: proposal for proposal in self.list_pending()}

    @property
    def audit_log(self) -> list[dict[str, Any]]:
        """What was done with the proposals, oldest first: timestamp, action, request_id, title, reviewer, reason."""
        store = self._open()
        told: list[Event] = []
        store.reader.export(lambda batch: told.extend(event for event in batch if event.name in _ACTIONS))
        found = store.reader.get_many(tuple({event.request_id for event in told if event.request_id is not None}))
        ours = {request.id: request for request in found if self._is_ours(request)}
        return [_entry(event, ours[event.request_id]) for event in told if event.request_id in ours]

    def close(self) -> None:
        """Closes the store, if it was opened; the next use opens it again."""
        with self._lock:
            store, self._store = self._store, None
        self._judge.close()
        if store is not None:
            store.close()

    def __deepcopy__(self, memo: object) -> ApprovalManager:
        """Itself: copies of its proposals are of the same store."""
        return self

    def __enter__(self) -> ApprovalManager:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- the store -----------------------------------------------------------------------------

    def _open(self) -> BlockingStore:
        with self._lock:
            if self._store is None:
                settings = load_settings(self._config)
                self._store = open_store_blocking(store_location(self._location, settings))
            return self._store

    def _find(self, request_id: str) -> Request | None:
        if not isinstance(request_id, str) or not is_request_id(request_id):
            return None
        try:
            request = self._open().reader.get(request_id)
        except RequestNotFound:
            return None
        return request if self._is_ours(request) else None

    def _is_ours(self, request: Request) -> bool:
        """Whether it is of the same requester and tool, and holds nothing that a proposal would not show."""
        is_of_us = (request.requester, request.tool, request.server) == (self._requester, self._tool, None)
        return is_of_us and _is_proposal(request.arguments)

    def _decide(
        self, request_id: str, verdict: str, reviewer: Reviewer, reason: str | None, digest: str | None
    ) -> ApprovalRequest:
        request = self._find(request_id)
        if request is None:
            named = quoted_name(request_id) if isinstance(request_id, str) else type(request_id).__name__
            raise ProposalError(
                f"Request {named} not found.", not_done="Nothing was decided.", to_do="Check the id and the store."
            )
        known = self._handed_out.get(request_id)
        if digest is None:
            digest = request.digest if known is None or known.digest is None else known.digest
        with _as_proposal_errors():
            decided = self._open().reviewer.decide(request_id, verdict, reviewer=reviewer, digest=digest, reason=reason)
        return self._proposal(decided)

    @staticmethod
    def _who(name: str, via: str, token: str | None) -> Reviewer:
        """Who decides; the account and the terminal of this process are theirs unless they came with a token."""
        return identity.reviewer(name, via=via) if token is None else Reviewer(name, via=via, token=token)

    def _proposal(self, request: Request) -> ApprovalRequest:
        """The request in ToolWeaver's words: the object that was handed out before, if somebody still holds it."""
        arguments = request.effective_arguments
        if not _is_proposal(arguments):
            raise ProposalError(
                f"A reviewer made of request {request.id} what is no proposal any more.",
                not_done="Nothing was approved.",
                to_do="Propose it again.",
            )
        last = request.decisions[-1] if request.decisions else None
        status = _STATUSES.get(request.status, ApprovalStatus.EXPIRED)
        fresh = ApprovalRequest(
            request_id=request.id,
            title=arguments.get("title", ""),
            description=arguments.get("description", ""),
            proposed_action=arguments.get("proposed_action", {}),
            created_at=_moment(request.created_at),
            expires_at=_moment(request.expires_at),
            status=status,
            reviewer=None if last is None else last.reviewer,
            reviewed_at=None if last is None else _moment(last.decided_at),
            rejection_reason=last.reason if last is not None and status is ApprovalStatus.REJECTED else None,
            digest=request.digest,
            manager=self,
            edit_told=edit_told(request),
        )
        known = self._handed_out.setdefault(request.id, fresh)
        if known is not fresh:
            known.__dict__.update(fresh.__dict__)
        return known


def _entry(event: Event, request: Request) -> dict[str, Any]:
    action = _ACTIONS[event.name]
    decision = None
    arguments = request.arguments if action == "CREATED" else request.effective_arguments
    if action in ("APPROVED", "REJECTED"):
        made = parse_json(event.body["changes"]["decisions"])  # this event's own, whatever came after it
        decision = request.decisions[len(made) - 1]
    return {
        "timestamp": _moment(event.at).isoformat(),
        "action": action,
        "request_id": request.id,
        "title": arguments.get("title", ""),
        "reviewer": None if decision is None else decision.reviewer,
        "reason": None if decision is None else decision.reason,
    }


def _is_proposal(arguments: JsonObject) -> bool:
    """Whether the arguments are those of a proposal, and nothing that one would not show."""
    kinds = {"title": str, "description": str, "proposed_action": dict}
    return {name: type(value) for name, value in arguments.items()} == kinds


def _milliseconds(hours: float) -> int:
    if isinstance(hours, bool) or not isinstance(hours, int | float) or not 0 <= hours <= LONGEST_DURATION / HOUR:
        raise _unusable(f"A proposal cannot expire in {hours!r:.40} hours.")
    return round(hours * HOUR)


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _unusable(happened: str) -> ProposalError:
    return ProposalError(happened, not_done="Nobody was asked.", to_do="Correct it and propose it again.")


@contextmanager
def _as_proposal_errors() -> Iterator[None]:
    """What the store refuses is a ProposalError, which ToolWeaver's users catch as a ValueError."""
    try:
        yield
    except (InvalidInput, Conflict, PolicyDenied) as error:
        raise _same(error) from error


def _same(error: ApprovalTuiError) -> ProposalError:
    return ProposalError(error.happened, not_done=error.not_done, to_do=error.to_do)


approval_manager = ApprovalManager()
"""The manager of the default store, which opens it at the first use."""
