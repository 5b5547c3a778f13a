"""Composition root of the consumer. It builds all parts and connects nothing at import."""

import asyncio
import gc
import os
import random
import socket
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import NoReturn

import uvloop

from config.interpreter import share_time_between_threads
from config.logging_setup import configure_logging
from config.memory_allocator import limit_kept_memory
from config.settings import parse_sealing_keys
from consumer.context import ConsumerContext, Tuning
from consumer.failpoints.wrappers import with_failpoint
from consumer.flow_control.byte_room import ByteRoom
from consumer.flow_control.circuit_breaker import CircuitBreakerLimits, IntakeCircuitBreaker
from consumer.flow_control.lane_priority import LanePriority
from consumer.flow_control.reply_topic_health import ReplyTopicHealth
from consumer.flow_control.shared_limits import SharedLimits
from consumer.flow_control.shared_rate import LONGEST_WAIT_SECONDS, RateCap
from consumer.flow_control.slots import build_slots
from consumer.flow_control.tenant_cache import TenantCache
from consumer.flow_control.tenant_quotas import TenantQuotas
from consumer.kafka.kafka_bus import KafkaBus
from consumer.monitoring.metrics import Metrics
from consumer.monitoring.readiness import ReadinessTracker
from consumer.provider_caller import ProviderCaller
from consumer.request_cache import RequestCache
from consumer.service import ConsumerService, HttpAddressUnavailable, PublishingStalled, TopicsMissing, run_service
from consumer.settings import ConsumerSettings
from consumer.sweep.retention_batches import retention_period
from consumer.tenants.tenant_providers import TenantProviders
from core.retry import RetryPolicy
from core.text_limits import TextLimits
from ledger.errors import InvalidConnectionString, LedgerNotReady
from ledger.mongo import MongoLedger
from ledger.sealing import Sealer
from providers.entries import ProviderEntry
from providers.network import Network
from providers.registry import build_provider, build_providers
from providers.routes import build_routes
from providers.tenant_entries import MAX_TIMEOUT_SECONDS, MIN_RATE_PER_SECOND

SWEEP_SLOTS, EXPRESS_SWEEP_SLOTS = 16, 48
"""Number of slots per channel for deferred chunks, of large and of small requests. They mostly wait."""
_LONGEST_OWN_CALL = MAX_TIMEOUT_SECONDS + LONGEST_WAIT_SECONDS + 10 / MIN_RATE_PER_SECOND
"""Maximum time of one delivery of ten segments at a provider of a tenant, in seconds."""


async def build_app(settings: ConsumerSettings) -> ConsumerService:
    """Build the service. Nothing connects yet."""
    url = settings.mongo_url.get_secret_value()
    ledger, bus, metrics = await MongoLedger.connect(url, settings.mongo_database), KafkaBus(settings), Metrics()
    caller = ProviderCaller(metrics, time.monotonic, asyncio.sleep)
    sealer = _sealer(settings, metrics)
    limits = SharedLimits(_rate_caps(settings.entries), ledger.permits, time.monotonic, asyncio.sleep)
    tenants = TenantCache(ledger.tenants, settings.tenant_bounds, time.monotonic)
    context = ConsumerContext(
        process_name=f"{socket.gethostname()}-{os.getpid()}-{random.randbytes(3).hex()}",  # noqa: S311  # a name
        ledger=ledger,
        bus=bus,
        providers=build_providers(settings.entries),
        routes=build_routes(settings.route_entries),
        sealer=sealer,
        topics=settings.topics,
        tuning=_tuning(settings),
        metrics=metrics,
        readiness=ReadinessTracker(time.monotonic, _longest_call(settings.entries), caller.watch.problem),
        request_cache=RequestCache(),
        circuit_breaker=_circuit_breaker(settings),
        reply_topics=ReplyTopicHealth(time.monotonic),
        provider_caller=caller,
        shared_limits=limits,
        tenants=tenants,
        tenant_quotas=TenantQuotas(tenants, ledger.permits, time.monotonic),
        tenant_providers=_tenant_providers(settings, sealer, limits),
        lane_priority=LanePriority(),
        chunk_room=ByteRoom(settings.max_bytes_in_hand // 2),
        message_room=ByteRoom(settings.max_bytes_in_hand // 2),
        monotonic=time.monotonic,
        random=random.random,
    )
    _show_bytes_in_hand(context)
    return ConsumerService(
        settings=settings,
        context=with_failpoint(context, settings.failpoint) if settings.failpoint else context,
        bus=bus,
        ledger=ledger,
        slots=build_slots(settings.max_chunks_in_flight, settings.express_chunks_in_flight),
        sweep_slots=build_slots(SWEEP_SLOTS, EXPRESS_SWEEP_SLOTS),
    )


def _sealer(settings: ConsumerSettings, metrics: Metrics) -> Sealer:
    sealer = Sealer(parse_sealing_keys(settings.sealing_keys))
    metrics.count_seals(sealer)
    return sealer


def _circuit_breaker(settings: ConsumerSettings) -> IntakeCircuitBreaker:
    limits = CircuitBreakerLimits(settings.poison_run, settings.poison_share, settings.poison_sample)
    return IntakeCircuitBreaker(limits)


def _tenant_providers(settings: ConsumerSettings, sealer: Sealer, limits: SharedLimits) -> TenantProviders:
    build = partial(build_provider, network=Network(settings.tenant_networks))
    longest = min(MAX_TIMEOUT_SECONDS, settings.lease_seconds / 2)
    return TenantProviders(sealer, build, limits, time.monotonic, longest_send_seconds=longest)


def _show_bytes_in_hand(context: ConsumerContext) -> None:
    gauge = context.metrics.bytes_in_hand
    gauge.labels("chunks").set_function(lambda: context.chunk_room.used)
    gauge.labels("messages").set_function(lambda: context.message_room.used)
    gauge.labels("cached requests").set_function(lambda: context.request_cache.used)


def _longest_call(entries: Sequence[ProviderEntry]) -> float:
    """Return the maximum time of one delivery at any provider, in seconds: its time-out and its rate limits."""
    return max(_LONGEST_OWN_CALL, *map(_longest_call_of, entries))


def _longest_call_of(entry: ProviderEntry) -> float:
    own = 1 / entry.rate_per_second if entry.rate_per_second else 0.0
    shared = LONGEST_WAIT_SECONDS + 1 / entry.max_per_second if entry.max_per_second else 0.0
    return entry.timeout_seconds + own + shared


def _rate_caps(entries: Sequence[ProviderEntry]) -> dict[str, RateCap]:
    """Return the rates that all processes share, by the name of the provider."""
    return {
        entry.name: RateCap(entry.max_per_second, counts_segments=entry.rate_unit == "segment")
        for entry in entries
        if entry.max_per_second is not None
    }


def _tuning(settings: ConsumerSettings) -> Tuning:
    return Tuning(
        chunk_size=settings.chunk_size,
        window_size=settings.window_size,
        lease_seconds=settings.lease_seconds,
        retry=RetryPolicy(settings.max_attempts, timedelta(seconds=settings.max_age_seconds)),
        part_timeout_seconds=settings.part_timeout_seconds,
        default_region=settings.default_region,
        reply_topics=settings.reply_topics,
        text_limits=TextLimits(settings.max_sms_segments, settings.max_email_bytes),
        soft_bounces=settings.soft_bounces,
        soft_bounce_period=timedelta(days=settings.soft_bounce_days),
        address_retention=retention_period(settings.address_retention_days),
        request_retention=retention_period(settings.log_retention_days),
        public_url=settings.public_url,
    )


def run(settings: ConsumerSettings) -> None:
    """Run one consumer process. Raises SystemExit after a line that names the reason.

    The exit code is 1 for an HTTP address that is not available, and 2 for an invalid connection string. It is 3 for
    missing topics or indexes, and 4 if publishing to Kafka has stalled.
    """
    configure_logging()

    async def main() -> None:
        await run_service(await build_app(settings))

    limit_kept_memory()
    share_time_between_threads()
    collect_rarely()
    try:
        uvloop.run(main())
    except InvalidConnectionString as error:
        _end(2, f"ROLLCALL_MONGO_URL: {error}")
    except (TopicsMissing, LedgerNotReady) as error:
        _end(3, str(error))
    except PublishingStalled as error:
        _end(4, str(error))
    except HttpAddressUnavailable as error:
        _end(1, f"ROLLCALL_CONSUMER_HTTP_HOST, ROLLCALL_CONSUMER_HTTP_PORT: {error}")


def _end(code: int, why: str) -> NoReturn:
    sys.stderr.write(f"rollcall consumer: {why}\n")
    raise SystemExit(code)


def collect_rarely() -> None:
    """Let the garbage collector run a tenth as often as by default, and skip imported objects.

    A part in memory is tens of thousands of small objects without cycles. The collector took a quarter of the time of
    this process to scan them again and again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)
