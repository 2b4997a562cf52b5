"""The commands by which a reviewer decides: approve, deny, expire, revoke, resolve."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from approval_tui.cli import output
from approval_tui.cli.environment import Environment
from approval_tui.cli.exit_codes import DONE, INTERRUPTED
from approval_tui.cli.json_input import read_object
from approval_tui.domain.errors import InvalidInput
from approval_tui.domain.grants import FOR_SESSION
from approval_tui.domain.ids import LAST_OF_ID, end_of_id
from approval_tui.domain.lifecycle import APPROVE, DENY, PENDING

if TYPE_CHECKING:
    from approval_tui.domain.canonical import JsonObject
    from approval_tui.domain.models import Request
    from approval_tui.store.blocking import BlockingStore


def approve(options: Namespace, environment: Environment) -> int:
    """Approves what the digest names; without one, shows the request to the person and asks (rule R9)."""
    edited = None if options.edit is None else read_object(options.edit, "--edit", "edited arguments")
    reviewer = environment.reviewer()
    with environment.open_store() as store:
        request = store.reviewer.find(options.id)
        digest = options.digest
        if digest is None:
            if not output.is_interactive():
                raise _digest_needed(request)
            digest = request.digest
            if request.status == PENDING and not _ask(request, edited, store, options, environment):
                output.narrate(f"Nothing was decided; {request.id} still waits.")
                return INTERRUPTED
        decided = store.reviewer.decide(
            request.id,
            APPROVE,
            reviewer=reviewer,
            digest=digest,
            reason=options.reason,
            edited_arguments=edited,
            grant=FOR_SESSION if options.for_session else None,
        )
    if decided.status == PENDING:
        from approval_tui.display.quorum_words import vote_words

        output.narrate(vote_words(request, decided, reviewer.name))
    output.print_status(decided, as_json=options.json)
    return DONE


def deny(options: Namespace, environment: Environment) -> int:
    """Denies the request as it was read just before, or as the digest names it."""
    reviewer = environment.reviewer()
    with environment.open_store() as store:
        request = store.reviewer.find(options.id)
        digest = request.digest if options.digest is None else options.digest
        decided = store.reviewer.decide(request.id, DENY, reviewer=reviewer, digest=digest, reason=options.reason)
    output.print_status(decided, as_json=options.json)
    return DONE


def expire(options: Namespace, environment: Environment) -> int:
    """Ends one pending request without a verdict, or records every expiry whose time has passed."""
    if options.all_stale:
        with environment.open_store() as store:
            count = store.reviewer.expire_due()
        if options.json:
            output.print_json({"expired": count})
        else:
            output.print_line(f"{count} expired")
        return DONE
    reviewer = environment.reviewer()
    with environment.open_store() as store:
        request = store.reviewer.find(options.id)
        request = store.reviewer.expire(request.id, reviewer=reviewer)
    output.print_status(request, as_json=options.json)
    return DONE


def revoke(options: Namespace, environment: Environment) -> int:
    """Takes an approval back before it is used."""
    reviewer = environment.reviewer()
    with environment.open_store() as store:
        request = store.reviewer.find(options.id)
        request = store.reviewer.revoke(request.id, reviewer=reviewer, reason=options.reason)
    output.print_status(request, as_json=options.json)
    return DONE


def resolve(options: Namespace, environment: Environment) -> int:
    """Ends a claim that is in doubt with what a person found out."""
    reviewer = environment.reviewer()
    with environment.open_store() as store:
        request = store.reviewer.find(options.id)
        request = store.reviewer.resolve(request.id, options.outcome, reviewer=reviewer, reason=options.reason)
    output.print_status(request, as_json=options.json)
    return DONE


def _ask(
    request: Request,
    edited: JsonObject | None,
    store: BlockingStore,
    options: Namespace,
    environment: Environment,
) -> bool:
    """Shows everything that the decision is about, secrets too, and asks; only a typed `yes` is a yes.

    Of a call of high risk, only the end of its id is.
    """
    from approval_tui.cli.question import YES, asked_for
    from approval_tui.cli.request_text import attempt_before, precedents_of, print_request

    previous, precedents = attempt_before(request, store.reader), precedents_of(request, store.reader)
    redactor = environment.redactor(reveal=True)
    print_request(request, redactor, environment.now(), edited=edited, previous=previous, precedents=precedents)
    what = "this, and the same call for the rest of its session" if options.for_session else "this"
    wanted, named = YES, "yes"
    if request.is_of_high_risk:
        wanted, named = end_of_id(request.id), f"the last {LAST_OF_ID} characters of its id"
        what += ", of HIGH RISK"
    return asked_for(wanted, f"Approve {what}? Type {named} and press Enter; anything else leaves it undecided [no]: ")


def _digest_needed(request: Request) -> InvalidInput:
    return InvalidInput(
        "Without a terminal, approve needs --digest, which says what was looked at.",
        not_done=f"Request {request.id} was not approved.",
        to_do=f"Look at it with `approval-tui show {request.id}`, then approve with the digest that this prints.",
    )
