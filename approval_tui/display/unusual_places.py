"""Marks on the hosts and paths that a call names, and no approved call of its tool before it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from approval_tui.display.call_texts import CallText
from approval_tui.display.glyphs import Glyphs
from approval_tui.display.places import KnownPaths, hosts_in, paths_in, punycode_in
from approval_tui.display.reading_aids import AidRow
from approval_tui.display.scripts import looks_like
from approval_tui.display.unusual_rows import none_approved, quoted, some
from approval_tui.domain.models import Request
from approval_tui.domain.precedents import Precedents

_FOLDER = "working_directory"

TextsOf = Sequence[tuple[Request, Sequence[CallText]]]
"""Calls, each with its texts."""


def rows_of_places(
    request: Request, texts: Sequence[CallText], approved: TextsOf, precedents: Precedents, glyphs: Glyphs
) -> Iterator[AidRow]:
    """The marks; on places only where there are approved calls that could have named them."""
    yield from _rows_of_punycode(texts, glyphs)
    if not approved:
        return
    none = none_approved(precedents)
    known_hosts = {host for _, earlier in approved for _, key, text in earlier for host in hosts_in(key, text)}
    hosts: dict[str, str] = {}
    for where, key, text in texts:
        for host in hosts_in(key, text):
            if host not in known_hosts:
                hosts.setdefault(host, where)
    yield from some(
        list(hosts.items()),
        lambda each: f"host that {none} named, in {each[1]}: {quoted(each[0], glyphs)}",
        "such hosts",
        glyphs,
    )
    known = _known_paths(approved)
    paths: dict[str, str] = {}
    for where, path in _paths(request, texts):
        if not known.covers(path):
            paths.setdefault(path, where)
    yield from some(
        list(paths.items()),
        lambda each: f"path that {none} named, nor its folder, in {each[1]}: {quoted(each[0], glyphs)}",
        "such paths",
        glyphs,
    )


def _rows_of_punycode(texts: Sequence[CallText], glyphs: Glyphs) -> list[AidRow]:
    found: dict[str, tuple[str, str | None]] = {}
    for where, _, text in texts:
        for name, meant in punycode_in(text):
            found.setdefault(name, (where, meant))

    def words(each: tuple[str, tuple[str, str | None]]) -> str:
        name, (where, meant) = each
        said = f"host in punycode in {where}: {quoted(name, glyphs)}"
        if meant is None:
            return f"{said}, which stands for nothing"
        alike = looks_like(meant)
        return f"{said}, shown as {quoted(meant, glyphs)}" + (
            "" if alike is None else f", which looks like {quoted(alike, glyphs)}"
        )

    return some(list(found.items()), words, "such hosts in punycode", glyphs)


def _known_paths(approved: TextsOf) -> KnownPaths:
    paths = {path for call, texts in approved for _, path in _paths(call, texts)}
    return KnownPaths(paths, [folder for call, _ in approved if (folder := _folder(call)) is not None])


def _paths(request: Request, texts: Sequence[CallText]) -> Iterator[tuple[str, str]]:
    folder = _folder(request)
    return ((where, path) for where, key, text in texts for path in paths_in(key, text, folder))


def _folder(request: Request) -> str | None:
    folder = request.context.get(_FOLDER)
    return folder if isinstance(folder, str) else None
