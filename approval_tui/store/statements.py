"""The named statements of `statements.sql`, which every engine shares (rule R14)."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

_CLAUSES_OF_WORDS = ("{request_words}", "{field_words}", "{event_words}")
_WORDS = "_words"


class Statements(dict[str, str]):
    """The texts of statements by name; one that asks for words is made when it is first asked for."""

    def __init__(self, blocks: Mapping[str, str]) -> None:
        """See `learn`."""
        super().__init__()
        self.parts: dict[str, str] = {}
        self._with_places_for_words: dict[str, str] = {}
        self.learn(blocks)

    def learn(self, blocks: Mapping[str, str]) -> None:
        """Takes texts by name; a name in braces is a part, which stands in those that come after it."""
        for name, text in blocks.items():
            if "{" in text:
                for part, its_text in self.parts.items():
                    if part not in _CLAUSES_OF_WORDS:
                        text = text.replace(part, its_text)
            (self.parts if name.startswith("{") else self._with_places_for_words)[name] = text

    def __missing__(self, name: str) -> str:
        base, _, count = name.removesuffix(_WORDS).rpartition("_with_") if name.endswith(_WORDS) else (name, "", "0")
        text = self._with_places_for_words[base]
        for clause in _CLAUSES_OF_WORDS:
            if clause in text:
                text = text.replace(
                    clause, "".join(self.parts[clause].replace("#", str(number)) for number in range(int(count)))
                )
        self[name] = text
        return text


def read_blocks(name: str) -> dict[str, str]:
    """The texts of a file of statements in this folder by name, without their comments."""
    with open(os.path.join(os.path.dirname(__file__), name), encoding="utf-8") as file:
        blocks = file.read().split("-- name: ")[1:]
    texts = {}
    for block in blocks:
        name, _, text = block.partition("\n")
        texts[name.strip()] = "\n".join([line for line in text.splitlines() if line and not line.startswith("--")])
    return texts


def with_words(name: str, count: int) -> str:
    """The name of the statement that asks for `count` words besides, :word0 to :word<count - 1>.

    The text of such a statement follows from the number of words alone, never from what they say.
    """
    return name if count == 0 else f"{name}_with_{count}{_WORDS}"


STATEMENTS = Statements(read_blocks("statements.sql"))
REQUEST_COLUMNS = tuple(sys.intern(column.strip()) for column in STATEMENTS.parts["{request_columns}"].split(","))
"""The columns of every statement that gives whole requests, in their order."""
