"""The one screen: the list on the left, the request on the right, and what the keys do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from textual import events, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Footer

from approval_tui.console import messages
from approval_tui.console.actions import ACTIONS
from approval_tui.console.arming import BURST, Arming
from approval_tui.console.dialogs import DenyDialog, ExpireDialog
from approval_tui.console.queue import Queue
from approval_tui.console.widgets.request_detail import RequestDetail
from approval_tui.console.widgets.request_list import RequestList
from approval_tui.console.widgets.status_bar import StatusBar
from approval_tui.display.redaction import Redactor
from approval_tui.domain.clock import Clock, format_duration
from approval_tui.domain.decisions import NO_EVIDENCE, Evidence, Reviewer
from approval_tui.domain.errors import ApprovalTuiError, Conflict
from approval_tui.domain.lifecycle import APPROVE, DENY, PENDING
from approval_tui.domain.models import Request
from approval_tui.domain.status_words import describe_status

if TYPE_CHECKING:
    from approval_tui.console.app import ConsoleApp

_DECIDING_KEYS = frozenset(key for action in ACTIONS if action.decides for key in action.key.split(","))


class MainScreen(Screen[None]):
    """Decides the request whose id and digest are on the screen, and no other (rule R11)."""

    BINDINGS = [
        Binding(
            action.key,
            action.action,
            action.description,
            show=action.is_shown,
            tooltip=action.tooltip,
            id=action.id,
        )
        for action in ACTIONS
    ]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]
    app: ConsoleApp

    def __init__(
        self, *, reviewer: Reviewer, redactor: Redactor, clock: Clock, monotonic: Clock, arming: int, store_path: str
    ) -> None:
        super().__init__()
        self._reviewer = reviewer
        self._redactor = redactor
        self._clock = clock
        self._monotonic = monotonic
        self._store_path = store_path
        self._queue = Queue()
        self._arming = Arming(arming)
        self._pending_total = 0
        self._intended: Timer | None = None
        self._commands_under_way = 0
        self._is_live = False
        self._deciding_key_at: int | None = None

    def compose(self) -> ComposeResult:
        empty = [
            "Nothing waits.",
            "",
            "Agents write their requests to the store below.",
            "To see how it works: approval-tui demo",
        ]
        with Container(id="panes"):
            yield RequestList(self._queue, self._redactor, self._clock, id="list", empty=empty)
            yield RequestDetail(self._redactor, self._clock, self._monotonic, id="detail")
        yield StatusBar(self._store_path, self._reviewer.name, id="status")
        yield Footer(show_command_palette=False)

    @property
    def is_busy(self) -> bool:
        """Whether a decision is intended or under way."""
        return self._intended is not None or self._commands_under_way > 0

    @property
    def keys_noted(self) -> int:
        """How many keys this screen has taken note of."""
        return self._arming.keys_noted

    @property
    def is_live(self) -> bool:
        """Whether the list shows what the store holds, as far as this screen knows."""
        return self._is_live

    @property
    def waiting(self) -> list[str]:
        """The ids of the listed requests that still wait."""
        return self._queue.waiting_ids()

    @property
    def request_list(self) -> RequestList:
        return self.query_one("#list", RequestList)

    @property
    def detail(self) -> RequestDetail:
        return self.query_one("#detail", RequestDetail)

    @property
    def status(self) -> StatusBar:
        return self.query_one("#status", StatusBar)

    def on_mount(self) -> None:
        self.request_list.focus()
        self._arming.disarm(self._monotonic())
        self.set_interval(1.0, self._tick)

    def on_screen_resume(self) -> None:
        """A dialog was closed: what is shown comes back, and so does the wait before a key counts."""
        self._arming.disarm(self._monotonic())
        self.detail.note_visible_rows()

    def terminal_focused(self) -> None:
        """The terminal has the focus again: the key or click that brought it must not decide."""
        self._arming.disarm(self._monotonic())

    def _tick(self) -> None:
        self.request_list.refresh()
        self.detail.rebuild()
        now = self._clock()
        if any(self._queue.entry(index).request.expires_at <= now for index in range(len(self._queue))):
            self.app.reload()

    # --- facts ---------------------------------------------------------------------------------

    def on_requests_loaded(self, message: messages.RequestsLoaded) -> None:
        self._queue.merge(message.pending, message.vanished)
        self._pending_total = message.total
        self._is_live = True
        self.status.set_state("live", "good")
        self._show_queue()

    def on_store_unavailable(self, message: messages.StoreUnavailable) -> None:
        self._is_live = False
        self.status.set_state("NO STORE", "bad")
        self.status.say(str(message.error), "bad")

    def on_decision_recorded(self, message: messages.DecisionRecorded) -> None:
        self._commands_under_way -= 1
        self._queue.update(message.request)
        self.status.say(message.said, "good")
        self._show_queue()

    def on_decision_refused(self, message: messages.DecisionRefused) -> None:
        """A lost race says who decided what; the row shows what the request is now."""
        self._commands_under_way -= 1
        error = message.error
        if isinstance(error, Conflict) and error.request is not None:
            self._queue.update(error.request)
        self.status.say(f"{error.happened} {error.not_done}", "bad")
        self._show_queue()

    def on_request_list_picked(self, message: RequestList.Picked) -> None:
        self._queue.move_to(message.index)
        self._show_queue()

    def _show_queue(self) -> None:
        self.request_list.queue_changed()
        if self.detail.show(self._queue.current):
            self.detail.mask_again()
            self._forget_intention()
            self._arming.disarm(self._monotonic())
        self.status.set_counts(
            pending=self._pending_total, new=self._queue.new_count, shown=len(self._queue.waiting_ids())
        )

    # --- keys ----------------------------------------------------------------------------------

    def on_key(self, event: events.Key) -> None:
        """Takes note of every key, so that a burst of them (a paste, a buffer) decides nothing."""
        self._arming.note_key(self._monotonic(), decides=event.key in _DECIDING_KEYS)

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        self.status.say("Pasted text decides nothing.")

    def action_approve(self) -> None:
        request = self._decidable("approve")
        if request is None:
            return
        if not self.detail.is_intact:
            self.status.say("The digest does not fit what is shown: it cannot be approved here.", "bad")
            return
        evidence = self.detail.evidence()
        if evidence is None:
            rows = self.detail.unread_rows
            self.status.say(f"Read on first: {rows} {'row' if rows == 1 else 'rows'} not shown yet (space).", "bad")
            return
        self._intend(lambda: self._approve(request, evidence))

    def action_deny(self) -> None:
        request = self._decidable("deny")
        if request is None:
            return

        def answered(reason: str | None) -> None:
            if reason is not None:
                self._deny(request, reason or None, self.detail.evidence() or NO_EVIDENCE)

        self._intend(lambda: self.app.push_screen(DenyDialog(request, self._redactor), answered))

    def action_expire(self) -> None:
        request = self._decidable("expire")
        if request is None:
            return

        def answered(sure: bool | None) -> None:
            if sure:
                self._expire(request)

        self._intend(lambda: self.app.push_screen(ExpireDialog(request, self._redactor), answered))

    def action_unmask(self) -> None:
        if self.detail.toggle_masks():
            self.status.say("Secrets are shown until another request is.")
        else:
            self.status.say("Secrets are masked.")

    def action_switch_pane(self) -> None:
        (self.request_list if self.detail.has_focus else self.detail).focus()

    def action_next(self) -> None:
        self._step(1)

    def action_previous(self) -> None:
        self._step(-1)

    def action_first(self) -> None:
        if self.detail.has_focus:
            self.detail.scroll_to(y=0, animate=False, force=True)
        else:
            self._go(lambda: self._queue.move_to(0))

    def action_last(self) -> None:
        if self.detail.has_focus:
            self.detail.scroll_to(y=self.detail.max_scroll_y, animate=False, force=True)
        else:
            self._go(lambda: self._queue.move_to(len(self._queue) - 1))

    def action_read_on(self) -> None:
        self.detail.page(1)

    def action_read_back(self) -> None:
        self.detail.page(-1)

    def action_leave(self) -> None:
        self.app.exit()

    def _step(self, rows: int) -> None:
        if self.detail.has_focus:
            self.detail.scroll_rows(rows)
        else:
            self._go(lambda: self._queue.move(rows))

    def _go(self, move: Callable[[], bool]) -> None:
        self._queue.mark_seen(*self.request_list.visible_rows())
        move()
        self._show_queue()

    def _decidable(self, verb: str) -> Request | None:
        """The shown request if this key may decide it now; otherwise says why not."""
        self._deciding_key_at = self._arming.take_deciding_key()
        request = self.detail.shown
        if request is None:
            self.status.say(f"There is nothing to {verb}.")
            return None
        if request.status != PENDING or request.expires_at <= self._clock():
            self.status.say(f"It is {describe_status(request)}.")
            return None
        if not self._arming.is_armed(self._monotonic()):
            wait = format_duration(self._arming.remaining(self._monotonic()))
            self.status.say(f"Too soon: the screen changed just now. Look, then press again (after {wait}).")
            return None
        return request

    def _intend(self, carry_out: Callable[[], object]) -> None:
        """Carries the decision out when no other key came with it; a person's key stands alone."""
        key_at, acted_at = self._deciding_key_at, self._monotonic()

        def when_quiet() -> None:
            self._intended = None
            if self._arming.stood_alone(key_at, acted_at):
                carry_out()
            else:
                self.status.say("Several keys at once: nothing was decided.")

        self._forget_intention()
        self._intended = self.set_timer(BURST / 1000, when_quiet)

    def _forget_intention(self) -> None:
        if self._intended is not None:
            self._intended.stop()
            self._intended = None

    def _approve(self, request: Request, evidence: Evidence) -> None:
        store = self.app.store.reviewer
        self._command(
            request,
            lambda: store.decide(
                request.id, APPROVE, reviewer=self._reviewer, digest=request.digest, evidence=evidence
            ),
        )

    def _deny(self, request: Request, reason: str | None, evidence: Evidence) -> None:
        store = self.app.store.reviewer
        self._command(
            request,
            lambda: store.decide(
                request.id, DENY, reviewer=self._reviewer, digest=request.digest, reason=reason, evidence=evidence
            ),
        )

    def _expire(self, request: Request) -> None:
        store = self.app.store.reviewer
        self._command(request, lambda: store.expire(request.id, reviewer=self._reviewer))

    def _command(self, request: Request, run: Callable[[], Awaitable[Request]]) -> None:
        self._commands_under_way += 1
        self._carry_out(request, run)

    @work(group="decisions")
    async def _carry_out(self, request: Request, run: Callable[[], Awaitable[Request]]) -> None:
        """Runs one command and posts what came of it; a worker touches no widget (rule R16)."""
        try:
            decided = await run()
        except ApprovalTuiError as error:
            self.post_message(messages.DecisionRefused(request.id, error))
            return
        said = "Your vote is recorded; more are needed" if decided.status == PENDING else decided.status.capitalize()
        self.post_message(messages.DecisionRecorded(decided, f"{said}: {request.tool} for {request.requester}."))
