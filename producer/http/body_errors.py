"""What is wrong with a body, in words that name the field and never quote its value."""

import json
from dataclasses import replace

from pydantic import ValidationError

from producer.errors import BadRequestError
from schemas.validation_errors import Location, Problem, drop_object_branch, path_of, read_problems

MOST = 5
"""So many problems are named; the rest is counted."""

_SAID = {"missing": "is required", "extra_forbidden": "is not a field of this body", "model_type": "is not an object"}


def describe_problems(error: ValidationError, first: int | None = None) -> str:
    """One line, such as `recipients[17].to: is required; channel: input should be 'sms' or 'email'`.

    With `first` what was wrong is not a whole body, but its recipients from that number on.
    """
    problems = drop_object_branch(read_problems(error))
    if first is not None:
        if problems[0].kind == "json_invalid":
            return f"the body is not JSON, at recipients[{first}] or soon after"
        problems = [replace(problem, location=_in_body(problem.location, first)) for problem in problems]
    said = list(dict.fromkeys(map(_line, problems)))
    more = f" (and {len(said) - MOST} more)" if len(said) > MOST else ""
    return "; ".join(said[:MOST]) + more


def _in_body(location: Location, first: int) -> Location:
    """Return the location in the body of a place in a list whose first item is recipient number `first`."""
    number, *rest = location
    return ("recipients", first + int(number), *rest)


def check_unique(text: bytes) -> None:
    """Refuse JSON in which a name is there twice in one object: of two values a reader takes either."""
    try:
        json.loads(text, object_pairs_hook=_no_pairs_alike)
    except _TwiceError as error:
        raise BadRequestError(f"{path_of([error.name])}: is there twice in one object") from None


class _TwiceError(Exception):
    def __init__(self, name: str) -> None:
        super().__init__("a name is there twice")
        self.name = name


def _no_pairs_alike(pairs: list[tuple[str, object]]) -> None:
    if len(dict(pairs)) == len(pairs):
        return
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise _TwiceError(name)
        seen.add(name)


def _line(problem: Problem) -> str:
    path = path_of(problem.location) + (".[key]" if problem.in_key else "")
    if problem.is_no_recipient:
        return f"{path}: is neither an address nor an object with `to`"
    if problem.kind == "json_invalid":
        return f"the body is not JSON: {problem.message.removeprefix('Invalid JSON: ')}"
    message = _SAID.get(problem.kind, problem.phrase)
    return f"{path}: {message}" if path else (message if ":" in message else f"the body {message}")
