"""The OpenAPI document, from the routes and what the routes cannot say about themselves."""

from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import orjson
from fastapi import APIRouter, FastAPI, Response
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from producer.answers import JSON
from producer.document_examples import ANSWERS, BODIES, ERRORS

Json = dict[str, Any]

_PARTS = "#/components/schemas/{model}"
_SCHEME = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "`rollcall token` makes one."}
_REQUEST_ID = {"description": "The request's id, also in the log lines.", "schema": {"type": "string"}}
_HEADERS: dict[str, Json] = {
    "401": {"WWW-Authenticate": {"description": "What is wrong with the token.", "schema": {"type": "string"}}},
    "403": {"WWW-Authenticate": {"description": "The scope that is needed.", "schema": {"type": "string"}}},
    "503": {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}},
}
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
    schemas: Json = said.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    said["components"]["securitySchemes"] = {"bearerAuth": _SCHEME}
    for path, operation in _operations(said):
        if path.startswith("/communication"):
            operation["security"] = [{"bearerAuth": []}]
        _describe_body(operation, schemas)
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
    content = {"schema": {"$ref": _PARTS.format(model=model.__name__)}, "examples": examples}
    operation["requestBody"] = {"required": True, "content": {"application/json": content}}


def _schema_of(model: type[BaseModel]) -> Json:
    """A model's schema by its name, and those that it refers to."""
    schema = model.model_json_schema(ref_template=_PARTS)
    parts: Json = schema.pop("$defs", {})
    return {model.__name__: schema, **parts}


def _describe_answers(operation: Json) -> None:
    """Headers and examples of the answers; the framework's own 422 is none of ours."""
    answers: Json = operation["responses"]
    answers.pop("422", None)
    for status, answer in answers.items():
        answer["headers"] = {"X-Request-Id": _REQUEST_ID, **answer.get("headers", {}), **_HEADERS.get(status, {})}
        example = ANSWERS.get(operation["operationId"]) if status == "200" else ERRORS.get(status)
        content = answer.get("content", {}).get("application/json")
        if content is not None and example is not None:
            content["example"] = example
