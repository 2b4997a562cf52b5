"""The configuration file: its keys, what each accepts, and the settings that come of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from approval_tui.domain import limits, proxy_choices
from approval_tui.domain.clock import SECOND, format_duration
from approval_tui.domain.database_urls import shown_location
from approval_tui.domain.errors import ConfigurationError, InvalidInput
from approval_tui.domain.sinks import REQUESTED, ChatSink, Sink, Webhook
from approval_tui.settings import actions
from approval_tui.settings import value_reading as reading
from approval_tui.settings.paths import POLICY_VARIABLE, STORE_VARIABLE, config_path, default_store_path
from approval_tui.settings.value_reading import KEYMAP

if TYPE_CHECKING:
    from approval_tui.settings.document import Place

MASK = "••••"
"""What stands in the place of a secret."""

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
    webhook_url: str | None = field(default=None, repr=False)
    webhook_secret: str | None = field(default=None, repr=False)
    webhook_events: tuple[str, ...] = (REQUESTED,)
    webhook_allow_private: bool = False
    apprise_urls: tuple[str, ...] = field(default=(), repr=False)
    remind_after: int | None = None
    deny_reasons: tuple[str, ...] = ()
    keymap: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    redact_names: tuple[str, ...] = ()

    @property
    def sinks(self) -> tuple[Sink, ...]:
        """Where notices go, as far as the configuration says."""
        chats = map(ChatSink, self.apprise_urls)
        if self.webhook_url is None or self.webhook_secret is None:
            return tuple(chats)
        webhook = Webhook(self.webhook_url, self.webhook_secret, self.webhook_events, self.webhook_allow_private)
        return (webhook, *chats)


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
            if place.path.startswith(f"{KEYMAP}."):
                keymap[reading.read_action_id(place)] = reading.read_keys(place)
                continue
            key = KEYS.get(place.path)
            if key is None:
                problems.append(f"{where}: is no key{_nearest(place.path)}")
                continue
            values[key.field] = key.read(place)
        except InvalidInput as error:
            problems.append(f"{where}: {error.happened}")
    for key_path, partner in ((_WEBHOOK_URL, _WEBHOOK_SECRET), (_WEBHOOK_SECRET, _WEBHOOK_URL)):
        lone = document.places.get(key_path)
        if lone is not None and partner not in document.places:
            problems.append(f"{name}:{lone.line}:{lone.column}: {lone.path}: needs {partner} beside it")
    for action, why in actions.keymap_problems(keymap).items():
        place = document.places[f"{KEYMAP}.{action}"]
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
    result = {path: _to_json(key, getattr(settings, key.field)) for path, key in KEYS.items()}
    for action in actions.with_keymap(settings.keymap):
        result[f"{KEYMAP}.{action.id}"] = list(action.keys)
    return result


def _to_json(key: Key, value: Any) -> Any:
    if value is None:
        return None
    if key.masked is not None:
        return key.masked(value)
    return format_duration(value) if key.is_duration else list(value) if key.is_list else value


def _masked_url(url: str) -> str:
    """Its service and no more: any other part may be a token."""
    return f"{url.partition('://')[0]}://{MASK}"


@dataclass(frozen=True)
class Key:
    """One key of the file: the field of Settings that it sets, and how its text is read."""

    field: str
    read: Callable[[Place], Any]
    is_duration: bool = False
    is_list: bool = False
    masked: Callable[[Any], Any] | None = None  #: what is printed of a secret; errors do not repeat it either


_WEBHOOK_URL = "notify.webhook.url"
_WEBHOOK_SECRET = "notify.webhook.secret"  # noqa: S105 - a key's name

KEYS = {
    "store": Key("store", reading.read_file_path, masked=shown_location),
    "policy": Key("policy", reading.read_file_path),
    "reviewer": Key("reviewer", reading.read_text),
    "requests.timeout": Key("timeout", reading.duration(1000), is_duration=True),
    "requests.approval_lifetime": Key("approval_lifetime", reading.duration(1000), is_duration=True),
    "requests.dedupe_window": Key("dedupe_window", reading.duration(0), is_duration=True),
    "requests.claim_lifetime": Key("claim_lifetime", reading.duration(1000), is_duration=True),
    "console.theme": Key("theme", reading.one_of(THEMES)),
    "console.layout": Key("layout", reading.one_of(LAYOUTS)),
    "console.arming": Key("arming", reading.duration(_SHORTEST_ARMING), is_duration=True),
    "console.long_payload": Key("long_payload", reading.read_rows),
    "console.bell": Key("bell", reading.read_yes_or_no),
    "console.title": Key("title", reading.read_yes_or_no),
    "console.notice": Key("notice", reading.one_of(NOTICES)),
    "deny.reasons": Key("deny_reasons", reading.read_reasons, is_list=True),
    "proxy.hold": Key("proxy_hold", reading.duration(0), is_duration=True),
    "proxy.on_pending": Key("proxy_on_pending", reading.one_of(proxy_choices.ON_PENDING)),
    "proxy.pending_code": Key("proxy_pending_code", reading.read_error_code),
    "proxy.rollback_on": Key("proxy_rollback_on", reading.one_of(proxy_choices.ROLLBACK_ON)),
    _WEBHOOK_URL: Key("webhook_url", reading.read_webhook_url, masked=_masked_url),
    _WEBHOOK_SECRET: Key("webhook_secret", reading.read_secret, masked=lambda _: MASK),
    "notify.webhook.events": Key("webhook_events", reading.read_sink_events, is_list=True),
    "notify.webhook.allow_private": Key("webhook_allow_private", reading.read_yes_or_no),
    "notify.apprise": Key(
        "apprise_urls", reading.read_chat_urls, masked=lambda urls: [_masked_url(url) for url in urls]
    ),
    "notify.remind_after": Key("remind_after", reading.duration(SECOND), is_duration=True),
    "redact.names": Key("redact_names", reading.read_names, is_list=True),
}
SECTIONS = frozenset({path[:dot] for path in KEYS for dot, sign in enumerate(path) if sign == "."}) | {KEYMAP}


def _nearest(path: str) -> str:
    return reading.did_you_mean(path, (*KEYS, *SECTIONS))
