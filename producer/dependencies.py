"""The parts of the service that routes work with."""

import asyncio
from dataclasses import dataclass, field

from config.turn_budget import TurnBudget
from ledger.sealing import Sealer
from producer.auth.caller_gate import CallerGate
from producer.clock import ClockAndRandom
from producer.completion_waiter import CompletionWaiter
from producer.http.request_bodies import RequestBodyReader
from producer.http.tenant_room import TenantRoom
from producer.kafka.publisher import Publisher
from producer.ledger_gateway import LedgerGateway
from producer.metrics import Metrics
from producer.provider_directory.directory import ProviderDirectory
from producer.settings import ProducerSettings


@dataclass(frozen=True, slots=True)
class Dependencies:
    """The parts of one app, built once by `build_app`."""

    settings: ProducerSettings
    publisher: Publisher
    gateway: LedgerGateway
    sealer: Sealer
    gate: CallerGate
    body_reader: RequestBodyReader
    metrics: Metrics
    clock: ClockAndRandom
    completion_waiter: CompletionWaiter
    providers: ProviderDirectory
    read_places: TenantRoom
    """Places for calls that read texts of deliveries."""
    turn_budget: TurnBudget = field(default_factory=TurnBudget)
    long_text_lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Taken for the answer to an accepted request with long texts."""
