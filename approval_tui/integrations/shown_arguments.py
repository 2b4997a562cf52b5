"""A tool's arguments as the JSON that a person is shown, and back again after a reviewer's edit."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError
from pydantic_ai import RunContext
from pydantic_ai.messages import ToolCallPart
from pydantic_core import PydanticSerializationError, to_jsonable_python

from approval_tui.domain.canonical import JsonObject, canonical_json, exact_json, parse_json
from approval_tui.domain.errors import InvalidInput
from approval_tui.domain.names import quoted_name
from approval_tui.integrations.lost_arguments import lost_argument

_UNSERIALIZABLE = (PydanticSerializationError, ValueError, RecursionError)


class Shown(NamedTuple):
    """What a person is shown of arguments, and whether fields stand there by their names, not by their aliases."""

    arguments: JsonObject
    is_by_name: bool = False


def shown_arguments(name: str, arguments: dict[str, Any], tool: Any, ctx: RunContext[Any] | None) -> Shown:
    """The validated arguments as JSON; raises InvalidInput where JSON does not say all that would run.

    A SecretStr, for example, would be shown as asterisks, and another secret would look the same.
    """
    try:
        if _is_read_once(arguments):
            raise _unfit(name, "can be read only once, and so not be shown before they are used")
        forms = [Shown(to_jsonable_python(arguments, by_alias=not by_name), by_name) for by_name in (False, True)]
    except _UNSERIALIZABLE as error:
        raise _unfit(name, f"cannot be shown as JSON: {error}") from None
    for shown in forms:
        if _says_all(shown, arguments, tool, ctx):
            return shown
    raise _unfit(name, "cannot be shown exactly as JSON (a secret, a field that is left out of it)")


def plain_arguments(arguments: dict[str, Any]) -> JsonObject | None:
    """The same without a look at what JSON leaves out; None where there is no JSON for them."""
    try:
        shown: JsonObject | None = None if _is_read_once(arguments) else to_jsonable_python(arguments)
    except _UNSERIALIZABLE:
        return None
    return shown


def loose_text(arguments: dict[str, Any]) -> str | None:
    """The same as a text to compare, also of what is no JSON (NaN); None where there is none."""
    plain = plain_arguments(arguments)
    return None if plain is None else json.dumps(plain, sort_keys=True)


def same_json(one: JsonObject | None, other: JsonObject | None) -> bool:
    """Whether both are the same as canonical JSON; what is none is the same as nothing."""
    try:
        return one is not None and other is not None and canonical_json(one) == canonical_json(other)
    except InvalidInput:
        return False


async def arguments_of_edit(name: str, edited: Shown, tool: Any, ctx: RunContext[Any] | None) -> dict[str, Any]:
    """What the tool takes for a reviewer's arguments; raises InvalidInput where it does not take all of them."""
    validator = getattr(tool, "args_validator", None)
    if validator is None:
        return edited.arguments
    arguments = _validated(name, edited, validator, ctx)
    refuse_lost(name, edited, arguments, tool.tool_def)
    further = getattr(tool, "args_validator_func", None)
    if further is not None:
        answer = further(ctx, **arguments)
        if inspect.isawaitable(answer):
            await answer
    return arguments


def edit_fits(ctx: RunContext[Any], call: ToolCallPart, edited: JsonObject | None) -> bool:
    """Whether the tool takes a reviewer's arguments, as far as it is known here."""
    tool = None if ctx.tool_manager is None else (ctx.tool_manager.tools or {}).get(call.tool_name)
    if edited is None or tool is None:
        return True
    try:
        _validated(call.tool_name, Shown(edited), tool.args_validator, ctx)
    except InvalidInput:
        return False
    return True


def refuse_lost(name: str, shown: Shown, arguments: dict[str, Any], tool_def: Any) -> None:
    """Raises InvalidInput where something of what was shown does not reach the tool, as a field that no model knows."""
    try:
        kept = to_jsonable_python(arguments, by_alias=not shown.is_by_name)
    except _UNSERIALIZABLE:
        return  # what cannot be looked into is the tool's own matter
    lost = lost_argument(shown.arguments, kept, getattr(tool_def, "parameters_json_schema", {}))
    if lost is not None:
        raise _unfit(name, f"hold {quoted_name(lost)}, which the tool does not take")


def raw_arguments(call: ToolCallPart) -> JsonObject:
    """The arguments as the model wrote them; raises InvalidInput where they have no single meaning as JSON."""
    if not call.args:
        return {}
    arguments = parse_json(call.args) if isinstance(call.args, str) else call.args
    if isinstance(arguments, dict):
        return arguments
    raise _unfit(call.tool_name, "are no JSON object")


def _says_all(shown: Shown, arguments: dict[str, Any], tool: Any, ctx: RunContext[Any] | None) -> bool:
    """Whether the tool would take what is shown for exactly these arguments."""
    if shown.arguments == arguments:
        return True
    validator = getattr(tool, "args_validator", None)
    try:
        return validator is not None and _validated("", shown, validator, ctx) == arguments
    except InvalidInput:
        return False


def _is_read_once(value: object) -> bool:
    """Whether some part of it is an iterator, which whoever looks uses up."""
    if isinstance(value, Iterator):
        return True
    if isinstance(value, BaseModel):
        return _is_read_once(vars(value))
    if isinstance(value, Mapping):
        return any(map(_is_read_once, value.values()))
    return isinstance(value, list | tuple | set | frozenset) and any(map(_is_read_once, value))


def _validated(name: str, shown: Shown, validator: Any, ctx: RunContext[Any] | None) -> dict[str, Any]:
    context = None if ctx is None else ctx.validation_context
    names = {"by_name": True, "by_alias": False} if shown.is_by_name else {}
    try:
        arguments: dict[str, Any] = validator.validate_json(exact_json(shown.arguments), context=context, **names)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise _unfit(name, f"are none that it takes: {where}: {first['msg']}") from None
    return arguments


def _unfit(name: str, how: str) -> InvalidInput:
    return InvalidInput(
        f"The arguments of {quoted_name(name)} {how}.",
        not_done="The call did not run.",
        to_do="Ask again with arguments that fit.",
    )
