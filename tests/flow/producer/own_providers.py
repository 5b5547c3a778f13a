"""The HTTP service, and calls for the providers that a tenant manages itself."""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import orjson

from tests.support.service import Service, a_service, a_token

READ_PATH, WRITE_PATH = "/communication/providers", "/admin/communication/providers"
READ, ADMIN, SEND = "communication:read", "communication:admin", "communication:send"
SECRET = "Very-Secret-58"
URL = "https://gateway.example/send"
CONFIG = json.dumps({"kind": "http", "url": URL, "bearer_token": SECRET})
GATEWAY = {"channel": "sms", "provider": "gateway", "config": CONFIG}
MAIL = json.dumps({"host": "mail.example", "sender": "shop@example.org"})


@asynccontextmanager
async def a_small_service() -> AsyncIterator[Service]:
    """Start a service in which a tenant may have three providers with 30 connections."""
    async with a_service(tenant_max_providers=3, tenant_max_connections=30) as service:
        service.clock.random_bytes = os.urandom
        yield service


async def call(
    service: Service, method: str, path: str, body: Any = None, *, scope: str = ADMIN, tenant: str = "tnt_a"
) -> httpx.Response:
    headers = {"Authorization": f"Bearer {a_token(scope, tenant=tenant)}", "Content-Type": "application/json"}
    content = body if isinstance(body, bytes) or body is None else orjson.dumps(body)
    return await service.client.request(method, path, content=content, headers=headers)


async def create(service: Service, **changes: Any) -> dict[str, Any]:
    answer = await call(service, "POST", WRITE_PATH, {**GATEWAY, **changes})
    assert answer.status_code == 201, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


async def listed(service: Service, query: str = "") -> list[str]:
    answer = await call(service, "GET", READ_PATH + query, scope=READ)
    assert answer.status_code == 200
    return [item["provider"] for item in answer.json()["items"]]
