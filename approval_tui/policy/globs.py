"""Tool names with `*`, `?` and `[…]` in them."""

from __future__ import annotations

from fnmatch import fnmatchcase

_SIGNS = frozenset("*?[")


def is_glob(name: str) -> bool:
    """Whether the name stands for more than itself."""
    return not _SIGNS.isdisjoint(name)


def fits(tool: str, name: str) -> bool:
    """Whether the tool is the one of that name, or one that the glob stands for."""
    return tool == name or (is_glob(name) and fnmatchcase(tool, name))
