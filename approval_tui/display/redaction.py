"""Masking of secrets for display and notices; it never changes what is stored, hashed or run (rule R10)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

_SECRET_NAMES = (
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "api_key",
    "apikey",
    "access_key",
    "private_key",
    "authorization",
    "cookie",
    "credential",
)

#: Shapes of well-known credentials; group 1, where there is one, is the secret itself.
_SECRET_SHAPES = (
    re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[^-]{0,20000}-----END [A-Z ]{0,40}PRIVATE KEY-----"),
    re.compile(r"\b(?:sk|pk|rk)[-_](?:live|test|ant|proj)?[-_A-Za-z0-9]{20,200}"),
    re.compile(r"\bgh[pousr]_[A-Za-z0-9]{20,255}\b|\bgithub_pat_[A-Za-z0-9_]{20,255}\b"),
    re.compile(r"\bglpat-[A-Za-z0-9_-]{20,100}"),
    re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    re.compile(r"\bAIza[A-Za-z0-9_-]{35}"),
    re.compile(r"\bxox[abeoprs]-[A-Za-z0-9-]{10,200}"),
    re.compile(r"\beyJ[A-Za-z0-9_-]{10,2000}\.[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{10,2000}"),
    re.compile(r"\bwhsec_[A-Za-z0-9+/=]{16,200}"),
    re.compile(r"(?i)\b(?:bearer|basic)\s+([A-Za-z0-9._~+/=-]{12,2000})"),
    re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]{0,30}://[^\s:/@]{0,100}:([^\s/@]{1,200})@"),
    re.compile(r"(?i)(?:password|passwd|secret|token|api[_-]?key)['\"]?\s{0,4}[=:]\s{0,4}['\"]?([^\s'\"&;,]{4,500})"),
)


@dataclass(frozen=True)
class Redactor:
    """Knows which names of arguments hold secrets, besides the shapes of well-known credentials."""

    names: tuple[str, ...] = _SECRET_NAMES
    is_lifted: bool = False  #: whether a reviewer lifted the masks, so that nothing is masked

    @classmethod
    def with_names(cls, more: Iterable[str]) -> Redactor:
        """A redactor that knows further names; upper and lower case do not matter."""
        return cls((*_SECRET_NAMES, *(name.lower() for name in more)))

    def lifted(self) -> Redactor:
        """The redactor of a reviewer who wants to see the secrets."""
        return replace(self, is_lifted=True)

    def is_secret_name(self, name: str) -> bool:
        """Whether a key of this name holds a secret as a whole."""
        plain = name.lower().replace("-", "_")
        return not self.is_lifted and any(secret in plain for secret in self.names)

    def redact(self, text: str) -> str:
        """The text with every credential in it masked, visibly and with its length."""
        if not self.is_lifted:
            for shape in _SECRET_SHAPES:
                text = shape.sub(_mask_match, text)
        return text


def mask(secret: str) -> str:
    """What stands in a secret's place."""
    return f"•••• {len(secret)} characters redacted"


def _mask_match(match: re.Match[str]) -> str:
    whole = match.group(0)
    group = 1 if match.re.groups else 0
    secret = match.group(group)
    if secret.startswith("•"):
        return whole
    start, end = match.start(group) - match.start(), match.end(group) - match.start()
    return f"{whole[:start]}{mask(secret)}{whole[end:]}"
