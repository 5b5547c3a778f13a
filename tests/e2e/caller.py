"""A caller of rollcall over Kafka, with plain aiokafka: publishes requests, reads what comes back."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import NewTopic

from consumer.kafka.stop_consumer import stop_consumer
from schemas.results import DeliveryEvent, EventType, RequestAccepted, RequestCompleted, RequestRejected
from tests.support.kafka_topics import create_topics
from tests.support.polling import wait_until

Event = DeliveryEvent | RequestAccepted | RequestCompleted | RequestRejected
E = TypeVar("E", bound=Event)
R = TypeVar("R", bound="Reader")

_MODELS: dict[str, type[Event]] = {
    EventType.REQUEST_ACCEPTED: RequestAccepted,
    EventType.REQUEST_COMPLETED: RequestCompleted,
    EventType.REQUEST_REJECTED: RequestRejected,
}
_MAX_REQUEST_BYTES = 8 * 1024 * 1024  # more than any topic takes, so that the topic's own limit decides


async def publish(
    bootstrap: str,
    topic: str,
    *values: dict[str, Any] | bytes | None,
    key: str | None = None,
    headers: Sequence[tuple[str, bytes | None]] = (),
    partition: int | None = None,
    gzip: bool = False,
) -> list[str]:
    """Publish records one after the other; where each stands: topic/partition/offset."""
    async with AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        acks="all",
        compression_type="gzip" if gzip else None,
        max_batch_size=_MAX_REQUEST_BYTES,
        max_request_size=_MAX_REQUEST_BYTES,
    ) as producer:
        places = []
        for value in values:
            encoded = json.dumps(value).encode() if isinstance(value, dict) else value
            done = await producer.send_and_wait(
                topic, encoded, key=key.encode() if key else None, headers=list(headers), partition=partition
            )
            places.append(f"{done.topic}/{done.partition}/{done.offset}")
        return places


async def create_topic(bootstrap: str, topic: str) -> None:
    await create_topics(bootstrap, NewTopic(topic, 1, 1))


class Reader:
    """Every record of a topic, from its beginning on, as it comes."""

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self.records: list[ConsumerRecord] = []
        self._consumer: AIOKafkaConsumer | None = None

    async def catch_up(self) -> None:
        """Wait until everything has been read that was acknowledged before this call."""
        assert self._consumer
        ends = await self._consumer.end_offsets(self._consumer.assignment())
        for partition, end in ends.items():
            await wait_until(partial(self._has_read, partition, end))

    async def _has_read(self, partition: TopicPartition, end: int) -> bool:
        assert self._consumer
        return bool(await self._consumer.position(partition) >= end)

    async def feed(self, consumer: AIOKafkaConsumer) -> None:
        """Take the records of a consumer without end."""
        self._consumer = consumer
        async for record in consumer:
            self.take(record)

    def take(self, record: ConsumerRecord) -> None:
        self.records.append(record)

    def bytes(self) -> bytes:
        """All that was read: keys, headers and values."""
        return b"\n".join(
            b"\n".join([r.key or b"", r.value or b"", *(b"%b: %b" % (n.encode(), v) for n, v in r.headers)])
            for r in self.records
        )


class Results(Reader):
    """The events of a topic, each checked against its model, repeats told by their ids."""

    def __init__(self, topic: str) -> None:
        super().__init__(topic)
        self.events: dict[str, Event] = {}
        self.receipts: dict[str, list[DeliveryEvent]] = {}
        """Receipt events by log id, repeats included. They are no outcomes."""
        self._of_request: dict[str, list[Event]] = {}
        self._completed: set[tuple[str, str]] = set()

    def take(self, record: ConsumerRecord) -> None:
        super().take(record)
        event = event_of(record)
        known = self.events.setdefault(event.event_id, event)
        if isinstance(event, DeliveryEvent) and event.outcome is not None:
            assert known == event, f"a repeat says something else: {event.event_id}"
            self.receipts.setdefault(event.log_id, []).append(event)
            return
        if known is event:
            self._of_request.setdefault(event.request_id, []).append(event)
        if isinstance(event, RequestCompleted):
            self._completed.add((event.tenant_id, event.request_id))
        elif known is event and isinstance(event, DeliveryEvent):
            named = (event.tenant_id, event.request_id)
            assert named not in self._completed, "who stops at the completion has missed an outcome"
        if isinstance(event, DeliveryEvent | RequestCompleted):
            assert known == event, f"a repeat says something else: {event.event_id}"

    def of(self, kind: type[E], request_id: str) -> list[E]:
        """The events of one kind and request, in the order in which they came first."""
        return [event for event in self._of_request.get(request_id, ()) if isinstance(event, kind)]

    def completed_ids(self) -> set[str]:
        """The ids of all requests with `request.completed`."""
        return {request_id for _, request_id in self._completed}

    async def completed(self, request_id: str, seconds: float = 90.0) -> RequestCompleted:
        """Wait for `request.completed`, the only one."""
        (event,) = await wait_until(lambda: self.of(RequestCompleted, request_id), seconds)
        assert isinstance(event, RequestCompleted)
        return event

    async def rejected(self, request_id: str) -> RequestRejected:
        """Wait for the first `request.rejected`."""
        event = (await wait_until(lambda: self.of(RequestRejected, request_id)))[0]
        assert isinstance(event, RequestRejected)
        return event


def event_of(record: ConsumerRecord) -> Event:
    """The event in a record, which says in its headers what it is (CloudEvents 1.0, Kafka binding, binary mode)."""
    headers = {name: value.decode() for name, value in record.headers}
    event = _MODELS.get(headers["ce_type"], DeliveryEvent).model_validate_json(record.value)
    said = json.loads(record.value)
    fields = type(event).model_fields
    assert {name for name, field in fields.items() if field.is_required()} <= said.keys() <= fields.keys()
    assert record.key.decode() == event.request_id
    if isinstance(event, DeliveryEvent):
        assert headers["ce_type"] == f"delivery.{event.status}"
    assert headers == {
        "ce_id": event.event_id,
        "ce_type": headers["ce_type"],
        "ce_source": "rollcall",
        "ce_specversion": "1.0",
        "ce_time": said["occurred_at"],
    }
    return event


@contextlib.asynccontextmanager
async def reading(bootstrap: str, reader: R) -> AsyncIterator[R]:
    """Feed the reader until the block ends; what it objects to ends the block at once."""
    consumer = AIOKafkaConsumer(
        reader.topic,
        bootstrap_servers=bootstrap,
        group_id=None,
        auto_offset_reset="earliest",
        request_timeout_ms=10_000,  # a broker may be frozen
        metadata_max_age_ms=10_000,
    )
    await consumer.start()
    try:
        async with asyncio.TaskGroup() as group:
            feeding = group.create_task(reader.feed(consumer))
            yield reader
            feeding.cancel()
    finally:
        await stop_consumer(consumer)
