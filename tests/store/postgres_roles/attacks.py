"""What somebody with an agent's credentials finds, and how he writes what agents may write."""

from __future__ import annotations

from typing import Any

from psycopg import Connection, errors

from approval_tui.domain.calls import Call
from approval_tui.domain.canonical import tagged_hash
from approval_tui.domain.grants import ALWAYS, GrantTerms
from approval_tui.domain.ids import new_request_id
from approval_tui.domain.tokens import new_token
from approval_tui.store.blocking import BlockingStore
from tests.store.postgres_roles.arena import end
from tests.support import ANN, approve, consume, deny, submit, until

Attacker = Connection[tuple[Any, ...]]
REFUSED = (errors.InsufficientPrivilege, errors.IntegrityConstraintViolation, errors.CheckViolation,
           errors.SerializationFailure)  # fmt: skip
DIGEST = tagged_hash(b"another")
CONSUME = (
    "UPDATE requests SET status = 'consumed', consumed_at = now_in_ms(), claim_hash = '" + DIGEST + "',"
    " claim_expires_at = now_in_ms() + 60000 WHERE id = %(id)s"
)
INSERT = (
    "INSERT INTO requests (id, status, version, tool, requester, context, arguments, requirements, fingerprint, digest,"
    " created_at, expires_at, approval_lifetime) VALUES "
)
ASKED_VALUES = (
    "(%(id)s, %(status)s, 1, 'shell', %(requester)s, '{}', %(arguments)s, %(requirements)s, %(hash)s, %(hash)s,"
    " now_in_ms() + %(later)s, now_in_ms() + 60000, 60000)"
)


def asked(**parts: object) -> dict[str, object]:
    """A request as the agent writes it, but for these parts."""
    needs = '{"evidence":"none","quorum":1,"reason_required":false,"reviewers":[]}'
    return {"id": new_request_id(), "status": "pending", "requester": "bot", "arguments": "{}", "requirements": needs,
            "hash": DIGEST, "later": 0, **parts}  # fmt: skip


def requests_of_all_kinds(opened: dict[str, BlockingStore]) -> dict[str, str]:
    """Requests of the agent and of another one, each in another state, by what they are."""
    agent, other, reviewer = opened["agent"], opened["other"], opened["reviewer"]

    def a_call(name: str, **parts: Any) -> Call:
        return Call("shell", {"command": name}, **{"requester": "bot", "session": name, **parts})

    made = {name: submit(agent, a_call(name)) for name in ("pending", "approved", "consumed", "denied", "held")}
    made["theirs"] = submit(other, a_call("theirs", requester="their-bot"))
    made["late"] = submit(agent, a_call("late", approval_lifetime=1))
    made["overdue"] = submit(agent, a_call("overdue", timeout=1))
    for name in ("approved", "consumed", "held", "theirs", "late"):
        approve(reviewer, made[name])
    consume(agent, made["consumed"])
    deny(reviewer, made["denied"])
    reviewer.reviewer.hold_session("bot", "held", reviewer=ANN)
    for name in ("revoked", "outvoted"):
        made[name] = submit(agent, a_call(name))
        grant = reviewer.reviewer.add_grant(
            made[name].id, GrantTerms(ALWAYS), reviewer=ANN, digest=made[name].digest)  # fmt: skip
        if name == "revoked":
            reviewer.reviewer.revoke_grant(grant.id, reviewer=ANN)
        else:
            made["no"] = submit(agent, a_call(name, session="other", risk="high"))
            deny(reviewer, made["no"])
    theirs = made["theirs"]
    reviewer.reviewer.hold_session("their-bot", "theirs", reviewer=ANN)
    reviewer.reviewer.add_grant(theirs.id, GrantTerms(ALWAYS), reviewer=ANN, digest=theirs.digest)
    reviewer.reviewer.create_token(new_token(), "agent", "bot", lifetime=None, reviewer=ANN)
    until(lambda: reviewer.reviewer.get(made["late"].id).status == "expired")
    return {name: request.id for name, request in made.items()}


def tried(attacker: Attacker, statement: str, **parameters: Any) -> int:
    """How many rows the statement changed, if nothing refused it until the end of its transaction."""
    count = attacker.execute(statement.encode(), parameters).rowcount
    end(attacker)
    return count
