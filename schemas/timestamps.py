"""Moments as callers write them: RFC 3339, and nothing that a parser would only guess."""

import re
from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BeforeValidator, Field
from pydantic.fields import FieldInfo

_REST = r"[0-9]{3}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?([Zz]|[+-][0-9]{2}:?[0-9]{2})$"
_ASKED_FOR, _ACTED_AT = "^[12]" + _REST, "^2" + _REST


def _written_as(pattern: str) -> BeforeValidator:
    """Refuse text that is not written so; pydantic also takes numbers, which it guesses to be seconds or not."""
    written = re.compile(pattern)

    def check(value: Any) -> Any:
        if isinstance(value, datetime) or (isinstance(value, str) and written.fullmatch(value)):
            return value
        raise ValueError("is no moment such as 2026-04-15T10:00:00Z; a + has to be written %2B in a URL")

    return BeforeValidator(check)


def _said_as(pattern: str) -> FieldInfo:
    return Field(strict=False, json_schema_extra={"pattern": pattern})  # type: ignore[no-any-return]


QueryTime = Annotated[AwareDatetime, _said_as(_ASKED_FOR), _written_as(_ASKED_FOR)]
"""One to ask for, in the years 1000 to 2999."""
ActionTime = Annotated[AwareDatetime, _said_as(_ACTED_AT), _written_as(_ACTED_AT)]
"""One to act at, in the years 2000 to 2999: every zone and MongoDB can say it."""
