"""The configuration's text as values by their dotted paths, each with its line and column."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from approval_tui.domain.yaml_tree import LIST, MAPPING, Entry, Node, read_tree


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
    tree = read_tree(text, name)
    places: dict[str, Place] = {}
    problems = [fault.text for fault in tree.faults]
    for place in _walk(tree.root.entries if tree.root else (), ""):
        first = places.setdefault(place.path, place)
        if first is not place:  # once nested and once with dots
            where = f"{name}:{place.line}:{place.column}"
            problems.append(f"{where}: {place.path}: stands twice (first in line {first.line})")
    return Document(places, tuple(problems))


def _walk(entries: tuple[Entry, ...], prefix: str) -> Iterator[Place]:
    for entry in entries:
        key, value = entry.key, entry.value
        path = f"{prefix}.{key.text}" if prefix else key.text
        if value.kind == MAPPING:
            yield Place(path, key.line, key.column, MAPPING, None)
            yield from _walk(value.entries, path)
        elif value.kind == LIST:
            yield Place(path, key.line, key.column, LIST, [_scalar(path, item) for item in value.items])
        else:
            yield _scalar(path, value)


def _scalar(path: str, node: Node) -> Place:
    """A scalar's place; a list or mapping inside a list has no text."""
    is_scalar = node.kind not in (LIST, MAPPING)
    return Place(path, node.line, node.column, node.kind, node.text if is_scalar else None)
