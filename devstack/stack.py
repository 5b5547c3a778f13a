"""The one context manager that gives the demo, the tests and the benchmarks a Kafka and a MongoDB.

For each of the two, in this order: the address in the environment → a container, when a Docker daemon answers → a
process on this machine → for Kafka without Java or Maven, librdkafka's in-process broker, which keeps nothing.
"""

import contextlib
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from devstack.routes import IN_PROCESS, choose_kafka, choose_mongo


@dataclass(frozen=True)
class Stack:
    """Where a Kafka and a MongoDB serve; an address is empty when that one was not asked for."""

    kafka_bootstrap: str
    mongo_url: str
    kind: str  # Kafka's, or MongoDB's when only that was asked for: given, docker, local or in-process broker
    durable: bool  # a real Kafka that keeps what it acknowledged
    note: str  # one line: which was taken and why


@contextlib.contextmanager
def start_stack(*, need_durable: bool = False, kafka: bool = True, mongo: bool = True) -> Iterator[Stack]:
    """Start what is asked for, wait until it serves, take it away at the end; says on standard error which was taken.

    StackError, with a mending command, when there is no way to start it, or none to a Kafka that keeps what it
    acknowledged although `need_durable` asks for one.
    """
    with ExitStack() as held:
        # MongoDB first: it comes up while Kafka formats its storage. Both are launched before either is waited for.
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
            note="; ".join(part.note for part in chosen),
        )
        sys.stderr.write(f"stack: {stack.note}\n")
        yield stack
