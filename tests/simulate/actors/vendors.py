"""Vendors that report what became of the messages they took: late, twice, too early, in any order, or not at all.

Some reports are forged. They name a delivery that their provider never had, or one that does not exist.
"""

import random
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from datetime import timedelta
from functools import partial
from typing import NamedTuple, Protocol
from unittest.mock import patch

from consumer.kafka.record import KafkaRecord
from consumer.settle.decode_receipt import receipt_id
from core.ids import LogId
from core.send_result import Message
from schemas.receipts import Receipt, ReceiptStatus
from tests.simulate.environment.kafka import SimulatedKafka
from tests.simulate.environment.provider import Side, message_id_of
from tests.simulate.scenario import TENANT, TOPICS, moment

TALES = (
    (ReceiptStatus.DELIVERED,),
    (ReceiptStatus.DELIVERED,),
    (ReceiptStatus.SENT, ReceiptStatus.DELIVERED),
    (ReceiptStatus.SENT, ReceiptStatus.FAILED),
    (ReceiptStatus.SENT,),
    (ReceiptStatus.FAILED,),
    (ReceiptStatus.DELIVERED, ReceiptStatus.FAILED),
    (ReceiptStatus.UNRECOGNISED,),
)
"""Reports about one message. They may arrive in any order, and two may contradict each other."""
PAUSE, LEASE_SECONDS = timedelta(seconds=6), 8.0
"""Longest pause of a kept receipt between two tries, and its lease: short, as everything is in these worlds."""


class Reported(NamedTuple):
    """Genuine report that is on the topic."""

    delivery: LogId
    status: ReceiptStatus
    provider: str
    names_delivery: bool
    """False if the vendor returns its own message id only."""


class Post(Protocol):
    """Part of the world that the vendors need."""

    seed: int
    sides: list[Side]
    kafka: SimulatedKafka

    def later(self, delay: float, call: Callable[[], None]) -> None: ...
    def now_ms(self) -> int: ...
    def note(self, what: str) -> None: ...


class Vendors:
    """Vendors of one world. Numbers of their own decide what they report."""

    def __init__(self, world: Post, now: Callable[[], float]) -> None:
        self._world, self._now = world, now
        self._rng = rng = random.Random(f"reports of {world.seed}")
        self.reported: dict[str, Reported] = {}
        """Genuine reports by the id of their receipt."""
        self.on_the_way = 0
        self._lost, self._doubled = rng.choice((0.0, 0.1, 0.4)), rng.choice((0.0, 0.2, 0.6))
        self._early, self._forged = rng.choice((0.0, 0.3, 1.0)), rng.choice((0.0, 0.05, 0.4))
        self._named = rng.choice((1.0, 1.0, 0.5, 0.0))
        """Share of the reports with our own id of the delivery."""
        self._slowest = rng.choice((1.0, 5.0, 20.0))
        for side in world.sides:
            side.on_take = partial(self._took, side.name)

    def _took(self, provider: str, message: Message) -> None:
        """Plan the reports about a message that was taken."""
        rng = self._rng
        if rng.random() < self._forged:
            self._plan(partial(self._publish_forged, provider, message.id))
        if rng.random() < self._lost:
            return
        for status in rng.choice(TALES):
            report = Reported(LogId(message.id), status, provider, rng.random() < self._named)
            for _ in range(1 + (rng.random() < self._doubled)):
                self._plan(partial(self._publish, report))

    def _plan(self, publish: Callable[[], None]) -> None:
        """Publish at once, which is before the answer to the call, or later. So reports overtake each other."""

        def arrive() -> None:
            self.on_the_way -= 1
            publish()

        self.on_the_way += 1
        self._world.later(0.0 if self._rng.random() < self._early else self._rng.uniform(0, self._slowest), arrive)

    def _publish(self, report: Reported) -> None:
        fields = {"delivery_id": report.delivery} if report.names_delivery else {}
        named = fields | {"provider_message_id": message_id_of(report.delivery)}
        record = self._append(report.provider, report.status, named)
        self.reported[receipt_id(record)] = report

    def _publish_forged(self, provider: str, delivery: str) -> None:
        """Publish a report of a provider that never had the delivery, or about a delivery that does not exist."""
        status, foreign = self._rng.choice((ReceiptStatus.DELIVERED, ReceiptStatus.FAILED)), {"delivery_id": delivery}
        kind = self._rng.choice(("provider", "provider of a tenant", "delivery", "message id"))
        if kind == "provider":
            self._append(f"not {provider}", status, foreign)
        elif kind == "provider of a tenant":
            self._append("prv_9", status, foreign | {"tenant_id": self._rng.choice((TENANT, "another"))})
        elif kind == "delivery":
            self._append(provider, status, {"delivery_id": f"log_{'0' * 26}{delivery[-9:]}"})
        else:
            self._append(f"not {provider}", status, {"provider_message_id": message_id_of(delivery)})

    def _append(self, provider: str, status: ReceiptStatus, fields: dict[str, str]) -> KafkaRecord:
        receipt = Receipt.model_validate(
            {"provider": provider, "status": status, "occurred_at": moment(self._now()), "code": "17", **fields}
        )
        key = next(iter(fields.values())).encode()
        value = receipt.model_dump_json(exclude_defaults=True).encode()
        number = self._rng.randrange(len(self._world.kafka.topics[TOPICS.receipts]))
        record = self._world.kafka.append(TOPICS.receipts, number, self._world.now_ms(), key, value)
        self._world.note(f"receipt {receipt_id(record)} {provider} {status} {' '.join(fields.values())}")
        return record


def short_pauses() -> AbstractContextManager[object]:
    """Let kept receipts be tried again soon, and let the claim of a dead consumer end soon."""
    stack = ExitStack()
    stack.enter_context(patch("ledger.receipt_port.LONGEST_PAUSE", PAUSE))
    stack.enter_context(patch("consumer.sweep.kept_receipts.LEASE_SECONDS", LEASE_SECONDS))
    return stack
