"""A tool's result with what its model is to know of a reviewer's edit: it remembers only the arguments it wrote."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pydantic_ai.messages import ToolReturn

from approval_tui.gate.guard import GuardedCall


def with_edit_told(result: Any, call: GuardedCall) -> Any:
    """The result itself, or, where a reviewer changed the arguments, with words for the model beside it.

    They are a message of their own behind the result, which stays what the tool gave.
    """
    told = call.edit_told
    if told is None:
        return result
    if not isinstance(result, ToolReturn):
        return ToolReturn(return_value=result, content=told)
    content = result.content
    if not content:
        return replace(result, content=told)
    return replace(result, content=[*([content] if isinstance(content, str) else content), told])
