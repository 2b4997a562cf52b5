"""Canonical JSON (RFC 8785), hashes with a tag, and parsing that refuses ambiguous text (rule R5)."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NoReturn

from approval_tui.domain.errors import InvalidJson

JsonObject = dict[str, Any]

LARGEST_INTEGER = 2**53 - 1
LONGEST_INTEGER_BITS = 4096
DEEPEST_NESTING = 100
HASH_TAG = "v1:sha256:"

_BIG = "\0int:"
"""What stands before the digits of a big integer, which is a string in canonical JSON."""


def _encoder(sort_keys: bool) -> Callable[[Any], str]:
    """`JSONEncoder.encode`, without making the C encoder anew for every value where there is one."""
    encoder = json.JSONEncoder(ensure_ascii=False, sort_keys=sort_keys, separators=(",", ":"), allow_nan=False)
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return encoder.encode
    parts = make(None, encoder.default, json.encoder.encode_basestring, None, ":", ",", sort_keys, False, False)
    join = "".join

    def encode(value: Any) -> str:
        return join(parts(value, 0))

    return encode


_encode = _encoder(sort_keys=True)
_encode_in_order = _encoder(sort_keys=False)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is not finite")
    return number


_decode = json.JSONDecoder(parse_float=_finite, parse_constant=_finite).raw_decode


def canonical_json(value: Any, *, is_checked: bool = False) -> bytes:
    """The one byte form of a JSON value, UTF-8; `is_checked` where all in it is known to be plain.

    An integer outside ±(2^53-1) becomes the string U+0000 `int:<digits>`, and a string that starts with
    U+0000 gains one more, so that nothing collides. Raises InvalidJson for NaN, infinities, lone
    surrogates, keys that are not strings, foreign types and nesting over DEEPEST_NESTING.
    """
    text = _canonical_by_json(value, is_checked)
    if text is not None:
        try:
            return text.encode()
        except UnicodeEncodeError:
            _plain(value, 0, "$")  # says where the lone surrogate stands
            raise
    import rfc8785  # most values never need it, and it costs start-up time

    try:
        return rfc8785.dumps(_prepared(value, 0, "$"))
    except rfc8785.CanonicalizationError as error:
        raise InvalidJson(f"The value has no canonical JSON form: {error}.") from None


def canonical_value(text: str) -> Any:
    """The value of a text that `canonical_json` made; raises InvalidJson for one that it cannot have made."""
    return _with_big_integers(parse_json(text))


def tagged_hash(data: bytes) -> str:
    """SHA-256 as `v1:sha256:<hex>`."""
    digest: str = _sha256()(data).hexdigest()
    return HASH_TAG + digest


@cache
def _sha256() -> Callable[[bytes], Any]:
    """The hash function; whoever only lists requests hashes nothing, and loading it costs start-up time."""
    from hashlib import sha256

    return sha256


def canonical_hash(value: Any, *, is_checked: bool = False) -> str:
    """The tagged hash of the canonical form."""
    return tagged_hash(canonical_json(value, is_checked=is_checked))


def exact_json(value: Any) -> str:
    """Compact JSON that reads back as the very same values, in the same order."""
    return _encode_in_order(value)


def record_json(value: Any) -> str:
    """Compact JSON with sorted keys, for records of our own: checked strings, times and nulls under ASCII keys.

    There it is RFC 8785's form, without a look at every value.
    """
    return _encode(value)


def stored_json(text: str) -> Any:
    """The value of a text that `exact_json` or `record_json` made; raises ValueError or RecursionError."""
    value, end = _decode(text)
    if end != len(text):
        raise ValueError(f"more text after character {end}")
    return value


def parse_json(text: str | bytes, *, exact_numbers: bool = False) -> Any:
    """The value of a JSON text.

    Raises InvalidJson for NaN and infinities, duplicate keys, lone surrogates and deep nesting, which
    two readers could take for two different things; with `exact_numbers` also for a number of more digits than are
    kept, where another program runs the very text.
    """
    try:
        value = json.loads(
            text,
            parse_float=_exact_float if exact_numbers else None,
            parse_constant=_refuse_constant,
            object_pairs_hook=_object_without_duplicates,
        )
    except RecursionError:
        raise InvalidJson(f"The JSON is nested deeper than {DEEPEST_NESTING} levels.") from None
    except UnicodeDecodeError as error:
        raise InvalidJson(f"The text is not UTF-8: {error.reason} at byte {error.start}.") from None
    except json.JSONDecodeError as error:
        raise InvalidJson(f"The text is not JSON: {error}.") from None
    except ValueError:  # Python converts no integer of so many digits
        raise InvalidJson(f"The text is not JSON for us: an integer has over {LONGEST_INTEGER_BITS} bits.") from None
    return _checked(value, "$")[0]


def _exact_float(text: str) -> float:
    from decimal import Decimal, InvalidOperation  # few readers are so strict

    number = float(text)
    try:
        is_exact = Decimal(text) == Decimal(repr(number))
    except InvalidOperation:  # an exponent that Decimal cannot hold either
        is_exact = False
    if not is_exact:
        raise InvalidJson(f"{text[:60]} is a number of more digits than can be kept.")
    return number


def json_object(value: object, name: str) -> JsonObject:
    """The value as a JSON object with plain types, checked; raises InvalidJson and names where."""
    return json_object_and_text(value, name)[0]


def json_object_and_text(value: object, name: str) -> tuple[JsonObject, str]:
    """The same with its exact JSON, which the check makes anyway; plain JSON is given back itself."""
    if type(value) is not dict and not isinstance(value, Mapping):
        raise InvalidJson(f"{name} must be a JSON object, not {type(value).__name__}.")
    checked: tuple[JsonObject, str] = _checked(value, name)
    return checked


def _checked(value: Any, path: str) -> tuple[Any, str]:
    """The value itself where it is plain JSON, else its plain form, and its text; raises InvalidJson."""
    if _is_plain(value, 1):  # as it stands inside a fingerprint, one level down
        text = _encode_in_order(value)
        if text.isascii() or _has_no_surrogate(text):
            return value, text
    plain = _plain(value, 0, path)
    return plain, _encode_in_order(plain)


def _has_no_surrogate(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _canonical_by_json(value: Any, is_checked: bool = False) -> str | None:
    """The text of `json.dumps` with sorted keys where it is RFC 8785's, or None where it might not be."""
    if not is_checked and not _is_plain(value, 0):
        return None
    text = _encode(value)
    if '"\\u0000' in text or not (text.isascii() or _has_ascii_keys(value)):
        return None
    return text


def _is_plain(value: Any, depth: int) -> bool:
    """Whether the value is made of JSON's own types, without floats, big integers and deep nesting."""
    kind = type(value)
    if kind is dict:
        for key in value:
            if type(key) is not str:
                return False
        items = value.values()
    elif kind is list:
        items = value
    elif kind is int:
        return bool(-LARGEST_INTEGER <= value <= LARGEST_INTEGER)
    else:
        return kind is str or kind is bool or value is None
    if depth >= DEEPEST_NESTING:
        return False
    for item in items:
        kind = type(item)
        if kind is str or kind is bool or item is None:
            continue
        if not _is_plain(item, depth + 1):
            return False
    return True


def _has_ascii_keys(value: Any) -> bool:
    """Whether all keys of a plain value are ASCII: others may sort in another order as UTF-16 (RFC 8785, 3.2.3)."""
    if type(value) is dict:
        return all(key.isascii() and _has_ascii_keys(item) for key, item in value.items())
    return type(value) is not list or all(map(_has_ascii_keys, value))


def _prepared(value: Any, depth: int, path: str) -> Any:
    """The value with big integers and U+0000 strings written so that RFC 8785 can take them."""
    plain = _plain(value, depth, path)
    return _without_big_integers(plain)


def _without_big_integers(value: Any) -> Any:
    if isinstance(value, str):
        return "\0" + value if value.startswith("\0") else value
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > LARGEST_INTEGER:
        return f"{_BIG}{value}"
    if isinstance(value, dict):
        return {key: _without_big_integers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_big_integers(item) for item in value]
    return value


def _with_big_integers(value: Any) -> Any:
    if isinstance(value, str):
        return _big_integer(value[len(_BIG) :]) if value.startswith(_BIG) else value.removeprefix("\0")
    if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        return float(value)  # an integer would be marked
    if isinstance(value, dict):
        return {key: _with_big_integers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_big_integers(item) for item in value]
    return value


def _big_integer(digits: str) -> int:
    try:
        number = int(digits)
    except ValueError:  # no digits, or more than Python converts
        number = 0
    if str(number) != digits or abs(number) <= LARGEST_INTEGER:
        raise InvalidJson("A big integer is not written as one.")
    return number


def _plain(value: Any, depth: int, path: str) -> Any:
    """The value in JSON's own types; raises InvalidJson with the path of what is none."""
    if depth > DEEPEST_NESTING:
        raise InvalidJson(f"The JSON is nested deeper than {DEEPEST_NESTING} levels.")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _checked_text(str.__str__(value), path)  # an enum's own str() would give its name
    if isinstance(value, int):
        if value.bit_length() > LONGEST_INTEGER_BITS:
            raise InvalidJson(f"{path} is an integer of more than {LONGEST_INTEGER_BITS} bits.")
        return int(value)
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            raise InvalidJson(f"{path} is {value}, which JSON cannot express.")
        return float(value)
    if isinstance(value, Mapping):
        plain = {}
        for key, item in value.items():
            if not isinstance(key, str):
                raise InvalidJson(f"{path} has a key that is not a string but {type(key).__name__}.")
            plain[_checked_text(str.__str__(key), path)] = _plain(item, depth + 1, f"{path}.{key}")
        return plain
    if isinstance(value, list | tuple):
        return [_plain(item, depth + 1, f"{path}[{index}]") for index, item in enumerate(value)]
    raise InvalidJson(f"{path} is of type {type(value).__name__}, which JSON cannot express.")


def _checked_text(text: str, path: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidJson(f"{path!a} holds a lone surrogate, which is no character.") from None
    return text


def _object_without_duplicates(pairs: list[tuple[str, Any]]) -> JsonObject:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise InvalidJson(f"The key {key!a} stands twice in one object.")
            seen.add(key)
    return result


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidJson(f"{name} is not JSON.")
