"""A world in which several tenants have sent, and the HTTP service that reads what became of it."""

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from core.ids import log_id, request_key
from tests.flow.world import START, World
from tests.support.service import Service, a_service, a_token

READ, ADMIN = "communication:read", "communication:admin"
KEY = "k1:" + base64.b64encode(bytes(32)).decode()
"""The key that the world seals with."""


class Library:
    """What was sent, and how it is asked for."""

    def __init__(self, *, keys: str = KEY) -> None:
        self.world = World()
        self.service: Service = a_service(self.world.ledger, sealing_keys=keys)

    async def sent(self, request_id: str, recipients: Sequence[object], **said: Any) -> None:
        """A request that was expanded and delivered."""
        await self.pending(request_id, recipients, **said)
        await self.world.deliver_all()

    async def pending(
        self,
        request_id: str,
        recipients: Sequence[object],
        *,
        at: datetime = START,
        tenant: str = "tnt_a",
        user: str = "usr_a",
        **said: Any,
    ) -> None:
        """A request that was expanded at that time and of which nothing is sent yet. The clock goes back after it."""
        before, self.world.time = self.world.time, max(self.world.time, at)
        record = self.world.record(
            *recipients, tenant_id=tenant, user_id=user, request_id=request_id, accepted_at=at.isoformat(), **said
        )
        await self.world.expand(record)
        self.world.time = before

    async def get(
        self, path: str, *scopes: str, user: str = "usr_a", tenant: str = "tnt_a", status: int = 200
    ) -> dict[str, Any]:
        answer = await self.service.get(path, a_token(*(scopes or (READ,)), user=user, tenant=tenant))
        assert answer.status_code == status, answer.text
        said: dict[str, Any] = answer.json()
        return said

    async def search(self, body: dict[str, Any], *scopes: str, status: int = 200) -> dict[str, Any]:
        token = a_token(*(scopes or (READ,)))
        answer = await self.service.client.post(
            "/communication/logs/search", json=body, headers={"Authorization": f"Bearer {token}"}
        )
        assert answer.status_code == status, answer.text
        said: dict[str, Any] = answer.json()
        return said


def a_log_id(request_id: str, index: int = 0, part: int = 0, tenant: str = "tnt_a") -> str:
    return log_id(request_key(tenant, request_id), part, index)
