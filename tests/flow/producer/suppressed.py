"""The HTTP service, and calls for the suppressions of a tenant."""

from typing import Any

import httpx
import orjson

from tests.support.service import Service, a_token

PATH = "/communication/suppressions"
MANAGE, ADDRESSES = "communication:suppressions", "communication:suppressions:addresses"
MAIL = {"channel": "email", "recipient": "Ann.Lee@example.com"}
OPTED_OUT = {**MAIL, "reason": "opted_out"}


async def call(
    service: Service,
    method: str,
    path: str = "",
    body: Any = None,
    *scopes: str,
    tenant: str = "tnt_a",
    media_type: str = "application/json",
) -> httpx.Response:
    token = a_token(*(scopes or (MANAGE,)), tenant=tenant)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": media_type}
    content = body if isinstance(body, bytes) or body is None else orjson.dumps(body)
    return await service.client.request(method, PATH + path, content=content, headers=headers)


async def add(service: Service, body: Any = None, **changes: Any) -> dict[str, Any]:
    answer = await call(service, "POST", "", {**(body or OPTED_OUT), **changes})
    assert answer.status_code == 200, answer.text
    added: dict[str, Any] = answer.json()
    return added


async def import_(service: Service, *lines: Any, tenant: str = "tnt_a") -> dict[str, Any]:
    body = b"\n".join(line if isinstance(line, bytes) else orjson.dumps(line) for line in lines)
    answer = await call(service, "POST", "/import", body, tenant=tenant, media_type="application/x-ndjson")
    assert answer.status_code == 200, answer.text
    imported: dict[str, Any] = answer.json()
    return imported
