"""Nobody is fooled by what is said to be unusual: every row is visible, ours, and bounded, whatever a call holds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approval_tui.display.glyphs import ASCII, UNICODE, Glyphs
from approval_tui.display.reading_aids import MARK, NOTE, PLAIN
from approval_tui.display.redaction import Redactor
from approval_tui.display.unusual import MOST_DIFFERENCES, what_is_unusual
from approval_tui.display.unusual_rows import MOST_ROWS_OF_A_KIND
from approval_tui.display.visible import is_all_visible
from approval_tui.domain.calls import Call
from approval_tui.domain.models import Request
from approval_tui.domain.precedents import Precedents
from tests.display.hostile import LINEAR, growth, json_texts
from tests.display.pasts import a_past, rows_of, used
from tests.display.requests import a_request
from tests.hostile import HOSTILE_CALLS, HOSTILE_TEXTS, MEGABYTE, as_name, everywhere

OURS = (
    *("the first ", "no call ", "none of ", "no approved call ", "other than the last approved call of this tool"),
    *("word that mixes ", "word of ", "word with letters ", "host ", "path ", "its ", "tool whose name "),
    *("requester whose name ", "server whose name ", "argument ", "context "),
)
KINDS = 8
"""Kinds of marks of which each has so many rows at most: three names twice, words, punycode, hosts, paths."""


def request_of(call: Call, **fields: Any) -> Request:
    return a_request(
        tool=call.tool,
        server=call.server,
        requester=call.requester,
        session=call.session,
        context=dict(call.context),
        arguments=dict(call.arguments),
        reason=call.reason,
        **fields,
    )


def assert_nobody_is_fooled(request: Request, past: Precedents, glyphs: Glyphs) -> None:
    """Every row is visible, has a lead of ours and begins with words of ours; there are few of them."""
    for redactor in (Redactor(), Redactor().lifted()):
        rows = rows_of(request, past, redactor, glyphs)
        assert len(rows) <= KINDS * (MOST_ROWS_OF_A_KIND + 1) + MOST_DIFFERENCES + 8
        for row in rows:
            assert row.role in (MARK, NOTE, PLAIN)
            assert row.lead in (f"{glyphs.new} ", glyphs.bar)
            assert (row.lead == glyphs.bar) or row.role != PLAIN
            assert is_all_visible(row.text)
            assert "\n" not in row.text
            assert row.text == row.text.rstrip(" ")
            assert row.text.isascii() or not glyphs.is_ascii
            assert len(row.text) < 5_000
            first, _, rest = row.text.partition(" ")
            is_count = first.replace(",", "").isdigit() and rest.startswith("more ")
            assert row.text.startswith(OURS) or is_count, row.text


def pasts_of(text: str) -> list[Precedents]:
    """Pasts in which the text stands wherever there is room for one."""
    name = as_name(text)
    plain = used(arguments={"command": "make deploy"}, requester=name, server=name)
    same = request_of(everywhere(text), status="consumed")
    names = {
        "tools": (f"{name}_", name.upper(), "shell"),
        "requesters": (name,),
        "servers": (name, f"{name}."),
    }
    return [
        a_past(is_first=True),
        a_past(**names, is_first_of_tool=True, are_all_names=False),
        a_past(plain, **names, calls_looked_at=1000),
        a_past(same, plain, **names),
    ]


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
@pytest.mark.parametrize("text", HOSTILE_TEXTS.values(), ids=HOSTILE_TEXTS.keys())
def test_a_hostile_text_is_visible_and_behind_words_of_ours_wherever_it_stands(text: str, glyphs: Glyphs) -> None:
    for past in pasts_of(text):
        assert_nobody_is_fooled(request_of(everywhere(text)), past, glyphs)
        assert_nobody_is_fooled(request_of(everywhere(f"https://{text}.example/{text} /etc/{text}")), past, glyphs)
        assert_nobody_is_fooled(a_request(arguments={"command": text, "new": text}), past, glyphs)


@pytest.mark.parametrize("call", HOSTILE_CALLS.values(), ids=HOSTILE_CALLS.keys())
def test_a_hostile_call_has_few_rows_that_can_be_drawn(call: Call) -> None:
    request = request_of(call)
    before = used(tool=call.tool, requester=call.requester, server=call.server, arguments={"command": "make deploy"})
    assert_nobody_is_fooled(request, a_past(before), UNICODE)
    assert_nobody_is_fooled(request, a_past(is_first=True), UNICODE)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | json_texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(json_texts, inner, max_size=4),
    max_leaves=12,
)
json_objects = st.dictionaries(json_texts, json_values, max_size=4)


@given(json_objects, json_objects, json_texts, st.sampled_from([UNICODE, ASCII]))
def test_any_call_has_few_rows_that_can_be_drawn(
    arguments: dict[str, Any], before: dict[str, Any], name: str, glyphs: Glyphs
) -> None:
    request = a_request(arguments=arguments, context=before, tool=as_name(name), requester=as_name(name))
    past = a_past(used(arguments=before, context=arguments), tools=(name, "shell"), requesters=(name[:-1],))
    assert_nobody_is_fooled(request, past, glyphs)


IMITATIONS = ("the first request in this store", "• the first request in this store", "argument a: was 1", '": was "x')


@pytest.mark.parametrize("text", IMITATIONS)
def test_no_text_of_an_agent_can_pass_for_a_mark(text: str) -> None:
    request = a_request(arguments={text: text, "a": f"pаypаl {text}"}, requester=text, server=text)
    rows = rows_of(request, a_past(used(arguments={}, server=text, requester="x")))
    assert rows
    for row in rows:
        assert not row.text.startswith(("the first", "•", "argument a: was"))


GROWING = {
    "a long text": lambda size: a_request(arguments={"command": "make https://a.b/c /x/y pаy " * size}),
    "many keys": lambda size: a_request(arguments={f"k{number}": number for number in range(size)}),
    "many items": lambda size: a_request(arguments={"items": list(range(size))}),
    "many lists": lambda size: a_request(arguments={"items": [[number] for number in range(size)]}),
}


@pytest.mark.parametrize("make", GROWING.values(), ids=GROWING.keys())
def test_the_work_is_bounded_or_in_proportion(make: Any) -> None:
    past = a_past(used(arguments={"command": "make", "items": [1]}))
    assert growth(lambda request: what_is_unusual(request, past, Redactor()), make, size=10_000) < LINEAR


def test_two_megabytes_that_were_asked_before_are_compared_in_proportion() -> None:
    def work(size: int) -> None:
        text = "make deploy " * size
        request = a_request(arguments={"command": text, "other": ["a"] * size})
        what_is_unusual(request, a_past(used(arguments={"command": f"{text}x", "other": ["b"] * size})), Redactor())

    assert growth(work, lambda size: size, size=MEGABYTE // 48) < LINEAR
