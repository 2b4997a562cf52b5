"""Marks on letters that are not what they look like, and on names that look like others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from approval_tui.display.call_texts import CallText
from approval_tui.display.glyphs import Glyphs
from approval_tui.display.places import hosts_in
from approval_tui.display.reading_aids import AidRow
from approval_tui.display.scripts import (
    ALIKE,
    MIXED,
    StrangeWord,
    alphabets_written,
    plain_form,
    skeleton,
    strange_words,
)
from approval_tui.display.unusual_rows import marked, noted, quoted, some
from approval_tui.domain.models import Request
from approval_tui.domain.precedents import Precedents

_MOST_LETTERS = 8
_MOST_ALIKE = 2


def rows_of_names(request: Request, precedents: Precedents, glyphs: Glyphs) -> Iterator[AidRow]:
    """Marks on the names of tool, requester and server: their letters, and others that look like them."""
    approved = precedents.approved
    yield from _rows_of_name("tool", request.tool, precedents.tools, bool(approved), glyphs)
    is_known = any(each.requester == request.requester for each in approved)
    yield from _rows_of_name("requester", request.requester, precedents.requesters, is_known, glyphs)
    if request.server is not None:
        is_known = any(each.server == request.server for each in approved)
        yield from _rows_of_name("server", request.server, precedents.servers, is_known, glyphs)
    if not precedents.are_all_names and (precedents.is_first_of_tool or precedents.is_first_of_requester):
        yield noted("its names were compared with many others, but not with all", glyphs)


def rows_of_letters(texts: Sequence[CallText], earlier: Iterable[str], glyphs: Glyphs) -> list[AidRow]:
    """Marks on words of the call; `earlier` are texts of approved calls, which say what is written here in earnest."""
    foreign = [text for text in texts if not text.text.isascii()]
    if not foreign:
        return []
    written = alphabets_written((*(text.text for text in foreign), *earlier))
    found: dict[str, tuple[str, StrangeWord]] = {}
    for where, key, text in foreign:
        of_hosts = (each for host in hosts_in(key, text) for each in strange_words(host, is_name=True))
        for strange in (*strange_words(text, written=written), *of_hosts):
            found.setdefault(strange.word, (where, strange))
    return some(list(found.values()), lambda each: _words(*each, glyphs), "words of such letters", glyphs)


def _rows_of_name(what: str, name: str, seen: Iterable[str], is_known: bool, glyphs: Glyphs) -> list[AidRow]:
    """A name that was approved before is marked no more for another that only differs in capitals, say."""
    strange = strange_words(name, is_name=True)
    rows = some(strange, lambda each: _words(f"the {what}'s name", each, glyphs), "words of such letters in it", glyphs)
    bones = skeleton(name)
    alike = [other for other in seen if other != name and bones and skeleton(other) == bones]
    if not alike or (is_known and name.isascii()):
        return rows
    is_plain = all(plain_form(other) == plain_form(name) for other in alike)
    how = "differs only in capitals or separators from" if is_plain else "looks like"
    others = ", ".join(quoted(other, glyphs) for other in alike[:_MOST_ALIKE])
    more = f" (+{len(alike) - _MOST_ALIKE:,})" if len(alike) > _MOST_ALIKE else ""
    said = f"{what} whose name {how} another one that was seen before: {quoted(name, glyphs)}, {others}{more}"
    return [*rows, marked(said, glyphs)]


def _words(where: str, strange: StrangeWord, glyphs: Glyphs) -> str:
    looks = "" if strange.reads is None else f", which looks like {quoted(strange.reads, glyphs)}"
    if strange.kind == ALIKE:
        return f"word of {strange.scripts[0]} letters alone in {where}: {quoted(strange.word, glyphs)}{looks}"
    letters = " ".join(map(glyphs.visible, strange.letters[:_MOST_LETTERS]))
    letters += glyphs.ellipsis if len(strange.letters) > _MOST_LETTERS else ""
    if strange.kind == MIXED:
        these, *others = strange.scripts
        said = f"word that mixes {these} letters ({letters}) with {' and '.join(others)} ones"
    else:
        said = f"word with letters of another shape ({letters})"
    return f"{said} in {where}: {quoted(strange.word, glyphs)}{looks}"
