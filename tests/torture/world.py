"""The world of one round of a row: topics, database and provider of its own, services, and a reader of the results."""

import asyncio
import contextlib
import dataclasses
import json
import random
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from aiokafka import AIOKafkaProducer

from devstack import Stack
from devstack.services import await_ready
from ledger.mongo import MongoLedger
from schemas.results import RequestCompleted
from tests.e2e.accounting import RecordingProviderProcess, an_accounting_provider
from tests.e2e.caller import Results, reading
from tests.e2e.open_windows import open_windows
from tests.support.deployment import Deployment, Service, a_deployment
from tests.support.polling import wait_until
from tests.torture.doubt import Doubts
from tests.torture.reconciliation import DoesNotHold, Reconciliation, reconcile
from tests.torture.traffic import CHUNK_SIZE, Order, draw_orders

LEASE_SECONDS = 5.0
"""Short, so that a take-over does not make a round long; no shorter than twice the provider's time-out."""
SETTINGS = {
    "CHUNK_SIZE": CHUNK_SIZE,
    "WINDOW_SIZE": 20,
    "MAX_CHUNKS_IN_FLIGHT": 4,
    "EXPRESS_CHUNKS_IN_FLIGHT": 4,
    "LEASE_SECONDS": LEASE_SECONDS,
    "KAFKA_SESSION_SECONDS": 6,
}
TIMEOUT_SECONDS = 2.5
ANSWER_SECONDS = 0.15
"""What the provider may be told to wait after it accepted, so that many are accepted and not logged yet at a kill."""


@dataclass(frozen=True)
class Round:
    """One round of a row: what it may use, how large it is, and its chances."""

    number: int
    stack: Stack
    folder: Path
    rng: random.Random
    recipients: int
    """How many in all its requests."""
    times: int
    """How often a fault that can be repeated is."""
    largest: int
    """Recipients of the largest request."""

    @contextlib.asynccontextmanager
    async def world(
        self,
        *,
        stack: Stack | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
        mail: dict[str, object] | None = None,
        spare: str | None = None,
        results: type[Results] = Results,
        **settings: object,
    ) -> AsyncIterator["World"]:
        """Make it; settings as `devstack.services.service_env` takes them, over SETTINGS and the two providers.

        `mail` is an entry in place of the one for e-mail, `spare` the name of a second provider of SMS, which always
        works, `results` a reader that passes over what others caused.
        """
        with an_accounting_provider(self.folder) as provider:
            entries = [provider.entry_for(name, timeout_seconds=timeout_seconds) for name in ("sms", "email")]
            entries[1] = mail or entries[1]
            if spare:
                url = f"{entries[0]['url']}/spare"
                entries.append({**entries[0], "name": spare, "url": url, "priority": 200})
            chosen = {**SETTINGS, "PROVIDERS": entries, **settings}
            with a_deployment(stack or self.stack, self.folder, **chosen) as deployment:
                read = results(deployment.topics.results)
                async with reading(deployment.bootstrap, read), contextlib.AsyncExitStack() as running:
                    yield World(self, deployment, provider, read, running)


@dataclass
class World:
    """What a row works on."""

    round_: Round
    deployment: Deployment
    provider: RecordingProviderProcess
    results: Results
    running: contextlib.AsyncExitStack
    """Ends the services."""
    orders_published: list[Order] = field(default_factory=list)
    services: list[Service] = field(default_factory=list)
    """Those that run, as far as this world knows: kill, stop and start by its methods."""
    doubts: Doubts = field(init=False)
    faults: int = 0

    def __post_init__(self) -> None:
        self.doubts = Doubts(self.deployment)

    # ------------------------------------------------------------------ services

    async def start(self, name: str = "consumer", *, ready: bool = True, **settings: object) -> Service:
        """One more service, with settings of its own over those of the deployment."""
        env = {**self.deployment.env, **{f"ROLLCALL_{key}": str(value) for key, value in settings.items()}}
        deployment = dataclasses.replace(self.deployment, env=env)
        service = self.running.enter_context(deployment.service(name, ready=False))
        self.services.append(service)
        if ready:
            await asyncio.to_thread(await_ready, service.child, f"{service.url}/readyz")
        return service

    async def consumers(self, number: int, **settings: object) -> list[Service]:
        """So many consumers, started at once and waited for until ready."""
        return await asyncio.gather(*(self.start(**settings) for _ in range(number)))

    async def busy(self, service: Service, seconds: float = 5.0) -> bool:
        """Wait until it holds an open window, or so long; whether it does."""
        with contextlib.suppress(TimeoutError):
            return bool(await wait_until(lambda: open_windows(self.deployment, [service]), seconds))
        return False

    async def kill(self, service: Service) -> set[str]:
        """End it as kill -9 does; what it leaves in doubt is noted and returned."""
        self.services.remove(service)
        self.faults += 1
        service.child.kill()
        return await self.doubts.note(service)

    async def stop(self, service: Service, seconds: float = 10.0) -> float:
        """SIGTERM; how many seconds it took. DoesNotHold when it takes more than so many, or ends with an error."""
        self.services.remove(service)
        self.faults += 1
        asked = time.monotonic()
        code = await asyncio.to_thread(service.child.stop, seconds + 5)
        took = time.monotonic() - asked
        if code or took > seconds:
            raise DoesNotHold(f"a stop took {took:.1f} s and ended with {code}")
        return took

    @contextlib.asynccontextmanager
    async def ledger(self) -> AsyncIterator[MongoLedger]:
        """The ledger, as a service has it."""
        env = self.deployment.env
        ledger = await MongoLedger.connect(env["ROLLCALL_MONGO_URL"], env["ROLLCALL_MONGO_DATABASE"])
        try:
            await ledger.ping()
            yield ledger
        finally:
            await ledger.aclose()

    # ------------------------------------------------------------------ traffic

    def orders(self, recipients: int, channel: str = "sms", *, largest: int | None = None) -> list[Order]:
        """Seeded requests for so many in all."""
        return draw_orders(self.round_.rng, recipients, largest=largest or self.round_.largest, channel=channel)

    async def publish(self, *orders: Order) -> None:
        """Publish them to the intake of their lanes; the books will hold them."""
        self.orders_published += orders
        await self.republish(*orders)

    async def republish(self, *orders: Order, **fields: object) -> None:
        """Publish their records, each one's in order, with other fields perhaps; the books do not note it."""
        topics = self.deployment.topics
        async with AIOKafkaProducer(bootstrap_servers=self.deployment.bootstrap, acks="all", linger_ms=5) as producer:
            for order in orders:
                topic = topics.requests_express if order.small else topics.requests
                for record in order.records():
                    value = json.dumps(record | fields).encode()
                    await producer.send(topic, value, key=order.request_id.encode())
            await producer.flush()

    # ------------------------------------------------------------------ the end

    async def sent(self, number: int, seconds: float = 60.0) -> None:
        """Wait until the provider took so many in all."""
        await wait_until(lambda: len(self.provider.accepted()) >= number, seconds)

    def uncompleted(self) -> list[str]:
        """Which requests have no `request.completed` yet."""
        return [o.request_id for o in self.orders_published if not self.results.of(RequestCompleted, o.request_id)]

    async def settled(self, seconds: float = 90.0) -> None:
        """Wait until every request is completed, and nothing of it still changes."""
        try:
            await wait_until(lambda: not self.uncompleted(), seconds)
        except TimeoutError:
            left = self.uncompleted()
            raise DoesNotHold(f"{len(left)} requests not completed after {seconds:.0f} s: {left[:3]}") from None

    async def books(
        self, orders: Sequence[Order] | None = None, accepted: Sequence[str] | None = None
    ) -> Reconciliation:
        """The four lists of what was published, compared; `accepted` where another provider took it."""
        wanted = self.orders_published if orders is None else orders
        accepted = self.provider.accepted() if accepted is None else accepted
        books = reconcile(self.deployment, self.results, accepted, wanted, self.doubts.times)
        books.faults = self.faults
        return books
