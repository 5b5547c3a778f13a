"""Callbacks with receipts in the generic format, and a service that takes them."""

from collections.abc import Mapping
from typing import Any

import httpx
import orjson

from core.ids import log_id, request_key
from producer.kafka.publisher import KeyedRecord
from providers.receipts.generic import SIGNATURE_HEADER, sign
from schemas.receipts import Receipt
from tests.support.service import NOON, Service, a_service

PATH = "/communication/callback/"
KEY = "a key of the gateway with 32 characters"
SECRET = "a-secret_of-the-path_with-more-than-32"
GATEWAY = {"kind": "http", "provider": "gateway", "signing_key": KEY}
DELIVERY = log_id(request_key("tnt_a", "r"), 0, 7)
MESSAGE = "GW" + "1" * 32
DELIVERED = {"delivery_id": DELIVERY, "status": "delivered", "occurred_at": "2026-04-15T11:59:00Z"}
TOPIC = "communication.receipts"


def a_callback_service(*entries: Mapping[str, Any], **changes: Any) -> Service:
    """Return a service with these entries, by default that of one gateway."""
    return a_service(receipts=list(entries) or [GATEWAY], **changes)


def a_body(*receipts: Mapping[str, Any]) -> bytes:
    return orjson.dumps({"receipts": receipts or [DELIVERED]})


def signed(body: bytes, key: str = KEY, age_seconds: int = 0) -> dict[str, str]:
    """Return the headers of a call with this body."""
    return {SIGNATURE_HEADER: sign(key, int(NOON.timestamp()) - age_seconds, body)}


async def call(
    service: Service, body: bytes | None = None, path: str = "gateway", headers: Mapping[str, str] | None = None
) -> httpx.Response:
    """Send a callback, signed unless headers are given."""
    content = a_body() if body is None else body
    return await service.client.post(
        PATH + path, content=content, headers=signed(content) if headers is None else headers
    )


def keyed(service: Service) -> list[KeyedRecord]:
    """Return the records on the receipts topic, with their keys."""
    assert {topic for topic, _ in service.publisher.records} <= {TOPIC}
    return [record for _, record in service.publisher.records]


def published(service: Service) -> list[Receipt]:
    return [Receipt.model_validate_json(record.value) for record in keyed(service)]


async def metrics_of(service: Service) -> list[str]:
    """Return the lines of the metrics about receipts and callbacks."""
    lines = (await service.client.get("/metrics")).text.splitlines()
    return [line for line in lines if line.startswith("rollcall_callback") and "_created" not in line]
