"""A strict judge of what reached a server: all that any reader at all could find in it.

Readers differ: which of two equal keys wins, whether case, width and blanks count, where a text ends and where a
line does, in which encoding it is. Whatever one of them takes for a call is one.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Pairs = list[tuple[str, Any]]


@dataclass(frozen=True)
class Reading:
    """What one reader makes of a message: texts as it folds them, the id and the arguments as they are."""

    method: str
    id: Any
    tool: str
    arguments: Any

    @property
    def is_call(self) -> bool:
        """Whether it asks for a tool."""
        return self.method == "tools/call"


def readings(line: bytes) -> list[Reading]:
    """All that any reader could find in the line."""
    texts = dict.fromkeys(part for text in _decoded(line.strip(b"\n")) for part in _cut(text))
    messages = [message for text in texts for value in _values(text) for message in _messages(value)]
    found = [reading for message in messages for reading in _read(message)]
    return [reading for number, reading in enumerate(found) if reading not in found[:number]]


def gated_calls(line: bytes) -> list[Reading]:
    """The readings of the line that are calls of `write` or `delete`."""
    return [reading for reading in readings(line) if reading.is_call and reading.tool in ("write", "delete")]


def careless(text: object) -> str:
    """The text for a reader that trims it, ends it at a NUL, and tells neither case nor kinds of letters apart."""
    if isinstance(text, list) and len(text) == 1:  # a list of one text is that text as a key in JavaScript
        text = text[0]
    if not isinstance(text, str):
        return ""
    plain = unicodedata.normalize("NFKC", text.encode("utf-8", "ignore").decode())
    ended = _trimmed(_trimmed(plain).partition("\0")[0])
    return ended.upper().casefold().replace("\u0307", "")  # the dot that is left of a Turkish I


def _trimmed(text: str) -> str:
    """Without what the trimming functions of some language take away, all of them together."""
    start, end = 0, len(text)
    while start < end and _is_blank(text[start]):
        start += 1
    while end > start and _is_blank(text[end - 1]):
        end -= 1
    return text[start:end]


def _is_blank(letter: str) -> bool:
    return letter.isspace() or unicodedata.category(letter) in ("Cc", "Cf")


# --- from bytes to messages --------------------------------------------------------------------


def _decoded(line: bytes) -> Iterator[str]:
    yield line.decode("utf-8", "ignore")
    yield line.decode("latin-1")


def _cut(text: str) -> Iterator[str]:
    yield text
    yield from re.split(r"\r\n|\r|\n", text)
    yield from text.splitlines()


def _values(text: str) -> Iterator[Any]:
    for hook in (_first_wins, dict, _folding(_first_wins), _folding(dict)):
        decoder = json.JSONDecoder(object_pairs_hook=hook, strict=False)
        position = 0
        while (position := _next_value(text, position)) >= 0:
            try:
                value, position = decoder.raw_decode(text, position)
            except (ValueError, RecursionError):
                position += 1
            else:
                yield value


def _next_value(text: str, position: int) -> int:
    found = re.compile(r"[\[{]").search(text, position)
    return -1 if found is None else found.start()


def _first_wins(pairs: Pairs) -> dict[str, Any]:
    return dict(reversed(pairs))


def _folding(build: Callable[[Pairs], dict[str, Any]]) -> Callable[[Pairs], dict[str, Any]]:
    return lambda pairs: build([(careless(key), value) for key, value in pairs])


def _messages(value: Any) -> Iterator[dict[str, Any]]:
    """The messages in a value, in batches within batches too."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, list):
            waiting += each
        elif isinstance(each, dict):
            yield each


def _read(message: dict[str, Any]) -> Iterator[Reading]:
    method, params = careless(message.get("method")), message.get("params")
    if isinstance(params, str):
        params = next(_values(params), None)
    if isinstance(params, list):
        params = dict(zip(("name", "arguments"), params, strict=False))
    if not isinstance(params, dict):
        params = {}
    tool = careless(params.get("name")).replace("_", "").replace("-", "")
    yield Reading(method, message.get("id"), tool, params.get("arguments"))
