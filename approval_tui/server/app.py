"""The ASGI application: every exchange goes the same way, from the caller's token to the answer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.errors import ApprovalTuiError
from approval_tui.domain.http_names import OWN_MEDIA_TYPE
from approval_tui.domain.roles import AGENT
from approval_tui.domain.tokens import Token
from approval_tui.server.agent_wire import record_for_agents
from approval_tui.server.callers import authenticate, refuse_ended_token, refuse_foreign_pages
from approval_tui.server.change_feed import CallerGone
from approval_tui.server.errors import Refusal, refusal_of, unavailable
from approval_tui.server.exchange import JSON, Answer, Exchange, encoded
from approval_tui.server.openapi import openapi_document
from approval_tui.server.operations import Operation
from approval_tui.server.reading import (
    BodySpace,
    CallerLeft,
    has_body,
    is_of_our_gate,
    media_type_of,
    read_body,
    read_key,
    read_object,
    read_query,
    refuse_ambiguous,
)
from approval_tui.store.asynchronous import AsyncStore

MOST_EXCHANGES = 2000
"""How many callers of a role are served or held at once, so that agents do not stand in a reviewer's way."""

MOST_OF_ONE = 1000
"""The same of one token."""

_log = logging.getLogger("approval_tui.server")


def make_app(store: AsyncStore, operations: Sequence[Operation], hosts: Collection[str] | None) -> Starlette:
    """The application for these operations; `hosts` are the names under which it may be called, None for any."""
    by_path: defaultdict[str, dict[str, Operation]] = defaultdict(dict)
    for operation in operations:
        by_path[operation.path][operation.method] = operation
    desk = Desk(store, hosts)
    document = openapi_document(operations)
    routes = [Route(path, _Endpoint(desk, methods)) for path, methods in by_path.items()]
    routes.append(Route("/openapi.json", _Endpoint(desk, {}, document)))
    app = Starlette(routes=routes)
    app.router.redirect_slashes = False
    app.router.default = _Endpoint(desk, None)
    return app


class Desk:
    """Serves one exchange after the other, and knows how many there are."""

    def __init__(self, store: AsyncStore, hosts: Collection[str] | None) -> None:
        self._store = store
        self._hosts = hosts
        self._bodies = BodySpace()
        self._served: Counter[str] = Counter()

    async def serve(
        self, request: Request, methods: dict[str, Operation] | None, document: JsonObject | None
    ) -> Response | None:
        """The answer to one exchange; None where nobody is there any more to get it.

        `methods` are the operations of its path, None where there is no such path.
        """
        exchange_id = str(uuid.uuid4())
        operation = None if methods is None else methods.get(request.method)
        is_own = is_of_our_gate(request.headers)
        try:
            refuse_foreign_pages(request.headers, self._hosts)
            refuse_ambiguous(request.scope["http_version"], request.headers)
            if methods is None or b"%" in request.scope["raw_path"]:  # no path of ours needs to be escaped
                raise Refusal(404, "not_found", "There is nothing here.")
            if document is not None and request.method == "GET":
                return _response(exchange_id, Answer(200, document))
            if operation is None:
                raise _wrong_method(methods or {"GET": None})
            return _response(exchange_id, await self._answer(exchange_id, request, operation, is_own))
        except (CallerGone, CallerLeft):
            return None
        except asyncio.CancelledError:  # the server ends, and nothing may stay without an answer
            refusal = unavailable("stopping", "The server ends.")
            return _response(exchange_id, _refused(refusal, exchange_id, operation, is_own), refusal.headers)
        except Exception as error:
            refusal = _refusal_for(error, exchange_id)
            return _response(exchange_id, _refused(refusal, exchange_id, operation, is_own), refusal.headers)

    async def _answer(self, exchange_id: str, request: Request, operation: Operation, is_own: bool) -> Answer:
        token = await authenticate(self._store, request.headers)
        if token.role != operation.role:
            raise Refusal(403, "wrong_role", f"This needs a token of the role {operation.role}.")
        with self._counted(token), self._bodies.share() as grow:
            return await self._answer_to(token, exchange_id, request, operation, is_own, grow)

    @contextlib.contextmanager
    def _counted(self, token: Token) -> Iterator[None]:
        """Raises Refusal where too many are served already."""
        if self._served[token.role] >= MOST_EXCHANGES or self._served[token.id] >= MOST_OF_ONE:
            raise unavailable("too_busy", "Too many are served already.")
        self._served.update((token.role, token.id))
        try:
            yield
        finally:
            self._served.subtract((token.role, token.id))
            if not self._served[token.id]:
                del self._served[token.id]

    async def _answer_to(
        self,
        token: Token,
        exchange_id: str,
        request: Request,
        operation: Operation,
        is_own: bool,
        grow: Callable[[int], None],
    ) -> Answer:
        headers = request.headers
        key = read_key(headers) if operation.needs_key else ""
        query = read_query(request.scope["query_string"], operation.query)
        raw_body: JsonObject = {}
        body = None
        data = await read_body(headers, request.receive, grow)
        if has_body(headers):  # which may have taken its time
            await refuse_ended_token(self._store, token)
        is_own = is_own and operation.role == AGENT
        if operation.body is not None:
            kind = operation.own_body if is_own else operation.body
            if (media_type_of(headers) == OWN_MEDIA_TYPE) != is_own or kind is None:
                raise Refusal(415, "unsupported_media_type", "The body's media type does not fit the Accept header.")
            raw_body, body = await read_object(data, kind)
        elif data.strip():
            raise Refusal(400, "unexpected_body", "This has no body.")
        exchange = Exchange(
            id=exchange_id,
            token=token,
            path={**request.path_params, "path": request.scope["path"]},
            query=query,
            body=body,
            raw_body=raw_body,
            key=key,
            is_own=is_own,
            gone=_gone(request.receive),
        )
        answer = await operation.handler(exchange)
        if getattr(query, "wait", None):
            await refuse_ended_token(self._store, token)
        return answer


class _Endpoint:
    """One path; Starlette hands it whatever method there is, so that each gets an answer of ours."""

    def __init__(self, desk: Desk, methods: dict[str, Operation] | None, document: JsonObject | None = None) -> None:
        self._desk = desk
        self._methods = methods
        self._document = document

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._desk.serve(Request(scope, receive), self._methods, self._document)
        if response is not None:
            await response(scope, receive, send)


def _gone(receive: Receive) -> Callable[[], Awaitable[None]]:
    async def gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    return gone


def _refusal_for(error: Exception, exchange_id: str) -> Refusal:
    """What the caller is told of an error; what only the operator may know goes to the log, with the exchange's id."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, ApprovalTuiError):
        refusal = refusal_of(error)
        if refusal.status >= 500:
            _log.error("exchange %s: %s", exchange_id, error)
        return refusal
    _log.error("exchange %s: a defect in approval-tui: %s: %s", exchange_id, type(error).__name__, error)
    return Refusal(500, "internal", "Something went wrong here. Nothing may run on it.")


def _wrong_method(methods: Collection[str]) -> Refusal:
    allowed = ", ".join(sorted(methods))
    return Refusal(405, "method_not_allowed", f"Only {allowed} is known here.", headers=(("Allow", allowed),))


def _refused(refusal: Refusal, exchange_id: str, operation: Operation | None = None, is_own: bool = False) -> Answer:
    """The answer for a refusal, in the words of whoever asked."""
    if operation is not None and operation.path.startswith("/approval/"):
        return Answer(refusal.status, {"error": refusal.message})
    error = refusal.to_json(exchange_id)
    is_of_agent = operation is None or operation.role == AGENT
    if refusal.request is not None and not is_of_agent:
        error["request"] = refusal.request.to_json()
    if is_own and is_of_agent:
        error |= refusal.details
        if refusal.request is not None:
            error["request"] = record_for_agents(refusal.request)
        return Answer(refusal.status, {"error": error}, OWN_MEDIA_TYPE)
    return Answer(refusal.status, {"error": error}, JSON)


def _response(exchange_id: str, answer: Answer, headers: Sequence[tuple[str, str]] = ()) -> Response:
    told = Headers(
        raw=[
            (b"x-request-id", exchange_id.encode()),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
            *((name.lower().encode(), value.encode()) for name, value in headers),
        ]
    )
    return Response(encoded(answer.body), answer.status, headers=told, media_type=answer.media_type)
