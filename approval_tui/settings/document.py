"""A YAML file as values that know their line, without YAML's traps and without duplicate keys."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Place:
    """One value of the file: its dotted path, where it stands, its text and its YAML kind."""

    path: str
    line: int
    column: int
    kind: str  #: str, int, float, bool, null, list, mapping, or the tag of anything else
    value: Any  #: the text of a scalar, a list of places, or None for a mapping


@dataclass(frozen=True)
class Document:
    """Every place of a file by its dotted path, and what is wrong with the file itself."""

    places: dict[str, Place]
    problems: tuple[str, ...]


def read_document(text: str, name: str) -> Document:
    """The places of a YAML mapping; syntax errors and duplicate keys become problems with file:line:column."""
    import yaml

    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        return Document({}, (f"{where}: not YAML: {error.problem or error.context}",))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return Document({}, (f"{name}: not YAML: {' '.join(str(error).split())}",))
    if root is None or root.tag == "tag:yaml.org,2002:null":
        return Document({}, ())
    if not isinstance(root, yaml.MappingNode):
        return Document({}, (f"{name}:{root.start_mark.line + 1}:1: the file must hold keys and values",))
    places: dict[str, Place] = {}
    problems: list[str] = []
    for place in _walk(root, "", name, problems, frozenset()):
        first = places.setdefault(place.path, place)
        if first is not place:  # once nested and once with dots
            where = f"{name}:{place.line}:{place.column}"
            problems.append(f"{where}: {place.path}: stands twice (first in line {first.line})")
    return Document(places, tuple(problems))


def _walk(node: Any, prefix: str, name: str, problems: list[str], above: frozenset[int]) -> Iterator[Place]:
    import yaml

    seen: dict[str, int] = {}
    for key_node, value_node in node.value:
        line, column = key_node.start_mark.line + 1, key_node.start_mark.column + 1
        if not isinstance(key_node, yaml.ScalarNode):
            problems.append(f"{name}:{line}:{column}: a key must be a plain word")
            continue
        path = f"{prefix}.{key_node.value}" if prefix else key_node.value
        if key_node.value in seen:
            problems.append(f"{name}:{line}:{column}: {path}: stands twice (first in line {seen[key_node.value]})")
            continue
        seen[key_node.value] = line
        if isinstance(value_node, yaml.MappingNode):
            yield Place(path, line, column, "mapping", None)
            if id(value_node) in above:
                problems.append(f"{name}:{line}:{column}: {path}: refers to itself")
                continue
            yield from _walk(value_node, path, name, problems, above | {id(value_node)})
        elif isinstance(value_node, yaml.SequenceNode):
            items = [_scalar(path, item) for item in value_node.value]
            yield Place(path, line, column, "list", items)
        else:
            yield _scalar(path, value_node)


def _scalar(path: str, node: Any) -> Place:
    kind = node.tag.rsplit(":", 1)[-1]
    return Place(path, node.start_mark.line + 1, node.start_mark.column + 1, kind, node.value)
