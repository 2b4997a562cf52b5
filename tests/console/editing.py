"""What a test does with the editor of arguments and the review behind it."""

from __future__ import annotations

import json
from typing import Any

from approval_tui.console.edit_screen import EditScreen
from approval_tui.console.review_screen import ReviewScreen
from tests.console.driver import Console


def editor(console: Console) -> EditScreen:
    """The editor, also below the review."""
    for screen in console.app.screen_stack:
        if isinstance(screen, EditScreen):
            return screen
    raise LookupError("there is no editor")


def review(console: Console) -> ReviewScreen:
    """The review, on top of all."""
    screen = console.app.screen
    if not isinstance(screen, ReviewScreen):
        raise LookupError("there is no review")
    return screen


async def open_editor(console: Console) -> EditScreen:
    """Opens the editor of what is shown, and waits until its text has been looked at."""
    await console.press("e")
    await console.until(lambda: editor(console).is_checked)
    await console.settle()
    return editor(console)


async def write(console: Console, text: str) -> None:
    """Puts a text in place of the editor's, as a reviewer who pastes it, and waits until it has been looked at."""
    await console.press("f7")
    await console.paste(text)
    await console.until(lambda: editor(console).is_checked)
    await console.settle()


async def write_object(console: Console, **arguments: Any) -> None:
    """The same with an object."""
    await write(console, json.dumps(arguments))


async def open_review(console: Console) -> ReviewScreen:
    """Goes on from the editor to the review."""
    await console.press("ctrl+s")
    await console.until(lambda: review(console).is_mounted)
    await console.settle()
    return review(console)


async def read(console: Console) -> None:
    """Pages through the review to its end."""
    await console.settle()
    while unread := console.unread_rows:
        await console.press("pagedown")
        await console.until(lambda before=unread: console.unread_rows < before)  # type: ignore[misc]
