"""Proxies: what they say of themselves, and which rules of their policies deny most."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from approval_tui.domain.canonical import record_json, stored_json
from approval_tui.domain.lifecycle import DENY
from approval_tui.domain.proxies import FORGOTTEN_AFTER, Denials, DenyingRule, ProxyStanding
from approval_tui.store.transaction import Transaction
from approval_tui.store.transactions.log import event_from_row

_MOST_CALLS = 10_000
"""How far back the calls are looked through, which takes a fraction of a second."""


def note_proxy(tx: Transaction, standing: ProxyStanding) -> None:
    """Keeps what a proxy says of itself now, in place of what it said before; old ones are forgotten."""
    said = {**vars(standing), "counts": dict(standing.counts)}
    del said["heard_at"]
    tx.execute("note_proxy", {"id": standing.id, "standing": record_json(said), "now": tx.now})
    tx.execute("forget_proxies", {"before": tx.now - FORGOTTEN_AFTER})


def proxies(tx: Transaction) -> tuple[ProxyStanding, ...]:
    """All proxies of the last week, those heard of last before the others."""
    rows = tx.rows("proxies", {})
    return tuple(replace(ProxyStanding(**stored_json(row["standing"])), heard_at=row["heard_at"]) for row in rows)


def denials(tx: Transaction, *, most: int = 10) -> Denials:
    """The rules that denied most of the newest calls that policies decided by themselves."""
    counts: Counter[str] = Counter()
    calls = 0
    for row in tx.rows("tool_call_events", {"most": _MOST_CALLS}):
        details = event_from_row(row).body.get("details")
        calls += 1
        if isinstance(details, dict) and details.get("verdict") == DENY:
            counts[str(details.get("rule"))] += 1
    found = tuple(DenyingRule(rule, count) for rule, count in counts.most_common(most))
    return Denials(found, calls, counts.total())
