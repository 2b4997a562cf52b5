"""What is unusual about a request, told over HTTP: sentences for reading, with secrets masked."""

from __future__ import annotations

import os
from typing import Any

import httpx2

from approval_tui.domain.calls import Call
from approval_tui.domain.http_names import uuid_of
from approval_tui.domain.models import Request
from approval_tui.domain.roles import REVIEWER
from approval_tui.store import open_store_blocking
from tests.server.serving import Served, ServerProcess, token_for
from tests.support import consume, deny, submit, submit_approved

SECRET = "hunter22-and-more"


def a_call(**arguments: Any) -> Call:
    return Call("deploy", arguments, "bot")


def unusual(reviewer: httpx2.Client, name: str) -> list[str]:
    answer = reviewer.get(f"/api/pending/{name}/unusual")
    assert answer.status_code == 200
    assert answer.json().keys() == {"unusual"}
    found: list[str] = answer.json()["unusual"]
    return found


def test_it_is_told_by_id_and_by_uuid(served: Served, reviewer: httpx2.Client) -> None:
    request = submit(served.desk, a_call(n=1))
    for name in (request.id, uuid_of(request.id)):
        assert unusual(reviewer, name) == ["the first request in this store"]


def test_secrets_are_masked_and_what_cannot_be_seen_is_escaped(served: Served, reviewer: httpx2.Client) -> None:
    consume(served.desk, submit_approved(served.desk, a_call()))
    told = unusual(reviewer, submit(served.desk, a_call(password=SECRET, note="a\u202eb")).id)
    assert told[1:] == [
        'argument password: is new: "•••• 17 characters redacted"',
        'argument note: is new: "a\\u{202E}b"',
    ]


def test_nothing_is_told_of_what_is_over_and_of_what_is_not_there(served: Served, reviewer: httpx2.Client) -> None:
    denied: Request = deny(served.desk, submit(served.desk, a_call()))
    assert unusual(reviewer, denied.id) == []
    assert unusual(reviewer, submit_approved(served.desk, a_call(n=1)).id) != []
    assert reviewer.get(f"/api/pending/apr_{0:032x}/unusual").status_code == 404
    assert reviewer.get("/api/pending/x/unusual").status_code == 404


def test_to_be_told_changes_nothing(served: Served, reviewer: httpx2.Client) -> None:
    request = submit(served.desk, a_call())
    head = served.desk.reviewer.head()
    unusual(reviewer, request.id)
    assert (served.desk.reviewer.get(request.id), served.desk.reviewer.head()) == (request, head)


def test_the_command_masks_by_the_names_of_its_configuration(store_path: str, own_home: os.PathLike[str]) -> None:
    with open_store_blocking(store_path) as desk:
        folder = os.path.join(own_home, ".config", "approval-tui")
        os.makedirs(folder, mode=0o700)
        with open(os.path.join(folder, "config.yaml"), "w", encoding="utf-8") as file:
            file.write("redact:\n  names: [nickname]\n")
        consume(desk, submit_approved(desk, a_call()))
        request = submit(desk, a_call(nickname=SECRET))
        token = token_for(desk, REVIEWER, "ann")
        server = ServerProcess(store_path)
        try:
            headers = {"Authorization": f"Bearer {token}"}
            with httpx2.Client(base_url=server.url, headers=headers, trust_env=False) as reviewer:
                told = unusual(reviewer, request.id)
        finally:
            server.stop()
    assert 'argument nickname: is new: "•••• 17 characters redacted"' in told
    assert not any(SECRET in sentence for sentence in told)
