"""Timestamps are accepted in RFC 3339 and refused in every other form."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from schemas.timestamps import ActionTime, QueryTime

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
