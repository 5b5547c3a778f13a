"""Command ``python -m bench.plain_faststream BOOTSTRAP PREFIX MONGO_URL DATABASE``: requests handled the plain way.

It is a FastStream service as its tutorial teaches it: one subscriber, which writes to MongoDB and publishes events, one
record after the other. Writes wait for the majority and the journal, and events for all replicas. A record is
acknowledged after its handler has returned. There is no protocol for crashes, no sealing and no retry. A crash between
call and log sends a message twice.
"""

import sys
from datetime import UTC, datetime
from typing import Any

import uvloop
from faststream import AckPolicy, FastStream
from faststream.kafka import KafkaBroker
from pydantic import BaseModel
from pymongo import AsyncMongoClient

from bench.ready import READY


class Recipient(BaseModel):
    """Recipient of a request."""

    to: str
    variables: dict[str, str]


class Request(BaseModel):
    """Record of a request."""

    request_id: str
    tenant_id: str
    user_id: str
    channel: str
    content: str
    recipients: list[Recipient]


class Provider:
    """Provider that accepts every message at once."""

    async def send(self, to: str, text: str) -> str:
        """Return the provider's message id."""
        return f"sent-{len(to)}-{len(text)}"


class Service:
    """Handler of the records, with its collections and its topic."""

    def __init__(
        self, broker: KafkaBroker, topic: str, client: AsyncMongoClient[dict[str, Any]], database: str
    ) -> None:
        self._broker, self._topic, self._provider = broker, topic, Provider()
        self._requests, self._logs = client[database]["plain_requests"], client[database]["plain_logs"]

    async def handle(self, request: Request) -> None:
        """Handle one request: store it, send each message, and publish what happened."""
        stored = {"_id": request.request_id, **request.model_dump(), "status": "accepted", "created_at": _now()}
        await self._requests.insert_one(stored)
        await self._publish(request, {"type": "request.accepted", "recipients": len(request.recipients)})
        for index, recipient in enumerate(request.recipients):
            await self._send(request, index, recipient)
        completed = {"status": "completed", "completed_at": _now(), "sent": len(request.recipients)}
        await self._requests.update_one({"_id": request.request_id}, {"$set": completed})
        await self._publish(request, {"type": "request.completed", "sent": len(request.recipients)})

    async def _send(self, request: Request, index: int, recipient: Recipient) -> None:
        text = request.content
        for name, value in recipient.variables.items():
            text = text.replace(f"{{{{{name}}}}}", value)
        message_id = await self._provider.send(recipient.to, text)
        log = {
            "_id": f"{request.request_id}-{index}",
            "request_id": request.request_id,
            "tenant_id": request.tenant_id,
            "channel": request.channel,
            "recipient": recipient.to,
            "status": "sent",
            "provider_message_id": message_id,
            "sent_at": _now(),
        }
        await self._logs.insert_one(log)
        event = {"type": "delivery.sent", "index": index, "recipient": recipient.to, "status": "sent"}
        await self._publish(request, {**event, "provider_message_id": message_id})

    async def _publish(self, request: Request, event: dict[str, Any]) -> None:
        about = {"request_id": request.request_id, "tenant_id": request.tenant_id, "occurred_at": _now().isoformat()}
        await self._broker.publish({**event, **about}, self._topic, key=request.request_id.encode())


def _now() -> datetime:
    return datetime.now(UTC)


async def main(bootstrap: str, prefix: str, mongo_url: str, database: str) -> None:
    """Handle the requests of a topic prefix until a signal ends the process."""
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(mongo_url, w="majority", journal=True)
    broker = KafkaBroker(bootstrap, acks="all", logger=None)
    service = Service(broker, f"{prefix}.results", client, database)
    topics = (f"{prefix}.bulk.requests", f"{prefix}.bulk.requests.express")

    @broker.subscriber(
        *topics, group_id=f"{prefix}.plain", auto_offset_reset="earliest", ack_policy=AckPolicy.NACK_ON_ERROR
    )
    async def handle(request: Request) -> None:
        await service.handle(request)

    app = FastStream(broker)

    @app.after_startup
    async def ready() -> None:
        print(READY, flush=True)

    try:
        await app.run()
    finally:
        await client.close()


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
