"""What the requester's commands ask in: the store's file, or a server at a URL."""

from __future__ import annotations

from argparse import Namespace
from types import TracebackType
from typing import TYPE_CHECKING

from approval_tui.cli.environment import Environment
from approval_tui.domain.errors import ConfigurationError, InvalidInput
from approval_tui.domain.http_names import is_server_url
from approval_tui.domain.ids import is_request_id

if TYPE_CHECKING:
    from approval_tui.domain.models import Request
    from approval_tui.gate.stores import AnyBlockingRequester, AnyBlockingStore
    from approval_tui.policy.engine import PolicyEngine


class AskingStore:
    """The requester's side of the store that the options name; a context manager that closes it."""

    def __init__(self, environment: Environment) -> None:
        """Raises what opening raises, and ConfigurationError for a policy that a server would not heed."""
        location = environment.store_location()
        self.is_remote = is_server_url(location)
        self.engine: PolicyEngine | None = None
        self._store: AnyBlockingStore
        if not self.is_remote:
            self.engine = environment.policy_engine()
            self._store = environment.open_store()
            return
        if environment.policy_path() is not None:
            raise ConfigurationError(
                ["a policy is named here, and calls that a server is asked about are judged by its own"],
                not_done="Nothing was asked.",
                to_do="Name the policy where the server runs, and none here (APPROVAL_TUI_POLICY, the configuration).",
            )
        from approval_tui.remote.blocking import BlockingRemoteStore
        from approval_tui.remote.connection import connection_to

        self._store = BlockingRemoteStore(connection_to(location, None))

    @property
    def requester(self) -> AnyBlockingRequester:
        """What asks, waits and uses what was approved."""
        return self._store.requester

    def refuse_dropped(self, request: Request, options: Namespace) -> None:
        """Raises InvalidInput for what a server would drop: another requester than the token's, and a reason."""
        if not self.is_remote:
            return
        if options.requester not in (None, request.requester):
            raise InvalidInput(
                f"Request {request.id} is {request.requester}'s, who has this token.",
                not_done="Nothing was done.",
                to_do="Leave --requester out, or take the other requester's token.",
            )
        if getattr(options, "reason", None) is not None:
            raise InvalidInput(
                "A server keeps no reason for a withdrawal.", not_done="Nothing was done.", to_do="Leave --reason out."
            )

    def find(self, id_or_prefix: str) -> Request:
        """The request with that id, or in a file with the only one that begins so.

        Raises RequestNotFound, AmbiguousId, and InvalidInput.
        """
        from approval_tui.store.blocking import BlockingStore

        if isinstance(self._store, BlockingStore):
            return self._store.reviewer.find(id_or_prefix)
        if not is_request_id(id_or_prefix):
            raise InvalidInput(
                f"{id_or_prefix!r} is no whole id.", not_done="Nothing was done.", to_do="A server needs the whole id."
            )
        return self._store.requester.get(id_or_prefix)

    def __enter__(self) -> AskingStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._store.close()
