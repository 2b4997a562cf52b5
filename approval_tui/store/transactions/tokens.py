"""Tokens of a server: made, found by their id, revoked. Their secrets never come here."""

from __future__ import annotations

from typing import Any

from approval_tui.domain import events
from approval_tui.domain.checks import check_duration, check_name, invalid_call
from approval_tui.domain.decisions import Reviewer
from approval_tui.domain.errors import TokenNotFound
from approval_tui.domain.roles import ROLES
from approval_tui.domain.tokens import NewToken, Token
from approval_tui.store.transaction import NothingToDo, Row, Transaction, first_row
from approval_tui.store.transactions.records import append_event, corrupt
from approval_tui.store.transactions.reviewer import check_reviewer

FIXED = ("role", "name", "secret_hash", "created_at", "expires_at")


def create_token(
    tx: Transaction, new: NewToken, role: str, name: str, *, lifetime: int | None, reviewer: Reviewer
) -> Token:
    """Keeps the token, valid for `lifetime` ms, or until it is revoked; raises InvalidInput."""
    check_reviewer(reviewer)
    check_name("token's name", name)
    check_duration("token's lifetime", 1 if lifetime is None else lifetime, 1)
    if role not in ROLES:
        raise invalid_call(f"The role {role!r} is none of {', '.join(ROLES)}.")
    fixed = {
        "role": role,
        "name": name,
        "secret_hash": new.secret_hash,
        "created_at": tx.now,
        "expires_at": None if lifetime is None else tx.now + lifetime,
    }
    tx.execute("insert_token", {**fixed, "id": new.id})
    append_event(tx, events.TOKEN_CREATED, None, {}, {**fixed, "token": new.id, "by": reviewer.to_json()})
    return _load(tx, new.id)


def find_token(tx: Transaction, token_id: str) -> Token | None:
    """The token with that id, None where there is none; raises StoreCorrupt."""
    row = first_row(tx.rows("token", {"id": token_id}))
    return None if row is None else token_from_row(row)


def list_tokens(tx: Transaction, *, most: int = 100_000) -> tuple[Token, ...]:
    """The tokens, live or not, newest first."""
    return tuple(token_from_row(row) for row in tx.rows("tokens", {"most": most}))


def revoke_token(tx: Transaction, token_id: str, *, reviewer: Reviewer) -> Token:
    """Ends a token at once, for whoever uses it; the second time nothing. Raises TokenNotFound."""
    check_reviewer(reviewer)
    if tx.execute("revoke_token", {"id": token_id, "now": tx.now}) != 1:
        raise NothingToDo(_load(tx, token_id))
    details = {"token": token_id, "revoked_at": tx.now, "by": reviewer.to_json()}
    append_event(tx, events.TOKEN_REVOKED, None, {}, details)
    return _load(tx, token_id)


def token_from_row(row: Row) -> Token:
    """The token of a row; raises StoreCorrupt for one that we cannot have written."""
    values: dict[str, Any] = {column: row[column] for column in row.keys()}  # noqa: SIM118 - a row gives its values
    is_readable = all(type(values[name]) in kinds for name, kinds in _KINDS.items())
    if not is_readable or values["role"] not in ROLES:
        raise corrupt("The row of a token cannot be read.")
    return Token(**values)


def _load(tx: Transaction, token_id: str) -> Token:
    token = find_token(tx, token_id)
    if token is None:
        raise TokenNotFound(token_id)
    return token


_KINDS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("id", "role", "name", "secret_hash"), (str,)),
    "created_at": (int,),
    **dict.fromkeys(("expires_at", "revoked_at"), (int, type(None))),
}
