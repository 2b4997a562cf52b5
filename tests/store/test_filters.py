"""Filters and words: what is found, whatever it is written with, and what cannot be asked for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from approval_tui.domain.calls import Call
from approval_tui.domain.canonical import exact_json
from approval_tui.domain.errors import InvalidInput
from approval_tui.domain.models import Request
from approval_tui.store.asynchronous import AsyncStore
from approval_tui.store.blocking import BlockingStore
from approval_tui.store.transactions.queries import Filter, Word
from tests.support import ANN, ManualClock, approve, consume, deny, submit


def waiting(store: BlockingStore, chosen: Filter) -> list[str]:
    """The tools of what waits and matches; a page and the list must agree."""
    page = store.reader.pending_page(chosen)
    assert page.requests == store.reader.list(chosen)
    assert (page.before, page.total) == (0, len(page.requests))
    return [request.tool for request in page.requests]


def past(store: BlockingStore, chosen: Filter) -> list[str]:
    """The same of the history, oldest first; all that read it must agree."""
    found = store.reader.history(chosen)
    assert store.reader.search_history(chosen).requests == found
    assert store.reader.history(chosen, oldest=True) == found
    assert store.reader.history_count(chosen) == len(found)
    return [request.tool for request in reversed(found)]


def words(*texts: str, field: str | None = None) -> Filter:
    return Filter(words=tuple(Word(text, field) for text in texts))


@pytest.fixture
def three(store: BlockingStore) -> list[Request]:
    """Three calls that share some of what they hold."""
    return [
        submit(store, Call("shell", {"command": "make Deploy"}, "bot-a", session="s1", risk="low")),
        submit(store, Call("mail", {"to": "ann", "cc": "deploy"}, "bot-a", session="s2", risk="high", server="post")),
        submit(store, Call("pay", {"amount": 12.5}, "bot-b", session="s2", risk="high", reason="Rent for May")),
    ]


def test_each_exact_part_narrows_and_all_of_them_hold(store: BlockingStore, three: list[Request]) -> None:
    assert waiting(store, Filter()) == ["shell", "mail", "pay"]
    assert waiting(store, Filter(requester="bot-a")) == ["shell", "mail"]
    assert waiting(store, Filter(tool="pay")) == ["pay"]
    assert waiting(store, Filter(session="s2")) == ["mail", "pay"]
    assert waiting(store, Filter(risk="high")) == ["mail", "pay"]
    assert waiting(store, Filter(risk="high", requester="bot-a")) == ["mail"]
    assert waiting(store, Filter(requester="bot")) == []
    for request in three:
        deny(store, request)
    assert past(store, Filter(risk="high")) == ["mail", "pay"]
    assert past(store, Filter(status="denied", session="s2", requester="bot-b")) == ["pay"]
    assert past(store, Filter(status="approved", risk="high")) == []


def test_every_word_must_occur_somewhere_whatever_the_case_of_its_letters(
    store: BlockingStore, three: list[Request]
) -> None:
    assert waiting(store, words("deploy")) == waiting(store, words("DEPLOY")) == ["shell", "mail"]
    assert waiting(store, words("deploy", "MAKE")) == ["shell"]
    assert waiting(store, words("deploy", "rent")) == []
    assert waiting(store, words("")) == ["shell", "mail", "pay"]
    assert waiting(store, Filter(requester="bot-a", words=(Word("ann"),))) == ["mail"]


def test_a_word_is_looked_for_in_everything_that_a_request_holds(store: BlockingStore, clock: ManualClock) -> None:
    call = Call(
        "the-tool", {"key": "value"}, "the-requester", server="the-server", session="the-session",
        context={"directory": "/the/place"}, reason="the reason", risk="low",
    )  # fmt: skip
    first = submit(store, call)
    edited = store.reviewer.decide(
        first.id, "approve", reviewer=ANN, digest=first.digest, reason="a remark", edited_arguments={"key": "other"}
    )
    claim = consume(store, edited)
    store.requester.report_outcome(first.id, claim.id, "failed", detail="exit 7")
    texts = (
        *(first.id, first.id[9:20], "the-tool", "the-server", "the-requester", "the-session", "the reason"),
        *("exit 7", "directory", "/the/place", "key", "value", "other", "a remark", "ann"),
    )
    for text in texts:
        assert past(store, words(text)) == ["the-tool"], text
        assert past(store, words(text.upper())) == ["the-tool"], text
    assert past(store, words("low")) == []


def test_a_word_with_a_field_is_looked_for_there_alone(store: BlockingStore, three: list[Request]) -> None:
    assert waiting(store, words("BOT-", field="requester")) == ["shell", "mail", "pay"]
    assert waiting(store, words("A", field="tool")) == ["mail", "pay"]
    assert waiting(store, words("2", field="session")) == ["mail", "pay"]
    assert waiting(store, words("hig", field="risk")) == ["mail", "pay"]
    assert waiting(store, words("deploy", field="tool")) == []
    both = Filter(words=(Word("deploy"), Word("mail", "tool")))
    assert waiting(store, both) == ["mail"]
    submit(store, Call("bare", {}, "bot-c"))
    assert waiting(store, words("", field="session")) == ["shell", "mail", "pay", "bare"]
    assert waiting(store, words("s", field="session")) == ["shell", "mail", "pay"]


TELLING = (
    'a "quoted" word', "back\\slash", "100%", "under_score", "excl!aim", "tab\there", "line\nbreak", "naïve Straße",
    "\u202egnp.exe", "\U0001f600 smile", "it's", "a*b?c[d]", "nul\0after", "\x1b[2K", "{brace}", ":word0",
)  # fmt: skip


@pytest.mark.parametrize("text", TELLING)
def test_a_word_is_found_whatever_characters_it_has(store: BlockingStore, text: str) -> None:
    plain = "".join(character if character.isascii() and character.isalnum() else "x" for character in text)
    submit(store, Call("arguments", {"key": f"before {text} after"}, "bot"))
    submit(store, Call("key", {f"before {text} after": 1}, "bot"))
    submit(store, Call("context", {}, "bot", context={"place": text}))
    submit(store, Call("reason", {}, "bot", reason=f"because {text}"))
    submit(store, Call("requester", {}, f"bot {text} bot"))
    submit(store, Call("other", {"key": plain if plain != text else "x"}, "b"))
    found = ["arguments", "key", "context", "reason", "requester"]
    assert waiting(store, words(text)) == found
    assert waiting(store, words(text[1:-1]))[:5] == found
    assert waiting(store, words(text, field="requester")) == ["requester"]


def test_only_ascii_letters_have_two_cases(store: BlockingStore) -> None:
    submit(store, Call("lower", {"a": "straße é k"}, "bot"))
    assert waiting(store, words("STRAßE é")) == ["lower"]
    assert waiting(store, words("É")) == []
    assert waiting(store, words("\u212a")) == []  # KELVIN SIGN, which lower() in Python makes a k


_TEXTS = st.text(st.sampled_from('aBc"\\%_!é\0\n u/'), min_size=1, max_size=6)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=st.sampled_from(("value", "key", "context", "reason")), text=_TEXTS, word=_TEXTS)
def test_a_word_is_found_exactly_where_it_occurs(store: BlockingStore, where: str, text: str, word: str) -> None:
    places_of_text: dict[str, dict[str, Any]] = {
        "value": {"arguments": {"1": text}},
        "key": {"arguments": {text: 1}},
        "context": {"arguments": {}, "context": {"1": text}},
        "reason": {"arguments": {}, "reason": text},
    }
    parts = places_of_text[where]
    request = store.requester.submit(Call(tool="7", requester="7", **parts)).request
    places = (request.reason or "", request.id, "7")
    json_places = (request.arguments_text, request.context_text)

    def lower(text: str) -> str:
        return text.encode().lower().decode()

    is_there = any(lower(word) in lower(place) for place in places)
    is_there |= any(lower(exact_json(word)[1:-1]) in lower(place) for place in json_places)
    assert (request.id in {each.id for each in store.reader.list(words(word), most=10_000)}) == is_there


def test_a_word_of_sql_is_a_word(store: BlockingStore, three: list[Request]) -> None:
    assert waiting(store, words("' OR 1=1 --")) == []
    assert waiting(store, Filter(requester="x' OR '1'='1")) == []
    assert waiting(store, words("'; DROP TABLE requests; --")) == []
    assert store.reader.overview().pending == 3


def test_six_words_are_the_most(store: BlockingStore, three: list[Request]) -> None:
    assert waiting(store, words("m", "a", "k", "e", "d", "p")) == ["shell"]
    assert waiting(store, words("m", "a", "k", "e", "d", "z")) == []
    too_many = words("a", "b", "c", "d", "e", "f", "g")
    reader = store.reader
    for attempt in (reader.list, reader.pending_page, reader.history, reader.history_count, reader.search_history):
        with pytest.raises(InvalidInput, match="7 words are looked for; 6 are the most"):
            attempt(too_many)
    with pytest.raises(InvalidInput, match="6 are the most"):
        reader.search_events(too_many)


@pytest.mark.parametrize(
    ("chosen", "what"),
    [
        (Filter(status="done"), "'done' is no status"),
        (words("a", field="reason"), "'reason' is no field"),
        (words("a\ud800"), "lone surrogate"),
        (Filter(tool="\udfff"), "lone surrogate"),
        (words("a" * 501), "501 characters is looked for; 500 are the most"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(store: BlockingStore, chosen: Filter, what: str) -> None:
    for attempt in (store.reader.pending_page, store.reader.history, store.reader.search_events):
        with pytest.raises(InvalidInput, match=what) as caught:
            attempt(chosen)
        assert caught.value.not_done == "Nothing was read."
        assert caught.value.to_do


def test_a_long_word_of_characters_with_a_meaning_is_found(store: BlockingStore) -> None:
    word = '"%_!\\' * 100
    submit(store, Call("long", {"a": word}, "bot"))
    assert waiting(store, words(word)) == ["long"]
    assert waiting(store, words("x" + word[1:])) == []


def test_the_list_narrows_before_it_ends(store: BlockingStore, clock: ManualClock) -> None:
    for number in range(5):
        submit(store, Call("many", {"n": number}, "bot"))
    last = submit(store, Call("one", {}, "bot"))
    assert store.reader.list(Filter(tool="one"), most=2) == (last,)
    for request in store.reader.list():
        approve(store, request)
    approved = Filter(status="approved", words=(Word("one", "tool"),))
    assert [request.tool for request in store.reader.list(approved, most=2)] == ["one"]


async def test_the_async_store_finds_the_same(store: BlockingStore, async_store: AsyncStore) -> None:
    for number, text in enumerate(TELLING):
        submit(store, Call(f"t{number}", {"key": text}, "bot"))
        deny(store, submit(store, Call(f"h{number}", {"key": text}, "bot")))
    for text in (*TELLING, "e"):
        chosen = words(text)
        theirs, mine = async_store.reviewer, store.reviewer
        assert await theirs.pending_page(chosen) == mine.pending_page(chosen)
        assert await theirs.history(chosen) == mine.history(chosen)
        assert await theirs.history_count(chosen) == mine.history_count(chosen)
        assert await theirs.search_history(chosen) == mine.search_history(chosen)
        assert await theirs.search_events(chosen) == mine.search_events(chosen)
