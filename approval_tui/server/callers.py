"""Who calls, and whether it may be from here: hosts, origins and tokens."""

from __future__ import annotations

import re
from collections.abc import Collection

from starlette.datastructures import Headers

from approval_tui.domain.tokens import Token, has_secret, token_id_of
from approval_tui.server.errors import Refusal
from approval_tui.store.asynchronous import AsyncStore

_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?")
_CHALLENGE = (("WWW-Authenticate", 'Bearer realm="approval-tui"'),)


def refuse_foreign_pages(headers: Headers, hosts: Collection[str] | None) -> None:
    """Raises Refusal for what a web page sends, and for a name that is not this server's (DNS rebinding).

    No page has any business here. `hosts` are the names under which the server may be called; None where a
    certificate or a socket's permissions say that already.
    """
    named = headers.getlist("host")
    found = _HOST.fullmatch(named[0]) if len(named) == 1 else None
    if found is None or (hosts is not None and found["name"].lower() not in hosts):
        raise Refusal(400, "invalid_host", "This server is not called by that name.", param="Host")
    if "origin" in headers or set(headers.getlist("sec-fetch-site")) - {"none"}:
        raise Refusal(403, "origin_refused", "Web pages may not call this server.", param="Origin")


async def authenticate(store: AsyncStore, headers: Headers) -> Token:
    """The live token of the caller; raises Refusal where there is none, whatever is wrong with it."""
    given = headers.getlist("authorization")
    scheme, _, text = given[0].partition(" ") if len(given) == 1 else ("", "", "")
    token_id = token_id_of(text) if scheme.lower() == "bearer" else None
    token = None if token_id is None else await store.server.find_token(token_id)
    if token is None or not has_secret(token, text) or not token.is_live(store.now()):
        raise Refusal(401, "invalid_token", "A valid token is needed.", headers=_CHALLENGE)
    return token


async def refuse_ended_token(store: AsyncStore, token: Token) -> None:
    """Raises Refusal where the token was revoked, or has expired, while its caller waited."""
    now = await store.server.find_token(token.id)
    if now is None or not now.is_live(store.now()):
        raise Refusal(401, "invalid_token", "A valid token is needed.", headers=_CHALLENGE)
