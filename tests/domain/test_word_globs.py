"""What a star stands for: one word, and nothing by which a call could become another kind of call."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from approval_tui.domain.word_globs import (
    LONGEST_FITTING,
    LONGEST_PATTERN,
    MOST_STARS,
    fits_words,
    proposed_pattern,
    why_unusable,
)

BLANK_LETTERS = ("\u3164", "\u115f", "\u1160", "\uffa0")

FITTING = [
    ("*", "main"),
    ("*", "v1.2.3"),
    ("*", "a_b-c+d:e@f,g"),
    ("*", ".env"),
    ("*", "_private"),
    ("*", "größe"),
    ("*", "файл"),
    ("*", "文件"),
    ("git push origin *", "git push origin main"),
    ("git push * main", "git push upstream main"),
    ("src/*", "src/a.py"),
    ("src/*.py", "src/a.b.py"),
    ("src/*", "src/-x"),
    ("src/**", "src/a/b/c.py"),
    ("**", "/etc/passwd"),
    ("src/**/*.py", "src/a/b/c.py"),
    ("rm -*", "rm -rf"),
    ("a.*", "a.b"),
    ("./*", "./x"),
    ("git add . *", "git add . x"),
    ("x*", "x-y"),
    ("[x]*", "[x]y"),
    ("a\\*", "a\\b"),
    ("a\n*", "a\nb"),
]

NOT_FITTING = [
    # it is one word, whole and not nothing
    ("*", ""),
    ("*", "a b"),
    ("*", "a/b"),
    ("src/*", "src/"),
    ("src/*", "src/a/b"),
    ("src/*", "src"),
    ("src/*", "xsrc/a"),
    ("*.py", "a.pyc"),
    ("git push origin *", "git push origin main --force"),
    ("git push origin *", "git push  origin main"),
    ("git push origin *", "Git push origin main"),
    ("**/x", "/"),
    # up, and the folder itself
    ("src/*", "src/.."),
    ("src/**", "src/../etc/passwd"),
    ("src/**", "src/a/.."),
    ("a.*", "a..b"),
    ("*.*", "..."),
    ("src/*", "src/."),
    ("src/**", "src/./."),
    ("rm -r *", "rm -r ."),
    ("git add . *", "git add . ."),
    ('ls "*"', 'ls "."'),
    (".* *", ".a ."),
    # options, and what is more than a name where a word begins
    ("*", "-rf"),
    ("rm *", "rm -rf"),
    ("rm * *", "rm a -rf"),
    ("rm\t*", "rm\t-rf"),
    ("rm\n*", "rm\n-rf"),
    ('rm "*"', 'rm "-rf"'),
    ("rm '*'", "rm '-rf'"),
    ("rm \\*", "rm \\-rf"),
    ("rm {*}", "rm {-rf}"),
    ("a;*", "a;-b"),
    ("git push origin *", "git push origin +main"),
    ("git push origin *", "git push origin :main"),
    ("curl -d *", "curl -d @secrets"),
    ("curl --data=*", "curl --data=@secrets"),
    ("rm *", "rm -"),
    # signs of a shell, of a URL, of a pattern
    *(("echo *", f"echo a{sign}b") for sign in "`$&|;<>(){}[]!?#~^=%\\\"'*\t\n\r\v\f\0\x1b\x7f"),
    *(("x/**", f"x/a{sign}b") for sign in ";$`|&\n %?#\\"),
    ("https://example.com/*", "https://example.com/%2e%2e"),
    ("https://example.com/*", "https://example.com/a?b"),
    ("https://example.com/*", "https://example.com/a#b"),
    ("C:\\*", "C:\\a\\b"),
    ("*", "a*"),
    # what looks like it
    ("git push origin *", "git push origin\u00a0main"),
    ("git push *", "gіt push main"),
    ("src/*", "src\u2215a"),
    ("src/*", "src\uff0fa"),
    ("a/*", "a/b\u2044c"),
    ("*", "\u2024\u2024"),
    ("*", "a\u202eb"),
    ("*", "a\u200bb"),
    ("*", "a\u00adb"),
    ("*", "e\u0301"),
    ("*", "½"),
    ("*", "①"),
    ("*", "⑴"),
    ("*", "\ufdfa"),
    ("*", "\uff4d\uff41\uff49\uff4e"),
    ("*", "\U000e0041"),
    *(("*", f"a{blank}b") for blank in BLANK_LETTERS),
    *(("*", blank) for blank in BLANK_LETTERS),
]


@pytest.mark.parametrize(("pattern", "text"), FITTING, ids=ascii)
def test_a_star_stands_for_one_word_or_for_parts_of_one_path(pattern: str, text: str) -> None:
    assert why_unusable(pattern) is None
    assert fits_words(pattern, text)


@pytest.mark.parametrize(("pattern", "text"), NOT_FITTING, ids=ascii)
def test_a_star_stands_for_nothing_that_its_author_did_not_mean(pattern: str, text: str) -> None:
    assert why_unusable(pattern) is None
    assert not fits_words(pattern, text)


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("", "a pattern is text"),
        (None, "a pattern is text"),
        (1, "a pattern is text"),
        (b"*", "a pattern is text"),
        (["*"], "a pattern is text"),
        ("src", "1 to 8 stars"),
        ("* " * 9, "1 to 8 stars"),
        ("** " * 9, "1 to 8 stars"),
        ("a***", "more than two stars"),
        ("****", "more than two stars"),
        ("../*", "would fit nothing"),
        ("*" + "a" * LONGEST_PATTERN, "at most 1000 characters"),
    ],
    ids=repr,
)
def test_what_is_no_pattern_is_told_in_words(pattern: object, why: str) -> None:
    told = why_unusable(pattern)
    assert told is not None
    assert why in told


def test_the_largest_patterns_are_patterns() -> None:
    assert why_unusable("* " * MOST_STARS) is None
    assert why_unusable("** " * MOST_STARS) is None
    assert why_unusable("*" + "a" * (LONGEST_PATTERN - 1)) is None


def test_a_text_that_is_very_long_fits_nothing() -> None:
    assert fits_words("*", "a" * LONGEST_FITTING)
    assert not fits_words("*", "a" * (LONGEST_FITTING + 1))


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("*" + "a" * 999, "a" * 4000),
        ("*a" * 8, "a" * 3999 + "!"),
        ("**a**a**a**a**a**a**a**a", "a/" * 1999 + "!!"),
        ("*-*-*-*-*-*-*-*", "-" * 4000),
        ("*.*.*.*.*.*.*.*!", "a." * 2000),
    ],
    ids=["a long tail", "ambiguous", "ambiguous paths", "signs", "dots"],
)
def test_no_text_takes_long_to_be_held_against_a_pattern(pattern: str, text: str) -> None:
    """A hundred of them; what tries one way after the other would not end at one."""
    began = time.process_time()
    for _ in range(100):
        fits_words(pattern, text)
    assert time.process_time() - began < 5


# --- what is proposed --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("git push origin main", "git push origin *"),
        ("src/app/main.py", "src/app/*"),
        ("cat /etc/hosts", "cat /etc/*"),
        ("https://example.com/a", "https://example.com/*"),
        ("main", "*"),
        ("/etc", "/*"),
        ("https://example.com", None),
        ("//host", None),
        ("", None),
        ("ls -la", None),
        ("rm -rf /", None),
        ("a/..", None),
        ("../a", None),
        ("a/.", None),
        ("echo $HOME", None),
        ("ls *", None),
        ("a b*c d", None),
        ("git push origin +main", None),
        ("x" * 2000, "*"),
        ("/" + "x" * LONGEST_FITTING, None),
        ("a/" * 600 + "b", None),
    ],
    ids=ascii,
)
def test_the_last_part_of_a_path_or_line_is_proposed_as_another_one(text: str, pattern: str | None) -> None:
    assert proposed_pattern(text) == pattern


TEXTS = st.one_of(
    st.text(max_size=40),
    st.text("ab.-/ :@+*_$\"'\n%\u1160é", max_size=12),
    st.lists(st.sampled_from(("git", "push", "main", "-f", "..", ".", "a/b", "$(x)", "+x")), max_size=5).map(" ".join),
)
WORD = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.+:@,-]*", re.ASCII)


@given(TEXTS)
@example("a\n/b")
def test_what_is_proposed_for_a_text_is_a_pattern_that_fits_it(text: str) -> None:
    pattern = proposed_pattern(text)
    if pattern is not None:
        assert why_unusable(pattern) is None
        assert fits_words(pattern, text)


@given(st.text("ab/ ", max_size=6), TEXTS)
@example("rm ", "-rf")
@example("", ".")
def test_whatever_fits_a_prefix_and_a_star_is_the_prefix_and_one_word(prefix: str, rest: str) -> None:
    text = prefix + rest
    if not fits_words(prefix + "*", text):
        return
    assert rest.strip() == rest != ""
    assert not set(rest) & set("/ \n\"'$*%\u1160")
    assert ".." not in text
    assert rest != "." or prefix.endswith(("a", "b"))
    if not prefix.endswith(("a", "b", "/")):
        assert not rest.startswith(("-", "+", ":", "@", ","))


@given(st.text("ab/ ", max_size=6), st.from_regex(WORD, fullmatch=True))
def test_a_prefix_and_any_plain_word_fit_the_prefix_and_a_star(prefix: str, word: str) -> None:
    text = prefix + word
    is_lone = word == "." and not prefix.endswith(("a", "b"))
    assert fits_words(prefix + "*", text) == (".." not in text and not is_lone)


TOKENS = st.lists(st.sampled_from(("*", "**", "a", "b", ".", "/", " ", "-", "é", "\n")), min_size=1, max_size=8)


@given(TOKENS, st.text("ab./ -é\n", max_size=10))
def test_a_pattern_fits_what_the_same_regular_expression_does(tokens: list[str], text: str) -> None:
    """The slow way, which tries one after the other, says the same."""
    pattern = "".join(tokens)
    if why_unusable(pattern) is not None:
        return
    word, begins = "[ab.é-]", "(?!-)"
    expression, before = "", ""
    for token in re.findall(r"\*\*|.", pattern, re.DOTALL):
        if token in ("*", "**"):
            is_beginning = before == "" or before not in "ab./-é"
            taken = "[ab.é/-]" if token == "**" else word
            expression += (begins if is_beginning else "") + taken + "+"
        else:
            expression += re.escape(token)
        before = token
    lone = re.compile(r"(?<![ab.é*-])\.(?![ab.é*-])")
    expected = (
        re.fullmatch(expression, text) is not None
        and ".." not in text
        and len(lone.findall(text)) <= len(lone.findall(pattern))
    )
    assert fits_words(pattern, text) == expected


@given(TOKENS, st.text("ab./ -é", max_size=10))
def test_a_deeper_star_fits_all_that_a_star_fits(tokens: list[str], text: str) -> None:
    pattern = "".join("*" if token == "**" else token for token in tokens)
    deeper = re.sub(r"\*", "**", pattern)
    if why_unusable(pattern) is None and why_unusable(deeper) is None and fits_words(pattern, text):
        assert fits_words(deeper, text)
