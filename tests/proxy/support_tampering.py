"""Frames that were tampered with: valid ones, changed in what they say and in how they are written."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

from hypothesis import strategies as st

from approval_tui.domain.canonical import JsonObject


def message(request_id: object, method: str, **params: Any) -> JsonObject:
    return {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}


def call(request_id: object, tool: str, **arguments: Any) -> JsonObject:
    return message(request_id, "tools/call", name=tool, arguments=arguments)


APPROVED = call(1, "write", path="approved")
CANCELLED = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}
VALID: tuple[Any, ...] = (
    APPROVED,
    call(2, "write", path="a", text="b"),
    call("3", "delete", path="a"),
    call(4, "read", path="a"),
    call(14, "read"),
    message(5, "tools/list"),
    message(6, "ping", name="write", arguments={"path": "a"}),
    message(7, "resources/read", inner=call(8, "write")),
    message(9, "tools/call", name="write", arguments={}, requestState="s", inputResponses={}),
    {"jsonrpc": "2.0", "id": 10, "result": {"method": "tools/call", "params": {"name": "write"}}},
    CANCELLED,
    [call(11, "read"), call(12, "write"), CANCELLED],
    [call(13, "delete")],
)
WORDS = (
    "jsonrpc",
    "id",
    "method",
    "params",
    "name",
    "arguments",
    "tools/call",
    "tools/list",
    "read",
    "write",
    "delete",
)
VALUES: tuple[Any, ...] = (
    *(None, True, 0, 1, -1, 1.0, 10**400, 2**53, 1e308, float("nan"), "", "2.0", "1", [], {}, "write", "tools/call"),
    *({"name": "write", "arguments": {}}, ["write", {}], '{"name": "write"}', call(20, "write"), APPROVED["params"]),
)
TELLING: dict[str, Any] = {"method": "tools/call", "name": "write", "params": {"name": "write", "arguments": {}}}
"""The keys that make a call, and what makes one under them."""

ODD = ("\0", "\x01", "\t", "\n", "\r", " ", "\x85", "\xa0", "\u2028", "\u200b", "\ufeff", "\ud800", "_", "-")
OTHER_LETTERS = {"s": "ſ", "i": "ı", "I": "İ"}


class Twice(dict[str, Any]):
    """An object in which one more pair stands, first or last, whose key may be there already."""

    def __init__(self, plain: JsonObject, pair: tuple[str, Any], is_first: bool) -> None:
        super().__init__(plain)
        self.pair, self.is_first = pair, is_first


def lookalike(chance: Random, text: str) -> str:
    """The text in another case, in other letters, with something around it, or with what some reader leaves out."""
    if not text or chance.random() < 0.2:
        return chance.choice(WORDS)
    at = chance.randrange(len(text))
    before, letter, after = text[:at], text[at], text[at + 1 :]
    wide = chr(ord(letter) + 0xFEE0) if "!" <= letter <= "~" else letter
    odd = chance.choice(ODD)
    return chance.choice(
        (
            text.upper(),
            before + letter.swapcase() + after,
            before + OTHER_LETTERS.get(letter, wide) + after,
            before + odd + letter + after,
            odd + text,
            text + odd,
            text + odd + "x",
        )
    )


def changed(chance: Random, value: Any) -> Any:
    """The value with one change somewhere in it, more often where it makes a call."""
    if isinstance(value, list) and value and chance.random() < 0.7:
        at = chance.randrange(len(value))
        return [*value[:at], changed(chance, value[at]), *value[at + 1 :]]
    if isinstance(value, dict) and value and chance.random() < 0.9:
        telling = [key for key in value if key in TELLING]
        key = chance.choice(telling if telling and chance.random() < 0.7 else list(value))
        if chance.random() < 0.4:
            return _changed_object(chance, value, key)
        return {**value, key: changed(chance, value[key])}
    if isinstance(value, str) and chance.random() < 0.7:
        return lookalike(chance, value)
    wrapped = ([value], [value, chance.choice(VALID)], {"method": "tools/call", "params": value})
    return chance.choice((*wrapped, chance.choice(VALUES), chance.choice(VALUES), json.dumps(value)))


def _changed_object(chance: Random, value: JsonObject, key: str) -> JsonObject:
    """The object with its key left out, renamed, moved, or beside another that is like it."""
    other = TELLING[key] if key in TELLING and chance.random() < 0.6 else chance.choice(VALUES)
    new = lookalike(chance, key) if chance.random() < 0.8 else chance.choice(WORDS)
    without = {each: value[each] for each in value if each != key}
    return chance.choice(
        (
            without,
            {**without, new: value[key]},
            {new: value[key], **without},
            {**value, new: other},
            {new: other, **value},
            {**without, key: other},
            Twice(value, (chance.choice((key, new)), other), chance.random() < 0.5),
        )
    )


def encoded(chance: Random, value: Any) -> str:
    """The value as JSON, with escapes and white space as they happen to come."""
    gap = chance.choice(("", "", "", "", " ", "\t", "\r"))
    if isinstance(value, dict):
        pairs = list(value.items())
        if isinstance(value, Twice):
            pairs.insert(0 if value.is_first else len(pairs), value.pair)
        return (
            gap + "{" + ",".join(f"{encoded(chance, key)}:{encoded(chance, each)}" for key, each in pairs) + "}" + gap
        )
    if isinstance(value, list):
        return gap + "[" + ",".join(encoded(chance, each) for each in value) + "]"
    if not isinstance(value, str):
        return gap + json.dumps(value)
    how = chance.choice(("plain", "plain", "plain", "raw", "slash", "units"))
    if how == "units":
        units = value.encode("utf-16-be", "surrogatepass")
        return '"' + "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2)) + '"'
    text = json.dumps(value, ensure_ascii=how != "raw")
    return gap + (text.replace("/", "\\/") if how == "slash" else text)


PIECES = (
    b"\r",
    b"\n",
    b"\r\n",
    b" ",
    b"\0",
    b"\xef\xbb\xbf",
    b"\xff",
    b"\xc0\xaf",
    b'"',
    b"\\",
    b"\\u0000",
    b"{",
    b"}",
    b",",
)
ENCODINGS = ("utf-8-sig", "utf-16", "utf-16-le", "utf-32-be")


def tampered(chance: Random, data: bytes, other: bytes) -> bytes:
    """The bytes with one change: something put in, left out, written over, doubled, or spliced with another frame."""
    at = chance.randrange(len(data) + 1)
    to = at + chance.randrange(40)
    piece = chance.choice(PIECES)
    changes: tuple[Callable[[], bytes], ...] = (
        lambda: data[:at] + piece + data[at:],
        lambda: data[:at] + data[to:],
        lambda: data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :],
        lambda: data[:to] + data[at:],
        lambda: data[:at] + other[at:],
        lambda: data[:at] + other + data[at:],
        lambda: data + piece + other,
        lambda: data.decode("utf-8", "replace").encode(chance.choice(ENCODINGS)),
        lambda: b"[" * chance.choice((1, 2, 600)) + data + b"]" * chance.choice((1, 2, 600)),
    )
    return chance.choice(changes)()


@st.composite
def tampered_frames(draw: st.DrawFn) -> bytes:
    """Some valid frames, changed in what they say and in how they are written; each line is ended."""
    chance = draw(st.randoms(use_true_random=False))
    values = [chance.choice(VALID) for _ in range(chance.randint(1, 3))]
    for _ in range(chance.randint(0, 5)):
        at = chance.randrange(len(values))
        values[at] = changed(chance, values[at])
    frames = [encoded(chance, value).encode("utf-8", "surrogatepass") for value in values]
    for _ in range(chance.randint(0, 2)):
        at = chance.randrange(len(frames))
        frames[at] = tampered(chance, frames[at], chance.choice(frames))
    return b"".join(frame + b"\n" for frame in frames)
