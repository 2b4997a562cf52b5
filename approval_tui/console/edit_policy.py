"""What the policy of this console's configuration says of edited arguments, as a gate would judge them (rule R4)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.errors import ApprovalTuiError, PolicyError
from approval_tui.domain.lifecycle import ALLOW, DENY
from approval_tui.domain.models import Request
from approval_tui.domain.names import quoted_name
from approval_tui.settings.configuration import Settings, policy_location

if TYPE_CHECKING:
    from approval_tui.domain.verdicts import Verdict
    from approval_tui.policy.engine import PolicyEngine
    from approval_tui.store.asynchronous import AsyncStore


class PolicyWord(NamedTuple):
    """One sentence and its role; where the edit `is_refused`, approving it would approve what never runs."""

    words: str
    role: str
    is_refused: bool = False


async def policy_word(
    store: AsyncStore, settings: Settings, request: Request, arguments: JsonObject
) -> PolicyWord | None:
    """What the policy says of the request with these arguments; None where the configuration names no policy."""
    path = policy_location(None, settings)
    if path is None:
        return None
    try:
        engine = await asyncio.to_thread(_engine, path)
    except PolicyError:
        said = (
            f"The policy {quoted_name(path)} cannot be read, so it is not known here what it says of these arguments."
        )
        return PolicyWord(f"{said} A gate judges them before they run.", "bad")
    needed = engine.counts_needed(request.tool)
    try:
        counts = await store.requester.counter_values(needed) if needed else {}
    except ApprovalTuiError:
        counts = {}
    return _said(request, engine.evaluate(request.tool, arguments, counts))


def _engine(path: str) -> PolicyEngine:
    from approval_tui.policy.engine import PolicyEngine
    from approval_tui.policy.files import read_policy

    return PolicyEngine(read_policy(path)[0])


def _said(request: Request, verdict: Verdict) -> PolicyWord:
    rule = "" if verdict.rule is None else f" by the rule {quoted_name(verdict.rule)}"
    if verdict.verdict == DENY:
        why = "" if verdict.deciding is None else f": {verdict.deciding.message}"
        return PolicyWord(f"THE POLICY DENIES these arguments{rule}{why}", "bad", is_refused=True)
    if verdict.verdict == ALLOW:
        return PolicyWord("The policy allows these arguments.", "good")
    if verdict.is_covered_by(request):
        return PolicyWord(
            f"The policy asks for these arguments{rule}; this request asked for all that it needs.", "good"
        )
    why = "they need an approval that this request did not ask for"
    return PolicyWord(f"THE POLICY DENIES these arguments{rule}: {why}.", "bad", is_refused=True)
