"""A property that is computed when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

R = TypeVar("R")


class lazy_property(Generic[R]):
    """Keeps what the method gave in the object's own dictionary; works with frozen dataclasses.

    Unlike functools.cached_property before Python 3.12 it holds no lock, which a fork of another thread would leave
    held in the child for ever. Two threads may compute it at once, and one of the equal values is kept.
    """

    def __init__(self, method: Callable[[Any], R]) -> None:
        self._method = method
        self._name = method.__name__
        self.__doc__ = method.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> lazy_property[R]: ...

    @overload
    def __get__(self, instance: object, owner: type) -> R: ...

    def __get__(self, instance: object | None, owner: type) -> lazy_property[R] | R:
        if instance is None:
            return self
        values: dict[str, R] = instance.__dict__
        return values.setdefault(self._name, self._method(instance))
