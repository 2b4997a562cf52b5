"""Locations of stores that are databases: how they are told, and how they are shown without their passwords."""

from __future__ import annotations

_SCHEMES = ("postgresql://", "postgres://")


def is_database_url(location: str) -> bool:
    """Whether the location is that of a store in a PostgreSQL database; a scheme may be in capitals (RFC 3986)."""
    return location[:13].lower().startswith(_SCHEMES)


def shown_location(location: str) -> str:
    """The location as it may be shown: without the password that a URL may hold."""
    if not is_database_url(location):
        return location
    from urllib.parse import parse_qsl, urlencode, urlsplit  # few stores are databases

    if "password" not in location.lower() and "@" not in location:
        return location
    parts = urlsplit(location)
    user, at, host = parts.netloc.rpartition("@")
    name, colon, _ = user.partition(":")
    query = parts.query
    if "password" in query.lower():
        pairs = [(key, "****" if "password" in key.lower() else value) for key, value in parse_qsl(query)]
        query = urlencode(pairs, safe="*/,-")
    netloc = f"{name}:****{at}{host}" if colon else parts.netloc
    return f"{parts.scheme}://{netloc}{parts.path}{'?' if query else ''}{query}"


def short_location(location: str) -> str:
    """The same without who connects and how: what tells one store from another at a glance."""
    if not is_database_url(location):
        return location
    from urllib.parse import urlsplit

    parts = urlsplit(location)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
