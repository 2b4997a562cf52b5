"""What a client asked and the server has not answered yet."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from approval_tui.domain.canonical import JsonObject
from approval_tui.proxy.frames import Id

MOST_OPEN = 1000
"""Requests of the client that may be unanswered at once, and as many again that it gave up."""

Reply = Callable[[JsonObject], Awaitable[None]]

_LONGEST_NUMBER = 400


@dataclass(frozen=True)
class Waiter:
    """Who waits for the answer to one request: told of it, or of why what came cannot be one."""

    answered: Reply
    refused: Callable[[str], Awaitable[None]]


class OpenRequests:
    """The ids of the client that are in use, each by the name that a careless server has for it.

    Some servers take "7" for 7, so that one of them is answered in the place of the other: both at once are refused.
    """

    def __init__(self) -> None:
        self._in_use: dict[str, Id] = {}
        self._given_up: OrderedDict[str, Id] = OrderedDict()

    def has(self, request_id: Id) -> bool:
        """Whether an answer to this id could still come, or to one that some server takes for it."""
        return _name_of(request_id) in self._in_use

    def has_exactly(self, request_id: Id) -> bool:
        """Whether an answer to this very id could still come."""
        found = self._in_use.get(_name_of(request_id))
        return found == request_id and type(found) is type(request_id)

    @property
    def count(self) -> int:
        """How many the client still waits for."""
        return len(self._in_use) - len(self._given_up)

    def add(self, request_id: Id) -> None:
        """One more is asked."""
        self._in_use[_name_of(request_id)] = request_id

    def end(self, request_id: Id) -> None:
        """It was answered, or never will be."""
        self._in_use.pop(_name_of(request_id), None)
        self._given_up.pop(_name_of(request_id), None)

    def give_up(self, request_id: Id) -> Id | None:
        """The client cancelled it, and may be answered all the same; gives one that has been so for too long."""
        name = _name_of(request_id)
        self._given_up[name] = request_id
        if len(self._given_up) <= MOST_OPEN:
            return None
        oldest = self._given_up.popitem(last=False)[1]
        self.end(oldest)
        return oldest

    def is_given_up(self, request_id: Id) -> bool:
        """Whether the client cancelled it."""
        return _name_of(request_id) in self._given_up


def _name_of(request_id: Id) -> str:
    """What a server makes of an id that takes texts for numbers where it can, in one way or another."""
    text = str(request_id).partition("\0")[0].strip()
    try:
        return repr(float(text)) if len(text) <= _LONGEST_NUMBER else text
    except ValueError:
        return text
