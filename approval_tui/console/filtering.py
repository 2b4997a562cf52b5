"""What a reviewer types behind `/`, as a filter of the store: `tool:sh status:denied "make deploy" prod`.

Each word must occur; a word behind `tool:`, `requester:`, `session:` or `risk:` in that field, any other
anywhere. `status:` takes a status, or its first letters. Quotes keep a text with spaces together.
"""

from __future__ import annotations

import re

from approval_tui.domain.errors import InvalidInput
from approval_tui.domain.lifecycle import STATUSES
from approval_tui.store.transactions.filters import FIELDS, IN_DOUBT, Filter, Word, check_filter

STATUS = "status"

_PART = re.compile(r'(?:(?P<field>[a-z]+):)?(?:"(?P<quoted>[^"]*)"?|(?P<bare>\S+))')


def parse_filter(text: str, statuses: tuple[str, ...] = (*STATUSES, IN_DOUBT)) -> Filter:
    """The filter that the text means; raises InvalidInput for a status that there is not, or too many words."""
    status: str | None = None
    words: list[Word] = []
    for part in _PART.finditer(text):
        field, word = part["field"], part["quoted"] if part["bare"] is None else part["bare"]
        if word.removesuffix(":") in (*FIELDS, STATUS) and word.endswith(":"):
            continue  # the word that it is about is not typed yet
        if field is not None and field not in (*FIELDS, STATUS):
            field, word = None, part.group()
        if field == STATUS:
            status = _status(word, statuses)
        elif word:
            words.append(Word(word, field))
    chosen = Filter(status=status, words=tuple(words))
    check_filter(chosen)
    return chosen


def _status(word: str, statuses: tuple[str, ...]) -> str:
    plain = word.lower().replace("-", "_").replace(" ", "_")
    fitting = [status for status in statuses if status.startswith(plain)]
    if plain in fitting:
        return plain
    if len(fitting) == 1:
        return fitting[0]
    raise InvalidInput(
        f"status:{word} is {'more than one status' if fitting else 'no status here'}.",
        not_done="Nothing was filtered.",
        to_do=f"Use one of {', '.join(fitting or statuses)}.",
    )
