"""Letters that are not what they look like are found, and ordinary text of any language is left alone."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approval_tui.display import scripts
from approval_tui.display.scripts import (
    ALIKE,
    MIXED,
    STYLED,
    alphabets_written,
    looks_like,
    plain_form,
    skeleton,
    strange_words,
)
from tests.display.hostile import LINEAR, any_texts, growth

DECEIVING = {
    "Cyrillic in a Latin word": ("log in to pаypаl now", "pаypаl", MIXED, "paypal"),
    "a Latin letter in a Cyrillic word that looks Latin": ("раураl", "раураl", MIXED, "paypal"),
    "one Latin letter in a Russian word": ("привeт всем", "привeт", MIXED, None),
    "Greek in a Latin word": ("αpprονe", "αpprονe", MIXED, "approve"),
    "Armenian in a Latin word": ("gօօgle", "gօօgle", MIXED, "google"),
    "Cherokee in a Latin word": ("ᎪPPLE", "ᎪPPLE", MIXED, "APPLE"),
    "Greek in a Cyrillic word": ("слοво", "слοво", MIXED, None),
    "a Cyrillic word beside Latin ones": ("rm -rf /srv/сору", "сору", ALIKE, "copy"),
    "a Cyrillic host": ("https://аррӏе.com/", "аррӏе", ALIKE, "apple"),
    "a Greek word beside Latin ones": ("run ορτ now", None, None, None),  # τ is no t
    "a Greek word all of whose letters look Latin": ("see κορα now", "κορα", ALIKE, "kopa"),
    "a Cyrillic word alone": ("сору", "сору", ALIKE, "copy"),
    "capitals beside Latin words": ("SELECT ТОР", "ТОР", ALIKE, "TOP"),
    "a single Cyrillic letter beside Latin words": ("tar с x", "с", ALIKE, "c"),
    "full-width letters": ("ｓｈｅｌｌ", "ｓｈｅｌｌ", STYLED, "shell"),
    "mathematical letters": ("run 𝗌𝗁𝖾𝗅𝗅", "𝗌𝗁𝖾𝗅𝗅", STYLED, "shell"),
    "one mathematical letter in a word": ("she𝗅l", "she𝗅l", STYLED, "shell"),
    "a long s": ("ſhell", "ſhell", STYLED, "shell"),
    "the phonetic g": ("ɡit push", "ɡit", STYLED, "git"),
}


@pytest.mark.parametrize(("text", "word", "kind", "reads"), DECEIVING.values(), ids=DECEIVING.keys())
def test_a_word_whose_letters_deceive_is_found(
    text: str, word: str | None, kind: str | None, reads: str | None
) -> None:
    found = [(each.word, each.kind, each.reads) for each in strange_words(text)]
    assert found == ([] if word is None else [(word, kind, reads)])


ORDINARY = {
    "English": "The quick brown fox jumps over the lazy dog, naïve café, coöperate, 1º 2ª ﬁne",
    "German, Turkish, Vietnamese, Polish": "Straße groß ıssız İstanbul Tiếng Việt zażółć gęślą jaźń",
    "Russian": "Он сказал: сор из избы. Открой README.md и файл сор в /srv/app, 10кг, USB-кабель, iPhone'ом",
    "Russian words that look Latin, among others": "нос рот ухо сахар хор оса",
    "Russian capitals alone": "МОСКВА",
    "Russian single letters": "с утра и у реки о чём-то",
    "Ukrainian, Serbian, Kazakh": "Їжак і сірий кіт. Ово је реч. Қазақ тілі үшін",
    "Greek": "και το αρχείο ονομάζεται readme.txt",
    "Greek in formulas": "Δt = 5 μs, R = 3 kΩ, λx.x, α = 0.05, ρgh, ΔE, 2πr, σx, χ² test",
    "Armenian": "Բարեւ ձեզ, սա README ֆայլն է",
    "Georgian, Thai, Hindi": "გამარჯობა API สวัสดีAPI नमस्ते API",
    "Hebrew with Latin": "שלום בPython וגם API-ים",
    "Arabic with Latin": "مرحبا الAPI وPython",
    "Japanese": "Tシャツを買うAIを使うWi-Fiルーター、ＰＤＦを開く、Ｊａｖａ、ｶﾀｶﾅ",
    "Chinese": "用Python写的API，ＡＢＣ公司",
    "Korean": "JR역에서 API를 사용합니다 韓國",
    "mathematics": "let 𝑥 = 3 and ℝ, ℂ, ℓ = 2 ℏ",
    "phonetics": "/ɡəʊ/ [ˈʃɑːɹp]",
    "a sign of its own": "10 K, 5 Å, №5, ™, ℃, ½, Ⅳ",
    "digits that look alike": "0O 1lI l1 O0 S5",
    "nothing": "",
}


@pytest.mark.parametrize("text", ORDINARY.values(), ids=ORDINARY.keys())
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert strange_words(text) == []


def test_a_word_that_stands_alone_is_ordinary_where_its_alphabet_is_used_in_earnest() -> None:
    assert strange_words("сахар") != []
    assert strange_words("сахар", written=alphabets_written(["мука и соль"])) == []
    assert strange_words("сахар", written=alphabets_written(["sugar", "γεια σας", "хор"])) != []


def test_a_name_of_letters_that_look_latin_is_strange_whatever_is_written_elsewhere() -> None:
    for name in ("сору", "МОСКВА"):
        assert strange_words(name, is_name=True, written=alphabets_written(["мука"])) != []
    assert strange_words("Анна", is_name=True) == []


def test_the_letters_that_make_a_word_strange_are_the_fewer_ones() -> None:
    (few,) = strange_words("pаypаl")
    assert (few.letters, few.scripts) == (("а",), ("Cyrillic", "Latin"))
    (latin,) = strange_words("привeт")
    assert (latin.letters, latin.scripts) == (("e",), ("Latin", "Cyrillic"))


def test_a_word_is_named_once() -> None:
    assert len(strange_words("pаypаl pаypаl PАYPАL")) == 2


def test_every_letter_of_the_table_is_one_letter_that_is_not_ascii_and_looks_like_one_that_is() -> None:
    for code, letter in scripts._LOOKS_LIKE.items():
        assert unicodedata.category(chr(code))[0] == "L"
        assert not chr(code).isascii()
        assert chr(letter).isascii()
        assert chr(letter).isalpha()


ALIKE_NAMES = [
    ("shell", "shеll"),
    ("shell", "ｓｈｅｌｌ"),
    ("shell", "sh\u200bell"),
    ("shell", "𝗌𝗁𝖾𝗅𝗅"),
    ("read_file", "readFile"),
    ("read_file", "read-file"),
    ("read.file", "read file"),
    ("Bash", "bash"),
    ("café", "cafe"),
    ("PayPal", "РаyРаl"),
]


@pytest.mark.parametrize(("name", "other"), ALIKE_NAMES)
def test_names_that_are_easily_confused_have_one_skeleton(name: str, other: str) -> None:
    assert name != other
    assert skeleton(name) == skeleton(other)


@pytest.mark.parametrize(
    ("name", "other"),
    [("shell", "spell"), ("read_file", "write_file"), ("bot-1", "bot-2"), ("ann", "anne"), ("a0", "ao")],
)
def test_names_that_are_not_confused_have_two(name: str, other: str) -> None:
    assert skeleton(name) != skeleton(other)


def test_names_of_one_plain_form_differ_in_capitals_and_separators_alone() -> None:
    assert plain_form("Read-File") == plain_form("read_file")
    assert plain_form("shеll") != plain_form("shell")


def test_what_a_text_looks_like_is_told_only_where_it_looks_like_ascii() -> None:
    assert looks_like("аррӏе.com") == "apple.com"
    assert looks_like("apple.com") is None
    assert looks_like("яблоко") is None


@given(any_texts)
def test_any_text_can_be_looked_at(text: str) -> None:
    for each in strange_words(text) + strange_words(text, is_name=True):
        assert each.word in text
        assert each.letters
        assert all(letter in each.word for letter in each.letters)
        assert each.reads is None or each.reads.isascii()
    skeleton(text)
    plain_form(text)


@given(st.text(st.characters(categories=["Ll", "Lu", "Nd"], max_codepoint=0x24F)))
def test_text_in_latin_letters_and_digits_is_never_strange(text: str) -> None:
    assert strange_words(text.replace("ſ", "s")) == []


@pytest.mark.parametrize("piece", ["pаypаl ", "а", "жa", "a\u0301", "ｓ", "漢a", "\u0301"])
def test_looking_at_letters_takes_work_in_proportion(piece: str) -> None:
    assert growth(strange_words, lambda times: piece * times, size=20_000) < LINEAR
