"""Where a gate may send its token and its calls, and what it never follows on the way."""

from __future__ import annotations

import pytest

from approval_tui import Gate, StoreUnavailable
from approval_tui.domain.errors import InvalidInput
from approval_tui.remote import exchanges
from approval_tui.remote.connection import connection_to
from tests.gate.both_forms import FORMS
from tests.notify.receivers import Answer, receiving
from tests.remote.gates import must_not_run, only, remote_gate, use
from tests.server.serving import Served
from tests.support import approve

TOKEN, OTHER = (f"apt_{digit * 16}_{digit * 64}" for digit in "ab")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9111", "http://127.8.8.8", "http://[::1]:9111", "http://localhost:9111",
        "https://approvals.example", "https://10.0.0.1:9111", "http+unix:///run/approvals.sock",
        "HTTP://127.0.0.1:9111", "HTTPS://approvals.example", "HTTP+UNIX:///run/approvals.sock",
    ],
)  # fmt: skip
def test_a_url_of_this_machine_or_with_tls_may_be_used(url: str) -> None:
    connection = connection_to(url, TOKEN)
    assert connection.base_url.startswith(("http://", "https://"))
    assert connection.socket_path == ("/run/approvals.sock" if "unix" in url.lower() else None)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost.evil.example", "http://127.0.0.1.evil.example", "http://evil.example#@127.0.0.1",
        "http://127.0.0.1@evil.example", "http://10.0.0.1", "http://192.168.1.1", "http://0.0.0.0", "http://[fd00::1]",
        "http://127.1", "HTTP://evil.example", "ftp://127.0.0.1", "//127.0.0.1", "127.0.0.1:9111", "http:/127.0.0.1",
        "https://a.example?x=1", "https://a.example#x", "https://@a.example", "https://a.example:0",
        "https://a.example:99999", "http+unix://run/approvals.sock", "http+unix://",
    ],
)  # fmt: skip
def test_any_other_url_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput):
        connection_to(url, TOKEN)


@pytest.mark.parametrize("url", ["", "approvals.example:9111", "/srv/approvals.db", "sqlite:///srv/approvals.db"])
def test_a_url_that_is_none_does_not_lead_a_gate_to_a_file(url: str) -> None:
    with pytest.raises(InvalidInput):
        Gate("whoever", url=url, token=TOKEN)


def test_the_token_that_is_given_comes_before_the_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPROVAL_TUI_TOKEN", OTHER)
    assert connection_to("http://localhost", TOKEN).token == TOKEN
    assert connection_to("http://localhost", None).token == OTHER


def test_a_connection_does_not_print_its_token() -> None:
    assert TOKEN.rpartition("_")[2] not in repr(connection_to("http://localhost", TOKEN))


@pytest.mark.parametrize("text", ["apt_", f"{TOKEN}x", f"x{TOKEN}", f"{TOKEN}\n", f" {TOKEN}", TOKEN.upper(), "secret"])
def test_what_is_no_token_is_neither_sent_nor_repeated(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        connection_to("http://localhost", text)
    assert text not in str(caught.value)


@pytest.mark.parametrize("form", FORMS)
def test_a_proxy_of_the_environment_gets_nothing_that_stays_on_this_machine(
    form: str, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiving() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        with remote_gate(served) as gate:
            approve(served.desk, gate.submit_blocking("shell", {}))
            assert use(form, gate, lambda call: call.arguments, {}) == {}
        assert only(served).outcome == "succeeded"
        assert proxy.received == []


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_an_answer_that_points_elsewhere_is_not_followed(
    form: str, status: int, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchanges, "PATIENCE", 0.0)
    with receiving() as elsewhere, receiving(lambda _: Answer(status, {"Location": elsewhere.url})) as receiver:
        with (
            remote_gate(served, url=f"http://127.0.0.1:{receiver.port}") as gate,
            pytest.raises(StoreUnavailable, match=str(status)),
        ):
            use(form, gate, must_not_run)
        assert (len(receiver.received), elsewhere.received) == (1, [])
