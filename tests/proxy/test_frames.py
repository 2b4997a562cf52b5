"""Frames: what is refused and why, and that what is written reads alike everywhere."""

from __future__ import annotations

import json
import sqlite3
from json import scanner
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from approval_tui.proxy.frames import (
    DEEPEST_NESTING,
    LARGEST_FRAME,
    FrameRefused,
    as_id,
    frame_of,
    id_within,
    parse_frame,
)


def nested(levels: int, one: str = "[]") -> bytes:
    return (one[:-1] * levels + one[-1] * levels).encode()


def nested_objects(levels: int) -> bytes:
    return b'{"a":' * levels + b"0" + b"}" * levels


REFUSED = [
    (b"", "not JSON"),
    (b"{", "not JSON"),
    (b"nothing", "not JSON"),
    (b"{'a': 1}", "not JSON"),
    (b'{"a": 1,}', "not JSON"),
    (b'{"a": 01}', "not JSON"),
    (b'{"a": .5}', "not JSON"),
    (b'{"a": "\x01"}', "control character"),
    (b'{"a": "\r"}', "control character"),
    (b'{"a": "\\q"}', "escape"),
    (b'{"a": 1} // said', "Extra data"),
    (b'{"a": 1}\r{"b": 2}', "Extra data"),
    (b'{"a": 1}\x00', "Extra data"),
    (b'{"a": 1, "a": 1}', "'a' stands twice"),
    (b'{"a": 1, "\\u0061": 2}', "'a' stands twice"),
    (b'{"a": [{"b": {"c": 1, "d": 2, "c": 3}}]}', "'c' stands twice"),
    (b'{"": 1, "": 2}', "'' stands twice"),
    ('{"\u00e9": 1, "\\u00e9": 2}'.encode(), "'\\xe9' stands twice"),
    (b'{"a": NaN}', "NaN is no JSON number"),
    (b'{"a": Infinity}', "Infinity is no JSON number"),
    (b'{"a": -Infinity}', "-Infinity is no JSON number"),
    (b'{"a": 1e999}', "the number 1e999 is too large"),
    (b'{"a": -1e999}', "the number -1e999 is too large"),
    (b'{"a": 1' + b"0" * 400 + b".0}", "is too large"),
    (b'{"a": 1' + b"0" * 5000 + b"}", "not JSON"),
    (b'{"a": "\xff"}', "not UTF-8: invalid start byte at byte 7"),
    (b'{"a": "\xc0\xaf"}', "not UTF-8"),
    (b'{"a": "\xed\xa0\x80"}', "not UTF-8"),
    (b"\xef\xbb\xbf{}", "BOM"),
    ("{}".encode("utf-16"), "not UTF-8"),
    ("{}".encode("utf-16-le"), "not JSON"),
    ("{}".encode("utf-32-be"), "not JSON"),
    (nested(DEEPEST_NESTING + 1), "deeper than 500 levels"),
    (nested_objects(DEEPEST_NESTING + 1), "deeper than 500 levels"),
    (nested(990), "deeper than 500 levels"),
    (nested(100_000), "deeper than 500 levels"),
    (nested_objects(100_000), "deeper than 500 levels"),
    (b"[" * 100_000, "deeper than 500 levels"),
]


@pytest.mark.parametrize(("data", "why"), REFUSED, ids=[ascii(data[:40]) for data, _ in REFUSED])
def test_a_text_that_readers_could_read_in_two_ways_is_refused_and_why(data: bytes, why: str) -> None:
    with pytest.raises(FrameRefused) as refused:
        parse_frame(data)
    assert why in refused.value.why
    assert str(refused.value) == refused.value.why


def test_a_refusal_quotes_only_the_beginning_of_what_it_refuses() -> None:
    for data in (b'{"%s": 1, "%s": 2}' % (b"k" * 10_000, b"k" * 10_000), b"[" + b"9" * 5_000 + b".0e9]"):
        with pytest.raises(FrameRefused) as refused:
            parse_frame(data)
        assert len(refused.value.why) < 300


ACCEPTED: list[tuple[bytes, Any]] = [
    (b'{"a": 1}', {"a": 1}),
    (b' \t\r{"a"\r:\t1}\r', {"a": 1}),
    (b'{"m": "tools\\/call"}', {"m": "tools/call"}),
    (b'{"m": "\\u0074ools/call"}', {"m": "tools/call"}),
    (b'{"\\u006dethod": 1}', {"method": 1}),
    (b'{"a": 1, "A": 2}', {"a": 1, "A": 2}),
    (b'{"a": {"b": 1}, "c": {"b": 1}}', {"a": {"b": 1}, "c": {"b": 1}}),
    (b'{"a": "\\ud83d\\ude00"}', {"a": "\U0001f600"}),
    (b'{"a": "\\ud800"}', {"a": "\ud800"}),
    (b'{"a": "\\u0000"}', {"a": "\0"}),
    ('{"a": "\u2028\x85"}'.encode(), {"a": "\u2028\x85"}),
    (b'{"a": 1' + b"0" * 400 + b"}", {"a": 10**400}),
    (b'{"a": 9007199254740993}', {"a": 2**53 + 1}),
    (b'{"a": 1e308, "b": 1e-999, "c": -0.0}', {"a": 1e308, "b": 0.0, "c": -0.0}),
    (b"[]", []),
    (b"null", None),
    (b'"text"', "text"),
]


@pytest.mark.parametrize(("data", "value"), ACCEPTED, ids=[ascii(data[:40]) for data, _ in ACCEPTED])
def test_a_text_with_one_meaning_is_parsed_as_it_stands(data: bytes, value: Any) -> None:
    assert parse_frame(data) == value


@pytest.mark.parametrize("levels", [10, DEEPEST_NESTING])
def test_nesting_up_to_the_limit_is_parsed_and_written(levels: int) -> None:
    for data in (nested(levels), nested_objects(levels)):
        value = parse_frame(data)
        assert frame_of(value) == data + b"\n"


def test_the_largest_frame_is_parsed_and_one_byte_more_is_not() -> None:
    largest = b'"' + b"a" * (LARGEST_FRAME - 2) + b'"'
    assert parse_frame(largest) == "a" * (LARGEST_FRAME - 2)
    with pytest.raises(FrameRefused, match="more than 10,485,760 bytes"):
        parse_frame(largest + b" ")


# --- written anew ------------------------------------------------------------------------------

numbers = st.integers() | st.integers(-(10**400), 10**400) | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(codec="utf-8")) | st.text(st.sampled_from('"\\/\0\r\n\x7f\x85\u2028\ufeff\U0001f600'))
broken_texts = st.text(st.characters(categories=["Cs", "Lu"]))


def values(strings: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    return st.recursive(
        st.none() | st.booleans() | numbers | strings,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(strings, inner, max_size=4),
        max_leaves=12,
    )


def by_pure_python(text: str) -> Any:
    """The value as the decoder reads it that is written in Python, where the other is written in C."""
    decoder = json.JSONDecoder()
    decoder.parse_string = json.decoder.py_scanstring  # type: ignore[attr-defined]
    decoder.scan_once = scanner.py_make_scanner(decoder)  # type: ignore[attr-defined]
    return decoder.decode(text)


def same(one: Any, other: Any) -> bool:
    """Equality that tells 1 from 1.0 and True, and 0.0 from -0.0."""
    return repr(one) == repr(other)


@settings(max_examples=100)
@given(value=values(texts), indent=st.none() | st.integers(0, 2), is_ascii=st.booleans())
def test_what_is_parsed_is_written_on_one_ascii_line_that_every_reader_reads_alike(
    value: Any, indent: int | None, is_ascii: bool
) -> None:
    parsed = parse_frame(json.dumps(value, ensure_ascii=is_ascii, indent=indent).encode())
    assert same(parsed, value)
    frame = frame_of(parsed)
    assert frame.isascii()
    assert frame.count(b"\n") == 1
    assert frame.endswith(b"\n")
    assert not set(frame[:-1]) & set(range(0x20))
    assert b"\x7f" not in frame
    assert same(parse_frame(frame), value)
    assert same(json.loads(frame), value)
    assert same(by_pure_python(frame.decode("latin-1")), value)


@settings(max_examples=50)
@given(value=values(texts.filter(lambda text: "\0" not in text)))
def test_a_reader_in_c_finds_the_texts_and_keys_of_a_frame(value: Any) -> None:
    frame = frame_of({"v": value}).decode()
    found = sqlite3.connect(":memory:").execute("SELECT key, type, atom FROM json_tree(?)", [frame]).fetchall()
    assert {atom for _, kind, atom in found if kind == "text"} == set(texts_in(value))
    assert {key for key, _, _ in found if isinstance(key, str)} == {"v", *keys_in(value)}


def texts_in(value: Any) -> list[str]:
    if isinstance(value, dict | list):
        return [text for each in (value.values() if isinstance(value, dict) else value) for text in texts_in(each)]
    return [value] if isinstance(value, str) else []


def keys_in(value: Any) -> list[str]:
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return [*(value if isinstance(value, dict) else ()), *(key for each in inner for key in keys_in(each))]


@settings(max_examples=50)
@given(value=values(broken_texts))
def test_lone_surrogates_are_written_as_they_came(value: Any) -> None:
    frame = frame_of(parse_frame(json.dumps(value).encode()))
    assert frame.isascii()
    assert same(json.loads(frame), json.loads(json.dumps(value)))


@settings(max_examples=200)
@given(data=st.binary(max_size=60) | st.text('{}[]":,\\ \r\n\t0123456789eE+-.aunltrfsNI').map(str.encode))
def test_any_bytes_are_parsed_or_refused_and_never_anything_else(data: bytes) -> None:
    try:
        value = parse_frame(data)
    except FrameRefused:
        id_within(data)
    else:
        assert same(json.loads(data), value)
        assert same(parse_frame(frame_of(value)), value)


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), {1, 2}, b"bytes", object(), 10**5000],
    ids=["NaN", "infinity", "a set", "bytes", "an object of Python's", "5,001 digits"],
)
def test_what_is_no_json_is_not_written(value: Any) -> None:
    with pytest.raises(FrameRefused, match="cannot be written as JSON"):
        frame_of({"a": value})


def test_what_is_nested_too_deep_to_be_written_is_refused() -> None:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(FrameRefused, match="cannot be written as JSON"):
        frame_of(value)
    while value:  # without recursion, which is how Python would throw it away
        value = value[0]


# --- ids ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [0, 1, -1, 2**53 - 1, 1 - 2**53, "", "1", "a", "\ud800", "x" * 10_000])
def test_a_text_and_a_whole_number_that_every_reader_holds_are_ids(value: object) -> None:
    assert as_id(value) is value


@pytest.mark.parametrize("value", [None, True, False, 1.0, 2**53, -(2**53), 10**400, [], [1], {}, {"id": 1}])
def test_anything_else_is_no_id(value: object) -> None:
    assert as_id(value) is None


WITHIN: list[tuple[bytes, str | int | None]] = [
    (b'{"id": 7, "a": NaN}', 7),
    (b'{"id": "seven", "a": NaN}', "seven"),
    (b'{"id": 7, "a": {"b": 1, "b": 2}}', 7),
    (b'{"id": 7.0, "a": NaN}', None),
    (b'{"id": true, "a": NaN}', None),
    (b'{"id": null, "a": NaN}', None),
    (b'{"id": 9007199254740992, "a": NaN}', None),
    (b'{"a": NaN}', None),
    (b'[{"id": 7}]', 7),
    (b'[{"id": 7}, {"id": 8}]', None),
    (b'{"id": 7, "a": ', 7),
    (b'{"id" : "a\\"b", "a": ', 'a"b'),
    (b'{"id": 7}\r{"id": 8}', None),
    (b'{"id": 7}\r{"id": 7}', 7),
    (b'{"id": 7, "a": "\xff"}', 7),
    (b'{"id": 7, "a": 1' + b"0" * 5000 + b"}", 7),
    (b'{"id": 7, "a": ' + nested(100_000) + b"}", 7),
    (b'{"a": "' + b"x" * 5_000 + b'", "id": 7, "b": NaN', 7),
    (b'{"a": "' + b"x" * 5_000 + b'", "id": 7, "b": "' + b"x" * 5_000, None),
    (b'{"id": "\\q", "a": 1}', None),
    (b'{"id": "\\u12", "a": 1}', None),
    (b'{"id": "\x01", "a": ', None),
    (b'{"id": "\xff", "a": 1}', None),
    (b'{"id": 007, "a": 1}', None),
    (b'{"id": -, "a": 1}', None),
    (b"", None),
    (b"\xff\xfe", None),
]


@pytest.mark.parametrize(("data", "expected"), WITHIN, ids=[ascii(data[:30]) for data, _ in WITHIN])
def test_the_id_of_a_refused_frame_is_found_where_there_is_one_and_only_one(
    data: bytes, expected: str | int | None
) -> None:
    assert id_within(data) == expected


def test_two_ids_in_one_object_are_none() -> None:
    assert id_within(b'{"id": 7, "id": 8}') is None
