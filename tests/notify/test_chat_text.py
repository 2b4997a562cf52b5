"""What a chat says of a request, and that no name in it can act."""

from __future__ import annotations

import re

import pytest

from approval_tui.domain.ids import id_prefix
from approval_tui.notify.chat_text import chat_text, inert_name
from tests.display.hostile import INVISIBLE_SAMPLES
from tests.notify.notices import NOTICE, a_notice


def test_a_chat_is_told_of_the_tool_the_requester_the_risk_the_expiry_and_how_to_look() -> None:
    title, body = chat_text(NOTICE)
    assert title == "approval-tui: a request waits for a decision"
    assert body.splitlines() == [
        '"write\\u{5F}file" of "files" for "release-bot"',
        "Risk: high. Expires at 2027-01-15 08:10:00 UTC.",
        f"To look at it: approval-tui show {'0123456789abcdef' * 2}",
    ]
    assert id_prefix(body.split()[-1]) == NOTICE.request_id


def test_what_no_longer_waits_is_not_said_to_wait() -> None:
    assert chat_text(a_notice(status="denied")).title == "approval-tui: a request that waited is denied"
    assert chat_text(a_notice(kind="reminder")).title == "approval-tui: a request still waits for a decision"


@pytest.mark.parametrize(
    "name",
    [
        "@everyone", "<!channel>", "<@U123>", "*bold*", "_it_", "~~gone~~", "`code`", "a|b", "[text](http://evil.example)",
        "# heading", "&lt;b&gt;", "evil.example", "www.evil.example/x", "http://evil.example", "mailto:a@b.example",
        ":bomb:", "$math$", "!exclaim", "\\*", "line\nbreak", "tab\there", "+31 6", "=cmd()", "{{template}}", "%0a",
    ],
)  # fmt: skip
def test_nothing_in_a_name_works_as_markup_mention_or_link(name: str) -> None:
    shown = inert_name(name)
    assert re.fullmatch(r'"(?:[A-Za-z0-9 -]|\\u\{[0-9A-F]+\})*"', shown)


@pytest.mark.parametrize("text", INVISIBLE_SAMPLES)
def test_nothing_in_a_name_is_unseen(text: str) -> None:
    assert inert_name(f"a{text}b") == f'"a\\u{{{ord(text):X}}}b"'


def test_two_names_that_differ_do_not_look_alike() -> None:
    names = ["a_b", "a\\u{5F}b", "a  b", "a \\u{20}b", "ab", "a\u3164b"]
    assert len(set(map(inert_name, names))) == len(names)


def test_a_long_name_says_that_it_goes_on() -> None:
    assert inert_name("x" * 61) == f'"{"x" * 60}..."'
    assert inert_name("x" * 60) == f'"{"x" * 60}"'
