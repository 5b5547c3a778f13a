"""Configurations of the providers that tenants manage themselves, as text.

They come from a tenant, and have secrets of it. No error shows a value.
"""

import json
from collections.abc import Iterator
from math import isfinite
from typing import Any

from schemas.provider_configs import MAX_CONFIG_BYTES

_MAX_DEPTH = 4

Place = tuple[int | str, ...]
"""Steps to a member of a configuration."""


def read_config(config: str) -> dict[str, Any]:
    """Return the fields of a configuration, unchecked. Raises ValueError if it is no small JSON object."""
    try:
        size = len(config.encode())
    except UnicodeEncodeError:
        raise ValueError("config: must be Unicode text") from None
    if size > MAX_CONFIG_BYTES:
        raise ValueError(f"config: must have at most {MAX_CONFIG_BYTES:,} bytes")
    try:
        fields = json.loads(
            config, object_pairs_hook=_unique, parse_constant=_no_number, parse_float=_finite, parse_int=_whole
        )
    except _DuplicateError:
        raise ValueError("config: must not have a name twice in one object") from None
    except (ValueError, RecursionError):
        raise ValueError("config: must be valid JSON") from None
    if not isinstance(fields, dict):
        raise ValueError(  # noqa: TRY004  # Callers catch one type.
            "config: must be a JSON object with the fields of its kind"
        )
    for path, value in walk(fields):
        if len(path) > _MAX_DEPTH:
            raise ValueError("config: must not be nested so deeply")
        if not _is_unicode(*path, value):
            raise ValueError("config: must be Unicode text")
    return fields


class _DuplicateError(ValueError):
    """Error for an object with a name twice. Parsers differ in the value that they take."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _DuplicateError
    return members


def _no_number(_name: str) -> Any:
    raise ValueError("must be JSON, which has no NaN and no infinity")


def _finite(digits: str) -> float:
    number = float(digits)
    if not isfinite(number):
        raise ValueError("must be finite")
    return number


def _whole(digits: str) -> int:
    if len(digits) > 18:
        raise ValueError("must fit into 64 bits")
    return int(digits)


def walk(fields: dict[str, Any]) -> Iterator[tuple[Place, Any]]:
    """Yield the path and the value of each member, also of those inside of others. It does not recurse."""
    waiting: list[tuple[Place, Any]] = [((), fields)]
    for path, value in waiting:
        members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for step, member in members:
            waiting.append(((*path, step), member))
            yield waiting[-1]
        if len(path) > _MAX_DEPTH:
            return


def _is_unicode(*values: Any) -> bool:
    """Return whether no text has half of a surrogate pair, which JSON can write and UTF-8 cannot."""
    try:
        "".join(value for value in values if isinstance(value, str)).encode()
    except UnicodeEncodeError:
        return False
    return True
