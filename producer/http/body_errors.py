"""Messages about a body that is wrong. They name the field and never quote its value."""

import json
from dataclasses import replace

from pydantic import ValidationError

from producer.errors import BadRequestError
from schemas.validation_errors import Location, Problem, drop_object_branch, path_of, read_problems

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


def check_unique(text: bytes) -> None:
    """Raise BadRequestError if an object has a name twice. Parsers differ in the value that they take."""
    try:
        json.loads(text, object_pairs_hook=_refuse_duplicates)
    except _DuplicateNameError as error:
        raise BadRequestError(f"{path_of([error.name])}: is given twice in one object") from None


class _DuplicateNameError(Exception):
    def __init__(self, name: str) -> None:
        super().__init__("duplicate name")
        self.name = name


def _refuse_duplicates(pairs: list[tuple[str, object]]) -> None:
    if len(dict(pairs)) == len(pairs):
        return
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise _DuplicateNameError(name)
        seen.add(name)


def _describe(problem: Problem) -> str:
    path = path_of(problem.location) + (".[key]" if problem.in_key else "")
    if problem.is_no_recipient:
        return f"{path}: is neither an address nor an object with `to`"
    if problem.kind == "json_invalid":
        return f"the body is not JSON: {problem.message.removeprefix('Invalid JSON: ')}"
    phrase = _PHRASES.get(problem.kind, problem.phrase)
    return f"{path}: {phrase}" if path else (phrase if ":" in phrase else f"the body {phrase}")
