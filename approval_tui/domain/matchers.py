"""What a grant covers: calls of one requester to one tool whose every part is the same, fits a pattern, or is free.

A matcher speaks of each part of a call's arguments and context. A call that has a part more, a part less, or one that
cannot be held against the matcher is not covered: a person is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from approval_tui.domain.canonical import JsonObject, canonical_json, exact_json, parse_json, tagged_hash
from approval_tui.domain.errors import InvalidInput
from approval_tui.domain.word_globs import fits_words, why_unusable

EXACTLY = "exactly"  #: the part is this very value; `text` is its canonical JSON
SAME_HASH = "same_hash"  #: the part is a very long value; `text` is the tagged hash of its canonical JSON
FITTING = "fitting"  #: the part is a text that fits the pattern `text`, see `word_globs`
ANYTHING = "anything"  #: the part may be anything
KINDS = (EXACTLY, SAME_HASH, FITTING, ANYTHING)

ARGUMENTS, CONTEXT = "arguments", "context"
Path = tuple[str, ...]

LONGEST_EXACT = 1_000
"""Characters of canonical JSON beyond which a matcher keeps the hash of a value."""

MOST_PARTS = 60
"""Parts that a matcher tells apart; a call of more is taken as a whole."""


class MatchedCall(Protocol):
    """What a matcher looks at: a call that is asked, or the request of one."""

    @property
    def requester(self) -> str: ...
    @property
    def server(self) -> str | None: ...
    @property
    def tool(self) -> str: ...
    @property
    def rule_hash(self) -> str | None: ...
    @property
    def arguments(self) -> JsonObject: ...
    @property
    def context(self) -> JsonObject: ...


@dataclass(frozen=True)
class Part:
    """What one part of a call must be; the path begins with ARGUMENTS or CONTEXT."""

    path: Path
    kind: str
    text: str | None = None

    def fits(self, value: Any) -> bool:
        """Whether the value is what is asked for."""
        if self.kind == ANYTHING:
            return True
        if self.kind == FITTING:
            return type(value) is str and self.text is not None and fits_words(self.text, value)
        canonical = canonical_json(value)
        if self.kind == SAME_HASH:
            return tagged_hash(canonical) == self.text
        return canonical.decode() == self.text

    def to_json(self) -> JsonObject:
        """The stored form."""
        return {"path": list(self.path), "kind": self.kind, "text": self.text}


@dataclass(frozen=True)
class Matcher:
    """Covers calls of that requester to that tool under that rule, as far as each part fits."""

    requester: str
    server: str | None
    tool: str
    rule_hash: str | None
    parts: tuple[Part, ...]

    def covers(self, call: MatchedCall) -> bool:
        """Whether the call is one of those; every part of either is looked at."""
        mine = (self.requester, self.server, self.tool, self.rule_hash)
        if mine != (call.requester, call.server, call.tool, call.rule_hash):
            return False
        parts = {part.path: part for part in self.parts}
        seen: set[Path] = set()
        values = {(ARGUMENTS,): call.arguments, (CONTEXT,): call.context}
        return all(_fits(parts, path, value, seen) for path, value in values.items()) and len(seen) == len(self.parts)

    def with_part(self, part: Part) -> Matcher:
        """The same with another word on one of its parts, or on all that stands below its path.

        Raises InvalidInput where nothing of it stands there, and for a word that means nothing.
        """
        part = _checked_part(part)
        below = [index for index, each in enumerate(self.parts) if each.path[: len(part.path)] == part.path]
        if not below:
            raise _no_matcher(f"the call has no {path_name(part.path)}")
        parts = [each for index, each in enumerate(self.parts) if index not in below]
        parts.insert(below[0], part)
        return replace(self, parts=tuple(parts))

    @property
    def is_exact(self) -> bool:
        """Whether only one call is covered."""
        return all(part.kind in (EXACTLY, SAME_HASH) for part in self.parts)

    def to_json(self) -> JsonObject:
        """The stored form."""
        return {
            "requester": self.requester,
            "server": self.server,
            "tool": self.tool,
            "rule_hash": self.rule_hash,
            "parts": [part.to_json() for part in self.parts],
        }

    @classmethod
    def from_json(cls, value: object) -> Matcher:
        """The matcher of its stored form; raises InvalidInput for what is none."""
        try:
            return _matcher(value)
        except (KeyError, TypeError, ValueError) as error:
            raise _no_matcher(f"it cannot be read ({error})") from None


def exact_matcher(call: MatchedCall) -> Matcher:
    """The narrowest matcher that covers the call: this very one."""
    parts: list[Part] = []
    for root, value in ((ARGUMENTS, call.arguments), (CONTEXT, call.context)):
        found = [exact_part(path, leaf) for path, leaf in _leaves((root,), value)]
        parts += found if len(found) <= MOST_PARTS else [exact_part((root,), value)]
    return Matcher(call.requester, call.server, call.tool, call.rule_hash, tuple(parts))


def exact_part(path: Path, value: Any) -> Part:
    """That the part is this very value."""
    canonical = canonical_json(value)
    if len(canonical) > LONGEST_EXACT:
        return Part(path, SAME_HASH, tagged_hash(canonical))
    return Part(path, EXACTLY, canonical.decode())


def value_at(call: MatchedCall, path: Path) -> Any:
    """The value of that part; raises KeyError where the call has none."""
    value: Any = {ARGUMENTS: call.arguments, CONTEXT: call.context}[path[0]]
    for name in path[1:]:
        if type(value) is not dict:
            raise KeyError(name)
        value = value[name]
    return value


def _fits(parts: Mapping[Path, Part], path: Path, value: Any, seen: set[Path]) -> bool:
    """Whether everything at and below the path fits; the parts that spoke of it are noted."""
    part = parts.get(path)
    if part is not None:
        seen.add(path)
        return part.fits(value)
    if type(value) is not dict or not value:
        return False
    return all(_fits(parts, (*path, name), item, seen) for name, item in value.items())


def _leaves(path: Path, value: Any) -> Iterator[tuple[Path, Any]]:
    """The parts of a value that are told apart: a list is one, and so is an object without keys."""
    if type(value) is dict and value:
        for name, item in value.items():
            yield from _leaves((*path, name), item)
    else:
        yield path, value


def _matcher(value: Any) -> Matcher:
    if type(value) is not dict or value.keys() != Matcher.__dataclass_fields__.keys():
        raise TypeError("it has other keys")
    names = ("requester", "tool"), ("server", "rule_hash")
    if any(type(value[name]) is not str for name in names[0]):
        raise TypeError("its requester or tool is no text")
    if any(type(value[name]) not in (str, type(None)) for name in names[1]):
        raise TypeError("its server or rule is no text")
    if type(value["parts"]) is not list:
        raise TypeError("its parts are no list")
    parts = tuple(map(_part, value["parts"]))
    if len({part.path for part in parts}) != len(parts) or len(parts) > 2 * MOST_PARTS:
        raise ValueError("its parts are too many, or one stands twice")
    return Matcher(value["requester"], value["server"], value["tool"], value["rule_hash"], parts)


def _part(value: Any) -> Part:
    if type(value) is not dict or value.keys() != Part.__dataclass_fields__.keys() or type(value["path"]) is not list:
        raise TypeError("a part has other keys")
    part = Part(tuple(value["path"]), value["kind"], value["text"])
    if not part.path or part.path[0] not in (ARGUMENTS, CONTEXT) or any(type(name) is not str for name in part.path):
        raise ValueError("a part is of neither arguments nor context")
    if part.kind not in KINDS:
        raise ValueError("a part is of another kind")
    if (part.text is None) != (part.kind == ANYTHING) or type(part.text) not in (str, type(None)):
        raise TypeError("a part has no text, or one too many")
    if part.kind == FITTING and (why := why_unusable(part.text)) is not None:
        raise ValueError(why)
    return part


def _checked_part(part: Part) -> Part:
    try:
        return _part(part.to_json())
    except (KeyError, TypeError, ValueError) as error:
        raise _no_matcher(str(error)) from None


def path_name(path: Path) -> str:
    """The path as a person writes it: `path` of the arguments, `context.working_directory` of the context."""
    plain = all(_PLAIN_NAME.match(name) for name in path)
    if not plain or len(path) == 1 or (path[0] == ARGUMENTS and path[1] in (ARGUMENTS, CONTEXT)):
        return exact_json(list(path)) if not plain else ".".join(path)
    return ".".join(path[1:] if path[0] == ARGUMENTS else path)


def path_of(name: str) -> Path:
    """The path that a person means by that name; raises InvalidInput for a list that is none."""
    if name.startswith("["):
        value = parse_json(name)
        if type(value) is not list or not value or any(type(each) is not str for each in value):
            raise _no_matcher(f"{name} is no path")
        return tuple(value)
    path = tuple(name.split("."))
    return path if path[0] in (ARGUMENTS, CONTEXT) else (ARGUMENTS, *path)


_PLAIN_NAME = re.compile(r"[A-Za-z0-9_-]{1,60}\Z")


def _no_matcher(why: str) -> InvalidInput:
    return InvalidInput(
        f"That does not say which calls are meant: {why}.", not_done="Nothing was granted.", to_do="Correct it."
    )
