"""What a command works with, put together only as far as it asks: settings, store, reviewer, redaction."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from approval_tui.domain.errors import InvalidInput, StoreMissing
from approval_tui.domain.lazy import lazy_property
from approval_tui.settings import identity

if TYPE_CHECKING:
    from argparse import Namespace

    from approval_tui.display.redaction import Redactor
    from approval_tui.domain.decisions import Reviewer
    from approval_tui.domain.sinks import Sink
    from approval_tui.policy.engine import PolicyEngine
    from approval_tui.settings.configuration import Settings
    from approval_tui.store.blocking import BlockingStore


class Environment:
    """The options that every command has, and what follows from them.

    Nothing is read before it is needed: a listing of a named store looks for no configuration.
    """

    def __init__(self, options: Namespace) -> None:
        """Raises InvalidInput for an empty --store or --config: it is a slip, and the default is not meant."""
        for name in ("store", "config"):
            if getattr(options, name) == "":
                raise InvalidInput(f"--{name} is empty.", not_done="Nothing was done.", to_do="Give a path.")
        self._options = options
        self._clock: Callable[[], int] | None = None

    @lazy_property
    def settings(self) -> Settings:
        """The settings of the configuration; raises ConfigurationError."""
        from approval_tui.settings.configuration import load_settings

        return load_settings(self._options.config)

    def store_location(self) -> str:
        """Where the store is: --store, else APPROVAL_TUI_STORE, else the configuration, else the data folder."""
        if self._options.config:
            self.settings  # noqa: B018 - a file that was named must be right, even where nothing needs it
        named = self._options.store or os.environ.get("APPROVAL_TUI_STORE")
        if named:
            return str(named)
        from approval_tui.settings.configuration import store_location

        return store_location(None, self.settings)

    def is_store_named(self) -> bool:
        """Whether the store is the one of these options or variables, which others need not have."""
        variables = ("APPROVAL_TUI_STORE", "APPROVAL_TUI_CONFIG")
        return bool(self._options.store or self._options.config or any(map(os.environ.get, variables)))

    def open_store(self) -> BlockingStore:
        """The store, opened; says so when there was none. Raises StoreUnavailable, ConfigurationError."""
        from approval_tui.store import is_database_url, open_store_blocking, resolved_location

        location = resolved_location(self.store_location())
        is_new = not is_database_url(location) and not os.path.exists(location)
        try:
            store = open_store_blocking(location, create=not is_database_url(location))
        except StoreMissing:
            store, is_new = open_store_blocking(location), True
        self._clock = store.now
        if is_new:
            from approval_tui.cli.output import narrate

            narrate(f"A new, empty store was made: {store.location}")
        return store

    def now(self) -> int:
        """The moment that counts in the store that was opened, else on this machine; in ms UTC."""
        if self._clock is not None:
            return self._clock()
        from approval_tui.domain.clock import system_clock

        return system_clock()

    def policy_engine(self) -> PolicyEngine | None:
        """The engine of the policy that APPROVAL_TUI_POLICY or the configuration names; raises PolicyError."""
        path = self.policy_path()
        if path is None:
            return None
        from approval_tui.policy.engine import PolicyEngine
        from approval_tui.policy.files import read_policy

        return PolicyEngine(read_policy(path)[0])

    def policy_path(self, named: str | None = None) -> str | None:
        """Where the policy is: as named, else by APPROVAL_TUI_POLICY, else by the configuration; None without one.

        Raises InvalidInput for an empty name.
        """
        from approval_tui.settings.configuration import policy_location

        return policy_location(named, self.settings)

    def sinks(self, policy: str | None = None) -> tuple[Sink, ...]:
        """Who is told of what waits: the configuration's sinks, and the webhook of the policy in force, or of that one.

        Raises ConfigurationError, and PolicyError.
        """
        from approval_tui.domain.sinks import distinct

        path = self.policy_path(policy)
        if path is None:
            return distinct(self.settings.sinks)
        from approval_tui.policy.files import read_policy

        webhook = read_policy(path)[0].approvals.webhook
        return distinct((*self.settings.sinks, *([] if webhook is None else [webhook])))

    def reviewer_name(self) -> str:
        """Who decides: --reviewer, else the configuration, else the operating system's user."""
        named: str | None = self._options.reviewer
        if named is not None:
            return named
        return identity.default_reviewer(self.settings)

    def reviewer(self, via: str = identity.VIA) -> Reviewer:
        """The same with where the decision comes from."""
        return identity.reviewer(self.reviewer_name(), via)

    def redactor(self, *, reveal: bool = False) -> Redactor:
        """What masks secrets in human output; `reveal` lifts it."""
        from approval_tui.display.redaction import Redactor

        redactor = Redactor.with_names(self.settings.redact_names)
        return redactor.lifted() if reveal else redactor
