"""Whether two names are one person's: names that a reader may take for each other count once."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from approval_tui.domain.names import folded_name

#: Letters of other alphabets and the Latin ones that they are drawn as: Cyrillic, Greek, Armenian, Cherokee, and those
#: of phonetic alphabets. Within one alphabet each letter stands for itself.
_DRAWN_AS = (
    ("\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425\u0405\u0406\u0408", "ABEKMHOPCTYXSIJ"),
    ("\u051a\u051c\u04ae\u04c0\u042c\u050c", "QWYIbG"),
    ("\u0430\u0432\u0433\u0435\u0438\u043a\u043c\u043d\u043e\u043f\u0440\u0441\u0442\u0443\u0445", "abreukmhonpctyx"),
    ("\u044c\u0455\u0456\u0458\u04bb\u0501\u051b\u051d\u04af\u04cf\u0475\u050d", "bsijhdqwylvg"),
    (
        "\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7\u03f9\u037f",
        "ABEZHIKMNOPTYXCJ",
    ),
    (
        "\u03b1\u03b2\u03b3\u03b5\u03b7\u03b9\u03ba\u03bc\u03bd\u03bf\u03c1\u03c3\u03c4\u03c5\u03c7\u03c9",
        "abyenikuvopotuxw",
    ),
    ("\u03f2\u03f3", "cj"),
    ("\u0555\u054f\u053c\u054d\u0585\u0578\u057d\u0570\u0581\u0566\u0575", "OSLUonuhgqj"),
    ("\u13a0\u13a1\u13a2\u13a5\u13aa\u13ab\u13ac\u13b3\u13b7\u13bb\u13bd\u13c0", "DRTiAJEWMHYG"),
    ("\u13c3\u13d2\u13d4\u13d5\u13d9\u13da\u13de\u13df\u13e2\u13e6\u13f4", "ZRWSVSLCPKB"),
    ("\u0251\u0261\u1d00\u0299\u1d04\u1d05\u1d07\ua730\u0262\u029c\u026a\u1d0a\u1d0b\u029f\u1d0d", "agabcdefghijklm"),
    ("\u0274\u1d0f\u1d18\u0280\ua731\u1d1b\u1d1c\u1d20\u1d21\u028f\u1d22", "noprstuvwyz"),
)
_AS_LATIN = {ord(letter): latin for letters, drawn in _DRAWN_AS for letter, latin in zip(letters, drawn, strict=True)}


def people(names: Iterable[str]) -> list[str]:
    """The first name of each person, in order; names that differ only in case, blanks or look-alikes are one's."""
    found: list[tuple[str, frozenset[str]]] = []
    for name in names:
        keys = _keys(name)
        known = [each for each in found if not each[1].isdisjoint(keys)]
        if known:
            first = known[0][0]
            found[found.index(known[0])] = (first, keys.union(*(each[1] for each in known)))
            found = [each for each in found if each not in known[1:]]
        else:
            found.append((name, keys))
    return [name for name, _ in found]


def same_person(one: str, other: str) -> bool:
    """Whether two names may be one person's."""
    return one == other or len(people((one, other))) == 1


@lru_cache(maxsize=1024)
def _keys(name: str) -> frozenset[str]:
    """What a name is told by: as it is written, and as it looks; either is enough."""
    looks = unicodedata.normalize("NFKD", name.translate(_AS_LATIN)).translate(_AS_LATIN)
    return frozenset({folded_name(name), folded_name(looks)})
