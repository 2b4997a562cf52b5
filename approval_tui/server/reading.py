"""What a caller sent, read strictly: bounded, in time, unambiguous, and of the operation's types."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.datastructures import Headers
from starlette.types import Receive

from approval_tui.domain.canonical import JsonObject, parse_json
from approval_tui.domain.errors import InvalidJson
from approval_tui.domain.http_names import KEY_HEADER, OWN_MEDIA_TYPE
from approval_tui.server.errors import Refusal, unavailable
from approval_tui.server.exchange import JSON

MOST_BODY_BYTES = 8 * 1024 * 1024
"""More than the largest arguments take that the store keeps, with what JSON escapes."""

SLOWEST_BODY = 20.0
"""Seconds within which a whole body must have come."""

MOST_VALUES = 100_000
"""Values in one body; to judge and to hash more would take so long that other callers had to wait."""

MOST_HELD_BYTES = 128 * 1024 * 1024
"""Of all bodies that are being read or served at once, but for small ones."""

_SMALL = 64 * 1024
_TEXT = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)', re.DOTALL)
"""A text of JSON; one that does not end goes to the end of all: it is looked at once, and not from each quote on."""
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_LONGEST_QUERY = 2000


class BodySpace:
    """The memory that bodies take, shared by all callers."""

    def __init__(self) -> None:
        self._taken = 0

    @contextlib.contextmanager
    def share(self) -> Iterator[Callable[[int], None]]:
        """For one body: call it with the size it has so far; raises Refusal where there is no more space."""
        mine = 0

        def grow(size: int) -> None:
            nonlocal mine
            self._taken += size - mine
            mine = size
            if size > _SMALL and self._taken > MOST_HELD_BYTES:
                raise unavailable("too_busy", "Too much is sent already.")

        try:
            yield grow
        finally:
            self._taken -= mine


def refuse_ambiguous(http_version: str, headers: Headers) -> None:
    """Raises Refusal for a body whose end two readers might see at two places (request smuggling)."""
    if "transfer-encoding" in headers and ("content-length" in headers or http_version != "1.1"):
        raise Refusal(400, "invalid_http", "It is not clear where the body ends.", headers=(("Connection", "close"),))


def has_body(headers: Headers) -> bool:
    """Whether there is a body to wait for."""
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


async def read_body(headers: Headers, receive: Receive, grow: Callable[[int], None]) -> bytes:
    """The whole body, whose size so far is told to `grow`; raises Refusal for a too large or slow one, CallerLeft."""
    declared = headers.get("content-length")
    if declared is not None and int(declared) > MOST_BODY_BYTES:
        raise _too_large()
    parts, size = [], 0
    try:
        async with asyncio.timeout(SLOWEST_BODY):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise CallerLeft
                part = message.get("body", b"")
                size += len(part)
                if size > MOST_BODY_BYTES:
                    raise _too_large()
                grow(size)
                parts.append(part)
                if not message.get("more_body", False):
                    return b"".join(parts)
    except TimeoutError:
        raise Refusal(408, "body_too_slow", "The body did not come in time.") from None


class CallerLeft(Exception):
    """The caller hung up before it had sent everything."""


def media_type_of(headers: Headers) -> str:
    """The media type of the body; raises Refusal for what is no JSON, as a page's form is none."""
    kinds = headers.getlist("content-type")
    kind = kinds[0].partition(";")[0].strip().lower() if len(kinds) == 1 else ""
    if kind not in (JSON, OWN_MEDIA_TYPE):
        raise Refusal(415, "unsupported_media_type", f"The body must be {JSON}.")
    return kind


def is_of_our_gate(headers: Headers) -> bool:
    """Whether our own media type is asked for: by name, or by a body of it to which any answer is welcome."""
    accepted = headers.get("accept", "*/*")
    if OWN_MEDIA_TYPE in accepted:
        return True
    return "*/*" in accepted and headers.get("content-type", "").partition(";")[0].strip().lower() == OWN_MEDIA_TYPE


async def read_object(body: bytes, kind: type) -> tuple[JsonObject, Any]:
    """The body as JSON and as that type; raises Refusal for what is no such object."""
    if len(body) <= _SMALL:
        return _read_object(body, kind)
    return await asyncio.to_thread(_read_object, body, kind)


def _read_object(body: bytes, kind: type) -> tuple[JsonObject, Any]:
    outside_texts = _TEXT.sub(b"", body)
    if outside_texts.count(b",") + outside_texts.count(b"[") + outside_texts.count(b"{") > MOST_VALUES:
        raise Refusal(400, "invalid_json", f"The body may have {MOST_VALUES:,} values at most.")
    try:
        value = parse_json(body.decode("utf-8"), exact_numbers=True)
    except InvalidJson as error:
        raise Refusal(400, "invalid_json", error.happened) from None
    except UnicodeDecodeError:
        raise Refusal(400, "invalid_json", "The body is not UTF-8.") from None
    if type(value) is not dict:
        raise Refusal(400, "invalid_json", "The body must be a JSON object.")
    return value, _converted(value, kind, strict=True)


def read_query(text: bytes, kind: type) -> Any:
    """The query's parameters as that type; raises Refusal for what does not fit it."""
    if len(text) > _LONGEST_QUERY:
        raise Refusal(400, "invalid_query", "The query is too long.")
    try:
        pairs = parse_qsl(text.decode("ascii"), keep_blank_values=True, strict_parsing=bool(text), errors="strict")
    except ValueError:
        raise Refusal(400, "invalid_query", "The query cannot be read.") from None
    if len(dict(pairs)) != len(pairs):
        raise Refusal(400, "invalid_query", "A parameter stands twice in the query.")
    return _converted(dict(pairs), kind, strict=False)


def read_key(headers: Headers) -> str:
    """The caller's own key for this attempt; raises Refusal where there is none or more than one."""
    keys = headers.getlist(KEY_HEADER)
    if len(keys) != 1 or not _KEY.fullmatch(keys[0]):
        code = "missing_idempotency_key" if not any(keys) else "invalid_idempotency_key"
        message = f"The header {KEY_HEADER} must be there once, with 1 to 255 visible ASCII characters."
        raise Refusal(400, code, message, param=KEY_HEADER)
    return keys[0]


def _converted(value: Mapping[str, Any], kind: type, *, strict: bool) -> Any:
    try:
        return msgspec.convert(value, kind, strict=strict)
    except msgspec.ValidationError as error:
        said = str(error)
        found = re.search(r"`\$\.?([A-Za-z0-9_.\[\]]+)`$", said) or re.search(r"field `([A-Za-z0-9_]+)`", said)
        raise Refusal(400, "invalid_request", f"{said}.", param=found[1] if found else None) from None


def _too_large() -> Refusal:
    return Refusal(413, "body_too_large", f"The body may have {MOST_BODY_BYTES:,} bytes at most.")
