"""Output of dead letters: their headers, and on demand the record that is sealed in them."""

import re
from typing import Any

from cli import event_loop as loop
from cli.clients.kafka_client import kafka_errors
from cli.console import open_console, plain_table, print_table, write_json
from cli.dead_letters.reader import DeadLetterEntry, DeadLetterReader, open_dead_letters
from cli.errors import CommandError, UnknownDeadLetter, UsageError, sealing_error, sentence
from cli.plain_output import printable
from cli.settings import SealingSettings, load
from config.settings import CommonSettings
from ledger.dead_letter_format import DeadLetterError, OpenedRecord, open_record
from ledger.errors import SealingError
from ledger.sealing import Sealer
from schemas.statuses import RejectionReason

_POSITION = re.compile(r"(\d+)/(\d+)")
_ORIGIN = re.compile(r"[A-Za-z0-9._-]+/\d+/\d+")
_MEANINGS = {reason.value: reason.meaning for reason in RejectionReason}


def run_list(settings: CommonSettings, *, limit: int, reason: RejectionReason | None, as_json: bool) -> None:
    """Print the newest dead letters. Raises CommandError."""
    entries = loop.run(_newest(settings, limit, reason))
    console = open_console()
    if as_json:
        for entry in entries:
            write_json(console, _document(entry))
        return
    if not entries:
        console.print("no dead letter matches" if reason else "there are no dead letters")
        return
    columns = ("dead letter", "rejected (UTC)", "reason", "fields", "tenant", "request", "replayed", "origin", "bytes")
    table = plain_table(*columns, numbers=("bytes",))
    for entry in entries:
        tenant, request, fields = entry.request
        rejected_at, replayed = f"{entry.refused_at:%Y-%m-%d %H:%M:%S}", "yes" if entry.replayed_as else "no"
        texts = (entry.reason, ", ".join(fields), tenant or "", request or "", replayed, entry.origin)
        table.add_row(entry.position, rejected_at, *map(printable, texts), f"{entry.size:,}")
    print_table(console, table)


async def _newest(settings: CommonSettings, limit: int, reason: RejectionReason | None) -> list[DeadLetterEntry]:
    with kafka_errors(settings):
        async with open_dead_letters(settings) as reader:
            return await reader.newest(limit, reason and reason.value)


def _document(entry: DeadLetterEntry) -> dict[str, Any]:
    return {
        "letter": entry.position,
        "refused_at": entry.refused_at,
        "reason": entry.reason,
        "fields": entry.request.fields,
        "tenant_id": entry.request.tenant_id,
        "request_id": entry.request.request_id,
        "replayed": entry.replayed_as is not None,
        "replayed_as": entry.replayed_as,
        "origin": entry.origin,
        "bytes": entry.size,
    }


def run_show(settings: CommonSettings, place: str, *, reveal: bool) -> None:
    """Print one dead letter. Raises CommandError, and UnknownDeadLetter if it does not exist."""
    sealer = load(SealingSettings).sealer if reveal else None
    entry = loop.run(_find(settings, place))
    if entry is None:
        raise UnknownDeadLetter(place)
    console = open_console()
    for name, text in (
        ("dead letter", entry.position),
        ("origin", entry.origin),
        ("rejected", f"{entry.refused_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("tenant", entry.request.tenant_id or "not known"),
        ("request", entry.request.request_id or "not known"),
        ("fields", ", ".join(entry.request.fields) or "none"),
        ("reason", f"{entry.reason}: {_MEANINGS.get(entry.reason, 'not known to this version of the command line')}"),
        ("sealed", f"{entry.size:,} bytes, key {_key_id(entry.sealed)}"),
    ):
        console.print(f"{name:<11} {printable(text)}", soft_wrap=True)
    if sealer is not None:
        opened = open_dead_letter(sealer, entry.sealed)
        console.print(f"{'key':<11} {printable(_text(entry.key))}", soft_wrap=True)
        for name, value in opened.headers:
            console.print(f"{'header':<11} {printable(name)}: {printable(_text(value))}", soft_wrap=True)
        if opened.unparsed:
            console.print(f"{'raw bytes':<11} {printable(opened.unparsed)}", soft_wrap=True)
        console.print(f"{'value':<11} {opened.length:,} bytes{', truncated' if opened.cut else ''}\n", soft_wrap=True)
        console.print(_text(opened.value), soft_wrap=True)


async def _find(settings: CommonSettings, place: str) -> DeadLetterEntry | None:
    check_place(place)
    with kafka_errors(settings):
        async with open_dead_letters(settings) as reader:
            return await find_dead_letter(reader, place)


def check_place(place: str) -> None:
    """Raise UsageError if the text has neither of the two forms that name a dead letter."""
    if not _POSITION.fullmatch(place) and not _ORIGIN.fullmatch(place):
        raise UsageError("PLACE: must be topic/partition/offset of the record, or partition/offset of the dead letter.")


async def find_dead_letter(reader: DeadLetterReader, place: str) -> DeadLetterEntry | None:
    """Return the dead letter with this position, or with the record of this origin, or None."""
    position = _POSITION.fullmatch(place)
    return await (reader.at(int(position[1]), int(position[2])) if position else reader.of_origin(place))


def open_dead_letter(sealer: Sealer, sealed: bytes) -> OpenedRecord:
    """Open the record in a dead letter. Raises CommandError."""
    try:
        return open_record(sealer, sealed)
    except SealingError as error:
        raise sealing_error(error) from None
    except DeadLetterError as error:
        raise CommandError(sentence(error)) from None


def _key_id(sealed: bytes) -> str:
    return sealed[1 : 1 + sealed[0]].decode("ascii", "replace") if sealed else "none"


def _text(data: bytes | None) -> str:
    """Return untrusted bytes as text."""
    return "(null)" if data is None else data.decode("utf-8", "replace")
