"""What is wrong with a body, in words that name the field and never quote its value."""

import json
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from producer.errors import BadRequestError

MOST = 5
"""So many problems are named; the rest is counted."""
LONGEST_NAME = 100
"""A caller's own key is cut to so many characters."""

_SAID = {"missing": "is required", "extra_forbidden": "is not a field of this body", "model_type": "is not an object"}


def describe_problems(error: ValidationError, first: int | None = None) -> str:
    """One line, such as `recipients[17].to: is required; channel: input should be 'sms' or 'email'`.

    With `first` what was wrong is not a whole body, but its recipients from that number on.
    """
    found: list[Any] = error.errors(include_url=False, include_context=False, include_input=False)
    if first is not None:
        if found[0]["type"] == "json_invalid":
            return f"the body is not JSON, at recipients[{first}] or soon after"
        found = [{**one, "loc": ("recipients", first + one["loc"][0], *one["loc"][1:])} for one in found]
    said = list(dict.fromkeys(_line(problem) for problem in _relevant(found)))
    more = f" (and {len(said) - MOST} more)" if len(said) > MOST else ""
    return "; ".join(said[:MOST]) + more


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


def path_of(loc: Iterable[int | str]) -> str:
    """Where it stands, such as `recipients[3].variables.code`."""
    text = ""
    for step in loc:
        text += f"[{step}]" if isinstance(step, int) else f".{step[:LONGEST_NAME]}"
    return text.removeprefix(".")


def _relevant(found: list[Any]) -> list[Any]:
    """A recipient is text or an object, and pydantic says what is wrong with it as either: keep what it tried to be."""
    in_union = [problem for problem in found if _branch(problem)]
    no_object = {problem["loc"][:2] for problem in in_union if problem["type"] == "model_type"}
    kept = []
    for problem in found:
        as_text = _branch(problem) == "constrained-str"
        if not _branch(problem) or as_text == (problem["loc"][:2] in no_object):
            kept.append(problem)
    return kept


def _branch(problem: Any) -> str | None:
    loc = problem["loc"]
    return str(loc[2]) if len(loc) > 2 and loc[0] == "recipients" else None


def _line(problem: Any) -> str:
    loc = problem["loc"]
    if _branch(problem):
        loc = (*loc[:2], *loc[3:])
        if problem["type"] == "string_type" and len(loc) == 2:
            return f"{path_of(loc)}: is neither an address nor an object with `to`"
    if problem["type"] == "json_invalid":
        return f"the body is not JSON: {problem['msg'].removeprefix('Invalid JSON: ')}"
    message = problem["msg"].removeprefix("Value error, ")
    message = _SAID.get(problem["type"], message[:1].lower() + message[1:])
    return f"{path_of(loc)}: {message}" if loc else (message if ":" in message else f"the body {message}")
