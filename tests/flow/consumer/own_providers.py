"""Providers that tenants manage themselves, in a world of tests. The `sender` of each names what is behind it."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from core.send_result import Message, SendResult, Sent
from ledger.provider_configs import seal_config
from ledger.sealing import Sealer
from ledger.tenant_port import StoredProvider
from providers.draft import Draft
from providers.provider import CLOSED
from schemas.statuses import Channel
from tests.flow.world import START, RecordingProvider, World

URL = "https://gateway.example/"


class Tenant:
    """A tenant that manages its providers in a world."""

    def __init__(self, world: World, tenant_id: str = "t1") -> None:
        self._world, self._id = world, tenant_id
        self.stored: dict[str, StoredProvider] = {}
        self.number = 0
        """Part of the ids of new entries. An entry that takes the name of a deleted one has another id."""

    async def put(
        self,
        name: str,
        gateway: str,
        *,
        priority: int = 100,
        sealer: Sealer | None = None,
        channel: Channel = Channel.SMS,
        **fields: Any,
    ) -> str:
        """Add an entry, or change its configuration. Return its reference. `gateway` is the provider behind it."""
        self._world.own.setdefault(gateway, RecordingProvider(gateway))
        known, provider_id = self.stored.get(name), f"prv_{name}_{self.number}"
        kind = {} if "kind" in fields else {"kind": "http", "url": URL}
        config = json.dumps({**kind, "sender": gateway, **fields})
        stored = self.stored[name] = StoredProvider(
            id=provider_id,
            name=name,
            channel=channel,
            priority=priority,
            is_active=True,
            version=known.version + 1 if known else 1,
            sealed=seal_config(config, self._id, provider_id, sealer or self._world.sealer),
            created_at=START,
            updated_at=self._world.time,
        )
        await self.store()
        return stored.reference

    async def set_active(self, name: str, *, active: bool) -> None:
        self.stored[name] = self.stored[name]._replace(is_active=active)
        await self.store()

    async def delete(self, name: str) -> None:
        del self.stored[name]
        await self.store()

    async def store(self) -> None:
        tenants = self._world.ledger.tenants
        version = (await tenants.get(self._id)).version
        assert await tenants.put_providers(self._id, list(self.stored.values()), version)


def gateway(world: World, name: str, answers: Callable[[Message, int], SendResult] | None = None) -> RecordingProvider:
    """Return a provider that an entry can name. It takes everything unless it has other answers."""
    world.own[name] = RecordingProvider(name, answers=answers or (lambda message, _: Sent(message.id)))
    return world.own[name]


class OneConnection(RecordingProvider):
    """A provider with one connection. Its first call waits for `go_on`, and later ones for the connection."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.began, self.go_on, self._connection = asyncio.Event(), asyncio.Event(), asyncio.Lock()
        self.is_stopped = self.is_closed = False

    async def send_one(self, draft: Draft) -> SendResult:
        self.began.set()
        async with self._connection:
            if self.is_stopped:
                return CLOSED
            await self.go_on.wait()
            return await super().send_one(draft)

    def stop(self, within_seconds: float) -> None:
        del within_seconds
        self.is_stopped = True

    async def aclose(self) -> None:
        self.is_closed = True
