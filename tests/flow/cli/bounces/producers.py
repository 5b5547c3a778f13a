"""Producer without Kafka, with the one method of aiokafka's that bounces use."""

import asyncio
from typing import Any

from aiokafka.errors import KafkaError

from cli.bounces.mail_reader import BounceMailReader
from schemas.receipts import Receipt
from tests.unit.providers.bounces.sample_bounces import READER

TOPIC = "communication.receipts"


class MemoryProducer:
    """Producer that keeps what it is given, or fails."""

    def __init__(self, *, error: Exception | None = None, hangs: bool = False) -> None:
        self.records: list[tuple[bytes, Receipt]] = []
        self.error, self.hangs = error, hangs

    async def send(self, topic: str, value: bytes, key: bytes) -> asyncio.Future[None]:
        assert topic == TOPIC
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.error is not None:
            future.set_exception(self.error)
        elif not self.hangs:
            self.records.append((key, Receipt.model_validate_json(value)))
            future.set_result(None)
        return future


def a_reader(producer: Any) -> BounceMailReader:
    return BounceMailReader(READER, producer, TOPIC)


UNAVAILABLE = KafkaError()
