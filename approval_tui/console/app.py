"""The app around the screens: the store and the watch on it, the contract of the keys, and the second wall."""

from __future__ import annotations

import asyncio
import gc
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from textual import events, work
from textual.app import App
from textual.filter import LineFilter
from textual.screen import Screen

from approval_tui.console.bindings import textual_keys
from approval_tui.console.contract import Contract
from approval_tui.console.deciding import DecidingScreen
from approval_tui.console.first_look import FirstLook
from approval_tui.console.lists import Lists
from approval_tui.console.main_screen import MainScreen
from approval_tui.console.store_watch import StoreWatch
from approval_tui.console.store_work import StoreWork
from approval_tui.console.visible_filter import VisibleFilter
from approval_tui.display.event_view import event_content
from approval_tui.display.glyphs import ASCII, UNICODE, Glyphs
from approval_tui.display.redaction import Redactor
from approval_tui.domain.clock import Clock
from approval_tui.domain.database_urls import short_location
from approval_tui.domain.decisions import Reviewer
from approval_tui.domain.models import Request
from approval_tui.notify import terminal
from approval_tui.notify.attention import Attention
from approval_tui.settings.actions import with_keymap
from approval_tui.settings.configuration import Settings
from approval_tui.store import resolved_location

MISSED_BEAT = 3.0
"""Seconds without the beat of every second after which the program must have been stopped."""

if TYPE_CHECKING:
    from approval_tui.console.bulk_work import BulkWork
    from approval_tui.domain.audit import Event
    from approval_tui.domain.grants import Grant
    from approval_tui.domain.holds import Hold
    from approval_tui.store.asynchronous import AsyncStore

_ASKED_READONLY = "It was started with --readonly."
_ON_THE_WEB = "It is served to a web browser, where anybody could be at the keys."


def monotonic_clock() -> int:
    """Milliseconds of a clock that never runs backwards."""
    return time.monotonic_ns() // 1_000_000


class ConsoleApp(App[None]):
    """The console on one store, for one reviewer."""

    CSS_PATH = "console.tcss"
    TITLE = "approval-tui"
    ENABLE_COMMAND_PALETTE = False

    def __init__(
        self,
        store_location: str | None,
        *,
        reviewer: Reviewer,
        settings: Settings | None = None,
        readonly: bool = False,
        clock: Clock | None = None,
        monotonic: Clock = monotonic_clock,
        shown_path: str | None = None,
        glyphs: Glyphs | None = None,
        first_look: FirstLook | None = None,
    ) -> None:
        super().__init__()
        self.settings = settings or Settings()
        self.reviewer = reviewer
        self.glyphs = glyphs or _glyphs_of_terminal()
        self.contract = Contract(self.settings.arming, monotonic, self.call_later)
        self.actions = with_keymap(self.settings.keymap)
        self.work = StoreWork(self)
        self._bulk_work: BulkWork | None = None
        self.held: Mapping[tuple[str, str], Hold] = {}  #: the sessions that are held back, by requester and session
        self.defect: Exception | None = None  #: what ended the console, where it was a defect of ours
        self._readonly = _ASKED_READONLY if readonly else None
        self.store_location = location = resolved_location(store_location)
        self.shown_path = shown_path or _with_tilde(short_location(location))
        self._watch = StoreWatch(self, location, Lists(), clock)
        self.given_clock = clock
        self.clock: Clock = self._watch.now
        redactor = Redactor.with_names(self.settings.redact_names)
        self._main_screen = MainScreen(self._watch.lists, redactor, self.settings.layout, first_look)
        self._beat = time.monotonic()
        self._attention = Attention(self.settings, self.clock, monotonic, in_tmux="TMUX" in os.environ)
        self._visible_filter = VisibleFilter()
        self.animation_level = "none"  # rows that only fly past on the way to the end have not been shown
        self.theme = self.settings.theme
        self.set_class(self.glyphs.is_ascii, "-ascii")
        if self.settings.keymap:
            self.set_keymap({name: textual_keys(keys) for name, keys in self.settings.keymap.items()})

    @property
    def store(self) -> AsyncStore:
        """The open store; raises StoreUnavailable while there is none."""
        return self._watch.store

    @property
    def bulk_work(self) -> BulkWork:
        """What is asked of the store for several requests at once; loaded when it is first needed."""
        if self._bulk_work is None:
            from approval_tui.console.bulk_work import BulkWork

            self._bulk_work = BulkWork(self)
        return self._bulk_work

    @property
    def is_store_open(self) -> bool:
        """Whether the store could be read when it was last looked at."""
        return self._watch.is_open

    @property
    def why_readonly(self) -> str | None:
        """Why nothing can be decided here at all; None when it can."""
        if self.is_web:
            return _ON_THE_WEB
        return self._readonly or self._watch.why_readonly

    def hold_of(self, request: Request) -> Hold | None:
        """What holds the request's session back; None where nothing does."""
        return None if request.session is None else self.held.get((request.requester, request.session))

    @property
    def is_busy(self) -> bool:
        """Whether a decision is intended or under way, or what it would be about not drawn yet."""
        return self.contract.is_intending or not self.contract.is_painted or self.work.commands_under_way > 0

    @property
    def main_screen(self) -> MainScreen:
        """The main screen, also below others; facts that come after its end go nowhere."""
        return self._main_screen

    def is_key_of(self, action_id: str, event: events.Key) -> bool:
        """Whether the key is one of the action's."""
        keys = self.keys_of(action_id)
        return event.character in keys or event.key in textual_keys(keys).split(",")

    def keys_of(self, action_id: str) -> tuple[str, ...]:
        """The keys of an action, as the configuration has them."""
        return next(action.keys for action in self.actions if action.id == action_id)

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [*super().get_line_filters(), self._visible_filter]

    def get_default_screen(self) -> Screen[None]:
        """The main screen from the start: another one below it would be laid out and drawn for nothing."""
        return self._main_screen

    def on_mount(self) -> None:
        self._write(terminal.SAVE_TITLE if self.settings.title else "")
        self.call_after_refresh(self.watch_store)  # the store's code is loaded behind the first frame
        self._end_on_signals()
        self.app_resume_signal.subscribe(self, lambda _: self._come_back())
        self.set_interval(1.0, self._every_second)

    async def on_unmount(self) -> None:
        self._write(terminal.RESTORE_TITLE if self.settings.title else "")
        await self._watch.close()

    def _handle_exception(self, error: Exception) -> None:
        """Ends the console over a defect of ours with words and no traceback, which could show secrets."""
        if self.is_headless:
            super()._handle_exception(error)
            return
        self.defect = self.defect or error
        self.exit(return_code=70)

    # --- keys, focus, attention ----------------------------------------------------------------

    async def on_event(self, event: events.Event) -> None:
        """Notes every key and click as it arrives, before any widget can act on it (rule R11)."""
        if isinstance(event, events.Key | events.MouseDown) and not event.is_forwarded:
            if not self.app_focus:
                self._regain_focus()  # the key or click that brought the focus back must not decide
            self._disarm_after_stop()
            self.contract.note(event)
        await super().on_event(event)

    def on_key(self, event: events.Key) -> None:
        self.contract.begin_acting(event)

    def on_app_focus(self, event: events.AppFocus) -> None:
        self._regain_focus()

    def on_app_blur(self, event: events.AppBlur) -> None:
        self._write(self._attention.blurred())
        self.reload()

    def _regain_focus(self) -> None:
        self._write(self._attention.focused())
        self._come_back()

    def _come_back(self) -> None:
        """The terminal was used for something else: whatever stands on it now is drawn over, and looked at anew."""
        self.contract.disarm()
        self.redraw()

    def redraw(self) -> None:
        """Draws everything anew; a frame otherwise draws only what changed."""
        for widget in self.screen.walk_children(with_self=True):
            widget.refresh()

    def tell(self, pending: Sequence[Request], total: int) -> None:
        """Calls for attention if something new waits and nobody looks."""
        self._write(self._attention.waiting(pending, total))

    def action_help_quit(self) -> None:
        """Says how to leave, in a line: a note over the panes would cover rows that count as shown."""
        self.say(f"To leave: {self.keys_of('quit')[0]}.")

    def notify(self, message: str, **_: Any) -> None:
        """Whatever Textual has to say stands in a line, too."""
        self.say(message)

    def _every_second(self) -> None:
        self._disarm_after_stop()
        self._beat = time.monotonic()
        self._write(self._attention.tick())
        self._leave_when_terminal_is_gone()

    def _disarm_after_stop(self) -> None:
        """If the program was stopped, what was typed meanwhile was for something else."""
        if not self.is_headless and time.monotonic() - self._beat > MISSED_BEAT:
            self.contract.disarm()

    def _write(self, sequence: str) -> None:
        if sequence and self._driver is not None and not self.is_headless:
            self._driver.write(sequence)
            self._driver.flush()

    # --- the store -----------------------------------------------------------------------------

    @work(group="watch", exclusive=True)
    async def watch_store(self) -> None:
        """Watches the store as long as the app lives."""
        if not gc.isenabled():
            gc.freeze()  # what the program is made of stays: to look through it at each collection costs a frame
            gc.enable()
        await self._watch.run()

    def reload(self) -> None:
        """Asks the watch to load everything now."""
        self._watch.poke()

    def open_store_anew(self) -> None:
        """Asks the watch to open the store again."""
        self._watch.open_anew()

    def load_rows(self) -> None:
        """Asks the watch for the rows that the shown list wants."""
        self._watch.poke(rows_only=True)

    # --- what every screen may ask for ---------------------------------------------------------

    def say(self, words: str, role: str = "message") -> None:
        """Says something on every screen that a reviewer may look at."""
        for screen in self.screen_stack:
            if isinstance(screen, DecidingScreen):
                screen.say(words, role)

    def open_palette(self) -> None:
        """Opens the palette of actions."""
        from textual.command import CommandPalette

        from approval_tui.console.palette import ActionProvider

        self.push_screen(CommandPalette(providers=[ActionProvider], placeholder="Find an action"))

    def copy_arguments(self, request: Request) -> None:
        """Copies the arguments that may run, as JSON."""
        self._copy("the arguments", request.effective_arguments)

    def copy_event(self, event: Event) -> None:
        """Copies one event of the audit log, as JSON."""
        value = {"seq": event.seq, "event": event.name, "request": event.request_id, **event_content(event)}
        self._copy("the event", value)

    def copy_grant(self, grant: Grant) -> None:
        """Copies one grant, as JSON."""
        from approval_tui.display.grant_view import readable_matcher  # few grants are copied

        value = grant.to_json()
        named = value if grant.matcher is None else {**value, "matcher": readable_matcher(value["matcher"])}
        self._copy("the grant", value, named=named)

    def _copy(self, what: str, value: dict[str, Any], *, named: dict[str, Any] | None = None) -> None:
        """Copies the value; `named` is the same where secrets stand under their names, if that is another."""
        from approval_tui.console import clipboard

        text = clipboard.copied_json(value)
        if len(text) > clipboard.LONGEST:
            self.say(clipboard.too_long_words(what, text), "bad")
            return
        self.copy_to_clipboard(text)
        in_screen = os.environ.get("TERM", "").startswith("screen") and "TMUX" not in os.environ
        has_secrets = clipboard.has_masked(value if named is None else named, self._main_screen.redactor)
        in_tmux = "TMUX" in os.environ
        self.say(clipboard.copied_words(what, text, has_secrets=has_secrets, in_tmux=in_tmux, in_screen=in_screen))

    def _end_on_signals(self) -> None:
        """Whoever ends the program from outside gets the terminal back as it was.

        SIGHUP keeps its own way, which ends the program at once: the terminal is gone, and whatever was still
        to be written to it would be waited for without end.
        """
        if self.is_headless or threading.current_thread() is not threading.main_thread():
            return
        end = partial(self.exit, return_code=128 + signal.SIGTERM)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end)

    def _leave_when_terminal_is_gone(self) -> None:
        """Ends the app when the terminal was closed without a signal; nothing is decided by that."""
        if self.is_headless or self.is_web:
            return
        poll = select.poll()
        poll.register(sys.__stdin__.fileno() if sys.__stdin__ else 0, select.POLLHUP)
        if any(flags & (select.POLLHUP | select.POLLERR | select.POLLNVAL) for _, flags in poll.poll(0)):
            os._exit(1)  # a way out that writes nothing more to it; what was decided is on the disk


def _glyphs_of_terminal() -> Glyphs:
    """What this terminal can draw: the console of Linux knows few signs, and some locales only ASCII."""
    encoding = (getattr(sys.__stdout__, "encoding", None) or "").lower().replace("-", "")
    return ASCII if os.environ.get("TERM") == "linux" or encoding != "utf8" else UNICODE


def _with_tilde(path: str) -> str:
    home = os.path.expanduser("~")
    return f"~{path[len(home) :]}" if path.startswith(home + os.sep) else path
