"""The answers of `POST /communication/bulk`, field by field as the contract has them."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli.admin.development_token import issue_token
from ledger.memory import MemoryLedger
from producer.app import build_app
from producer.kafka.memory_publisher import MemoryPublisher
from tests.support.service import SECRET, a_gateway, some_settings

DATA = Path(__file__).with_name("data")

LOG = {
    "channel": str,
    "content": str,
    "created_at": str,
    "error": str,
    "id": str,
    "provider": str,
    "recipient": str,
    "response": str,
    "sent_at": str,
    "status": str,
    "template_id": str,
    "tenant_id": str,
    "updated_at": str,
    "user_id": str,
}
PAGE = {"has_next": bool, "has_prev": bool, "page": int, "page_size": int, "total": int, "total_pages": int}
LIST = {"code": int, "items": list, "message": str, "pagination": dict, "timestamp": str, "total": int}
SIMPLE = {"code": int, "message": str, "timestamp": str}

UNKNOWN_YET = frozenset({"error", "provider", "response", "sent_at", "template_id"})
"""Fields of a log that say nothing before it was sent, and are left out then: the contract requires none of them."""
ADDED = {"request_id": str, "reference": str, "reason": str, "attempts": int}
"""What rollcall says beyond the contract."""


def assert_fields(
    found: Mapping[str, Any], contract: Mapping[str, type], *, absent: frozenset[str] = frozenset()
) -> None:
    assert found.keys() == contract.keys() - absent
    for name, value in found.items():
        assert type(value) is contract[name], name


def assert_moment(text: str) -> None:
    assert text.endswith("Z")
    assert abs(datetime.fromisoformat(text) - datetime.now(UTC)) < timedelta(minutes=1)


async def post(
    body: bytes, *, user: str = "usr_abc123", ledger: MemoryLedger | None = None, **headers: str
) -> httpx.Response:
    settings = some_settings(jwt_secret=SECRET)
    token = issue_token(SECRET, "tnt_xyz789", user, ["communication:send"], 60)
    archive = a_gateway(ledger or MemoryLedger(lambda: datetime.now(UTC)))
    transport = httpx.ASGITransport(build_app(settings, publisher=MemoryPublisher(), gateway=archive))
    sent = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", **headers}
    await archive.start()
    async with httpx.AsyncClient(transport=transport, base_url="http://rollcall") as client:
        answer = await client.post("/communication/bulk", content=body, headers=sent)
    await archive.stop()
    return answer


async def test_the_contracts_example_is_answered_as_the_contract_says() -> None:
    answer = await post((DATA / "example-request.json").read_bytes())
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert_fields(body, LIST)
    assert body["code"] == 200
    assert_moment(body["timestamp"])
    assert_fields(body["pagination"], PAGE)
    assert body["pagination"] == {
        "has_next": False,
        "has_prev": False,
        "page": 1,
        "page_size": 20,
        "total": 2,
        "total_pages": 1,
    }
    assert body["total"] == len(body["items"]) == 2
    for item in body["items"]:
        assert_fields(item, LOG | ADDED, absent=UNKNOWN_YET | {"reference", "reason"})
        assert_moment(item["created_at"])
        assert item["updated_at"] == item["created_at"]
        assert item["id"].startswith("log_")
    assert [item["recipient"] for item in body["items"]] == ["138****8000", "139****9000"]
    said = {(item["channel"], item["content"], item["status"]) for item in body["items"]}
    assert said == {("sms", "您的验证码是123456", "pending")}
    assert {(item["tenant_id"], item["user_id"]) for item in body["items"]} == {("tnt_xyz789", "usr_abc123")}


async def test_the_contracts_example_with_a_template_is_answered_with_the_templates_text() -> None:
    ledger = MemoryLedger(lambda: datetime.now(UTC))
    template = await ledger.templates.put("tnt_xyz789", "verify_code", "【安全】验证码{{code}}", None)
    answer = await post((DATA / "example-request-template.json").read_bytes(), ledger=ledger)
    assert answer.status_code == 200, answer.text
    assert_fields(answer.json(), LIST)
    for item in answer.json()["items"]:
        assert_fields(item, LOG | ADDED, absent=UNKNOWN_YET - {"template_id"} | {"reference", "reason"})
    said = {(item["content"], item["template_id"]) for item in answer.json()["items"]}
    assert said == {("【安全】验证码123456", template.id)}
    assert template.id.startswith("tpl_")


async def test_the_example_names_its_request_in_body_and_headers() -> None:
    answer = await post((DATA / "example-request.json").read_bytes())
    request_id = answer.headers["X-Request-Id"]
    assert answer.headers["Location"] == f"/communication/requests/{request_id}"
    assert {item["request_id"] for item in answer.json()["items"]} == {request_id}


@pytest.mark.parametrize(
    ("answered", "status"),
    [
        ({"body": b"{}"}, 400),
        ({"body": (DATA / "example-request.json").read_bytes(), "Authorization": ""}, 401),
        ({"body": (DATA / "example-request.json").read_bytes(), "user": "usr_other"}, 403),
        ({"body": (DATA / "example-request-template.json").read_bytes()}, 404),
        ({"body": (DATA / "example-request.json").read_bytes(), "Content-Type": "text/plain"}, 415),
    ],
)
async def test_an_error_is_a_simple_response(answered: dict[str, Any], status: int) -> None:
    answer = await post(**answered)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    assert_fields(answer.json(), SIMPLE)
    assert answer.json()["code"] == status
    assert_moment(answer.json()["timestamp"])


def test_the_examples_are_the_contracts() -> None:
    example = json.loads((DATA / "example-request.json").read_bytes())
    assert example["recipients"] == ["13800138000", "13900139000"]
    assert json.loads((DATA / "example-request-template.json").read_bytes())["template"] == "verify_code"
