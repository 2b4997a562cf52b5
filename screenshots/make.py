"""Takes the pictures of the README from the real app, or checks that they are those of today's app.

python -m screenshots.make           writes screenshots/*.svg
python -m screenshots.make --check   exits 1 when one of them differs, and writes nothing
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

FOLDER = os.path.dirname(os.path.abspath(__file__))
if __package__ in (None, ""):  # started as a file: the packages lie beside this folder
    sys.path.insert(0, os.path.dirname(FOLDER))

from textual.widgets import Input

from approval_tui.console.app import ConsoleApp
from approval_tui.display.glyphs import UNICODE
from approval_tui.domain.audit import Event
from approval_tui.domain.calls import Call
from approval_tui.domain.decisions import Reviewer
from approval_tui.domain.events import APPROVED
from approval_tui.domain.models import Request
from approval_tui.settings.configuration import Settings
from approval_tui.store import open_store_blocking
from screenshots import deciding
from tests.console.driver import Console
from tests.seeded import (
    FIRST_MOMENT,
    agents_command,
    agents_edit,
    counting_ids,
    hostile_call,
    second_attempt,
    seed,
    seed_day,
)
from tests.support import BO, ManualClock, deny

WIDE = (140, 34)
NARROW = (60, 40)
_STORE = "approvals.db"
_PROJECT = "/var/tmp/shop"  # noqa: S108 - made anew, and never one that is there
"""Where a coding agent works in two pictures; it is made for them, and must be the same on every machine."""

_REASONS = ("Not on a Friday.", "Ask in the team's channel first.")

_MISSING = "/srv/approvals/approvals.db"
"""A place where there is no store; it stands in a picture, so it must be the same on every machine."""


@dataclass(frozen=True)
class Moment:
    """What a picture may use while the app runs."""

    console: Console
    path: str


Seed = Callable[[str, ManualClock], list[Request]]


@dataclass(frozen=True)
class Picture:
    """A name, what writes the store (None: there is none), what is done before the picture, and its size in cells."""

    name: str
    seed: Seed | None
    prepare: Callable[[Moment], Awaitable[None]]
    size: tuple[int, int] = WIDE


async def _nothing(_: Moment) -> None:
    """The picture is what is there."""


async def _detail(moment: Moment) -> None:
    with open_store_blocking(moment.path, clock=moment.console.clock, new_id=counting_ids(100)) as store:
        store.requester.submit(hostile_call())
    await moment.console.until(lambda: len(moment.console.screen.waiting) == 5)
    await moment.console.press("G")


async def _attempt(moment: Moment) -> None:
    with open_store_blocking(moment.path, clock=moment.console.clock, new_id=counting_ids(100)) as store:
        store.requester.submit(second_attempt(store))
    await moment.console.until(lambda: len(moment.console.screen.waiting) == 5)
    await moment.console.press("G")
    await moment.console.see("rejected by bo because")


async def _edit(moment: Moment) -> None:
    await _ask(moment, agents_edit(_PROJECT)[1])
    await moment.console.see("what it would change in the file")


async def _command(moment: Moment) -> None:
    await _ask(moment, agents_command(_PROJECT))
    await moment.console.see("the parts of the command")


async def _ask(moment: Moment, call: Call) -> None:
    with open_store_blocking(moment.path, clock=moment.console.clock, new_id=counting_ids(100)) as store:
        store.requester.submit(call)
    await moment.console.until(lambda: len(moment.console.screen.waiting) == 5)
    await moment.console.press("G")


async def _payload(moment: Moment) -> None:
    await moment.console.press("j", "enter", "a")


async def _deny(moment: Moment) -> None:
    await moment.console.press("j", "j", "d", *"Not without the invoice")


async def _lost_race(moment: Moment) -> None:
    with open_store_blocking(moment.path, clock=moment.console.clock, new_id=counting_ids(100)) as store:
        deny(store, store.reviewer.list()[0], "Not on a Friday.", BO)
    await moment.console.until(lambda: len(moment.console.screen.waiting) == 3)
    await moment.console.press("a")


async def _history(moment: Moment) -> None:
    await moment.console.press("2")
    await _go_to_row(moment.console, lambda row: row.edited_arguments is not None)
    await moment.console.until(lambda: len(_story_of(moment.console)) > 0)


def _story_of(console: Console) -> tuple[Event, ...]:
    shown = console.screen.shown_request
    return () if shown is None else shown.story


async def _audit(moment: Moment) -> None:
    await moment.console.press("3")
    await _go_to_row(moment.console, lambda row: row.name == APPROVED)
    await moment.console.press("v")
    await moment.console.see("The log verifies")


async def _go_to_row(console: Console, is_wanted: Callable[..., bool]) -> None:
    """Moves the cursor of the shown list to the first row that is wanted."""
    rows = console.screen.lists.shown.rows
    await console.until(lambda: rows.is_loaded and len(rows.loaded) > 0)
    index = next(index for index, entry in enumerate(rows.loaded) if is_wanted(entry.row))
    await console.press(*["j"] * index)


async def _trouble(moment: Moment) -> None:
    await moment.console.see("NO STORE YET")


def _empty(path: str, clock: ManualClock) -> list[Request]:
    open_store_blocking(path, clock=clock).close()
    return []


def _of(prepare: Callable[[Console], Awaitable[None]]) -> Callable[[Moment], Awaitable[None]]:
    """What a picture does that needs the console alone."""

    async def prepared(moment: Moment) -> None:
        await prepare(moment.console)

    return prepared


PICTURES = (
    Picture("queue", seed, _nothing),
    Picture("detail", seed, _detail),
    Picture("attempt", seed, _attempt),
    Picture("edit", seed, _edit),
    Picture("command", seed, _command),
    Picture("payload", seed, _payload),
    Picture("deny", seed, _deny),
    Picture("lost-race", seed, _lost_race),
    Picture("table", deciding.seed_translations, _of(deciding.table), (140, 44)),
    Picture("proposal", deciding.seed_translations, _of(deciding.proposal), (140, 26)),
    Picture("grants", deciding.seed_translations, _of(deciding.grants), (140, 26)),
    Picture("session", deciding.seed_translations, _of(deciding.session), (140, 20)),
    Picture("editor", deciding.seed_translations, _of(deciding.editor), (140, 30)),
    Picture("review", deciding.seed_translations, _of(deciding.review), (140, 38)),
    Picture("quorum", deciding.seed_translations, _of(deciding.quorum), (140, 26)),
    Picture("high-risk", deciding.seed_translations, _of(deciding.high_risk), (140, 26)),
    Picture("unusual", deciding.seed_translations, _of(deciding.unusual), (140, 34)),
    Picture("history", seed_day, _history, (140, 48)),
    Picture("audit", seed_day, _audit),
    Picture("narrow", seed, _nothing, NARROW),
    Picture("empty", _empty, _nothing, (140, 16)),
    Picture("trouble", None, _trouble, (140, 16)),
)


async def take(picture: Picture) -> str:
    """The picture as SVG, the same in every run of the same app."""
    with tempfile.TemporaryDirectory() as folder, _project(picture):
        clock, monotonic = ManualClock(FIRST_MOMENT), ManualClock(0)
        path, shown_path = _place(picture, folder)
        if picture.seed is not None:
            picture.seed(path, clock)
        app = ConsoleApp(
            path,
            reviewer=Reviewer("ann", via="console", os_user="ann", tty="/dev/pts/3"),
            clock=clock,
            monotonic=monotonic,
            shown_path=shown_path,
            glyphs=UNICODE,
            settings=Settings(deny_reasons=_REASONS),
        )
        async with app.run_test(size=picture.size) as pilot:
            console = Console(pilot, clock, monotonic)
            if picture.seed is not None:
                await console.until(lambda: console.screen.is_live)
            monotonic.move(1000)
            await picture.prepare(Moment(console, path))
            if picture.seed is not None:
                with open_store_blocking(path, clock=clock) as store:
                    waiting = store.reviewer.overview().pending
                await console.until(lambda: console.screen.status._pending == waiting)
            for box in app.screen.query(Input):
                box.cursor_blink = False  # the cursor stands still in a picture
            await console.settle()
            svg = app.export_screenshot(title="approval-tui")
    return _plain(svg)


@contextmanager
def _project(picture: Picture) -> Iterator[None]:
    """The project of the pictures that need one, while they are taken; raises FileExistsError where one is there."""
    if picture.prepare not in (_edit, _command):
        yield
        return
    os.mkdir(_PROJECT)
    try:
        for path, text in agents_edit(_PROJECT)[0].items():
            with open(path, "x", encoding="utf-8") as file:
                file.write(text)
        yield
    finally:
        shutil.rmtree(_PROJECT)


def _place(picture: Picture, folder: str) -> tuple[str, str]:
    """Where the store of the picture is, and what the picture says of that."""
    if picture.seed is not None:
        return os.path.join(folder, _STORE), f"~/{_STORE}"
    if os.path.lexists(_MISSING):
        raise FileExistsError(f"{_MISSING} is there, and a picture needs it missing.")
    return _MISSING, _MISSING


def _plain(svg: str) -> str:
    """The picture without fonts from the web, without a number of its own, and with its blanks kept by every viewer."""
    without_web_fonts = re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    numberless = re.sub(r"terminal-\d+", "terminal", without_web_fonts)
    numberless = re.sub(r"grt_[0-9a-f]{32}", "grt_7c1e5f0a9b3d4826" + "0" * 16, numberless)
    return numberless.replace("<svg ", '<svg xml:space="preserve" ', 1)


def file_of(picture: Picture) -> str:
    """Where the picture is kept."""
    return os.path.join(FOLDER, f"{picture.name}.svg")


def write() -> None:
    """Writes every picture, and takes away those that are no longer taken."""
    files = {file_of(picture): asyncio.run(take(picture)) for picture in PICTURES}
    for name in os.listdir(FOLDER):
        if name.endswith(".svg") and os.path.join(FOLDER, name) not in files:
            os.remove(os.path.join(FOLDER, name))
    for path, svg in files.items():
        with open(path, "w", encoding="utf-8") as file:
            file.write(svg)


def differing() -> list[str]:
    """The names of the pictures that are not those of today's app."""
    return [picture.name for picture in PICTURES if asyncio.run(take(picture)) != _kept(picture)]


def _kept(picture: Picture) -> str | None:
    try:
        with open(file_of(picture), encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None


def main() -> int:
    """Writes or checks every picture; the exit code says whether all were as expected."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="compare, write nothing, exit 1 when one differs")
    os.environ.pop("NO_COLOR", None)  # the pictures have colours wherever they are taken
    if parser.parse_args().check:
        if names := differing():
            print(f"Not today's app: {', '.join(names)}. Run `python -m screenshots.make`.", file=sys.stderr)
            return 1
        print(f"{len(PICTURES)} pictures are those of today's app.")
        return 0
    write()
    print(f"{len(PICTURES)} pictures written.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
