"""What the routes work with."""

from dataclasses import dataclass

from ledger.sealing import Sealer
from producer.archive import Archive
from producer.auth import Doorkeeper
from producer.bodies import Bodies
from producer.clock import Sources
from producer.metrics import Metrics
from producer.publisher import Publisher
from producer.settings import ProducerSettings
from producer.waiting import Waiting


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
