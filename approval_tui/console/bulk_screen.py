"""Several requests in one table: read to its end and approved together, or denied together, each by its digest."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from approval_tui.console import messages
from approval_tui.console.about_dialog import AboutDialog
from approval_tui.console.bindings import BULK_BINDINGS
from approval_tui.console.bulk_table import Item, Table, has_changed, items_of, table_of, wrapped_lines
from approval_tui.console.documents import Line
from approval_tui.console.pane_screen import PaneScreen
from approval_tui.console.reading import Reading
from approval_tui.console.shown_request import Subject
from approval_tui.console.widgets.document_pane import DocumentPane
from approval_tui.console.widgets.key_bar import KeyBar
from approval_tui.console.widgets.status_bar import StatusBar
from approval_tui.display.redaction import Redactor
from approval_tui.domain.bulk import BulkResult, Chosen
from approval_tui.domain.decisions import EVIDENCE_TABLE, NO_EVIDENCE, Evidence
from approval_tui.domain.lifecycle import APPROVE, DENY, PENDING
from approval_tui.domain.models import Request
from approval_tui.settings.actions import BULK_VIEW


class BulkScreen(PaneScreen):
    """A table of exactly what is decided; `holding` names the session that a denial holds back, too.

    What it shows is what was loaded for it: a request that changed since says so, and is not decided.
    """

    BINDINGS = BULK_BINDINGS

    def __init__(
        self, requests: Sequence[Request], redactor: Redactor, *, left: int, holding: tuple[str, str] | None
    ) -> None:
        super().__init__()
        self.items: tuple[Item, ...] = items_of(requests)
        self.pane = DocumentPane(id="payload")
        self._redactor = redactor.masking()
        self._left = left
        self._holding = holding
        self._now_as = {request.id: request for request in requests}
        self._results: dict[str, BulkResult] = {}
        self._has_held = False
        self._table: Table | None = None
        self._reading: Reading | None = None

    def on_mount(self) -> None:
        self._begin_reading()
        self.pane.focus()
        self.query_one(KeyBar).show(self.place, PENDING)
        self.query_one(StatusBar).set_state(f"{len(self.items)} in the table", "message")

    @property
    def redactor(self) -> Redactor:
        return self._redactor

    @property
    def place(self) -> str:
        return BULK_VIEW

    def subject(self) -> Subject | None:
        """A table is decided as a whole, and not one request of it."""
        return None

    # --- what it shows -------------------------------------------------------------------------

    def _begin_reading(self) -> None:
        self._reading = Reading(None, self.app.contract.monotonic())
        self._table = None
        self.app.contract.await_painting(self.pane)
        self.pane.show(self._lines, self._reading, from_top=True)

    def _lines(self, width: int) -> list[Line]:
        clock, glyphs = self.app.clock, self.app.glyphs
        table = table_of(self.items, self._now_as, self._results, self._redactor, width, clock(), glyphs)
        if self._table is None and self._reading is not None:
            self._reading.begin(table.total, self.app.contract.monotonic())
        self._table = table
        return [*self._head(width), *table.lines]

    def _head(self, width: int) -> list[Line]:
        """What the keys would do now, in words."""
        approvable, deniable = len(self._open(APPROVE)), len(self._open(DENY))
        approve, deny = (self.app.keys_of(name)[0] for name in ("approve", "deny"))
        words = []
        if self._holding is not None:
            session, glyphs = self._holding[1], self.app.glyphs
            held = "is held back" if self._has_held else f"{deny} denies all {deniable} and holds back the rest of it"
            words.append(f"The session {glyphs.name(session)}: {held}.")
            words.append("What its requester asks under another name of a session is not held back.")
        elif self._results:
            decided = sum(result.decided is not None for result in self._results.values())
            words.append(f"{decided} of {len(self._results)} decided.")
        if self._holding is None and approvable + deniable:
            words.append(f"{approve} approves {approvable} of {len(self.items)}, {deny} denies {deniable}.")
        if self._left:
            words.append(f"{self._left:,} more are not in this table; it takes no more.")
        lines = [line for text in words for line in wrapped_lines(text, width, "title", self.app.glyphs)]
        return [*lines, Line((("", "plain"),))]

    def take_results(self, results: Sequence[BulkResult], *, has_held: bool) -> None:
        """Shows what became of each."""
        self._results |= {result.id: result for result in results}
        self._has_held = self._has_held or has_held
        self._changed()

    def look_again(self) -> None:
        self.app.bulk_work.look_again(self)

    def on_table_news(self, message: messages.TableNews) -> None:
        """What was decided elsewhere, or changed, is said in its place; that moves what is read (rule R11)."""
        now_as = {request.id: request for request in message.requests}
        before = [has_changed(item, self._now_as.get(item.request.id)) for item in self.items]
        self._now_as = now_as
        if before != [has_changed(item, now_as.get(item.request.id)) for item in self.items]:
            self._changed()

    def _changed(self) -> None:
        self.app.contract.await_painting(self.pane)
        self.pane.rebuild()

    # --- keys ----------------------------------------------------------------------------------

    def action_do_unmask(self) -> None:
        redactor = self._redactor
        self._redactor = redactor.masking() if redactor.is_lifted else redactor.lifted()
        self.say("Secrets are shown in this table." if self._redactor.is_lifted else "Secrets are masked.")
        self._begin_reading()

    def action_do_approve(self) -> None:
        if self._holding is not None:
            self.say("This table is for denying; approve in the list.")
            return
        items = self._decidable_now(APPROVE)
        if not items or self._table is None or self._reading is None:
            return
        if not self._reading.is_complete:
            unread = self._reading.count_unseen(line.span for line in self._table.lines if line.span is not None)
            key = self.app.keys_of("read_on")[0]
            self.say(f"Read on first: {unread} {'row' if unread == 1 else 'rows'} not shown yet ({key}).", "bad")
            return
        self._intend(lambda: self._decide_all(APPROVE, items, None))

    def action_do_deny(self) -> None:
        items = self._decidable_now(DENY)
        if not items and self._holding is None:
            return
        if self._refuses():
            return
        dialog = AboutDialog(self._redactor, **self._question(items))
        self._intend(lambda: self.app.push_screen(dialog, partial(self._answered, items)))

    def _question(self, items: Sequence[Item]) -> dict[str, str]:
        count = f"{len(items)} {'request' if len(items) == 1 else 'requests'}"
        hint = "enter denies, escape goes back"
        if self._holding is None:
            return {"question": f"Deny {count}?", "about": "Each as the table shows it.", "hint": hint}
        question = f"Deny {count}, and hold the session back?"
        return {"question": question, "about": "Nothing of it runs until it is released.", "hint": hint}

    def _answered(self, items: Sequence[Item], reason: str | None) -> None:
        if reason is not None:
            self._decide_all(DENY, items, reason or None)

    def _refuses(self) -> bool:
        """Whether nothing can be decided now; says why."""
        why = self._why_no_command()
        if why is None and self.app.work.commands_under_way:
            why = "Wait: what was decided is being recorded."
        if why is not None:
            self.say(why)
        return why is not None

    def _open(self, verdict: str) -> list[Item]:
        """What can still be decided so from this table."""
        return [
            item
            for item in self.items
            if item.request.status == PENDING
            and item.request.expires_at > self.app.clock()
            and item.request.id not in self._results
            and not has_changed(item, self._now_as.get(item.request.id))
            and (verdict == DENY or item.why_not is None)
        ]

    def _decidable_now(self, verdict: str) -> list[Item]:
        """The same, if a key may decide now; otherwise says why not."""
        if self._refuses():
            return []
        items = self._open(verdict)
        if not items and self._holding is None:
            self.say(f"Nothing here can be {'approved' if verdict == APPROVE else 'denied'}.")
        return items

    def _decide_all(self, verdict: str, items: Sequence[Item], reason: str | None) -> None:
        store, reviewer = self.app.store.reviewer, self.app.reviewer
        rows = {} if self._table is None else self._table.rows
        shown_ms = 0 if self._reading is None else self._reading.shown(0, self.app.contract.monotonic()).shown_ms
        is_read = self._reading is not None and self._reading.is_complete

        async def decide(chosen: Chosen) -> Request:
            evidence = Evidence(EVIDENCE_TABLE, rows.get(chosen.id, 0), shown_ms) if is_read else NO_EVIDENCE
            return await store.decide(
                chosen.id,
                verdict,
                reviewer=reviewer,
                digest=chosen.digest,
                reason=reason,
                evidence=evidence,
                in_bulk=True,
            )

        hold = None
        if self._holding is not None:
            hold = partial(store.hold_session, *self._holding, reviewer=reviewer, reason=reason)
        self.app.bulk_work.decide_each([item.chosen for item in items], decide, hold)
