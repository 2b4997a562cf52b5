"""`store init`, and the commands as somebody runs them who has an agent's credentials, or a reviewer's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from approval_tui.cli.exit_codes import CONFLICT, DONE, STORE_UNAVAILABLE, USAGE
from tests.cli.running import Cli, in_this_process
from tests.postgres.servers import Server
from tests.store.postgres_roles.arena import Arena

SUBMIT = (
    "submit",
    "--tool",
    "shell",
    "--args",
    '{"command": "ls"}',
    "--requester",
    "bot",
    "--session",
    "run",
    "--json",
)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Cli:
    """Runs the command in this process; no store is there yet."""
    return in_this_process(capsys)


@pytest.fixture
def place(postgres_server: Server, postgres_schema: str) -> Iterator[Arena]:
    """An empty schema, and names for roles, which are gone after the test."""
    arena = Arena(postgres_server, postgres_schema)
    yield arena
    arena.drop_roles(arena.agent_role, arena.reviewer_role)


def test_a_file_is_made_once(run: Cli, tmp_path: Path) -> None:
    path = str(tmp_path / "approvals.db")
    made = run("store", "init", "--store", path)
    assert (made.code, made.out, made.err) == (DONE, f"{path}\n", "A new, empty store was made.\n")
    assert run("store", "init", "--store", path, "--json").json == {"store": path, "was_there": True, "roles": []}
    refused = run("store", "init", "--store", path, "--agent-role", "bot")
    assert (refused.code, refused.out) == (USAGE, "")
    assert "knows no roles" in refused.err


def test_the_commands_of_each_role(run: Cli, place: Arena) -> None:
    roles = ("--agent-role", place.agent_role, "--reviewer-role", place.reviewer_role)
    made = run("store", "init", "--store", place.owner, *roles)
    assert made.out.splitlines()[1:] == [
        f'agent     "{place.agent_role}"  new', f'reviewer  "{place.reviewer_role}"  new']  # fmt: skip
    assert f'\\password "{place.agent_role}"' in made.err
    again = run("store", "init", "--store", place.owner, *roles, "--json")
    assert [role["is_new"] for role in again.json["roles"]] == [False, False]

    agent, reviewer = ("--store", place.agent), ("--store", place.reviewer)
    request = run(*SUBMIT, *agent).json
    for words in (
        ("approve", request["id"], "--digest", request["digest"]),
        ("deny", request["id"]),
        ("expire", request["id"]),
        ("grant", "add", request["id"], "--digest", request["digest"]),
        ("session", "hold", request["id"]),
        ("token", "create", "--role", "reviewer", "--name", "me"),
        ("token", "list"),
        ("audit", "verify"),
        ("audit", "head"),
        ("audit", "export"),
        ("store", "init"),
    ):
        refused = run(*words, *agent)
        assert (words, refused.code, refused.out) == (words, STORE_UNAVAILABLE, "")
        assert "role" in refused.err
    assert request["id"] in run("list", *agent).out
    assert run("approve", request["id"], "--digest", request["digest"], *reviewer).code == DONE
    assert run("wait", request["id"], *agent).code == DONE
    claim = run("consume", request["id"], "--json", *agent).json["claim"]
    assert run("consume", request["id"], *agent).code == CONFLICT
    assert run("outcome", request["id"], "succeeded", "--claim", claim, *agent).code == DONE
    assert run("session", "hold", request["id"], *reviewer).code == DONE
    assert run("audit", "verify", *reviewer).code == DONE
