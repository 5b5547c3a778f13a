"""Handing the parts of a request to Kafka: what the service asks of it, and the twin in memory."""

from collections.abc import Sequence
from typing import Protocol

from core.request_parts import EncodedPart


class PublishError(Exception):
    """Not every part was acknowledged."""

    def __init__(self, *, handed_over: bool) -> None:
        super().__init__("handed over, not acknowledged" if handed_over else "not handed over")
        self.handed_over = handed_over
        """Whether some record may be in Kafka, or get there later."""


class TopicsMissingError(Exception):
    """Kafka answers, and topics are missing; the message names them and the command that makes them."""

    def __init__(self, topics: Sequence[str]) -> None:
        super().__init__(f"Kafka lacks the topics {', '.join(topics)}: run `rollcall setup`")


class PublishingStalledError(Exception):
    """Nothing that is published is taken, though Kafka answers: a new process can do better."""


class Publisher(Protocol):
    """Publishes requests, and knows whether it could."""

    async def start(self) -> None:
        """Begin to connect, without waiting for it."""

    async def publish(self, topic: str, parts: Sequence[EncodedPart]) -> None:
        """Return when all in-sync replicas have every part; raises PublishError within `PUBLISH_SECONDS`."""

    def problem(self) -> str | None:
        """Why nothing can be published now, in a few words; None: it can."""

    async def wait_failed(self) -> TopicsMissingError | PublishingStalledError:
        """Wait until it is known that the service must not run."""

    async def stop(self) -> None:
        """Let go of Kafka within a few seconds, whether Kafka is there or not."""
