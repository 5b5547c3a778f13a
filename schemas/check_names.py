"""Check of the names in a large JSON text, before pydantic validates it.

pydantic has no FailFast for the fields of an object. It collects an error for each unknown name, and each missing field
keeps a copy of the whole object. 1 MiB of unknown names took 25 times the memory of a valid text of this size.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any

import orjson
from pydantic import BaseModel, ValidationError
from pydantic_core import InitErrorDetails

from schemas.requests import IntakeRecipient
from schemas.validation_errors import UNKNOWN, Location

SMALL_BYTES = 2 * 1024
"""Size in bytes up to which a text cannot hold many names. It is not checked here."""

_MOST_NAMES = len(IntakeRecipient.model_fields)
_BRANCH = "Recipient"
"""Step that pydantic puts into the location of a problem in a recipient."""


def check_names(model: type[BaseModel], text: bytes) -> None:
    """Raise ValidationError for the first unknown name in a large object, or if it lacks required fields.

    The names of its recipients are checked too. A small text passes, and so does one that is not an object.
    """
    if len(text) <= SMALL_BYTES:
        return
    document = _parse(text)
    if not isinstance(document, dict):
        return
    names = _names(model)
    problems = [_missing(name) for name, is_required in names.items() if is_required and _lacks(document, name)]
    unknown = [_unknown(())] if document.keys() - names.keys() else _in_recipients(document.get("recipients"))
    if problems or unknown:
        raise _error(*problems, *unknown)


def check_recipient_names(text: bytes) -> None:
    """Raise ValidationError for the first unknown name in a JSON array of recipients."""
    if unknown := _in_recipients(_parse(text), ()):
        raise _error(*unknown)


@cache
def _names(model: type[BaseModel]) -> dict[str, bool]:
    """Return the names of the fields, and whether each is required."""
    return {field.alias or name: field.is_required() for name, field in model.model_fields.items()}


def _parse(text: bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _error({"type": "json_invalid", "input": None, "ctx": {"error": error.msg}}) from None


def _lacks(document: dict[str, Any], name: str) -> bool:
    """Return whether a required field is absent. `content` may be absent beside a template."""
    return name not in document and not (name == "content" and document.get("template") is not None)


def _in_recipients(recipients: Any, place: Location = ("recipients",)) -> list[InitErrorDetails]:
    """Return the problem of the first recipient with many names. pydantic finds the unknown one of few names."""
    objects: Iterable[Any] = enumerate(recipients) if isinstance(recipients, list) else ()
    for position, recipient in objects:
        if type(recipient) is dict and len(recipient) > _MOST_NAMES:
            return [_unknown((*place, position, _BRANCH))]
    return []


def _missing(name: str) -> InitErrorDetails:
    return {"type": "missing", "loc": (name,), "input": None}


def _unknown(place: Location) -> InitErrorDetails:
    return {"type": "extra_forbidden", "loc": (*place, UNKNOWN), "input": None}


def _error(*problems: InitErrorDetails) -> ValidationError:
    return ValidationError.from_exception_data("names", list(problems), hide_input=True)
