"""Regular expressions in time that the agent's text cannot stretch: RE2, and no more work than is bounded here."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

from approval_tui.domain.errors import InvalidInput

if TYPE_CHECKING:
    from types import ModuleType

MOST_WORK = 100_000_000
"""Bytes of text times size of the compiled pattern: about a second at RE2's slowest, for one condition."""

LONGEST_PATTERN = 2000


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> Callable[[str], bool | None]:
    """A search for the pattern anywhere in a text; it gives None where it would take too long.

    The syntax is RE2's, which is that of Intercept. Raises InvalidInput for a pattern that is none, for one that
    is too large, and where the package google-re2 is not installed.
    """
    re2 = _load()
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    if len(pattern) > LONGEST_PATTERN:
        raise _bad(f"has {len(pattern):,} characters; {LONGEST_PATTERN:,} are the most")
    try:
        expression = re2.compile(pattern, options)
    except UnicodeEncodeError:
        raise _bad("holds a lone surrogate, which is no character") from None
    except re2.error as error:
        raise _bad(f"is no regular expression of RE2: {_words(error)}") from None
    size = expression.programsize

    def search(text: str) -> bool | None:
        try:
            data = text.encode()
        except UnicodeEncodeError:
            return None
        if len(data) * size > MOST_WORK:
            return None
        return expression.search(data) is not None

    return search


def _load() -> ModuleType:
    try:
        import re2  # costs start-up time, and most policies have no regular expression
    except ImportError:
        raise _bad("needs the package google-re2, which is not installed here") from None
    module: ModuleType = re2
    return module


def _words(error: Exception) -> str:
    said = error.args[0] if error.args else ""
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)


def _bad(happened: str) -> InvalidInput:
    return InvalidInput(happened, not_done="", to_do="")
