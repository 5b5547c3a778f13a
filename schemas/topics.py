"""Every topic and consumer group, in one place."""

from dataclasses import dataclass

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

MAX_INTAKE_BYTES = 900_000
"""The size of one intake record that producer and `send` stay below, in bytes."""

MAX_RECORD_BYTES = 1024 * 1024
"""Maximum size of the value of an intake record, in bytes. A larger value passes the topic's limit only compressed."""

DEAD_LETTER_BYTES = 2 * 1024 * 1024
"""What a dead letter may weigh: a sealed record of 1 MiB and its headers, in bytes."""

DEFAULT_PREFIX = "communication"


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic as `rollcall setup` creates it."""

    name: str
    retention_ms: int
    max_message_bytes: int = 1_048_588  # Kafka's own default
    serves: str = ""


@dataclass(frozen=True, slots=True)
class Topics:
    """The topic names under one prefix."""

    prefix: str = DEFAULT_PREFIX

    @property
    def requests(self) -> str:
        """Intake of large requests; key: request id."""
        return f"{self.prefix}.bulk.requests"

    @property
    def requests_express(self) -> str:
        """Intake of small requests; key: request id."""
        return f"{self.prefix}.bulk.requests.express"

    @property
    def chunks(self) -> str:
        """Wake-up calls, one a chunk; key: chunk id."""
        return f"{self.prefix}.chunks"

    @property
    def chunks_express(self) -> str:
        """Wake-up calls of small requests; key: chunk id."""
        return f"{self.prefix}.chunks.express"

    @property
    def results(self) -> str:
        """Result events of requests that name no topic of their own; key: request id."""
        return f"{self.prefix}.results"

    @property
    def receipts(self) -> str:
        """Delivery receipts; key: provider message id."""
        return f"{self.prefix}.receipts"

    @property
    def dead_letters(self) -> str:
        """What could not be read, sealed; key: the original key."""
        return f"{self.prefix}.dead-letters"

    @property
    def intake(self) -> tuple[str, str]:
        """The topics that requests arrive on."""
        return self.requests, self.requests_express

    def group_of(self, topic: str) -> str:
        """The consumer group that reads one of our topics, one a topic: a rebalance of one lane must not stop another.

        Under a prefix of its own the group's name ends with it: two installations may share a Kafka.
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
        """All topics, with how long and how large."""
        return (
            TopicSpec(self.requests, 7 * DAY_MS, serves="intake of large requests"),
            TopicSpec(self.requests_express, 7 * DAY_MS, serves="intake of small requests"),
            TopicSpec(self.chunks, DAY_MS, serves="wake-up calls for chunks"),
            TopicSpec(self.chunks_express, DAY_MS, serves="wake-up calls for small requests"),
            TopicSpec(self.results, 7 * DAY_MS, serves="result events"),
            TopicSpec(self.receipts, 7 * DAY_MS, serves="delivery receipts"),
            TopicSpec(self.dead_letters, 30 * DAY_MS, DEAD_LETTER_BYTES, serves="what could not be read, sealed"),
        )
