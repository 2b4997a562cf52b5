"""Letters that are not what they look like: scripts mixed inside of a word, and words that only look like Latin ones.

Ordinary text of any language is left alone: a word of one script among others of it, Latin beside Chinese, Japanese,
Arabic or Hebrew without a blank between them, Greek letters of formulas. Digits are left alone, too.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from approval_tui.domain.names import folded_name

MIXED = "mixed"  #: letters of several alphabets in one word
ALIKE = "alike"  #: each letter of another alphabet than the Latin one, and each looks like a Latin letter
STYLED = "styled"  #: Latin letters in another shape: full-width, mathematical, or those of phonetic and old writing

LATIN, GREEK = "Latin", "Greek"
_ALPHABETS = {name.upper(): name for name in (LATIN, "Cyrillic", GREEK, "Armenian", "Cherokee", "Coptic", "Lisu")}
"""Those whose letters are taken for one another; by how Unicode's names of their letters begin."""

_STYLES = ("FULLWIDTH LATIN ", "MATHEMATICAL ")
_STYLED_ALONE = "ℂℊℋℌℍℎℐℑℒℕℙℚℛℜℝℤℨKℬℭℯℰℱℳℴℹⅅⅆⅇⅈⅉ"
_FULL_WIDTH = "FULLWIDTH "
_EAST_ASIAN = re.compile(
    "[\u1100-\u11ff\u3040-\u30ff\u3130-\u318f\u31f0-\u31ff\u3400-\u9fff\uac00-\ud7a3\uff66-\uff9d]"
)

_WORD = re.compile("[^\\W\\d_](?:[^\\W\\d_]|[\u0300-\u036f]){0,199}")
"""A word, or so much of one as is looked at in one piece."""

_LONGEST_SYMBOL, _LONGEST_TERM = 2, 3
"""Letters in a row that are rather a formula's than a word's: Greek ones alone, and beside Latin ones."""

_LATIN_ALIKE = "ɡɑſᴄᴏꜱᴠᴡᴢ"
_LOOKS_LIKE = {
    **str.maketrans("аАВсСԁеЕНһіІјЈкКӏМоОрРԛѕЅТуУѵԝԜхХүҮԌ", "aABcCdeEHhiIjJkKlMoOpPqsSTyYvwWxXyYG"),
    **str.maketrans("αΑΒϲϹΕΗιΙϳͿκΚΜνΝοΟρΡΤυχΧγΥΖ", "aABcCEHiIjJkKMvNoOpPTuxXyYZ"),
    **str.maketrans("օՕսՍոհցզՏԼայ", "oOuUnhgqSLwj"),
    **str.maketrans("ᎠᎡᎢᎥᎪᎫᎬᎳᎷᎻᎽᏀᏃᏟᏢᏙᏚᏞᏦᏏ", "DRTIAJEWMHYGZCPVSLKB"),
    **str.maketrans("ꓐꓑꓓꓔꓖꓗꓙꓚꓜꓝꓟꓠꓡꓢꓣꓦꓧꓪꓫꓬꓮꓰꓲꓳꓴ", "BPDTGKJCZFMNLSRVHWXYAEIOU"),
    **str.maketrans("ⲎⲒⲔⲘⲚⲞⲟⲢⲣⲤⲥⲦⲨⲬ", "HIKMNOoPpCcTYX"),
    **str.maketrans(_LATIN_ALIKE, "gascosvwz"),
}
"""The Latin letter for which each letter of another alphabet, or of phonetic and old writing, may be taken."""

_SEPARATORS = dict.fromkeys(map(ord, "_-. /:"))


class StrangeWord(NamedTuple):
    """One word whose letters are not what they look like."""

    word: str
    kind: str
    letters: tuple[str, ...]  #: those that make it strange, each once
    scripts: tuple[str, ...]  #: the alphabet of these letters, then the others of the word
    reads: str | None  #: the Latin word that it looks like; None where it looks like none


class _Word(NamedTuple):
    text: str
    scripts: frozenset[str]
    styled: bool
    alike: bool  #: whether each of its letters that is not Latin looks like a Latin one


def strange_words(text: str, *, is_name: bool = False, written: frozenset[str] = frozenset()) -> list[StrangeWord]:
    """The strange words of a text, each once, in order.

    `written` are the alphabets that are used in earnest elsewhere (see `alphabets_written`), in which a word that
    stands alone may well be an ordinary one; in a name it never is.
    """
    if text.isascii():
        return []
    words = [_read(word) for word in dict.fromkeys(_WORD.findall(text))]
    here = _in_earnest(words)
    has_latin = any(LATIN in word.scripts for word in words)
    is_east_asian = _EAST_ASIAN.search(text) is not None
    found = []
    for word in words:
        if word.text.isascii():
            continue
        kind = _kind(word, has_latin=has_latin, is_name=is_name, here=here, written=written)
        if kind == STYLED and is_east_asian and all(_is_full_width(letter) for letter in _styled(word.text)):
            kind = None  # as East Asian text writes Latin words
        if kind is not None:
            found.append(_strange(word, kind))
    return found


def alphabets_written(texts: Iterable[str]) -> frozenset[str]:
    """The alphabets in which one of these texts has a word that looks like no Latin one."""
    found: set[str] = set()
    for text in texts:
        if not text.isascii():
            found |= _in_earnest([_read(word) for word in set(_WORD.findall(text))])
    return frozenset(found)


def skeleton(name: str) -> str:
    """What is left of a name when all is alike that looks alike: two names of one skeleton are easily confused."""
    return folded_name(folded_name(name.translate(_LOOKS_LIKE)).translate(_LOOKS_LIKE)).translate(_SEPARATORS)


def plain_form(name: str) -> str:
    """The name without upper case and separators, and otherwise as it is."""
    return name.casefold().translate(_SEPARATORS)


def looks_like(text: str) -> str | None:
    """The ASCII text that this one looks like; None where it is plain itself, or looks like none."""
    if text.isascii():
        return None
    plain = unicodedata.normalize("NFKC", text.translate(_LOOKS_LIKE))
    return plain if plain.isascii() else None


def _in_earnest(words: Iterable[_Word]) -> frozenset[str]:
    """The alphabets, but for the Latin one, in which a word is written that looks like no Latin one."""
    return frozenset(
        script for word in words if len(word.scripts) == 1 and not word.alike for script in word.scripts
    ) - {LATIN}


@lru_cache(maxsize=4096)
def _read(text: str) -> _Word:
    if text.isascii():
        return _Word(text, frozenset({LATIN}), False, False)
    others = [letter for letter in text if _script(letter) not in (LATIN, None)]
    return _Word(
        text,
        frozenset(script for letter in text if (script := _script(letter)) is not None),
        next(_styled(text), None) is not None,
        bool(others) and all(ord(letter) in _LOOKS_LIKE for letter in others),
    )


def _kind(word: _Word, *, has_latin: bool, is_name: bool, here: frozenset[str], written: frozenset[str]) -> str | None:
    if len(word.scripts) > 1:
        return None if word.scripts == {LATIN, GREEK} and _is_term(word.text) else MIXED
    if len(word.text) > 1 and (word.styled or _has_odd_latin(word.text)):
        return STYLED
    if not word.alike or word.scripts <= here:
        return None
    if GREEK in word.scripts and len(word.text) <= _LONGEST_SYMBOL:
        return None
    if is_name or has_latin:
        return ALIKE
    is_likely = len(word.text) > 1 and not word.text.isupper()  # many words of capitals are alike by chance
    return ALIKE if is_likely and not word.scripts <= written else None


def _is_term(text: str) -> bool:
    """Whether Greek and Latin letters stand together as in a formula or a unit."""
    is_alike = any(_script(letter) == GREEK and ord(letter) in _LOOKS_LIKE for letter in text)
    return len(text) <= _LONGEST_TERM or not is_alike


def _strange(word: _Word, kind: str) -> StrangeWord:
    letters: tuple[str, ...]
    scripts: tuple[str, ...]
    if kind == STYLED:
        odd = [letter for letter in word.text if letter in _LATIN_ALIKE]
        letters, scripts = (*_styled(word.text), *odd), (LATIN,)
    else:
        counts = {name: sum(_script(letter) == name for letter in word.text) for name in sorted(word.scripts)}
        scripts = tuple(sorted(counts, key=lambda name: (counts[name], name == LATIN)))
        letters = tuple(letter for letter in word.text if _script(letter) == scripts[0])
    return StrangeWord(word.text, kind, tuple(dict.fromkeys(letters)), scripts, looks_like(word.text))


@lru_cache(maxsize=4096)
def _script(letter: str) -> str | None:
    """The alphabet of a letter; None where it is of another one, or of none."""
    plain = letter if not _is_styled(letter) else unicodedata.normalize("NFKC", letter)
    return _ALPHABETS.get(unicodedata.name(plain[:1], "").partition(" ")[0])


@lru_cache(maxsize=4096)
def _is_styled(letter: str) -> bool:
    if letter.isascii() or not (letter in _STYLED_ALONE or unicodedata.name(letter, "").startswith(_STYLES)):
        return False
    plain = unicodedata.normalize("NFKC", letter)
    return plain.isascii() and any(map(str.isalpha, plain))


def _styled(text: str) -> Iterator[str]:
    return (letter for letter in text if _is_styled(letter))


def _is_full_width(letter: str) -> bool:
    return unicodedata.name(letter, "").startswith(_FULL_WIDTH)


def _has_odd_latin(text: str) -> bool:
    """Whether it is a word of plain letters but for some that look like one of them; phonetic writing has others."""
    return any(letter in _LATIN_ALIKE for letter in text) and all(
        letter.isascii() or letter in _LATIN_ALIKE for letter in text
    )
