"""Locations of stores that are databases: how they are told, and how they are shown without their passwords."""

from __future__ import annotations

_SCHEMES = ("postgresql://", "postgres://")
_SECRET = ("password", "secret")


def is_database_url(location: str) -> bool:
    """Whether the location is that of a store in a PostgreSQL database; a scheme may be in capitals (RFC 3986)."""
    return location[:13].lower().startswith(_SCHEMES)


def shown_location(location: str) -> str:
    """The location as it may be shown: without the password that a URL may hold, also one that is not encoded."""
    scheme, separator, rest = location.partition("://")
    if not separator or scheme == "sqlite":
        return location
    place, mark, query = _parts(rest)
    credentials, at, server = place.rpartition("@")
    name, colon, _ = credentials.partition(":")
    if colon:
        place = f"{name}:****{at}{server}"
    return f"{scheme.lower()}://{place}{mark}{_without_secrets(query)}"


def short_location(location: str) -> str:
    """The same without who connects and how: what tells one store from another at a glance."""
    if not is_database_url(location):
        return location
    scheme, _, rest = location.partition("://")
    return f"{scheme.lower()}://{_parts(rest)[0].rpartition('@')[2]}"


def _parts(rest: str) -> tuple[str, str, str]:
    """Who connects and where, a question mark, and the query.

    A password may hold the characters that should end it. What stands before an `@` is therefore taken for one, where
    there is a colon before it.
    """
    before, at, after = rest.rpartition("@")
    head, mark, query = after.partition("?")
    if at and (":" in before or "?" not in before):
        return f"{before}{at}{head}", mark, query
    return rest.partition("?")


def _without_secrets(query: str) -> str:
    if "%" not in query and not any(word in query.lower() for word in _SECRET):
        return query
    from urllib.parse import parse_qsl, urlencode  # few stores are databases

    pairs = parse_qsl(query)
    is_secret = [any(word in key.lower() for word in _SECRET) for key, _ in pairs]
    if not any(is_secret):
        return query
    masked = [(key, "****" if hidden else value) for (key, value), hidden in zip(pairs, is_secret, strict=True)]
    return urlencode(masked, safe="*/,-")
