"""Publishes records from the dead letters again, to the topic that they came from, with their key and headers."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import orjson
from aiokafka import AIOKafkaProducer
from rich.console import Console

from cli import event_loop as loop
from cli.clients.kafka_client import PATIENCE_SECONDS, kafka_errors, with_timeout
from cli.clients.record_publisher import open_publisher
from cli.console import open_console, printable
from cli.dead_letters.reader import DeadLetterEntry, DeadLetterReader, open_dead_letters
from cli.dead_letters.show import check_place, find_letter, open_letter
from cli.errors import CommandError, UnknownDeadLetter, UsageError
from cli.settings import SealingSettings, load
from config.settings import CommonSettings
from ledger.dead_letter_format import OpenedRecord, replay_headers
from ledger.sealing import Sealer
from schemas.statuses import RejectionReason
from schemas.topics import DEAD_LETTER_BYTES, Topics

REPLAYABLE = frozenset(
    {
        RejectionReason.UNPROCESSABLE,
        RejectionReason.UNKNOWN_TEMPLATE,
        RejectionReason.REPLY_TOPIC_REFUSED,
        RejectionReason.UNSUPPORTED_VERSION,
    }
)
"""Why a record was refused that may be taken another time; any other would be refused again."""


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """The options of `dead-letters replay`."""

    places: Sequence[str] = ()
    reason: RejectionReason | None = None
    limit: int = 100
    force: bool = False
    dry_run: bool = False

    def check(self) -> None:
        """Raise UsageError."""
        if bool(self.places) == (self.reason is not None):
            raise UsageError("PLACE: name the letters, or all of one --reason")
        for place in self.places:
            check_place(place)
        if self.reason is not None and self.reason not in REPLAYABLE and not self.force:
            raise UsageError(
                f"--reason: {self.reason.value} would be refused again; --force publishes them all the same"
            )


def run(wanted: ReplayOptions) -> int:
    """Replay; how many could not be. Raises CommandError."""
    wanted.check()
    settings, sealer = load(CommonSettings), load(SealingSettings).sealer
    return loop.run(_run(wanted, settings, sealer, open_console()))


async def _run(wanted: ReplayOptions, settings: CommonSettings, sealer: Sealer, console: Console) -> int:
    replayed = left = 0
    with kafka_errors(settings):
        async with open_dead_letters(settings) as letters, open_publisher(settings, DEAD_LETTER_BYTES) as producer:
            async for letter in _chosen(letters, wanted):
                try:
                    opened = open_letter(sealer, letter.sealed)
                    require_whole(letter, opened, settings.topics, force=wanted.force)
                except CommandError as error:
                    if wanted.places:
                        raise
                    console.print(f"{letter.place} left: {error}", soft_wrap=True)
                    left += 1
                    continue
                stands = "" if wanted.dry_run else f" as {await _publish(producer, letter, opened)}"
                console.print(f"{letter.place} {printable(letter.origin)} {letter.reason}{stands}", soft_wrap=True)
                replayed += 1
    console.print(f"{replayed:,} {'would be ' if wanted.dry_run else ''}published again")
    return left


async def _chosen(letters: DeadLetterReader, wanted: ReplayOptions) -> AsyncIterator[DeadLetterEntry]:
    """The letters, whole, the oldest first: parts of one request stay in their order."""
    if wanted.reason is None:
        for place in wanted.places:
            found = await find_letter(letters, place)
            if found is None:
                raise UnknownDeadLetter(f"no dead letter at {place}; `rollcall dead-letters list` shows the newest")
            yield found
        return
    for one in reversed(await letters.newest(wanted.limit, wanted.reason.value)):
        whole = await letters.at(one.partition, one.offset)
        if whole is not None:
            yield whole


def require_whole(letter: DeadLetterEntry, opened: OpenedRecord, topics: Topics, *, force: bool) -> None:
    """Raise CommandError for a record that cannot be published as it was, or would be refused again."""
    place, value = letter.place, opened.value
    if letter.reason not in {reason.value for reason in REPLAYABLE} and not force:
        raise CommandError(f"letter {place}: {letter.reason} would be refused again; --force publishes it all the same")
    if value is None:
        raise CommandError(f"letter {place}: the record has no value")
    if opened.cut or not opened.headers_kept:
        raise CommandError(f"letter {place}: the record was too large to be kept whole")
    if opened.place is None and not _names_itself(value):
        raise CommandError(f"letter {place}: names no request, and an older consumer did not keep its time")
    if topic_of(letter, opened) not in {topics.requests, topics.requests_express}:
        raise CommandError(f"letter {place}: its record came from no intake topic of this installation")


def topic_of(letter: DeadLetterEntry, opened: OpenedRecord) -> str:
    """Where the record came from; what is sealed counts before what stands on the letter."""
    return (opened.place or letter.origin).partition("/")[0]


def _names_itself(value: bytes) -> bool:
    try:
        said = orjson.loads(value)
    except orjson.JSONDecodeError:
        return False
    return isinstance(said, dict) and bool(said.get("request_id"))


async def _publish(producer: AIOKafkaProducer, letter: DeadLetterEntry, opened: OpenedRecord) -> str:
    """Publish it, acknowledged by all replicas; where it stands now."""
    sending = producer.send_and_wait(
        topic_of(letter, opened), opened.value, key=letter.key, headers=replay_headers(opened)
    )
    stands = await with_timeout(PATIENCE_SECONDS, sending)
    return f"{stands.topic}/{stands.partition}/{stands.offset}"
