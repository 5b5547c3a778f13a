"""Context manager that gives the demo, the tests and the benchmarks a Kafka and a MongoDB.

For each of the two, in this order: the address in the environment → a container, if a Docker daemon answers → a
process on this machine → for Kafka without Java or Maven, librdkafka's in-process broker, which keeps nothing.
"""

import contextlib
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from devstack.routes import IN_PROCESS, StackRoute, choose_kafka, choose_mongo


@dataclass(frozen=True)
class Stack:
    """Addresses of a Kafka and a MongoDB. An address is empty if that server was not requested."""

    kafka_bootstrap: str
    mongo_url: str
    kind: str  # of Kafka, or of MongoDB if only that was requested: given, docker, local or in-process broker
    durable: bool  # a real Kafka that keeps acknowledged records
    note: str  # one line: the chosen ways and the reasons
    kafka: StackRoute | None = None
    mongo: StackRoute | None = None


@contextlib.contextmanager
def start_stack(*, need_durable: bool = False, kafka: bool = True, mongo: bool = True) -> Iterator[Stack]:
    """Start the requested servers, wait until they serve, and stop them at the end. Name them on standard error.

    Raise StackError, with a command that fixes the problem, if a server cannot be started. With `need_durable`, raise
    it also if no Kafka is available that keeps acknowledged records.
    """
    with ExitStack() as held:
        # MongoDB first, because it starts while Kafka formats its storage. Both are launched before the first wait.
        mongo_part = choose_mongo(held) if mongo else None
        kafka_part = choose_kafka(held, need_durable=need_durable) if kafka else None
        chosen = [part for part in (kafka_part, mongo_part) if part]
        for part in chosen:
            part.wait()
        stack = Stack(
            kafka_bootstrap=kafka_part.address if kafka_part else "",
            mongo_url=mongo_part.address if mongo_part else "",
            kind=chosen[0].kind if chosen else "",
            durable=kafka_part is not None and kafka_part.kind != IN_PROCESS,
            note=", ".join(part.note for part in chosen),
            kafka=kafka_part,
            mongo=mongo_part,
        )
        sys.stderr.write(f"stack: {stack.note}\n")
        yield stack
