"""`send` through Kafka: publication of the parts, and following of the result events."""

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
from cli.errors import CommandError, UsageError, sentence
from cli.plain_output import continues_note
from cli.report.summary import Summary
from cli.send.send_request import FileSummary, SendRequest
from cli.settings import LedgerAddress, SendSettings
from cli.tracking.event_reader import ResultEventReader, open_event_reader
from cli.tracking.follow_events import SendAttempt, follow, follow_to_end, timeout_note
from cli.tracking.intake_position import IntakePosition
from cli.tracking.result_tally import ResultTally
from cli.tracking.watch_ledger import watch
from core.request_parts import choose_lane, intake_topic

Partitions = Mapping[str, list[int]]


async def publish_only(request: SendRequest, summary: FileSummary, settings: SendSettings) -> None:
    """Publish without following the request. `rollcall report` shows the result later."""
    with kafka_errors(settings):
        await result_topics(settings, _intake_topic(summary, settings))
        await _publish(request, summary, settings, PublishProgress())


async def publish_and_follow(
    request: SendRequest,
    file_summary: FileSummary,
    settings: SendSettings,
    console: Console,
    *,
    timeout: float | None,
) -> Summary:
    """Publish, follow the events to the end, and return the roll call."""
    with kafka_errors(settings):
        topics = await result_topics(settings, _intake_topic(file_summary, settings), request.body.reply_topic)
        async with open_event_reader(settings, topics, from_start=request.repeated) as reader:
            attempt = _start_attempt(request, file_summary, settings, reader)
            with kafka_errors_while_following(attempt.tally, _repeat(request)):
                return await follow_to_end(reader, attempt, console, timeout=timeout)


async def publish_and_watch(  # noqa: PLR0913  # as publish_and_follow, and the ledger
    request: SendRequest,
    file_summary: FileSummary,
    settings: SendSettings,
    address: LedgerAddress,
    console: Console,
    *,
    timeout: float | None,
) -> Summary:
    """Publish a request that may have been published before, and return the roll call from the ledger.

    Consumers do not repeat the events of an earlier attempt, and Kafka may have deleted them. Events are followed only
    until a rejection is no longer possible.
    """
    begun = time.monotonic()
    with kafka_errors(settings):
        topics = await result_topics(settings, _intake_topic(file_summary, settings))
        async with (
            open_ledger(address) as ledger,
            open_event_reader(settings, topics, from_start=False) as reader,
        ):
            attempt = replace(_start_attempt(request, file_summary, settings, reader), only_intake=True)
            with kafka_errors_while_following(attempt.tally, _repeat(request)):
                in_time = await follow(reader, attempt, console, timeout=timeout)
            if not in_time:
                summary = attempt.tally.summary()
                return replace(summary, notes=(*summary.notes, timeout_note(timeout)))
            spent = time.monotonic() - begun
            summary = await watch(
                ledger, console, request.tenant_id, request.request_id, timeout=timeout, spent_seconds=spent
            )
    if summary.accounted and summary.total != file_summary.recipients:
        note = f"{file_summary.recipients:,} recipients were published, but the ledger has {summary.total:,}"
        return replace(summary, accounted=False, notes=(*summary.notes, note))
    return summary


@contextmanager
def kafka_errors_while_following(tally: ResultTally, repeat: str = "") -> Iterator[None]:
    """Turn Kafka's errors into one line. They end this command but not the request.

    `repeat` says how to publish the rest, for a command that may still have been publishing.
    """
    rest = f" If it was not published completely, {repeat}." if repeat else ""
    try:
        yield
    except (KafkaError, OSError, TimeoutError) as error:
        raise CommandError(
            f"ROLLCALL_KAFKA_BOOTSTRAP: Kafka does not answer ({type(error).__name__}), so events cannot be followed. "
            f"{continues_note(tally.request_id, tally.tenant_id)}{rest}"
        ) from None


def _start_attempt(
    request: SendRequest, file_summary: FileSummary, settings: SendSettings, reader: ResultEventReader
) -> SendAttempt:
    """Start to publish in the background."""
    progress = PublishProgress()
    publishing = asyncio.create_task(_publish(request, file_summary, settings, progress))
    tally = ResultTally(request.request_id, request.tenant_id, file_summary.recipients)
    return SendAttempt(tally, publishing, IntakePosition(settings, reader, progress).is_consumed)


async def result_topics(settings: SendSettings, intake: str | None, reply_topic: str | None = None) -> Partitions:
    """Return the topics with the events of a request. Raises CommandError if a required topic is missing.

    The rejection of a request is published on the default topic, even if the request names a reply topic.
    """
    async with open_admin(settings) as admin:
        partitions = await partitions_of_topics(admin)
    require_topics(partitions, {settings.topics.results, *filter(None, [intake])})
    if reply_topic is not None and reply_topic not in partitions:
        raise UsageError(f"--reply-topic: topic {reply_topic} was not found in Kafka.")
    return {name: partitions[name] for name in filter(None, [settings.topics.results, reply_topic])}


def _intake_topic(file_summary: FileSummary, settings: SendSettings) -> str:
    return intake_topic(settings.topics, choose_lane(file_summary.first, settings.chunk_size))


async def _publish(
    request: SendRequest, file_summary: FileSummary, settings: SendSettings, progress: PublishProgress
) -> None:
    """Publish all parts. An error tells how many recipients were published before it."""
    try:
        async with open_publisher(settings) as producer:
            await publish(producer, _intake_topic(file_summary, settings), request.parts(), progress)
    except (KafkaError, OSError, TimeoutError) as error:
        problem = f"ROLLCALL_KAFKA_BOOTSTRAP: Kafka does not answer ({type(error).__name__})."
        raise CommandError(f"{problem} {_published_note(request, file_summary, progress)}") from None
    except CommandError as error:
        problem = f"The file has changed: {sentence(error)}"
        raise CommandError(f"{problem} {_published_note(request, file_summary, progress)}") from None


def _published_note(request: SendRequest, file_summary: FileSummary, progress: PublishProgress) -> str:
    return (
        f"At least {progress.recipients:,} of {file_summary.recipients:,} recipients were published. "
        f"To publish the rest, {_repeat(request)}."
    )


def _repeat(request: SendRequest) -> str:
    return f"repeat the command with --request-id {request.request_id}"
