"""token create, list and revoke: printed once, kept as a hash, ended at once."""

from __future__ import annotations

import glob
import re

import pytest

from approval_tui.display.visible import visible_text
from approval_tui.domain.clock import DAY, HOUR, format_timestamp, system_clock
from approval_tui.domain.names import quoted_name
from approval_tui.domain.tokens import has_secret, new_token, token_id_of
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from tests.cli.running import Cli
from tests.support import ANN, ManualClock, assert_sound

CREATE = ("token", "create", "--role", "agent", "--name", "release-bot")


def test_a_new_token_stands_alone_on_stdout_and_only_its_hash_is_kept(
    cli: Cli, store: BlockingStore, store_path: str
) -> None:
    finished = cli(*CREATE, "--reviewer", "ann")
    assert (finished.code, finished.out.count("\n")) == (0, 1)
    text = finished.out.strip()
    assert token_id_of(text) is not None
    assert text not in finished.err
    (token,) = store.reviewer.tokens()
    assert (token.id, token.role, token.name, token.expires_at) == (token_id_of(text), "agent", "release-bot", None)
    assert has_secret(token, text)
    secret = text.rpartition("_")[2].encode()
    for path in glob.glob(f"{store_path}*"):
        if not path.endswith(".bells"):
            with open(path, "rb") as file:
                assert secret not in file.read()
    (event,) = store.reviewer.events()
    assert (event.name, event.body["details"]["by"]["reviewer"]) == ("token_created", "ann")
    assert_sound(store)


def test_a_token_may_end_by_itself(cli: Cli, store: BlockingStore) -> None:
    before = system_clock()
    assert cli(*CREATE, "--expires", "1h").code == 0
    (token,) = store.reviewer.tokens()
    assert before + HOUR <= int(token.expires_at or 0) <= system_clock() + HOUR
    assert token.is_live(before)
    assert not token.is_live(int(token.expires_at or 0))


def test_json_says_everything_once(cli: Cli) -> None:
    made = cli(*CREATE, "--json").json
    assert (made["role"], made["name"], made["expires_at"]) == ("agent", "release-bot", None)
    assert token_id_of(made["token"]) == made["id"]
    (listed,) = cli("token", "list", "--json").json
    assert listed == {name: value for name, value in made.items() if name != "token"}


def test_a_list_shows_who_may_use_the_server_and_what_ended_only_when_asked(cli: Cli) -> None:
    assert "Nobody may use the server." in cli("token", "list").err
    cli(*CREATE)
    cli("token", "create", "--role", "reviewer", "--name", "ann \u202e")
    listing = cli("token", "list").out
    assert re.search(r"^[0-9a-f]{16}  agent     release-bot  until it is revoked$", listing, re.MULTILINE)
    assert "\u202e" not in listing
    ended = cli("token", "list", "--json").json[-1]["id"]
    assert cli("token", "revoke", ended).code == 0
    assert ended not in cli("token", "list").out
    assert re.search(f"^{ended}.*revoked at 20", cli("token", "list", "--all").out, re.MULTILINE)


def test_a_token_whose_time_is_over_is_listed_as_ended(cli: Cli, store_path: str) -> None:
    with open_store_blocking(store_path, clock=ManualClock(system_clock() - 2 * HOUR)) as past:
        ended = past.reviewer.create_token(new_token(), "agent", "brief", lifetime=HOUR, reviewer=ANN)
        lives = past.reviewer.create_token(new_token(), "agent", "long", lifetime=DAY, reviewer=ANN)
    assert [token["id"] for token in cli("token", "list", "--json").json] == [lives.id]
    listing = cli("token", "list", "--all").out
    assert f"brief  expired at {format_timestamp(int(ended.expires_at or 0))}\n" in listing
    assert f"long  until {format_timestamp(int(lives.expires_at or 0))}\n" in listing


def test_a_name_is_shown_as_what_it_is_wherever_it_is_told(cli: Cli, store: BlockingStore) -> None:
    name = "ann \u202e of"
    created = cli("token", "create", "--role", "reviewer", "--name", name)
    (token,) = store.reviewer.tokens()
    revoked = cli("token", "revoke", token.id)
    for text in (created.err, revoked.out):
        assert "\u202e" not in text
        assert visible_text(quoted_name(name)) in text


def test_a_token_is_revoked_once_and_the_second_time_nothing(cli: Cli, store: BlockingStore) -> None:
    token = cli(*CREATE, "--json").json["id"]
    first, second = (cli("token", "revoke", token, "--json").json for _ in range(2))
    assert first == second
    (ended,) = store.reviewer.tokens()
    assert (first["revoked_at"], first["expires_at"]) == (format_timestamp(int(ended.revoked_at or 0)), None)
    assert [event.name for event in store.reviewer.events()] == ["token_revoked", "token_created"]
    assert_sound(store)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("token", "create", "--role", "admin", "--name", "x"), 2),
        (("token", "create", "--role", "agent"), 2),
        (("token", "create", "--role", "agent", "--name", " "), 2),
        (("token", "create", "--role", "agent", "--name", "x" * 257), 2),
        (("token", "create", "--role", "agent", "--name", "x", "--expires", "soon"), 2),
        (("token", "create", "--role", "agent", "--name", "x", "--expires", "0s"), 2),
        (("token", "revoke", "0" * 16), 3),
        (("token",), 2),
    ],
)
def test_what_cannot_be_meant_is_refused(cli: Cli, store: BlockingStore, words: tuple[str, ...], code: int) -> None:
    finished = cli(*words)
    assert (finished.code, finished.out) == (code, "")
    assert store.reviewer.tokens() == ()
