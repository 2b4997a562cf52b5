"""What is no request, or one that two readers could take for two, is refused, and the server goes on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.datastructures import Headers

from approval_tui.server.callers import refuse_foreign_pages
from approval_tui.server.errors import Refusal
from tests.server.raw import answers_in, assert_refused, connected, head, one_answer, received, sent, sent_at_last
from tests.server.serving import HOSTS, Served

GET = "GET /api/pending HTTP/1.1"
POST = "POST /v1/requests HTTP/1.1"
BODY = b'{"tool":"shell","arguments":{"command":"ls"},"timeout":"1m"}'


@pytest.fixture(autouse=True)
def serves_on(served: Served) -> Iterator[None]:
    """After every test the server serves as before, and nothing was asked or decided."""
    before = served.desk.reviewer.head()
    yield
    with served.client(served.reviewer_token) as client:
        assert client.get("/api/pending").status_code == 200
    assert served.desk.reviewer.head() == before


def bearer(served: Served) -> str:
    return f"Authorization: Bearer {served.reviewer_token}"


def asking(served: Served, *headers: str) -> bytes:
    """The head of a submission that only its own headers can spoil."""
    of_agent = f"Authorization: Bearer {served.agent_token}"
    return head(POST, of_agent, "Idempotency-Key: k", "Content-Type: application/json", *headers)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example", "localhost.evil.example", "evil.example:80", "127.0.0.1.", "localhost.", "LOCALHOST.",
        "root@127.0.0.1", "127.0.0.1@evil.example", "127.0.0.1:80@evil.example", "127.0.0.1:port", "127.0.0.1:",
        "127.0.0.1:999999", "127.0.0.1 evil.example", "127.0.0.1,evil.example", "127.1", "2130706433", "0x7f000001",
        "0", "0.0.0.0", "[::]", "[::ffff:127.0.0.1]", "::1", "[::1", "[::1]evil", "[::1%25lo]", "127.0.0.1/", "", " ",
        "http://127.0.0.1", "127.0.0.2", "löcalhost", "127.0.0.1\tx",
    ],
)  # fmt: skip
def test_a_host_that_is_not_this_servers_is_refused(served: Served, host: str) -> None:
    answers = sent(served, head(GET, bearer(served), host=f"Host: {host}"))
    assert len(answers) == 1
    assert_refused(answers, 400)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LocalHost:80", "[::1]:9111", "127.0.0.1:65535"])
def test_the_servers_own_names_are_taken_with_any_port(served: Served, host: str) -> None:
    assert [each.status for each in sent(served, head(GET, bearer(served), host=f"Host: {host}"))] == [200]


def test_without_a_host_or_with_two_nothing_is_served(served: Served) -> None:
    assert_refused(sent(served, head(GET, bearer(served), host=None)), 400)
    assert_refused(sent(served, head("GET /api/pending HTTP/1.0", bearer(served), host=None)), 400)
    assert_refused(sent(served, head(GET, "Host: 127.0.0.1", bearer(served))), 400)
    assert_refused(sent(served, head(GET, "Host: evil.example", bearer(served))), 400)


def test_a_foreign_host_learns_nothing_whatever_it_asks_for(served: Served) -> None:
    for path in ("/", "/openapi.json", "/nothing", "/v1/requests", "/api/pending"):
        answers = sent(served, head(f"GET {path} HTTP/1.1", bearer(served), host="Host: evil.example"))
        assert [each.body["error"]["code"] for each in answers] == ["invalid_host"]


@pytest.mark.parametrize(
    "header",
    [
        "Origin: https://evil.example", "Origin: null", "Origin: http://127.0.0.1", "Origin: ",
        "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site", "Sec-Fetch-Site: same-origin",
        "Sec-Fetch-Site: none\r\nSec-Fetch-Site: cross-site", "Sec-Fetch-Site: ",
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/openapi.json", "/api/pending", "/nothing"])
def test_what_a_page_sends_is_refused_and_no_page_may_read_the_answer(served: Served, header: str, path: str) -> None:
    for method in ("GET", "OPTIONS"):
        answers = sent(served, head(f"{method} {path} HTTP/1.1", header, bearer(served)))
        assert_refused(answers, 403)
        assert not [name for name in answers[0].headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "kind",
    [
        None, "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/json",
        "application/json, text/plain", "application/jsonx", "json", "application/json\r\nContent-Type: text/plain",
    ],
)  # fmt: skip
def test_what_a_form_could_send_is_no_body_of_ours(served: Served, kind: str | None) -> None:
    of_agent = f"Authorization: Bearer {served.agent_token}"
    more = [] if kind is None else [f"Content-Type: {kind}"]
    asked = head(POST, of_agent, "Idempotency-Key: k", f"Content-Length: {len(BODY)}", *more) + BODY
    answers = sent(served, asked)
    assert len(answers) == 1
    assert_refused(answers, 415)


@pytest.mark.parametrize(
    "lines",
    [
        ["Content-Length: 60", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: chunked", "Content-Length: 5"],
        ["Content-Length: 60", "Content-Length: 0"],
        ["Content-Length: 60, 0"],
        ["Content-Length: +60"],
        ["Content-Length: -1"],
        ["Content-Length: 0x3c"],
        ["Content-Length: 6 0"],
        ["Content-Length: "],
        ["Content-Length: 99999999999999999999999999"],
        ["Content-Length : 60"],
        ["Transfer-Encoding: gzip, chunked"],
        ["Transfer-Encoding: chunked, identity"],
        ["Transfer-Encoding: chunked", "Transfer-Encoding: identity"],
        ["Transfer-Encoding: xchunked"],
        ["Transfer-Encoding:\x0bchunked"],
        ["Transfer-Encoding:\r\n chunked"],
        ["X: y\r\n Content-Length: 60"],
        ["X: y\r\n\tz", "Content-Length: 60"],
        [" X: y"],
        ["X: a\x00b"],
        ["X\x00: a"],
        ["X: a\rContent-Length: 60"],
        ["no colon"],
        [": nothing"],
    ],
    ids=lambda lines: repr(lines)[:40],
)
def test_a_head_that_two_could_read_in_two_ways_is_refused(served: Served, lines: list[str]) -> None:
    for follows in (BODY, b"3c\r\n" + BODY + b"\r\n0\r\n\r\n"):
        assert_refused(sent(served, asking(served, *lines) + follows))


@pytest.mark.parametrize(
    "line", ["X: " + "y" * 400_000, "\r\n".join(f"X{number}: y" for number in range(40_000))], ids=len
)
def test_a_head_without_measure_is_refused(served: Served, line: str) -> None:
    assert_refused(sent_at_last(served, asking(served, line, "Content-Length: 60") + BODY))


def test_chunks_are_of_http_1_1_alone(served: Served) -> None:
    line = POST.replace("1.1", "1.0")
    asked = asking(served, "Transfer-Encoding: chunked").replace(POST.encode(), line.encode())
    assert_refused(sent(served, asked + b"3c\r\n" + BODY + b"\r\n0\r\n\r\n"), 400)


def test_a_refusal_of_two_lengths_ends_the_connection_so_that_nothing_is_smuggled(served: Served) -> None:
    inner = head("GET /openapi.json HTTP/1.1")
    lines = ("Transfer-Encoding: chunked", "Content-Length: 5")
    with connected(served) as connection:
        connection.sendall(asking(served, *lines) + b"0\r\n\r\n" + inner)
        assert [each.status for each in answers_in(received(connection))] == [400]


@pytest.mark.parametrize(
    "chunks",
    [b"Z\r\n", b"-1\r\n", b"3c;" + b"x" * 70_000, b"FFFFFFFFFFFFFFFFFFFFFFFFF\r\n", b"3c\r\n" + BODY + b"XX", b"\x00"],
)
def test_chunks_that_are_none_are_refused(served: Served, chunks: bytes) -> None:
    assert_refused(sent_at_last(served, asking(served, "Transfer-Encoding: chunked") + chunks))


def test_what_is_no_chunk_after_a_refusal_ends_the_connection_without_a_word(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    with connected(served) as connection:
        connection.sendall(head(POST, "Transfer-Encoding: chunked"))
        assert one_answer(connection).status == 401
        connection.sendall(b"no chunk\r\n")
        assert received(connection) == b""
    assert [each.getMessage() for each in caplog.records if each.name == "asyncio"] == []


@pytest.mark.parametrize(
    "data",
    [
        b"\x00" * 100, b"\r\n\r\n", b"\n\n\n", b"GET", b"GET /\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
        b"GET  / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"SSH-2.0-x\r\n\r\n",
        b"\xff\xfe\r\n\r\n", b"GET /api/pending HTTP/1.1 x\r\nHost: 127.0.0.1\r\n\r\n", b"A" * 100_000,
        b"\r\n" * 50_000,
        b"GET \xff HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b"GET /\x00 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"G\x00T / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n",
    ],
    ids=lambda data: repr(data[:24]),
)  # fmt: skip
def test_garbage_is_refused_or_hung_up_on(served: Served, data: bytes) -> None:
    assert_refused(sent_at_last(served, data))


@pytest.mark.parametrize(
    "path",
    [
        "//api/pending", "/api//pending", "/api/pending/", "/api/pending//", "/api/./pending", "/api/../api/pending",
        "/api/%2e%2e/api/pending", "/api%2fpending", "/%61pi/pending", "/api/pending%00", "/api/pending%0d%0aX:y",
        "/api/pending;x=y", "/api;/pending", "/API/pending", "/api\\pending", "http://127.0.0.1/api/pending",
        "http://evil.example/api/pending", "https://127.0.0.1/api/pending", "api/pending", "*", "/", ".", "..",
        "/api/pending%ff", "/api/pending%zz", "/" + "a" * 20_000, "/" + "../" * 50 + "etc/passwd", "/openapi.json/",
        "/docs", "/metrics", "/.git/config", "/v1/requests/..%2f..%2fapi%2fpending", "127.0.0.1:80", "/api/pending#x",
    ],
    ids=lambda path: path[:40],
)  # fmt: skip
def test_a_path_has_one_form(served: Served, path: str) -> None:
    answers = sent(served, head(f"GET {path} HTTP/1.1", bearer(served)))
    assert len(answers) == 1
    assert_refused(answers, 400, 404)


@pytest.mark.parametrize(
    "query",
    [
        "?x=1",
        "?limit=1&limit=2",
        "?limit",
        "?limit=%ff",
        "?" + "a=1&" * 2000,
        "?limit=1;x",
        f"?newer_than=apr_{'0' * 32}%0a",
        "?wait=",
        "?wait",
        "?limit=0",
        "?limit=501",
    ],
    ids=lambda query: query[:20],
)
def test_a_query_has_one_meaning(served: Served, query: str) -> None:
    assert_refused(sent(served, head(f"GET /api/pending{query} HTTP/1.1", bearer(served))), 400)


@pytest.mark.parametrize("query", ["?tool=%ff", "?tool=%ed%a0%80", "?tool=a&tool=b", "?tool=\xff"])
def test_a_text_in_a_query_is_utf_8_and_there_once(served: Served, query: str) -> None:
    assert_refused(sent(served, head(f"GET /api/history{query} HTTP/1.1", bearer(served))), 400)


def test_a_second_host_is_refused_here_too_and_not_by_the_parser_alone() -> None:
    for names in ((b"127.0.0.1", b"evil.example"), (b"127.0.0.1", b"127.0.0.1"), ()):
        with pytest.raises(Refusal, match="invalid_host"):
            refuse_foreign_pages(Headers(raw=[(b"host", name) for name in names]), HOSTS)


def test_an_answer_does_not_say_what_serves_it(served: Served) -> None:
    for data in (head(GET, bearer(served)), head(GET), b"garbage\r\n\r\n"):
        (answer,) = sent(served, data)
        assert {"server", "via", "x-powered-by"}.isdisjoint(answer.headers)
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE", "PUT", "PATCH", "DELETE", "get", "PROPFIND", "CONNECT"])
def test_only_the_methods_of_the_table_are_known(served: Served, method: str) -> None:
    secret = "Cookie: of-the-caller"
    with connected(served) as connection:
        connection.sendall(head(f"{method} /api/pending HTTP/1.1", bearer(served), secret, "Connection: close"))
        data = received(connection)
    if method == "HEAD":
        assert data.startswith(b"HTTP/1.1 405")
        assert data.endswith(b"\r\n\r\n")
        return
    answers = answers_in(data)
    assert_refused(answers, 404, 405)
    assert "of-the-caller" not in str(answers)
    assert method == "CONNECT" or answers[0].headers["allow"] == "GET"


def test_no_connection_becomes_another_protocol(served: Served) -> None:
    upgrade = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: eA==")
    assert_refused(sent(served, head("GET /nothing HTTP/1.1", *upgrade)), 404)
    assert_refused(sent(served, head(GET, *upgrade)), 401)
    assert_refused(sent(served, head(GET, "Origin: https://evil.example", *upgrade)), 403)
    assert_refused(sent(served, head("CONNECT 127.0.0.1:22 HTTP/1.1", bearer(served))), 404)


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: x=y", "<script>", "\x7f", "é" * 10, "evil-word"])
def test_nothing_of_the_caller_comes_back_in_a_header(served: Served, value: str) -> None:
    named = ("X-Request-ID", "Idempotency-Key", "Accept", "Referer", "User-Agent", "X-Forwarded-For", "Cookie")
    for name in named:
        for answer in sent(served, head(f"GET /api/pending?x={value.encode().hex()} HTTP/1.1", f"{name}: {value}")):
            told = " ".join(f"{each}: {answer.headers[each]}" for each in answer.headers)
            assert "set-cookie" not in told.lower()
            assert not [part for part in ("evil-word", "<script>", "\x7f", "Ã©") if part in told]


def test_a_proxys_headers_change_nothing(served: Served) -> None:
    claims = ("X-Forwarded-Host: evil.example", "Forwarded: host=evil.example", "X-Original-URL: /api/pending")
    assert [each.status for each in sent(served, head(GET, bearer(served), *claims))] == [200]
    rewritten = head("GET /nothing HTTP/1.1", bearer(served), *claims, "X-Rewrite-URL: /api/pending")
    assert [each.status for each in sent(served, rewritten)] == [404]


def test_requests_in_a_row_are_answered_in_a_row_each_as_itself(served: Served) -> None:
    good, bad = head(GET, bearer(served)), head(GET)
    with connected(served) as connection:
        connection.sendall(good + bad + good + head(GET, "Connection: close"))
        assert [each.status for each in answers_in(received(connection))] == [200, 401, 200, 401]


def test_who_sends_on_and_on_before_its_answer_is_hung_up_on(served: Served) -> None:
    with connected(served) as connection:
        much = head("GET /api/pending?wait=30s HTTP/1.1", bearer(served)) * 100_000
        with pytest.raises(OSError, match=r"[Rr]eset|[Pp]ipe"):
            connection.sendall(much)
