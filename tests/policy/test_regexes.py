"""Regular expressions: RE2's syntax and anchors, and time that no text of an agent can stretch."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from approval_tui.domain.errors import InvalidInput, PolicyError
from approval_tui.domain.lifecycle import ALLOW, DENY, REQUIRE_APPROVAL
from approval_tui.policy import regexes
from approval_tui.policy.regexes import LONGEST_PATTERN, MOST_WORK, compiled
from tests.policy.engines import ask, condition, engine_of_rules, evaluate, judged, policy_of

MEGABYTE = 2**20
CATASTROPHIC = ["(a+)+$", "(x+x+)+y", "(a|a)*b", "(a|aa)+$", r"^(\w+\s?)*$", "(.*a){20}b", "a?" * 30 + "a" * 30 + "b"]
"""Patterns over which a backtracking engine needs longer than the universe has lasted."""


@pytest.fixture
def nothing_kept() -> Iterator[None]:
    """No pattern is remembered from another test, and none of this one for the next."""
    compiled.cache_clear()
    yield
    compiled.cache_clear()


# --- syntax ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "found", "not_found"),
    [
        ("b", ["abc", "b"], ["", "B"]),
        ("^b", ["bc"], ["ab", "a\nb"]),
        ("(?m)^b", ["bc", "a\nb"], ["ab"]),
        ("a$", ["a", "ba"], ["ab", "a\n", "a\nb"]),
        (r"a\z", ["a", "ba"], ["a\n"]),
        (r"\Aa", ["ab"], ["ba", "b\na"]),
        ("a.b", ["axb", "a\u00e9b", "a\U0001f600b"], ["ab", "a\nb"]),
        ("(?s)a.b", ["a\nb"], ["ab"]),
        ("(?i)drop table", ["DROP TABLE users", "Drop Table"], ["drop  table"]),
        ("[[:alpha:]]+[[:digit:]]", ["abc1"], ["1", "\u00e91"]),
        (r"^\pL+$", ["Ann", "\u00e9t\u00e9", "\u6f22\u5b57"], ["a1", ""]),
        (r"\p{Greek}", ["\u03b1"], ["a"]),
        (r"^\d+$", ["42"], ["4x", "\u0664"]),
        (r"\bcat\b", ["a cat!"], ["cats"]),
        ("(?P<user>[^@]+)@", ["ann@example.com"], ["@"]),
        ("a{2,3}", ["aa", "baaa"], ["a"]),
        (r"\Q.*\E", ["x.*"], ["xy"]),
        (r"a\x00b", ["a\0b"], ["ab"]),
        ("\u00e9", ["caf\u00e9"], ["cafe"]),
        ("", ["", "a"], []),
    ],
)
def test_a_pattern_is_one_of_re2_and_is_searched_for_anywhere(
    pattern: str, found: list[str], not_found: list[str]
) -> None:
    search = compiled(pattern)
    assert [search(text) for text in found] == [True] * len(found)
    assert [search(text) for text in not_found] == [False] * len(not_found)


@pytest.mark.parametrize(
    "pattern", ["(", "[a-", "a**", "(?=a)", "(?<!a)b", r"(a)\1", r"a\Z", "a{1001}", "((a{100}){100}){100}"]
)
def test_what_re2_cannot_read_is_refused_and_nothing_is_written_about_it(
    pattern: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InvalidInput, match=r"^is no regular expression of RE2: ."):
        compiled(pattern)
    assert capfd.readouterr() == ("", "")


def test_a_pattern_that_is_too_long_is_refused() -> None:
    compiled("a" * LONGEST_PATTERN)
    with pytest.raises(InvalidInput, match="has 2,001 characters; 2,000 are the most"):
        compiled("a" * (LONGEST_PATTERN + 1))


def test_a_pattern_with_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(InvalidInput, match="holds a lone surrogate, which is no character"):
        compiled("a\ud800")


def test_a_bad_pattern_is_refused_at_its_place_in_the_document(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(PolicyError) as caught:
        policy_of("""
            tools:
              pay:
                rules:
                  - name: mail
                    conditions:
                      - {path: args.to, op: regex, value: "(?=a)"}
        """)
    place = "policy.yaml:8:47: tools.pay.rules[0].conditions[0].value"
    assert caught.value.problems == (f"{place}: is no regular expression of RE2: invalid perl operator: (?=",)
    assert capfd.readouterr() == ("", "")


# --- bounds ------------------------------------------------------------------------------------


@pytest.mark.parametrize("pattern", CATASTROPHIC)
@pytest.mark.parametrize("letter", ["a", "x"])
def test_a_pattern_that_ruins_other_engines_ends_on_a_megabyte(pattern: str, letter: str) -> None:
    text = letter * (MEGABYTE - 1) + "!"
    assert compiled(pattern)(text) in (False, None)
    assert compiled(pattern)(text) is compiled(pattern)(text)


def test_a_pattern_that_ruins_other_engines_still_finds_what_is_there() -> None:
    assert compiled("(x+x+)+y")("x" * MEGABYTE + "y") is True
    assert compiled("(a|a)*b")("a" * MEGABYTE + "b") is True
    assert compiled("(a+)+$")("!" + "a" * MEGABYTE) is True


def test_a_text_beyond_the_budget_of_its_pattern_cannot_be_evaluated() -> None:
    pattern = "[[:alpha:]]{500}!"
    search = compiled(pattern)
    size = regexes._load().compile(pattern).programsize
    longest = MOST_WORK // size
    assert search("a" * (longest - 1) + "!") is True
    assert search("a" * longest + "!") is None
    assert search("\u00e9" * (longest // 2 + 1)) is None  # bytes count, not characters


def test_a_text_beyond_the_budget_counts_as_matched_whichever_way_the_rule_asks() -> None:
    arguments = {"text": "a" * MEGABYTE}
    for op in ("regex", "not_regex"):
        too_much = condition("args.text", op, "[[:alpha:]]{500}!")
        assert judged(engine_of_rules(ask(too_much)), arguments) == REQUIRE_APPROVAL
        assert judged(engine_of_rules(evaluate(too_much)), arguments) == DENY


def test_a_lone_surrogate_is_no_text_and_raises_nothing() -> None:
    for text in ("\ud800", "a\udfff", "\udc80" * 1000):
        assert compiled("a")(text) is None
        for op in ("regex", "not_regex"):
            engine = engine_of_rules(ask(condition("args.text", op, "a")))
            assert judged(engine, {"text": text}) == REQUIRE_APPROVAL


def test_a_trailing_newline_smuggles_nothing_past_an_anchor() -> None:
    engine = engine_of_rules(evaluate(condition("args.branch", "regex", "^[a-z]+$")))
    assert judged(engine, {"branch": "main"}) == ALLOW
    assert judged(engine, {"branch": "main\n"}) == DENY
    assert judged(engine, {"branch": "main\nrm"}) == DENY


# --- without google-re2 ------------------------------------------------------------------------

TWO_PATTERNS = """
    tools:
      pay:
        rules:
          - name: mail
            conditions:
              - {path: args.amount, op: lte, value: 10}
              - {path: args.to, op: regex, value: "@example[.]com$"}
          - name: note
            action: require_approval
            conditions:
              - path: args.note
                op: not_regex
                value: "^[a-z ]*$"
"""


@pytest.mark.usefixtures("nothing_kept")
def test_without_google_re2_a_policy_is_refused_at_each_of_its_patterns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "re2", None)
    with pytest.raises(PolicyError) as caught:
        policy_of(TWO_PATTERNS)
    what = "needs the package google-re2, which is not installed here"
    assert caught.value.problems == (
        f"policy.yaml:9:47: tools.pay.rules[0].conditions[1].value: {what}",
        f"policy.yaml:15:20: tools.pay.rules[1].conditions[0].value: {what}",
    )


@pytest.mark.usefixtures("nothing_kept")
def test_a_policy_without_patterns_needs_no_google_re2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "re2", None)
    engine = engine_of_rules(evaluate(condition("args.amount", "lte", 10)))
    assert judged(engine, {"amount": 10}) == ALLOW


@pytest.mark.usefixtures("nothing_kept")
def test_a_pattern_that_could_not_be_read_once_is_read_when_google_re2_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "re2", None)
        with pytest.raises(InvalidInput, match="google-re2"):
            compiled("a")
    assert compiled("a")("cat") is True
