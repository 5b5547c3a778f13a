"""Shows dead letters: what stands on them, and on demand what is sealed in them."""

import re
from typing import Any

import orjson

from cli import event_loop as loop
from cli.clients.kafka_client import kafka_errors
from cli.console import open_console, plain_table, print_table, printable
from cli.dead_letters.reader import DeadLetterEntry, DeadLetterReader, open_dead_letters
from cli.errors import CommandError, UnknownDeadLetter, UsageError
from cli.settings import SealingSettings, load
from config.settings import CommonSettings
from ledger.dead_letter_format import DeadLetterError, OpenedRecord, open_record
from ledger.errors import SealingError
from ledger.sealing import Sealer
from schemas.statuses import RejectionReason

_OWN = re.compile(r"(\d+)/(\d+)")
_ORIGIN = re.compile(r"[A-Za-z0-9._-]+/\d+/\d+")
_MEANINGS = {reason.value: reason.meaning for reason in RejectionReason}


def run_list(settings: CommonSettings, *, limit: int, reason: RejectionReason | None, as_json: bool) -> None:
    """Print the newest letters; raises CommandError."""
    letters = loop.run(_newest(settings, limit, reason))
    console = open_console()
    if as_json:
        for letter in letters:
            console.file.write(orjson.dumps(_document(letter), option=orjson.OPT_UTC_Z).decode() + "\n")
        return
    if not letters:
        console.print("no dead letter matches" if reason else "there are no dead letters")
        return
    table = plain_table("letter", "refused (UTC)", "reason", "origin", "bytes", numbers=("bytes",))
    for letter in letters:
        at = f"{letter.refused_at:%Y-%m-%d %H:%M:%S}"
        table.add_row(letter.place, at, printable(letter.reason), printable(letter.origin), f"{letter.size:,}")
    print_table(console, table)


async def _newest(settings: CommonSettings, limit: int, reason: RejectionReason | None) -> list[DeadLetterEntry]:
    with kafka_errors(settings):
        async with open_dead_letters(settings) as letters:
            return await letters.newest(limit, reason and reason.value)


def _document(letter: DeadLetterEntry) -> dict[str, Any]:
    return {
        "letter": letter.place,
        "refused_at": letter.refused_at,
        "reason": letter.reason,
        "origin": letter.origin,
        "bytes": letter.size,
    }


def run_show(settings: CommonSettings, place: str, *, reveal: bool) -> None:
    """Print one letter; raises CommandError, and UnknownLetter where there is none."""
    sealer = load(SealingSettings).sealer if reveal else None
    letter = loop.run(_find(settings, place))
    if letter is None:
        raise UnknownDeadLetter(f"no dead letter at {place}; `rollcall dead-letters list` shows the newest")
    console = open_console()
    for name, said in (
        ("letter", letter.place),
        ("origin", letter.origin),
        ("refused", f"{letter.refused_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("reason", f"{letter.reason}: {_MEANINGS.get(letter.reason, 'newer than this command line')}"),
        ("sealed", f"{letter.size:,} bytes, key {_key_id(letter.sealed)}"),
    ):
        console.print(f"{name:<9} {printable(said)}", soft_wrap=True)
    if sealer is not None:
        opened = open_letter(sealer, letter.sealed)
        console.print(f"{'key':<9} {_text(letter.key)}", soft_wrap=True)
        for name, value in opened.headers:
            console.print(f"{'header':<9} {printable(name)}: {_text(value)}", soft_wrap=True)
        console.print(f"{'value':<9} {opened.length:,} bytes{', cut' if opened.cut else ''}\n", soft_wrap=True)
        console.print(_text(opened.value, lines=True), soft_wrap=True)


async def _find(settings: CommonSettings, place: str) -> DeadLetterEntry | None:
    check_place(place)
    with kafka_errors(settings):
        async with open_dead_letters(settings) as letters:
            return await find_letter(letters, place)


def check_place(place: str) -> None:
    """Raise UsageError for what names no letter."""
    if not _OWN.fullmatch(place) and not _ORIGIN.fullmatch(place):
        raise UsageError("PLACE: is written topic/partition/offset, or partition/offset of the letter itself")


async def find_letter(letters: DeadLetterReader, place: str) -> DeadLetterEntry | None:
    """The letter at its own place, or of a record that stood at this one."""
    own = _OWN.fullmatch(place)
    return await (letters.at(int(own[1]), int(own[2])) if own else letters.of_origin(place))


def open_letter(sealer: Sealer, sealed: bytes) -> OpenedRecord:
    """Open the record in a letter; raises CommandError."""
    try:
        return open_record(sealer, sealed)
    except SealingError as error:
        hint = "put the key that it was sealed with behind the newest"
        raise CommandError(f"ROLLCALL_SEALING_KEYS: {error}; {hint}") from None
    except DeadLetterError as error:
        raise CommandError(str(error)) from None


def _key_id(sealed: bytes) -> str:
    return sealed[1 : 1 + sealed[0]].decode("ascii", "replace") if sealed else "none"


def _text(said: bytes | None, *, lines: bool = False) -> str:
    """Bytes of a stranger as they can be shown on a terminal."""
    if said is None:
        return "(null)"
    text = said.decode("utf-8", "replace")
    return "\n".join(map(printable, text.split("\n"))) if lines else printable(text)
