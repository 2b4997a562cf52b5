"""The requester's commands: submit, wait, consume, outcome, cancel."""

from __future__ import annotations

import contextlib
from argparse import Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING

from approval_tui.cli import output
from approval_tui.cli.asking_store import AskingStore
from approval_tui.cli.environment import Environment
from approval_tui.cli.exit_codes import CANCELLED, DENIED, DONE, EXPIRED, STILL_PENDING
from approval_tui.cli.json_input import STDIN, read_object
from approval_tui.domain import lifecycle
from approval_tui.domain.calls import Call, Submitted
from approval_tui.domain.clock import format_duration
from approval_tui.domain.errors import ApprovalTuiError, Conflict, InvalidInput
from approval_tui.domain.ids import new_secret
from approval_tui.gate.attempt import NO_WAITING, Attempt
from approval_tui.gate.judging import claim_steps
from approval_tui.gate.steps import Step, run_blocking, run_steps

if TYPE_CHECKING:
    from approval_tui.domain.models import Request
    from approval_tui.domain.verdicts import Verdict

_WAIT_CODES = {
    lifecycle.PENDING: STILL_PENDING,
    lifecycle.APPROVED: DONE,
    lifecycle.CONSUMED: DONE,
    lifecycle.DENIED: DENIED,
    lifecycle.EXPIRED: EXPIRED,
    lifecycle.CANCELLED: CANCELLED,
}


def submit(options: Namespace, environment: Environment) -> int:
    """Asks for a decision, and with --wait waits for it."""
    _refuse_two_readers(options)
    with AskingStore(environment) as store:
        attempt = _attempt(options, environment, store)
        if not options.wait:
            submitted = run_blocking(attempt, attempt.asking_steps(), store.requester)
            _print_submitted(submitted.request, submitted.created, options)
            return DONE
        return _submit_and_wait(store, attempt, options, environment)


def wait(options: Namespace, environment: Environment) -> int:
    """Waits until the request is decided; the exit code says how."""
    with AskingStore(environment) as store:
        request = store.find(options.id)
        if request.status == lifecycle.PENDING:
            _narrate_waiting(request, environment)
            request = store.requester.wait(request.id, timeout=options.timeout)
    output.print_status(request, as_json=options.json)
    return _WAIT_CODES[request.status]


def consume(options: Namespace, environment: Environment) -> int:
    """Uses an approval, once, and prints the claim with the arguments that may run."""
    settings = environment.settings
    with AskingStore(environment) as store:
        found = store.find(options.id)
        store.refuse_dropped(found, options)
        fingerprint = found.fingerprint if options.fingerprint is None else options.fingerprint
        requester = found.requester if options.requester is None else options.requester
        request = store.requester.claimable(found.id, fingerprint, requester=requester)

        def consuming(verdict: Verdict | None) -> Step:
            return Step(
                lambda face: face.consume(
                    request.id,
                    fingerprint,
                    requester=requester,
                    claim_lifetime=settings.claim_lifetime,
                    claim_id=claim_id,
                    digest=request.digest,
                    verdict=verdict,
                )
            )

        claim_id = new_secret("clm")
        claim = run_steps(claim_steps(lambda: store.engine, request, consuming), store.requester)
    try:
        if options.json:
            output.print_json({"claim": claim.id, "arguments": claim.arguments, "request": claim.request.to_json()})
        else:
            output.print_line(claim.id)
            output.print_json(claim.arguments)
        output.flush()
    except (BrokenPipeError, output.OutputLost):
        output.narrate(f"The approval of {request.id} is used, but its claim could not be printed.")
        output.narrate(
            f"If the call did not run: approval-tui outcome {request.id} --claim {claim.id} {lifecycle.NOT_RUN}"
        )
        raise
    return DONE


def outcome(options: Namespace, environment: Environment) -> int:
    """Records what became of a claimed call."""
    with AskingStore(environment) as store:
        request = store.find(options.id)
        request = store.requester.report_outcome(request.id, options.claim, options.outcome, detail=options.detail)
    output.print_status(request, as_json=options.json)
    return DONE


def cancel(options: Namespace, environment: Environment) -> int:
    """Withdraws a request, as its requester."""
    with AskingStore(environment) as store:
        request = store.find(options.id)
        store.refuse_dropped(request, options)
        requester = request.requester if options.requester is None else options.requester
        request = store.requester.cancel(request.id, requester=requester, reason=options.reason)
    output.print_status(request, as_json=options.json)
    return DONE


def _attempt(options: Namespace, environment: Environment, store: AskingStore) -> Attempt:
    """The attempt to ask for the call that the options describe, as the policy in force has it asked.

    Raises InvalidInput, InvalidJson or ConfigurationError.
    """
    settings, engine = environment.settings, store.engine
    call = Call(
        tool=options.tool,
        arguments=read_object(options.args, "--args", "arguments"),
        requester=options.requester,
        server=options.server,
        session=options.session,
        context={} if options.context is None else read_object(options.context, "--context", "context"),
        reason=options.reason,
        risk=options.risk,
        timeout=settings.timeout if options.timeout is None else options.timeout,
        approval_lifetime=settings.approval_lifetime,
        dedupe_window=settings.dedupe_window,
    )
    return Attempt(call, engine=lambda: engine, claim_lifetime=settings.claim_lifetime, waiting=NO_WAITING)


def _refuse_two_readers(options: Namespace) -> None:
    if options.args == STDIN and options.context == STDIN:
        raise InvalidInput(
            "--args - and --context - cannot both read stdin.", not_done="Nothing was asked.", to_do="Give one of them."
        )


def _submit_and_wait(store: AskingStore, attempt: Attempt, options: Namespace, environment: Environment) -> int:
    """Submits and waits; Ctrl-C withdraws the request if this very command made it."""
    submitted = None
    try:
        with _interrupts_held_back():
            submitted = run_blocking(attempt, attempt.asking_steps(), store.requester)
        request = submitted.request
        if request.status == lifecycle.PENDING:
            _narrate_waiting(request, environment)
            request = store.requester.wait(request.id, timeout=attempt.hold)
    except KeyboardInterrupt:
        if submitted is not None:
            _withdraw(store, submitted)
        raise
    _print_submitted(request, submitted.created, options)
    return _WAIT_CODES[request.status]


@contextlib.contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Ctrl-C comes when the block has ended, so that a request that was made is never forgotten."""
    import signal

    if not hasattr(signal, "pthread_sigmask"):  # not a POSIX system
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _withdraw(store: AskingStore, submitted: Submitted) -> None:
    request = submitted.request
    if not submitted.created:
        output.narrate(f"{request.id} was asked by another command too and goes on waiting.")
        return
    try:
        store.requester.cancel(request.id, requester=request.requester, reason="interrupted")
    except Conflict as conflict:
        output.narrate(str(conflict))
    except ApprovalTuiError as error:
        output.narrate(f"{request.id} could not be withdrawn: {error}")
    else:
        output.narrate(f"{request.id} was withdrawn.")


def _narrate_waiting(request: Request, environment: Environment) -> None:
    left = format_duration(request.expires_at - environment.now())
    output.narrate(f"Waiting for a decision on {request.id} ({left} left). A reviewer decides in `approval-tui`.")


def _print_submitted(request: Request, created: bool, options: Namespace) -> None:
    if request.requester != options.requester:
        output.narrate(f"The server knows the owner of this token as {request.requester}, and not as --requester says.")
    if options.json:
        output.print_json({**request.to_json(), "created": created})
        return
    if not created:
        output.narrate("The same call was asked before; this is that request.")
    output.print_status(request, as_json=False)
