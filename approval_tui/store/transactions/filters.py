"""Which requests a list or a search is about, and the parameters with which statements ask for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from approval_tui.domain.canonical import exact_json
from approval_tui.domain.errors import InvalidInput
from approval_tui.domain.lifecycle import PENDING, STATUSES
from approval_tui.store.statements import with_words

IN_DOUBT = "in_doubt"
FIELDS = ("tool", "requester", "session", "risk")
"""The fields in which a word can be looked for alone."""

MOST_WORDS = 6
LONGEST_WORD = 500


class Word(NamedTuple):  # a dataclass costs six times as much at start-up
    """A text that must occur in one of FIELDS, or anywhere where that is None; the case of ASCII letters is one."""

    text: str
    field: str | None = None


@dataclass(frozen=True)
class Filter:
    """Which requests are meant: each part that is None leaves it open, and every word must occur.

    The first five are exact. Anywhere is in the id, tool, server, requester, session, reason, outcome's
    detail, context, arguments, edited arguments and decisions.
    """

    status: str | None = None
    requester: str | None = None
    tool: str | None = None
    session: str | None = None
    risk: str | None = None
    words: tuple[Word, ...] = ()


EVERYTHING = Filter()
PENDING_ONLY = Filter(status=PENDING)


def is_open(chosen: Filter) -> bool:
    """Whether nothing but the status is asked for."""
    return chosen.requester is chosen.tool is chosen.session is chosen.risk is None and not _words(chosen)


def check_filter(chosen: Filter) -> None:
    """Raises InvalidInput for a status or field that does not exist, too many words, and a word that is no text."""
    if chosen.status is not None and chosen.status not in (*STATUSES, IN_DOUBT):
        raise _unusable(f"{chosen.status!r} is no status.", f"Use {', '.join((*STATUSES, IN_DOUBT))}.")
    if len(_words(chosen)) > MOST_WORDS:
        raise _unusable(
            f"{len(_words(chosen))} words are looked for; {MOST_WORDS} are the most.", "Look for fewer words."
        )
    for word in chosen.words:
        if word.field is not None and word.field not in FIELDS:
            raise _unusable(f"{word.field!r} is no field to look in.", f"Use {', '.join(FIELDS)}.")
        if len(word.text) > LONGEST_WORD:
            raise _unusable(
                f"A word of {len(word.text):,} characters is looked for; {LONGEST_WORD} are the most.",
                "Look for a part of it.",
            )
    for text in (chosen.requester, chosen.tool, chosen.session, chosen.risk, *(word.text for word in chosen.words)):
        if text is not None:
            _check_text(text)


def statement_for(name: str, chosen: Filter) -> str:
    """The form of the named statement that takes as many words as the filter has."""
    return with_words(name, len(_words(chosen)))


def filter_parameters(chosen: Filter) -> dict[str, Any]:
    """The filter's part of a statement's parameters."""
    parameters: dict[str, Any] = {
        "status": chosen.status,
        "requester": chosen.requester,
        "tool": chosen.tool,
        "session": chosen.session,
        "risk": chosen.risk,
    }
    for number, word in enumerate(_words(chosen)):
        once = _inside_json(word.text)
        twice = _inside_json(once)
        parameters[f"field{number}"] = word.field or ""
        parameters[f"word{number}"] = _lower(word.text)
        parameters[f"escaped{number}"] = _anywhere(once)
        parameters[f"nested{number}"] = None if twice == once else _anywhere(twice)  # is not looked for again
    return parameters


def _words(chosen: Filter) -> tuple[Word, ...]:
    """The words that say something: an empty one occurs everywhere."""
    return tuple(word for word in chosen.words if word.text) if chosen.words else ()


def _inside_json(text: str) -> str:
    """The text as it stands between the quotes of a JSON string."""
    return exact_json(text)[1:-1]


def _lower(text: str) -> str:
    """With ASCII letters in lower case and all others as they are, as SQLite's lower() does."""
    return text.encode().lower().decode()


def _anywhere(text: str) -> str:
    """The pattern of LIKE for a text that holds this one, with ! before what would mean something there."""
    return "%" + text.replace("!", "!!").replace("%", "!%").replace("_", "!_") + "%"


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _unusable(f"{text!a} holds a lone surrogate, which is no character.", "Correct it.") from None


def _unusable(happened: str, to_do: str) -> InvalidInput:
    return InvalidInput(happened, not_done="Nothing was read.", to_do=to_do)
