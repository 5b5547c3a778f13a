"""Port for publishing records to Kafka, and its errors.

PublishError            some record was not acknowledged
TopicsMissingError      the service must not run
PublishingStalledError  the service must not run
"""

from collections.abc import Sequence
from typing import Protocol


class KeyedRecord(Protocol):
    """Record to publish. The records of one key stay in order."""

    @property
    def key(self) -> bytes:
        """Return the key, which selects the partition."""

    @property
    def value(self) -> bytes:
        """Return the value."""


class PublishError(Exception):
    """A failure to publish: not every record was acknowledged."""

    def __init__(self, *, may_be_published: bool) -> None:
        super().__init__("sent to Kafka, not acknowledged" if may_be_published else "not sent to Kafka")
        self.may_be_published = may_be_published
        """True if some record may be in Kafka, or may get there later."""


class TopicsMissingError(Exception):
    """Topics that do not exist although Kafka answers. The message names them and the command that creates them."""

    def __init__(self, topics: Sequence[str]) -> None:
        super().__init__(f"topics not found in Kafka: {', '.join(topics)}. Run `rollcall setup`.")


class PublishingStalledError(Exception):
    """Publishing that fails for good although Kafka answers. A new process may succeed."""


class Publisher(Protocol):
    """Publishes records, and knows whether it can."""

    async def start(self) -> None:
        """Start to connect, without waiting for the connection."""

    async def publish(self, topic: str, records: Sequence[KeyedRecord]) -> None:
        """Publish the records in order. Return when all in-sync replicas have every record.

        Raises PublishError within `PUBLISH_TIMEOUT_SECONDS`.
        """

    async def topic_exists(self, topic: str) -> bool | None:
        """Return whether a topic exists. Return None if Kafka does not tell: no right to ask, or no answer in time."""

    def problem(self) -> str | None:
        """Return the reason for which nothing can be published, in a few words, or None."""

    async def wait_failed(self) -> TopicsMissingError | PublishingStalledError:
        """Wait until it is certain that the service must not run."""

    async def stop(self) -> None:
        """Close the connection within a few seconds, even if Kafka does not answer."""
