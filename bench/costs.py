"""Counted costs of a side: commands to MongoDB and their bytes, and the records of Kafka's topics."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import bson
from aiokafka import AIOKafkaConsumer
from pymongo import monitoring

WRITES = ("insert", "update", "findAndModify", "delete")


@dataclass(slots=True)
class Costs:
    """Counts and bytes by (what, where): a command and its collection, or `record` and a topic's last name."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    sizes: Counter[tuple[str, str]] = field(default_factory=Counter)
    documents: Counter[str] = field(default_factory=Counter)
    """Documents inserted, by collection."""
    statements: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Documents of inserts and statements of updates. Unlike commands, they do not depend on the groups of writes."""
    statement_sizes: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Their bytes."""

    def add(self, what: str, where: str, size: int) -> None:
        """Count one command or record."""
        self.counts[what, where] += 1
        self.sizes[what, where] += size

    def writes(self) -> dict[tuple[str, str], int]:
        """Return the number of writing commands, by command and collection."""
        return {key: number for key, number in self.counts.items() if key[0] in WRITES}


class CommandCosts(monitoring.CommandListener):
    """Counter of the commands to watched databases, for every client created after `monitoring.register`."""

    def __init__(self) -> None:
        self.watched: dict[str, Costs] = {}

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        """Count a command."""
        costs = self.watched.get(event.database_name)
        if costs is None:
            return
        where = str(event.command[event.command_name])
        costs.add(event.command_name, where, len(bson.encode(event.command)))
        costs.documents[where] += len(event.command.get("documents", ()))
        for statement in event.command.get("documents", event.command.get("updates", ())):
            costs.statements[event.command_name, where] += 1
            costs.statement_sizes[event.command_name, where] += len(bson.encode(statement))

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        """Do nothing."""

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """Do nothing."""


async def count_records(bootstrap: str, prefix: str, names: tuple[str, ...], costs: Costs) -> dict[bytes, int]:
    """Count all records of topics, by topic. Return the number of records of each CloudEvents type."""
    types: Counter[bytes] = Counter()
    options: dict[str, Any] = {"bootstrap_servers": bootstrap, "auto_offset_reset": "earliest"}
    async with AIOKafkaConsumer(*(f"{prefix}.{name}" for name in names), **options) as consumer:
        ends = await consumer.end_offsets(consumer.assignment())
        left = sum(ends.values()) - sum((await consumer.beginning_offsets(list(ends))).values())
        for _ in range(left):
            record = await consumer.getone()
            headers = sum(len(key) + len(value) for key, value in record.headers)
            size = len(record.key) + len(record.value) + headers
            costs.add("record", record.topic.removeprefix(f"{prefix}."), size)
            types[dict(record.headers).get("ce_type", b"")] += 1
    return types
