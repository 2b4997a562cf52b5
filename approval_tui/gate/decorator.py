"""The gate around a function: its arguments by name, and back again after a reviewer's edits."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.errors import InvalidInput
from approval_tui.gate.guard import EDIT_UNFIT, Guard, GuardedCall

P = ParamSpec("P")
R = TypeVar("R")

_OWNERS = ("self", "cls")


def guard_function(
    function: Callable[P, R],
    guard: Callable[[JsonObject], Guard],
    on_edit: Callable[[GuardedCall], object] | None = None,
) -> Callable[P, R]:
    """The function behind the guard, with `on_edit` told of edits before it runs; raises TypeError for a generator."""
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError(f"{function.__qualname__} is a generator; put the gate inside it, around each call")
    signature = inspect.signature(function)
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def guarded_async(*args: P.args, **kwargs: P.kwargs) -> Any:
            bound = signature.bind(*args, **kwargs)
            async with guard(_arguments_by_name(bound)) as call:
                _put_back_or_give_up(bound, call)
                _tell(call, on_edit)
                return await function(*bound.args, **bound.kwargs)

        return cast(Callable[P, R], guarded_async)

    @functools.wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        bound = signature.bind(*args, **kwargs)
        with guard(_arguments_by_name(bound)) as call:
            _put_back_or_give_up(bound, call)
            _tell(call, on_edit)
            return function(*bound.args, **bound.kwargs)

    return guarded


def _arguments_by_name(bound: inspect.BoundArguments) -> JsonObject:
    """The arguments that are approved: all with their defaults, but the object that a method belongs to."""
    bound.apply_defaults()
    arguments: JsonObject = {}
    for index, (name, value) in enumerate(bound.arguments.items()):
        if index == 0 and name in _OWNERS:
            continue
        kind = bound.signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_KEYWORD:
            for keyword in value:
                if keyword in arguments:
                    raise _unfit(f"have {keyword!r} twice")
            arguments.update(value)
        elif kind is inspect.Parameter.VAR_POSITIONAL:
            arguments[name] = list(value)
        else:
            arguments[name] = value
    return arguments


def _put_back_or_give_up(bound: inspect.BoundArguments, call: GuardedCall) -> None:
    try:
        _put_back(bound, call.arguments)
    except InvalidInput:
        call.withdraw(EDIT_UNFIT)
        raise


def _tell(call: GuardedCall, on_edit: Callable[[GuardedCall], object] | None) -> None:
    """Hands the call to whoever tells the agent of edits, if a reviewer made one; the function has not run then."""
    if on_edit is None or not call.is_edited:
        return
    try:
        on_edit(call)
    except BaseException:
        call.did_not_run()
        raise


def _put_back(bound: inspect.BoundArguments, arguments: JsonObject) -> None:
    """Puts the approved arguments in the place of those of the call; raises InvalidInput if they do not fit."""
    remaining = dict(arguments)
    for index, name in enumerate(list(bound.arguments)):
        if index == 0 and name in _OWNERS:
            continue
        kind = bound.signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_KEYWORD:
            continue
        if name not in remaining:
            raise _unfit(f"lack {name!r}")
        edited = remaining.pop(name)
        if kind is inspect.Parameter.VAR_POSITIONAL:
            if not isinstance(edited, list):
                raise _unfit(f"have no list for {name!r}")
            edited = tuple(edited)
        bound.arguments[name] = edited
    keywords = [
        name
        for name, parameter in bound.signature.parameters.items()
        if parameter.kind is inspect.Parameter.VAR_KEYWORD
    ]
    if keywords:
        bound.arguments[keywords[0]] = remaining
    elif remaining:
        raise _unfit(f"have {', '.join(map(repr, remaining))}, which the function does not take")


def _unfit(how: str) -> InvalidInput:
    return InvalidInput(
        f"The approved arguments {how}.",
        not_done="The function was not called.",
        to_do="Ask again with arguments that fit.",
    )
