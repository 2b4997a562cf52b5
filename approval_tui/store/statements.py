"""The named statements of `statements.sql`, which every engine shares (rule R14)."""

from __future__ import annotations

import os
import sys

_REQUEST_WORDS, _FIELD_WORDS, _EVENT_WORDS = "{request_words}", "{field_words}", "{event_words}"
_CLAUSES_OF_WORDS = (_REQUEST_WORDS, _FIELD_WORDS, _EVENT_WORDS)


def _read_statements() -> tuple[dict[str, str], dict[str, str]]:
    """The statements with all parts but those of words put in, and the parts."""
    with open(os.path.join(os.path.dirname(__file__), "statements.sql"), encoding="utf-8") as file:
        blocks = file.read().split("-- name: ")[1:]
    statements: dict[str, str] = {}
    parts: dict[str, str] = {}
    for block in blocks:
        name, _, text = block.partition("\n")
        text = "\n".join([line for line in text.splitlines() if line and not line.startswith("--")])
        if "{" in text:
            for part, its_text in parts.items():
                if part not in _CLAUSES_OF_WORDS:
                    text = text.replace(part, its_text)
        (parts if name.startswith("{") else statements)[name.strip()] = text
    return statements, parts


_WITH_PLACES_FOR_WORDS, _PARTS = _read_statements()


def _with_clauses(statement: str, count: int) -> str:
    for clause in _CLAUSES_OF_WORDS:
        if clause in statement:
            text = "".join(_PARTS[clause].replace("#", str(number)) for number in range(count))
            statement = statement.replace(clause, text)
    return statement


STATEMENTS = {name: _with_clauses(statement, 0) for name, statement in _WITH_PLACES_FOR_WORDS.items()}
REQUEST_COLUMNS = tuple(sys.intern(column.strip()) for column in _PARTS["{request_columns}"].split(","))
"""The columns of every statement that gives whole requests, in their order."""


def with_words(name: str, count: int) -> str:
    """The name of the statement that asks for `count` words besides, :word0 to :word<count - 1>.

    The text of such a statement follows from the number of words alone, never from what they say.
    """
    if count == 0:
        return name
    searching = f"{name}_with_{count}_words"
    if searching not in STATEMENTS:
        STATEMENTS[searching] = _with_clauses(_WITH_PLACES_FOR_WORDS[name], count)
    return searching
