"""The audit log: list its events, verify it, take a checkpoint, export it."""

from __future__ import annotations

import os
import re
from argparse import Namespace
from typing import TYPE_CHECKING, Any

from approval_tui.cli import output
from approval_tui.cli.environment import Environment
from approval_tui.cli.exit_codes import DONE, LOG_BROKEN
from approval_tui.cli.json_input import STDIN, read_stdin
from approval_tui.cli.progress import Progress
from approval_tui.domain.audit import Event, Head, Verification
from approval_tui.domain.canonical import parse_json
from approval_tui.domain.chain import GENESIS
from approval_tui.domain.clock import format_timestamp
from approval_tui.domain.errors import InvalidInput
from approval_tui.store.transactions.filters import Filter, Word

if TYPE_CHECKING:
    from approval_tui.display.redaction import Redactor
    from approval_tui.store.blocking import BlockingStore

_LISTED = 50
_HASH = re.compile(r"v1:sha256:[0-9a-f]{64}\Z")
_LARGEST_CHECKPOINT = 64 * 1024


def list_events(options: Namespace, environment: Environment) -> int:
    """Prints the events of the log, newest first, or those of one request in order."""
    _refuse_search_in_one_request(options)
    with environment.open_store() as store:
        older: int | None = None
        if options.text:
            events, older = _search(store, options)
        elif options.id is None:
            events = store.reader.events(before=options.before, most=options.limit or _LISTED)
            bounds = store.reader.log_bounds()
            older = events[-1].seq if events and bounds and events[-1].seq > bounds.first else None
        else:
            request = store.reader.find(options.id)
            events = store.reader.events(request_id=request.id)
            events = tuple(event for event in events if options.before is None or event.seq < options.before)
            events = events[: options.limit]
    if options.json:
        output.print_json_array(event.to_json() for event in events)
        return DONE
    if not events:
        output.narrate("The audit log has no such events.")
    _print_events(events, environment.redactor())
    if older is not None:
        same = "the same with" if options.text else "approval-tui audit list"
        output.narrate(f"Older ones: {same} --before {older}")
    return DONE


def _refuse_search_in_one_request(options: Namespace) -> None:
    if options.text and options.id is not None:
        raise InvalidInput(
            "--text searches the whole log and not the events of one request.",
            not_done="Nothing was read.",
            to_do="Leave the ID out, or give the whole id as one more --text.",
        )


def _search(store: BlockingStore, options: Namespace) -> tuple[tuple[Event, ...], int | None]:
    """The events that hold every word, newest first, found in short reads; and where older ones may be."""
    chosen = Filter(words=tuple(map(Word, options.text)))
    limit = options.limit or _LISTED
    before = options.before
    bounds = store.reader.log_bounds()
    total = 0 if bounds is None or before is not None else bounds.last - bounds.first + 1
    events: list[Event] = []
    scanned = 0
    with Progress() as progress:
        while True:
            step = store.reader.search_events(chosen, before=before, most=limit - len(events))
            events += step.events
            scanned += step.scanned
            before = step.before
            progress("events searched", scanned, total)
            if before is None or len(events) >= limit:
                return tuple(events), before


def verify(options: Namespace, environment: Environment) -> int:
    """Checks the whole log and every request against it; exit code 10 where something does not fit."""
    expected = None if options.head is None else _checkpoint(options.head)
    with environment.open_store() as store, Progress() as progress:
        verification = store.reader.verify(expected, progress)
    if options.json:
        output.print_json(_verification_to_json(verification))
    else:
        _print_verification(verification)
    return DONE if verification.is_sound else LOG_BROKEN


def head(options: Namespace, environment: Environment) -> int:
    """Prints the checkpoint of the log as it is now; that of an empty log has the number 0."""
    with environment.open_store() as store:
        found = store.reader.head()
    if options.json:
        output.print_json(_head_to_json(found))
    elif found is None:
        output.print_line(f"0 {GENESIS}")
    else:
        output.print_line(f"{found.seq} {found.hash} {format_timestamp(found.at)}")
    output.narrate("Keep this where the store's users cannot change it; `audit verify --head` compares.")
    return DONE


def export(options: Namespace, environment: Environment) -> int:
    """Writes the whole log, in order, to stdout or to a file."""
    from approval_tui.cli.export import open_sink, writer_of

    with environment.open_store() as store, Progress() as progress, open_sink(options.output) as sink:
        take = writer_of(options.format, sink)
        count = store.reader.export(take, progress)
    if options.output is not None:
        output.narrate(f"{count:,} events were written to {options.output}.")
    return DONE


def _print_events(events: tuple[Event, ...], redactor: Redactor) -> None:
    from approval_tui.display.event_view import event_words
    from approval_tui.display.glyphs import ASCII, UNICODE

    glyphs = ASCII if output.is_plain() else UNICODE
    rows = [
        (
            str(event.seq),
            format_timestamp(event.at),
            glyphs.visible(event.name),
            glyphs.visible(event.request_id or "-"),
            event_words(event, redactor, glyphs),
        )
        for event in events
    ]
    output.print_table(("SEQ", "AT", "EVENT", "REQUEST", "WHAT"), rows)


def _print_verification(verification: Verification) -> None:
    counts = f"{verification.events:,} events, {verification.requests:,} requests"
    if verification.problems:
        from approval_tui.display.event_view import problem_words

        for problem in verification.problems:
            output.print_line(problem_words(problem))
    if verification.is_sound:
        output.print_line(f"The audit log verifies: {counts}.")
    else:
        output.print_line(f"The audit log does not verify ({counts} checked). Nothing was changed.")


def _verification_to_json(verification: Verification) -> dict[str, Any]:
    return {
        "sound": verification.is_sound,
        "events": verification.events,
        "requests": verification.requests,
        "head": _head_to_json(verification.head),
        "problems": [
            {"what": problem.what, "seq": problem.seq, "request": problem.request_id}
            for problem in verification.problems
        ],
    }


def _head_to_json(found: Head | None) -> dict[str, Any]:
    if found is None:
        return {"seq": 0, "hash": GENESIS, "at": None}
    return {"seq": found.seq, "hash": found.hash, "at": format_timestamp(found.at)}


def _checkpoint(text: str) -> Head | None:
    """The checkpoint of an option's text: JSON, a file with it (`@` before the name is allowed), or stdin.

    None for the checkpoint of an empty log, which every log continues. Raises InvalidInput.
    """
    if text == STDIN:
        value = parse_json(read_stdin("--head"))
    elif text.lstrip().startswith("{"):
        value = parse_json(text)
    else:
        value = parse_json(_read_file(os.path.expanduser(text.removeprefix("@"))))
    seq, hash_ = (value.get("seq"), value.get("hash")) if isinstance(value, dict) else (None, None)
    if type(seq) is not int or not 0 <= seq < 2**63 or not isinstance(hash_, str) or not _HASH.match(hash_):
        raise InvalidInput(
            "That is no checkpoint.",
            not_done="Nothing was checked.",
            to_do="Give what `approval-tui audit head --json` printed.",
        )
    if seq == 0 and hash_ == GENESIS:
        return None
    return Head(seq, hash_, 0)


def _read_file(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(_LARGEST_CHECKPOINT)
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f"The checkpoint {path} cannot be read: {error}.", not_done="Nothing was checked.", to_do="Name its file."
        ) from None
