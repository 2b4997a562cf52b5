"""Ids: version 7 UUIDs (RFC 9562) that sort by time, and the prefixes that people type."""

from __future__ import annotations

import time
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approval_tui.domain.ids import ID_LENGTH, id_prefix, is_request_id, new_request_id, new_secret

AN_ID = "apr_0199aabbccdd7eee8fff000011112222"


def uuid_of(request_id: str) -> uuid.UUID:
    return uuid.UUID(hex=request_id.removeprefix("apr_"))


def test_an_id_is_apr_and_the_hex_of_a_uuid_of_version_7() -> None:
    request_id = new_request_id()
    assert len(request_id) == ID_LENGTH == 36
    assert request_id.startswith("apr_")
    assert request_id == request_id.lower()
    value = uuid_of(request_id)
    assert value.version == 7
    assert value.variant == uuid.RFC_4122
    assert is_request_id(request_id)


def test_the_first_48_bits_are_the_milliseconds_and_the_next_12_their_fraction() -> None:
    before = time.time_ns()
    value = uuid_of(new_request_id()).int
    after = time.time_ns()
    milliseconds = value >> 80
    fraction = value >> 64 & 0xFFF
    assert before // 1_000_000 <= milliseconds <= after // 1_000_000
    # One step of the fraction is 1/4096 ms, so that the whole lies at most 245 ns before the moment.
    moment = milliseconds * 1_000_000 + fraction * 1_000_000 // 4096
    assert before - 246 <= moment <= after


def test_ids_sort_by_the_moment_they_were_made() -> None:
    ids = []
    last = time.time_ns()
    for _ in range(1000):
        while time.time_ns() - last < 1000:
            pass  # ids made within 245 ns may share their fraction of a millisecond
        ids.append(new_request_id())
        last = time.time_ns()
    assert ids == sorted(ids)


def test_ids_do_not_repeat() -> None:
    ids = [new_request_id() for _ in range(20_000)]
    assert len(set(ids)) == len(ids)
    # The random half differs from one id to the next, so that nobody can guess an id from another.
    assert len({request_id[-15:] for request_id in ids}) == len(ids)


def test_a_secret_has_128_random_bits() -> None:
    secrets = {new_secret("clm") for _ in range(1000)}
    assert len(secrets) == 1000
    assert all(secret.startswith("clm_") and len(bytes.fromhex(secret[4:])) == 16 for secret in secrets)


@pytest.mark.parametrize(
    "text",
    ["", "apr_", AN_ID[:-1], AN_ID + "0", AN_ID.upper(), AN_ID + "\n", " " + AN_ID, AN_ID[4:], "apr_" + "g" * 32],
)
def test_only_a_whole_id_is_an_id(text: str) -> None:
    assert not is_request_id(text)
    assert is_request_id(AN_ID)


@pytest.mark.parametrize(
    ("typed", "prefix"),
    [
        ("apr_0199", "apr_0199"),
        ("apr_0199aabb", "apr_0199aabb"),
        (AN_ID, AN_ID),
        ("0199aabb", "apr_0199aabb"),
        (AN_ID[4:], AN_ID),
        (" APR_0199AABB ", "apr_0199aabb"),
        ("0199AABB", "apr_0199aabb"),
    ],
)
def test_a_prefix_of_eight_characters_or_more_is_taken_with_or_without_apr(typed: str, prefix: str) -> None:
    assert id_prefix(typed) == prefix


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "apr_",
        "apr_019",
        "0199aab",
        "apr_%",
        "apr_0199_",
        "xyz_01234567",
        "../../etc/passwd",
        AN_ID + "0",
        "deadbeeg",
        "apr_0199'; DROP TABLE requests",
    ],
)
def test_what_can_be_no_prefix_is_refused(typed: str) -> None:
    assert id_prefix(typed) is None


@given(st.integers(8, 36))
def test_every_long_enough_beginning_of_an_id_is_a_prefix_of_it(length: int) -> None:
    prefix = id_prefix(AN_ID[:length])
    assert prefix is not None
    assert AN_ID.startswith(prefix)
