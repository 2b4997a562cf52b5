"""Copies of a store: into a new store of any engine, and into one file as a backup."""

from __future__ import annotations

import time
from argparse import Namespace
from shlex import quote
from typing import TYPE_CHECKING, Any

from approval_tui.cli import output
from approval_tui.cli.environment import Environment
from approval_tui.cli.exit_codes import DONE
from approval_tui.cli.progress import Progress
from approval_tui.domain.chain import GENESIS
from approval_tui.domain.clock import format_timestamp
from approval_tui.domain.errors import StoreAway, StoreFull

if TYPE_CHECKING:
    from approval_tui.domain.audit import Head
    from approval_tui.domain.copies import Copied


def copy(options: Namespace, _environment: Environment) -> int:
    """Copies a store into a new one, or goes on with a copy that was interrupted."""
    from approval_tui.store.copying.procedure import copy_store

    began = time.monotonic()
    is_begun = False

    def tell(what: str, done: int, total: int) -> None:
        nonlocal is_begun
        is_begun = is_begun or what.endswith("copied")
        progress(what, done, total)

    with Progress() as progress:
        try:
            copied = copy_store(options.source, options.target, tell)
        except (KeyboardInterrupt, StoreAway, StoreFull):
            if is_begun:
                output.narrate("What was copied so far is kept: the same command goes on from there.")
            raise
    if options.json:
        output.print_json(
            {
                "from": copied.source,
                "to": copied.target,
                "rows": dict(copied.rows),
                "head": _head_to_json(copied.head),
                "resumed": copied.was_resumed,
                "events_since": copied.events_since,
                "seconds": round(time.monotonic() - began, 3),
            }
        )
    else:
        _print_copied(copied)
    if copied.events_since:
        output.narrate(
            f"{copied.source} was written to meanwhile: {copied.events_since:,} events came after the copy's last one, "
            "and are not in it."
        )
    output.narrate(
        f"Next: stop what uses {copied.source}, and see that its `audit head` is still the copy's; "
        f"then set APPROVAL_TUI_STORE={quote(copied.target)} for all of them."
    )
    output.narrate(f"What is asked or decided in {copied.source} from now on is not in {copied.target}.")
    return DONE


def back_up(options: Namespace, environment: Environment) -> int:
    """Writes the store to a new file, verifies it, and prints the checkpoint of its log."""
    from approval_tui.store.copying.backup import back_up

    began = time.monotonic()
    with Progress() as progress:
        backup = back_up(environment.store_location(), options.file, progress)
    if options.json:
        output.print_json(
            {
                "from": backup.source,
                "file": backup.file,
                "events": backup.events,
                "requests": backup.requests,
                "head": _head_to_json(backup.head),
                "seconds": round(time.monotonic() - began, 3),
            }
        )
    else:
        output.print_line(_head_line(backup.head))
    output.narrate(
        f"{backup.events:,} events and {backup.requests:,} requests of {backup.source} are in {backup.file}, which "
        "verifies."
    )
    output.narrate("Keep its head elsewhere, where the store's users cannot change it; `audit verify --head` compares.")
    return DONE


def _print_copied(copied: Copied) -> None:
    from approval_tui.display.visible import visible_text

    others = sum(count for table, count in copied.rows.items() if table not in ("events", "requests"))
    output.print_line(
        visible_text(
            f"{copied.source} was copied to {copied.target}: {copied.rows['events']:,} events, "
            f"{copied.rows['requests']:,} requests, {others:,} other rows. Both verify, and every row is the same."
        )
    )
    output.print_line(_head_line(copied.head))


def _head_line(head: Head | None) -> str:
    return f"0 {GENESIS}" if head is None else f"{head.seq} {head.hash} {format_timestamp(head.at)}"


def _head_to_json(head: Head | None) -> dict[str, Any]:
    if head is None:
        return {"seq": 0, "hash": GENESIS, "at": None}
    return {"seq": head.seq, "hash": head.hash, "at": format_timestamp(head.at)}
