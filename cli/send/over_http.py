"""`send` through the HTTP service: the whole file in one call, then the result events from Kafka."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console

from cli.clients.bulk_endpoint import CallRefused, HttpAnswer, post
from cli.clients.kafka_client import kafka_errors
from cli.clients.ledger_client import open_ledger
from cli.errors import CommandError
from cli.recipients_file.open_file import Source
from cli.report.file_lines import FileLines
from cli.report.summary import Summary
from cli.send.over_kafka import kafka_errors_while_following, result_topics
from cli.settings import LedgerAddress, SendSettings
from cli.tracking.event_reader import open_event_reader
from cli.tracking.follow_events import SendAttempt, follow_to_end
from cli.tracking.result_tally import ResultTally
from cli.tracking.watch_ledger import watch


@dataclass(frozen=True, slots=True, repr=False)
class HttpSend:
    """A prepared call. Without a repr, because it holds addresses and a token."""

    url: str
    token: str
    body: bytes
    request_id: str | None
    reply_topic: str | None


@contextmanager
def errors_with_line(source: Source) -> Iterator[None]:
    """Name the line of the recipient that the service does not accept."""
    try:
        yield
    except CallRefused as error:
        line = FileLines(source, ()).line(0, error.recipient) if error.recipient is not None else None
        raise CommandError(f"{source.name}, line {line}: {error}" if line else str(error)) from None


async def post_only(call: HttpSend, console: Console) -> HttpAnswer:
    """Make the call, and print the id of the request."""
    answer = await post(call.url, call.token, call.body, call.request_id)
    console.print(f"request {answer.request_id}")
    many = "recipient" if answer.total == 1 else "recipients"
    console.print(f"{answer.total:,} {many} accepted by the service")
    return answer


async def post_and_follow(
    call: HttpSend,
    settings: SendSettings,
    console: Console,
    *,
    timeout: float | None,
) -> tuple[HttpAnswer, Summary]:
    """Make the call, follow the events to the end, and return the answer and the roll call."""
    with kafka_errors(settings):
        topics = await result_topics(settings, None, call.reply_topic)
        async with open_event_reader(settings, topics, from_start=call.request_id is not None) as reader:
            answer = await post_only(call, console)
            tally = ResultTally(answer.request_id, answer.tenant_id, answer.total)
            attempt = SendAttempt(tally, asyncio.create_task(_already_published()), _no_more_rejections)
            with kafka_errors_while_following(tally):
                return answer, await follow_to_end(reader, attempt, console, timeout=timeout)


async def post_and_watch(
    call: HttpSend, address: LedgerAddress, console: Console, *, timeout: float | None
) -> tuple[HttpAnswer, Summary]:
    """Make a call that may have been made before, and return the answer and the roll call from the ledger.

    The events of an earlier call may have been deleted from their topic.
    """
    async with open_ledger(address) as ledger:
        answer = await post_only(call, console)
        return answer, await watch(ledger, console, answer.tenant_id, answer.request_id, timeout=timeout)


async def _already_published() -> None:
    """Do nothing, because the service published the request before it answered."""


async def _no_more_rejections() -> bool:
    """Return True, because the service does not tell the position of its record in Kafka.

    If the id is repeated with another body, the roll call may therefore show the completion of the first request.
    The rejection of the second one then arrives later.
    """
    return True
