"""Where a store is: a file, or a database."""

from __future__ import annotations

import os

from approval_tui.domain.database_urls import is_database_url
from approval_tui.domain.errors import StoreIncompatible, StoreUnavailable
from approval_tui.domain.http_names import is_server_url
from approval_tui.settings.paths import STORE_VARIABLE

_NOTHING = "Nothing was opened and nothing may run."


def resolved_location(location: str | None) -> str:
    """The absolute path of the store's file, or the URL of its database.

    Without a location, APPROVAL_TUI_STORE, the configuration and the platform's data folder are asked in this order.
    Raises StoreIncompatible for a URL of anything else, StoreUnavailable and ConfigurationError.
    """
    chosen = location or os.environ.get(STORE_VARIABLE) or _configured_location()
    if is_database_url(chosen):
        return chosen
    if chosen.startswith("sqlite://"):
        chosen = chosen.removeprefix("sqlite://")
    elif is_server_url(chosen):
        raise StoreIncompatible(
            f"{chosen} is a server, and this needs the store itself.",
            not_done=_NOTHING,
            to_do="Run it where the store is (--store), or decide over the server's reviewer API.",
        )
    elif "://" in chosen:
        raise StoreIncompatible(
            f"A store at {chosen.partition('://')[0]}:// is not known to this version.",
            not_done=_NOTHING,
            to_do="Give the path of a file, or a URL such as sqlite:///srv/approvals.db or postgresql://host/database.",
        )
    if not chosen or chosen == ":memory:" or chosen.endswith(os.sep):
        raise StoreUnavailable(
            f"{chosen!r} is no file that two programs could share.", not_done=_NOTHING, to_do="Give the path of a file."
        )
    return os.path.abspath(os.path.expanduser(chosen))


def folder_beside(location: str) -> str:
    """A path of this user's for files that belong to a store: beside its file, or for a database in the data folder."""
    if not is_database_url(location):
        return location
    from hashlib import sha256

    from approval_tui.settings.paths import default_store_path

    name = sha256(location.encode()).hexdigest()[:32]
    return os.path.join(os.path.dirname(default_store_path()), f"database-{name}")


def unfinished_copy(location: str, source: str) -> StoreIncompatible:
    """The error for a store that is still being copied; both locations are as they may be shown."""
    from shlex import quote  # few copies are unfinished

    return StoreIncompatible(
        f"{location} is an unfinished copy of {source}.",
        not_done=_NOTHING,
        to_do=f"Run `approval-tui store copy {quote(source)} {quote(location)}` again to finish it.",
    )


def _configured_location() -> str:
    from approval_tui.settings.configuration import load_settings, store_location  # only where nobody said a path

    return store_location(None, load_settings())
