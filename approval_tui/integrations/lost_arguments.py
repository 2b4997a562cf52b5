"""What of a call's arguments a tool would drop without a word: a reviewer who read it would believe that it counts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_DEEPEST = 64
_NO_MATTER = object()


def lost_argument(shown: Any, kept: Any, schema: Any) -> str | None:
    """The path of the first key that was shown, was not kept, and that the tool's JSON Schema does not know.

    A key that the schema knows under another name than the one it is kept under is not lost.
    """
    return next(_lost(shown, kept, [schema], schema, "", 0), None)


def _lost(shown: Any, kept: Any, schemas: list[Any], root: Any, path: str, depth: int) -> Iterator[str]:
    if depth > _DEEPEST:
        return
    if isinstance(shown, dict) and isinstance(kept, dict):
        for key, value in shown.items():
            below = [found for schema in schemas for found in _properties(schema, key, root, 0)]
            where = f"{path}.{key}" if path else key
            if key not in kept:
                if not below:
                    yield where
            else:
                yield from _lost(value, kept[key], below, root, where, depth + 1)
    elif isinstance(shown, list) and isinstance(kept, list):
        below = [found for schema in schemas for found in _items(schema, root, 0)]
        for index, (value, kept_value) in enumerate(zip(shown, kept, strict=False)):
            yield from _lost(value, kept_value, below, root, f"{path}[{index}]", depth + 1)


def _properties(schema: Any, key: str, root: Any, depth: int) -> Iterator[Any]:
    """What the schema says of that key of an object, in each of its branches."""
    for branch in _branches(schema, root, depth):
        properties = branch.get("properties")
        if isinstance(properties, dict) and key in properties:
            yield properties[key]
        elif branch.get("additionalProperties", False) is not False:
            yield branch["additionalProperties"]


def _items(schema: Any, root: Any, depth: int) -> Iterator[Any]:
    for branch in _branches(schema, root, depth):
        if "items" in branch:
            yield branch["items"]


def _branches(schema: Any, root: Any, depth: int) -> Iterator[dict[str, Any]]:
    """The schema, what it refers to, and what it offers to choose from."""
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return
    yield schema
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference.startswith("#/"):
        yield from _branches(_at(root, reference[2:].split("/")), root, depth + 1)
    for choice in ("anyOf", "oneOf", "allOf"):
        for branch in schema.get(choice) or ():
            yield from _branches(branch, root, depth + 1)


def _at(root: Any, steps: list[str]) -> Any:
    for step in steps:
        root = root.get(step, _NO_MATTER) if isinstance(root, dict) else _NO_MATTER
    return root
