"""A grant as a person reads it: what it covers, part by part, how long and how often, and who gave it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from approval_tui.display.glyphs import UNICODE, Glyphs
from approval_tui.display.redaction import Redactor, mask
from approval_tui.display.request_view import Field, value_text
from approval_tui.display.visible import visible_text
from approval_tui.domain.canonical import JsonObject, canonical_value
from approval_tui.domain.clock import format_duration, format_timestamp
from approval_tui.domain.errors import InvalidJson
from approval_tui.domain.grants import ALWAYS, Grant
from approval_tui.domain.matchers import ANYTHING, EXACTLY, FITTING, Matcher, Part, path_name


def part_label(part: Part, glyphs: Glyphs = UNICODE) -> str:
    """The name of the part, safe to show; no name of an agent's can pass for two."""
    return glyphs.visible(path_name(part.path))


def part_text(part: Part, redactor: Redactor, glyphs: Glyphs = UNICODE) -> str:
    """What the part must be, in our words and with the value in quotes."""
    if part.kind == ANYTHING:
        return "may be anything"
    assert part.text is not None
    if part.kind == FITTING:
        return f"fits {_pattern_text(part, redactor, glyphs)}"
    if part.kind != EXACTLY:
        return f"is the same long value ({glyphs.visible(part.text)})"
    return f"is exactly {_value_text(part, redactor, glyphs)}"


def grant_title(grant: Grant, glyphs: Glyphs = UNICODE) -> str:
    """What it is about, in a line: the tool, the requester, and for how long a run of it."""
    where = "always" if grant.scope == ALWAYS else f"in {glyphs.name(grant.session or '')}"
    return f"{glyphs.name(grant.tool)} for {glyphs.name(grant.requester)} {where}"


def state_words(grant: Grant, now: int, glyphs: Glyphs = UNICODE) -> str:
    """Whether it approves anything more, and until when."""
    if grant.revoked_at is not None:
        return f"revoked by {glyphs.name(grant.revoked_by or '')}"
    if now >= grant.expires_at:
        return "expired"
    if not grant.is_live(now):
        return "used up"
    return f"for {format_duration(grant.expires_at - now)}"


def uses_words(grant: Grant) -> str:
    """How often it approved, and of how many times."""
    return str(grant.uses) if grant.most_uses is None else f"{grant.uses} of {grant.most_uses}"


def grant_words(grant: Grant, redactor: Redactor, glyphs: Glyphs = UNICODE) -> str:
    """What it is about and what it covers, in a line; all of it, however long."""
    title = grant_title(grant, glyphs)
    return title if grant.matcher is None else f"{title}: {covered_words(grant.matcher, redactor, glyphs)}"


def covered_words(matcher: Matcher | None, redactor: Redactor, glyphs: Glyphs = UNICODE) -> str:
    """What is covered, in a line; all of it, however long."""
    if matcher is None:
        return "exactly one call"
    return "; ".join(f"{part_label(part, glyphs)} {part_text(part, redactor, glyphs)}" for part in matcher.parts)


def matcher_fields(matcher: Matcher, redactor: Redactor, glyphs: Glyphs = UNICODE) -> list[Field]:
    """What is covered, part by part."""
    return [Field(part_label(part, glyphs), part_text(part, redactor, glyphs)) for part in matcher.parts]


def grant_fields(grant: Grant, now: int, redactor: Redactor, glyphs: Glyphs = UNICODE) -> list[Field]:
    """Everything about the grant."""
    fields = [
        Field("state", state_words(grant, now, glyphs)),
        Field("approves", grant_title(grant, glyphs)),
        Field("uses", uses_words(grant)),
        Field("given by", f"{glyphs.name(grant.granted_by)}, {format_timestamp(grant.granted_at)}"),
        Field("ends", format_timestamp(grant.expires_at)),
    ]
    if grant.revoked_at is not None:
        by = glyphs.name(grant.revoked_by or "")
        fields.append(Field("revoked by", f"{by}, {format_timestamp(grant.revoked_at)}"))
    fields += [Field("given for", glyphs.visible(grant.request_id)), Field("id", glyphs.visible(grant.id))]
    if grant.matcher is None:
        return [*fields, Field("covers", f"exactly that call ({glyphs.visible(grant.fingerprint)})")]
    server = "no server" if grant.matcher.server is None else f"the server {glyphs.name(grant.matcher.server)}"
    return [*fields, Field("of", server), *matcher_fields(grant.matcher, redactor, glyphs)]


def readable_matcher(stored: JsonObject) -> JsonObject:
    """A matcher's stored form with each value under the name of its part, so that secrets are masked by their names."""
    parts = stored.get("parts")
    return {**stored, "parts": [_readable_part(part) for part in parts]} if isinstance(parts, list) else stored


def ends_words(lifetime: int, most_uses: int | None) -> str:
    """How long and how often, in a few words; `lifetime` is in ms."""
    often = "any number of times" if most_uses is None else "once" if most_uses == 1 else f"{most_uses} times at most"
    return f"for {format_duration(lifetime)}, {often}"


def _pattern_text(part: Part, redactor: Redactor, glyphs: Glyphs) -> str:
    text = part.text or ""
    if redactor.is_secret_name(part.path[-1]):
        return mask(text, glyphs)
    shown = visible_text(redactor.redact(text, glyphs), ascii_only=glyphs.is_ascii, quoted=True)
    return f'"{shown}"'


def _value_text(part: Part, redactor: Redactor, glyphs: Glyphs) -> str:
    """The value as it is shown in a call; a text that is none of a value's stands as it was stored."""
    try:
        value = canonical_value(part.text or "")
    except InvalidJson:
        return glyphs.visible(redactor.redact(part.text or "", glyphs))
    return value_text(part.path[-1], value, redactor, glyphs)


def _readable_part(part: Any) -> Any:
    path, text = (part.get("path"), part.get("text")) if isinstance(part, dict) else (None, None)
    if not (isinstance(path, list) and path and isinstance(path[-1], str) and isinstance(text, str)):
        return part
    value: Any = text
    if part.get("kind") == EXACTLY:
        with suppress(InvalidJson):
            value = canonical_value(text)
    return {**part, "text": {path[-1]: value}}
