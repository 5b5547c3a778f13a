"""`send` through Kafka: publish the parts, follow the result events."""

import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from aiokafka.errors import KafkaError
from rich.console import Console

from cli.clients.kafka_client import kafka_errors, open_admin, partitions_of_topics, require_topics
from cli.clients.ledger_client import open_ledger
from cli.clients.record_publisher import PublishProgress, open_publisher, publish
from cli.errors import CommandError, UsageError
from cli.report.summary import Summary
from cli.send.send_request import FileSummary, SendRequest
from cli.settings import LedgerAddress, SendSettings
from cli.tracking.event_reader import ResultEventReader, open_follower
from cli.tracking.intake_position import IntakePosition
from cli.tracking.result_tally import ResultTally
from cli.tracking.wait import SendAttempt, follow, follow_to_end, timeout_note
from cli.tracking.watch import watch
from core.request_parts import choose_lane, intake_topic

Partitions = Mapping[str, list[int]]


async def publish_only(order: SendRequest, found: FileSummary, settings: SendSettings) -> None:
    """Publish, and leave it to `report` to say what became of it."""
    with kafka_errors(settings):
        await known_topics(settings, _intake(found, settings))
        await _publish(order, found, settings, PublishProgress())


async def publish_and_follow(
    order: SendRequest,
    found: FileSummary,
    settings: SendSettings,
    console: Console,
    *,
    timeout: float | None,
) -> Summary:
    """Publish, follow the events to the end, and return the roll call."""
    with kafka_errors(settings):
        topics = await known_topics(settings, _intake(found, settings), order.body.reply_topic)
        async with open_follower(settings, topics, from_start=order.repeated) as follower:
            attempt = _attempt(order, found, settings, follower)
            with kafka_errors_while_following(f"repeat with --request-id {order.request_id}"):
                return await follow_to_end(follower, attempt, console, timeout=timeout)


async def publish_and_watch(  # noqa: PLR0913  # as above, and the ledger
    order: SendRequest,
    found: FileSummary,
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
    with kafka_errors(settings):
        topics = await known_topics(settings, _intake(found, settings))
        async with (
            open_ledger(address) as ledger,
            open_follower(settings, topics, from_start=False) as follower,
        ):
            attempt = replace(_attempt(order, found, settings, follower), only_intake=True)
            with kafka_errors_while_following(f"repeat with --request-id {order.request_id}"):
                followed = await follow(follower, attempt, console, timeout=timeout)
            if not followed:
                summary = attempt.roll.summary()
                return replace(summary, notes=(*summary.notes, timeout_note(timeout)))
            left = max(end - time.monotonic(), 0.1) if end else None
            summary = await watch(ledger, console, order.tenant_id, order.request_id, timeout=left)
    if summary.accounted and summary.total != found.recipients:
        note = f"{found.recipients:,} recipients were sent, the ledger has {summary.total:,}"
        return replace(summary, accounted=False, notes=(*summary.notes, note))
    return summary


@contextmanager
def kafka_errors_while_following(repeat: str) -> Iterator[None]:
    """Kafka's silence ends the following, not the request; how to follow it again is said."""
    try:
        yield
    except (KafkaError, OSError, TimeoutError) as error:
        raise CommandError(
            f"ROLLCALL_KAFKA_BOOTSTRAP: Kafka does not answer ({type(error).__name__}), its events cannot be followed; "
            f"what is published goes on without this command, {repeat}"
        ) from None


def _attempt(
    order: SendRequest, found: FileSummary, settings: SendSettings, follower: ResultEventReader
) -> SendAttempt:
    """Begin to publish."""
    published = PublishProgress()
    publishing = asyncio.create_task(_publish(order, found, settings, published))
    roll = ResultTally(order.request_id, order.tenant_id, found.recipients)
    return SendAttempt(roll, publishing, IntakePosition(settings, follower, published).is_consumed)


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


def _intake(found: FileSummary, settings: SendSettings) -> str:
    return intake_topic(settings.topics, choose_lane(found.first, settings.chunk_size))


async def _publish(order: SendRequest, found: FileSummary, settings: SendSettings, published: PublishProgress) -> None:
    """Publish all parts; what was published before an error is said with it."""
    try:
        async with open_publisher(settings) as producer:
            await publish(producer, _intake(found, settings), order.parts(), published)
    except (KafkaError, OSError, TimeoutError) as error:
        why = f"ROLLCALL_KAFKA_BOOTSTRAP: Kafka does not answer ({type(error).__name__})"
        raise CommandError(_so_far(why, order, found, published)) from None
    except CommandError as error:
        raise CommandError(_so_far(f"the file has changed: {error}", order, found, published)) from None


def _so_far(why: str, order: SendRequest, found: FileSummary, published: PublishProgress) -> str:
    return (
        f"{why}; {published.recipients:,} of {found.recipients:,} recipients were published for certain, "
        f"repeat with --request-id {order.request_id}"
    )
