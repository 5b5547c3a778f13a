"""Parser of lists of settings from JSON or a TOML file, and of the list of providers. No error shows a value."""

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from providers.entries import ProviderEntry
from providers.kinds import KINDS
from providers.prices import currency_problem
from schemas.validation_errors import Problem, first_lines, path_of, read_problems

_ENTRIES: Any = reduce(or_, (kind.entry for kind in KINDS.values()))
_BY_KIND: Any = Annotated[_ENTRIES, Field(discriminator="kind")]
_ENTRY: TypeAdapter[ProviderEntry] = TypeAdapter(_BY_KIND)
_REFERENCE = re.compile(r"(\$?)\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_PHRASES = {
    "missing": "is required",
    "extra_forbidden": "is not a field of its kind (docs/settings.md lists the fields)",
}
_ENUM_MEMBER = re.compile(r"<\w+\.\w+: ('\w+')>")
"""Member of an enumeration, as pydantic shows it. Only the value in it can be written in a file."""


def read_json(text: str) -> Any:
    """Return the value of a JSON text. Raises ValueError."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("must be valid JSON") from None


def read_tables(path: Path, name: str, environment: Mapping[str, str]) -> tuple[Any, list[str]]:
    """Return the `[[name]]` tables of a TOML file, and a line for each missing variable. Raises ValueError.

    `${NAME}` in a string is replaced by the environment variable. `$${NAME}` is a literal `${NAME}`.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ValueError(f"the file cannot be read: {error.strerror}") from None
    except tomllib.TOMLDecodeError as error:
        position = re.search(r"\(at [a-z0-9 ,]+\)$", str(error))
        raise ValueError(f"the file is not TOML {position[0] if position else ''}".rstrip()) from None
    except ValueError:
        raise ValueError("the file is not UTF-8") from None
    if document.keys() != {name}:
        raise ValueError(f"the file must hold [[{name}]] tables and nothing else")
    missing: dict[str, None] = {}
    tables = _expand(document[name], environment, missing)
    return tables, [f"${{{variable}}} in the file is not set in the environment" for variable in missing]


def parse(value: Any, known_problems: Sequence[str] = ()) -> tuple[ProviderEntry, ...]:
    """Validate a list of entries and their names. Raises ValueError with one line per problem."""
    if not isinstance(value, list) or not value:
        raise ValueError("must be a list of at least one provider")
    entries, problems = [], list(known_problems)
    for number, item in enumerate(value, 1):
        try:
            entries.append(_parse_entry(item, number))
        except ValueError as error:
            problems.append(str(error))
    duplicates = sorted({entry.name for entry in entries if sum(entry.name == other.name for other in entries) > 1})
    problems += [f"two providers have the name {name}. Each name must be unique." for name in duplicates]
    problems += filter(None, [currency_problem(entries)])
    if problems:
        raise ValueError("\n".join(first_lines(problems)))
    return tuple(entries)


def _parse_entry(item: Any, number: int) -> ProviderEntry:
    try:
        return _ENTRY.validate_python(item)
    except ValidationError as error:
        problems = ", ".join(first_lines(map(_describe, read_problems(error))))
        raise ValueError(f"provider {number}: {problems}") from None


def _describe(problem: Problem) -> str:
    if problem.kind in {"union_tag_invalid", "union_tag_not_found"}:
        return f"kind must be one of {', '.join(KINDS)}"
    path = path_of(problem.location[1:])  # after the kind
    if not path:
        return problem.message
    phrase = _PHRASES.get(problem.kind) or _ENUM_MEMBER.sub(r"\1", problem.phrase)
    return f"{path}: {phrase}"


def _expand(value: Any, environment: Mapping[str, str], missing: dict[str, None]) -> Any:
    """Replace `${NAME}` after parsing, so that no value can change the document's structure.

    Names that are not set go into `missing`, in order. Their references stay, so that all other problems are found too.
    """
    if isinstance(value, str):
        return _REFERENCE.sub(lambda match: _look_up(match, environment, missing), value)
    if isinstance(value, Mapping):
        return {key: _expand(item, environment, missing) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [_expand(item, environment, missing) for item in value]
    return value


def _look_up(match: re.Match[str], environment: Mapping[str, str], missing: dict[str, None]) -> str:
    escaped, name = match.groups()
    if escaped:
        return match[0][1:]
    if name not in environment:
        missing[name] = None
    return environment.get(name, match[0])
