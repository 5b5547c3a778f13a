"""Mails on their way to receipts in Kafka, and their counts."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from providers.bounces.bounce_reader import BounceReader, NoReceipt
from schemas.receipts import Receipt

PUBLISH_SECONDS = 10.0
"""Maximum time for Kafka's acknowledgement, in seconds. A mail server waits for ten minutes (RFC 5321, 4.5.3.2.6)."""
UNPUBLISHED = (KafkaError, OSError, TimeoutError)
"""Errors after which a receipt counts as not published. It may have been, and is published again."""


class IncomingMail(NamedTuple):
    """Mail, the address that the mail server delivered it to, and its time of arrival."""

    content: bytes
    recipient: str | None
    received_at: datetime

    def __repr__(self) -> str:
        return "IncomingMail()"


class BounceMailReader:
    """Reader that publishes the receipts of mails."""

    def __init__(self, reader: BounceReader, producer: AIOKafkaProducer, topic: str) -> None:
        self._reader, self._producer, self._topic = reader, producer, topic
        self.counts = Counter[str]()
        """Number of mails: `receipts`, `unsigned` reports, and `other` mails."""

    async def publish(self, mails: Sequence[IncomingMail]) -> list[Receipt | NoReceipt]:
        """Publish the receipts of mails, and return what each mail is. Raises one of UNPUBLISHED.

        After an error none of the mails is counted, and all of them are to be read again.
        """
        found: list[Receipt | NoReceipt] = []
        for mail in mails:
            found.append(self._reader.read(mail.content, mail.recipient, mail.received_at))
            await asyncio.sleep(0)  # a large mail takes some milliseconds
        receipts = [one for one in found if isinstance(one, Receipt)]
        async with asyncio.timeout(PUBLISH_SECONDS):
            acknowledged = [await self._send(receipt) for receipt in receipts]
            await asyncio.gather(*acknowledged)
        self.counts.update("receipts" if isinstance(one, Receipt) else one.value for one in found)
        return found

    async def _send(self, receipt: Receipt) -> "asyncio.Future[object]":
        value = receipt.model_dump_json(exclude_none=True).encode()
        key = (receipt.delivery_id or "").encode()
        future: asyncio.Future[object] = await self._producer.send(self._topic, value, key)
        return future
