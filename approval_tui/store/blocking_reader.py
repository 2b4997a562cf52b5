"""What of the blocking store only looks; what works on the log is loaded only when it is used."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from approval_tui.store.blocking_face import BlockingFace, reads
from approval_tui.store.transactions import queries

if TYPE_CHECKING:
    from approval_tui.domain.audit import Event, Head, Verification
    from approval_tui.domain.policy_notes import PolicyStanding
    from approval_tui.domain.precedents import Precedents
    from approval_tui.domain.proxies import Denials, ProxyStanding
    from approval_tui.store.procedures import Progress, Step
    from approval_tui.store.transactions.log import LogBounds
    from approval_tui.store.transactions.overview import Overview
    from approval_tui.store.transactions.paging import PendingPage
    from approval_tui.store.transactions.queries import Filter
    from approval_tui.store.transactions.searching import Found, FoundEvents


class BlockingReader(BlockingFace):
    """Everything that can be seen of requests and of the log."""

    get = reads(queries.get)
    get_many = reads(queries.get_many)
    find = reads(queries.find)
    list = reads(queries.list_requests)
    history = reads(queries.history)

    def pending_page(
        self,
        chosen: Filter = queries.PENDING_ONLY,
        *,
        start: str | None = None,
        until: str | None = None,
        index: int | None = None,
        end: bool = False,
        newer_than: str | None = None,
        most: int = 500,
        count: bool = True,
    ) -> PendingPage:
        """A page of what waits and matches, oldest first; see `paging.pending_page`."""
        from approval_tui.store.transactions import paging

        return self._engine.read(
            paging.pending_page,
            chosen,
            start=start,
            until=until,
            index=index,
            end=end,
            newer_than=newer_than,
            most=most,
            count=count,
        )

    def history_count(self, chosen: Filter = queries.EVERYTHING) -> int:
        """How many requests no longer wait and match; see `paging.history_count`."""
        from approval_tui.store.transactions import paging

        return self._engine.read(paging.history_count, chosen)

    def history_id_at(self, index: int) -> str | None:
        """The id of the request with that index in the whole history, newest first; None where there is none."""
        from approval_tui.store.transactions import paging

        return self._engine.read(paging.history_id_at, index)

    def search_history(
        self, chosen: Filter, *, before: str | None = None, most: int = 100, scan: int | None = None
    ) -> Found:
        """One step of a search through the history; see `searching.search_history`."""
        from approval_tui.store.transactions import searching

        return self._engine.read(
            searching.search_history, chosen, before=before, most=most, scan=searching.SCAN if scan is None else scan
        )

    def events(
        self,
        *,
        request_id: str | None = None,
        before: int | None = None,
        after: int | None = None,
        most: int = 100,
    ) -> tuple[Event, ...]:
        """The events of one request in order, or those of the log, newest first; see `log.events`."""
        from approval_tui.store.transactions import log

        return self._engine.read(log.events, request_id=request_id, before=before, after=after, most=most)

    def log_bounds(self) -> LogBounds | None:
        """The numbers of the first and the last event; None for an empty log."""
        from approval_tui.store.transactions import log

        return self._engine.read(log.log_bounds)

    def search_events(
        self, chosen: Filter, *, before: int | None = None, most: int = 100, scan: int | None = None
    ) -> FoundEvents:
        """One step of a search through the log; see `searching.search_events`."""
        from approval_tui.store.transactions import searching

        return self._engine.read(
            searching.search_events, chosen, before=before, most=most, scan=searching.SCAN if scan is None else scan
        )

    def head(self) -> Head | None:
        """The checkpoint of the log as it is now; None for an empty one."""
        from approval_tui.store.transactions import log

        return self._engine.read(log.head)

    def overview(self) -> Overview:
        """What a console wants to know at each change; see `overview.overview`."""
        from approval_tui.store.transactions import overview

        return self._engine.read(overview.overview)

    def precedents(self, request_id: str) -> Precedents:
        """What was asked and approved before a request; see `precedents.precedents`."""
        from approval_tui.store.transactions import precedents

        return self._engine.read(precedents.precedents, request_id)

    def policy_standings(self) -> Sequence[PolicyStanding]:
        """The newest that gates said of each policy's file, newest first."""
        from approval_tui.store.transactions import policy_notes

        return self._engine.read(policy_notes.policy_standings)

    def proxies(self) -> tuple[ProxyStanding, ...]:
        """All proxies of the last week; see `proxy_standings.proxies`."""
        from approval_tui.store.transactions import proxy_standings

        return self._engine.read(proxy_standings.proxies)

    def denials(self, *, most: int = 10) -> Denials:
        """The rules that denied most; see `proxy_standings.denials`."""
        from approval_tui.store.transactions import proxy_standings

        return self._engine.read(proxy_standings.denials, most=most)

    def denial_reasons(self, reviewer: str, *, most: int = 5) -> tuple[str, ...]:
        """The last reasons for which a reviewer denied; see `reasons.denial_reasons`."""
        from approval_tui.store.transactions import reasons

        return self._engine.read(reasons.denial_reasons, reviewer, most=most)

    def verify(self, expected: Head | None = None, progress: Progress | None = None) -> Verification:
        """Checks the whole log and every row against it, in short reads; see `procedures.verify`."""
        from approval_tui.store import procedures

        return procedures.run_blocking(procedures.verify(expected, progress), self._run)

    def export(self, take: Callable[[tuple[Event, ...]], None], progress: Progress | None = None) -> int:
        """Hands the whole log in batches to `take`, and says how many events there were."""
        from approval_tui.store import procedures

        return procedures.run_blocking(procedures.export(take, progress), self._run)

    def _run(self, step: Step) -> Any:
        run = self._engine.write if step.writes else self._engine.read
        return run(step.function, *step.arguments)
