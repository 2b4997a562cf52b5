"""What a store needs of an engine: transactions, the time, and to be woken when somebody commits."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Protocol, TypeVar

from approval_tui.domain.clock import Clock
from approval_tui.store.transaction import Transaction

if TYPE_CHECKING:
    from approval_tui.domain.store_checks import Check

P = ParamSpec("P")
R = TypeVar("R")


class Waker(Protocol):
    """Something that becomes readable when somebody's commit concerns its owner."""

    file: int  #: the descriptor to wait for
    listens_later: bool  #: whether it takes a while until it hears anything

    def wait_until_listening(self) -> None:
        """Returns when it hears of every commit from now on, or soon after where it cannot."""

    def silence(self) -> None:
        """Takes what came so far, so that the next is noticed."""


class Wakeups(Protocol):
    """Where wakers are hung."""

    def hang(self, request_id: str | None, stack: ExitStack) -> Waker | None:
        """A waker for that request, or for every change, until the stack ends; None where there can be none."""


class Engine(Protocol):
    """An open connection to a store; threads may share it."""

    @property
    def location(self) -> str:
        """Where the store is, as it may be shown: a file's path, or a URL without its password."""

    @property
    def clock(self) -> Clock:
        """The time that counts in this store, in ms UTC."""

    @property
    def may_decide(self) -> bool:
        """Whether this user may approve; a database role for agents may not."""

    @property
    def knows_roles(self) -> bool:
        """Whether some of its users may not approve, so that what grants cover is left to the others."""

    @property
    def wakeups(self) -> Wakeups:
        """Where those who wait are woken."""

    def write(self, function: Callable[Concatenate[Transaction, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Runs the function in one writing transaction, commits it, and wakes those whom it concerns."""

    def read(self, function: Callable[Concatenate[Transaction, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Runs the function on one consistent state of the store, without keeping any writer waiting."""

    def data_version(self) -> Hashable:
        """Changes whenever somebody else commits; raises StoreUnavailable when the store is away."""

    def checks(self, *, quick: bool) -> tuple[Check, ...]:
        """Whether what the engine works on is sound and fit; `quick` leaves out what reads all of it."""

    def close(self) -> None:
        """Closes it; closing twice is harmless."""


class AsyncEngine(Protocol):
    """The same from asyncio: each call is one hop to a thread."""

    @property
    def location(self) -> str:
        """See Engine."""

    @property
    def clock(self) -> Clock:
        """See Engine."""

    @property
    def may_decide(self) -> bool:
        """See Engine."""

    @property
    def knows_roles(self) -> bool:
        """See Engine."""

    @property
    def wakeups(self) -> Wakeups:
        """See Engine."""

    async def write(self, function: Callable[Concatenate[Transaction, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """See Engine."""

    async def read(self, function: Callable[Concatenate[Transaction, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """See Engine."""

    async def data_version(self) -> Hashable:
        """See Engine."""

    async def close(self) -> None:
        """See Engine."""
