"""Names and settings of all topics and consumer groups."""

from dataclasses import dataclass

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

MAX_INTAKE_BYTES = 900_000
"""Maximum size of an intake record that producer and `send` write, in bytes."""

MAX_RECORD_BYTES = 1024 * 1024
"""Maximum size of the value of an intake record, in bytes. A larger value passes the topic's limit only compressed."""

DEAD_LETTER_BYTES = 2 * 1024 * 1024
"""Maximum size of a dead letter, in bytes: a sealed record of 1 MiB and its headers."""

DEFAULT_PREFIX = "communication"


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """Topic, with the settings that `rollcall setup` creates it with."""

    name: str
    retention_ms: int
    max_message_bytes: int = 1_048_588  # Kafka's own default
    serves: str = ""


@dataclass(frozen=True, slots=True)
class Topics:
    """Topic names under one prefix."""

    prefix: str = DEFAULT_PREFIX

    @property
    def requests(self) -> str:
        """Return the intake topic of large requests. The record key is the request id."""
        return f"{self.prefix}.bulk.requests"

    @property
    def requests_express(self) -> str:
        """Return the intake topic of small requests. The record key is the request id."""
        return f"{self.prefix}.bulk.requests.express"

    @property
    def chunks(self) -> str:
        """Return the topic of wake-up messages, one per chunk. The record key is the chunk id."""
        return f"{self.prefix}.chunks"

    @property
    def chunks_express(self) -> str:
        """Return the topic of wake-up messages of small requests. The record key is the chunk id."""
        return f"{self.prefix}.chunks.express"

    @property
    def results(self) -> str:
        """Return the topic of result events of requests without a reply topic. The record key is the request id."""
        return f"{self.prefix}.results"

    @property
    def receipts(self) -> str:
        """Return the topic of delivery receipts. The record key is the delivery id, or the provider message id."""
        return f"{self.prefix}.receipts"

    @property
    def dead_letters(self) -> str:
        """Return the topic of unusable records, which are sealed. The record key is the original key."""
        return f"{self.prefix}.dead-letters"

    @property
    def intake(self) -> tuple[str, str]:
        """Return the topics that requests arrive on."""
        return self.requests, self.requests_express

    def group_of(self, topic: str) -> str:
        """Return the consumer group of a topic. Each topic has its own, so that a rebalance stops one lane only.

        The name ends with the prefix unless it is the default, because two installations may share one Kafka.
        """
        group = {
            self.requests: "rollcall.expand",
            self.requests_express: "rollcall.expand.express",
            self.chunks: "rollcall.deliver",
            self.chunks_express: "rollcall.deliver.express",
            self.receipts: "rollcall.receipts",
        }[topic]
        return group if self.prefix == DEFAULT_PREFIX else f"{group}.{self.prefix}"

    def specs(self) -> tuple[TopicSpec, ...]:
        """Return all topics with their retention and record size."""
        return (
            TopicSpec(self.requests, 7 * DAY_MS, serves="intake of large requests"),
            TopicSpec(self.requests_express, 7 * DAY_MS, serves="intake of small requests"),
            TopicSpec(self.chunks, DAY_MS, serves="wake-up messages for chunks"),
            TopicSpec(self.chunks_express, DAY_MS, serves="wake-up messages for small requests"),
            TopicSpec(self.results, 7 * DAY_MS, serves="result events"),
            TopicSpec(self.receipts, 7 * DAY_MS, serves="delivery receipts"),
            TopicSpec(self.dead_letters, 30 * DAY_MS, DEAD_LETTER_BYTES, serves="unusable records, sealed"),
        )
