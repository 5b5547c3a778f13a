"""Small bodies, and messages about a body that is wrong. They name the field and never quote its value."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from producer.errors import BadRequestError
from schemas.check_names import check_names
from schemas.validation_errors import (
    UNKNOWN,
    VARIABLES,
    Location,
    Problem,
    drop_object_branch,
    path_of,
    read_problems,
)

Body = TypeVar("Body", bound=BaseModel)

MAX_NAMED_PROBLEMS = 5
"""Maximum number of problems in a message. The rest is counted."""

_PHRASES = {
    "missing": "is required",
    "extra_forbidden": "is not a field of this body",
    "model_type": "is not an object",
}


def describe_problems(error: ValidationError, first: int | None = None) -> str:
    """Return one line, such as `recipients[17].to: is required; channel: input should be 'sms' or 'email'`.

    With `first` the error concerns the recipients of a body from that position on, and not a whole body.
    """
    problems = drop_object_branch(read_problems(error))
    if first is not None:
        if problems[0].kind == "json_invalid":
            return f"the body is not JSON, at recipients[{first}] or soon after"
        problems = [replace(problem, location=_in_body(problem.location, first)) for problem in problems]
    lines = list(dict.fromkeys(map(_describe, problems)))
    unnamed = len(lines) - MAX_NAMED_PROBLEMS
    return ". ".join(lines[:MAX_NAMED_PROBLEMS]) + (f" (and {unnamed} more)" if unnamed > 0 else "")


def _in_body(location: Location, first: int) -> Location:
    """Return a location in the body for a location in a list whose first item has position `first`."""
    number, *rest = location
    return ("recipients", first + int(number), *rest)


def check_unique(text: bytes, first: int | None = None) -> None:
    """Raise BadRequestError if an object has a name twice. Parsers differ in the value that they take.

    The text was validated, so that only variables have names of the caller. `first` is as in `describe_problems`.
    """
    marker = _Marker()
    document = json.loads(text, object_pairs_hook=marker.mark)
    if marker.has_marked:
        location = next(_find_duplicates(document, ()))
        path = path_of(location if first is None else _in_body(location, first))
        raise BadRequestError(f"{path}: is given twice in one object")


@dataclass(frozen=True, slots=True)
class _Duplicate:
    """Object that has a name twice."""

    name: str


class _Marker:
    """Hook of the parser. It puts a mark in place of each object that has a name twice."""

    has_marked = False

    def mark(self, pairs: list[tuple[str, object]]) -> dict[str, object] | _Duplicate:
        members = dict(pairs)
        if len(members) == len(pairs):
            return members
        self.has_marked = True
        names = Counter(name for name, _ in pairs)
        return _Duplicate(next(name for name in names if names[name] > 1))


def _find_duplicates(value: Any, place: Location) -> Iterator[Location]:
    """Yield the location of each name that is given twice, with `(unknown)` for the name of a variable."""
    match value:
        case _Duplicate(name):
            yield (*place, UNKNOWN if place[-1:] == (VARIABLES,) else name)
        case dict():
            for name, member in value.items():
                yield from _find_duplicates(member, (*place, name))
        case list():
            for position, item in enumerate(value):
                yield from _find_duplicates(item, (*place, position))


def _describe(problem: Problem) -> str:
    path = path_of(problem.shown_location) + (".[key]" if problem.in_key else "")
    if problem.is_no_recipient:
        return f"{path}: is neither an address nor an object with `to`"
    if problem.kind == "json_invalid":
        return f"the body is not JSON: {problem.message.removeprefix('Invalid JSON: ')}"
    phrase = _PHRASES.get(problem.kind, problem.phrase)
    return f"{path}: {phrase}" if path else (phrase if ":" in phrase else f"the body {phrase}")


def parse_body(model: type[Body], body: bytes) -> Body:
    """Return a small body. Raises BadRequestError, which shows no value."""
    try:
        check_names(model, body)
        parsed = model.model_validate_json(body)
    except ValidationError as error:
        raise BadRequestError(describe_problems(error)) from None
    check_unique(body)
    return parsed
