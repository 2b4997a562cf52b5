"""How statements and texts are written for PostgreSQL."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from psycopg import Connection, Cursor
from psycopg.abc import Buffer
from psycopg.types.string import StrDumperUnknown, TextLoader

from approval_tui.store.statements import Statements, read_blocks

_TOKEN = re.compile(r"'[^']*'|(?<!:):([a-z_0-9]+)|%")
_ESCAPE = "\U0010ffff"
"""Unicode's last noncharacter stands before what a PostgreSQL text cannot hold, and before itself."""


class _Translated(dict[str, bytes]):
    """The named statements as psycopg wants them, each translated when it is first asked for."""

    def __init__(self) -> None:
        super().__init__()
        self._statements = Statements({**read_blocks("statements.sql"), **read_blocks("postgres.sql")})

    def learn(self, *files: str) -> None:
        """Takes the statements of those files too, those of the last one before all others."""
        for name in files:
            self._statements.learn(read_blocks(name))

    def __missing__(self, name: str) -> bytes:
        text = self[name] = _TOKEN.sub(_translated, self._statements[name]).encode()
        return text


def _translated(found: re.Match[str]) -> str:
    if found[1] is not None:
        return f"%({found[1]})s"
    return found[0].replace("%", "%%")


STATEMENTS = _Translated()


class Row:
    """One row of a result: its values by column, in order."""

    __slots__ = ("_places", "_values")

    def __init__(self, places: dict[str, int], values: Sequence[Any]) -> None:
        self._places = places
        self._values = values

    def __getitem__(self, column: str) -> Any:
        return self._values[self._places[column]]

    def __iter__(self) -> Any:
        return iter(self._values)

    def keys(self) -> list[str]:
        """The columns, in order."""
        return list(self._places)


def rows_by_column(cursor: Cursor[Any]) -> Callable[[Sequence[Any]], Row]:
    """psycopg's row factory for Row."""
    places = {column.name: index for index, column in enumerate(cursor.description or ())}
    return lambda values: Row(places, values)


def with_every_text(connection: Connection[Any]) -> None:
    """Lets the connection write and read texts that hold a NUL (see `0001_tables.sql`)."""
    connection.adapters.register_dumper(str, _TextDumper)
    for kind in ("text", "name"):
        connection.adapters.register_loader(kind, _TextLoader)


class _TextDumper(StrDumperUnknown):
    def dump(self, obj: str) -> Buffer | None:
        if _ESCAPE in obj:
            obj = obj.replace(_ESCAPE, f"{_ESCAPE}1")
        if "\0" in obj:
            obj = obj.replace("\0", f"{_ESCAPE}0")
        return obj.encode()


class _TextLoader(TextLoader):
    def load(self, data: Buffer) -> str:
        text = str(data, "utf-8")
        return text if _ESCAPE not in text else text.replace(f"{_ESCAPE}0", "\0").replace(f"{_ESCAPE}1", _ESCAPE)
