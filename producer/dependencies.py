"""What the routes work with."""

from dataclasses import dataclass

from ledger.sealing import Sealer
from producer.auth.token_verifier import Doorkeeper
from producer.clock import Sources
from producer.completion_waiter import Waiting
from producer.http.request_bodies import Bodies
from producer.kafka.publisher import Publisher
from producer.ledger_gateway import Archive
from producer.metrics import Metrics
from producer.settings import ProducerSettings


@dataclass(frozen=True, slots=True)
class Front:
    """The parts of the service, made once."""

    settings: ProducerSettings
    publisher: Publisher
    archive: Archive
    sealer: Sealer
    doorkeeper: Doorkeeper
    bodies: Bodies
    metrics: Metrics
    sources: Sources
    waiting: Waiting
