"""What the two faces of the blocking store share: a transaction function becomes a method."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from approval_tui.store.engine import Engine
from approval_tui.store.transaction import Transaction

P = ParamSpec("P")
R = TypeVar("R")
M = TypeVar("M", bound=Callable[..., Any])


def _named_after(function: Callable[..., Any], method: M) -> M:
    method.__name__, method.__doc__ = function.__name__, function.__doc__
    return method


class BlockingFace:
    """One side of an open store."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine


def reads(function: Callable[Concatenate[Transaction, P], R]) -> Callable[Concatenate[BlockingFace, P], R]:
    """The method that runs the function on one consistent state of the store."""

    def method(self: BlockingFace, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._engine.read(function, *args, **kwargs)

    return _named_after(function, method)


def writes(function: Callable[Concatenate[Transaction, P], R]) -> Callable[Concatenate[BlockingFace, P], R]:
    """The method that runs the function in one writing transaction."""

    def method(self: BlockingFace, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._engine.write(function, *args, **kwargs)

    return _named_after(function, method)
