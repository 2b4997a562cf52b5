"""The counters of policies: read, reserved all together or not at all, and given back when a call did not run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from approval_tui.domain.counters import LARGEST_COUNT, Counter, Reservation
from approval_tui.domain.errors import CountersMoved, LimitReached
from approval_tui.store.transaction import Parameters, Transaction, first_row


def counter_values(tx: Transaction, counters: Iterable[Counter]) -> dict[Counter, int]:
    """What these counters hold in their present windows."""
    return {counter: _value(tx, counter) for counter in counters}


def refuse_moved(tx: Transaction, counts: Mapping[Counter, int]) -> None:
    """Raises CountersMoved unless the counters hold what a verdict took for their values."""
    for counter in sorted(counts):
        tx.serialize(f"counter:{counter.name}")
        if _value(tx, counter) != counts[counter]:
            raise CountersMoved(
                f"The counter {counter.name} was changed while the call was judged.",
                not_done="The call may not run yet, and nothing was counted.",
                to_do="Judge it again.",
            )


def first_over_limit(tx: Transaction, reservations: Sequence[Reservation]) -> Reservation | None:
    """The first reservation that its counter has no room for; the counters are held until the end."""
    for counter in sorted({each.counter for each in reservations}):
        tx.serialize(f"counter:{counter.name}")
    for each in reservations:
        if _value(tx, each.counter) + each.amount > _most(each):
            return each
    return None


def reserve_all(tx: Transaction, holder: str, reservations: Sequence[Reservation]) -> None:
    """Adds all of them, in the windows of now; raises LimitReached, after which nothing may be committed.

    `holder` is the hash of the claim that may give them back.
    """
    for each in reservations:
        key = _key(tx, each.counter)
        amount = {**key, "amount": each.amount}
        if tx.execute("add_to_counter", {**amount, "most": _most(each)}) != 1:
            raise LimitReached(each)
        tx.execute("reserve", {**amount, "holder": holder})
        tx.execute("forget_old_reservations", _aging(tx, each.counter))
        tx.execute("forget_counters", _aging(tx, each.counter))


def release(tx: Transaction, holder: str) -> int:
    """Gives back what the holder's call counted, once, each in its own window; says how many counters that were."""
    tx.serialize(f"reservations:{holder}")
    held = tx.rows("reservations_of", {"holder": holder})
    for row in held:
        tx.execute("take_from_counter", {column: row[column] for column in row.keys()})  # noqa: SIM118 - no mapping
    if held:
        tx.execute("forget_reservations", {"holder": holder})
    return len(held)


def _most(reservation: Reservation) -> int:
    return LARGEST_COUNT if reservation.most is None else reservation.most


def _value(tx: Transaction, counter: Counter) -> int:
    row = first_row(tx.rows("counter_value", _key(tx, counter)))
    return 0 if row is None else int(row["value"])


def _key(tx: Transaction, counter: Counter) -> dict[str, object]:
    return {"name": counter.name, "window_length": counter.window, "window_start": counter.window_start(tx.now)}


def _aging(tx: Transaction, counter: Counter) -> Parameters:
    return {"name": counter.name, "window_length": counter.window, "now": tx.now}
