"""Stores, policies and configurations as a hook may find them: the columns of the table of `test_hook_table`."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from approval_tui.domain.calls import Call
from approval_tui.domain.clock import HOUR, system_clock
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from tests.gate.policies import policy_file
from tests.integrations.coding_agents.questions import COMMAND, OTHER, Question
from tests.store.granting import approve_for_session
from tests.support import ANN, approve, deny, submit


@dataclass
class Place:
    """Where a hook runs; `says` is what a policy or a reviewer has said there of the call that is asked."""

    store: str
    says: str = "nobody"
    policy: str | None = None
    config: str | None = None
    store_opens: bool = True
    is_config_right: bool = True
    closing: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)


State = Callable[[Place, Question], None]
STATES: dict[str, State] = {}


def state(name: str) -> Callable[[State], State]:
    """Puts the state in the table."""

    def keep(prepare: State) -> State:
        STATES[name] = prepare
        return prepare

    return keep


def the_call(asked: Question, **parts: Any) -> Call:
    """The call that the hook would ask about."""
    own: dict[str, Any] = {
        "tool": asked.tool,
        "arguments": COMMAND,
        "requester": asked.agent.name,
        "server": asked.agent.name,
        "session": "session-1",
        "context": {"working_directory": "/work/project"},
        "timeout": HOUR,
    }
    return Call(**(own | parts))


@contextlib.contextmanager
def opened(place: Place, ago: int = 0) -> Iterator[BlockingStore]:
    """The store, as it was so many ms ago."""
    with open_store_blocking(place.store, clock=lambda: system_clock() - ago) as store:
        yield store


@state("no store")
def no_store(_place: Place, _asked: Question) -> None:
    """The hook makes it."""


@state("pending")
def pending(place: Place, asked: Question) -> None:
    with opened(place) as store:
        submit(store, the_call(asked))


@state("approved")
def approved(place: Place, asked: Question) -> None:
    with opened(place) as store:
        approve(store, submit(store, the_call(asked)))
    place.says = "yes"


@state("approved with other arguments")
def edited(place: Place, asked: Question) -> None:
    with opened(place) as store:
        request = submit(store, the_call(asked))
        store.reviewer.decide(request.id, "approve", reviewer=ANN, digest=request.digest, edited_arguments=OTHER)
    place.says = "edited"


@state("approved for a session")
def granted(place: Place, asked: Question) -> None:
    with opened(place) as store:
        request = approve_for_session(store, submit(store, the_call(asked)))
        store.requester.consume(request.id, request.fingerprint, requester=request.requester)
    place.says = "yes"


@state("approved for another session")
def granted_elsewhere(place: Place, asked: Question) -> None:
    with opened(place) as store:
        request = approve_for_session(store, submit(store, the_call(asked, session="session-2")))
        store.requester.consume(request.id, request.fingerprint, requester=request.requester)


@state("approved, and the grant was taken back")
def grant_revoked(place: Place, asked: Question) -> None:
    granted(place, asked)
    place.says = "nobody"
    with opened(place) as store:
        (grant,) = store.reviewer.grants()
        store.reviewer.revoke_grant(grant.id, reviewer=ANN)


@state("approved and used")
def used(place: Place, asked: Question) -> None:
    with opened(place) as store:
        request = approve(store, submit(store, the_call(asked)))
        store.requester.consume(request.id, request.fingerprint, requester=request.requester)


@state("approved and revoked")
def revoked(place: Place, asked: Question) -> None:
    with opened(place) as store:
        store.reviewer.revoke(approve(store, submit(store, the_call(asked))).id, reviewer=ANN)
    place.says = "no"


@state("approved too long ago")
def approved_long_ago(place: Place, asked: Question) -> None:
    with opened(place, ago=2 * HOUR) as store:
        approve(store, submit(store, the_call(asked)))


NEARLY: dict[str, dict[str, Any]] = {
    "other arguments": {"arguments": OTHER},
    "more arguments": {"arguments": {**COMMAND, "timeout": 5}},
    "no arguments": {"arguments": {}},
    "another tool": {"tool": "bash"},
    "another folder": {"context": {"working_directory": "/work/project/"}},
    "no folder": {"context": {}},
    "another requester": {"requester": "ann"},
    "another server": {"server": "elsewhere"},
}


def nearly(parts: dict[str, Any]) -> State:
    """An approval of a call that is not quite the one that is asked."""

    def prepare(place: Place, asked: Question) -> None:
        with opened(place) as store:
            approve(store, submit(store, the_call(asked, **parts)))

    return prepare


STATES |= {f"approved: {name}": nearly(parts) for name, parts in NEARLY.items()}


@state("denied")
def denied(place: Place, asked: Question) -> None:
    with opened(place) as store:
        deny(store, submit(store, the_call(asked)), "not on a Sunday")
    place.says = "no"


@state("denied too long ago")
def denied_long_ago(place: Place, asked: Question) -> None:
    with opened(place, ago=2 * HOUR) as store:
        deny(store, submit(store, the_call(asked)))


@state("expired")
def expired(place: Place, asked: Question) -> None:
    with opened(place, ago=2 * HOUR) as store:
        submit(store, the_call(asked))


@state("withdrawn")
def withdrawn(place: Place, asked: Question) -> None:
    with opened(place) as store:
        request = submit(store, the_call(asked))
        store.requester.cancel(request.id, requester=request.requester)


# --- policies and configurations ---------------------------------------------------------------


def under(text: str, says: str) -> State:
    """A policy of that text, which says so of the call."""

    def prepare(place: Place, _asked: Question) -> None:
        place.policy = policy_file(os.path.dirname(place.store), text).path
        place.says = says

    return prepare


STATES |= {
    "a policy that allows": under("default: allow", "yes"),
    "a policy that denies": under("default: deny", "no"),
    "a policy that asks": under("default: require_approval", "asked"),
    "a policy that asks for long": under("default: require_approval\napprovals: {timeout: 10m}", "asked"),
    "a policy that nobody can read": under("default: [maybe", "nothing"),
    "a policy that says nothing known": under("default: maybe", "nothing"),
}


@state("a policy that is not there")
def policy_away(place: Place, _asked: Question) -> None:
    place.policy = f"{place.store}.yaml"
    place.says = "nothing"


@state("a policy that allows what was denied")
def denied_and_allowed(place: Place, asked: Question) -> None:
    denied(place, asked)
    under("default: allow", "yes")(place, asked)


@state("a policy that denies what was approved")
def approved_and_denied(place: Place, asked: Question) -> None:
    approved(place, asked)
    under("default: deny", "no")(place, asked)


@state("a configuration that cannot be read")
def config_broken(place: Place, _asked: Question) -> None:
    place.config = f"{place.store}.config.yaml"
    os.makedirs(os.path.dirname(place.store), exist_ok=True)
    Path(place.config).write_text("requests: [")
    place.is_config_right = False


@state("a configuration that is not there")
def config_away(place: Place, _asked: Question) -> None:
    place.config = f"{place.store}.config.yaml"
    place.is_config_right = False


# --- stores in trouble -------------------------------------------------------------------------


def in_trouble(prepare: Callable[[Place], None]) -> State:
    """A store that does not open, whatever it held."""

    def trouble(place: Place, _asked: Question) -> None:
        os.makedirs(os.path.dirname(place.store), exist_ok=True)
        prepare(place)
        place.store_opens = False

    return trouble


def no_folder(place: Place) -> None:
    place.store = os.path.join(f"{place.store}.file", "folder", "approvals.db")
    Path(os.path.dirname(os.path.dirname(place.store))).write_text("no folder")


def no_sqlite(place: Place) -> None:
    Path(place.store).write_bytes(b"no database at all\n" * 1000)


def foreign(place: Place) -> None:
    with contextlib.closing(sqlite3.connect(place.store)) as connection:
        connection.execute("CREATE TABLE theirs (a)")


def newer(place: Place) -> None:
    with opened(place):
        pass
    with contextlib.closing(sqlite3.connect(place.store)) as connection:
        connection.execute("PRAGMA user_version = 99")


def cut_off(place: Place) -> None:
    with opened(place) as store:
        for number in range(20):
            submit(store, Call("shell", {"number": number, "text": "x" * 5000}, "bot"))
    for end in ("-wal", "-shm"):
        Path(place.store + end).unlink(missing_ok=True)
    size = os.path.getsize(place.store)
    with open(place.store, "r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (size - 4096))


def everybodys(place: Place) -> None:
    with opened(place):
        pass
    os.chmod(place.store, 0o666)


def locked(place: Place) -> None:
    with opened(place):
        pass
    holder = place.closing.enter_context(contextlib.closing(sqlite3.connect(place.store, isolation_level=None)))
    holder.execute("BEGIN EXCLUSIVE")


STATES |= {
    "no folder for a store": in_trouble(no_folder),
    "a folder in place of a store": in_trouble(lambda place: os.mkdir(place.store)),
    "a file that is no store": in_trouble(no_sqlite),
    "somebody else's database": in_trouble(foreign),
    "a store of a newer version": in_trouble(newer),
    "a damaged store": in_trouble(cut_off),
    "a store that everybody may write": in_trouble(everybodys),
    "a store that is held by another": in_trouble(locked),
}
