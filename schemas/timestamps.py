"""Timestamps as callers write them: RFC 3339 only, so that no parser has to guess."""

import re
from calendar import monthrange
from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BeforeValidator, Field
from pydantic.fields import FieldInfo

_MAX_DIGITS = 30
"""Maximum number of digits behind the point of a second."""
_FRACTION = rf"\.[0-9]{{1,{_MAX_DIGITS}}}"
_REST = (
    rf"[0-9]{{3}}-[0-9]{{2}}-[0-9]{{2}}[Tt ][0-9]{{2}}:[0-9]{{2}}(:[0-9]{{2}}({_FRACTION})?)?"
    r"([Zz]|[+-][0-9]{2}:?[0-9]{2})$"
)
_QUERY_PATTERN, _ACTION_PATTERN = "^[12]" + _REST, "^2" + _REST

_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(.*)", re.DOTALL)
_TIME = re.compile(rf"([0-9]{{2}}):([0-9]{{2}})(?::([0-9]{{2}})(?:{_FRACTION}(?![0-9]))?)?(.*)", re.DOTALL)
_OFFSET = re.compile(r"[+-]([0-9]{2}):?([0-9]{2})")
_EXAMPLE = "Write it as 2026-01-31T09:00:00+08:00"


def timestamp_problem(value: Any, first_year: int) -> str | None:
    """Return what is wrong with a timestamp, or None. The years from `first_year` to 2999 are allowed."""
    if not isinstance(value, str):
        return f"must be text. {_EXAMPLE}"
    if value != value.strip():
        return "must not have white space around it"
    date = _DATE.fullmatch(value)
    if date is None:
        return f"must begin with the date as year-month-day. {_EXAMPLE}"
    year, month, day = int(date[1]), int(date[2]), int(date[3])
    if not first_year <= year <= 2999:
        return f"the year must be between {first_year} and 2999, and is {date[1]}"
    if not 1 <= month <= 12:
        return f"the month must be between 01 and 12, and is {date[2]}"
    days = monthrange(year, month)[1]
    if not 1 <= day <= days:
        return f"the day must be between 01 and {days} in {date[1]}-{date[2]}, and is {date[3]}"
    if not date[4]:
        return f"has a date, but no time and no UTC offset. {_EXAMPLE}"
    if date[4][0] not in "Tt ":
        return f"must have a T between date and time. {_EXAMPLE}"
    return _time_problem(date[4][1:])


def _time_problem(text: str) -> str | None:
    time = _TIME.fullmatch(text)
    if time is None:
        return f"the time must be hours, minutes and seconds with two digits each. {_EXAMPLE}"
    if time[1] == "24":
        return "the hour must be between 00 and 23, and is 24. Midnight is 00:00:00 of the next day"
    for name, number, largest in (("hour", time[1], 23), ("minute", time[2], 59), ("second", time[3] or "0", 59)):
        if int(number) > largest:
            return f"the {name} must be between 00 and {largest}, and is {number}"
    return None if time[4] in {"Z", "z"} else _offset_problem(time[4])


def _offset_problem(text: str) -> str | None:
    if not text:
        return "has no UTC offset. Add it to the end, such as +08:00, or Z for UTC"
    if text.startswith("."):
        return f"the seconds must have 1 to {_MAX_DIGITS} digits behind their point"
    if re.fullmatch(r" [0-9]{2}:?[0-9]{2}", text):
        return 'has a space before the UTC offset. Write the offset as +08:00. In a URL, write "+" as "%2B"'
    offset = _OFFSET.fullmatch(text)
    if offset is None:
        return "the UTC offset must have a sign, hours and minutes, such as +08:00, or be Z for UTC"
    if int(offset[1]) > 23 or int(offset[2]) > 59:
        return "the UTC offset must be between -23:59 and +23:59"
    return None


def _check(first_year: int) -> BeforeValidator:
    """Refuse text of another format. pydantic also accepts numbers and guesses their unit."""

    def check(value: Any) -> Any:
        if not isinstance(value, datetime) and (problem := timestamp_problem(value, first_year)):
            raise ValueError(problem)
        return value

    return BeforeValidator(check)


def _document_format(pattern: str) -> FieldInfo:
    return Field(strict=False, json_schema_extra={"pattern": pattern})  # type: ignore[no-any-return]


QueryTime = Annotated[AwareDatetime, _document_format(_QUERY_PATTERN), _check(1000)]
"""Timestamp in a query, in the years 1000 to 2999."""
ActionTime = Annotated[AwareDatetime, _document_format(_ACTION_PATTERN), _check(2000)]
"""Timestamp of an action, in the years 2000 to 2999. Every time zone and MongoDB can represent it."""
