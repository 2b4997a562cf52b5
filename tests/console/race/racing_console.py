"""The real console with somebody behind the shoulder, who sees what was painted when a key came, and what was said."""

from __future__ import annotations

import inspect
import os
from typing import Any

from rich.console import RenderableType
from textual import events
from textual.screen import Screen

from approval_tui.console.app import ConsoleApp
from tests.console.storm_oracle import Painted


class RacingConsole(ConsoleApp):
    """Keeps the painted rows, those of the moment of the last key, and what the reviewer was told of decisions."""

    CSS_PATH = os.path.join(os.path.dirname(inspect.getfile(ConsoleApp)), "console.tcss")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._painted = Painted()
        self.at_key = ""
        self.heard: list[tuple[str, str]] = []

    @property
    def painted(self) -> str:
        """What is painted now."""
        return "\n".join(self._painted.rows)

    def say(self, words: str, role: str = "message") -> None:
        self.heard.append((words, role))
        super().say(words, role)

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key) and not event.is_forwarded:
            self.at_key = self.painted
        await super().on_event(event)

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        super()._display(screen, renderable)
        if renderable is not None and not self._batch_count:
            self._painted.apply(renderable, self.size.width, self.size.height)
