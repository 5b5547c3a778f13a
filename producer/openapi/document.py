"""The OpenAPI document, from the routes and what the routes cannot say about themselves."""

from collections.abc import Iterator
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

import orjson
from fastapi import APIRouter, FastAPI, Response
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from producer.openapi.examples import ANSWERS, BODIES, ERRORS
from producer.openapi.links import LINKS
from producer.responses import JSON

Json = dict[str, Any]

_MODEL = "#/components/schemas/{model}"
_ERROR = "#/components/responses/{name}"
_SCHEME = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "`rollcall token` makes one."}
_TEXT = {"schema": {"type": "string"}}
_HEADERS: dict[str, Json] = {
    "401": {"WWW-Authenticate": {"description": "What is wrong with the token.", "required": True, **_TEXT}},
    "403": {"WWW-Authenticate": {"description": "The scope that is needed.", "required": True, **_TEXT}},
    "503": {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}},
}
_ANY_REQUEST = ("408", "431")
"""What a request may be answered with before it is looked at."""
_NO_REQUEST = frozenset({"400", "408", "431", "503"})
"""What may also be the answer to bytes that are no whole request, and so have no id."""
_ABOUT = (
    "Sends SMS and e-mail in bulk, and can call the roll afterwards. Every error is `{code, message, timestamp}`; "
    "docs/errors.md says what to do about each."
)


def document_routes(app: FastAPI) -> APIRouter:
    """The route that serves the document; it is made once, when it is first asked for."""
    router = APIRouter()
    made: list[bytes] = []

    @router.get("/openapi.json", include_in_schema=False)
    async def openapi() -> Response:
        """This document."""
        if not made:
            made.append(orjson.dumps(describe(app)))
        return Response(made[0], media_type=JSON)

    return router


def describe(app: FastAPI) -> Json:
    """OpenAPI 3.1 of the app: every operation with its answers, its body and an example."""
    said = get_openapi(
        title="rollcall",
        version=version("rollcall"),
        description=_ABOUT,
        routes=app.routes,
        license_info={"name": "Apache 2.0", "identifier": "Apache-2.0"},
    )
    parts: Json = said.setdefault("components", {})
    for name in ("HTTPValidationError", "ValidationError"):
        parts["schemas"].pop(name, None)
    parts["responses"] = {_name(status): _error(status) for status in ERRORS}
    parts["securitySchemes"] = {"bearerAuth": _SCHEME}
    for path, operation in _operations(said):
        of_tenants = path.startswith("/communication")
        operation["tags"] = ["communication" if of_tenants else "health"]
        if of_tenants:
            operation["security"] = [{"bearerAuth": []}]
        _describe_body(operation, parts["schemas"])
        _describe_answers(operation)
    return said


def _operations(said: Json) -> Iterator[tuple[str, Json]]:
    for path, methods in said["paths"].items():
        for operation in methods.values():
            yield path, operation


def _describe_body(operation: Json, schemas: Json) -> None:
    """The body of a route that reads its bytes itself, and so has none for the framework."""
    found = BODIES.get(operation["operationId"])
    if found is None:
        return
    model, examples = found
    schemas |= _schema_of(model)
    content = {"schema": {"$ref": _MODEL.format(model=model.__name__)}, "examples": examples}
    operation["requestBody"] = {"required": True, "content": {JSON: content}}


def _schema_of(model: type[BaseModel]) -> Json:
    """A model's schema by its name, and those that it refers to."""
    schema = model.model_json_schema(ref_template=_MODEL)
    parts: Json = schema.pop("$defs", {})
    return {model.__name__: schema, **parts}


def _describe_answers(operation: Json) -> None:
    """What the answers are; an error is the same everywhere, and the framework's own 422 is none of ours."""
    answers: Json = operation["responses"]
    answers.pop("422", None)
    for status, answer in answers.items():
        if status in ERRORS and operation["tags"] == ["communication"]:
            answers[status] = {"$ref": _ERROR.format(name=_name(status))}
        else:
            answer["headers"] = {**_headers(status), **answer.get("headers", {})}
    answers |= {status: {"$ref": _ERROR.format(name=_name(status))} for status in _ANY_REQUEST}
    name, good = operation["operationId"], answers["200"]
    if name in ANSWERS:
        good["content"][JSON]["example"] = ANSWERS[name]
    if name in LINKS:
        good["links"] = LINKS[name]


def _error(status: str) -> Json:
    content = {"schema": {"$ref": _MODEL.format(model="SimpleResponse")}, "example": ERRORS[status]}
    phrase = HTTPStatus(int(status)).phrase
    return {"description": phrase, "headers": _headers(status), "content": {JSON: content}}


def _headers(status: str) -> Json:
    said = {"description": "The request's id, also in the log lines.", "required": status not in _NO_REQUEST, **_TEXT}
    return {"X-Request-Id": said, **_HEADERS.get(status, {})}


def _name(status: str) -> str:
    """An error's name among the parts, such as `NotFound`."""
    return HTTPStatus(int(status)).phrase.title().replace(" ", "")
