"""The tenant that others may not harm: small requests over HTTP at a steady rate, and when their events come."""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx
from aiokafka import ConsumerRecord
from typing_extensions import override

from cli.admin.development_token import issue_token
from schemas.statuses import OnUncertain
from tests.e2e.caller import Results
from tests.support.deployment import Service
from tests.support.polling import wait_until
from tests.torture.reconciliation import DoesNotHold
from tests.torture.traffic import TENANT, Order
from tests.torture.world import World

CALLS_PER_SECOND = 8.0
RECIPIENTS = 2
SETTLED_SECONDS = 180.0
_PREFIX = "good-"


class GoodResults(Results):
    """The events of the good tenant, and when the last outcome of each request came; all others are passed over."""

    def __init__(self, topic: str) -> None:
        super().__init__(topic)
        self.outcomes: Counter[str] = Counter()
        self.arrived: dict[str, float] = {}

    @override
    def take(self, record: ConsumerRecord) -> None:
        if record.key is None or not record.key.startswith(_PREFIX.encode()):
            return
        if dict(record.headers)["ce_type"].startswith(b"delivery."):
            request_id = record.key.decode()
            self.outcomes[request_id] += 1
            self.arrived[request_id] = time.monotonic()
        super().take(record)


@dataclass
class Phase:
    """Some seconds of the good tenant's work."""

    seconds: list[float] = field(default_factory=list)
    """From each call to its last outcome event."""
    answer_seconds: list[float] = field(default_factory=list)
    """From each call to its answer."""
    refusals: Counter[str] = field(default_factory=Counter)
    """Answers other than 200, after which the call was made again."""
    silence_seconds: float = 0.0
    """The longest time that a service took to answer whether it lives."""

    def p(self, share: float) -> float:
        """A percentile, in seconds."""
        return percentile(self.seconds, share)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of all values does not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


@dataclass
class GoodTenant:
    """The tenant of a world, with its connections."""

    world: World
    producer: Service
    results: GoodResults
    client: httpx.AsyncClient = field(init=False)

    def __post_init__(self) -> None:
        secret = self.world.deployment.env["ROLLCALL_JWT_SECRET"]
        token = issue_token(secret, TENANT, "usr_good", ["communication:send"], 3600)
        headers = {"Authorization": f"Bearer {token}"}
        self.client = httpx.AsyncClient(base_url=self.producer.url, headers=headers, timeout=60, trust_env=False)

    async def work(self, seconds: float) -> Phase:
        """Call at a steady rate for so long, however late the answers are, and wait for the last event."""
        phase, began = Phase(), time.monotonic()
        watching = [asyncio.create_task(self._watch(service, phase)) for service in self.world.services]
        async with asyncio.TaskGroup() as calls:
            for number in range(round(seconds * CALLS_PER_SECOND)):
                await asyncio.sleep(began + number / CALLS_PER_SECOND - time.monotonic())
                calls.create_task(self._request(phase))
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)
        return phase

    async def _request(self, phase: Phase) -> None:
        rng = self.world.round_.rng
        recipients = [f"139{rng.randrange(10**8):08d}" for _ in range(RECIPIENTS)]
        if len(set(recipients)) < RECIPIENTS:
            return  # a suppressed duplicate would have no place in the measure
        order = Order(f"{_PREFIX}{rng.getrandbits(64):016x}", OnUncertain.MARK_UNKNOWN, [recipients], "Your code is 7")
        self.world.orders_published.append(order)
        body = {"channel": "sms", "content": order.content, "recipients": recipients}
        began = time.monotonic()
        while (answer := await self._post(order, body)) != "200":
            phase.refusals[answer] += 1
            await asyncio.sleep(0.5)
        phase.answer_seconds.append(time.monotonic() - began)
        results = self.results
        try:
            await wait_until(lambda: results.outcomes[order.request_id] >= RECIPIENTS, SETTLED_SECONDS)
        except TimeoutError:
            raise DoesNotHold(f"{order.request_id} has no outcome after {SETTLED_SECONDS:.0f} s") from None
        phase.seconds.append(results.arrived[order.request_id] - began)

    async def _post(self, order: Order, body: dict[str, object]) -> str:
        """The status of the answer, or the error of the connection."""
        headers = {"Idempotency-Key": order.request_id}
        try:
            return str((await self.client.post("/communication/bulk", json=body, headers=headers)).status_code)
        except httpx.TransportError as error:
            return type(error).__name__

    async def _watch(self, service: Service, phase: Phase) -> None:
        """Note the longest time that it takes to answer whether it lives."""
        async with httpx.AsyncClient(base_url=service.url, timeout=60, trust_env=False) as client:
            while True:
                began = time.monotonic()
                try:
                    await client.get("/healthz")
                finally:
                    phase.silence_seconds = max(phase.silence_seconds, time.monotonic() - began)
                await asyncio.sleep(0.1)
