"""The HTTP service and a consumer on one ledger in memory: what is published is taken up when a test says so."""

from dataclasses import replace
from typing import Any, Self

import httpx

from core.ids import RequestKey, request_key
from tests.flow.sample_requests import KEY
from tests.flow.world import World
from tests.support.service import NOON, Service, a_service


class ServiceAndConsumer:
    """Both services; use it as a context."""

    def __init__(self, **settings: Any) -> None:
        self.world = World()
        self.world.time = NOON
        self.world.limits = replace(self.world.limits, chunk_size=500, window_size=100)
        self.service: Service = a_service(self.world.ledger, **{"sealing_keys": KEY, **settings})
        self._consumed = 0

    async def send(
        self, body: Any = None, query: str = "", *, key: str | None = None, **headers: str
    ) -> httpx.Response:
        given = {"Idempotency-Key": key} if key else {}
        return await self.service.send(body, query, **given, **headers)

    async def expand(self) -> None:
        """Take up what was published since the last time; nothing is sent yet."""
        records = self.service.publisher.records[self._consumed :]
        self._consumed += len(records)
        for _, part in records:
            await self.world.expand(self.world.raw(part.value, part.key))

    async def consume(self) -> None:
        """Take up what was published, and send."""
        await self.expand()
        await self.world.deliver_all()

    def records(self) -> int:
        """How many records were published."""
        return len(self.service.publisher.records)

    def key(self, request_id: str) -> RequestKey:
        return request_key("tnt_a", request_id)

    async def __aenter__(self) -> Self:
        await self.service.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.service.__aexit__()
