"""The OpenAPI 3.1 document, made from the table of operations and their types."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.http_names import KEY_HEADER, OWN_MEDIA_TYPE
from approval_tui.server.exchange import JSON
from approval_tui.server.operations import Operation
from approval_tui.version import __version__

_ALWAYS = (400, 401, 403, 500, 503)
_WITH_BODY = (408, 413, 415)
_MEANINGS = {
    200: "Done, or as it was.",
    201: "The new request, pending or decided already.",
    400: "Something in the request cannot be used.",
    401: "The token is missing, unknown, expired or revoked.",
    403: "The token does not permit this, or the request's own rules do not.",
    404: "There is no such request for this caller.",
    408: "The body did not come in time.",
    409: "What is asked for does not fit what the request is.",
    413: "The body is too large.",
    415: "The body is of another media type.",
    500: "Something went wrong here; nothing may run on it.",
    503: "The server cannot work now; nothing may run on it.",
}
_TEMPLATE = "#/components/schemas/{name}"


def openapi_document(operations: Sequence[Operation]) -> JsonObject:
    """The whole document."""
    schemas, components = msgspec.json.schema_components(_types(operations), ref_template=_TEMPLATE)
    by_type = dict(zip(_types(operations), schemas, strict=True))
    paths: dict[str, JsonObject] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _described(operation, by_type, components)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "approval-tui",
            "version": __version__,
            "description": "The reviewer's routes under /api, ToolWeaver's under /approval, and for agents the request "
            "operations of the Agent Approval Protocol (version 1) under /v1.",
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "agent": {"type": "http", "scheme": "bearer", "description": "A token of the role agent."},
                "reviewer": {"type": "http", "scheme": "bearer", "description": "A token of the role reviewer."},
            },
        },
    }


def _types(operations: Iterable[Operation]) -> list[Any]:
    types: dict[Any, None] = {}
    for each in operations:
        for kind in (*each.answers.values(), each.body, each.own_body, each.own_answer, each.query, each.error):
            if kind is not None:
                types[kind] = None
    return list(types)


def _described(operation: Operation, schemas: dict[Any, Any], components: JsonObject) -> JsonObject:
    said: JsonObject = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [operation.role],
        "security": [{operation.role: []}],
        "responses": _responses(operation, schemas),
    }
    parameters = [*_path_parameters(operation), *_query_parameters(operation, components)]
    if operation.needs_key:
        parameters.append(
            _parameter(KEY_HEADER, "header", {"type": "string", "pattern": "^[!-~]{1,255}$"}, is_required=True)
        )
    if parameters:
        said["parameters"] = parameters
    if operation.body is not None:
        content = {JSON: {"schema": schemas[operation.body]}}
        if operation.own_body is not None:
            content[OWN_MEDIA_TYPE] = {"schema": schemas[operation.own_body]}
        said["requestBody"] = {"required": True, "content": content}
    return said


def _responses(operation: Operation, schemas: dict[Any, Any]) -> JsonObject:
    answers: JsonObject = {}
    for status, kind in operation.answers.items():
        content = {JSON: {"schema": schemas[kind]}}
        if operation.own_answer is not None:
            content[OWN_MEDIA_TYPE] = {"schema": schemas[operation.own_answer]}
        answers[str(status)] = _response(status, content)
    refusals = {*_ALWAYS, *operation.refusals, *(_WITH_BODY if operation.body is not None else ())}
    for status in sorted(refusals):
        kinds = (JSON,) if operation.own_answer is None else (JSON, OWN_MEDIA_TYPE)
        answers[str(status)] = _response(status, {kind: {"schema": schemas[operation.error]} for kind in kinds})
    return answers


def _response(status: int, content: JsonObject) -> JsonObject:
    header = {"required": True, "schema": {"type": "string", "format": "uuid"}}
    return {"description": _MEANINGS[status], "headers": {"X-Request-ID": header}, "content": content}


def _path_parameters(operation: Operation) -> list[JsonObject]:
    names = re.findall(r"\{(\w+)\}", operation.path)
    return [_parameter(name, "path", {"type": "string", "minLength": 1}, is_required=True) for name in names]


def _query_parameters(operation: Operation, components: JsonObject) -> list[JsonObject]:
    known = components.get(operation.query.__name__, {})
    properties, required = known.get("properties", {}), known.get("required", ())
    return [_parameter(name, "query", schema, is_required=name in required) for name, schema in properties.items()]


def _parameter(name: str, place: str, schema: JsonObject, *, is_required: bool = False) -> JsonObject:
    return {"name": name, "in": place, "required": is_required, "schema": schema}
