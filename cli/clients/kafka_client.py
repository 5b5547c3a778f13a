"""Access to Kafka for commands. Errors become one line that names the setting to check."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import TypeVar

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError

from cli.errors import CommandError
from config.settings import CommonSettings

T = TypeVar("T")

KAFKA_TIMEOUT_SECONDS = 45.0
"""Maximum time for one answer of Kafka, in seconds. It is a little more than the driver's request timeout of 40 s."""

_CONNECT_SECONDS = 10.0


def silence_driver_logs() -> None:
    """Hide the driver's own log lines. They repeat the command's error and may contain keys and values."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL + 1)


@contextmanager
def kafka_errors(settings: CommonSettings) -> Iterator[None]:
    """Turn Kafka's errors into one line that names the variable to check."""
    try:
        yield
    except TopicAuthorizationFailedError:
        raise CommandError(
            "Kafka does not allow this user to do this on these topics. Check the user's ACLs."
        ) from None
    except (KafkaError, OSError, TimeoutError) as error:
        name = type(error).__name__
        raise CommandError(
            f"ROLLCALL_KAFKA_BOOTSTRAP: Kafka does not answer at {settings.kafka_bootstrap} ({name}). "
            "Start Kafka, or correct the address.",
        ) from None


async def with_timeout(seconds: float, work: Awaitable[T]) -> T:
    """Await a call of the driver with a time limit. Some of its calls never return while Kafka is not reachable."""
    return await asyncio.wait_for(work, seconds)


@asynccontextmanager
async def open_admin(settings: CommonSettings) -> AsyncIterator[AIOKafkaAdminClient]:
    """Open an admin client. Raises within 10 s if Kafka is not reachable."""
    silence_driver_logs()
    admin = AIOKafkaAdminClient(**settings.kafka_options())
    try:
        await with_timeout(_CONNECT_SECONDS, admin.start())
        yield admin
    finally:
        await admin.close()


async def partitions_of_topics(admin: AIOKafkaAdminClient) -> Mapping[str, list[int]]:
    """Return every topic that this user can see, with its partitions. The query does not create topics."""
    described = await with_timeout(KAFKA_TIMEOUT_SECONDS, admin.describe_topics())
    return {topic["topic"]: sorted(p["partition"] for p in topic["partitions"]) for topic in described}


def require_topics(existing: Mapping[str, list[int]], names: set[str]) -> None:
    """Raise CommandError if a topic is missing."""
    missing = sorted(names - existing.keys())
    if missing:
        raise CommandError(f"Topics not found in Kafka: {', '.join(missing)}. Run `rollcall setup`.")
