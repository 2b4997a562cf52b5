"""Frames: one JSON text for each message, parsed so that it has a single meaning, and written anew.

What a gate reads and a server reads must be the same. So a text is refused where JSON readers differ: duplicate
keys, NaN and infinities, numbers that do not fit, other encodings than UTF-8 (RFC 8259, section 4 and 8.1).
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

from approval_tui.domain.canonical import JsonObject

LARGEST_FRAME = 10 * 1024 * 1024
"""The most bytes of one frame, without its line end."""

DEEPEST_NESTING = 500
"""Levels of objects and lists; some readers end their process on much more."""

Id = str | int
"""What names a request (MCP, base protocol: a string or an integer, never null)."""

_LARGEST_ID = 2**53 - 1
_ID_IN_TEXT = re.compile(rb'"id"\s*:\s*("(?:[^"\\]|\\.){0,200}"|-?[0-9]{1,16})\s*[,}]')
_LOOKED_THROUGH = 1024


class FrameRefused(Exception):
    """A text that is no frame, or that could be read in two ways; `why` says how so."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def parse_frame(data: bytes) -> Any:
    """The JSON value of a frame; raises FrameRefused."""
    if len(data) > LARGEST_FRAME:
        raise FrameRefused(f"it has more than {LARGEST_FRAME:,} bytes")
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_object_without_duplicates,
            parse_float=_finite,
            parse_constant=_refuse_constant,
        )
    except FrameRefused:
        raise
    except UnicodeDecodeError as error:
        raise FrameRefused(f"it is not UTF-8: {error.reason} at byte {error.start}") from None
    except RecursionError:
        raise _too_deep() from None
    except ValueError as error:
        raise FrameRefused(f"it is not JSON: {error}") from None
    if _is_too_deep(value):
        raise _too_deep()
    return value


def frame_of(message: JsonObject | list[JsonObject]) -> bytes:
    """The frame of a message, or of a batch, in ASCII and on one line, with its line end; raises FrameRefused."""
    try:
        return _encode(message).encode("ascii") + b"\n"
    except (ValueError, TypeError, RecursionError) as error:
        raise FrameRefused(f"it cannot be written as JSON: {error}") from None


def id_within(data: bytes) -> Id | None:
    """The id that a refused frame seems to have, so that whoever waits for an answer gets one.

    It is a guess, and only good for saying no.
    """
    try:
        value = json.loads(data.decode(), object_pairs_hook=_with_one_id) if len(data) <= LARGEST_FRAME else None
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict):
        return as_id(value.get("id"))
    ends = data[:_LOOKED_THROUGH] if len(data) <= _LOOKED_THROUGH else data[:_LOOKED_THROUGH] + data[-_LOOKED_THROUGH:]
    found = set(_ID_IN_TEXT.findall(ends))
    try:
        return as_id(json.loads(found.pop())) if len(found) == 1 else None
    except ValueError:
        return None


def as_id(value: object) -> Id | None:
    """The value as an id, or None where it is none that all readers read alike."""
    if type(value) is str:
        return value
    return value if type(value) is int and -_LARGEST_ID <= value <= _LARGEST_ID else None


_encode = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode


def _with_one_id(pairs: list[tuple[str, Any]]) -> JsonObject:
    value = dict(pairs)
    if [key for key, _ in pairs].count("id") > 1:
        value["id"] = None
    return value


def _object_without_duplicates(pairs: list[tuple[str, Any]]) -> JsonObject:
    value = dict(pairs)
    if len(value) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise FrameRefused(f"the key {ascii(twice)[:200]} stands twice in one object")
    return value


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise FrameRefused(f"the number {text[:40]} is too large")
    return number


def _refuse_constant(text: str) -> NoReturn:
    raise FrameRefused(f"{text} is no JSON number")


def _is_too_deep(value: Any) -> bool:
    """Whether the value is nested deeper than allowed; level by level, without recursion."""
    level = [value]
    for _ in range(DEEPEST_NESTING):
        level = [
            item
            for holder in level
            for item in (holder.values() if type(holder) is dict else holder if type(holder) is list else ())
            if type(item) is dict or type(item) is list
        ]
        if not level:
            return False
    return True


def _too_deep() -> FrameRefused:
    return FrameRefused(f"it is nested deeper than {DEEPEST_NESTING} levels")
