"""The OpenAPI document says what the server does, and Schemathesis finds nothing that is not so."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import jsonschema
import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.http_names import uuid_of
from approval_tui.domain.models import Request
from approval_tui.domain.roles import AGENT, REVIEWER
from approval_tui.integrations.approval_manager import REQUESTER, TOOL
from approval_tui.server import change_feed
from tests.server.serving import Served, serving_all, table
from tests.support import LONG, ROOT, approve, assert_sound, consume, deny, submit

HOOKS = "tests.server.schemathesis_hooks"
SEED = 20260101
CONFIGURATION = """
[dictionaries.ids]
values = {ids}

[parameters]
"path.id" = {{ dictionary = "ids", probability = 0.8 }}

[[operations]]
include-operation-id = ["approveProposal", "rejectProposal"]
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "401", "403", "404", "5xx"]
"""
"""Of a proposal that is decided already ToolWeaver says 400, for which the body is not to blame."""


def document_of(served: Served) -> dict[str, Any]:
    with served.client() as client:
        document: dict[str, Any] = client.get("/openapi.json").json()
    return document


def test_every_operation_of_the_table_is_in_the_document_and_nothing_else(served_whole: Served) -> None:
    document = document_of(served_whole)
    assert document["openapi"].startswith("3.1.")
    told = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert told == {(each.method, each.path) for each in table()}
    for operation in table():
        said = document["paths"][operation.path][operation.method.lower()]
        assert said["operationId"] == operation.name
        assert said["security"] == [{operation.role: []}]
        assert {int(status) for status in said["responses"]} >= {*operation.answers, *operation.refusals, 400, 401, 403}
        assert ("requestBody" in said) == (operation.body is not None)
        for answer in said["responses"].values():
            assert answer["headers"]["X-Request-ID"]["required"] is True


def test_its_schemas_are_valid_and_refer_to_each_other(served_whole: Served) -> None:
    document = document_of(served_whole)
    schemas = document["components"]["schemas"]
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)
    text = json.dumps(document)
    referred = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert referred <= set(schemas)


def test_its_schemas_have_the_bounds_that_are_kept(served_whole: Served) -> None:
    schemas = document_of(served_whole)["components"]["schemas"]
    create = schemas["CreateApprovalRequest"]
    assert create["additionalProperties"] is False
    assert create["required"] == ["tool", "arguments", "timeout"]
    assert create["properties"]["tool"]["maxLength"] == 256
    assert create["properties"]["timeout"]["pattern"] == "^[1-9][0-9]*(s|m|h)$"
    assert schemas["Approve"]["properties"]["digest"]["pattern"] == "^v1:sha256:[0-9a-f]{64}$"


@pytest.mark.parametrize("role", [AGENT, REVIEWER])  # whom nobody refuses; without a token all is refused alike
def test_schemathesis_finds_nothing(
    store_path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, role: str
) -> None:
    monkeypatch.setattr(change_feed, "LONGEST_WAIT", 1)
    with serving_all(store_path) as served:
        run_schemathesis(served, role, tmp_path, examples=3)
        assert_it_serves_on(served)


@pytest.mark.soak
@pytest.mark.parametrize("role", ["nobody", AGENT, REVIEWER])
@pytest.mark.parametrize("seed", range(SEED, SEED + 3))
def test_schemathesis_finds_nothing_for_long(
    store_path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, role: str, seed: int
) -> None:
    monkeypatch.setattr(change_feed, "LONGEST_WAIT", 1)
    with serving_all(store_path) as served:
        run_schemathesis(served, role, tmp_path, examples=300, seed=seed, seconds=60 * LONG)
        assert_it_serves_on(served)


def run_schemathesis(
    served: Served, role: str, folder: Path, *, examples: int, seed: int = SEED, seconds: float = 2 * LONG
) -> None:
    """Runs Schemathesis with the token of that role in a process of its own; fails with its report."""
    requests = filled(served)
    ids = [name for request in requests for name in (request.id, uuid_of(request.id))]
    (folder / "schemathesis.toml").write_text(CONFIGURATION.format(ids=json.dumps(ids)))
    token = {AGENT: served.agent_token, REVIEWER: served.reviewer_token}.get(role)
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", "schemathesis.toml", "run"]
    options = ["--checks", "all", "--warnings", "off", "--generation-database", "none", "--no-color", "--no-shrink"]
    options += ["--max-examples", str(examples), "--seed", str(seed), "--phases", "coverage,fuzzing"]
    options += ["--continue-on-failure", "--request-timeout", str(LONG)]
    header = [] if token is None else ["-H", f"Authorization: Bearer {token}"]
    ran = subprocess.run(
        [*command, f"{served.url}/openapi.json", *options, *header],
        cwd=folder,
        env={
            **os.environ,
            "NO_PROXY": "*",
            "PYTHONPATH": ROOT,
            "SCHEMATHESIS_HOOKS": "tests.server.schemathesis_hooks",
        },
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"{len(table())} selected" in ran.stdout


def filled(served: Served) -> list[Request]:
    """One request of each status, and one of ToolWeaver's proposals."""

    def asked(command: str) -> Request:
        return submit(served.desk, Call(tool="shell", arguments={"command": command}, requester="bot", session="s"))

    proposed = {"title": "a", "description": "b", "proposed_action": {}}
    cancelled = asked("cancelled")
    served.desk.requester.cancel(cancelled.id, requester="bot")
    return [
        asked("pending"),
        approve(served.desk, asked("approved")),
        deny(served.desk, asked("denied")),
        consume(served.desk, approve(served.desk, asked("consumed"))).request,
        cancelled,
        submit(served.desk, Call(tool=TOOL, arguments=proposed, requester=REQUESTER)),
    ]


def assert_it_serves_on(served: Served) -> None:
    with served.client(served.reviewer_token) as reviewer:
        answer: httpx2.Response = reviewer.get("/api/pending")
    assert answer.status_code == 200
    assert_sound(served.desk)
