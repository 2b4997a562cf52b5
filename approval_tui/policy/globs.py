"""Tool names with `*`, `?` and `[…]` in them."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

from approval_tui.domain.names import folded_name

_SIGNS = frozenset("*?[")


def is_glob(name: str) -> bool:
    """Whether the name stands for more than itself."""
    return not _SIGNS.isdisjoint(name)


def fits(tool: str, name: str) -> bool:
    """Whether the tool is the one of that name, or one that the glob stands for."""
    return tool == name or (is_glob(name) and fnmatchcase(tool, name))


def folded_glob(name: str) -> str:
    """The glob for names that are folded themselves (see `folded_name`); its signs stay what they are."""
    return "".join(
        part.casefold() if _SIGN.fullmatch(part) else folded_name(part) for part in _SIGN.split(name) if part
    )


_SIGN = re.compile(r"([*?]|\[!?\]?[^\]]*\])")
