"""Kafka as the command line meets it: what it has, and one line when it is away."""

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

PATIENCE_SECONDS = 45.0
"""How long one answer of Kafka may take: its own request time-out of 40 s, and a little."""

_CONNECT_SECONDS = 10.0


def silence_driver_logs() -> None:
    """Keep the driver's own lines off the screen: they repeat what the command says, and may show keys and values."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL + 1)


@contextmanager
def kafka_errors(settings: CommonSettings) -> Iterator[None]:
    """Turn Kafka's errors into one line that names the variable to look at."""
    try:
        yield
    except TopicAuthorizationFailedError:
        raise CommandError("Kafka does not let this user do that on these topics: check its ACLs") from None
    except (KafkaError, OSError, TimeoutError) as error:
        name = type(error).__name__
        raise CommandError(
            f"ROLLCALL_KAFKA_BOOTSTRAP: Kafka does not answer at {settings.kafka_bootstrap} ({name}); "
            "start it or correct the address",
        ) from None


async def with_timeout(seconds: float, work: Awaitable[T]) -> T:
    """Some calls of the driver never return while Kafka is away."""
    return await asyncio.wait_for(work, seconds)


@asynccontextmanager
async def open_admin(settings: CommonSettings) -> AsyncIterator[AIOKafkaAdminClient]:
    """An admin client; raises within 10 s when Kafka is away."""
    silence_driver_logs()
    admin = AIOKafkaAdminClient(**settings.kafka_options())
    try:
        await with_timeout(_CONNECT_SECONDS, admin.start())
        yield admin
    finally:
        await admin.close()


async def partitions_of_topics(admin: AIOKafkaAdminClient) -> Mapping[str, list[int]]:
    """Every topic that this user may see, with its partitions. Asks in a way that creates none."""
    described = await with_timeout(PATIENCE_SECONDS, admin.describe_topics())
    return {topic["topic"]: sorted(p["partition"] for p in topic["partitions"]) for topic in described}


def require_topics(known: Mapping[str, list[int]], names: set[str]) -> None:
    """Raise CommandError where a topic is missing."""
    missing = sorted(names - known.keys())
    if missing:
        raise CommandError(f"Kafka lacks the topics {', '.join(missing)}: run `rollcall setup`")
