"""What a grant covers is shown as the call is: no value passes for another, and names tell which texts are secrets."""

from __future__ import annotations

from typing import Any

import pytest

from approval_tui.display.grant_view import part_text, readable_matcher
from approval_tui.display.payload import payload_rows
from approval_tui.display.redaction import Redactor, mask
from approval_tui.domain.canonical import exact_json
from approval_tui.domain.matchers import EXACTLY, FITTING, MOST_PARTS, Part, exact_matcher, exact_part
from approval_tui.domain.models import Request
from tests.display.requests import a_request

SECRET = "correct-horse"
MASKED = mask(SECRET)
BIG = 2**60


def asked(arguments: dict[str, Any]) -> Request:
    """A request with these arguments."""
    return a_request(arguments_text=exact_json(arguments))


def shown(name: str, value: Any) -> str:
    """What is said of an argument that must be this value."""
    return part_text(exact_part(("arguments", name), value), Redactor())


def test_a_big_integer_is_shown_as_its_digits_and_not_as_the_text_that_its_canonical_json_is() -> None:
    assert shown("amount", BIG) == f"is exactly {BIG}"
    assert shown("amount", f"int:{BIG}") == f'is exactly "int:{BIG}"'
    assert shown("amount", [BIG, {"of": -BIG}]) == f'is exactly [{BIG},{{"of":-{BIG}}}]'


def test_a_text_that_begins_with_nul_is_shown_with_one() -> None:
    assert shown("text", "\0int:5") == 'is exactly "\\u{0}int:5"'


@pytest.mark.parametrize(
    "value", [SECRET, [SECRET], [[SECRET]], {"password": SECRET}], ids=["text", "list", "lists", "object"]
)
def test_a_secret_is_masked_by_its_name_wherever_it_stands_in_a_part(value: Any) -> None:
    said = shown("password", value)
    assert SECRET not in said
    assert "characters redacted" in said


def test_a_secret_among_more_parts_than_are_told_apart_is_masked() -> None:
    many = {f"k{number}": number for number in range(MOST_PARTS + 1)}
    (part, _) = exact_matcher(asked({**many, "password": SECRET})).parts
    said = part_text(part, Redactor())
    assert SECRET not in said
    assert "characters redacted" in said
    assert SECRET in part_text(part, Redactor().lifted())


def test_a_pattern_for_a_secret_is_masked_by_its_name() -> None:
    assert part_text(Part(("arguments", "password"), FITTING, "horse *"), Redactor()) == f"fits {mask('horse *')}"
    assert part_text(Part(("arguments", "path"), FITTING, "/srv/*"), Redactor()) == 'fits "/srv/*"'


@pytest.mark.parametrize("text", ['"\0', "{", '"\\u0000int:x"', '"\\u0000int:5"', f'"\\u0000int:{"9" * 5000}"'])
def test_a_stored_value_that_is_none_is_shown_as_it_was_stored(text: str) -> None:
    said = part_text(Part(("arguments", "path"), EXACTLY, text), Redactor())
    assert said.startswith("is exactly ")
    assert "\0" not in said


def test_a_stored_matcher_is_read_with_its_secrets_under_their_names() -> None:
    matcher = exact_matcher(asked({"password": SECRET, "path": "/srv"}))
    rows = payload_rows(readable_matcher(matcher.to_json()), Redactor())
    said = "\n".join(row.label + row.text for row in rows)
    assert SECRET not in said
    assert MASKED in said
    assert '"/srv"' in said


@pytest.mark.parametrize("parts", [None, [None], [{}], [{"path": [], "text": "x"}], [{"path": [1], "text": "x"}]])
def test_a_stored_matcher_that_is_none_is_left_as_it_is(parts: object) -> None:
    assert readable_matcher({"parts": parts}) == {"parts": parts}
