"""Problems that pydantic reports for input. Callers choose the wording.

A recipient is a union: an address, or an object with one. pydantic reports the problems of both branches, and puts the
name of the branch into the location. This module takes the branch out of the location.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from schemas.text_patterns import in_words

LONGEST_NAME = 100
"""Maximum length of one name in a path, in characters. It may come from a file of the operator."""
UNKNOWN = "(unknown)"
"""Text that is shown in place of a name that a caller chose. Such a name may be an address."""

VARIABLES = "variables"
"""Field whose value is an object with names of the caller."""
_KEY = "[key]"
"""Last step of pydantic's location if the key of a dictionary is wrong, and not its value."""
_OUR_PREFIX = "Value error, "
"""Text that pydantic puts before the message of our own validators."""

_BOUND = re.compile(r"(?:String|List|Dictionary) should have at (most|least) ([0-9]+) (character|item)s?\b.*")
"""Message of pydantic about a value that is too long or too short."""

MAX_NAMED = 20
"""Maximum number of problems in a message to an operator. The rest is counted."""

Location = tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """Problem of a field: its field and its message, without the value."""

    kind: str
    """Name that pydantic gives to the problem, such as `missing`."""
    location: Location
    """Steps to the field. Empty if the problem concerns the whole input."""
    message: str
    """Sentence of pydantic, or of our own validator."""
    branch: str | None = None
    """Branch of the union that pydantic tried, if the location leads into one."""
    in_key: bool = False
    """True if the key at the location is wrong, and not its value."""

    @property
    def shown_location(self) -> Location:
        """Return the steps to the field, with only the names of the schema and `(unknown)` for all others.

        A caller chooses two kinds of names: that of a field that does not exist, and those of variables.
        """
        location = self.location
        if self.kind == "extra_forbidden":
            return (*location[:-1], UNKNOWN)
        at = location.index(VARIABLES) + 1 if VARIABLES in location else len(location)
        return location[:at] + (UNKNOWN,) * (len(location) - at)

    @property
    def phrase(self) -> str:
        """Return the message with a small first letter, to follow the field and a colon."""
        return self.message[:1].lower() + self.message[1:]

    @property
    def concerns_branch(self) -> bool:
        """Return whether all of the union's value is wrong, and not a field in it."""
        return self.branch is not None and (not self.location or isinstance(self.location[-1], int))

    @property
    def is_no_recipient(self) -> bool:
        """Return whether the value is not text. After `drop_object_branch` it is not an object either."""
        return self.concerns_branch and self.kind == "string_type"


def read_problems(error: ValidationError, *, is_union: bool = False, has_unions: bool = True) -> list[Problem]:
    """Return the problems in pydantic's order. The item of a list is a union, and with `is_union` the input itself.

    Without `has_unions`, the items of lists are objects, and a name behind a number is that of a field.
    If one branch names a field, the other branch was not meant and is left out. So an object is not also wrong text.
    """
    details = error.errors(include_url=False, include_context=False, include_input=False)
    problems = read_details(details, is_union=is_union, has_unions=has_unions)
    parents = {problem.location[:depth] for problem in problems for depth in range(len(problem.location))}
    return [problem for problem in problems if not (problem.concerns_branch and problem.location in parents)]


def read_details(details: Iterable[Any], *, is_union: bool = False, has_unions: bool = True) -> list[Problem]:
    """Return a problem for each of pydantic's own descriptions."""
    return [_read(item["type"], item["loc"], item["msg"], is_union=is_union, has_unions=has_unions) for item in details]


def drop_object_branch(problems: Iterable[Problem]) -> list[Problem]:
    """Return the problems without those that say that a recipient is not an object.

    If `read_problems` kept such a problem, another problem describes the recipient as text.
    """
    return [problem for problem in problems if not (problem.concerns_branch and problem.kind == "model_type")]


def first_lines(lines: Iterable[str]) -> list[str]:
    """Return the first few different lines. A further line counts the others, if there are any."""
    different = list(dict.fromkeys(lines))
    others = len(different) - MAX_NAMED
    return different[:MAX_NAMED] + ([f"and {others:,} more"] if others > 0 else [])


def path_of(location: Iterable[int | str]) -> str:
    """Return a location as text, such as `recipients[3].variables.code`."""
    text = ""
    for step in location:
        text += f"[{step}]" if isinstance(step, int) else f".{step[:LONGEST_NAME]}"
    return text.removeprefix(".")


def _read(kind: str, location: Location, message: str, *, is_union: bool, has_unions: bool) -> Problem:
    branch = None
    for at, step in enumerate(location if has_unions else ()):
        begins = isinstance(location[at - 1], int) if at else is_union
        if begins and isinstance(step, str):
            branch, location = step, (*location[:at], *location[at + 1 :])
            break
    in_key = location[-1:] == (_KEY,) and kind != "extra_forbidden"  # a field may have that name
    if in_key:
        location = location[:-1]
    message = in_words(message) if kind == "string_pattern_mismatch" else message.removeprefix(_OUR_PREFIX)
    return Problem(kind, location, _BOUND.sub(_bound, message), branch, in_key)


def _bound(message: re.Match[str]) -> str:
    """Return the message about a bound in the words of our own validators."""
    direction, number, unit = message.groups()
    return f"Must have at {direction} {int(number):,} {unit}{'' if number == '1' else 's'}"
