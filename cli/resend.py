"""Steps of `resend`: select deliveries, confirm, publish, follow, and print the roll call."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

import typer
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from pydantic import TypeAdapter, ValidationError
from rich.console import Console

from cli import event_loop as loop
from cli.clients.kafka_client import kafka_errors
from cli.clients.ledger_client import open_ledger
from cli.clients.record_publisher import PublishProgress, open_publisher, publish
from cli.console import open_console
from cli.errors import CommandError, UsageError, sealing_error, sentence
from cli.plain_output import print_error, program_name
from cli.report.print_summary import print_roll_call
from cli.report.report import require_request
from cli.report.summary import Summary
from cli.send.over_kafka import kafka_errors_while_following, result_topics
from cli.settings import LedgerAddress, SealingSettings, SendSettings, load
from cli.tracking.event_reader import open_event_reader
from cli.tracking.follow_events import SendAttempt, follow, timeout_note
from cli.tracking.intake_position import IntakePosition
from cli.tracking.result_tally import ResultTally
from cli.tracking.watch_ledger import watch
from core.request_parts import EncodedPart, choose_lane, intake_topic
from ledger.errors import SealingError
from ledger.ports import Ledger
from ledger.resend_selection import ResendError, ResendSelection, resend_parts, select_deliveries
from ledger.sealing import Sealer
from schemas.requests import RequestId
from schemas.statuses import Status


@dataclass(frozen=True, slots=True)
class ResendOptions:
    """Options of `resend`."""

    request: str
    tenant: str
    status: Status
    expires_at: datetime | None = None
    request_id: str | None = None
    yes: bool = False
    dry_run: bool = False
    timeout_seconds: float | None = None


def run(options: ResendOptions) -> Summary | None:
    """Send the deliveries again and print the roll call. Raises CommandError.

    Returns the roll call, or None if nothing was sent.
    """
    if options.request_id is not None:
        try:
            TypeAdapter(RequestId).validate_python(options.request_id)
        except ValidationError:
            raise UsageError(
                "--request-id: must contain only letters, digits and ._:@~+=- and must not be too long."
            ) from None
    address, sealer, settings = load(LedgerAddress), load(SealingSettings).sealer, load(SendSettings)
    console = open_console()
    try:
        return loop.run(_run(options, address, sealer, settings, console))
    except KeyboardInterrupt:
        print_error("interrupted: the published deliveries continue. To follow them, repeat the command.")
        raise


async def _run(
    options: ResendOptions, address: LedgerAddress, sealer: Sealer, settings: SendSettings, console: Console
) -> Summary | None:
    async with open_ledger(address) as ledger:
        resend = await prepare(ledger, sealer, options, console)
        if resend is None or options.dry_run:
            return None
        _confirm(options)
        if resend.selection.already_expanded:
            summary = await watch(
                ledger, console, options.tenant, resend.selection.request_id, timeout=options.timeout_seconds
            )
        else:
            with kafka_errors(settings):
                summary = await _publish_and_watch(ledger, resend, options, settings, console)
    print_roll_call(
        console, summary, hint=f"{program_name()} report {resend.selection.request_id} --tenant {options.tenant}"
    )
    return summary


@dataclass(frozen=True, slots=True)
class Resend:
    """A selection that can be published. Every part of it was encoded once as a check."""

    ledger: Ledger
    sealer: Sealer
    selection: ResendSelection
    accepted_at: datetime
    expires_at: datetime | None
    first: EncodedPart

    def parts(self) -> AsyncIterator[EncodedPart]:
        """Yield the records to publish."""
        return resend_parts(
            self.ledger, self.sealer, self.selection, accepted_at=self.accepted_at, expires_at=self.expires_at
        )


async def prepare(ledger: Ledger, sealer: Sealer, options: ResendOptions, console: Console) -> Resend | None:
    """Select the deliveries and print the selection. Return None if there is nothing to send. Raises CommandError."""
    old = await require_request(ledger, options.tenant, options.request)
    try:
        selection = await select_deliveries(ledger, old, options.status, options.request_id)
        await _print_selection(ledger, selection, options, console)
        if not selection.places:
            return None
        expires_at = _expiry(selection, options, ledger.now())
        now = datetime.now(UTC)
        parts = resend_parts(ledger, sealer, selection, accepted_at=now, expires_at=expires_at)
        first = await _make_all_parts(parts)
    except ResendError as error:
        raise CommandError(f"request {options.request}: {sentence(error)}") from None
    except SealingError as error:
        raise sealing_error(error) from None
    return Resend(ledger, sealer, selection, now, expires_at, first)


async def _make_all_parts(parts: AsyncIterator[EncodedPart]) -> EncodedPart:
    """Encode all parts and return the first one, so that errors are reported before anything is published."""
    first = await anext(parts)
    async for _ in parts:
        pass
    return first


def _expiry(selection: ResendSelection, options: ResendOptions, now: datetime) -> datetime | None:
    """Return the expiry of the new request: the given time, or that of the old request. Raises UsageError."""
    if options.expires_at is not None:
        return options.expires_at
    old_expiry = selection.old.header.expires_at
    if old_expiry is not None and old_expiry <= now and not selection.already_expanded:
        raise UsageError(
            f"--expires-at: is required, because the request expired at {old_expiry:%Y-%m-%d %H:%M:%S} UTC."
        )
    return old_expiry


async def _print_selection(
    ledger: Ledger, selection: ResendSelection, options: ResendOptions, console: Console
) -> None:
    """Print which deliveries are selected, and which are left out and why."""
    old, status = options.request, options.status.value
    for reason, number in sorted(selection.not_resendable.items()):
        console.print(f"{number:,} {status} with {reason.value} left out: they would fail again", soft_wrap=True)
    other_requests = await ledger.requests.get_many(list(selection.already_resent))
    for key, number in selection.already_resent.items():
        other = (
            f"request {other_requests[key].header.request_id}"
            if key in other_requests
            else "a request that was deleted since"
        )
        console.print(f"{number:,} {status} left out: already resent by {other}", soft_wrap=True)
    if not selection.places:
        console.print(f"nothing left to resend: request {old} has no other {status} deliveries", soft_wrap=True)
        return
    console.print(f"request {selection.request_id}", soft_wrap=True)
    many = "delivery" if len(selection.places) == 1 else "deliveries"
    console.print(f"repeats {len(selection.places):,} {status} {many} of request {old}", soft_wrap=True)


def _confirm(options: ResendOptions) -> None:
    """Ask for confirmation. Raises UsageError if standard input is not a terminal."""
    if options.yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("--yes: is required without a terminal to confirm on. Add --yes.")
    typer.confirm("send them again?", abort=True)


async def _publish_and_watch(
    ledger: Ledger, resend: Resend, options: ResendOptions, settings: SendSettings, console: Console
) -> Summary:
    """Publish, follow the events until a rejection is no longer possible, and then follow the ledger."""
    end = time.monotonic() + options.timeout_seconds if options.timeout_seconds else None
    name, expected = resend.selection.request_id, len(resend.selection.places)
    topic = intake_topic(settings.topics, choose_lane(resend.first, settings.chunk_size))
    topics = await result_topics(settings, topic)
    async with open_event_reader(settings, topics, from_start=False) as reader:
        progress = PublishProgress()
        publishing = asyncio.create_task(publish_parts(resend, topic, partial(open_publisher, settings), progress))
        tally = ResultTally(name, options.tenant, expected)
        attempt = SendAttempt(
            tally, publishing, IntakePosition(settings, reader, progress).is_consumed, only_intake=True
        )
        with kafka_errors_while_following(tally, "repeat the same command"):
            in_time = await follow(reader, attempt, console, timeout=options.timeout_seconds)
        if not in_time:
            summary = attempt.tally.summary()
            return replace(summary, notes=(*summary.notes, timeout_note(options.timeout_seconds)))
    seconds_left = max(end - time.monotonic(), 0.1) if end else None
    return await watch(ledger, console, options.tenant, name, timeout=seconds_left)


async def publish_parts(
    resend: Resend,
    topic: str,
    open_producer: Callable[[], AbstractAsyncContextManager[AIOKafkaProducer]],
    progress: PublishProgress,
) -> None:
    """Publish all parts. Errors of Kafka tell the user to repeat the command."""
    try:
        async with open_producer() as producer:
            async for part in resend.parts():
                await publish(producer, topic, [part], progress)
    except ResendError as error:
        raise CommandError(
            f"request {resend.selection.old.header.request_id}: {sentence(error)} {_published_note(resend, progress)}"
        ) from None
    except (KafkaError, OSError, TimeoutError) as error:
        raise CommandError(
            f"ROLLCALL_KAFKA_BOOTSTRAP: Kafka does not answer ({type(error).__name__}). "
            f"{_published_note(resend, progress)} Repeat the same command."
        ) from None


def _published_note(resend: Resend, progress: PublishProgress) -> str:
    total = len(resend.selection.places)
    return f"At least {progress.recipients:,} of {total:,} deliveries were published."
