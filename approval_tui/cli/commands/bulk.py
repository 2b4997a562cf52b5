"""The commands that decide several requests, each as it was looked at and each by itself."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from approval_tui.cli import output
from approval_tui.cli.environment import Environment
from approval_tui.cli.exit_codes import CONFLICT, DONE
from approval_tui.domain.bulk import MOST_IN_BULK, BulkResult, Chosen
from approval_tui.domain.errors import ApprovalTuiError, InvalidInput, StoreUnavailable
from approval_tui.domain.lifecycle import APPROVE, DENY

if TYPE_CHECKING:
    from approval_tui.domain.decisions import Reviewer
    from approval_tui.store.blocking import BlockingStore

_NOTHING = "Nothing was decided."


def approve(options: Namespace, environment: Environment) -> int:
    """Approves each request that is still as it was; of high risk and for several reviewers none."""
    return _decide_all(APPROVE, options, environment)


def deny(options: Namespace, environment: Environment) -> int:
    """Denies each request that is still as it was."""
    return _decide_all(DENY, options, environment)


def decide_each(
    store: BlockingStore, chosen: tuple[Chosen, ...], verdict: str, reviewer: Reviewer, reason: str | None
) -> list[BulkResult]:
    """Decides each by itself, and says what became of it.

    Raises StoreUnavailable where that is so from the first, and InvalidInput for a reviewer or a reason that is none.
    """
    results = []
    for each in chosen:
        try:
            decided = store.reviewer.decide(
                each.id, verdict, reviewer=reviewer, digest=each.digest, reason=reason, in_bulk=True
            )
            results.append(BulkResult(each.id, decided))
        except ApprovalTuiError as error:
            if isinstance(error, StoreUnavailable | InvalidInput) and not results:  # the same for all of them
                raise
            results.append(BulkResult(each.id, None, error))
    return results


def print_results(results: list[BulkResult], *, as_json: bool) -> None:
    """One line for each: its id, and what it is now or why it was not decided."""
    if as_json:
        output.print_json_array(result.to_json() for result in results)
        return
    from approval_tui.display.redaction import Redactor
    from approval_tui.display.visible import visible_text

    redactor = Redactor()  # as in what is said of an error: it may quote the reason of somebody's decision
    for result in results:
        why = "" if result.error is None else visible_text(redactor.redact(result.error.happened))
        said = result.decided.status if result.decided is not None else f"not decided: {why}"
        output.print_line(f"{visible_text(result.id)} {said}")


def _decide_all(verdict: str, options: Namespace, environment: Environment) -> int:
    chosen = _read_chosen(options.file)
    with environment.open_store() as store:
        results = decide_each(store, chosen, verdict, environment.reviewer(), options.reason)
    print_results(results, as_json=options.json)
    missed = sum(result.decided is None for result in results)
    if missed:
        output.narrate(f"{missed} of {len(results)} were not decided.")
    return CONFLICT if missed else DONE


def _read_chosen(file: str) -> tuple[Chosen, ...]:
    from approval_tui.cli.json_input import read_file
    from approval_tui.domain.canonical import parse_json

    value = parse_json(read_file(file))
    if type(value) is not list or not all(map(_is_chosen, value)):
        raise InvalidInput(
            "That is no list of requests with id and digest.", not_done=_NOTHING, to_do="Use what `list --json` prints."
        )
    chosen = tuple(dict.fromkeys(Chosen(each["id"], each["digest"]) for each in value))
    if len(chosen) > MOST_IN_BULK:
        raise InvalidInput(
            f"{len(chosen):,} requests are more than can be looked at together; {MOST_IN_BULK} are the most.",
            not_done=_NOTHING,
            to_do="Decide them in parts.",
        )
    return chosen


def _is_chosen(value: Any) -> bool:
    return type(value) is dict and type(value.get("id")) is str and type(value.get("digest")) is str
