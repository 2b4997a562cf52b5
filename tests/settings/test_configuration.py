"""The configuration: every key, and every fault with its file, line, column, key and reason."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from approval_tui.domain.clock import HOUR, MINUTE, SECOND
from approval_tui.domain.errors import ConfigurationError
from approval_tui.domain.sinks import ChatSink, Webhook
from approval_tui.settings.actions import ACTIONS, keymap_problems, with_keymap
from approval_tui.settings.configuration import (
    KEYS,
    THEMES,
    Settings,
    load_settings,
    parse_settings,
    settings_to_json,
    store_location,
)

EVERY_KEY = """\
store: ~/approvals/store.db
policy: ~/approvals/policy.yaml
reviewer: ann
requests:
  timeout: 30m
  approval_lifetime: 90s
  dedupe_window: 0s
  claim_lifetime: 2h30m
console:
  theme: textual-light
  layout: stacked
  arming: 250ms
  long_payload: 500
  bell: false
  title: false
  notice: osc777
deny:
  reasons: [Not now., "On a branch, please."]
proxy:
  hold: 0
  on_pending: tool_error
  pending_code: -1
  rollback_on: error
notify:
  webhook:
    url: https://hooks.example.org/T0/geheim
    secret: whsec_Z2VoZWlt
    events: [decided, expired]
    allow_private: true
  apprise: [ntfy://ntfy.sh/geheim]
  remind_after: 5m
redact:
  names: [password, "api key"]
"""


def parse(text: str) -> Settings:
    return parse_settings(text, "config.yaml")


def faults(text: str) -> list[str]:
    """The problems of a text that cannot be used."""
    with pytest.raises(ConfigurationError) as caught:
        parse(text)
    assert str(caught.value).startswith(caught.value.problems[0])
    assert caught.value.not_done == "Nothing was started."
    assert "config validate" in caught.value.to_do
    return list(caught.value.problems)


# --- keys --------------------------------------------------------------------------------------


def test_every_key_is_read(own_home: Path) -> None:
    assert parse(EVERY_KEY) == Settings(
        store=str(own_home / "approvals/store.db"),
        policy=str(own_home / "approvals/policy.yaml"),
        reviewer="ann",
        timeout=30 * MINUTE,
        approval_lifetime=90 * SECOND,
        dedupe_window=0,
        claim_lifetime=2 * HOUR + 30 * MINUTE,
        theme="textual-light",
        layout="stacked",
        arming=250,
        long_payload=500,
        bell=False,
        title=False,
        notice="osc777",
        deny_reasons=("Not now.", "On a branch, please."),
        proxy_hold=0,
        proxy_on_pending="tool_error",
        proxy_pending_code=-1,
        proxy_rollback_on="error",
        webhook_url="https://hooks.example.org/T0/geheim",
        webhook_secret="whsec_Z2VoZWlt",
        webhook_events=("decided", "expired"),
        webhook_allow_private=True,
        apprise_urls=("ntfy://ntfy.sh/geheim",),
        remind_after=5 * MINUTE,
        redact_names=("password", "api key"),
    )


def test_every_key_is_in_the_text_of_this_test() -> None:
    last_words = [path.split(".")[-1] for path in KEYS]
    assert [line.split(":")[0].strip() for line in EVERY_KEY.splitlines() if line.split(":")[1]] == last_words


def test_no_secret_of_a_sink_is_printed() -> None:
    settings = parse(EVERY_KEY)
    for printed in (repr(settings), str(settings_to_json(settings)), repr(settings.sinks)):
        assert "geheim" not in printed
        assert "Z2Vo" not in printed


def test_the_sinks_are_the_webhook_and_each_url_of_apprise() -> None:
    assert parse(EVERY_KEY).sinks == (
        Webhook("https://hooks.example.org/T0/geheim", "whsec_Z2VoZWlt", ("decided", "expired"), allow_private=True),
        ChatSink("ntfy://ntfy.sh/geheim"),
    )
    assert parse("notify: {apprise: slack://a/b/c}").sinks == (ChatSink("slack://a/b/c"),)
    assert Settings().sinks == ()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{webhook: {url: 'http://h/'}}", "1:25: notify.webhook.url: needs notify.webhook.secret beside it"),
        ("{webhook: {secret: geheim}}", "1:28: notify.webhook.secret: needs notify.webhook.url beside it"),
        ("{webhook: geheim}", "1:19: notify.webhook: must hold keys, not a value"),
        ("{webhook: {url: 'ftp://geheim/', secret: s}}", None),
        ("{webhook: {url: 'http://h/', secret: 12345}}", None),
        ("{webhook: {url: 'http://h/', secret: whsec_geheim!}}", None),
        ("{webhook: {url: 'http://h/', secret: s, events: []}}", None),
        ("{webhook: {url: 'http://h/', secret: s, events: [all]}}", None),
        ("{apprise: [geheim]}", None),
        ("{apprise: ['://geheim']}", None),
        ("{apprise: [{geheim: 1}]}", None),
        ("{remind_after: 0}", None),
        ("{remind_after: 10ms}", None),
    ],
)
def test_what_no_sink_can_be_is_refused_and_no_secret_repeated(text: str, problem: str | None) -> None:
    (found,) = faults(f"notify: {text}")
    assert found.startswith("config.yaml:1:")
    assert "geheim" not in found
    assert "12345" not in found
    assert problem is None or found == f"config.yaml:{problem}"


@pytest.mark.parametrize(
    "text", ["", "\n", "# nothing but a comment\n", "---\n", "~", "{}", "requests:\n", "console: {}\n"]
)
def test_what_is_not_said_has_its_default(text: str) -> None:
    assert parse(text) == Settings()


def test_the_defaults_are_those_of_the_design() -> None:
    defaults = Settings()
    assert (defaults.timeout, defaults.approval_lifetime, defaults.dedupe_window, defaults.claim_lifetime) == (
        10 * MINUTE,
        10 * MINUTE,
        5 * MINUTE,
        HOUR,
    )
    assert defaults.arming == 400


def test_a_key_may_be_quoted_or_come_from_an_anchor() -> None:
    assert parse('"reviewer": "no"').reviewer == "no"
    text = "requests: {timeout: &wait 20m, approval_lifetime: *wait}"
    assert (parse(text).timeout, parse(text).approval_lifetime) == (20 * MINUTE, 20 * MINUTE)


def test_a_url_of_a_store_is_left_alone() -> None:
    assert parse("store: sqlite:///srv/approvals.db").store == "sqlite:///srv/approvals.db"


def test_settings_print_as_their_keys_and_read_back(own_home: Path) -> None:
    printed = settings_to_json(parse(EVERY_KEY))
    keys = {path: printed.pop(path) for path in list(printed) if path.startswith("console.keys.")}
    assert keys["console.keys.next"] == ["j", "down"]
    assert len(keys) == len(ACTIONS)
    assert printed == {
        "store": str(own_home / "approvals/store.db"),
        "policy": str(own_home / "approvals/policy.yaml"),
        "reviewer": "ann",
        "requests.timeout": "30m",
        "requests.approval_lifetime": "1m30s",
        "requests.dedupe_window": "0s",
        "requests.claim_lifetime": "2h30m",
        "console.theme": "textual-light",
        "console.layout": "stacked",
        "console.arming": "250ms",
        "console.long_payload": 500,
        "console.bell": False,
        "console.title": False,
        "console.notice": "osc777",
        "deny.reasons": ["Not now.", "On a branch, please."],
        "proxy.hold": "0s",
        "proxy.on_pending": "tool_error",
        "proxy.pending_code": -1,
        "proxy.rollback_on": "error",
        "notify.webhook.url": "https://••••",
        "notify.webhook.secret": "••••",
        "notify.webhook.events": ["decided", "expired"],
        "notify.webhook.allow_private": True,
        "notify.apprise": ["ntfy://••••"],
        "notify.remind_after": "5m",
        "redact.names": ["password", "api key"],
    }


# --- faults ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("stoer: x", "config.yaml:1:8: stoer: is no key; did you mean store?"),
        ("reviwer: ann", "config.yaml:1:10: reviwer: is no key; did you mean reviewer?"),
        ("requests:\n  timout: 10m", "config.yaml:2:11: requests.timout: is no key; did you mean requests.timeout?"),
        ("request:\n  timeout: 10m", "config.yaml:1:1: request: is no key; did you mean requests?"),
        ("xyzzy: 1", "config.yaml:1:8: xyzzy: is no key"),
        ("timeout: 10m", "config.yaml:1:10: timeout: is no key; did you mean requests.timeout?"),
        ("5: 1", "config.yaml:1:4: 5: is no key"),
        ("<<: {store: x}", "config.yaml:1:1: <<: is no key"),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest_one(text: str, problem: str) -> None:
    assert faults(text)[0] == problem


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("reviewer: no", "reviewer: must be text, not 'no' (YAML reads it as something else; put it in quotes)"),
        ("reviewer: yes", "reviewer: must be text, not 'yes' (YAML reads it as something else; put it in quotes)"),
        ("reviewer: 007", "reviewer: must be text, not '007' (YAML reads it as something else; put it in quotes)"),
        ("reviewer: 1.5", "reviewer: must be text, not '1.5' (YAML reads it as something else; put it in quotes)"),
        ("store: 12:30:45", "store: must be text, not '12:30:45' (YAML reads it as something else; put it in quotes)"),
        ("reviewer: ~", "reviewer: must be text, not '~'"),
        ("reviewer:", "reviewer: must be text, not ''"),
        ("reviewer: ''", "reviewer: must be text, not ''"),
        ("reviewer: '  '", "reviewer: must be text, not '  '"),
        ("reviewer: [ann]", "reviewer: must be text, not a list"),
        ("reviewer: {name: ann}", "reviewer: must be text, not a mapping"),
        ("reviewer: 2026-11-21", "reviewer: must be text, not '2026-11-21'"),
        ("reviewer: !!binary aGk=", "reviewer: must be text, not 'aGk='"),
    ],
)
def test_text_must_be_text(text: str, problem: str) -> None:
    fault = faults(text)[0]
    assert fault.startswith("config.yaml:1:")
    assert fault.endswith(f": {problem}")


@pytest.mark.parametrize("key", [path for path, key in KEYS.items() if key.is_duration])
@pytest.mark.parametrize("value", ["10", "1.5", "ten minutes", "'-10m'", "'10 m'", "[10m]", "{m: 10}", "", "yes", "''"])
def test_a_duration_must_be_a_duration(key: str, value: str) -> None:
    section, word = key.split(".")
    (problem, *_) = faults(f"{section}:\n  {word}: {value}")
    assert problem.startswith("config.yaml:2:")
    assert f"{key}: must be a duration such as" in problem


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("requests: {timeout: 0s}", "requests.timeout: must be at least 1s, not '0s'"),
        ("requests: {timeout: 999ms}", "requests.timeout: must be at least 1s, not '999ms'"),
        ("requests: {approval_lifetime: 0s}", "requests.approval_lifetime: must be at least 1s, not '0s'"),
        ("requests: {claim_lifetime: 0s}", "requests.claim_lifetime: must be at least 1s, not '0s'"),
        ("console: {arming: 99ms}", "console.arming: must be at least 100ms, not '99ms'"),
        ("requests: {timeout: 4000d}", "requests.timeout: must be a duration such as 30s, 10m or 1h30m, not '4000d'"),
    ],
)
def test_a_duration_has_its_bounds(text: str, problem: str) -> None:
    assert [each.partition(": ")[2] for each in faults(text)] == [problem]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("password", "must be a list of words, not 'password'"),
        ("{password: yes}", "must be a list of words, not a mapping"),
        ("[password, 5]", "must be text, not '5' (YAML reads it as something else; put it in quotes)"),
        ("[password, '']", "must be text, not ''"),
        ("[[password]]", "must be text, not a"),
        ("[{password: x}]", "must be text, not a"),
    ],
)
def test_a_list_of_words_must_be_one(value: str, reason: str) -> None:
    assert f"redact.names: {reason}" in faults(f"redact:\n  names: {value}")[0]


@pytest.mark.parametrize("value", ["10m", "[timeout]", "yes", "5"])
def test_a_section_must_hold_keys(value: str) -> None:
    assert faults(f"reviewer: ann\nrequests: {value}")[0].endswith("requests: must hold keys, not a value")
    assert faults(f"reviewer: ann\nrequests: {value}")[0].startswith("config.yaml:2:")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("store: a\nreviewer: ann\nstore: b", "config.yaml:3:1: store: stands twice (first in line 1)"),
        (
            "requests:\n  timeout: 1m\n  timeout: 1m",
            "config.yaml:3:3: requests.timeout: stands twice (first in line 2)",
        ),
        (
            "requests: {timeout: 1m}\nrequests: {timeout: 2m}",
            "config.yaml:2:1: requests: stands twice (first in line 1)",
        ),
        ("store: a\n'store': b", "config.yaml:2:1: store: stands twice (first in line 1)"),
        (
            "requests: {timeout: 1m}\nrequests.timeout: 2m",
            "requests.timeout: stands twice (first in line 1)",
        ),
    ],
)
def test_a_key_that_stands_twice_is_a_fault(text: str, problem: str) -> None:
    assert any(each.endswith(problem) for each in faults(text))


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("store: [a", "config.yaml:1:10: not YAML"),
        ("store: 'a", "config.yaml:1:"),
        ("a: b: c", "config.yaml:1:5: not YAML"),
        ("\tstore: a", "config.yaml:1:1: not YAML"),
        ("store: a\n  reviewer: b", "config.yaml:2:11: not YAML"),
        ("store: *nobody", "config.yaml:1:8: not YAML"),
        ("store: a\n---\nstore: b", "config.yaml:2:1: not YAML"),
        ("%YAML 3.0\n---\nstore: a", "config.yaml:1:1: not YAML"),
        ("store: \0", "config.yaml:1:8: not YAML"),
        ("- store", "config.yaml:1:1: the file must hold keys and values"),
        ("store", "config.yaml:1:1: the file must hold keys and values"),
        ("42", "config.yaml:1:1: the file must hold keys and values"),
        ("? [a, b]\n: c", "config.yaml:1:3: a key must be a plain word"),
        ("{{a: b}: c}", "config.yaml:1:2: a key must be a plain word"),
        ("requests: &r {more: *r}", "config.yaml:1:15: requests.more: refers to itself"),
        ("!!python/object/apply:os.system [true]", "config.yaml:1:1: the file must hold keys and values"),
    ],
)
def test_what_is_no_configuration_says_where(text: str, where: str) -> None:
    assert any(each.startswith(where) for each in faults(text)), faults(text)


def test_yaml_that_would_run_code_is_text_at_most(tmp_path: Path) -> None:
    made = tmp_path / "made"
    assert faults(f"reviewer: !!python/object/apply:os.mkdir ['{made}']")
    assert not made.exists()


def test_nesting_without_end_is_a_fault() -> None:
    assert faults("{a: " * 5000)[0].startswith("config.yaml")
    assert faults("{a: " * 5000 + "1" + "}" * 5000)[0].startswith("config.yaml")


def test_all_faults_are_told_at_once() -> None:
    text = "stoer: x\nreviewer: no\nrequests:\n  timeout: ten\n  timeout: 10m\nconsole: 5\nredact:\n  names: x\n"
    problems = faults(text)
    assert sorted(problem.split(":")[1] for problem in problems) == ["1", "2", "4", "5", "6", "8"]


# --- files -------------------------------------------------------------------------------------


def test_without_a_file_there_are_the_defaults() -> None:
    assert load_settings() == Settings()


def test_the_file_of_the_platform_is_read(own_home: Path) -> None:
    path = own_home / ".config/approval-tui/config.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("reviewer: ann\n")
    assert load_settings().reviewer == "ann"


def test_a_file_that_was_named_comes_before_the_environment_and_the_platform(
    tmp_path: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "named.yaml").write_text("reviewer: ann\n")
    (own_home / "environment.yaml").write_text("reviewer: bo\n")
    monkeypatch.setenv("APPROVAL_TUI_CONFIG", "~/environment.yaml")
    assert load_settings(str(tmp_path / "named.yaml")).reviewer == "ann"
    assert load_settings().reviewer == "bo"


@pytest.mark.parametrize("how", ["argument", "environment"])
def test_a_file_that_was_named_and_is_missing_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    path = str(tmp_path / "missing.yaml")
    if how == "environment":
        monkeypatch.setenv("APPROVAL_TUI_CONFIG", path)
    with pytest.raises(ConfigurationError) as caught:
        load_settings(path if how == "argument" else None)
    assert caught.value.problems == (f"{path}: there is no such file",)


def unreadable_folder(path: Path) -> None:
    path.mkdir()


def not_utf_8(path: Path) -> None:
    path.write_bytes(b"reviewer: \xff\n")


def too_large(path: Path) -> None:
    path.write_text("# " + "x" * (1024 * 1024))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (unreadable_folder, "cannot be read"),
        (not_utf_8, "cannot be read"),
        (too_large, "has 1,048,578 bytes; a configuration has at most 1,048,576"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path, make: Any, words: str) -> None:
    path = tmp_path / "config.yaml"
    make(path)
    with pytest.raises(ConfigurationError) as caught:
        load_settings(str(path))
    assert caught.value.problems[0].startswith(f"{path}: ")
    assert words in caught.value.problems[0]


def test_a_file_with_a_byte_order_mark_and_windows_line_ends_is_read(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(b"\xef\xbb\xbfreviewer: ann\r\nrequests:\r\n  timeout: 1m\r\n")
    assert load_settings(str(path)) == Settings(reviewer="ann", timeout=MINUTE)


def test_the_store_is_given_or_in_the_environment_or_configured_or_the_platforms(
    own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    default = str(own_home / ".local/share/approval-tui/approvals.db")
    configured = Settings(store="/configured.db")
    assert store_location(None, Settings()) == default
    assert store_location(None, configured) == "/configured.db"
    monkeypatch.setenv("APPROVAL_TUI_STORE", "/environment.db")
    assert store_location(None, configured) == "/environment.db"
    assert store_location("/given.db", configured) == "/given.db"
    monkeypatch.delenv("APPROVAL_TUI_STORE")
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert store_location(None, Settings()) == os.path.join("/data", "approval-tui", "approvals.db")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("console: {theme: nordd}", "console.theme: must be one of ansi-dark, ansi-light, "),
        ("console: {layout: wide}", "console.layout: must be one of auto, columns, stacked, not 'wide'"),
        ("console: {notice: off}", "console.notice: must be text, not 'off' (YAML reads it as something else; put it"),
        ("console: {bell: no}", "console.bell: must be true or false, not 'no'"),
        ("console: {bell: 1}", "console.bell: must be true or false, not '1'"),
        ("console: {long_payload: 0}", "console.long_payload: must be a number of rows, not '0'"),
        ("console: {long_payload: 1e3}", "console.long_payload: must be a number of rows, not '1e3'"),
        ("console: {keys: {aprove: z}}", "console.keys.aprove: is no action; did you mean approve?"),
        ("console: {keys: {next: []}}", "console.keys.next: must name a key"),
        ("console: {keys: {next: [jj k]}}", "console.keys.next: must be keys such as a, G, f2, ctrl+d or pagedown"),
        ("console: {keys: {next: true}}", "console.keys.next: must be text, not 'true'"),
        ("console: {keys: {approve: enter}}", "console.keys.approve: enter never decides; choose another key"),
        ("console: {keys: {deny: [D, space]}}", "console.keys.deny: space never decides; choose another key"),
        ("console: {keys: {deny: x}}", "console.keys.deny: x is the key of expire already"),
    ],
)
def test_a_value_for_the_console_that_it_does_not_know_is_refused(text: str, problem: str) -> None:
    (fault,) = faults(text)
    assert fault.partition(": ")[2].startswith(problem)


# --- keys of one's own -------------------------------------------------------------------------


def test_a_keymap_names_a_key_or_a_list_of_keys_and_a_digit_needs_no_quotes() -> None:
    settings = parse("console: {keys: {approve: Y, next: [n, ctrl+n], pending: 7, find_next: f3}}")
    assert settings.keymap == {"approve": ("Y",), "next": ("n", "ctrl+n"), "pending": ("7",), "find_next": ("f3",)}
    actions = {action.id: action for action in with_keymap(settings.keymap)}
    assert actions["next"].keys == ("n", "ctrl+n")
    assert actions["deny"].keys == ("d",)


def test_two_actions_may_change_keys_with_one_another() -> None:
    assert parse("console: {keys: {deny: x, expire: d}}").keymap == {"deny": ("x",), "expire": ("d",)}


def test_the_same_key_may_stand_for_two_actions_that_never_meet() -> None:
    assert parse("console: {keys: {find_next: v}}").keymap == {"find_next": ("v",)}


def test_the_default_keys_are_without_fault() -> None:
    assert keymap_problems({}) == {}


def test_the_themes_are_those_of_the_textual_that_is_installed() -> None:
    from textual.theme import BUILTIN_THEMES

    assert sorted(BUILTIN_THEMES) == list(THEMES)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("Not now.", "must be a list of texts, not 'Not now.'"),
        ("{a: b}", "must be a list of texts, not a mapping"),
        ("['No', '']", "must be text, not ''"),
        ("[no]", "must be text, not 'no' (YAML reads it as something else; put it in quotes)"),
        (f"[{'x' * 16_385}]", "has a text that is too long; 16,384 characters are the most"),
    ],
    ids=lambda text: text[:24],
)
def test_reasons_of_a_denial_must_be_a_list_of_texts(value: str, reason: str) -> None:
    assert faults(f"deny:\n  reasons: {value}")[0].endswith(f"deny.reasons: {reason}")


def test_a_reason_is_one_line_and_there_once() -> None:
    text = "deny:\n  reasons:\n    - |\n      On a branch,\n      please.\n    - 'No   way'\n"
    assert parse(text).deny_reasons == ("On a branch, please.", "No way")
    assert parse("deny:\n").deny_reasons == ()
