"""Deliveries, one by one, from the ledger."""

import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson
from rich.console import Console

from cli import event_loop as loop
from cli.clients.ledger_client import open_ledger
from cli.console import open_console, plain_table, print_table, printable
from cli.errors import UsageError
from cli.settings import LedgerAddress, RecipientSettings, SealingSettings, load
from core.ids import LogId, request_key
from ledger.models import Log
from ledger.ports import Ledger
from ledger.queries import LogQuery, position_of_log
from ledger.recipient_hashes import recipient_hashes
from ledger.rendered_messages import render_messages
from ledger.sealing import Sealer
from schemas.statuses import Channel, Status

_PAGE = 500


@dataclass(frozen=True, slots=True, repr=False)
class LogsOptions:
    """The options of `logs`. No repr: one of them is an address."""

    tenant: str
    user: str | None = None
    channel: Channel | None = None
    statuses: frozenset[Status] = frozenset()
    request: str | None = None
    reference: str | None = None
    recipient: str | None = None
    accepted_from: datetime | None = None
    accepted_before: datetime | None = None
    limit: int = 50
    content: bool = False
    as_json: bool = False


def run(wanted: LogsOptions) -> None:
    """Print what is wanted; raises CommandError."""
    loop.run(_run(wanted))


async def _run(wanted: LogsOptions) -> None:
    address = load(LedgerAddress)
    sealer = None
    if wanted.content or wanted.recipient is not None:
        sealer = load(SealingSettings).sealer
    hashes: frozenset[bytes] = frozenset()
    if wanted.recipient is not None and sealer is not None:
        raw = sys.stdin.readline().strip() if wanted.recipient == "-" else wanted.recipient.strip()
        hashes = hashes_of(raw, wanted.channel, sealer, load(RecipientSettings).default_region)
    async with open_ledger(address) as ledger:
        await show(ledger, open_console(), wanted, hashes, sealer if wanted.content else None)


def hashes_of(raw: str, channel: Channel | None, sealer: Sealer, default_region: str | None) -> frozenset[bytes]:
    """Every hash that the address may be stored under; raises UsageError."""
    if not raw:
        raise UsageError("--recipient: is empty")
    return recipient_hashes(raw, channel, sealer, default_region)


async def show(
    ledger: Ledger, console: Console, wanted: LogsOptions, hashes: frozenset[bytes], sealer: Sealer | None
) -> None:
    """Print what is wanted from this ledger; with a sealer their contents too."""
    query = LogQuery(
        wanted.tenant,
        user_id=wanted.user,
        key=request_key(wanted.tenant, wanted.request) if wanted.request else None,
        channel=wanted.channel,
        statuses=wanted.statuses,
        reference=wanted.reference,
        recipient_hashes=hashes,
        accepted_from=wanted.accepted_from,
        accepted_before=wanted.accepted_before,
        count_limit=0,
    )
    async for logs, more in _pages(ledger, query, wanted.limit):
        contents = await render_messages(ledger, sealer, logs) if sealer else None
        if wanted.as_json:
            _write_json(console, logs, contents)
        else:
            _print(console, logs, contents)
            if more:
                console.print(f"and more: repeat with --limit {10 * wanted.limit}, or name less")


async def _pages(ledger: Ledger, query: LogQuery, limit: int) -> AsyncIterator[tuple[Sequence[Log], bool]]:
    """The first `limit` of them, some at a time, and with the last of those whether there are more."""
    left, after = limit, None
    while left:
        page = await ledger.logs.find(replace(query, after=after, page_size=min(left, _PAGE)))
        left -= len(page.items)
        yield page.items, page.has_more and not left
        if not page.has_more:
            return
        after = position_of_log(page.items[-1])


def _print(console: Console, logs: Sequence[Log], contents: Mapping[LogId, str] | None) -> None:
    if not logs:
        console.print("no delivery matches")
        return
    columns = ("accepted (UTC)", "recipient", "reference", "status", "reason", "provider", "attempts", "request")
    table = plain_table(*columns, *(["content"] if contents is not None else []), numbers=("attempts",))
    for log in logs:
        cells = (
            f"{log.created_at:%Y-%m-%d %H:%M:%S}",
            log.recipient,
            log.reference or "",
            log.status.value,
            log.reason.value if log.reason else "",
            log.provider or "",
            str(log.attempts),
            log.request_id,
            *([contents.get(log.id, "")] if contents is not None else []),
        )
        table.add_row(*map(printable, cells))
    print_table(console, table)


def _write_json(console: Console, logs: Sequence[Log], contents: Mapping[LogId, str] | None) -> None:
    for log in logs:
        said = as_document(log)
        if contents is not None:
            said["content"] = contents.get(log.id)
        console.file.write(orjson.dumps(said, option=orjson.OPT_UTC_Z).decode() + "\n")


def as_document(log: Log) -> dict[str, Any]:
    """A delivery with the names that the HTTP service gives its fields; without its content."""
    return {
        "id": log.id,
        "channel": log.channel.value,
        "recipient": log.recipient,
        "status": log.status.value,
        "provider": log.provider,
        "response": log.response,
        "error": log.error,
        "template_id": log.template_id,
        "tenant_id": log.tenant_id,
        "user_id": log.user_id,
        "created_at": log.created_at,
        "updated_at": log.updated_at,
        "sent_at": log.sent_at,
        "request_id": log.request_id,
        "reference": log.reference,
        "reason": log.reason.value if log.reason else None,
        "attempts": log.attempts,
        "resend_of": log.resend_of,
        "resent_as": log.resent_as,
    }
