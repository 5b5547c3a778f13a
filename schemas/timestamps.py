"""Timestamps as callers write them: RFC 3339 only, so that no parser has to guess."""

import re
from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BeforeValidator, Field
from pydantic.fields import FieldInfo

_REST = r"[0-9]{3}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?([Zz]|[+-][0-9]{2}:?[0-9]{2})$"
_QUERY_PATTERN, _ACTION_PATTERN = "^[12]" + _REST, "^2" + _REST


def _check_format(pattern: str) -> BeforeValidator:
    """Refuse text of another format. pydantic also accepts numbers and guesses their unit."""
    expected = re.compile(pattern)

    def check(value: Any) -> Any:
        if isinstance(value, datetime) or (isinstance(value, str) and expected.fullmatch(value)):
            return value
        raise ValueError('must be an RFC 3339 timestamp such as 2026-04-15T10:00:00Z. In a URL, write "+" as "%2B".')

    return BeforeValidator(check)


def _document_format(pattern: str) -> FieldInfo:
    return Field(strict=False, json_schema_extra={"pattern": pattern})  # type: ignore[no-any-return]


QueryTime = Annotated[AwareDatetime, _document_format(_QUERY_PATTERN), _check_format(_QUERY_PATTERN)]
"""Timestamp in a query, in the years 1000 to 2999."""
ActionTime = Annotated[AwareDatetime, _document_format(_ACTION_PATTERN), _check_format(_ACTION_PATTERN)]
"""Timestamp of an action, in the years 2000 to 2999. Every time zone and MongoDB can represent it."""
