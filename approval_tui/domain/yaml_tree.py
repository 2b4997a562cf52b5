"""A YAML text as a tree of nodes that know their line and column, without YAML's traps and duplicate keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

DEEPEST_NESTING = 50
MOST_NODES = 200_000
"""More than a file of 1 MiB can spell out: only aliases within aliases come here."""

STR = "str"
INT = "int"
FLOAT = "float"
BOOL = "bool"
NULL = "null"
LIST = "list"
MAPPING = "mapping"


@dataclass(frozen=True)
class Node:
    """One value: its YAML kind (or the tag of anything else), where it stands, and what it holds."""

    kind: str
    line: int
    column: int
    text: str = ""
    is_plain: bool = True  #: written without quotes
    items: tuple[Node, ...] = ()
    entries: tuple[Entry, ...] = ()

    @cached_property
    def by_key(self) -> Mapping[str, Entry]:
        """The entries of a mapping by the text of their keys."""
        return {entry.key.text: entry for entry in self.entries}


@dataclass(frozen=True)
class Entry:
    """One key of a mapping and its value."""

    key: Node
    value: Node


class Fault(NamedTuple):
    """Something wrong in the file; the text says where, as file:line:column, and what."""

    line: int
    column: int
    text: str


@dataclass(frozen=True)
class Tree:
    """The root of a file that holds keys and values, None for an empty one, and what is wrong with the file itself."""

    root: Node | None
    faults: tuple[Fault, ...] = ()


def read_tree(text: str, name: str) -> Tree:
    """The tree of a YAML text; what cannot be read becomes problems as file:line:column, path and reason."""
    import yaml

    try:
        root = _composed(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        return _unreadable(f"{where}: not YAML: {error.problem or error.context}")
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return _unreadable(f"{name}: not YAML: {' '.join(str(error).split())}")
    if root is None or root.tag == "tag:yaml.org,2002:null":
        return Tree(None)
    if not isinstance(root, yaml.MappingNode):
        return _unreadable(f"{name}:{root.start_mark.line + 1}:1: the file must hold keys and values")
    reader = _Reader(name)
    try:
        return Tree(reader.node(root, "", frozenset()), tuple(reader.faults))
    except _TooManyNodes:
        return _unreadable(f"{name}: its aliases stand for more than {MOST_NODES:,} values")


def _unreadable(why: str) -> Tree:
    return Tree(None, (Fault(1, 1, why),))


def _composed(text: str) -> Any:
    """PyYAML's node of the text: from its C parser where there is one, ten times as fast, else from its own.

    Nesting is counted first, because PyYAML's C code ends the process where it is too deep. What C refuses is
    read again by the parser whose words say more.
    """
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        if _is_too_deep(text, loader):
            raise yaml.YAMLError(f"it is nested deeper than {DEEPEST_NESTING} levels")
        return yaml.compose(text, Loader=loader)
    except (yaml.MarkedYAMLError, yaml.reader.ReaderError, UnicodeEncodeError):
        return yaml.compose(text, Loader=yaml.SafeLoader)


def _is_too_deep(text: str, loader: Any) -> bool:
    import yaml

    depth = 0
    for event in yaml.parse(text, Loader=loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEEPEST_NESTING:
                return True
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
    return False


class _TooManyNodes(Exception):
    """Aliases within aliases stand for more values than anybody wrote."""


class _Reader:
    """Makes nodes of ours out of PyYAML's, and notes what is wrong on the way."""

    def __init__(self, name: str) -> None:
        self.faults: list[Fault] = []
        self._name = name
        self._count = 0

    def node(self, found: Any, path: str, above: frozenset[int]) -> Node:
        import yaml

        self._count += 1
        if self._count > MOST_NODES:
            raise _TooManyNodes
        line, column = found.start_mark.line + 1, found.start_mark.column + 1
        if isinstance(found, yaml.ScalarNode):
            return Node(found.tag.rsplit(":", 1)[-1], line, column, found.value, found.style is None)
        if id(found) in above:
            self._note(line, column, path, "refers to itself")
            return Node(NULL, line, column)
        above |= {id(found)}
        if isinstance(found, yaml.SequenceNode):
            items = [self.node(item, f"{path}[{index}]", above) for index, item in enumerate(found.value)]
            return Node(LIST, line, column, items=tuple(items))
        return Node(MAPPING, line, column, entries=tuple(self._entries(found, path, above)))

    def _entries(self, found: Any, path: str, above: frozenset[int]) -> list[Entry]:
        import yaml

        entries: dict[str, Entry] = {}
        for key_node, value_node in found.value:
            line, column = key_node.start_mark.line + 1, key_node.start_mark.column + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self.faults.append(Fault(line, column, f"{self._name}:{line}:{column}: a key must be a plain word"))
                continue
            inner = f"{path}.{key_node.value}" if path else key_node.value
            first = entries.get(key_node.value)
            if first is not None:
                self._note(line, column, inner, f"stands twice (first in line {first.key.line})")
                continue
            if id(value_node) in above:
                self._note(line, column, inner, "refers to itself")
                continue
            key = self.node(key_node, inner, above)
            entries[key.text] = Entry(key, self.node(value_node, inner, above))
        return list(entries.values())

    def _note(self, line: int, column: int, path: str, what: str) -> None:
        self.faults.append(Fault(line, column, f"{self._name}:{line}:{column}: {path}: {what}"))
