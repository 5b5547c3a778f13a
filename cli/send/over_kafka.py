"""`send` through Kafka: publish the parts, follow the result events."""

import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from aiokafka.errors import KafkaError
from rich.console import Console

from cli.clients.kafka_client import answering, open_admin, partitions_of_topics, require_topics
from cli.clients.ledger_client import open_ledger
from cli.clients.record_publisher import Published, open_publisher, publish
from cli.errors import CommandError, UsageError
from cli.report.summary import Summary
from cli.send.send_request import Order, Survey
from cli.settings import LedgerAddress, SendSettings
from cli.tracking.event_reader import Follower, open_follower
from cli.tracking.intake_position import Intake
from cli.tracking.result_tally import Roll
from cli.tracking.wait import Attempt, follow, follow_to_end, late
from cli.tracking.watch import watch
from core.request_parts import choose_lane, intake_topic

Partitions = Mapping[str, list[int]]


async def publish_only(order: Order, found: Survey, settings: SendSettings) -> None:
    """Publish, and leave it to `report` to say what became of it."""
    with answering(settings):
        await known_topics(settings, _intake(found, settings))
        await _publish(order, found, settings, Published())


async def publish_and_follow(
    order: Order,
    found: Survey,
    settings: SendSettings,
    console: Console,
    *,
    timeout: float | None,
) -> Summary:
    """Publish, follow the events to the end, and return the roll call."""
    with answering(settings):
        topics = await known_topics(settings, _intake(found, settings), order.body.reply_topic)
        async with open_follower(settings, topics, from_start=order.repeated) as follower:
            attempt = _attempt(order, found, settings, follower)
            with going_on(f"repeat with --request-id {order.request_id}"):
                return await follow_to_end(follower, attempt, console, timeout=timeout)


async def publish_and_watch(  # noqa: PLR0913  # as above, and the ledger
    order: Order,
    found: Survey,
    settings: SendSettings,
    address: LedgerAddress,
    console: Console,
    *,
    timeout: float | None,
) -> Summary:
    """Publish what may have been published before, and take the roll call from the ledger.

    Of what was taken up earlier nothing is reported again, and its events may be gone from their topic by now. Events
    are followed only until no refusal can come any more.
    """
    end = time.monotonic() + timeout if timeout else None
    with answering(settings):
        topics = await known_topics(settings, _intake(found, settings))
        async with (
            open_ledger(address) as ledger,
            open_follower(settings, topics, from_start=False) as follower,
        ):
            attempt = replace(_attempt(order, found, settings, follower), only_intake=True)
            with going_on(f"repeat with --request-id {order.request_id}"):
                followed = await follow(follower, attempt, console, timeout=timeout)
            if not followed:
                summary = attempt.roll.summary()
                return replace(summary, notes=(*summary.notes, late(timeout)))
            left = max(end - time.monotonic(), 0.1) if end else None
            summary = await watch(ledger, console, order.tenant_id, order.request_id, timeout=left)
    if summary.accounted and summary.total != found.recipients:
        note = f"{found.recipients:,} recipients were sent, the ledger has {summary.total:,}"
        return replace(summary, accounted=False, notes=(*summary.notes, note))
    return summary


@contextmanager
def going_on(repeat: str) -> Iterator[None]:
    """Kafka's silence ends the following, not the request; how to follow it again is said."""
    try:
        yield
    except (KafkaError, OSError, TimeoutError) as error:
        raise CommandError(
            f"ROLLCALL_KAFKA_BOOTSTRAP: Kafka does not answer ({type(error).__name__}), its events cannot be followed; "
            f"what is published goes on without this command, {repeat}"
        ) from None


def _attempt(order: Order, found: Survey, settings: SendSettings, follower: Follower) -> Attempt:
    """Begin to publish."""
    published = Published()
    publishing = asyncio.create_task(_publish(order, found, settings, published))
    roll = Roll(order.request_id, order.tenant_id, found.recipients)
    return Attempt(roll, publishing, Intake(settings, follower, published).settled)


async def known_topics(settings: SendSettings, intake: str | None, reply_topic: str | None = None) -> Partitions:
    """The topics that events of a request come on; raises CommandError where one that is needed is missing.

    A refused request is reported on the default topic, whatever reply topic it names.
    """
    async with open_admin(settings) as admin:
        known = await partitions_of_topics(admin)
    require_topics(known, {settings.topics.results, *filter(None, [intake])})
    if reply_topic is not None and reply_topic not in known:
        raise UsageError(f"--reply-topic: Kafka has no topic {reply_topic}")
    return {name: known[name] for name in filter(None, [settings.topics.results, reply_topic])}


def _intake(found: Survey, settings: SendSettings) -> str:
    return intake_topic(settings.topics, choose_lane(found.first, settings.chunk_size))


async def _publish(order: Order, found: Survey, settings: SendSettings, published: Published) -> None:
    """Publish all parts; what was published before an error is said with it."""
    try:
        async with open_publisher(settings) as producer:
            await publish(producer, _intake(found, settings), order.parts(), published)
    except (KafkaError, OSError, TimeoutError) as error:
        why = f"ROLLCALL_KAFKA_BOOTSTRAP: Kafka does not answer ({type(error).__name__})"
        raise CommandError(_so_far(why, order, found, published)) from None
    except CommandError as error:
        raise CommandError(_so_far(f"the file has changed: {error}", order, found, published)) from None


def _so_far(why: str, order: Order, found: Survey, published: Published) -> str:
    return (
        f"{why}; {published.recipients:,} of {found.recipients:,} recipients were published for certain, "
        f"repeat with --request-id {order.request_id}"
    )
