"""Calls for the rights of a person, by an officer of the tenant."""

from typing import Any

import httpx
import orjson

from tests.support.service import Service, a_token

PATH = "/internal/communication"
INTERNAL, ADDRESSES, ADMIN = "communication:internal", "communication:internal:addresses", "communication:admin"
LINES = "application/x-ndjson"


async def ask(
    service: Service, what: str, body: Any, *scopes: str, tenant: str = "tnt_a", accept: str = "*/*"
) -> httpx.Response:
    token = a_token(*(scopes or (INTERNAL,)), tenant=tenant, user="officer")
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Accept": accept}
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    return await service.client.post(f"{PATH}/{what}-user-data", content=content, headers=headers)


async def export(service: Service, *scopes: str, tenant: str = "tnt_a", **person: str) -> dict[str, Any]:
    """Return the data of an export as one document."""
    answer = await ask(service, "export", person, *scopes, tenant=tenant)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json"), answer.text
    document = orjson.loads(answer.content)
    assert document.keys() == {"code", "message", "timestamp", "data"}
    data: dict[str, Any] = document["data"]
    return data


async def export_lines(service: Service, *scopes: str, **person: str) -> list[dict[str, Any]]:
    answer = await ask(service, "export", person, *scopes, accept=f"text/plain, {LINES};q=0.9")
    assert (answer.status_code, answer.headers["content-type"]) == (200, LINES), answer.text
    return [orjson.loads(line) for line in answer.content.splitlines()]


async def erase(service: Service, **person: str) -> dict[str, Any]:
    answer = await ask(service, "erase", person)
    assert answer.status_code == 200, answer.text
    erased: dict[str, Any] = answer.json()
    return erased
