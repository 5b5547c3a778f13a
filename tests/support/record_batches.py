"""Record batches in the message format 2 of Kafka, made by hand, and publishing of them unchanged."""

import gzip
import struct
import time
from collections.abc import Sequence
from typing import Self

from aiokafka.client import AIOKafkaClient
from aiokafka.codec import lz4_encode, snappy_encode, zstd_encode
from aiokafka.errors import for_code
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record.util import calc_crc32c, encode_varint_py
from aiokafka.structs import TopicPartition

from tests.support.polling import wait_until

CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
_COMPRESS = {0: bytes, 1: gzip.compress, 2: snappy_encode, 3: lz4_encode, 4: zstd_encode}


def varint(number: int) -> bytes:
    out = bytearray()
    encode_varint_py(number, out.append)
    return bytes(out)


def a_record(
    value: bytes | None,
    *,
    key: bytes | None = None,
    headers: Sequence[tuple[bytes, bytes | None]] = (),
    offset: int = 0,
    time_delta: int = 0,
) -> bytes:
    """One record with its length."""
    body = b"\x00" + varint(time_delta) + varint(offset) + _nullable(key) + _nullable(value) + varint(len(headers))
    body += b"".join(_nullable(name) + _nullable(content) for name, content in headers)
    return varint(len(body)) + body


def _nullable(data: bytes | None) -> bytes:
    return varint(-1) if data is None else varint(len(data)) + data


def a_batch(
    *records: bytes,
    codec: str = "none",
    payload: bytes | None = None,
    count: int | None = None,
    base_offset: int = 0,
    timestamp_ms: int | None = None,
    last_offset_delta: int | None = None,
    attributes: int = 0,
    crc: int | None = None,
    magic: int = 2,
) -> bytes:
    """A batch of records, of now unless a time is given: Kafka deletes old ones. `payload` replaces the records."""
    timestamp_ms = round(time.time() * 1000) if timestamp_ms is None else timestamp_ms
    if payload is None:
        payload = _COMPRESS[CODECS[codec]](b"".join(records))
    count = len(records) if count is None else count
    delta = max(0, count - 1) if last_offset_delta is None else last_offset_delta
    checked = struct.pack(">hiqqqhii", attributes | CODECS[codec], delta, timestamp_ms, timestamp_ms, -1, -1, -1, count)
    checked += payload
    crc = calc_crc32c(checked) if crc is None else crc
    return struct.pack(">qiibI", base_offset, 9 + len(checked), 0, magic, crc) + checked


class RawProducer:
    """Producer of batches that are made by hand."""

    def __init__(self, bootstrap: str) -> None:
        self._client = AIOKafkaClient(bootstrap_servers=bootstrap)

    async def __aenter__(self) -> Self:
        await self._client.bootstrap()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    async def publish(self, topic: str, partition: int, batch: bytes) -> int:
        """Publish a batch and return the offset of its first record. Raises the error of the broker."""
        self._client.add_topic(topic)
        at = TopicPartition(topic, partition)
        node = await wait_until(lambda: self._client.cluster.leader_for_partition(at))
        request = ProduceRequest(None, -1, 30_000, [(topic, [(partition, batch)])])
        response = await self._client.send(node, request)
        ((_, ((_, code, offset, *_rest),)),) = response.topics
        if code:
            raise for_code(code)
        return int(offset)
