"""Canonical JSON: the same bytes as RFC 8785 by either path, nothing that collides, nothing ambiguous."""

from __future__ import annotations

import enum
import hashlib
import json
from collections import OrderedDict
from types import MappingProxyType
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from approval_tui.domain import canonical
from approval_tui.domain.canonical import (
    DEEPEST_NESTING,
    HASH_TAG,
    LARGEST_INTEGER,
    canonical_hash,
    canonical_json,
    canonical_value,
    exact_json,
    json_object,
    parse_json,
    tagged_hash,
)
from approval_tui.domain.errors import InvalidJson

characters = st.one_of(
    st.characters(exclude_categories=["Cs"]),
    st.sampled_from('\0\x01\x1f"\\/\x7f\x80\u2028\u2029\ud7ff\ue000\ufb33\uffff\U0001f600\U0010ffff'),
)
texts = st.text(characters, max_size=8)
safe_integers = st.integers(-LARGEST_INTEGER, LARGEST_INTEGER)
big_integers = st.one_of(st.integers(LARGEST_INTEGER + 1, 2**200), st.integers(-(2**200), -LARGEST_INTEGER - 1))
floats = st.floats(allow_nan=False, allow_infinity=False)


def nested(leaves: st.SearchStrategy[Any], keys: st.SearchStrategy[str] = texts) -> st.SearchStrategy[Any]:
    """Values of any shape over these leaves."""
    return st.recursive(
        leaves, lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=4))
    )


values_of_rfc8785 = nested(st.one_of(st.none(), st.booleans(), safe_integers, floats, texts))
any_values = nested(st.one_of(st.none(), st.booleans(), safe_integers, big_integers, floats, texts))
fast_values = nested(st.one_of(st.none(), st.booleans(), safe_integers, texts), st.text('ab\0"\\é', max_size=3))


def marked(value: Any) -> Any:
    """The value as rule R5 hands it to RFC 8785, written a second time and independently."""
    match value:
        case str():
            return f"\0{value}" if value[:1] == "\0" else value
        case bool() | float() | None:
            return value
        case int():
            return value if abs(value) <= 2**53 - 1 else f"\0int:{value}"
        case list():
            return [marked(item) for item in value]
        case _:
            return {key: marked(item) for key, item in value.items()}


def by_the_slow_path(value: Any) -> bytes:
    """The canonical form of the value where a type that JSON does not have as such bars the fast path."""
    assert canonical._canonical_by_json((value,)) is None
    return canonical_json((value,))


@given(values_of_rfc8785)
def test_the_canonical_form_is_that_of_rfc_8785(value: Any) -> None:
    assert canonical_json(value) == rfc8785.dumps(marked(value))


@given(any_values)
def test_the_slow_path_is_rfc_8785_with_big_integers_marked(value: Any) -> None:
    assert by_the_slow_path(value) == b"[" + rfc8785.dumps(marked(value)) + b"]"


@given(any_values)
def test_both_paths_give_the_same_bytes(value: Any) -> None:
    assert b"[" + canonical_json(value) + b"]" == by_the_slow_path(value)


@given(fast_values)
def test_wherever_the_fast_path_may_be_taken_it_gives_the_bytes_of_rfc_8785(value: Any) -> None:
    text = canonical._canonical_by_json(value)
    if text is not None:
        assert text.encode() == rfc8785.dumps(value)


@pytest.mark.parametrize("value", [{"b": [1, {"a": None}], "a": "é"}, "text", 0, -LARGEST_INTEGER, True, None, []])
def test_the_fast_path_is_taken_for_plain_values(value: Any) -> None:
    assert canonical._canonical_by_json(value) is not None


@pytest.mark.parametrize("value", [1.0, 2**53, -(2**53), "\0", {"é": 1}, {1: 1}, (1,), OrderedDict(a=1)])
def test_the_fast_path_is_not_taken_where_json_dumps_differs_or_might(value: Any) -> None:
    assert canonical._canonical_by_json(value) is None
    assert canonical._canonical_by_json([value]) is None
    assert canonical._canonical_by_json({"key": value}) is None


@given(st.lists(st.one_of(big_integers, safe_integers, texts, st.just("\0int:9007199254740992")), min_size=2))
def test_different_integers_and_strings_never_collide(values: list[Any]) -> None:
    forms = {canonical_json(value) for value in values}
    assert len(forms) == len({(type(value), value) for value in values})


@given(big_integers, st.integers(0, 4))
def test_no_string_stands_for_a_big_integer(number: int, zeros: int) -> None:
    assert canonical_json("\0" * zeros + f"int:{number}") != canonical_json(number)
    assert canonical_json({"n": number}) == b'{"n":"\\u0000int:' + str(number).encode() + b'"}'


def test_a_leading_nul_gains_one_more_and_one_further_in_does_not() -> None:
    assert canonical_json("\0") == rb'"\u0000\u0000"'
    assert canonical_json("a\0") == rb'"a\u0000"'
    assert canonical_json({"\0": 1}) == rb'{"\u0000":1}'


@given(st.dictionaries(texts, any_values, max_size=4))
def test_the_order_of_keys_does_not_matter(value: dict[str, Any]) -> None:
    assert canonical_json(dict(reversed(value.items()))) == canonical_json(value)


@given(st.dictionaries(texts, any_values, max_size=4))
def test_the_stored_text_reads_back_as_the_same_value_in_the_same_order(value: dict[str, Any]) -> None:
    checked = json_object(value, "arguments")
    back = parse_json(exact_json(checked))
    assert repr(back) == repr(checked)
    assert canonical_json(back) == canonical_json(value)


@given(any_values)
def test_the_canonical_form_reads_back_as_the_same_value(value: Any) -> None:
    assert canonical_json(canonical_value(canonical_json(value).decode())) == canonical_json(value)


@pytest.mark.parametrize("digits", ["", "x", "5", "1_000", "-", "9" * 5000, "0" + "9" * 20, " " + "9" * 20])
def test_what_is_marked_as_a_big_integer_and_is_none_is_refused(digits: str) -> None:
    with pytest.raises(InvalidJson):
        canonical_value(json.dumps(f"\0int:{digits}"))


def test_keys_are_ordered_by_utf_16_code_units() -> None:
    assert canonical_json({"\ufb33": 1, "\U0001f600": 2, "é": 3}) == '{"é":3,"\U0001f600":2,"\ufb33":1}'.encode()


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (1e21, b"1e+21"),
        (1e-7, b"1e-7"),
        (-0.0, b"0"),
        (333333333.33333329, b"333333333.3333333"),
        (1e16, b"1" + b"0" * 16),
    ],
)
def test_floats_are_written_as_ecmascript_writes_them(value: float, form: bytes) -> None:
    assert canonical_json(value) == form


@pytest.mark.parametrize(
    ("value", "digest"),
    [
        ({"b": 2, "a": 1}, "43258cff783fe7036d8a43033f830adfc60ec037382473548ac742b888292777"),
        ({"amount": 250}, "4c32897ff38b388b5111c1232c47ba1d94e64dd3ed4488fe22e2d19f32d521e3"),
        ({"amount": 250.0}, "4c32897ff38b388b5111c1232c47ba1d94e64dd3ed4488fe22e2d19f32d521e3"),
        (
            {"items": [{"b": 2, "a": 1}, {"d": 4, "c": 3}]},
            "cb940dcdb0c57c35ba9479bdfe2395b1c7bda61cbc2985c80448e6a111cff5af",
        ),
        ({"cmd": "a && b <x>"}, "831200c521193ba54ec95cff8a3c2616fdea1e8bcf55618602fdfe291da6569d"),
    ],
)
def test_known_hashes_of_sorted_compact_json(value: Any, digest: str) -> None:
    assert hashlib.sha256(canonical_json(value)).hexdigest() == digest
    assert canonical_hash(value) == f"{HASH_TAG}{digest}"


def test_hashes_carry_their_tag() -> None:
    assert tagged_hash(b"") == "v1:sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


class Colour(str, enum.Enum):  # noqa: UP042 - unlike a StrEnum, its str() is its name
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


def test_enums_count_as_the_values_they_hold() -> None:
    value = {Colour.RED: [Colour.RED, Level.HIGH]}
    assert canonical_json(value) == b'{"red":["red",3]}'
    plain = json_object(value, "arguments")
    assert exact_json(plain) == '{"red":["red",3]}'
    assert [type(item) for item in (*plain, *plain["red"])] == [str, str, int]


def test_mappings_and_tuples_become_plain_objects_and_lists() -> None:
    assert json_object(MappingProxyType({"a": (1, (2.5,))}), "arguments") == {"a": [1, [2.5]]}


refused_values = {
    "nan": float("nan"),
    "infinity": float("inf"),
    "minus infinity": float("-inf"),
    "lone surrogate": "\ud800",
    "lone surrogate inside": "a\udfffb",
    "reversed pair": "\udc00\ud800",
    "surrogate in a key": {"\ud800": 1},
    "integer key": {1: 1},
    "null key": {None: 1},
    "boolean key": {True: 1},
    "bytes": b"a",
    "set": {1},
    "object": object(),
    "generator": (item for item in "a"),
    "too deep": deep(DEEPEST_NESTING + 1),
    "huge integer": 2**4096,
    "huge negative integer": -(2**4096),
}


@pytest.mark.parametrize("value", refused_values.values(), ids=refused_values.keys())
def test_what_json_cannot_express_is_refused_wherever_it_stands(value: Any) -> None:
    for place in (value, [value], {"key": value}, ["\0", 1.5, value], {"é": [value]}):
        with pytest.raises(InvalidJson):
            canonical_json(place)
    with pytest.raises(InvalidJson):
        json_object({"key": value}, "arguments")


def test_the_error_names_the_place() -> None:
    with pytest.raises(InvalidJson, match=r"^arguments\.files\[1\]\.mode is of type set"):
        json_object({"files": [{}, {"mode": {1}}]}, "arguments")
    with pytest.raises(InvalidJson, match=r"^arguments must be a JSON object, not list"):
        json_object([1], "arguments")


def test_nesting_is_allowed_up_to_its_limit_by_both_paths() -> None:
    deepest = deep(DEEPEST_NESTING)
    assert canonical_json(deepest) == canonical_json(parse_json(exact_json(deepest)))
    floating = [1.5, deep(DEEPEST_NESTING - 1)]
    assert json.loads(canonical_json(floating)) == floating


def test_a_value_that_contains_itself_is_refused() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(InvalidJson, match="nested deeper"):
        canonical_json(value)


refused_texts = {
    "nan": '{"a": NaN}',
    "infinity": '{"a": -Infinity}',
    "float that overflows": '{"a": 1e999}',
    "float that overflows alone": "-1e999",
    "duplicate key": '{"a": 1, "a": 1}',
    "duplicate key, one escaped": r'{"a": 1, "\u0061": 2}',
    "duplicate key deep inside": '[{"x": {"é": 1, "é": 2}}]',
    "escaped surrogate": r'{"a": "\ud800"}',
    "escaped surrogate in a key": r'{"\udfff": 1}',
    "raw surrogate": '{"a": "\ud800"}',
    "huge integer": "1" * 2000,
    "integer longer than python reads": "1" * 5000,
    "too deep": "[" * 101 + "1" + "]" * 101,
    "far too deep": "[" * 100_000,
    "cut short": '{"a": ',
    "two values": "{} {}",
    "single quotes": "{'a': 1}",
    "comment": "{} // yes",
    "byte order mark": "\ufeff{}",
    "nothing": "",
}


@pytest.mark.parametrize("text", refused_texts.values(), ids=refused_texts.keys())
def test_ambiguous_or_broken_json_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidJson) as caught:
        parse_json(text)
    assert caught.value.not_done == "Nothing was written."
    assert caught.value.to_do
    caught.value.happened.encode()  # printable: it holds no lone surrogate itself


def test_bytes_that_are_not_utf_8_are_refused() -> None:
    with pytest.raises(InvalidJson, match="not UTF-8"):
        parse_json(b'{"a": "\xff"}')


def test_a_surrogate_pair_is_one_character() -> None:
    assert parse_json(r'"\ud83d\ude00"') == "\U0001f600"


@given(any_values)
def test_every_value_survives_being_written_and_parsed(value: Any) -> None:
    assert repr(parse_json(json.dumps(value))) == repr(value)
