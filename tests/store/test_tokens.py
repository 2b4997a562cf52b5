"""Tokens in the store: fixed, never replaced, revoked for good, and held against the log."""

from __future__ import annotations

from contextlib import closing

import pytest

from approval_tui.domain.clock import HOUR
from approval_tui.domain.decisions import Reviewer
from approval_tui.domain.errors import InvalidInput, StoreCorrupt, TokenNotFound
from approval_tui.domain.roles import AGENT, REVIEWER
from approval_tui.domain.tokens import Token, has_secret, new_token, token_id_of
from approval_tui.store.asynchronous import AsyncStore
from approval_tui.store.blocking import BlockingStore
from tests.store.tampering import REFUSED, attack, forge, problems, raw, sqlite_alone
from tests.support import ANN, BO, ManualClock, assert_sound


def made(store: BlockingStore, name: str = "bot", lifetime: int | None = None) -> tuple[Token, str]:
    new = new_token()
    return store.reviewer.create_token(new, AGENT, name, lifetime=lifetime, reviewer=ANN), new.text


async def test_a_token_is_found_by_its_id_and_known_by_its_secret(
    store: BlockingStore, async_store: AsyncStore
) -> None:
    token, text = made(store)
    assert await async_store.server.find_token(str(token_id_of(text))) == token
    assert await async_store.server.find_token("0" * 16) is None
    assert has_secret(token, text)


@pytest.mark.parametrize(
    "change", ["other secret", "other id", "shorter", "longer", "line break", "upper case", "empty", "no token"]
)
def test_nothing_but_the_very_text_is_the_token(store: BlockingStore, change: str) -> None:
    token, text = made(store)
    other = {
        "other secret": made(store)[1],
        "other id": text[:-64] + made(store)[1][-64:],
        "shorter": text[:-1],
        "longer": f"{text}0",
        "line break": f"{text}\n",
        "upper case": text.upper(),
        "empty": "",
        "no token": "apt_",
    }[change]
    assert not has_secret(token, other)
    assert not has_secret(None, text)
    assert not has_secret(None, "")


def test_a_token_ends_when_it_said_or_when_it_is_revoked(store: BlockingStore, clock: ManualClock) -> None:
    timed, _ = made(store, lifetime=HOUR)
    endless, _ = made(store)
    assert timed.is_live(clock.now + HOUR - 1)
    assert not timed.is_live(clock.now + HOUR)
    clock.move(5)
    first = store.reviewer.revoke_token(endless.id, reviewer=ANN)
    clock.move(5)
    assert store.reviewer.revoke_token(endless.id, reviewer=ANN) == first
    assert (first.revoked_at, first.is_live(clock.now)) == (clock.now - 5, False)
    with pytest.raises(TokenNotFound):
        store.reviewer.revoke_token("0" * 16, reviewer=ANN)
    assert_sound(store)


@pytest.mark.parametrize(("role", "name", "lifetime"), [("admin", "x", None), (AGENT, "", None), (REVIEWER, "x", 0)])
def test_what_no_token_can_be_is_refused(store: BlockingStore, role: str, name: str, lifetime: int | None) -> None:
    with pytest.raises(InvalidInput):
        store.reviewer.create_token(new_token(), role, name, lifetime=lifetime, reviewer=ANN)
    assert (store.reviewer.tokens(), store.reviewer.events()) == ((), ())


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE tokens SET role = 'reviewer'",
        "UPDATE tokens SET name = 'root'",
        "UPDATE tokens SET secret_hash = 'x'",
        "UPDATE tokens SET expires_at = NULL",
        "UPDATE tokens SET revoked_at = NULL WHERE revoked_at IS NOT NULL",
        "DELETE FROM tokens",
        sqlite_alone(
            "INSERT OR REPLACE INTO tokens SELECT id, 'reviewer', name, secret_hash, created_at, expires_at, "
            "revoked_at FROM tokens"
        ),
    ],
)
def test_the_schema_lets_no_token_become_another(store: BlockingStore, statement: str) -> None:
    token, _ = made(store, lifetime=HOUR)
    store.reviewer.revoke_token(token.id, reviewer=ANN)
    with closing(raw(store)) as connection, pytest.raises(REFUSED):
        connection.execute(statement)
    assert_sound(store)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE tokens SET role = 'reviewer'", "its row differs"),
        ("UPDATE tokens SET name = 'root'", "its row differs"),
        ("UPDATE tokens SET secret_hash = 'x'", "its row differs"),
        ("UPDATE tokens SET created_at = created_at - 1", "its row differs"),
        ("UPDATE tokens SET expires_at = 9999999999999", "its row differs"),
        ("UPDATE tokens SET revoked_at = 5", "on whether it was revoked"),
        ("DELETE FROM tokens", "its row was deleted"),
        (
            "INSERT INTO tokens VALUES ('0000000000000000', 'reviewer', 'root', 'x', 1, NULL, NULL)",
            "no event created this token",
        ),
    ],
)
def test_verify_finds_tokens_that_no_command_wrote(store: BlockingStore, statement: str, said: str) -> None:
    made(store)
    attack(store, statement)
    (problem,) = problems(store)
    assert said in problem.what


@pytest.mark.parametrize("event", ["created twice", "revoked before", "revoked twice", "no token", "nothing"])
def test_verify_finds_events_that_fit_no_token(store: BlockingStore, event: str) -> None:
    token, _ = made(store)
    store.reviewer.revoke_token(token.id, reviewer=ANN)
    revoked, created = (each.body["details"] for each in store.reviewer.events())
    name, details = {
        "created twice": ("token_created", created),
        "revoked before": ("token_revoked", {**revoked, "token": "0" * 16}),
        "revoked twice": ("token_revoked", revoked),
        "no token": ("token_created", {**created, "token": [token.id]}),
        "nothing": ("token_revoked", {}),
    }[event]
    forge(
        store, name, None, {"event": name, "request": None, "at": token.created_at, "changes": {}, "details": details}
    )
    (problem,) = problems(store)
    assert (problem.what, problem.seq) == ("this event fits no token", 3)


def test_the_log_says_who_made_a_token_and_who_ended_it(store: BlockingStore, clock: ManualClock) -> None:
    token, text = made(store, lifetime=HOUR)
    clock.move(5)
    store.reviewer.revoke_token(token.id, reviewer=BO)
    revoked, created = store.reviewer.events()
    assert (created.request_id, revoked.request_id) == (None, None)
    assert created.body["details"] == {
        "token": token.id,
        "role": AGENT,
        "name": "bot",
        "secret_hash": token.secret_hash,
        "created_at": token.created_at,
        "expires_at": token.created_at + HOUR,
        "by": ANN.to_json(),
    }
    assert revoked.body["details"] == {"token": token.id, "revoked_at": clock.now, "by": BO.to_json()}
    assert text.rpartition("_")[2] not in str(created.body)


@pytest.mark.parametrize("nobody", [Reviewer(""), Reviewer("ann", via="policy"), Reviewer("ann", via="grant")])
def test_only_somebody_makes_and_ends_tokens(store: BlockingStore, nobody: Reviewer) -> None:
    token, _ = made(store)
    with pytest.raises(InvalidInput):
        store.reviewer.create_token(new_token(), AGENT, "bot", lifetime=None, reviewer=nobody)
    with pytest.raises(InvalidInput):
        store.reviewer.revoke_token(token.id, reviewer=nobody)
    assert store.reviewer.tokens() == (token,)


@pytest.mark.sqlite_alone  # PostgreSQL's columns hold no value of another type
@pytest.mark.parametrize(
    "change",
    [
        "role = 'root'", "name = x'00'", "secret_hash = x'00'", "created_at = 'then'", "expires_at = 'never'",
        "expires_at = 1e300", "revoked_at = 'never'",
    ],
)  # fmt: skip
def test_a_row_that_we_cannot_have_written_lets_nobody_in(store: BlockingStore, change: str) -> None:
    made(store)
    attack(store, f"UPDATE tokens SET {change}")
    with pytest.raises(StoreCorrupt):
        store.reviewer.tokens()
