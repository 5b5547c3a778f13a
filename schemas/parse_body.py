"""Parsing of a request from JSON."""

from typing import TypeVar

from pydantic import ValidationError
from pydantic_core import from_json, to_json

from schemas.check_names import check_names
from schemas.requests import BulkBody

Body = TypeVar("Body", bound=BulkBody)


def parse_body(model: type[Body], value: bytes) -> Body:
    """Return the request in a JSON object. Raises ValidationError.

    Beside a template, `content` may be absent or null. The contract lists the field as required, so the model and the
    published schemas require it too, and only this function adds it.
    """
    check_names(model, value)
    try:
        return model.model_validate_json(value)
    except ValidationError as error:
        completed = _with_content(value) if _concerns_content(error) else None
        if completed is None:
            raise
    return model.model_validate_json(completed)


def _concerns_content(error: ValidationError) -> bool:
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    return any(problem["loc"] == ("content",) for problem in problems)


def _with_content(value: bytes) -> bytes | None:
    """Return the object with an empty content, or None if it has a content or no template."""
    fields = from_json(value)
    if fields.get("content") is not None or fields.get("template") is None:
        return None
    return to_json({**fields, "content": ""})
