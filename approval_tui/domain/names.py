"""Names of others inside sentences of ours: errors, decisions, notices."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_PLAIN = re.compile(r"[A-Za-z0-9_.@+/:-]{1,64}")


def folded_name(text: str) -> str:
    """What careless readers make of a name: two that are folded alike must not both be there where it matters.

    Go's encoding/json ignores case, Java and JavaScript trim, C ends a text at a NUL, some drop what is no character,
    and others take `filePath` for `file_path`.
    """
    return _folded_short(text) if len(text) <= _SHORT else _folded(text[:_LOOKED_AT])


def _folded(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text.casefold().translate(_BETWEEN_WORDS)
    letters = [each for each in text if each != "\0" and unicodedata.category(each) not in _NO_CHARACTERS]
    started = text.find(letters[0]) if letters else len(text)
    ended = text.find("\0", started)
    if ended >= 0:
        letters = [each for each in text[started:ended] if unicodedata.category(each) not in _NO_CHARACTERS]
    decomposed = unicodedata.normalize("NFKD", "".join(letters)).upper().casefold()
    return "".join(each for each in decomposed if unicodedata.category(each) != "Mn").translate(_BETWEEN_WORDS)


_SHORT = 64
_LOOKED_AT = 1000
_BETWEEN_WORDS = dict.fromkeys(map(ord, "_- "))
_NO_CHARACTERS = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zs", "Zl", "Zp"})
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
