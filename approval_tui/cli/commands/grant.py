"""The commands on grants: calls that a reviewer approved for the rest of a session, or always."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from approval_tui.cli import output
from approval_tui.cli.environment import Environment
from approval_tui.cli.exit_codes import DONE, INTERRUPTED
from approval_tui.domain.errors import InvalidInput

if TYPE_CHECKING:
    from approval_tui.domain.grants import Grant, GrantTerms
    from approval_tui.domain.models import Request
    from approval_tui.store.transactions.granting import GrantPreview

_GRANT = "grt_"
_MOST_EXAMPLES = 5


def terms_of(options: Namespace, request: Request) -> GrantTerms:
    """The terms that the options mean for calls such as that of the request; raises InvalidInput."""
    from approval_tui.domain.grants import ALWAYS, SESSION, GrantTerms
    from approval_tui.domain.matchers import ANYTHING, FITTING, Part, exact_matcher, path_of

    matcher = exact_matcher(request)
    for name, pattern in options.glob:
        matcher = matcher.with_part(Part(path_of(name), FITTING, pattern))
    for name in options.any:
        matcher = matcher.with_part(Part(path_of(name), ANYTHING))
    scope = ALWAYS if options.always else SESSION
    return GrantTerms(scope, matcher, options.ends_after, options.uses)


def add(options: Namespace, environment: Environment) -> int:
    """Grants calls such as that of a request; at a terminal it shows what that means and asks."""
    reviewer = environment.reviewer()
    with environment.open_store() as store:
        request = store.reviewer.find(options.id)
        terms = terms_of(options, request)
        digest = options.digest
        if digest is None:
            if not output.is_interactive():
                raise InvalidInput(
                    "Without a terminal, grant add needs --digest, which says what was looked at.",
                    not_done="Nothing was granted.",
                    to_do=f"Look with `approval-tui grant test {request.id}`, then add with the digest of `show`.",
                )
            digest = request.digest
            preview = store.reviewer.preview_grant(request.id, terms, reviewer=reviewer)
            if not _ask(request, terms, preview, environment):
                output.narrate("Nothing was granted.")
                return INTERRUPTED
        grant = store.reviewer.add_grant(request.id, terms, reviewer=reviewer, digest=digest)
    _print_grant(grant, environment.now(), as_json=options.json)
    return DONE


def test(options: Namespace, environment: Environment) -> int:
    """Says what a grant would approve of what waits, and would have approved of what was asked before."""
    reviewer = environment.reviewer()
    with environment.open_store() as store:
        if options.id.startswith(_GRANT):
            _refuse_terms(options)
            preview = store.reviewer.preview_given(options.id)
        else:
            request = store.reviewer.find(options.id)
            preview = store.reviewer.preview_grant(request.id, terms_of(options, request), reviewer=reviewer)
    if options.json:
        output.print_json(preview_to_json(preview))
    else:
        _print_preview(preview, environment)
    return DONE


def _refuse_terms(options: Namespace) -> None:
    """Raises InvalidInput where terms are named for a grant that has its own."""
    if options.glob or options.any or options.always or options.ends_after is not None or options.uses is not None:
        raise InvalidInput(
            f"{options.id} is a grant, and has its terms.",
            not_done="Nothing was looked at.",
            to_do="Name the request instead, or leave the options out.",
        )


def list_grants(options: Namespace, environment: Environment) -> int:
    """Prints the grants in force, newest first; with --all those that ended, too."""
    with environment.open_store() as store:
        now = environment.now()
        grants = [grant for grant in store.reviewer.grants() if options.all or grant.is_live(now)]
    if options.json:
        output.print_json_array(grant.to_json() for grant in grants)
        return DONE
    if not grants:
        output.narrate(f"No grants{'' if options.all else ' are in force'} in {store.location}.")
    _print_table(grants, now, environment)
    return DONE


def revoke(options: Namespace, environment: Environment) -> int:
    """Ends a grant; the next time the call is asked."""
    with environment.open_store() as store:
        grant = store.reviewer.revoke_grant(options.id, reviewer=environment.reviewer(), reason=options.reason)
    if options.json:
        output.print_json(grant.to_json())
    else:
        from approval_tui.display.grant_view import state_words

        output.print_line(f"{grant.id} {state_words(grant, environment.now())}")
    return DONE


def preview_to_json(preview: GrantPreview) -> dict[str, object]:
    """What `grant test --json` prints."""
    return {
        "releases": [{"id": request.id, "digest": request.digest} for request in preview.releases],
        "covered": [request.id for request in preview.covered],
        "looked_at": preview.looked_at,
    }


def _ask(request: Request, terms: GrantTerms, preview: GrantPreview, environment: Environment) -> bool:
    """Shows what would be granted, secrets too, and asks; only a typed `yes` is a yes."""
    from approval_tui.cli.question import asked_yes
    from approval_tui.display.glyphs import ASCII, UNICODE
    from approval_tui.display.grant_view import ends_words, matcher_fields

    glyphs = ASCII if output.is_plain() else UNICODE
    assert terms.matcher is not None
    where = f"in the session {glyphs.name(request.session or '')}" if terms.scope == "session" else "always"
    of = "" if request.server is None else f" of the server {glyphs.name(request.server)}"
    output.print_line(f"{glyphs.name(request.tool)}{of} for {glyphs.name(request.requester)}, {where},")
    output.print_line(f"{ends_words(terms.ends_after, terms.most_uses)}, without asking, where")
    for field in matcher_fields(terms.matcher, environment.redactor(reveal=True), glyphs):
        output.print_line(f"  {field.label} {field.text}")
    _print_preview(preview, environment)
    return asked_yes("Grant this? Type yes and press Enter; anything else grants nothing [no]: ")


def _print_preview(preview: GrantPreview, environment: Environment) -> None:
    from approval_tui.display.glyphs import ASCII, UNICODE
    from approval_tui.display.request_view import request_preview

    glyphs = ASCII if output.is_plain() else UNICODE
    redactor = environment.redactor()
    waiting, covered = preview.releases, preview.covered
    output.print_line(f"It approves {len(waiting)} of what waits:" if waiting else "It approves nothing of what waits.")
    for request in waiting:
        output.print_line(f"  {request.id}  {request_preview(request, redactor, glyphs)}")
    output.print_line(f"Of the last {preview.looked_at} calls of this tool it covers {len(covered)}:")
    for request in covered[:_MOST_EXAMPLES]:
        output.print_line(f"  {request.id}  {request_preview(request, redactor, glyphs)}")
    if len(covered) > _MOST_EXAMPLES:
        output.print_line(f"  and {len(covered) - _MOST_EXAMPLES} more (--json names them all)")


def _print_grant(grant: Grant, now: int, *, as_json: bool) -> None:
    from approval_tui.display.grant_view import state_words, uses_words

    if as_json:
        output.print_json(grant.to_json())
    else:
        output.print_line(f"{grant.id} {state_words(grant, now)}, used {uses_words(grant)}")


def _print_table(grants: list[Grant], now: int, environment: Environment) -> None:
    from approval_tui.display.glyphs import UNICODE
    from approval_tui.display.grant_view import grant_words, state_words, uses_words

    headers = ("ID", "STATE", "USES", "BY", "CALL")
    redactor = environment.redactor()
    rows = [
        (
            grant.id,
            state_words(grant, now),
            uses_words(grant),
            UNICODE.name(grant.granted_by),
            grant_words(grant, redactor),
        )
        for grant in grants
    ]
    output.print_table(headers, rows)
