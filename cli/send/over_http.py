"""`send` through the HTTP service: the whole file in one call, then the result events as they come over Kafka."""

import asyncio
from dataclasses import dataclass

from rich.console import Console

from cli.clients.bulk_endpoint import HttpAnswer, post
from cli.clients.kafka_client import kafka_errors
from cli.clients.ledger_client import open_ledger
from cli.report.summary import Summary
from cli.send.over_kafka import known_topics
from cli.settings import LedgerAddress, SendSettings
from cli.tracking.event_reader import open_follower
from cli.tracking.result_tally import ResultTally
from cli.tracking.wait import SendAttempt, follow_to_end
from cli.tracking.watch import watch


@dataclass(frozen=True, slots=True, repr=False)
class HttpSend:
    """A call that is ready to be made. No repr: it holds addresses and a token."""

    url: str
    token: str
    body: bytes
    request_id: str | None
    reply_topic: str | None


async def post_only(call: HttpSend, console: Console) -> HttpAnswer:
    """Make the call and say which request it became."""
    answered = await post(call.url, call.token, call.body, call.request_id)
    console.print(f"request {answered.request_id}")
    console.print(f"{answered.total:,} recipients taken by the service")
    return answered


async def post_and_follow(
    call: HttpSend,
    settings: SendSettings,
    console: Console,
    *,
    timeout: float | None,
) -> tuple[HttpAnswer, Summary]:
    """Make the call, follow the events to the end, and return the roll call."""
    with kafka_errors(settings):
        topics = await known_topics(settings, None, call.reply_topic)
        async with open_follower(settings, topics, from_start=call.request_id is not None) as follower:
            answered = await post_only(call, console)
            roll = ResultTally(answered.request_id, answered.tenant_id, answered.total)
            attempt = SendAttempt(roll, asyncio.create_task(_done()), _settled)
            return answered, await follow_to_end(follower, attempt, console, timeout=timeout)


async def post_and_watch(
    call: HttpSend, address: LedgerAddress, console: Console, *, timeout: float | None
) -> tuple[HttpAnswer, Summary]:
    """Make a call that may have been made before, and take the roll call from the ledger: events may be gone by now."""
    async with open_ledger(address) as ledger:
        answered = await post_only(call, console)
        return answered, await watch(ledger, console, answered.tenant_id, answered.request_id, timeout=timeout)


async def _done() -> None:
    """The publishing: the service has done it before it answered."""


async def _settled() -> bool:
    """Nothing to wait for: where the record stands in Kafka is the service's secret.

    So a repeat of an id with another body may be told the first one's completion before its refusal comes.
    """
    return True
