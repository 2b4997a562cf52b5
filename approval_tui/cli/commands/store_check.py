"""Whether the store is sound and fit: one line for each thing that was looked at."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING

from approval_tui.cli import output
from approval_tui.cli.environment import Environment
from approval_tui.cli.exit_codes import DONE, LOG_BROKEN, NOT_AS_EXPECTED, exit_code_of
from approval_tui.cli.progress import Progress
from approval_tui.domain.clock import format_timestamp
from approval_tui.domain.errors import StoreReadOnly, StoreUnavailable
from approval_tui.domain.store_checks import OK, UNCHECKED, WARNING, WRONG, Check

if TYPE_CHECKING:
    from approval_tui.store.blocking import BlockingStore

_LOG = "audit log"
_NOT_ALL = "this role sees a part of it; ask with the role of a reviewer"


def check(options: Namespace, environment: Environment) -> int:
    """Looks at the store and changes nothing; exit code 1 where something is wrong, 10 where the log is, 5 without."""
    from approval_tui.store import open_store_blocking

    try:
        with open_store_blocking(environment.store_location(), readonly=True) as store:
            checks = tuple(_checks(store, is_quick=options.quick))
    except StoreUnavailable as error:
        if options.json:
            output.print_json_array([Check("opening", WRONG, str(error)).to_json()])
        output.narrate_error(error)
        return exit_code_of(error)
    if options.json:
        output.print_json_array(each.to_json() for each in checks)
    else:
        _print(checks)
    wrong = [each.name for each in checks if each.standing == WRONG]
    if _LOG in wrong:
        return LOG_BROKEN
    return NOT_AS_EXPECTED if wrong else DONE


def _checks(store: BlockingStore, *, is_quick: bool) -> Iterator[Check]:
    yield Check("store", OK, store.location)
    yield from store.maintainer.checks(quick=is_quick)
    sees_all = store.maintainer.sees_all()
    if is_quick:
        yield Check(_LOG, UNCHECKED, "left out by --quick; `approval-tui audit verify` verifies it")
    else:
        yield _verified(store) if sees_all else Check(_LOG, UNCHECKED, _NOT_ALL)
    try:
        yield from _standing(store) if sees_all else (Check("requests", UNCHECKED, _NOT_ALL),)
    except StoreReadOnly:
        yield Check("requests", UNCHECKED, _NOT_ALL)


def _verified(store: BlockingStore) -> Check:
    try:
        with Progress() as progress:
            verification = store.reader.verify(None, progress)
    except StoreReadOnly:
        return Check(_LOG, UNCHECKED, _NOT_ALL)
    counts = f"{verification.events:,} events, {verification.requests:,} requests"
    if verification.is_sound:
        return Check(_LOG, OK, f"it verifies: {counts}")
    from approval_tui.display.event_view import problem_words

    further = len(verification.problems) - 1
    more = f", and {further:,} more (`audit verify` lists them)" if further else ""
    return Check(_LOG, WRONG, f"it does not verify ({counts} checked): {problem_words(verification.problems[0])}{more}")


def _standing(store: BlockingStore) -> Iterator[Check]:
    standing = store.maintainer.standing()
    waiting = f"{standing.pending:,} pending, {standing.held:,} session{'' if standing.held == 1 else 's'} held back"
    due = f"; {standing.due:,} expired and not recorded, which `expire --all-stale` does" if standing.due else ""
    yield Check("requests", OK, waiting + due)
    if standing.in_doubt:
        yield Check("in doubt", WARNING, f"{standing.in_doubt:,} calls: `approval-tui list --status in_doubt`")
    else:
        yield Check("in doubt", OK, "none")
    segment = standing.segment
    if segment is None:
        yield Check("pruned", OK, "never")
    elif standing.first_seq is not None and standing.first_seq <= segment.last_seq:
        yield Check("pruned", WARNING, "pruning was begun and is not finished; `approval-tui store prune` goes on")
    else:
        yield Check("pruned", OK, f"at {format_timestamp(segment.sealed_at)}, up to event {segment.last_seq}")


def _print(checks: tuple[Check, ...]) -> None:
    from approval_tui.display.visible import visible_text

    width = max(len(each.name) for each in checks)
    for each in checks:
        standing = each.standing.upper() if each.standing == WRONG else each.standing
        output.print_line(f"{standing:9}  {each.name:{width}}  {visible_text(each.words)}")
