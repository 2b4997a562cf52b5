"""The requester's face of the blocking store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from approval_tui.domain.calls import Call, CheckedCall, Submitted, check_call
from approval_tui.domain.errors import StoreAway
from approval_tui.domain.lifecycle import EXPIRED, PENDING
from approval_tui.domain.models import Request
from approval_tui.store import wakeups
from approval_tui.store.blocking_face import BlockingFace, reads, writes
from approval_tui.store.transactions import counters, policies, records, requester, submitting

if TYPE_CHECKING:
    from approval_tui.domain.policy_notes import PolicyNote
    from approval_tui.domain.proxies import ProxyStanding


class BlockingRequesterStore(BlockingFace):
    """The face that an agent is handed: it can ask, wait and use what was approved, and never decide (R15)."""

    get = reads(records.load_request)
    consume = writes(requester.consume)
    report_outcome = writes(requester.report_outcome)
    rollback = writes(requester.roll_back)
    give_up = writes(requester.give_up)
    cancel = writes(requester.cancel)
    claimable = reads(requester.claimable)
    counter_values = reads(counters.counter_values)
    admit = writes(policies.admit)
    record_denial = writes(policies.record_denial)
    record_refusal = writes(policies.record_refusal)
    give_back = writes(policies.give_back)

    def submit(self, call: Call | CheckedCall) -> Submitted:
        """Finds the request of the same call or creates it; raises InvalidInput before anything is written."""
        return self._engine.write(submitting.submit, call if isinstance(call, CheckedCall) else check_call(call))

    def note_policy(self, note: PolicyNote) -> bool:
        """Keeps what a gate says of its policy; see `policy_notes.note_policy`."""
        from approval_tui.store.transactions import policy_notes  # said once, by gates with a policy

        return self._engine.write(policy_notes.note_policy, note)

    def note_proxy(self, standing: ProxyStanding) -> None:
        """Keeps what a proxy says of itself now; see `proxy_standings.note_proxy`."""
        from approval_tui.store.transactions import proxy_standings  # few requesters are proxies

        self._engine.write(proxy_standings.note_proxy, standing)

    def wait(self, request_id: str, *, timeout: int | None = None) -> Request:
        """The request as soon as it is no longer pending, or as it is after `timeout` ms.

        Raises StoreAway where the store's server is away for a minute, and RequestNotFound.
        """
        clock = self._engine.clock
        deadline = None if timeout is None else clock() + timeout

        with wakeups.blocking_wakeup(self._engine, request_id) as sleep:
            absence = wakeups.Absence()
            while True:
                try:
                    request = self._engine.read(records.load_request, request_id)
                except StoreAway as away:
                    seconds = absence.seconds_to_wait(deadline, clock())
                    if seconds is None:
                        raise wakeups.given_up(away, request_id) from None
                    sleep(seconds)
                    continue
                absence.end()
                if request.status == EXPIRED:
                    return self._engine.write(records.record_due, request_id)
                seconds = wakeups.seconds_to_wait(request.expires_at, deadline, clock())
                if request.status != PENDING or seconds is None:
                    return request
                sleep(seconds)
