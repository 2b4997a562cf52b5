"""The server's command: checks where it may listen, puts everything together, and serves until it is stopped."""

from __future__ import annotations

import logging
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from approval_tui.cli import output
from approval_tui.cli.environment import Environment
from approval_tui.cli.exit_codes import DONE
from approval_tui.cli.stderr_log import StderrLog
from approval_tui.domain.errors import InvalidInput, StoreReadOnly
from approval_tui.domain.lazy import lazy_property

if TYPE_CHECKING:
    import socket
    import ssl

    from approval_tui.domain.sinks import Sink
    from approval_tui.gate import Gate
    from approval_tui.integrations.approval_manager import ApprovalManager
    from approval_tui.server.reviewer_api import Unusual
    from approval_tui.server.run import Serving, Started, Task
    from approval_tui.server.sockets import Address

_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
_NOT_STARTED = "Nothing was started."


def serve(options: Namespace, environment: Environment) -> int:
    """Serves until SIGINT or SIGTERM; what it has to say goes to stderr."""
    _refuse_missing_extra()
    place = _Place(options)
    from approval_tui.gate import Gate
    from approval_tui.store import resolved_location

    path = resolved_location(environment.store_location())
    log = _log_to_stderr()
    gate = Gate("server", store=path, policy=options.policy, config=options.config)
    try:
        if gate.engine_in_force() is None:
            output.narrate("No policy is named, so every call asks.")
        with _proposals(path, options.config) as proposals, ExitStack() as stack:
            serving = _serving(environment, gate, options.policy, proposals, place)
            listening = place.open(stack)
            _run(path, serving, listening, lambda _stop: output.narrate(f"Listening {place.described(listening)}"))
    finally:
        gate.close()
        log.finish()
    output.narrate("Stopped.")
    return DONE


def _run(path: str, serving: Serving, listening: socket.socket, started: Started) -> None:
    import asyncio

    from approval_tui.server.run import run_server
    from approval_tui.server.sockets import raise_most_sockets
    from approval_tui.store import open_store

    raise_most_sockets()

    async def run() -> None:
        async with open_store(path) as store:
            if not store.may_decide:
                raise StoreReadOnly(
                    f"The database role of {store.location} is an agent's and may not decide.",
                    not_done=_NOT_STARTED,
                    to_do="Serve with a reviewer's role.",
                )
            await run_server(store, serving, listening, started)

    asyncio.run(run())


def _serving(
    environment: Environment, gate: Gate, policy: str | None, proposals: ApprovalManager, place: _Place
) -> Serving:
    from approval_tui.integrations.approval_routes import answer
    from approval_tui.server.run import Serving

    def answer_proposals(method: str, path: str, body: object, reviewer: str, token: str) -> tuple[int, dict[str, Any]]:
        return answer(proposals, method, path, body, reviewer=reviewer, token=token)

    return Serving(
        engine=gate.engine_in_force,
        settings=environment.settings,
        unusual=_unusual(environment),
        proposals=answer_proposals,
        hosts=place.hosts,
        tls=place.tls,
        tasks=_tasks(environment.sinks(policy), environment.settings.remind_after),
    )


def _unusual(environment: Environment) -> Unusual:
    """What finds the marks for reviewers, with the masks of the configuration."""
    from approval_tui.display.unusual import unusual_sentences

    redactor = environment.redactor()
    return lambda request, precedents: unusual_sentences(request, precedents, redactor)


def _tasks(sinks: Sequence[Sink], remind_after: int | None) -> tuple[Task, ...]:
    """What the server does beside serving: it delivers, where anybody is to be told."""
    if not sinks:
        return ()
    from approval_tui.notify.deliverer import deliver

    output.narrate(f"Delivering to {', '.join(sink.label for sink in sinks)}.")
    return (lambda store: deliver(store, sinks, tell=output.narrate, remind_after=remind_after),)


@contextmanager
def _proposals(path: str, config: str | None) -> Iterator[ApprovalManager]:
    from approval_tui.integrations.approval_manager import ApprovalManager

    with ApprovalManager(path, config=config) as manager:
        yield manager


class _Place:
    """Where the server is to listen, checked before anything is opened."""

    def __init__(self, options: Namespace) -> None:
        """Raises InvalidInput for what must not be served there."""
        self._options = options
        if options.group is not None and options.uds is None:
            raise _unusable("--group is of a socket in the file system.", "Give --uds, too.")
        if (options.tls_cert is None) != (options.tls_key is None):
            raise _unusable("A certificate goes with its key.", "Give both --tls-cert and --tls-key.")
        if options.uds is not None and options.tls_cert is not None:
            raise _unusable("A socket in the file system has no use for TLS.", "Leave --tls-cert and --tls-key out.")
        address = self.address
        if address is not None and not address.is_loopback:
            if not options.allow_remote:
                raise _unusable(f"Other machines can reach {address}.", "Say --allow-remote if that is meant.")
            if self.tls is None:
                raise _unusable(
                    f"Other machines reach {address} only with TLS: without it tokens and calls could be read.",
                    "Give --tls-cert and --tls-key.",
                )

    @lazy_property
    def address(self) -> Address | None:
        from approval_tui.server.sockets import parse_address

        return None if self._options.uds is not None else parse_address(self._options.bind)

    @lazy_property
    def tls(self) -> ssl.SSLContext | None:
        from approval_tui.server.sockets import tls_context

        return None if self._options.tls_cert is None else tls_context(self._options.tls_cert, self._options.tls_key)

    @property
    def hosts(self) -> tuple[str, ...] | None:
        """By which names it may be called: where no certificate says that, only by those of this machine."""
        if self.address is None or self.tls is not None:
            return None
        host = self.address.host
        return (*_LOOPBACK_NAMES, f"[{host}]" if ":" in host else host)

    def open(self, stack: ExitStack) -> socket.socket:
        """The socket, listening until the stack ends."""
        from approval_tui.server.sockets import listen_at, listen_on_path, take_away

        if self.address is not None:
            return stack.enter_context(listen_at(self.address))
        listening = stack.enter_context(listen_on_path(self._options.uds, self._options.group))
        stack.callback(take_away, self._options.uds)
        return listening

    def described(self, listening: socket.socket) -> str:
        """Where it listens, for whoever started it."""
        if self.address is None:
            return f"on the socket {self._options.uds}"
        port = listening.getsockname()[1]
        return f"at {'http' if self.tls is None else 'https'}://{self.address._replace(port=port)}"


def _refuse_missing_extra() -> None:
    try:
        import msgspec
        import starlette
        import uvicorn
    except ImportError as error:
        raise _unusable(
            f"The server needs {error.name}, which is not installed.", "Run `pip install 'approval-tui[server]'`."
        ) from None
    del msgspec, starlette, uvicorn


def _log_to_stderr() -> StderrLog:
    log = StderrLog()
    logging.getLogger().addHandler(log)
    for name in ("uvicorn", "uvicorn.error"):  # what callers send that is no HTTP is nobody's news
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return log


def _unusable(happened: str, to_do: str) -> InvalidInput:
    return InvalidInput(happened, not_done=_NOT_STARTED, to_do=to_do)
