"""The commands on sessions: what one asked and did, and holding one back."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from approval_tui.cli import output
from approval_tui.cli.environment import Environment
from approval_tui.cli.exit_codes import CONFLICT, DONE
from approval_tui.domain.clock import format_timestamp
from approval_tui.domain.errors import InvalidInput
from approval_tui.domain.lifecycle import DENY, PENDING

if TYPE_CHECKING:
    from approval_tui.domain.bulk import BulkResult
    from approval_tui.domain.decisions import Reviewer
    from approval_tui.domain.holds import Hold
    from approval_tui.domain.models import Request
    from approval_tui.store.blocking import BlockingStore

_LABEL_WIDTH = 12
_PART = 200


def show(options: Namespace, environment: Environment) -> int:
    """Prints the session of a request: whether it is held, its grants, and all that it asked and did."""
    with environment.open_store() as store:
        session = _session_of(store, options.id)
        story = store.reviewer.session(*session)
    if options.json:
        output.print_json(
            {
                "requester": story.requester,
                "session": story.session,
                "hold": None if story.hold is None else story.hold.to_json(),
                "grants": [grant.to_json() for grant in story.grants],
                "requests": [request.to_json() for request in story.requests],
                "earlier": story.earlier,
                "calls": [event.to_json() for event in story.calls],
            }
        )
        return DONE
    from approval_tui.display.glyphs import ASCII, UNICODE
    from approval_tui.display.session_view import session_fields, step_words, timeline
    from approval_tui.display.width import pad, wrap

    glyphs, now, redactor = ASCII if output.is_plain() else UNICODE, environment.now(), environment.redactor()
    width = max(40, output.terminal_width())
    for field in session_fields(story, now, redactor, glyphs):
        label = field.label
        for row in wrap(field.text, width - _LABEL_WIDTH):
            output.print_line(pad(label, _LABEL_WIDTH) + row)
            label = ""
    output.print_line("")
    for step in timeline(story, redactor, glyphs):
        first, *more = wrap(step_words(step, now, glyphs), width - 2, onward=width - 4)
        output.print_line(f"  {first}")
        for row in more:
            output.print_line(f"  {glyphs.continued}{row}")
    return DONE


def hold(options: Namespace, environment: Environment) -> int:
    """Holds the session of a request back; with --deny-waiting what waits of it is denied, too."""
    reviewer = environment.reviewer()
    results: list[BulkResult] = []
    with environment.open_store() as store:
        requester, session = _session_of(store, options.id)
        held = store.reviewer.hold_session(requester, session, reviewer=reviewer, reason=options.reason)
        if options.deny_waiting:
            results = _deny_waiting(store, held, reviewer, options.reason)
    if options.json:
        output.print_json({**held.to_json(), "denied": [result.to_json() for result in results]})
    else:
        from approval_tui.cli.commands.bulk import print_results

        output.print_line(_hold_line(held))
        print_results(results, as_json=False)
    return CONFLICT if any(result.decided is None for result in results) else DONE


def _deny_waiting(store: BlockingStore, held: Hold, reviewer: Reviewer, reason: str | None) -> list[BulkResult]:
    """Denies what waits of the session, a part at a time, however much it is."""
    from approval_tui.cli.commands.bulk import decide_each
    from approval_tui.domain.bulk import Chosen
    from approval_tui.store.transactions.filters import Filter

    of_session = Filter(status=PENDING, requester=held.requester, session=held.session)
    tried: dict[str, BulkResult] = {}
    while True:
        missed = sum(result.decided is None for result in tried.values())
        waiting = store.reviewer.list(of_session, most=_PART + missed)
        chosen = tuple(Chosen(request.id, request.digest) for request in waiting if request.id not in tried)
        if not chosen:
            return list(tried.values())
        tried.update({each.id: each for each in decide_each(store, chosen, DENY, reviewer, reason)})


def release(options: Namespace, environment: Environment) -> int:
    """Lets the session of a request go on."""
    reviewer = environment.reviewer()
    with environment.open_store() as store:
        requester, session = _session_of(store, options.id)
        released = store.reviewer.release_session(requester, session, reviewer=reviewer, reason=options.reason)
    if options.json:
        output.print_json(released.to_json())
    else:
        output.print_line(_hold_line(released))
    return DONE


def list_holds(options: Namespace, environment: Environment) -> int:
    """Prints the sessions that are held back; with --all those that were released, too."""
    with environment.open_store() as store:
        holds = [each for each in store.reviewer.holds() if options.all or each.is_in_force]
    if options.json:
        output.print_json_array(each.to_json() for each in holds)
        return DONE
    if not holds:
        output.narrate(f"No session {'was ever' if options.all else 'is'} held back in {store.location}.")
    from approval_tui.display.glyphs import UNICODE

    redactor = environment.redactor()
    rows = [
        (
            format_timestamp(each.held_at),
            UNICODE.name(each.held_by),
            "held" if each.is_in_force else f"released by {UNICODE.name(each.released_by or '')}",
            f"{UNICODE.name(each.session)} of {UNICODE.name(each.requester)}"
            + (f": {UNICODE.visible(redactor.redact(each.reason))}" if each.reason else ""),
        )
        for each in holds
    ]
    output.print_table(("SINCE", "BY", "STATE", "SESSION"), rows)
    return DONE


def _session_of(store: BlockingStore, id_or_prefix: str) -> tuple[str, str]:
    request: Request = store.reviewer.find(id_or_prefix)
    if request.session is None:
        raise InvalidInput(
            f"Request {request.id} belongs to no session: its requester named none.",
            not_done="Nothing was done.",
            to_do="Decide it by itself.",
        )
    return request.requester, request.session


def _hold_line(held: Hold) -> str:
    from approval_tui.display.glyphs import UNICODE

    state = "held back" if held.is_in_force else "released"
    return f"{UNICODE.name(held.session)} of {UNICODE.name(held.requester)} is {state}"
