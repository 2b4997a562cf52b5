"""Deliveries: the audit log is the outbox of every sink, and a lease says who delivers what."""

from __future__ import annotations

from collections.abc import Collection

from approval_tui.domain import events
from approval_tui.domain.lifecycle import APPROVED, CANCELLED, DENIED, PENDING, effective_status
from approval_tui.domain.lifecycle import EXPIRED as EXPIRED_STATUS
from approval_tui.domain.notices import GIVEN_UP_AFTER, LEASE, REMINDER, Delivery, GivenUp, Notice, Outlook
from approval_tui.domain.sinks import DECIDED, EXPIRED, REQUESTED
from approval_tui.store.transaction import NothingToDo, Row, Transaction, first_row

_MOST_EVENTS = 2000
"""How many events are turned into deliveries in one transaction, which then takes a few ms."""

_LEADS_TO = {
    events.APPROVED: APPROVED,
    events.DENIED: DENIED,
    events.REVOKED: DENIED,
    events.CANCELLED: CANCELLED,
    events.EXPIRED: EXPIRED_STATUS,
}


def outlook(tx: Transaction, sinks: Collection[str]) -> Outlook:
    """What there is to do for these sinks now."""
    last = _last_event(tx)
    seen = {sink: first_row(tx.rows("sink", {"sink": sink})) for sink in sinks}
    return Outlook(
        behind=frozenset(sink for sink, row in seen.items() if row is None or row["last_seq"] < last),
        due=frozenset(sink for sink in sinks if tx.rows("due_delivery", {"sink": sink, "now": tx.now})),
        has_old=bool(_old_deliveries(tx, most=1)),
    )


def take_up(tx: Transaction, sink: str, wanted: Collection[str], *, remind_after: int | None = None) -> bool:
    """Turns what happened since into deliveries; whether there is more to take up.

    A sink that is new begins at the end of the log, with what waits now. `wanted` are the kinds of its notices;
    with `remind_after` (ms) a request that waits for so long is told of once more. What was decided before the
    time after which deliveries are given up is passed over.
    """
    tx.serialize(f"sink:{sink}")
    last = _last_event(tx)
    row = first_row(tx.rows("sink", {"sink": sink}))
    if row is None:
        tx.execute("add_sink", {"sink": sink, "last": last})
        _announce(tx, "take_up_waiting", {"sink": sink, "now": tx.now}, wanted, remind_after)
        return False
    after, until = row["last_seq"], min(last, row["last_seq"] + _MOST_EVENTS)
    if tx.execute("move_sink", {"sink": sink, "after": after, "last": until}) != 1 or after == until:
        raise NothingToDo(False)
    span = {"sink": sink, "after": after, "last": until}
    _announce(tx, "take_up_requested", {**span, "now": tx.now}, wanted, remind_after)
    for kind, statement in ((DECIDED, "take_up_decided"), (EXPIRED, "take_up_expired")):
        if kind in wanted:
            tx.execute(statement, {**span, "oldest": tx.now - GIVEN_UP_AFTER})
    return bool(until < last)


def lease(tx: Transaction, holder: str, sink: str, *, most: int) -> tuple[Delivery, ...]:
    """Takes due deliveries of one sink for this holder alone, for as long as a lease lasts.

    A reminder of what no longer waits is dropped.
    """
    tx.serialize(f"sink:{sink}")  # two who find the same ones due would leave others lying
    leased = []
    rows = tx.rows("due_deliveries", {"sink": sink, "now": tx.now, "most": most})
    for row in rows:
        key = {"sink": sink, "seq": row["seq"], "kind": row["kind"], "now": tx.now}
        notice = _notice(row, tx.now)
        if notice.kind == REMINDER and notice.status != PENDING:
            tx.execute("drop_delivery", key)
        elif tx.execute("lease_delivery", {**key, "holder": holder, "leased_until": tx.now + LEASE}) == 1:
            leased.append(Delivery(sink, row["seq"], row["attempts"] + 1, notice))
    if not rows:
        raise NothingToDo(())
    return tuple(leased)


def confirm(tx: Transaction, holder: str, delivery: Delivery) -> bool:
    """Notes that it was delivered; False where the lease ran out and another deliverer has it now."""
    return tx.execute("confirm_delivery", {**_key(delivery), "holder": holder}) == 1


def fail(tx: Transaction, holder: str, delivery: Delivery, *, delay: int, why: str) -> bool:
    """Puts it off for `delay` ms; False where the lease ran out and another deliverer has it now."""
    changes = {"due_at": tx.now + delay, "failure": why}
    return tx.execute("fail_delivery", {**_key(delivery), **changes, "holder": holder}) == 1


def give_up_old(tx: Transaction, *, most: int = 100) -> tuple[GivenUp, ...]:
    """Drops what was tried for too long, also of sinks that nobody has any more, and says what it was."""
    given_up = []
    for row in _old_deliveries(tx, most=most):
        key = {"sink": row["sink"], "seq": row["seq"], "kind": row["kind"], "now": tx.now}
        if tx.execute("drop_delivery", key) == 1:
            given_up.append(GivenUp(row["sink"], row["kind"], row["request_id"], row["attempts"], row["failure"]))
    if not given_up:
        raise NothingToDo(())
    return tuple(given_up)


def _announce(
    tx: Transaction, statement: str, parameters: dict[str, object], wanted: Collection[str], remind_after: int | None
) -> None:
    if REQUESTED in wanted:
        tx.execute(statement, {**parameters, "delay": 0})
        if remind_after:
            tx.execute(statement, {**parameters, "delay": remind_after})


def _notice(row: Row, now: int) -> Notice:
    kind = row["kind"]
    current = effective_status(row["status"], row["expires_at"], row["approval_expires_at"], now)
    return Notice(
        kind=kind,
        at=row["wanted_at"] if kind == REMINDER else row["at"],
        request_id=row["request_id"],
        tool=row["tool"],
        server=row["server"],
        requester=row["requester"],
        risk=row["risk"],
        status=_LEADS_TO.get(row["event"], current),
        expires_at=row["expires_at"],
    )


def _key(delivery: Delivery) -> dict[str, object]:
    return {"sink": delivery.sink, "seq": delivery.seq, "kind": delivery.notice.kind}


def _last_event(tx: Transaction) -> int:
    row = first_row(tx.rows("last_event", {}))
    return 0 if row is None else row["seq"]


def _old_deliveries(tx: Transaction, most: int) -> list[Row]:
    return list(tx.rows("old_deliveries", {"before": tx.now - GIVEN_UP_AFTER, "now": tx.now, "most": most}))
