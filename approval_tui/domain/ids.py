"""Ids that sort by time: `apr_` and the hex of a UUIDv7 (RFC 9562, 5.7)."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable

IdFactory = Callable[[], str]

ID_LENGTH = 36
SHORTEST_PREFIX = 8
LAST_OF_ID = 4
"""How many characters of its end tell an id from the others at hand."""

_ID = re.compile(r"apr_[0-9a-f]{32}\Z")
_PREFIX = re.compile(r"apr_[0-9a-f]{0,32}\Z")
_BARE_HEX = re.compile(r"[0-9a-f]{8,32}\Z")


def new_request_id() -> str:
    """A fresh id; the 12 bits after the version hold the fraction of the millisecond (RFC 9562, 6.2)."""
    milliseconds, nanoseconds = divmod(time.time_ns(), 1_000_000)
    fraction = (nanoseconds << 12) // 1_000_000
    random = int.from_bytes(os.urandom(8), "big") & 0x3FFF_FFFF_FFFF_FFFF
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80 | 0x7000 << 64 | fraction << 64 | 0x8000 << 48 | random
    return f"apr_{value:032x}"


def new_secret(prefix: str) -> str:
    """An unguessable name: the prefix and 128 random bits in hex."""
    return f"{prefix}_{os.urandom(16).hex()}"


def is_request_id(text: str) -> bool:
    """Whether the text is a whole request id."""
    return _ID.match(text) is not None


def end_of_id(request_id: str) -> str:
    """What a person types to say that they mean this request; it is random, so that no habit types it."""
    return request_id[-LAST_OF_ID:]


def id_prefix(text: str) -> str | None:
    """The id prefix that a person typed, with or without `apr_`; None if it cannot be one.

    The first 8 characters are the least that is accepted, `apr_` counted.
    """
    text = text.strip().lower()
    if _BARE_HEX.match(text):
        return f"apr_{text}"
    if len(text) >= SHORTEST_PREFIX and _PREFIX.match(text):
        return text
    return None
