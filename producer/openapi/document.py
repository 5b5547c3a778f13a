"""The OpenAPI document, built from the routes and from descriptions, examples and links beside them."""

from collections.abc import Iterator
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

import orjson
from fastapi import APIRouter, FastAPI, Response
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from producer.openapi.body_examples import BODIES, LINES
from producer.openapi.examples import ERRORS, RESPONSES
from producer.openapi.links import LINKS
from producer.responses import JSON, NDJSON

Json = dict[str, Any]

_MODEL = "#/components/schemas/{model}"
_ERROR = "#/components/responses/{name}"
_WITHOUT_TOKEN: dict[str, list[dict[str, list[str]]]] = {"channel_health": [{}]}
"""Operations that need no token, but tell more with one."""
_PUBLIC = frozenset(
    {
        "receive_callback",
        "receive_callback_with_secret",
        "receive_inbound",
        "receive_inbound_with_secret",
        "show_unsubscribe_page",
        "unsubscribe",
    }
)
"""Operations that take no token. The provider signs its calls, and a link is its own proof."""
_SUCCESS = ("200", "201", "204")
"""Statuses of a success. An operation has one of them."""
_SCHEME = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "`rollcall token` issues one for development.",
}
_RETRY_AFTER = {"description": "Seconds to wait before a repeat.", "schema": {"type": "integer"}}
_TEXT = {"schema": {"type": "string"}}
_HEADERS: dict[str, Json] = {
    "401": {
        "WWW-Authenticate": {"description": "The problem with the token, or `Signature`.", "required": True, **_TEXT}
    },
    "403": {
        "WWW-Authenticate": {"description": "The scope that the call needs, or `Signature`.", "required": True, **_TEXT}
    },
    "429": {"Retry-After": _RETRY_AFTER},
    "503": {"Retry-After": _RETRY_AFTER},
}
_UNREAD_REQUEST = ("408", "431")
"""Statuses of responses that are sent before the request is read."""
_MAY_LACK_REQUEST_ID = frozenset({"400", "408", "431", "503"})
"""Statuses of responses to bytes that are not a whole request and therefore have no id."""
_DESCRIPTION = (
    "Sends SMS and e-mail in bulk and reports the outcome of every recipient. Every error has the form "
    "`{code, message, timestamp}`. docs/errors.md lists the errors and what to do about them."
)


def document_routes(app: FastAPI) -> APIRouter:
    """Return the route that serves the document. The document is built once, at the first call."""
    router = APIRouter()
    cached: list[bytes] = []

    @router.get("/openapi.json", include_in_schema=False)
    async def openapi() -> Response:
        """Return this document."""
        if not cached:
            cached.append(orjson.dumps(build_document(app)))
        return Response(cached[0], media_type=JSON)

    return router


def build_document(app: FastAPI) -> Json:
    """Build the OpenAPI 3.1 document: every operation with its responses, its body and an example."""
    document = get_openapi(
        title="rollcall",
        version=version("rollcall"),
        description=_DESCRIPTION,
        routes=app.routes,
        license_info={"name": "Apache 2.0", "identifier": "Apache-2.0"},
    )
    components: Json = document.setdefault("components", {})
    for name in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(name, None)
    components["responses"] = {_component_name(status): _error(status) for status in ERRORS}
    components["securitySchemes"] = {"bearerAuth": _SCHEME}
    for path, operation in _operations(document):
        needs_token = path.startswith(("/communication", "/admin/communication", "/internal/communication"))
        operation["tags"] = ["communication" if needs_token else "health"]
        if needs_token:
            name = operation["operationId"]
            operation["security"] = [] if name in _PUBLIC else [{"bearerAuth": []}, *_WITHOUT_TOKEN.get(name, ())]
        _describe_body(operation, components["schemas"])
        _describe_responses(operation)
    return document


def _operations(document: Json) -> Iterator[tuple[str, Json]]:
    for path, methods in document["paths"].items():
        for operation in methods.values():
            yield path, operation


def _describe_body(operation: Json, schemas: Json) -> None:
    """Add the body of a route that reads its bytes itself. The framework does not know this body."""
    name = operation["operationId"]
    if lines := LINES.get(name):
        content = {"schema": {"type": "string", "pattern": r"\S"}, "examples": lines}
        operation["requestBody"] = {"required": True, "content": {NDJSON: content}}
    body = BODIES.get(name)
    if body is None:
        return
    model, examples = body
    schemas |= _schema_of(model)
    content = {"schema": {"$ref": _MODEL.format(model=model.__name__)}, "examples": examples}
    operation["requestBody"] = {"required": True, "content": {JSON: content}}


def _schema_of(model: type[BaseModel]) -> Json:
    """Return the schema of a model and the schemas that it refers to, by name."""
    schema = model.model_json_schema(ref_template=_MODEL)
    definitions: Json = schema.pop("$defs", {})
    return {model.__name__: schema, **definitions}


def _describe_responses(operation: Json) -> None:
    """Complete the responses. Errors are the same everywhere, and the framework's 422 does not occur."""
    responses: Json = operation["responses"]
    responses.pop("422", None)
    for status, response in responses.items():
        is_page = "text/html" in response.get("content", {})
        if status in ERRORS and operation["tags"] == ["communication"] and not is_page:
            responses[status] = {"$ref": _ERROR.format(name=_component_name(status))}
        else:
            response["headers"] = {**_headers(status), **response.get("headers", {})}
    responses |= {status: {"$ref": _ERROR.format(name=_component_name(status))} for status in _UNREAD_REQUEST}
    name, success = operation["operationId"], next(responses[status] for status in _SUCCESS if status in responses)
    if name in RESPONSES:
        next(iter(success["content"].values()))["example"] = RESPONSES[name]
    if name in LINKS:
        success["links"] = LINKS[name]


def _error(status: str) -> Json:
    content = {"schema": {"$ref": _MODEL.format(model="SimpleResponse")}, "example": ERRORS[status]}
    phrase = HTTPStatus(int(status)).phrase
    return {"description": phrase, "headers": _headers(status), "content": {JSON: content}}


def _headers(status: str) -> Json:
    required = status not in _MAY_LACK_REQUEST_ID
    request_id = {"description": "The request's id, also in the log lines.", "required": required, **_TEXT}
    return {"X-Request-Id": request_id, **_HEADERS.get(status, {})}


def _component_name(status: str) -> str:
    """Return the name of an error among the components, such as `NotFound`."""
    return HTTPStatus(int(status)).phrase.title().replace(" ", "")
