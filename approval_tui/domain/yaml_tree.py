"""A YAML text as a tree of nodes that know their line and column, without YAML's traps and duplicate keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

DEEPEST_NESTING = 50
MOST_NODES = 200_000
"""More than a file of 1 MiB can spell out: only aliases within aliases come here."""

_TAGS = "tag:yaml.org,2002:"

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
        return _unreadable(name, mark, f"not YAML: {error.problem or error.context}")
    except yaml.reader.ReaderError as error:
        what = f"not YAML: it holds the character U+{error.character:04X}, which YAML does not allow"
        return _unreadable(name, _mark_at(text, error.position), what)
    except _TooMuch as error:
        return _unreadable(name, error.mark, f"not YAML: {error}")
    if root is None or root.tag == f"{_TAGS}null":
        return Tree(None)
    if not isinstance(root, yaml.MappingNode):
        return _unreadable(name, root.start_mark, "the file must hold keys and values")
    reader = _Reader(name)
    try:
        return Tree(reader.node(root, "", frozenset()), tuple(reader.faults))
    except _TooMuch as error:
        return _unreadable(name, error.mark, str(error))


def _unreadable(name: str, mark: Any, why: str) -> Tree:
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    return Tree(None, (Fault(line, column, f"{name}:{line}:{column}: {why}"),))


def _mark_at(text: str, position: int) -> Any:
    """PyYAML's mark of a place in the text."""
    import yaml

    before = text[:position]
    return yaml.Mark("", position, before.count("\n"), position - before.rfind("\n") - 1, None, 0)


def _composed(text: str) -> Any:
    """PyYAML's node of the text: from its C parser where there is one, ten times as fast, else from its own.

    Nesting is counted first, because PyYAML's C code ends the process where it is too deep. What C refuses is
    read again by the parser whose words say more.
    """
    import yaml

    refused_at = None
    loader = getattr(yaml, "CSafeLoader", None)
    if loader is not None:
        try:
            return _composed_by(loader, text)
        except (yaml.MarkedYAMLError, yaml.reader.ReaderError, UnicodeEncodeError) as error:
            refused_at = getattr(error, "problem_mark", None)
    try:
        return _composed_by(yaml.SafeLoader, text)
    except (ValueError, OverflowError):
        problem = "found an escape for what is no character"
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=refused_at) from None


def _composed_by(loader: Any, text: str) -> Any:
    import yaml

    depth = 0
    for event in yaml.parse(text, Loader=loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEEPEST_NESTING:
                raise _TooMuch(event.start_mark, f"it is nested deeper than {DEEPEST_NESTING} levels")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
    return yaml.compose(text, Loader=loader)


class _TooMuch(Exception):
    """More nesting, or more values by aliases within aliases, than anybody writes."""

    def __init__(self, mark: Any, why: str) -> None:
        super().__init__(why)
        self.mark = mark


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
            raise _TooMuch(found.start_mark, f"its aliases stand for more than {MOST_NODES:,} values")
        line, column = found.start_mark.line + 1, found.start_mark.column + 1
        if isinstance(found, yaml.ScalarNode):
            return Node(found.tag.removeprefix(_TAGS), line, column, found.value, not found.style)
        if id(found) in above:
            self._note(line, column, path, "refers to itself")
            return Node(NULL, line, column)
        above |= {id(found)}
        if found.tag not in (f"{_TAGS}seq", f"{_TAGS}map"):
            self._note(line, column, path, f"has the tag {found.tag.replace(_TAGS, '!!')}, which means nothing here")
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
