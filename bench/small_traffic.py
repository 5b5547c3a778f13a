"""Traffic of small requests, and the time from the publication of each to its delivery result event.

The load is an open loop: requests are published at random times (a Poisson process), however long the answers take. A
thread reads the results topic, so that an event counts when it arrives, whatever this process does meanwhile.
"""

import random
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import orjson
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from bench.installation import PARTITIONS, Installation
from bench.workload import Order
from devstack import StackError
from devstack.processes import Child

WARM_UP = 200
"""Number of requests before a measurement, so that connections and code are warm."""
PATIENCE_SECONDS = 600.0
_POLL_SECONDS = 0.02


class Traffic:
    """Publisher of requests and reader of their events. All times are of the monotonic clock, in seconds."""

    def __init__(self, installation: Installation, child: Child | None = None) -> None:
        """Use the topics of this installation. If `child` ends, every method that waits raises StackError."""
        self.published: dict[str, float] = {}
        self.delivered: dict[str, float] = {}
        """Arrival of the first delivery event of each request."""
        self.completed: dict[str, float] = {}
        """Arrival of the event `request.completed`."""
        self._prefix, self._bootstrap = installation.prefix, installation.stack.kafka_bootstrap
        self._child, self._closing = child, threading.Event()
        self._small, self._large = self._producer(), self._producer()
        self._rng = random.Random(1)

    def _producer(self) -> Any:
        """Return a producer. Large requests have one of their own, so that no small one waits behind them."""
        options = {"acks": "all", "linger.ms": 0, "partitioner": "murmur2_random", "message.max.bytes": 2**21}
        return Producer({"bootstrap.servers": self._bootstrap, **options})

    @contextmanager
    def reading(self) -> Iterator["Traffic"]:
        """Read the events until the block ends."""
        reader = threading.Thread(target=self._read, daemon=True)
        reader.start()
        try:
            yield self
        finally:
            self._closing.set()
            reader.join()
            self._small.flush()
            self._large.flush()

    def _read(self) -> None:
        consumer = Consumer({"bootstrap.servers": self._bootstrap, "group.id": "bench", "enable.auto.commit": False})
        topic = f"{self._prefix}.results"
        consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in range(PARTITIONS)])
        while not self._closing.is_set():
            record: Any = consumer.poll(0.2)
            if record is None or record.error():
                continue
            kind = dict(record.headers())["ce_type"]
            if kind.startswith(b"delivery."):
                self.delivered.setdefault(record.key().decode(), time.monotonic())
            elif kind == b"request.completed":
                self.completed.setdefault(record.key().decode(), time.monotonic())
        consumer.close()

    def publish_small(self) -> str:
        """Publish a request of one recipient without waiting. Return its id."""
        at = len(self.published)
        name, shared = f"small-{at}", {"channel": "sms", "content": "Your code is 123456", "tenant_id": "tnt_small"}
        body = orjson.dumps({**shared, "request_id": name, "recipients": [{"to": f"138{at:08d}"}]})
        self.published[name] = time.monotonic()
        self._small.produce(f"{self._prefix}.bulk.requests.express", body, key=name)
        self._small.poll(0)
        return name

    def publish_large(self, *orders: Order) -> None:
        """Publish bulk requests without waiting."""
        rendered = [(order.request_id, order.records()) for order in orders]
        for name, records in rendered:
            self.published[name] = time.monotonic()
            for record in records:
                self._large.produce(f"{self._prefix}.bulk.requests", record, key=name)
                self._large.poll(0)

    def reader_ms(self, number: int) -> float:
        """Return the median of the milliseconds from an event that this process publishes to its own reading of it.

        It is the share of the measurement in every latency.
        """
        taken = []
        for at in range(number):
            name = f"probe-{at}"
            began = time.monotonic()
            self._small.produce(f"{self._prefix}.results", b"{}", key=name, headers={"ce_type": b"delivery.probe"})
            while name not in self.delivered:
                self._small.poll(0.001)
                self._check()
            taken.append((self.delivered[name] - began) * 1000)
        return p50(taken)

    def bulk(self, *orders: Order) -> float:
        """Publish bulk requests and wait for their completion. Return recipients per second."""
        self.publish_large(*orders)
        names = [order.request_id for order in orders]
        self.wait(self.completed, names)
        seconds = max(self.completed[name] for name in names) - self.published[names[0]]
        return sum(order.recipients for order in orders) / seconds

    def burst(self, number: int) -> float:
        """Publish small requests at once and wait for their completion. Return requests per second."""
        names = [self.publish_small() for _ in range(number)]
        self.wait(self.completed, names)
        return number / (max(self.completed[name] for name in names) - self.published[names[0]])

    def maximum(self, number: int) -> float:
        """Return the requests per second of a burst, after a smaller one as a warm-up."""
        self.burst(WARM_UP)
        return self.burst(number)

    def flow(self, rate: float, enough: Callable[[int], bool]) -> list[str]:
        """Publish small requests at random times, `rate` per second, until `enough` of their number. Return the ids.

        Raise StackError if the consumer ends.
        """
        names: list[str] = []
        due = time.monotonic()
        while not enough(len(names)):
            self._check()
            due += self._rng.expovariate(rate)
            time.sleep(max(0.0, due - time.monotonic()))
            names.append(self.publish_small())
        return names

    def latencies(self, names: Sequence[str]) -> list[float]:
        """Wait for the delivery events of these requests. Return the milliseconds since their publication."""
        self.wait(self.delivered, names)
        return [(self.delivered[name] - self.published[name]) * 1000 for name in names]

    def wait(self, arrived: dict[str, float], names: Sequence[str]) -> None:
        """Wait until the events of all these requests arrived. Raise StackError if the consumer ends or is late."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        waiting = list(names)
        while waiting := [name for name in waiting if name not in arrived]:
            if time.monotonic() > deadline:
                raise StackError(f"{len(waiting)} of {len(names)} requests had no event in {PATIENCE_SECONDS:.0f} s")
            self._check()
            time.sleep(_POLL_SECONDS)

    def _check(self) -> None:
        """Raise StackError if the consumer has ended, because nothing would arrive any more."""
        if self._child and self._child.exit_code() is not None:
            raise StackError(f"the consumer ended: {self._child.last_words()}")


def p50(values: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def p99(values: Sequence[float]) -> float:
    """Return the 99th percentile."""
    return statistics.quantiles(values, n=100, method="inclusive")[98]
