"""The configuration file: its keys, what each accepts, and the settings that come of it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from approval_tui.domain import limits, proxy_choices
from approval_tui.domain.clock import format_duration, parse_duration
from approval_tui.domain.errors import ConfigurationError, InvalidInput
from approval_tui.settings import actions
from approval_tui.settings.paths import POLICY_VARIABLE, STORE_VARIABLE, config_path, default_store_path

if TYPE_CHECKING:
    from approval_tui.settings.document import Place

DEFAULT_ARMING = 400
DEFAULT_LONG_PAYLOAD = 2000
_SHORTEST_ARMING = 100
_LARGEST_FILE = 1024 * 1024

DEFAULT_THEME = "textual-dark"
THEMES = (
    "ansi-dark",
    "ansi-light",
    "atom-one-dark",
    "atom-one-light",
    "catppuccin-frappe",
    "catppuccin-latte",
    "catppuccin-macchiato",
    "catppuccin-mocha",
    "dracula",
    "flexoki",
    "gruvbox",
    "monokai",
    "nord",
    "rose-pine",
    "rose-pine-dawn",
    "rose-pine-moon",
    "solarized-dark",
    "solarized-light",
    "textual-dark",
    "textual-light",
    "tokyo-night",
)
"""The themes of the Textual that is pinned; they stand here because this room may not load it."""

LAYOUT_AUTO = "auto"  #: beside each other where there is room
LAYOUT_COLUMNS = "columns"
LAYOUT_STACKED = "stacked"
LAYOUTS = (LAYOUT_AUTO, LAYOUT_COLUMNS, LAYOUT_STACKED)

NOTICE_NONE = "none"
NOTICE_OSC9 = "osc9"  #: iTerm2, kitty, WezTerm, Windows Terminal, foot, Ghostty
NOTICE_OSC777 = "osc777"  #: urxvt, foot, WezTerm, Ghostty, VTE
NOTICES = (NOTICE_NONE, NOTICE_OSC9, NOTICE_OSC777)


@dataclass(frozen=True)
class Settings:
    """What the configuration says; durations are in ms, None means that nothing was said."""

    store: str | None = None
    policy: str | None = None
    reviewer: str | None = None
    timeout: int = limits.DEFAULT_TIMEOUT
    approval_lifetime: int = limits.DEFAULT_APPROVAL_LIFETIME
    dedupe_window: int = limits.DEFAULT_DEDUPE_WINDOW
    claim_lifetime: int = limits.DEFAULT_CLAIM_LIFETIME
    theme: str = DEFAULT_THEME
    layout: str = LAYOUT_AUTO
    arming: int = DEFAULT_ARMING
    long_payload: int = DEFAULT_LONG_PAYLOAD
    bell: bool = True
    title: bool = True
    notice: str = NOTICE_OSC9
    proxy_hold: int = proxy_choices.DEFAULT_HOLD
    proxy_on_pending: str = proxy_choices.ON_PENDING_ERROR
    proxy_pending_code: int = proxy_choices.DEFAULT_PENDING_CODE
    proxy_rollback_on: str = proxy_choices.ROLLBACK_NOT_RUN
    keymap: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    redact_names: tuple[str, ...] = ()


def load_settings(explicit_path: str | None = None) -> Settings:
    """The settings of the configuration file, or the defaults where there is none.

    A file that was named but is missing is an error; PyYAML is loaded only for a file that exists.
    Raises ConfigurationError with every fault as file:line:column, key and reason.
    """
    path = config_path(explicit_path)
    try:
        size = os.path.getsize(path)
        if size > _LARGEST_FILE:
            raise ConfigurationError([f"{path}: has {size:,} bytes; a configuration has at most {_LARGEST_FILE:,}"])
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except FileNotFoundError:
        if explicit_path or os.environ.get("APPROVAL_TUI_CONFIG"):
            raise ConfigurationError([f"{path}: there is no such file"]) from None
        return Settings()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError([f"{path}: cannot be read: {error}"]) from None
    return parse_settings(text, path)


def parse_settings(text: str, name: str) -> Settings:
    """The settings of a configuration's text; `name` is how errors call the file."""
    from approval_tui.settings.document import read_document

    document = read_document(text, name)
    problems = list(document.problems)
    values: dict[str, Any] = {}
    keymap: dict[str, tuple[str, ...]] = {}
    for place in document.places.values():
        where = f"{name}:{place.line}:{place.column}: {place.path}"
        if place.path in SECTIONS:
            if place.kind not in ("mapping", "null"):
                problems.append(f"{where}: must hold keys, not a value")
            continue
        try:
            if place.path.startswith(f"{_KEYMAP}."):
                keymap[_action_id(place)] = _keys(place)
                continue
            key = KEYS.get(place.path)
            if key is None:
                problems.append(f"{where}: is no key{_nearest(place.path)}")
                continue
            values[key.field] = key.read(place)
        except InvalidInput as error:
            problems.append(f"{where}: {error.happened}")
    for action, why in actions.keymap_problems(keymap).items():
        place = document.places[f"{_KEYMAP}.{action}"]
        problems.append(f"{name}:{place.line}:{place.column}: {place.path}: {why}")
    if problems:
        raise ConfigurationError(problems)
    return Settings(**values, keymap=keymap)


def store_location(explicit: str | None, settings: Settings) -> str:
    """Where the store is: as given, else APPROVAL_TUI_STORE, else the configuration, else the data folder."""
    return explicit or os.environ.get(STORE_VARIABLE) or settings.store or default_store_path()


def policy_location(explicit: str | None, settings: Settings) -> str | None:
    """Where the policy is: as given, else APPROVAL_TUI_POLICY, else the configuration; None where there is none.

    Raises InvalidInput for an empty path: it is a slip, and no policy is not meant.
    """
    if explicit == "":
        raise InvalidInput("The policy's path is empty.", not_done="No call may run.", to_do="Give the path of a file.")
    chosen = explicit or os.environ.get(POLICY_VARIABLE) or settings.policy
    return None if chosen is None else os.path.abspath(os.path.expanduser(chosen))


def settings_to_json(settings: Settings) -> dict[str, Any]:
    """The settings by their keys in the file, as `config show` prints them."""
    result = {}
    for path, key in KEYS.items():
        value = getattr(settings, key.field)
        result[path] = format_duration(value) if key.is_duration else list(value) if key.is_list else value
    for action in actions.with_keymap(settings.keymap):
        result[f"{_KEYMAP}.{action.id}"] = list(action.keys)
    return result


@dataclass(frozen=True)
class Key:
    """One key of the file: the field of Settings that it sets, and how its text is read."""

    field: str
    read: Callable[[Place], Any]
    is_duration: bool = False
    is_list: bool = False


def _text(place: Place) -> str:
    if place.kind != "str" or not place.value.strip():
        raise _bad(f"must be text, not {_said(place)}{_quote_hint(place)}")
    return str(place.value)


def _file_path(place: Place) -> str:
    text = _text(place)
    return text if "://" in text else os.path.expanduser(text)


def _duration(least: int) -> Callable[[Place], int]:
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


def _names(place: Place) -> tuple[str, ...]:
    if place.kind != "list":
        raise _bad(f"must be a list of words, not {_said(place)}")
    return tuple(_text(item) for item in place.value)


def _one_of(words: tuple[str, ...]) -> Callable[[Place], str]:
    def read(place: Place) -> str:
        text = _text(place)
        if text not in words:
            raise _bad(f"must be one of {', '.join(words)}, not {_said(place)}{_did_you_mean(text, words)}")
        return text

    return read


def _yes_or_no(place: Place) -> bool:
    if place.kind != "bool" or place.value not in ("true", "false"):
        raise _bad(f"must be true or false, not {_said(place)}")
    return bool(place.value == "true")


def _rows(place: Place) -> int:
    if place.kind != "int" or not re.fullmatch(r"[1-9][0-9]{0,8}", place.value):
        raise _bad(f"must be a number of rows, not {_said(place)}")
    return int(place.value)


def _error_code(place: Place) -> int:
    if place.kind != "int" or not re.fullmatch(r"-?(0|[1-9][0-9]{0,9})", place.value):
        raise _bad(f"must be a whole number such as -32003, not {_said(place)}")
    return int(place.value)


def _action_id(place: Place) -> str:
    name = place.path.removeprefix(f"{_KEYMAP}.")
    if name not in actions.BY_ID:
        raise _bad(f"is no action{_did_you_mean(name, tuple(actions.BY_ID))}")
    return name


def _keys(place: Place) -> tuple[str, ...]:
    """The keys of one action: a text, or a list of texts; a digit may stand without quotes."""
    items = place.value if place.kind == "list" else [place]
    keys = []
    for item in items:
        key = item.value if item.kind == "int" else _text(item)
        if not _KEY.fullmatch(key):
            raise _bad(f"must be keys such as a, G, f2, ctrl+d or pagedown, not {_said(item)}")
        keys.append(key)
    if not keys:
        raise _bad("must name a key")
    return tuple(keys)


_KEYMAP = "console.keys"
_KEY = re.compile(r"(?:(?:ctrl|alt|shift)\+)*(?:[!-~]|[a-z][a-z0-9_]{1,20})")

KEYS = {
    "store": Key("store", _file_path),
    "policy": Key("policy", _file_path),
    "reviewer": Key("reviewer", _text),
    "requests.timeout": Key("timeout", _duration(1000), is_duration=True),
    "requests.approval_lifetime": Key("approval_lifetime", _duration(1000), is_duration=True),
    "requests.dedupe_window": Key("dedupe_window", _duration(0), is_duration=True),
    "requests.claim_lifetime": Key("claim_lifetime", _duration(1000), is_duration=True),
    "console.theme": Key("theme", _one_of(THEMES)),
    "console.layout": Key("layout", _one_of(LAYOUTS)),
    "console.arming": Key("arming", _duration(_SHORTEST_ARMING), is_duration=True),
    "console.long_payload": Key("long_payload", _rows),
    "console.bell": Key("bell", _yes_or_no),
    "console.title": Key("title", _yes_or_no),
    "console.notice": Key("notice", _one_of(NOTICES)),
    "proxy.hold": Key("proxy_hold", _duration(0), is_duration=True),
    "proxy.on_pending": Key("proxy_on_pending", _one_of(proxy_choices.ON_PENDING)),
    "proxy.pending_code": Key("proxy_pending_code", _error_code),
    "proxy.rollback_on": Key("proxy_rollback_on", _one_of(proxy_choices.ROLLBACK_ON)),
    "redact.names": Key("redact_names", _names, is_list=True),
}
SECTIONS = frozenset(path.split(".")[0] for path in KEYS if "." in path) | {_KEYMAP}


def _nearest(path: str) -> str:
    return _did_you_mean(path, (*KEYS, *SECTIONS))


def _did_you_mean(word: str, known: tuple[str, ...]) -> str:
    from difflib import get_close_matches

    matches = get_close_matches(word, known, n=1)
    return f"; did you mean {matches[0]}?" if matches else ""


def _said(place: Place) -> str:
    return repr(place.value) if isinstance(place.value, str) else f"a {place.kind}"


def _quote_hint(place: Place) -> str:
    return " (YAML reads it as something else; put it in quotes)" if place.kind in ("bool", "int", "float") else ""


def _bad(happened: str) -> InvalidInput:
    return InvalidInput(happened, not_done="", to_do="")
