"""Timestamps are accepted in RFC 3339 and refused in every other form."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AwareDatetime, TypeAdapter, ValidationError

from schemas.timestamps import ActionTime, QueryTime, timestamp_problem
from schemas.validation_errors import read_problems

EXAMPLE = "Write it as 2026-01-31T09:00:00+08:00"
WRITTEN = ["2026-04-15T10:00:00Z", "2026-04-15t10:00:00.5z", "2026-04-15 10:00+0800", "2999-12-31T23:59:59-23:59"]
GUESSED = ["1700000000", "2026-04-15", "2026-04-15T10:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-10:00"]


@pytest.mark.parametrize("kind", [QueryTime, ActionTime])
@pytest.mark.parametrize("text", WRITTEN)
def test_rfc_3339_is_taken(kind: Any, text: str) -> None:
    assert TypeAdapter(kind).validate_python(text).tzinfo is not None


@pytest.mark.parametrize("kind", [QueryTime, ActionTime])
@pytest.mark.parametrize("text", [*GUESSED, 1_700_000_000, None, "2026-04-15T10:00:00Z\n"])
def test_a_timestamp_that_a_parser_would_guess_is_refused(kind: Any, text: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_python(text)


def test_a_query_may_have_a_time_before_all_requests() -> None:
    assert TypeAdapter(QueryTime).validate_python("1970-01-01T00:00:00Z")
    with pytest.raises(ValidationError):
        TypeAdapter(ActionTime).validate_python("1970-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("2027-02-30T09:00:00+08:00", "the day must be between 01 and 28 in 2027-02, and is 30"),
        ("2028-02-30T09:00:00+08:00", "the day must be between 01 and 29 in 2028-02, and is 30"),
        ("2027-04-31T09:00:00Z", "the day must be between 01 and 30 in 2027-04, and is 31"),
        ("2027-01-00T09:00:00Z", "the day must be between 01 and 31 in 2027-01, and is 00"),
        ("2027-13-01T09:00:00Z", "the month must be between 01 and 12, and is 13"),
        ("2027-00-01T09:00:00Z", "the month must be between 01 and 12, and is 00"),
        ("1999-12-31T09:00:00Z", "the year must be between 2000 and 2999, and is 1999"),
        ("3000-01-01T09:00:00Z", "the year must be between 2000 and 2999, and is 3000"),
        ("2027-01-31T24:00:00Z", "the hour must be between 00 and 23, and is 24. Midnight is 00:00:00 of the next day"),
        ("2027-01-31T25:00:00Z", "the hour must be between 00 and 23, and is 25"),
        ("2027-01-31T09:60:00Z", "the minute must be between 00 and 59, and is 60"),
        ("2027-01-31T09:00:60Z", "the second must be between 00 and 59, and is 60"),
        ("2027-01-31", f"has a date, but no time and no UTC offset. {EXAMPLE}"),
        ("2027-01-31T09:00:00", "has no UTC offset. Add it to the end, such as +08:00, or Z for UTC"),
        (
            "2027-01-31T09:00:00 08:00",
            'has a space before the UTC offset. Write the offset as +08:00. In a URL, write "+" as "%2B"',
        ),
        *(
            (
                f"2027-01-31T09:00:00{offset}",
                "the UTC offset must have a sign, hours and minutes, such as +08:00, or be Z for UTC",
            )
            for offset in (
                "+8",
                "+08",
                "+8:00",
                "CET",
                " UTC",
                "\u221208:00",
                "+08:00[Berlin]",
                ",5Z",
                " +08:00",
            )
        ),
        ("2027-01-31T09:00:00+24:00", "the UTC offset must be between -23:59 and +23:59"),
        ("2027-01-31T09:00:00+08:60", "the UTC offset must be between -23:59 and +23:59"),
        *(
            (text, f"must begin with the date as year-month-day. {EXAMPLE}")
            for text in (
                "31.01.2027 09:00",
                "01/31/2027",
                "20270131T090000Z",
                "1769821200",
                "tomorrow",
                "",
                "2027-1-31",
            )
        ),
        *(
            (
                text,
                f"the time must be hours, minutes and seconds with two digits each. {EXAMPLE}",
            )
            for text in ("2027-01-31T9:00:00Z", "2027-01-31T09Z", "2027-01-31T090000Z", "2027-01-31 9 pm")
        ),
        ("2027-01-31_09:00:00Z", f"must have a T between date and time. {EXAMPLE}"),
        ("2027-01-31T09:00:00Z\n", "must not have white space around it"),
        (1_769_821_200, f"must be text. {EXAMPLE}"),
    ],
)
def test_every_wrong_timestamp_says_what_is_wrong_with_it(text: object, problem: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(ActionTime).validate_python(text)
    assert read_problems(caught.value)[0].phrase == problem


_PIECES = st.sampled_from([*"0123456789-:Tt Zz+.", "2027", "02-29", "23:59", "60", "24"])


@given(
    st.one_of(
        st.lists(_PIECES, max_size=25).map("".join),
        st.from_regex(
            r"[12][0-9]{3}-[0-2][0-9]-[0-3][0-9][Tt ][0-2][0-9]:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?"
            r"([Zz]|[+-][0-2][0-9]:?[0-9]{2})",
            fullmatch=True,
        ),
    )
)
def test_a_timestamp_has_a_problem_exactly_if_the_documented_pattern_or_the_calendar_refuses_it(text: str) -> None:
    pattern = TypeAdapter(ActionTime).json_schema()["pattern"]
    try:
        TypeAdapter(AwareDatetime).validate_python(text)
        is_valid = re.fullmatch(pattern, text) is not None
    except ValidationError:
        is_valid = False
    assert (timestamp_problem(text, 2000) is None) == is_valid
