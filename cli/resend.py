"""What `resend` does: choose, say so, publish, follow, call the roll."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import typer
from aiokafka.errors import KafkaError
from pydantic import TypeAdapter, ValidationError
from rich.console import Console

from cli import event_loop as loop
from cli.clients.kafka_client import kafka_errors
from cli.clients.ledger_client import open_ledger
from cli.clients.record_publisher import PublishProgress, open_publisher, publish
from cli.console import open_console, program
from cli.errors import CommandError, UsageError
from cli.report.print_summary import print_roll_call
from cli.report.report import known_request
from cli.report.summary import Summary
from cli.send.over_kafka import kafka_errors_while_following, known_topics
from cli.settings import LedgerAddress, SealingSettings, SendSettings, load
from cli.tracking.event_reader import open_follower
from cli.tracking.intake_position import IntakePosition
from cli.tracking.result_tally import ResultTally
from cli.tracking.wait import SendAttempt, follow, timeout_note
from cli.tracking.watch import watch
from core.request_parts import EncodedPart, choose_lane, intake_topic
from ledger.errors import SealingError
from ledger.ports import Ledger
from ledger.resend_selection import ResendError, ResendSelection, resend_parts, select_deliveries
from ledger.sealing import Sealer
from schemas.requests import RequestId
from schemas.statuses import Status


@dataclass(frozen=True, slots=True)
class ResendOptions:
    """The options of `resend`."""

    request: str
    tenant: str
    status: Status
    expires_at: datetime | None = None
    request_id: str | None = None
    yes: bool = False
    dry_run: bool = False
    timeout_seconds: float | None = None


def run(wanted: ResendOptions) -> Summary | None:
    """Send again; the answer is the roll call that was printed, or None where nothing was sent. Raises CommandError."""
    if wanted.request_id is not None:
        try:
            TypeAdapter(RequestId).validate_python(wanted.request_id)
        except ValidationError:
            raise UsageError(
                "--request-id: has other signs than letters, digits and ._:@~+=-, or is too long"
            ) from None
    address, sealer, settings = load(LedgerAddress), load(SealingSettings).sealer, load(SendSettings)
    console = open_console()
    try:
        return loop.run(_run(wanted, address, sealer, settings, console))
    except KeyboardInterrupt:
        typer.echo("interrupted; what is published goes on without this command: repeat it to follow", err=True)
        raise


async def _run(
    wanted: ResendOptions, address: LedgerAddress, sealer: Sealer, settings: SendSettings, console: Console
) -> Summary | None:
    async with open_ledger(address) as ledger:
        resend = await prepare(ledger, sealer, wanted, console)
        if resend is None or wanted.dry_run:
            return None
        _ask(wanted)
        if resend.chosen.already_expanded:
            summary = await watch(
                ledger, console, wanted.tenant, resend.chosen.request_id, timeout=wanted.timeout_seconds
            )
        else:
            with kafka_errors(settings):
                summary = await _published(ledger, resend, wanted, settings, console)
    print_roll_call(console, summary, hint=f"{program()} report {resend.chosen.request_id} --tenant {wanted.tenant}")
    return summary


@dataclass(frozen=True, slots=True)
class Resend:
    """A choice that can be published: every part of it was made once."""

    ledger: Ledger
    sealer: Sealer
    chosen: ResendSelection
    accepted_at: datetime
    expires_at: datetime | None
    first: EncodedPart

    def parts(self) -> AsyncIterator[EncodedPart]:
        """Its records."""
        return resend_parts(
            self.ledger, self.sealer, self.chosen, accepted_at=self.accepted_at, expires_at=self.expires_at
        )


async def prepare(ledger: Ledger, sealer: Sealer, wanted: ResendOptions, console: Console) -> Resend | None:
    """Choose, and say what was chosen; None where there is nothing to send. Raises CommandError."""
    old = await known_request(ledger, wanted.tenant, wanted.request)
    try:
        chosen = await select_deliveries(ledger, old, wanted.status, wanted.request_id)
        await _say(ledger, chosen, wanted, console)
        if not chosen.places:
            return None
        expires_at = _expiry(chosen, wanted, ledger.now())
        now = datetime.now(UTC)
        parts = resend_parts(ledger, sealer, chosen, accepted_at=now, expires_at=expires_at)
        first = await _first(parts)
    except ResendError as error:
        raise CommandError(f"request {wanted.request}: {error}") from None
    except SealingError as error:
        raise CommandError(
            f"ROLLCALL_SEALING_KEYS: {error}; put the key that it was sealed with behind the newest"
        ) from None
    return Resend(ledger, sealer, chosen, now, expires_at, first)


async def _first(parts: AsyncIterator[EncodedPart]) -> EncodedPart:
    """The first part. All of them are made, so that what is wrong is said before anything is published."""
    first = await anext(parts)
    async for _ in parts:
        pass
    return first


def _expiry(chosen: ResendSelection, wanted: ResendOptions, now: datetime) -> datetime | None:
    """When the new request expires: then when the old one does, unless that is over or another moment is given."""
    if wanted.expires_at is not None:
        return wanted.expires_at
    own = chosen.old.header.expires_at
    if own is not None and own <= now and not chosen.already_expanded:
        raise UsageError(f"--expires-at: is needed, for the request's own time was over at {own:%Y-%m-%d %H:%M:%S} UTC")
    return own


async def _say(ledger: Ledger, chosen: ResendSelection, wanted: ResendOptions, console: Console) -> None:
    """What was chosen, and what was not."""
    old, status = wanted.request, wanted.status.value
    for reason, number in sorted(chosen.not_resendable.items()):
        console.print(f"{number:,} {status} with {reason.value} left out: the same would fail again", soft_wrap=True)
    known = await ledger.requests.get_many(list(chosen.already_resent))
    for key, number in chosen.already_resent.items():
        other = known[key].header.request_id if key in known else "deleted since"
        console.print(f"{number:,} {status} left out: sent again by an earlier resend ({other})", soft_wrap=True)
    if not chosen.places:
        console.print(f"nothing {status} is left to send again of request {old}", soft_wrap=True)
        return
    console.print(f"request {chosen.request_id}", soft_wrap=True)
    many = "delivery" if len(chosen.places) == 1 else "deliveries"
    console.print(f"repeats {len(chosen.places):,} {status} {many} of request {old}", soft_wrap=True)


def _ask(wanted: ResendOptions) -> None:
    """Let a person agree; raises UsageError where there is none to be asked."""
    if wanted.yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("--yes: is needed where nobody can be asked")
    typer.confirm("send them again?", abort=True)


async def _published(
    ledger: Ledger, resend: Resend, wanted: ResendOptions, settings: SendSettings, console: Console
) -> Summary:
    """Publish, follow the events until no refusal can come any more, and the rest in the ledger."""
    end = time.monotonic() + wanted.timeout_seconds if wanted.timeout_seconds else None
    name, expected = resend.chosen.request_id, len(resend.chosen.places)
    topic = intake_topic(settings.topics, choose_lane(resend.first, settings.chunk_size))
    topics = await known_topics(settings, topic)
    async with open_follower(settings, topics, from_start=False) as follower:
        published = PublishProgress()
        publishing = asyncio.create_task(_publish(resend, topic, settings, published))
        roll = ResultTally(name, wanted.tenant, expected)
        attempt = SendAttempt(
            roll, publishing, IntakePosition(settings, follower, published).is_consumed, only_intake=True
        )
        with kafka_errors_while_following("repeat the same command"):
            in_time = await follow(follower, attempt, console, timeout=wanted.timeout_seconds)
        if not in_time:
            summary = attempt.roll.summary()
            return replace(summary, notes=(*summary.notes, timeout_note(wanted.timeout_seconds)))
    left = max(end - time.monotonic(), 0.1) if end else None
    return await watch(ledger, console, wanted.tenant, name, timeout=left)


async def _publish(resend: Resend, topic: str, settings: SendSettings, published: PublishProgress) -> None:
    """Publish all parts; an error says that the command may be repeated."""
    try:
        async with open_publisher(settings) as producer:
            async for part in resend.parts():
                await publish(producer, topic, [part], published)
    except ResendError as error:
        raise CommandError(
            f"request {resend.chosen.old.header.request_id}: {error}; {_so_far(resend, published)}"
        ) from None
    except (KafkaError, OSError, TimeoutError) as error:
        raise CommandError(
            f"ROLLCALL_KAFKA_BOOTSTRAP: Kafka does not answer ({type(error).__name__}); {_so_far(resend, published)}, "
            "repeat the same command"
        ) from None


def _so_far(resend: Resend, published: PublishProgress) -> str:
    many = len(resend.chosen.places)
    return f"{published.recipients:,} of {many:,} deliveries were published for certain"
