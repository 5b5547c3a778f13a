"""The HTTP service on in-memory implementations, for tests."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Self

import httpx
import orjson
from fastapi import FastAPI

from cli.admin.development_token import issue_token
from ledger.memory import MemoryLedger
from ledger.mongo import MongoLedger
from ledger.ports import Ledger
from ledger.stored_template import StoredTemplate
from producer.app import build_app
from producer.auth.token_verifier import Principal
from producer.bulk.prepare_request import AcceptanceContext
from producer.clock import ClockAndRandom
from producer.completion_waiter import MAX_WAITING_CALLERS, CompletionWaiter
from producer.errors import NotFoundError
from producer.kafka.memory_publisher import MemoryPublisher
from producer.ledger_gateway import LedgerGateway
from producer.settings import ProducerSettings
from schemas.requests import BulkRequest
from schemas.statuses import Channel

SECRET = "a secret of at least thirty-two bytes"
NOON = datetime(2026, 4, 15, 12, 0, 0, 1234, tzinfo=UTC)
GOOD = {"channel": "sms", "content": "Hello", "recipients": ["13800138000"]}
BULK = "/communication/bulk"


def some_settings(**changes: Any) -> ProducerSettings:
    """Return settings of a producer without a Kafka and a MongoDB."""
    given = {
        "kafka_bootstrap": "localhost:9",
        "mongo_url": "mongodb://localhost:9",
        "sealing_keys": "k1:" + "QUFB" * 10 + "QUE=",
        "jwt_secret": SECRET,
        "default_region": "CN",
        "http_token_calls_per_second": 0,
        "http_tenant_calls_per_second": 0,
    }
    return ProducerSettings(**{**given, **changes})


def a_token(*scopes: str, user: str = "usr_a", tenant: str = "tnt_a", **changes: Any) -> str:
    return issue_token(SECRET, tenant, user, scopes or ["communication:send"], 60, **changes)


def a_context(principal: Principal, **changes: Any) -> AcceptanceContext:
    """Return the context of a request accepted at noon, in a service without templates."""

    async def no_template(code: str) -> StoredTemplate:
        raise NotFoundError(code)

    async def any_topic(topic: str) -> bool:
        return bool(topic)

    async def any_provider(channel: Channel, name: str) -> bool:
        return bool(channel and name)

    return replace(AcceptanceContext(principal, "r", NOON, no_template, any_topic, any_provider), **changes)


def a_gateway(ledger: Ledger) -> LedgerGateway:
    """Return a gateway to this ledger."""

    async def connect() -> Ledger:
        return ledger

    return LedgerGateway(connect)


def gateway_without_mongodb() -> LedgerGateway:
    """Return a gateway whose MongoDB does not answer."""
    return LedgerGateway(lambda: MongoLedger.connect("mongodb://127.0.0.1:9", "nothing", timeout_ms=100))


@dataclass
class Clock:
    """The time of the service."""

    now: datetime = NOON
    monotonic: float = 0.0
    slept: float = 0.0
    """Seconds for which the service wanted to sleep. No time passes meanwhile."""
    random_bytes: Callable[[int], bytes] = lambda count: b"\x07" * count

    async def sleep(self, seconds: float) -> None:
        self.slept += seconds

    def draw(self, count: int) -> bytes:
        return self.random_bytes(count)


@dataclass
class Service:
    """The app, its in-memory parts and a client."""

    app: FastAPI
    publisher: MemoryPublisher
    ledger: MemoryLedger
    gateway: LedgerGateway
    client: httpx.AsyncClient
    clock: Clock
    waiter: CompletionWaiter
    headers: dict[str, str] = field(default_factory=lambda: {"Authorization": f"Bearer {a_token()}"})

    async def send(self, body: Any = None, query: str = "", **headers: str) -> httpx.Response:
        content = body if isinstance(body, bytes) else orjson.dumps(GOOD if body is None else body)
        all_headers = {"Content-Type": "application/json", **self.headers, **headers}
        return await self.client.post(BULK + query, content=content, headers=all_headers)

    async def get(self, path: str, token: str | None = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else self.headers
        return await self.client.get(path, headers=headers)

    def published(self) -> list[BulkRequest]:
        return [BulkRequest.model_validate_json(part.value) for _, part in self.publisher.records]

    async def __aenter__(self) -> Self:
        await self.gateway.start()
        await self.client.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.__aexit__()
        await self.gateway.stop()


def a_service(
    ledger: MemoryLedger | None = None,
    *,
    gateway: LedgerGateway | None = None,
    max_waiting: int = MAX_WAITING_CALLERS,
    **changes: Any,
) -> Service:
    """Return a service at noon, with its own ledger unless one is given. Use it as a context manager."""
    clock = Clock()
    publisher, ledger = MemoryPublisher(), ledger or MemoryLedger(lambda: clock.now)
    gateway = gateway or a_gateway(ledger)
    clock_and_random = ClockAndRandom(lambda: clock.now, clock.draw, lambda: clock.monotonic, clock.sleep)
    waiter = CompletionWaiter(gateway, max_waiting)
    app = build_app(
        some_settings(**changes), publisher=publisher, gateway=gateway, clock=clock_and_random, waiter=waiter
    )
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    client = httpx.AsyncClient(transport=transport, base_url="http://rollcall")
    return Service(app, publisher, ledger, gateway, client, clock, waiter)
