"""serve: where it may listen, what it says, and how it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import ssl
import stat
import threading
from pathlib import Path

import httpx2
import pytest

from approval_tui import ApprovalPending, Gate
from approval_tui.domain.clock import MINUTE
from approval_tui.domain.roles import AGENT, REVIEWER
from approval_tui.integrations.approval_manager import ApprovalManager
from approval_tui.store.blocking import BlockingStore
from tests.certificates import Certificate, certificate_for
from tests.cli.running import Cli
from tests.server.serving import ServerProcess, free_port, token_for
from tests.support import ANN, LONG, assert_sound, until


@pytest.fixture
def certificate() -> Certificate:
    """A certificate of this machine's own."""
    return certificate_for("IP:127.0.0.1", "DNS:localhost")


def test_it_says_where_it_listens_serves_and_stops_cleanly(store: BlockingStore, store_path: str) -> None:
    token = token_for(store, REVIEWER, "ann")
    for number in (signal.SIGTERM, signal.SIGINT):
        server = ServerProcess(store_path)
        assert server.url.startswith("http://127.0.0.1:")
        answer = httpx2.get(f"{server.url}/api/pending", headers={"Authorization": f"Bearer {token}"})
        assert answer.json() == {"pending_count": 0, "requests": []}
        assert server.stop(number) == 0
        assert server.said.splitlines() == [
            "No policy is named, so every call asks.",
            f"Listening at {server.url}",
            "Stopped.",
        ]
    assert_sound(store)


def test_a_clean_stop_ends_held_polls_with_an_answer(store: BlockingStore, store_path: str) -> None:
    token = token_for(store, AGENT, "bot")
    server = ServerProcess(store_path)
    with httpx2.Client(base_url=server.url, headers={"Authorization": f"Bearer {token}"}, timeout=LONG) as agent:
        body = {"tool": "t", "arguments": {}, "timeout": "10m"}
        request = agent.post("/v1/requests", json=body, headers={"Idempotency-Key": "k"}).json()
        answers: list[httpx2.Response] = []
        poll = threading.Thread(target=lambda: answers.append(agent.get(f"/v1/requests/{request['id']}?wait=30s")))
        poll.start()
        assert server.stop() == 0
        poll.join(LONG)
    assert answers == [] or answers[0].json() == request


def test_a_socket_is_its_owners_alone_and_is_gone_when_the_server_ends(
    store: BlockingStore, store_path: str, tmp_path: Path
) -> None:
    path = str(tmp_path / "approvals.sock")
    server = ServerProcess(store_path, "--uds", path)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    with (
        Gate("whoever", url=f"http+unix://{path}", token=token_for(store, AGENT, "bot")) as gate,
        pytest.raises(ApprovalPending),
        gate.guard("shell", {}, wait=False),
    ):
        raise AssertionError
    (request,) = store.reviewer.list()

    async def ask_again() -> None:
        async with Gate("whoever", url=f"http+unix://{path}", token=token_for(store, AGENT, "bot")) as gate:
            assert (await gate.submit("shell", {})).id == request.id

    asyncio.run(ask_again())
    assert server.stop() == 0
    assert not os.path.exists(path)


def test_a_group_may_use_the_socket_too(store_path: str, store: BlockingStore, tmp_path: Path) -> None:
    import grp

    group = grp.getgrgid(os.getgid())
    path = str(tmp_path / "approvals.sock")
    server = ServerProcess(store_path, "--uds", path, "--group", group.gr_name)
    status = os.stat(path)
    assert (stat.S_IMODE(status.st_mode), status.st_gid) == (0o660, group.gr_gid)
    server.stop()


def test_a_socket_that_a_killed_server_left_is_replaced_and_one_that_answers_is_not(
    store_path: str, cli: Cli, tmp_path: Path
) -> None:
    path = str(tmp_path / "approvals.sock")
    ServerProcess(store_path, "--uds", path).kill()
    assert os.path.exists(path)
    server = ServerProcess(store_path, "--uds", path)
    refused = cli("serve", "--uds", path)
    assert (refused.code, "another server listens there" in refused.err) == (2, True)
    server.stop()
    (tmp_path / "file").write_text("mine")
    refused = cli("serve", "--uds", str(tmp_path / "file"))
    assert (refused.code, "something else is there" in refused.err) == (2, True)
    assert (tmp_path / "file").read_text() == "mine"


def test_with_tls_it_may_listen_where_others_can_reach_it(
    store: BlockingStore, store_path: str, certificate: Certificate
) -> None:
    cert, key = certificate
    server = ServerProcess(store_path, "--tls-cert", cert, "--tls-key", key)
    assert server.url.startswith("https://")
    token = token_for(store, REVIEWER, "ann")
    trusted = ssl.create_default_context(cafile=cert)
    answer = httpx2.get(f"{server.url}/api/pending", headers={"Authorization": f"Bearer {token}"}, verify=trusted)
    assert answer.status_code == 200
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"{server.url}/api/pending", headers={"Authorization": f"Bearer {token}"})
    assert server.stop() == 0


def test_a_gate_checks_the_servers_certificate(
    store: BlockingStore, store_path: str, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    from approval_tui import StoreUnavailable
    from approval_tui.remote import exchanges

    cert, key = certificate
    server = ServerProcess(store_path, "--tls-cert", cert, "--tls-key", key)
    token = token_for(store, AGENT, "bot")
    monkeypatch.setattr(exchanges, "PATIENCE", 0.1)
    with (
        Gate("whoever", url=server.url, token=token) as gate,
        pytest.raises(StoreUnavailable),
        gate.guard("shell", {}, wait=False),
    ):
        raise AssertionError
    assert store.reviewer.list() == ()
    monkeypatch.setenv("SSL_CERT_FILE", cert)
    with (
        Gate("whoever", url=server.url, token=token) as gate,
        pytest.raises(ApprovalPending),
        gate.guard("shell", {}, wait=False),
    ):
        raise AssertionError
    assert server.stop() == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--bind", "0.0.0.0:9111"), "Other machines can reach"),
        (("--bind", "[::]:9111"), "Other machines can reach"),
        (("--bind", "192.0.2.7:9111"), "Other machines can reach"),
        (("--bind", "0.0.0.0:9111", "--allow-remote"), "only with TLS"),
        (("--bind", "192.0.2.7:9111", "--allow-remote"), "only with TLS"),
        (("--bind", "example.com:9111"), "no address to listen at"),
        (("--bind", "127.0.0.1"), "no address to listen at"),
        (("--bind", "127.0.0.1:99999"), "no address to listen at"),
        (("--bind", "::1:9111"), "no address to listen at"),
        (("--tls-cert", "x"), "goes with its key"),
        (("--tls-cert", "/nowhere", "--tls-key", "/nowhere"), "cannot be used"),
        (("--tls-key", "x"), "goes with its key"),
        (("--uds", "{tmp}/s", "--tls-cert", "x", "--tls-key", "y"), "no use for TLS"),
        (("--group", "root"), "of a socket in the file system"),
        (("--uds", "/tmp/x", "--bind", "127.0.0.1:1"), "not allowed with"),
        (("--uds", "/nowhere/at/all"), "Nobody can listen"),
        (("--uds", "{tmp}/s", "--group", "no such group"), "no group"),
        (("--policy", "/nowhere.yaml"), "/nowhere.yaml cannot be used"),
    ],
)
def test_where_it_must_not_listen_it_does_not_start(
    cli: Cli, store: BlockingStore, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    finished = cli("serve", *(word.format(tmp=tmp_path) for word in words))
    assert (finished.code, finished.out) == (2, "")
    assert said in finished.err
    assert not (tmp_path / "s").exists()


def test_a_port_that_is_taken_is_said_so(cli: Cli, store: BlockingStore) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        finished = cli("serve", "--bind", f"127.0.0.1:{taken.getsockname()[1]}")
    assert (finished.code, "Nobody can listen at" in finished.err) == (2, True)


def test_the_servers_policy_is_read_again_when_it_changes(
    store: BlockingStore, store_path: str, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text('version: "1"\ndefault: allow\n')
    server = ServerProcess(store_path, "--policy", str(policy))
    with Gate("whoever", url=server.url, token=token_for(store, AGENT, "bot"), context={}) as gate:
        with gate.guard("shell", {}):
            pass
        policy.write_text('version: "1"\ndefault: require_approval\n')

        def asks() -> bool:
            try:
                with gate.guard("shell", {}, wait=False):
                    return False
            except ApprovalPending:
                return True

        until(asks)
    assert server.stop() == 0


def test_an_agent_in_a_shell_asks_and_uses_what_was_approved(
    store: BlockingStore, store_path: str, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = ServerProcess(store_path, bind=f"127.0.0.1:{free_port()}")
    monkeypatch.setenv("APPROVAL_TUI_STORE", server.url)
    monkeypatch.setenv("APPROVAL_TUI_TOKEN", token_for(store, AGENT, "bot"))
    asked = cli("submit", "--tool", "shell", "--args", '{"n": 1}', "--requester", "x", "--json").json
    assert (asked["status"], asked["requester"]) == ("pending", "bot")
    assert cli("wait", asked["id"], "--timeout", "1ms").code == 9
    assert cli("consume", asked["id"]).code == 4
    store.reviewer.decide(asked["id"], "approve", reviewer=ANN, digest=asked["digest"])
    assert cli("wait", asked["id"]).code == 0
    claim = cli("consume", asked["id"], "--json").json
    assert claim["arguments"] == {"n": 1}
    assert cli("outcome", asked["id"], "succeeded", "--claim", claim["claim"]).code == 0
    assert store.reviewer.get(asked["id"]).outcome == "succeeded"
    other = cli("submit", "--tool", "shell", "--args", '{"n": 2}', "--requester", "x", "--json").json
    for dropped in (["--requester", "mallory"], ["--reason", "mine"]):
        assert cli("cancel", other["id"], *dropped).code == 2
    assert cli("cancel", other["id"], "--requester", "bot").code == 0
    assert cli("cancel", other["id"][:12]).code == 2
    refused = cli("list")
    assert (refused.code, "is a server" in refused.err) == (5, True)
    assert server.stop() == 0
    assert_sound(store)


def test_it_heeds_the_configuration_that_it_is_given(store: BlockingStore, store_path: str, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text('version: "1"\ndefault: allow\n')
    configuration = tmp_path / "configuration.yaml"
    configuration.write_text(f"policy: {policy}\nrequests: {{approval_lifetime: 3m, claim_lifetime: 4m}}\n")
    server = ServerProcess(store_path, "--config", str(configuration))
    assert "No policy is named" not in server.said
    headers = {"Authorization": f"Bearer {token_for(store, AGENT, 'bot')}", "Idempotency-Key": "k"}
    with httpx2.Client(base_url=server.url, headers=headers, timeout=LONG) as agent:
        body = {"tool": "t", "arguments": {}, "timeout": "10m"}
        allowed = agent.post("/v1/requests", json=body).json()
        assert allowed["status"] == "approved"
        assert agent.post(f"/v1/requests/{allowed['id']}/consume").status_code == 200
    (request,) = store.reviewer.history()
    assert request.approval_expires_at == int(request.decided_at or 0) + 3 * MINUTE
    assert request.claim_expires_at == int(request.consumed_at or 0) + 4 * MINUTE
    assert server.stop() == 0


def test_toolweavers_proposals_are_decided_over_it_by_the_tokens_owner(store: BlockingStore, store_path: str) -> None:
    server = ServerProcess(store_path)
    with ApprovalManager(store_path) as manager:
        proposal = manager.create_request("Title", "Why", {"do": "it"})
        headers = {"Authorization": f"Bearer {token_for(store, REVIEWER, 'ann')}"}
        with httpx2.Client(base_url=server.url, headers=headers, timeout=LONG) as reviewer:
            assert reviewer.get("/approval/pending").json()["pending_count"] == 1
            answer = reviewer.post(f"/approval/{proposal.request_id}/approve", json={"reviewer": "root"})
            assert answer.status_code == 200
    (request,) = store.reviewer.history()
    assert [decision.reviewer for decision in request.decisions] == ["ann"]
    assert server.stop() == 0


def test_it_is_called_by_the_names_of_this_machine_and_by_its_own(store: BlockingStore, store_path: str) -> None:
    server = ServerProcess(store_path, bind="127.8.8.8:0")
    for host, status in (
        ("127.8.8.8", 200),
        ("localhost", 200),
        ("[::1]:80", 200),
        ("127.9.9.9", 400),
        ("a.example", 400),
    ):
        assert httpx2.get(f"{server.url}/openapi.json", headers={"Host": host}).status_code == status
    assert server.stop() == 0


def test_a_commands_policy_is_refused_where_a_servers_judges(
    store: BlockingStore, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text('version: "1"\ndefault: allow\n')
    monkeypatch.setenv("APPROVAL_TUI_STORE", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("APPROVAL_TUI_TOKEN", token_for(store, AGENT, "bot"))
    monkeypatch.setenv("APPROVAL_TUI_POLICY", str(policy))
    refused = cli("submit", "--tool", "shell", "--args", "{}", "--requester", "x")
    assert (refused.code, refused.out) == (2, "")
    assert "judged by its own" in refused.err
