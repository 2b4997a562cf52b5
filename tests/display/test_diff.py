"""What an edit changed: every row of both payloads, each marked, and a changed secret is a change (rules R9, R10)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approval_tui.display.diff import ADDED, KEPT, REMOVED, diff_rows
from approval_tui.display.glyphs import ASCII, UNICODE, Glyphs
from approval_tui.display.payload import payload_rows
from approval_tui.display.redaction import Redactor, mask
from tests.display.hostile import json_texts

MOST_COMPARED = 600
"""Rows of both payloads together up to which they are compared."""


def marked(before: dict[str, Any], after: dict[str, Any], redactor: Redactor | None = None) -> list[str]:
    """The rows of the diff as plain text."""
    return [
        f"{each.mark}{each.row.label}{each.row.text}" for each in diff_rows(before, after, redactor or Redactor()).rows
    ]


def numbered(count: int, **more: Any) -> dict[str, Any]:
    """Arguments of so many rows, and these."""
    return {f"key_{number}": number for number in range(count)} | more


def test_rows_that_stayed_stand_once_and_those_that_changed_stand_twice() -> None:
    before = {"to": ["all@example.org"], "subject": "Tonight", "body": "one\ntwo"}
    after = {"to": ["ops@example.org"], "subject": "Tonight", "body": "one\nthree"}
    assert marked(before, after) == [
        "  to:",
        '- [0]: "all@example.org"',
        '+ [0]: "ops@example.org"',
        '  subject: "Tonight"',
        "- body: (2 lines, 7 characters)",
        "+ body: (2 lines, 9 characters)",
        "  │ one",
        "- │ two",
        "+ │ three",
    ]


def test_a_changed_secret_is_masked_and_still_a_change() -> None:
    before, after = {"token": "aaaaaaaa", "host": "web"}, {"token": "bbbbbbbb", "host": "web"}
    assert marked(before, after) == [
        f"- token: {mask('aaaaaaaa')}",
        f"+ token: {mask('bbbbbbbb')}",
        '  host: "web"',
    ]
    assert marked(before, before) == [f"  token: {mask('aaaaaaaa')}", '  host: "web"']


def test_a_text_with_line_breaks_that_is_masked_as_a_whole_is_still_a_change() -> None:
    before, after = {"token": "a\nb\nc"}, {"token": "a\nb\nd"}
    assert marked(before, after) == [f"- token: {mask('a_b_c')}", f"+ token: {mask('a_b_d')}"]


nested = st.recursive(
    json_texts | st.integers(-9, 9) | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(json_texts, inner, max_size=3),
    max_leaves=6,
)
payloads = st.dictionaries(json_texts | st.sampled_from(["a", "token"]), nested, max_size=4)


@given(payloads, payloads, st.sampled_from([UNICODE, ASCII]))
def test_no_row_of_either_payload_is_left_out(before: dict[str, Any], after: dict[str, Any], glyphs: Glyphs) -> None:
    changes = diff_rows(before, after, Redactor(), glyphs).rows
    old, new = (payload_rows(each, Redactor(), glyphs) for each in (before, after))
    assert [each.row for each in changes if each.mark in (REMOVED, KEPT)] == old
    assert len([each for each in changes if each.mark in (ADDED, KEPT)]) == len(new)
    assert {each.mark for each in changes} <= {REMOVED, ADDED, KEPT}


@pytest.mark.parametrize("rows", [MOST_COMPARED // 2, MOST_COMPARED // 2 + 1])
def test_payloads_of_more_rows_than_are_compared_stand_one_after_the_other_and_whole(rows: int) -> None:
    before, after = numbered(rows - 1, last="was"), numbered(rows - 1, last="is")
    same = [f"key_{number}: {number}" for number in range(rows - 1)]
    assert diff_rows(before, after, Redactor()).is_compared == (2 * rows <= MOST_COMPARED)
    if 2 * rows <= MOST_COMPARED:
        assert marked(before, after) == [*(f"  {row}" for row in same), '- last: "was"', '+ last: "is"']
    else:
        was, now = ([f"{mark}{row}" for row in same] for mark in (REMOVED, ADDED))
        assert marked(before, after) == [*was, '- last: "was"', *now, '+ last: "is"']
