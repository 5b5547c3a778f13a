"""Attacks by records of the intake. The hostile tenant may write to it, as any service of an operator may."""

import json
from collections.abc import Callable
from functools import cache

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from tests.support.record_batches import RawProducer, a_batch, a_record
from tests.torture.attacks.hostile_tenant import TENANT, HostileTenant, attack

MEGABYTE = 1_000_000
BOMB_BYTES = 100 * MEGABYTE
FAR_MS = 10**15
"""A time beyond the year 9999."""
PARTITIONS = 4


def _request(hostile: HostileTenant, **fields: object) -> bytes:
    known = {"tenant_id": TENANT, "channel": "sms", "content": "Hello", "recipients": [hostile.number()]}
    return json.dumps({**known, **fields}, separators=(",", ":")).encode()


_KINDS: dict[str, Callable[[HostileTenant], bytes]] = {
    "long name": lambda hostile: _request(hostile, **{"q" * (MEGABYTE - 500) + ".x": 1}),
    "many dots": lambda hostile: _request(hostile, **{"." * 70_000: 1}),
    "many dots in a variable": lambda hostile: _request(
        hostile, recipients=[{"to": hostile.number(), "variables": {"a." * 30_000: [1]}}]
    ),
    "list of errors": lambda hostile: _request(hostile, recipients=[1] * 400_000),
    "list of error objects": lambda hostile: _request(hostile, recipients=[{"to": 1, "a": 2}] * 40_000),
    "deep": lambda hostile: _request(hostile, recipients=0).replace(
        b'"recipients": 0', b'"recipients":' + b"[" * 9_000
    ),
    "many names": lambda hostile: _request(hostile, **{f"n{number}": 1 for number in range(60_000)}),
    "no json": lambda hostile: hostile.rng.randbytes(50_000),
}


@attack("one record stops its topic, or takes gigabytes of a consumer", pause_seconds=0.5)
async def odd_records(hostile: HostileTenant) -> None:
    """One record of each kind, with good ones of its own between them, so that the flood guard does not act."""
    async with AIOKafkaProducer(
        bootstrap_servers=hostile.env["ROLLCALL_KAFKA_BOOTSTRAP"], max_request_size=2 * MEGABYTE
    ) as producer:
        for kind, value in _KINDS.items():
            topic = hostile.rng.choice(hostile.topics.intake)
            for said in (value(hostile), _request(hostile), _request(hostile)):
                await producer.send_and_wait(topic, said)
            hostile.count(kind)


@cache
def _bomb(codec: str) -> bytes:
    return a_batch(a_record(b"0" * BOMB_BYTES), codec=codec)


def _many_records(hostile: HostileTenant) -> bytes:
    """Fewer than half of them are garbage. A flood of it stops the intake, which is right."""
    values = (b"{}" if number % 5 < 2 else _request(hostile) for number in range(30))
    return a_batch(*(a_record(value, offset=number) for number, value in enumerate(values)))


_BATCHES: dict[str, Callable[[HostileTenant], bytes]] = {
    "zstd bomb": lambda _: _bomb("zstd"),
    "gzip bomb": lambda _: _bomb("gzip"),
    "header name that is no text": lambda _: a_batch(a_record(b"{}", headers=[(b"\xff\xfe", b"x")])),
    "header without a value": lambda _: a_batch(a_record(b"{}", headers=[(b"x", None)])),
    "time beyond all dates": lambda _: a_batch(a_record(b"{}"), timestamp_ms=FAR_MS),
    "time before 1970": lambda _: a_batch(a_record(b"{}", time_delta=-(10**13))),
    "no value": lambda _: a_batch(a_record(None)),
    "many small records": _many_records,
}


@attack("a batch that the client cannot parse silences its partition, one that inflates kills the process")
async def odd_batches(hostile: HostileTenant) -> None:
    """One batch of each kind in a partition, and a good request behind it."""
    producer = RawProducer(hostile.env["ROLLCALL_KAFKA_BOOTSTRAP"])
    async with producer:
        for kind, batch in _BATCHES.items():
            topic, partition = hostile.rng.choice(hostile.topics.intake), hostile.rng.randrange(PARTITIONS)
            try:
                await producer.publish(topic, partition, batch(hostile))
            except KafkaError as error:
                hostile.count(f"{kind} {type(error).__name__}")
            else:
                hostile.count(kind)
            for _ in range(2):
                await producer.publish(topic, partition, a_batch(a_record(_request(hostile))))
