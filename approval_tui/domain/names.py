"""Names of others inside sentences of ours: errors, decisions, notices."""

from __future__ import annotations

import re
from functools import lru_cache

_PLAIN = re.compile(r"[A-Za-z0-9_.@+/:-]{1,64}")


def folded_name(text: str) -> str:
    """What careless readers make of a name: Go's encoding/json ignores case, others underscores and hyphens.

    Two names that are folded alike must not both be there where it matters which one is read.
    """
    return _folded_short(text) if len(text) <= _SHORT else _folded(text)


def _folded(text: str) -> str:
    return text.casefold().replace("_", "").replace("-", "")


_SHORT = 64
_folded_short = lru_cache(maxsize=4096)(_folded)  # agents use the same few names again and again


def quoted_name(text: str, longest: int | None = None) -> str:
    """A name as it stands in a sentence of ours: in quotes unless it is a plain word, so that it cannot go on for us.

    It is not made visible yet; of a name longer than `longest` characters, three dots say that it goes on.
    """
    if _PLAIN.fullmatch(text) and (longest is None or len(text) <= longest):
        return text
    escaped = _escaped(text)
    return f'"{escaped}"' if longest is None or len(escaped) <= longest else f'"{escaped[:longest]}..."'


def in_quotes(text: str) -> str:
    """A name in quotes, whatever it is, in which it cannot end them."""
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
