"""Body errors, header checks, pages and other small functions of the HTTP service."""

import logging
import tracemalloc
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from starlette.datastructures import Headers

from config.logging_setup import MAX_TEMPLATES, SeldomFilter, describe
from producer.bulk.accepted_response import ResponsePage
from producer.errors import ApiError
from producer.http.body_errors import describe_problems
from producer.http.request_bodies import check_headers
from schemas.bulk_body import BulkSendRequest

GOOD = {"channel": "sms", "content": "Hello", "recipients": ["13800138000"]}


def problems_of(body: Any) -> str:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    with pytest.raises(ValidationError) as caught:
        BulkSendRequest.model_validate_json(raw)
    return describe_problems(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"channel": "fax"}, "channel: input should be 'sms' or 'email'"),
        ({"content": 7}, "content: input should be a valid string"),
        ({"content": ""}, "content: may be empty only with a template"),
        ({"recipients": []}, "recipients: at least one is required"),
        ({"recipients": ["1", 2]}, "recipients[1]: is neither an address nor an object with `to`"),
        ({"recipients": ["1", None]}, "recipients[1]: is neither an address nor an object with `to`"),
        ({"recipients": [""]}, "recipients[0]: must have at least 1 character"),
        ({"recipients": ["1" * 321]}, "recipients[0]: must have at most 320 characters"),
        ({"recipients": [{}]}, "recipients[0].to: is required"),
        ({"recipients": [{"to": 7}]}, "recipients[0].to: input should be a valid string"),
        ({"recipients": [{"to": "1", "two": "2"}]}, "recipients[0].(unknown): is not a field of this body"),
        ({"recipients": [{"to": "1", "variables": {"a": 1}}]}, "recipients[0].variables.(unknown): "),
        ({"variables": {"code": 1}}, "variables.(unknown): input should be a valid string"),
        ({"variables": []}, "variables: "),
        ({"tenant_id": "not a tenant"}, "tenant_id: "),
        ({"send_at": "tomorrow"}, "send_at: "),
        ({"send_at": "2026-04-15T10:00:00"}, "send_at: "),
        ({"channel": "email"}, "subject: is required for e-mail without a template"),
        ({"reply_topic": "a b"}, "reply_topic: "),
        ({"on_uncertain": "whatever"}, "on_uncertain: "),
    ],
)
def test_a_wrong_field_is_named(changes: dict[str, Any], message: str) -> None:
    assert problems_of({**GOOD, **changes}).startswith(message)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "the body is not JSON: "),
        (b"{", "the body is not JSON: "),
        (b"\xff", "the body is not JSON: "),
        (b"[" * 100_000, "the body is not JSON: "),
        (b'{"channel":"sms","content":"\\ud800","recipients":["1"]}', "the body is not JSON: "),
        (b"[]", "the body is not an object"),
        (b"null", "the body is not an object"),
    ],
)
def test_a_body_that_is_not_json_is_reported_as_such(body: bytes, message: str) -> None:
    assert problems_of(body).startswith(message)


def test_all_wrong_fields_are_named_up_to_five() -> None:
    wrong = dict.fromkeys(["channel", "content", "subject", "template", "category", "send_at", "on_uncertain"], 1)
    problems = problems_of({**GOOD, **wrong, **{f"unknown{number}": 1 for number in range(9)}})
    assert problems.count(": ") == 5
    assert problems.endswith("(and 3 more)")


def test_a_wrong_value_is_not_repeated() -> None:
    problems = problems_of({**GOOD, "channel": "secret", "recipients": [{"to": ["secret"], "reference": 7}]})
    assert "secret" not in problems


@pytest.mark.parametrize("name", ["x" * 1_000_000, "anna@example.com", "recipients[0].to", "to", "code 7\x00", "1.2"])
def test_a_name_chosen_by_the_caller_is_not_repeated(name: str) -> None:
    assert problems_of({**GOOD, name: 1}) == "(unknown): is not a field of this body"
    assert problems_of({**GOOD, "variables": {name: 1}}).startswith("variables.(unknown)")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-type": "application/json"}, None),
        ({"content-type": "Application/JSON; charset=UTF-8", "content-length": "1000"}, None),
        ({"content-type": "application/json", "content-encoding": "identity"}, None),
        ({"content-type": "application/json; odata.metadata=minimal"}, None),
        ({"content-type": "application/json; version=1"}, None),
        ({"content-type": "application/json; charset=utf-8;"}, None),
        ({"content-type": "application/json;odata.metadata=minimal;charset=utf-8"}, None),
        ({"content-type": "application/json; charset=us-ascii"}, None),
        ({"content-type": 'application/json; profile="a;charset=latin-1"; charset="UTF-8"'}, None),
        ({"content-type": "application/json ; Charset=utf8"}, None),
        ({"content-type": "application/json; version"}, None),
        ({"content-type": "application/json; version=1; charset=utf-16"}, 415),
        ({"content-type": "application/jsonl"}, 415),
        ({"content-type": "json"}, 415),
        ({"content-type": "application/json" + ";" * 100_000}, 400),
        ({}, 415),
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "application/json; charset=latin-1"}, 415),
        ({"content-type": "application/json", "content-encoding": "gzip"}, 415),
        ({"content-type": "application/json", "content-length": "1001"}, 413),
        ({"content-type": "application/json", "content-length": "9" * 100_000}, 413),
        ({"content-type": "application/json", "content-length": "-1"}, 400),
    ],
)
def test_a_body_is_refused_by_its_headers(headers: dict[str, str], status: int | None) -> None:
    if status is None:
        check_headers(Headers(headers), 1_000)
        return
    with pytest.raises(ApiError) as caught:
        check_headers(Headers(headers), 1_000)
    assert caught.value.status == status


@given(st.integers(1, 50), st.integers(1, 100), st.integers(1, 1_000))
def test_page_numbers_agree_with_the_total(page: int, page_size: int, total: int) -> None:
    info = ResponsePage(page, page_size).info(total)
    assert (info.total_pages - 1) * page_size < total <= info.total_pages * page_size
    assert info.has_next == (page * page_size < total)
    assert info.has_prev == (page > 1)


def test_only_the_type_and_location_of_an_exception_are_logged() -> None:
    with pytest.raises(ValueError, match="invalid literal") as caught:
        int("13800138000 is no number")
    description = describe(caught.value)
    assert description["type"] == "ValueError"
    assert "test_body_errors.py:" in description["at"]
    assert "13800138000" not in str(description)


def test_a_repeated_log_line_of_a_library_is_written_once(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("seldom.test")
    logger.addFilter(SeldomFilter())
    for node in range(5):
        logger.warning("Unable to reach %s", node)
    logger.warning("Something else")
    assert [record.getMessage() for record in caplog.records] == ["Unable to reach 0", "Something else"]


def test_the_filter_of_repeated_messages_remembers_a_bounded_number() -> None:
    seldom = SeldomFilter()
    tracemalloc.start()
    try:
        for number in range(5_000):
            message = f"{number} " + "x" * 5_000
            assert seldom.filter(logging.LogRecord("aiokafka", logging.ERROR, "", 0, message, (), None))
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert used < MAX_TEMPLATES * 1_000
