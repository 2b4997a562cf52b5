"""Pruning: the beginning of the log that is old and over is sealed, written to an archive, and deleted."""

from __future__ import annotations

import os
from argparse import Namespace
from typing import TYPE_CHECKING

from approval_tui.cli import output
from approval_tui.cli.environment import Environment
from approval_tui.cli.exit_codes import DONE, INTERRUPTED, LOG_BROKEN
from approval_tui.cli.progress import Progress
from approval_tui.domain.clock import format_timestamp
from approval_tui.domain.errors import Conflict, InvalidInput

if TYPE_CHECKING:
    from approval_tui.domain.pruning import PrunePlan, Segment
    from approval_tui.store.blocking import BlockingStore

_NOTHING = "Nothing was pruned."


def prune(options: Namespace, environment: Environment) -> int:
    """Says what goes and what keeps the rest, asks, and prunes; exit code 10 where the log does not verify first."""
    from approval_tui.store import open_store_blocking

    location = environment.store_location()
    if options.dry_run:
        with open_store_blocking(location, readonly=True) as store, Progress() as progress:
            plan = store.maintainer.plan_prune(options.before, progress)
        if options.json:
            output.print_json(plan.to_json())
        else:
            _print_plan(plan, "would go")
        return DONE
    _refuse_without_answer(options)
    _refuse_taken(options.archive)
    with open_store_blocking(location, create=False) as store:
        return _prune(store, options, environment)


def _prune(store: BlockingStore, options: Namespace, environment: Environment) -> int:
    reviewer = environment.reviewer()
    store.maintainer.check_moment(options.before)
    if not _verifies(store):
        return LOG_BROKEN
    store.reviewer.expire_due()
    with Progress() as progress:
        plan = store.maintainer.plan_prune(options.before, progress)
    if not options.json:
        _print_plan(plan, "go")
    if not plan.events:
        return _report(None, plan, options)
    if not options.yes and not _asked(plan, options.archive):
        output.narrate(_NOTHING)
        return INTERRUPTED
    if options.archive is not None:
        _archive(store, plan, options.archive)
    try:
        with Progress() as progress:
            segment = store.maintainer.prune(plan, reviewer=reviewer, progress=progress)
    except Conflict:
        if options.archive is not None and plan.unfinished is None:  # what it holds is still in the log
            os.unlink(os.path.expanduser(options.archive))
        raise
    return _report(segment, plan, options)


def _verifies(store: BlockingStore) -> bool:
    """Whether nobody edited what is to go; says what was, and that nothing is pruned then."""
    with Progress() as progress:
        verification = store.reader.verify(None, progress)
    if verification.is_sound:
        return True
    from approval_tui.display.event_view import problem_words

    for problem in verification.problems:
        output.narrate(problem_words(problem))
    output.narrate(f"The audit log does not verify. {_NOTHING} Keep the store as it is, and find out who wrote to it.")
    return False


def _archive(store: BlockingStore, plan: PrunePlan, path: str) -> None:
    """Writes the events that go, whole and flushed to the disk; raises OutputLost, and InvalidInput."""
    from approval_tui.cli.export import open_sink, writer_of

    _refuse_taken(path)
    with open_sink(path) as sink, Progress() as progress:
        count = store.maintainer.archive(plan, writer_of("jsonl", sink), progress)
        if count != plan.events:
            raise InvalidInput(
                f"Of {plan.events:,} events only {count:,} are left: somebody else prunes.",
                not_done=_NOTHING,
                to_do="Try again.",
            )
    output.narrate(f"{count:,} events were written to {path}.")


def _report(segment: Segment | None, plan: PrunePlan, options: Namespace) -> int:
    if options.json:
        sealed = None if segment is None else segment.to_json()
        output.print_json({**plan.to_json(), "segment": sealed, "archive": options.archive})
    elif segment is not None:
        output.print_line(f"They are gone. Segment {segment.number} ends with event {segment.last_seq}:")
        output.print_line(segment.last_hash)
    elif plan.unfinished is not None:
        output.print_line("They are gone.")
    if plan.events:
        output.narrate("Take a new checkpoint with `approval-tui audit head`: an older one can be compared no more.")
    return DONE


def _print_plan(plan: PrunePlan, goes: str) -> None:
    from approval_tui.display.visible import visible_text

    before = format_timestamp(plan.before)
    if plan.unfinished is not None:
        output.print_line(f"Pruning up to event {plan.unfinished.last_seq} was begun before, and is not finished.")
    if plan.events:
        output.print_line(
            f"{_counted(plan.events, 'event')} ({plan.first_seq} to {plan.last_seq}) and "
            f"{_counted(plan.requests, 'request')} {goes}, "
            f"from {format_timestamp(plan.first_at)} to {format_timestamp(plan.last_at)}."
        )
    elif plan.older_kept:
        output.print_line(f"Nothing from before {before} can be pruned.")
    else:
        output.print_line(f"Nothing is left from before {before}.")
    if not plan.older_kept:
        return
    output.print_line(f"{_counted(plan.older_kept, 'more event')} from before {before} kept, because of:")
    for keeper in plan.keepers:
        output.print_line(visible_text(f"  {keeper.what}, since {format_timestamp(keeper.at)}: {keeper.why}"))
    if plan.further_keepers:
        output.print_line(f"  and {plan.further_keepers:,} more")


def _asked(plan: PrunePlan, archive: str | None) -> bool:
    from approval_tui.cli.question import YES, asked_yes

    kept = "They are kept nowhere else." if archive is None else "They are written to the archive first."
    return asked_yes(f"Delete {_counted(plan.events, 'event')} and their requests? {kept} Type {YES}: ")


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _refuse_without_answer(options: Namespace) -> None:
    if options.yes or (output.is_interactive() and not options.json):
        return
    raise InvalidInput(
        "Pruning deletes, and nobody is asked here.",
        not_done=_NOTHING,
        to_do="Look at it with --dry-run, then give --yes.",
    )


def _refuse_taken(path: str | None) -> None:
    """An earlier archive holds what is nowhere else, and what is no file keeps nothing."""
    if path is None:
        return
    if path == "" or os.path.lexists(os.path.expanduser(path)):
        raise InvalidInput(
            f"The archive {path} is there already." if path else "--archive is empty.",
            not_done=_NOTHING,
            to_do="Give the name of a new file.",
        )
