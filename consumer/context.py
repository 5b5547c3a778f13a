"""Shared objects of the consumer, built once by the composition root."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ParamSpec, TypeVar

from config.turn_budget import TurnBudget
from consumer.flow_control.byte_room import DEFAULT_BYTES_IN_HAND, ByteRoom
from consumer.flow_control.circuit_breaker import IntakeCircuitBreaker
from consumer.flow_control.handover import Handover
from consumer.flow_control.lane_priority import LanePriority
from consumer.flow_control.reply_topic_health import ReplyTopicHealth
from consumer.flow_control.shared_limits import SharedLimits
from consumer.flow_control.tenant_cache import TenantCache
from consumer.flow_control.tenant_quotas import TenantQuotas
from consumer.kafka.bus import Bus, BusUnavailable
from consumer.logger import logger
from consumer.monitoring.metrics import Metrics
from consumer.monitoring.readiness import ReadinessTracker
from consumer.provider_caller import ProviderCaller
from consumer.request_cache import RequestCache
from consumer.tenants.tenant_providers import TenantProviders
from core.retry import RetryPolicy
from core.routes import Routes
from core.text_limits import TextLimits
from ledger.errors import LedgerUnavailable
from ledger.ports import Ledger
from ledger.sealing import Sealer
from providers.registry import Providers
from schemas.topic_definitions import Topics

P = ParamSpec("P")
T = TypeVar("T")


_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Tuning:
    """Tuning values for expand, deliver and sweep."""

    chunk_size: int
    window_size: int
    lease_seconds: float
    retry: RetryPolicy
    part_timeout_seconds: float
    ack_wait_seconds: float = 3.0
    """Maximum time, in seconds, that a finished chunk waits for Kafka before its work is written without the
    acknowledgements. It waits no longer than a third of the lease."""
    default_region: str | None = None
    reply_topics: tuple[str, ...] = ()
    text_limits: TextLimits = field(default_factory=TextLimits)
    """Maximum size of a text, by channel."""
    soft_bounces: int = 3
    """Number of soft bounces of an address within the period that suppresses it."""
    soft_bounce_period: timedelta = timedelta(days=7)
    address_retention: timedelta | None = None
    """Time after the completion of a request until its addresses and texts are erased. None means never."""
    request_retention: timedelta | None = None
    """Time after the completion of a request until it and its logs are deleted. None means never."""
    public_url: str | None = None
    """Base URL of unsubscribe links. None: messages have no such links."""

    @property
    def has_links(self) -> bool:
        """Return whether messages get unsubscribe links."""
        return self.public_url is not None


@dataclass(frozen=True, slots=True)
class ConsumerContext:
    """Ledger, bus, providers, keys, limits, time and randomness."""

    process_name: str
    """Name of this process. It is the first half of the name of every owner."""
    ledger: Ledger
    bus: Bus
    providers: Providers
    sealer: Sealer
    topics: Topics
    tuning: Tuning
    metrics: Metrics
    readiness: ReadinessTracker
    request_cache: RequestCache
    provider_caller: ProviderCaller
    shared_limits: SharedLimits
    tenants: TenantCache
    tenant_quotas: TenantQuotas
    tenant_providers: TenantProviders
    lane_priority: LanePriority
    circuit_breaker: IntakeCircuitBreaker
    reply_topics: ReplyTopicHealth
    monotonic: Callable[[], float]
    random: Callable[[], float]
    """Returns a number in [0, 1)."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    turn_budget: TurnBudget = field(default_factory=TurnBudget)
    chunk_room: ByteRoom = field(default_factory=lambda: ByteRoom(DEFAULT_BYTES_IN_HAND // 2))
    """Room for the chunks that are open, with their requests."""
    message_room: ByteRoom = field(default_factory=lambda: ByteRoom(DEFAULT_BYTES_IN_HAND // 2))
    """Room for the messages that are with a provider. A chunk that waits for it has its room already."""
    handover: Handover = field(default_factory=Handover)
    routes: Routes = field(default_factory=Routes)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Event that is set when the process is asked to stop. After it there are no new claims and windows."""

    async def load_tenant(self, tenant_id: str) -> None:
        """Read the settings and the own providers of a tenant, before one of its providers is chosen."""
        await self.retry_until_available("read of a tenant", self.tenants.load_current, tenant_id)

    async def retry_until_available(
        self, step: str, operation: Callable[P, Awaitable[T]], *args: P.args, **options: P.kwargs
    ) -> T:
        """Repeat an operation until ledger and bus are available. Every operation may be repeated."""
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                return await operation(*args, **options)
            except (LedgerUnavailable, BusUnavailable) as error:
                logger.warning("operation postponed", step=step, reason=str(error))
                await self.sleep(pause * (0.5 + self.random()))
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
