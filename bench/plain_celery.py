"""Command ``python -m bench.plain_celery BOOTSTRAP PREFIX MONGO_URL DATABASE BROKER``: a Celery worker, the plain way.

Each recipient is a task. It calls a provider that does nothing, inserts a log into MongoDB, and publishes an event to
Kafka. Writes wait for the majority and the journal, and events for all replicas. A task is acknowledged after it has
returned. The worker has Celery's own number of processes, one for each core. There is no protocol for crashes, no
sealing and no retry, and no event tells that a request is completed.
"""

import os
import sys
from datetime import UTC, datetime
from typing import Any

import orjson
from celery import Celery
from celery.signals import worker_ready
from confluent_kafka import Producer
from pymongo import MongoClient

from bench.ready import READY

TASK = "bench.deliver"
"""Name of the task."""


class Deliveries:
    """Task of one recipient. Each process of the worker connects with its first task."""

    def __init__(self, bootstrap: str, prefix: str, mongo_url: str, database: str) -> None:
        self._bootstrap, self._topic = bootstrap, f"{prefix}.results"
        self._mongo_url, self._database = mongo_url, database
        self._connections: tuple[int, MongoClient[dict[str, Any]], Producer] | None = None

    def deliver(self, request: dict[str, Any], index: int, to: str, variables: dict[str, str]) -> None:
        """Send the message of one recipient. Raise RuntimeError if its event was not acknowledged."""
        client, producer = self._connect()
        text = request["content"]
        for name, value in variables.items():
            text = text.replace(f"{{{{{name}}}}}", value)
        message_id = f"sent-{len(to)}-{len(text)}"  # the provider accepts every message at once
        about = {key: request[key] for key in ("request_id", "tenant_id", "channel")}
        sent = {**about, "recipient": to, "status": "sent", "provider_message_id": message_id}
        log = {"_id": f"{request['request_id']}-{index}", **sent, "sent_at": datetime.now(UTC)}
        client[self._database]["plain_logs"].insert_one(log)
        event = {"type": "delivery.sent", "index": index, **sent, "occurred_at": datetime.now(UTC).isoformat()}
        producer.produce(self._topic, orjson.dumps(event), key=request["request_id"])
        if producer.flush(30):
            raise RuntimeError("the event was not acknowledged")

    def _connect(self) -> tuple[MongoClient[dict[str, Any]], Producer]:
        if self._connections is None or self._connections[0] != os.getpid():
            client: MongoClient[dict[str, Any]] = MongoClient(self._mongo_url, w="majority", journal=True)
            producer = Producer({"bootstrap.servers": self._bootstrap, "acks": "all", "linger.ms": 0})
            self._connections = os.getpid(), client, producer
        return self._connections[1:]


def build_app(broker: str) -> Celery:
    """Return the application for a broker's URL, for the worker and for callers."""
    app = Celery("bench", broker=broker)
    app.conf.update(task_acks_late=True, task_ignore_result=True, broker_connection_retry_on_startup=True)
    return app


def main(bootstrap: str, prefix: str, mongo_url: str, database: str, broker: str) -> None:
    """Run the worker until a signal ends it."""
    app = build_app(broker)
    app.task(Deliveries(bootstrap, prefix, mongo_url, database).deliver, name=TASK)
    worker_ready.connect(_say_ready, weak=False)
    app.worker_main(["worker", "--loglevel=WARNING"])


def _say_ready(**_: object) -> None:
    print(READY, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
