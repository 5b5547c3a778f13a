"""Fields of a request that only an e-mail may have."""

from typing import Any

import pytest
from pydantic import ValidationError

from schemas.mail_fields import MAX_CC
from schemas.requests import BulkBody, BulkRequest
from schemas.validation_errors import path_of, read_problems

MAIL = {"channel": "email", "subject": "Hi", "content": "Hello", "recipients": ["a@example.com"]}
SMS = {"channel": "sms", "content": "Hello", "recipients": ["13800138000"]}
CC = ["b@example.com"]


def body(fields: dict[str, Any], **more: Any) -> BulkBody:
    return BulkBody.model_validate({**fields, **more}, strict=False)


def problem(fields: dict[str, Any], **more: Any) -> str:
    """Return the only problem of a record, with its field."""
    with pytest.raises(ValidationError) as caught:
        BulkRequest.model_validate({"tenant_id": "t", **fields, **more}, strict=False)
    (found,) = read_problems(caught.value)
    return f"{path_of(found.location)}: {found.message}" if found.location else found.message


@pytest.mark.parametrize("absent", [{}, {"reply_to": None, "cc": None}, {"cc": []}])
def test_a_request_without_them_has_neither(absent: dict[str, Any]) -> None:
    assert (body(MAIL, **absent).reply_to, body(SMS, **absent).cc) == (None, None)


@pytest.mark.parametrize(("field", "value"), [("reply_to", "a@example.com"), ("cc", CC)])
def test_an_sms_with_one_of_them_is_refused_by_its_field(field: str, value: object) -> None:
    assert problem(SMS, **{field: value}).startswith(f"{field}: is only for e-mail.")


@pytest.mark.parametrize(
    "more",
    [{"recipients": ["a@example.com", "c@example.com"]}, {"part": 1}, {"last": False}, {"part": 1, "recipients": []}],
)
def test_cc_needs_exactly_one_recipient_in_one_part(more: dict[str, Any]) -> None:
    message = problem(MAIL, cc=CC, **more)
    assert message.startswith("cc: needs a request with exactly one recipient")
    assert "one copy per recipient" in message


def test_a_reply_address_may_stand_beside_any_number_of_recipients() -> None:
    assert body(MAIL, recipients=["a@example.com", "b@example.com"], reply_to="c@example.com").reply_to


def test_cc_has_at_most_ten_addresses() -> None:
    assert body(MAIL, cc=CC * MAX_CC).cc == CC * 10
    assert problem(MAIL, cc=CC * 11).startswith("cc: ")


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({"cc": "b@example.com"}, "cc: "),
        ({"cc": ["b@example.com", ""]}, "cc[1]: "),
        ({"cc": [None]}, "cc[0]: "),
        ({"cc": ["b" * 321]}, "cc[0]: "),
        ({"reply_to": ""}, "reply_to: "),
        ({"reply_to": ["b@example.com"]}, "reply_to: "),
    ],
)
def test_a_value_of_another_form_is_refused_by_its_place_without_the_value(given: dict[str, Any], place: str) -> None:
    message = problem(MAIL, **given)
    assert message.startswith(place)
    assert "example" not in message


def test_a_request_shows_none_of_them() -> None:
    assert "b@example.com" not in repr(body(MAIL, cc=CC, reply_to="b@example.com"))
