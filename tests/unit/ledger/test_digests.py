"""Digests of a request. They must not change, because a record may be read again after an upgrade."""

from typing import Any

import pytest

from ledger.digests import request_digests
from ledger.sealing import Sealer
from schemas.requests import BulkRequest

SEALER = Sealer([("k1", bytes(32))])
OLD = {
    "tenant_id": "tnt_a",
    "request_id": "r-1",
    "channel": "sms",
    "content": "Hello {{name}}",
    "recipients": ["13800138000", {"to": "13900139000", "variables": {"name": "Ann"}, "reference": "order-17"}],
}
"""Return a request of the first version, without later fields."""


def digests(**more: Any) -> tuple[str, str]:
    request = BulkRequest.model_validate({**OLD, **more}, strict=False)
    shared, whole = request_digests(SEALER, request, "k1")
    return shared.hex(), whole.hex()


def test_the_digests_of_an_old_request_are_those_of_the_first_version() -> None:
    assert digests() == ("1c58fb67970e280adcd56bb156a31eeb", "48b564b74125f1dfbb025855df6057f2")


@pytest.mark.parametrize(
    "later",
    [
        {"resend_of": "r-0"},
        {"content_type": "text/plain"},
        {"region": "DE"},
        {"provider": "aliyun"},
        {"budget": "1"},
        {"list": "news"},
    ],
)
def test_a_field_that_came_later_counts_once_it_is_given(later: dict[str, str]) -> None:
    assert digests(**later)[0] != digests()[0]


def test_the_region_of_a_recipient_counts_once_it_is_given_and_not_its_case() -> None:
    def with_region(**region: str) -> str:
        return digests(recipients=[{"to": "13800138000", **region}])[1]

    assert with_region() != with_region(region="CN") != with_region(region="DE")
    assert with_region(region="CN") == with_region(region="cn")


def test_the_time_zone_of_a_recipient_counts_once_it_is_given() -> None:
    def with_zone(**timezone: str) -> str:
        return digests(recipients=[{"to": "13800138000", **timezone}])[1]

    assert len({with_zone(), with_zone(timezone="UTC"), with_zone(timezone="Asia/Shanghai")}) == 3


def test_secret_variables_count_once_they_are_given() -> None:
    given = [{}, {"secret_variables": ["name"]}, {"secret_variables": []}, {"keep_secret_variables": False}]
    assert len({digests(**fields)[0] for fields in given}) == len(given)
    absent = digests(secret_variables=None, keep_secret_variables=None)
    assert absent == digests()


@pytest.mark.parametrize("given", [{"reply_to": "us@example.com"}, {"cc": ["us@example.com"]}])
def test_a_mail_field_that_came_later_counts_once_it_is_given(given: dict[str, Any]) -> None:
    mail = {"channel": "email", "subject": "Hi", "recipients": ["a@example.com"]}
    absent = {**mail, "reply_to": None, "cc": []}
    assert digests(**mail)[0] == digests(**absent)[0] != digests(**mail, **given)[0]
