"""Replay of rejected records to the topic that they came from, with their key and headers."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import orjson
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from rich.console import Console

from cli import event_loop as loop
from cli.clients.kafka_client import KAFKA_TIMEOUT_SECONDS, kafka_errors, with_timeout
from cli.clients.record_publisher import open_publisher
from cli.console import open_console
from cli.dead_letters.reader import DeadLetterEntry, DeadLetterReader, open_dead_letters
from cli.dead_letters.show import check_place, find_dead_letter, open_dead_letter
from cli.errors import CommandError, UnknownDeadLetter, UsageError
from cli.plain_output import printable
from cli.settings import SealingSettings, load
from config.settings import CommonSettings
from ledger.dead_letter_format import OpenedRecord, replay_headers, replay_note_headers
from ledger.sealing import Sealer
from schemas.statuses import RejectionReason
from schemas.topic_definitions import DEAD_LETTER_BYTES, Topics

REPLAYABLE = frozenset(
    {
        RejectionReason.UNPROCESSABLE,
        RejectionReason.UNKNOWN_TEMPLATE,
        RejectionReason.REPLY_TOPIC_REFUSED,
        RejectionReason.UNSUPPORTED_VERSION,
        RejectionReason.INVALID_TIMESTAMP,
    }
)
"""Reasons that can disappear later, such as a missing template. Records with other reasons would be rejected again."""


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """Options of `dead-letters replay`."""

    places: Sequence[str] = ()
    reason: RejectionReason | None = None
    limit: int = 100
    force: bool = False
    dry_run: bool = False

    def check(self) -> None:
        """Raise UsageError if the options contradict each other."""
        if bool(self.places) == (self.reason is not None):
            raise UsageError("PLACES or --reason: exactly one of them is required.")
        for place in self.places:
            check_place(place)
        if self.reason is not None and self.reason not in REPLAYABLE and not self.force:
            raise UsageError(
                f"--reason: records with {self.reason.value} would be rejected again. "
                "Add --force to publish them anyway."
            )


def run(options: ReplayOptions) -> int:
    """Replay the selected records. Return how many could not be published. Raises CommandError."""
    options.check()
    settings, sealer = load(CommonSettings), load(SealingSettings).sealer
    return loop.run(_run(options, settings, sealer, open_console()))


async def _run(options: ReplayOptions, settings: CommonSettings, sealer: Sealer, console: Console) -> int:
    replayed = skipped = 0
    with kafka_errors(settings):
        async with open_dead_letters(settings) as reader, open_publisher(settings, DEAD_LETTER_BYTES) as producer:
            async for entry in _select_dead_letters(reader, options):
                try:
                    opened = open_dead_letter(sealer, entry.sealed)
                    check_replayable(entry, opened, settings.topics, force=options.force)
                except CommandError as error:
                    if options.places:
                        raise
                    console.print(f"{entry.position} skipped: {error}", soft_wrap=True)
                    skipped += 1
                    continue
                await _replay(producer, entry, opened, settings.topics, console, dry_run=options.dry_run)
                replayed += 1
    console.print(f"{replayed:,} {'would be ' if options.dry_run else ''}published again")
    return skipped


async def _select_dead_letters(reader: DeadLetterReader, options: ReplayOptions) -> AsyncIterator[DeadLetterEntry]:
    """Yield the selected dead letters. With a reason, the oldest comes first, so that parts stay in their order."""
    if options.reason is None:
        for place in options.places:
            entry = await find_dead_letter(reader, place)
            if entry is None:
                raise UnknownDeadLetter(place)
            yield entry
        return
    for newest in reversed(await reader.newest(options.limit, options.reason.value)):
        entry = await reader.at(newest.partition, newest.offset)
        if entry is not None:
            yield entry


def check_replayable(entry: DeadLetterEntry, opened: OpenedRecord, topics: Topics, *, force: bool) -> None:
    """Raise CommandError for a record that cannot be published unchanged, or would be rejected again."""
    subject, value = f"dead letter {entry.position}", opened.value
    if entry.reason not in {reason.value for reason in REPLAYABLE} and not force:
        raise CommandError(
            f"{subject}: a record with {entry.reason} would be rejected again. Add --force to publish it anyway."
        )
    if value is None:
        raise CommandError(f"{subject}: the record has no value.")
    if opened.unparsed:
        raise CommandError(f"{subject}: the record {opened.unparsed}. Its raw bytes cannot be published as a record.")
    if opened.cut or not opened.headers_kept:
        raise CommandError(f"{subject}: the record was too large to be stored completely.")
    if opened.place is None and not _has_request_id(value):  # no such consumer read receipts
        raise CommandError(
            f"{subject}: the record has no request_id, and an older consumer did not store its timestamp."
        )
    if origin_topic(entry, opened) not in {*topics.intake, topics.receipts}:
        raise CommandError(
            f"{subject}: the record did not come from an intake topic or the receipts topic of this installation."
        )


def origin_topic(entry: DeadLetterEntry, opened: OpenedRecord) -> str:
    """Return the topic that the record came from. Sealed data takes precedence over the header."""
    return (opened.place or entry.origin).partition("/")[0]


def _has_request_id(value: bytes) -> bool:
    try:
        document = orjson.loads(value)
    except orjson.JSONDecodeError:
        return False
    return isinstance(document, dict) and bool(document.get("request_id"))


async def _replay(  # noqa: PLR0913  # a dead letter, where it goes, and the output
    producer: AIOKafkaProducer,
    entry: DeadLetterEntry,
    opened: OpenedRecord,
    topics: Topics,
    console: Console,
    *,
    dry_run: bool,
) -> None:
    """Publish the record and note that. The note comes last, so that a crash leaves a dead letter without one."""
    line = f"{entry.position} {printable(entry.origin)} {entry.reason}"
    if dry_run:
        console.print(line, soft_wrap=True)
        return
    new_position = await _publish(producer, entry, opened)
    console.print(f"{line} as {new_position}", soft_wrap=True)
    headers = replay_note_headers(entry.position, new_position)
    sending = producer.send_and_wait(
        topics.dead_letters, b"", key=entry.key, partition=entry.partition, headers=headers
    )
    try:
        await with_timeout(KAFKA_TIMEOUT_SECONDS, sending)
    except (KafkaError, TimeoutError) as error:
        console.print(
            f"{entry.position} is listed as not replayed, because {topics.dead_letters} took no note of it "
            f"({type(error).__name__}). The replay itself succeeded.",
            soft_wrap=True,
        )


async def _publish(producer: AIOKafkaProducer, entry: DeadLetterEntry, opened: OpenedRecord) -> str:
    """Publish the record and return its new topic/partition/offset. All replicas acknowledge it."""
    sending = producer.send_and_wait(
        origin_topic(entry, opened), opened.value, key=entry.key, headers=replay_headers(opened)
    )
    metadata = await with_timeout(KAFKA_TIMEOUT_SECONDS, sending)
    return f"{metadata.topic}/{metadata.partition}/{metadata.offset}"
