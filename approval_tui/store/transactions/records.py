"""Rows to requests, the guarded step that every command takes, and the event that goes with it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from approval_tui.domain import events
from approval_tui.domain.canonical import JsonObject, record_json, stored_json
from approval_tui.domain.errors import ApprovalTuiError, RequestNotFound, StatusConflict, StoreCorrupt
from approval_tui.domain.lifecycle import APPROVED, CONSUMED, EXPIRED, effective_status
from approval_tui.domain.models import VIA_GRANT, Request, Requirements
from approval_tui.domain.status_words import describe_status
from approval_tui.store.statements import REQUEST_COLUMNS
from approval_tui.store.transaction import NewEvent, RecordedRefusal, Row, Transaction, first_row

if TYPE_CHECKING:
    from approval_tui.domain.attempts import DraftAttempt


def request_from_row(row: Row, now: int) -> Request:
    """The request as it counts at `now` (ms UTC); raises StoreCorrupt for a row we cannot have written."""
    return _readable(_request_unparsed(row, now))


def _readable(request: Request) -> Request:
    """The request itself; raises StoreCorrupt here, and not while it is drawn or after it was decided."""
    _ = request.context, request.arguments, request.edited_arguments, request.decisions
    return request


def _request_unparsed(row: Row, now: int) -> Request:
    """The same without a look at its JSON, for those who look at what they need of it."""
    values = dict(zip(REQUEST_COLUMNS, row, strict=True))
    try:
        values["context_text"] = values.pop("context")
        values["arguments_text"] = values.pop("arguments")
        values["edited_arguments_text"] = values.pop("edited_arguments")
        values["decisions_text"] = values.pop("decisions")
        values["requirements"] = _requirements(values["requirements"])
        if values["attempt"] is not None:
            values["attempt"] = _attempt(values["attempt"])
        del values["claim_hash"]
        return _as_it_counts(values, now)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise StoreCorrupt.unreadable(row["id"], error) from None


def _as_it_counts(values: dict[str, Any], now: int) -> Request:
    """The request with these columns, its status and doubt worked out for `now`."""
    status = effective_status(values["status"], values["expires_at"], values["approval_expires_at"], now)
    values["status"] = status
    values["in_doubt"] = status == CONSUMED and values["outcome"] is None and values["claim_expires_at"] <= now
    return Request.of(values)


@lru_cache(maxsize=256)
def requirements_text(requirements: Requirements) -> str:
    """The stored form; a rule gives the same ones to many requests."""
    return record_json(requirements.to_json())


@lru_cache(maxsize=256)
def _requirements(text: str) -> Requirements:
    return Requirements.from_json(stored_json(text))


def _attempt(text: str) -> DraftAttempt:
    from approval_tui.domain.attempts import DraftAttempt  # few requests are attempts

    return DraftAttempt.from_json(stored_json(text))


def load_row(tx: Transaction, request_id: str) -> Row:
    """The row as recorded; raises RequestNotFound."""
    row = first_row(tx.rows("request", {"id": request_id}))
    if row is None:
        raise RequestNotFound(request_id)
    return row


def take_row(tx: Transaction, request_id: str) -> Row:
    """The same, kept from every other writer until the end: for who looks first and then changes the request."""
    row = first_row(tx.rows("request_to_change", {"id": request_id}))
    if row is None:
        raise RequestNotFound(request_id)
    return row


def load_request(tx: Transaction, request_id: str) -> Request:
    """The request as it counts now; raises RequestNotFound."""
    return request_from_row(load_row(tx, request_id), tx.now)


def lock_request(tx: Transaction, request_id: str, status: str, not_done: str) -> Request:
    """Takes the row for this transaction if it is recorded with that status, and gives the request (R7).

    Past its time, its expiry is recorded and StatusConflict raised; with another status, or without a row,
    StatusConflict or RequestNotFound is raised and nothing changes.
    """
    request = _readable(take_request(tx, request_id, status, not_done))
    refuse_expired(tx, request, status, not_done)
    return request


def refuse_expired(tx: Transaction, request: Request, recorded_as: str, not_done: str) -> None:
    """Records the expiry of a taken request whose time has passed, and raises StatusConflict for it."""
    if request.status == EXPIRED:
        record_expiry(tx, request, from_status=recorded_as, by=None)
        raise RecordedRefusal(status_conflict(load_request(tx, request.id), not_done))


def take_request(tx: Transaction, request_id: str, status: str, not_done: str) -> Request:
    """The same without a look at the time and at the JSON: for those who record an expiry, or look themselves."""
    taken = tx.execute("bump_version", {"id": request_id, "status": status})
    request = _request_unparsed(load_row(tx, request_id), tx.now)
    if taken != 1:
        raise status_conflict(request, not_done)
    return request


def change(
    tx: Transaction,
    statement: str,
    request: Request,
    event: str,
    changes: JsonObject,
    guards: JsonObject,
    details: JsonObject | None = None,
) -> Request:
    """The one way a request changes: a guarded statement and its event (rule R1).

    `changes` are the columns with their new values, `guards` what else the statement compares. Gives the
    request as the row has it now; that the two agree is what `verify` and the tests check.
    """
    parameters = {**guards, **changes, "id": request.id, "version": request.version}
    if tx.execute(statement, parameters) != 1:
        raise status_conflict(load_request(tx, request.id), "Nothing was changed.")
    append_event(tx, event, request.id, changes, details or {})
    tx.touched.add(request.id)
    values = {**vars(request), **changes}
    values.pop("claim_hash", None)
    if "edited_arguments" in changes:
        values["edited_arguments_text"] = values.pop("edited_arguments")
    if "decisions" in changes:
        values["decisions_text"] = values.pop("decisions")
    return _as_it_counts(values, tx.now)


def append_event(tx: Transaction, name: str, request_id: str | None, changes: JsonObject, details: JsonObject) -> None:
    """Notes one event, which is linked to the log at the end of the transaction."""
    tx.new_events.append(NewEvent(name, request_id, changes, details))


def record_expiry(tx: Transaction, request: Request, *, from_status: str, by: JsonObject | None) -> None:
    """Records that the request's time has passed, or that a reviewer ended it early."""
    change(
        tx,
        "expire",
        request,
        events.EXPIRED,
        {"status": EXPIRED, "decided_at": tx.now},
        {"from_status": from_status},
        {"from": from_status, "by": by},
    )


def record_due(tx: Transaction, request_id: str) -> Request:
    """Records the request's expiry if its time has passed and nobody has recorded it yet (rule R3)."""
    row = take_row(tx, request_id)
    request, recorded_as = request_from_row(row, tx.now), row["status"]
    if request.status == EXPIRED and recorded_as != EXPIRED:
        request = take_request(tx, request_id, recorded_as, "Its expiry was not recorded.")
        record_expiry(tx, request, from_status=recorded_as, by=None)
    return load_request(tx, request_id)


def status_conflict(request: Request, not_done: str) -> StatusConflict:
    """The error that says what the request is now, since when and by whom."""
    return StatusConflict(
        f"Request {request.id} is {describe_status(request)}.",
        not_done=not_done,
        to_do=f"Look at it with `approval-tui show {request.id}`.",
        request=request,
    )


def corrupt(happened: str) -> ApprovalTuiError:
    """The error for stored data that does not agree with itself."""
    return StoreCorrupt(
        happened,
        not_done="The call may not run.",
        to_do="Run `approval-tui audit verify`; somebody wrote to the store's file.",
    )


def is_granted(request: Request) -> bool:
    """Whether a grant approved it, and it was not used yet."""
    return request.status == APPROVED and bool(request.decisions) and request.decisions[-1].via == VIA_GRANT


def row_to_fold(row: Row) -> dict[str, Any]:
    """The columns of a row that events describe, in the form in which events write them."""
    return {
        "status": row["status"],
        "digest": row["digest"],
        "fingerprint": row["fingerprint"],
        "created_at": row["created_at"],
        "expires_at": row["expires_at"],
        "approval_lifetime": row["approval_lifetime"],
        "approval_expires_at": row["approval_expires_at"],
        "requirements": row["requirements"],
        "edited_arguments": row["edited_arguments"],
        "decided_at": row["decided_at"],
        "decisions": row["decisions"],
        "consumed_at": row["consumed_at"],
        "claim_hash": row["claim_hash"],
        "claim_expires_at": row["claim_expires_at"],
        "outcome": row["outcome"],
        "outcome_at": row["outcome_at"],
        "outcome_detail": row["outcome_detail"],
        "attempt": row["attempt"],
        "edit_taken_as": row["edit_taken_as"],
    }
