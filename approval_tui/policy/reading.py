"""Reads single values of a policy's document, notes every fault with its place, and refuses YAML's traps."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Any

from approval_tui.domain.clock import format_duration, parse_duration
from approval_tui.domain.errors import InvalidInput
from approval_tui.domain.limits import LONGEST_NAME, LONGEST_TEXT
from approval_tui.domain.yaml_tree import BOOL, FLOAT, INT, LIST, MAPPING, NULL, STR, Entry, Fault, Node

_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,400})")
_FLOAT = re.compile(r"[-+]?[0-9]{1,400}\.[0-9]{0,400}(?:[eE][-+][0-9]{1,3})?")
_LOOKS_LIKE_A_NUMBER = re.compile(
    r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?0(?:[oO][0-7_]+|[xX][0-9a-fA-F_]+|[bB][01_]+)"
)
"""What YAML 1.2 or Intercept's reader takes for a number, where a text that YAML 1.1 does not is met."""

NOTHING = object()
"""Stands for a value that could not be read; its fault is noted."""


class Reading:
    """The faults and doubts that were found so far, as `file:line:column: path: what`."""

    def __init__(self, name: str, faults: Sequence[Fault] = ()) -> None:
        self._name = name
        self._problems = list(faults)
        self._warnings: list[Fault] = []
        self.counters_read: list[tuple[str, Node, str]] = []
        """The counters that conditions read, each with its place and path: whether they exist, the whole file says."""

    @property
    def problems(self) -> tuple[str, ...]:
        """What makes the document unusable, in the order of the file."""
        return tuple(fault.text for fault in sorted(self._problems))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What can hardly be meant, in the order of the file."""
        return tuple(fault.text for fault in sorted(self._warnings))

    def problem(self, node: Node, path: str, what: str) -> None:
        """Notes a fault."""
        self._problems.append(self._fault(node, path, what))

    def warning(self, node: Node, path: str, what: str) -> None:
        """Notes a doubt."""
        self._warnings.append(self._fault(node, path, what))

    def _fault(self, node: Node, path: str, what: str) -> Fault:
        return Fault(node.line, node.column, f"{self._name}:{node.line}:{node.column}: {path}: {what}")

    # --- structure -----------------------------------------------------------------------------

    def entries(self, node: Node, path: str, known: Sequence[str]) -> dict[str, Node]:
        """The values of a mapping by their keys; another kind of node, and unknown keys, are faults."""
        if node.kind != MAPPING:
            self.problem(node, path, f"must hold {_listed(known)}, not {said(node)}")
            return {}
        values = {}
        for entry in node.entries:
            if entry.key.text in known:
                values[entry.key.text] = entry.value
            else:
                where = f"{path}.{entry.key.text}" if path else entry.key.text
                self.problem(entry.key, where, f"is no key here{did_you_mean(entry.key.text, known)}")
        return values

    def named_entries(self, node: Node, path: str) -> Iterator[tuple[str, Entry]]:
        """The entries of a mapping whose keys are names; a key that YAML takes for something else is a fault."""
        if node.kind != MAPPING:
            self.problem(node, path, f"must hold names, not {said(node)}")
            return
        for entry in node.entries:
            where = f"{path}.{entry.key.text}"
            if entry.key.kind != STR:
                self.problem(entry.key, where, f"is read as {_kind_words(entry.key)}, not as a name; put it in quotes")
                continue
            if self.name(entry.key, where) is not None:
                yield where, entry

    def items(self, node: Node, path: str, what: str) -> Iterator[tuple[str, Node]]:
        """The items of a list with their paths; another kind of node is a fault."""
        if node.kind != LIST:
            self.problem(node, path, f"must be a list of {what}, not {said(node)}")
            return
        for index, item in enumerate(node.items):
            yield f"{path}[{index}]", item

    # --- scalars -------------------------------------------------------------------------------

    def text(self, node: Node, path: str, longest: int = LONGEST_TEXT) -> str | None:
        """A text; what is empty, too long or no text is a fault."""
        if node.kind != STR:
            quotes = "; put it in quotes" if node.kind not in (LIST, MAPPING, NULL) else ""
            self.problem(node, path, f"must be text, not {said(node)}{quotes}")
        elif not node.text.strip():
            self.problem(node, path, "must not be empty")
        elif len(node.text) > longest:
            self.problem(node, path, f"has {len(node.text):,} characters; {longest:,} are the most")
        elif not _is_text(node.text):
            self.problem(node, path, "holds a lone surrogate, which is no character")
        else:
            return node.text
        return None

    def words(self, node: Node, path: str) -> str | None:
        """A text for people, None where it is empty or null."""
        is_empty = node.kind == NULL or (node.kind == STR and not node.text.strip())
        return None if is_empty else self.text(node, path)

    def name(self, node: Node, path: str) -> str | None:
        """A text that is short enough to be a name."""
        return self.text(node, path, LONGEST_NAME)

    def names(self, node: Node, path: str, what: str) -> tuple[str, ...]:
        """A list of names; one that stands twice is a fault."""
        found: list[str] = []
        for where, item in self.items(node, path, what):
            name = self.name(item, where)
            if name in found:
                self.problem(item, where, f"{name!r} stands twice")
            elif name is not None:
                found.append(name)
        return tuple(found)

    def word(self, node: Node, path: str, words: Sequence[str]) -> str | None:
        """One of these words."""
        if node.kind == STR and node.text in words:
            return node.text
        self.problem(node, path, f"must be {_or(words)}, not {said(node)}{did_you_mean(node.text, words)}")
        return None

    def boolean(self, node: Node, path: str) -> bool | None:
        """True or false, and none of YAML's other words for them."""
        if node.kind == BOOL and node.text.lower() in ("true", "false"):
            return node.text.lower() == "true"
        self.problem(node, path, f"must be true or false, not {said(node)}")
        return None

    def integer(self, node: Node, path: str, least: int, most: int) -> int | None:
        """A whole number between two bounds."""
        if node.kind == INT and _INTEGER.fullmatch(node.text) and least <= int(node.text) <= most:
            return int(node.text)
        self.problem(node, path, f"must be a whole number from {least} to {most:,}, not {said(node)}")
        return None

    def duration(self, node: Node, path: str, least: int) -> int | None:
        """A duration in ms; a plain 0 is one too, where it is allowed."""
        if least == 0 and node.kind == INT and node.text == "0":
            return 0
        try:
            milliseconds = parse_duration(node.text) if node.kind == STR else -1
        except InvalidInput:
            milliseconds = -1
        if milliseconds >= least:
            return milliseconds
        at_least = f" of at least {format_duration(least)}" if least else ""
        self.problem(node, path, f"must be a duration{at_least}, such as 30s, 10m or 1h30m, not {said(node)}")
        return None

    def value(self, node: Node, path: str) -> Any:
        """Any JSON value, or NOTHING; a scalar that two YAML readers could take for two things is a fault."""
        if node.kind == LIST:
            items = [self.value(item, f"{path}[{index}]") for index, item in enumerate(node.items)]
            return NOTHING if NOTHING in items else items
        if node.kind == MAPPING:
            values = {entry.key.text: self.value(entry.value, each) for each, entry in self.named_entries(node, path)}
            return NOTHING if NOTHING in values.values() or len(values) < len(node.entries) else values
        trap = _trap(node)
        if trap is not None:
            self.problem(node, path, trap)
            return NOTHING
        if node.kind == BOOL:
            return node.text.lower() == "true"
        if node.kind == NULL:
            return None
        if node.kind == INT:
            return int(node.text)
        return float(node.text) if node.kind == FLOAT else node.text


def said(node: Node) -> str:
    """What stands in the document, in a few words."""
    if node.kind in (LIST, MAPPING):
        return f"a {node.kind}"
    if node.kind == NULL and not node.text:
        return "nothing"
    return repr(node.text if len(node.text) <= 60 else f"{node.text[:60]}...")


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """A hint at the nearest known word, if one is near."""
    matches = get_close_matches(word, known, n=1)
    return f"; did you mean {matches[0]}?" if matches else ""


def _trap(node: Node) -> str | None:
    """Why a scalar must be written otherwise, or None."""
    text = node.text
    if node.kind == STR:
        if not _is_text(text):
            return "holds a lone surrogate, which is no character"
        if node.is_plain and _LOOKS_LIKE_A_NUMBER.fullmatch(text):
            return f"{text!r} is a number to some readers of YAML and text to others; put it in quotes or write it out"
        return None
    if node.kind == NULL:
        return None if text else "has no value; write null if that is meant"
    if node.kind == BOOL and text.lower() not in ("true", "false"):
        return f"{text!r} is read as true or false; write true or false, or put it in quotes"
    if node.kind == INT and not _INTEGER.fullmatch(text):
        return f"{text!r} is not read as it looks; write the plain number, or put it in quotes"
    if node.kind == FLOAT and not (_FLOAT.fullmatch(text) and abs(float(text)) < float("inf")):
        return f"{text!r} is no plain number; write one such as 12.5, or put it in quotes"
    if node.kind not in (BOOL, INT, FLOAT):
        return f"{text!r} is read as {_kind_words(node)}; put it in quotes"
    return None


def _kind_words(node: Node) -> str:
    words = {INT: "a number", FLOAT: "a number", BOOL: "true or false", NULL: "nothing", "timestamp": "a date"}
    return words.get(node.kind, f"a {node.kind}")


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _or(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"


def _listed(known: Sequence[str]) -> str:
    return f"{'the key' if len(known) == 1 else 'keys such as'} {known[0]}"
