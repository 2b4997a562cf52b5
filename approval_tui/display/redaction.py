"""Masking of secrets for display and notices; it never changes what is stored, hashed or run (rule R10)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import NamedTuple

from approval_tui.display.glyphs import UNICODE, Glyphs

_SECRET_NAMES = (
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "privatekey",
    "authorization",
    "cookie",
    "credential",
)


class _Shape(NamedTuple):
    """A well-known kind of credential; a group, where one matched, is the secret itself.

    Without one of the marks, in a text without case, there is none: most texts are so looked through quickly, and
    no pattern is compiled before it may be needed. No pattern can begin twice in one run of the characters that
    it repeats, so that hostile text costs no more than its length.
    """

    marks: tuple[str, ...]
    pattern: str


_SECRET_SHAPES = (
    _Shape(
        ("private key-----",), r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[^-]*+-----END [A-Z ]{0,40}PRIVATE KEY-----"
    ),
    _Shape(
        ("sk-", "sk_", "k_live_", "k_test_"),
        r"(?<![A-Za-z0-9_-])(?:sk[-_]|[pr]k_(?:live|test)_)(?=[A-Za-z_-]*+[0-9])[A-Za-z0-9_-]{20,}",
    ),
    _Shape(("gh", "github_pat_"), r"\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_[A-Za-z0-9_]{20,}"),
    _Shape(("glpat-",), r"\bglpat-[A-Za-z0-9_-]{20,}"),
    _Shape(("akia", "asia"), r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    _Shape(("aiza",), r"\bAIza[A-Za-z0-9_-]{35}"),
    _Shape(("xox",), r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"),
    _Shape(("eyj",), r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{10,}+\.[A-Za-z0-9_-]{10,}+\.[A-Za-z0-9_-]{10,}+"),
    _Shape(("whsec_",), r"\bwhsec_[A-Za-z0-9+/=]{16,}"),
    # A plain word after `basic` or `bearer` is prose; a credential has digits, padding or mixed case.
    _Shape(
        ("bearer", "bas"),
        r"\b(?i:bearer|basic)\s++(?=[A-Za-z._~+/-]*(?:[0-9=]|[a-z][A-Z]))([A-Za-z0-9._~+/=-]{12,})",
    ),
    _Shape(("://",), r"(?<![a-zA-Z0-9+.-])[a-zA-Z][a-zA-Z0-9+.-]*+://[^\s:/@]*+:(?!\*{4}@)([^\s/@]++)@"),
    _Shape(
        ("passw", "passphrase", "secret", "token", "key"),
        r"(?i:passw(?:or)?d|passphrase|secret|token|(?:api|access|secret|private)[_-]?key)"
        r"(?:\\?['\"])?[ \t]{0,4}[=:][ \t]{0,4}"
        r"(?:\\?\"([^\"\\\n]{4,})\\?\"|\\?'([^'\\\n]{4,})\\?'|\\?['\"]?([^\s'\"&;,]{4,}))",
    ),
)


_MOST_KNOWN = 20
"""Secrets of a call that are looked for elsewhere, each of which costs a look through every text.

The shapes of credentials are masked beyond them, too, wherever they stand free.
"""


@dataclass(frozen=True)
class Redactor:
    """Knows which names of arguments hold secrets, besides the shapes of well-known credentials."""

    names: tuple[str, ...] = _SECRET_NAMES
    is_lifted: bool = False  #: whether a reviewer lifted the masks, so that nothing is masked
    known: tuple[str, ...] = field(default=(), repr=False)  #: secrets that are masked wherever they stand

    @classmethod
    def with_names(cls, more: Iterable[str]) -> Redactor:
        """A redactor that knows further names; upper and lower case do not matter."""
        return cls((*_SECRET_NAMES, *(_plain(name) for name in more if _plain(name))))

    def lifted(self) -> Redactor:
        """The redactor of a reviewer who wants to see the secrets."""
        return replace(self, is_lifted=True)

    def masking(self) -> Redactor:
        """The redactor with its masks on, for what stands beside what a reviewer looks into."""
        return replace(self, is_lifted=False)

    def is_secret_name(self, name: str) -> bool:
        """Whether a key of this name holds a secret as a whole."""
        return not self.is_lifted and any(secret in _plain(name) for secret in self.names)

    def redact(self, text: str, glyphs: Glyphs = UNICODE) -> str:
        """The text with every credential in it masked, visibly and with its length."""
        if self.is_lifted:
            return text
        pieces = []
        end = 0
        for start, stop in self._spans(text):
            pieces += [text[end:start], mask(text[start:stop], glyphs)]
            end = stop
        return "".join(pieces) + text[end:]

    def redact_lines(self, text: str, glyphs: Glyphs = UNICODE) -> list[str]:
        """The lines that `split("\\n")` gives, in each its part of every credential masked; none is lost."""
        lines = text.split("\n")
        with_ends = [piece for line in lines for piece in (line, "\n")][:-1]
        return self.redact_pieces(with_ends, glyphs)[::2]

    def redact_pieces(self, pieces: Sequence[str], glyphs: Glyphs = UNICODE) -> list[str]:
        """The pieces of one text, in each its part of every credential masked that the whole text holds."""
        if self.is_lifted:
            return list(pieces)
        spans = self._spans("".join(pieces))
        redacted, begin, first = [], 0, 0
        for piece in pieces:
            end, shown, done = begin + len(piece), [], begin
            while first < len(spans) and spans[first][1] <= begin:
                first += 1
            current = first
            while current < len(spans) and spans[current][0] < end:
                start, stop = max(spans[current][0], begin), min(spans[current][1], end)
                if start == stop:  # an empty piece in the midst of a secret
                    break
                shown += [piece[done - begin : start - begin], mask(piece[start - begin : stop - begin], glyphs)]
                done, current = stop, current + 1
            redacted.append("".join(shown) + piece[done - begin :])
            begin = end
        return redacted

    def hidden_spans(self, text: str) -> list[tuple[int, int]]:
        """Where the secrets stand that `redact` masks, in order; none where the masks are lifted."""
        return [] if self.is_lifted else self._spans(text)

    def knowing(self, texts: Iterable[str]) -> Redactor:
        """A redactor that masks the secrets of these texts wherever they stand, as it masks them there."""
        if self.is_lifted:
            return self
        found = (text[start:stop] for text in texts for start, stop in self._spans(text))
        return replace(self, known=tuple(dict.fromkeys(islice(found, _MOST_KNOWN))))

    def _spans(self, text: str) -> list[tuple[int, int]]:
        """Where the secrets stand, in order; those that overlap count as one."""
        spans = [*_secret_spans(text)]
        for secret in self.known:
            start = text.find(secret)
            while start >= 0:
                spans.append((start, start + len(secret)))
                start = text.find(secret, start + len(secret))
        return _joined(spans) if self.known else spans


def mask(secret: str, glyphs: Glyphs = UNICODE) -> str:
    """What stands in a secret's place."""
    return f"{glyphs.redacted} {len(secret)} characters redacted"


def _secret_spans(text: str) -> list[tuple[int, int]]:
    """Where the secrets stand, in order; those that overlap count as one."""
    without_case = text.casefold()
    found = (
        match.span(match.lastindex or 0)
        for shape in _SECRET_SHAPES
        if any(mark in without_case for mark in shape.marks)
        for match in re.finditer(shape.pattern, text)
    )
    return _joined(found)


def _joined(found: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    for start, stop in sorted(found):
        if spans and start < spans[-1][1]:
            start, previous_stop = spans.pop()
            stop = max(stop, previous_stop)
        spans.append((start, stop))
    return spans


def _plain(name: str) -> str:
    """The name without case, dashes and underscores, so that apiKey, api-key and API_KEY are one."""
    return name.lower().replace("-", "").replace("_", "")
