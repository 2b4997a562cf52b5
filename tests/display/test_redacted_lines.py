"""Lines with their secrets masked: a secret over many lines is masked on each, and no line is lost (rule R10)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approval_tui.display.glyphs import ASCII, UNICODE, Glyphs
from approval_tui.display.redaction import Redactor, mask
from tests.display.hostile import any_texts

BODY = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"
HEAD, FOOT = "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----"
KEY = f"{HEAD}\n{BODY}\n\n{BODY}\n{FOOT}"


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_a_secret_over_several_lines_is_masked_on_each_of_them(glyphs: Glyphs) -> None:
    assert Redactor().redact_lines(f"before {KEY} after\nlast", glyphs) == [
        f"before {mask(HEAD, glyphs)}",
        mask(BODY, glyphs),
        "",
        mask(BODY, glyphs),
        f"{mask(FOOT, glyphs)} after",
        "last",
    ]


def test_a_secret_on_one_line_is_masked_as_in_the_whole_text() -> None:
    text = "a\nexport API_KEY=Zx8Kq2Lm5Np7Rt3V; make\nb\n"
    assert "\n".join(Redactor().redact_lines(text)) == Redactor().redact(text)


def test_only_a_line_feed_ends_a_line() -> None:
    assert Redactor().redact_lines("a\rb\u2028c\x0bd\n") == ["a\rb\u2028c\x0bd", ""]


def test_a_reviewer_who_lifted_the_masks_sees_every_line() -> None:
    assert Redactor().lifted().redact_lines(KEY) == KEY.split("\n")


def test_a_secret_that_is_known_is_masked_wherever_it_stands() -> None:
    knowing = Redactor().knowing(["token=Zx8Kq2Lm5Np7"])
    (secret,) = knowing.known
    assert knowing.redact(f"{secret} {secret}x{secret}") == f"{mask(secret)} {mask(secret)}x{mask(secret)}"
    assert knowing.redact_lines(f"{secret}\n{secret}") == [mask(secret), mask(secret)]
    assert Redactor().lifted().knowing(["token=Zx8Kq2Lm5Np7"]).redact(secret) == secret


@given(st.lists(st.one_of(any_texts, st.sampled_from([KEY, HEAD, FOOT, "token=Zx8Kq2Lm5Np7"])), max_size=6))
def test_there_are_as_many_lines_as_the_text_has_and_lines_without_a_secret_stay(pieces: list[str]) -> None:
    text = "\n".join(pieces)
    lines = Redactor().redact_lines(text)
    assert len(lines) == text.count("\n") + 1
    assert all(shown == line or "redacted" in shown for shown, line in zip(lines, text.split("\n"), strict=True))
    assert KEY not in text or BODY not in "".join(lines)
