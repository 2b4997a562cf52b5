"""How each kind of value in the configuration is read: what it accepts, and what is said of anything else."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from approval_tui.domain.clock import format_duration, parse_duration
from approval_tui.domain.errors import InvalidInput
from approval_tui.domain.limits import LONGEST_TEXT
from approval_tui.domain.sinks import SINK_EVENTS, is_chat_url, is_webhook_url, webhook_key
from approval_tui.settings import actions

if TYPE_CHECKING:
    from approval_tui.settings.document import Place

KEYMAP = "console.keys"
"""The section whose keys are actions."""

_KEY = re.compile(r"(?:(?:ctrl|alt|shift)\+)*(?:[!-~]|[a-z][a-z0-9_]{1,20})")


def read_text(place: Place) -> str:
    """Text that is not empty; raises InvalidInput, as all of these do."""
    if place.kind != "str" or not place.value.strip():
        raise _bad(f"must be text, not {_said(place)}{_quote_hint(place)}")
    return str(place.value)


def read_file_path(place: Place) -> str:
    """A path, with the home folder put in, or a URL as it is."""
    text = read_text(place)
    return text if "://" in text else os.path.expanduser(text)


def duration(least: int) -> Callable[[Place], int]:
    """Reads a duration in ms that is not below `least`; a plain 0 is one, where it is allowed."""

    def read(place: Place) -> int:
        if least == 0 and (place.kind, place.value) == ("int", "0"):
            return 0
        if place.kind != "str":
            raise _bad(f"must be a duration such as 10m, not {_said(place)}")
        try:
            milliseconds = parse_duration(place.value)
        except InvalidInput:
            raise _bad(f"must be a duration such as 30s, 10m or 1h30m, not {_said(place)}") from None
        if milliseconds < least:
            raise _bad(f"must be at least {format_duration(least)}, not {_said(place)}")
        return milliseconds

    return read


def read_secret(place: Place) -> str:
    """The secret of a webhook; what is said of one that cannot be used never repeats it."""
    if place.kind != "str" or not place.value.strip():
        raise _bad(f"must be text{_quote_hint(place)}")
    try:
        webhook_key(place.value)
    except ValueError as error:
        raise _bad(str(error)) from None
    return str(place.value)


def read_webhook_url(place: Place) -> str:
    """A URL of HTTP; it may hold a token, so it is never repeated."""
    if place.kind != "str" or not is_webhook_url(place.value):
        raise _bad("must be a URL that begins with http:// or https:// and names a host")
    return str(place.value)


def read_chat_urls(place: Place) -> tuple[str, ...]:
    """One URL of apprise's, or a list of them; they hold tokens, so they are never repeated."""
    items = place.value if place.kind == "list" else [place]
    if any(item.kind != "str" or not is_chat_url(item.value) for item in items):
        raise _bad("must be a list of apprise's URLs, such as ntfy://ntfy.sh/topic")
    return tuple(dict.fromkeys(item.value for item in items))


def read_sink_events(place: Place) -> tuple[str, ...]:
    """What a webhook is told."""
    if place.kind != "list" or not place.value:
        raise _bad(f"must be a list of {', '.join(SINK_EVENTS)}, not {_said(place)}")
    return tuple(dict.fromkeys(one_of(SINK_EVENTS)(item) for item in place.value))


def read_names(place: Place) -> tuple[str, ...]:
    """A list of texts."""
    if place.kind != "list":
        raise _bad(f"must be a list of words, not {_said(place)}")
    return tuple(read_text(item) for item in place.value)


def read_reasons(place: Place) -> tuple[str, ...]:
    """A list of reasons; each becomes one line, and one that stands twice is there once."""
    if place.kind != "list":
        raise _bad(f"must be a list of texts, not {_said(place)}")
    reasons = [" ".join(read_text(item).split()) for item in place.value]
    if any(len(reason) > LONGEST_TEXT for reason in reasons):
        raise _bad(f"has a text that is too long; {LONGEST_TEXT:,} characters are the most")
    return tuple(dict.fromkeys(reasons))


def one_of(words: tuple[str, ...]) -> Callable[[Place], str]:
    """Reads one of these words."""

    def read(place: Place) -> str:
        text = read_text(place)
        if text not in words:
            raise _bad(f"must be one of {', '.join(words)}, not {_said(place)}{did_you_mean(text, words)}")
        return text

    return read


def read_yes_or_no(place: Place) -> bool:
    """True or false, and none of YAML's other words for them."""
    if place.kind != "bool" or place.value not in ("true", "false"):
        raise _bad(f"must be true or false, not {_said(place)}")
    return bool(place.value == "true")


def read_rows(place: Place) -> int:
    """A number of rows, from 1 on."""
    if place.kind != "int" or not re.fullmatch(r"[1-9][0-9]{0,8}", place.value):
        raise _bad(f"must be a number of rows, not {_said(place)}")
    return int(place.value)


def read_error_code(place: Place) -> int:
    """A whole number of at most ten digits."""
    if place.kind != "int" or not re.fullmatch(r"-?(0|[1-9][0-9]{0,9})", place.value):
        raise _bad(f"must be a whole number such as -32003, not {_said(place)}")
    return int(place.value)


def read_action_id(place: Place) -> str:
    """The action that a key of the keymap names."""
    name = place.path.removeprefix(f"{KEYMAP}.")
    if name not in actions.BY_ID:
        raise _bad(f"is no action{did_you_mean(name, tuple(actions.BY_ID))}")
    return name


def read_keys(place: Place) -> tuple[str, ...]:
    """The keys of one action: a text, or a list of texts; a digit may stand without quotes."""
    items = place.value if place.kind == "list" else [place]
    keys = []
    for item in items:
        key = item.value if item.kind == "int" else read_text(item)
        if not _KEY.fullmatch(key):
            raise _bad(f"must be keys such as a, G, f2, ctrl+d or pagedown, not {_said(item)}")
        keys.append(key)
    if not keys:
        raise _bad("must name a key")
    return tuple(keys)


def did_you_mean(word: str, known: tuple[str, ...]) -> str:
    """A hint at the nearest known word, if one is near."""
    from difflib import get_close_matches

    matches = get_close_matches(word, known, n=1)
    return f"; did you mean {matches[0]}?" if matches else ""


def _said(place: Place) -> str:
    return repr(place.value) if isinstance(place.value, str) else f"a {place.kind}"


def _quote_hint(place: Place) -> str:
    return " (YAML reads it as something else; put it in quotes)" if place.kind in ("bool", "int", "float") else ""


def _bad(happened: str) -> InvalidInput:
    return InvalidInput(happened, not_done="", to_do="")
