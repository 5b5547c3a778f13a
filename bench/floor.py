"""Floor of the latency: the durable writes and acknowledged publications of one delivery, by hand, one after another.

A request that is promised durably is inserted, and its event is published. Here that happens twice, as for the
acceptance and for the result, without any other work.
"""

import os
import statistics
import time
from typing import Any

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from pymongo import MongoClient
from pymongo.write_concern import WriteConcern

from devstack import Stack

_WARM_UP = 20
_TIMES = 200
_BYTES = 500
"""Size of a document and of a record, about that of a small request."""


def floor_ms(stack: Stack, name: str) -> float:
    """Return the median of the milliseconds of two inserts and two publications. `name` is the topic and database."""
    admin = AdminClient({"bootstrap.servers": stack.kafka_bootstrap})
    admin.create_topics([NewTopic(name, 1, 1)])[name].result()
    producer = Producer({"bootstrap.servers": stack.kafka_bootstrap, "acks": "all", "linger.ms": 0})
    with MongoClient[dict[str, Any]](stack.mongo_url) as client:
        durable = client[name].get_collection("floor", write_concern=WriteConcern(w="majority", j=True))
        taken = []
        for _ in range(_WARM_UP + _TIMES):
            began = time.monotonic()
            for _ in range(2):
                durable.insert_one({"sealed": os.urandom(_BYTES)})
                producer.produce(name, os.urandom(_BYTES))
                producer.flush()
            taken.append((time.monotonic() - began) * 1000)
        client.drop_database(name)
    return statistics.median(taken[_WARM_UP:])
