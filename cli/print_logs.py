"""Output of single deliveries from the ledger, as a table or as JSON lines."""

import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from rich.console import Console

from cli import event_loop as loop
from cli.clients.ledger_client import open_ledger
from cli.console import open_console, plain_table, print_table, write_json
from cli.errors import UsageError
from cli.plain_output import format_cost, format_time, printable
from cli.settings import LedgerAddress, RecipientSettings, SealingSettings, load
from core.ids import LogId, request_key
from core.money import show_cost
from ledger.models import Log
from ledger.ports import Ledger
from ledger.queries import LogQuery, position_of_log
from ledger.recipient_hashes import recipient_hashes
from ledger.rendered_messages import render_messages
from ledger.sealing import Sealer
from schemas.statuses import Channel, Status

PAGE_SIZE = 500
"""Number of deliveries that are read from the ledger at once."""


@dataclass(frozen=True, slots=True, repr=False)
class LogsOptions:
    """Options of `logs`. Without a repr, because one of them is an address."""

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


def run(options: LogsOptions) -> None:
    """Print the deliveries that match the options. Raises CommandError."""
    loop.run(_run(options))


async def _run(options: LogsOptions) -> None:
    address = load(LedgerAddress)
    sealer = None
    if options.content or options.recipient is not None:
        sealer = load(SealingSettings).sealer
    hashes: frozenset[bytes] = frozenset()
    if options.recipient is not None and sealer is not None:
        raw = sys.stdin.readline().strip() if options.recipient == "-" else options.recipient.strip()
        hashes = address_hashes(raw, options.channel, sealer, load(RecipientSettings).default_region)
    async with open_ledger(address) as ledger:
        await print_logs(ledger, open_console(), options, hashes, sealer if options.content else None)


def address_hashes(raw: str, channel: Channel | None, sealer: Sealer, default_region: str | None) -> frozenset[bytes]:
    """Return every hash under which the address may be stored. Raises UsageError."""
    if not raw:
        raise UsageError("--recipient: must not be empty.")
    return recipient_hashes(raw, channel, sealer, default_region)


async def print_logs(  # noqa: PLR0913  # a query, its output, and the size of a page for tests
    ledger: Ledger,
    console: Console,
    options: LogsOptions,
    hashes: frozenset[bytes],
    sealer: Sealer | None,
    *,
    page_size: int = PAGE_SIZE,
) -> None:
    """Print the deliveries of this ledger that match the options. With a sealer, also print their contents."""
    query = LogQuery(
        options.tenant,
        user_id=options.user,
        key=request_key(options.tenant, options.request) if options.request else None,
        channel=options.channel,
        statuses=options.statuses,
        reference=options.reference,
        recipient_hashes=hashes,
        accepted_from=options.accepted_from,
        accepted_before=options.accepted_before,
        count_limit=0,
    )
    async for logs, more in _pages(ledger, query, options.limit, page_size):
        contents = await render_messages(ledger, sealer, logs) if sealer else None
        if options.as_json:
            _write_json(console, logs, contents)
        else:
            _print_table(console, logs, contents)
            if more:
                console.print("there are more: raise --limit, or filter further")


async def _pages(
    ledger: Ledger, query: LogQuery, limit: int, page_size: int
) -> AsyncIterator[tuple[Sequence[Log], bool]]:
    """Yield the first `limit` deliveries, page by page. The flag of the last page tells whether there are more."""
    remaining, after = limit, None
    while remaining:
        page = await ledger.logs.find(replace(query, after=after, page_size=min(remaining, page_size)))
        remaining -= len(page.items)
        yield page.items, page.has_more and not remaining
        if not page.has_more:
            return
        after = position_of_log(page.items[-1])


def _print_table(console: Console, logs: Sequence[Log], contents: Mapping[LogId, str] | None) -> None:
    if not logs:
        console.print("no delivery matches")
        return
    columns = ("accepted (UTC)", "recipient", "reference", "status", "reason", "provider", "attempts", "request")
    some_wait = any(log.next_attempt_at for log in logs)
    some_sms, some_priced = any(log.segments for log in logs), any(log.cost for log in logs)
    more = [
        *(["next try (UTC)"] if some_wait else []),
        *(["segments"] if some_sms else []),
        *(["cost"] if some_priced else []),
        *(["content"] if contents is not None else []),
    ]
    table = plain_table(*columns, *more, numbers=("attempts",))
    for log in logs:
        cells = (
            format_time(log.created_at),
            log.recipient,
            log.reference or "",
            log.status.value,
            log.reason.value if log.reason else "",
            log.provider or "",
            str(log.attempts),
            log.request_id,
            *([format_time(log.next_attempt_at)] if some_wait else []),
            *([f"{log.segments} {log.encoding}" if log.segments else ""] if some_sms else []),
            *([format_cost(show_cost(log.cost))] if some_priced else []),
            *([" ".join(contents.get(log.id, "").splitlines())] if contents is not None else []),
        )
        table.add_row(*map(printable, cells))
    print_table(console, table)


def _write_json(console: Console, logs: Sequence[Log], contents: Mapping[LogId, str] | None) -> None:
    for log in logs:
        document = log_document(log)
        if contents is not None:
            document["content"] = contents.get(log.id)
        write_json(console, document)


def log_document(log: Log) -> dict[str, Any]:
    """Return a delivery with the field names of the HTTP service, without its content."""
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
        "next_attempt_at": log.next_attempt_at,
        "encoding": log.encoding and log.encoding.value,
        "segments": log.segments,
        "cost": show_cost(log.cost),
        "receipt_at": log.receipt_at,
        "receipt_class": log.receipt_class and log.receipt_class.value,
        "receipt_code": log.receipt_code,
    }
