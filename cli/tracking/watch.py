"""Follows a request in the ledger until its completion stands there."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, replace

import typer
from rich.console import Console

from cli import event_loop as loop
from cli.clients.ledger_client import open_ledger
from cli.console import open_console, program
from cli.errors import UnknownRequest
from cli.report.ledger_summary import missed_batches, summarise
from cli.report.print_summary import print_roll_call
from cli.report.summary import Counts, Summary
from cli.settings import LedgerAddress
from cli.tracking.progress import open_display
from cli.tracking.result_tally import KEPT
from cli.tracking.wait import timeout_note
from core.ids import request_key
from ledger.models import StoredRequest
from ledger.ports import Ledger
from schemas.statuses import WITHOUT_LOG

POLL_SECONDS = 0.5
KNOWN_SECONDS = 15.0
"""How long a request may take to be taken up, before it counts as unknown."""


@dataclass(frozen=True, slots=True)
class RequestProgress:
    """How far a request is, by the ledger; see cli/progress.Called."""

    expected: int
    reported: int
    counts: Counts


async def watch(  # noqa: PLR0913  # which request, where it is shown, and two limits
    ledger: Ledger,
    console: Console,
    tenant: str,
    request_id: str,
    *,
    timeout: float | None,
    known_seconds: float = KNOWN_SECONDS,
) -> Summary:
    """Follow it to its end, or for `timeout` seconds; the answer is the roll call. Raises UnknownRequest."""
    end = time.monotonic() + timeout if timeout else None
    with open_display(console, 0) as display:
        request = await _until_known(ledger, tenant, request_id, min(known_seconds, timeout or known_seconds))
        while request.completion is None and not (end and time.monotonic() > end):
            display.update(await _books(ledger, request))
            await asyncio.sleep(POLL_SECONDS)
            request = await ledger.requests.get(request.header.key) or request
        display.update(await _books(ledger, request))
    summary = await call_roll(ledger, request)
    if request.completion is None:
        return replace(summary, notes=(*summary.notes, timeout_note(timeout)))
    return summary


async def _until_known(ledger: Ledger, tenant: str, request_id: str, seconds: float) -> StoredRequest:
    key, end = request_key(tenant, request_id), time.monotonic() + seconds
    while (request := await ledger.requests.get(key)) is None:
        if time.monotonic() > end:
            raise UnknownRequest(tenant, request_id)
        await asyncio.sleep(POLL_SECONDS)
    return request


async def _books(ledger: Ledger, request: StoredRequest) -> RequestProgress:
    counted = await ledger.chunks.counts(request.header.key)
    counts = Counter({(s.value, r and r.value): n for (s, r), n in counted.items() if s not in WITHOUT_LOG})
    return RequestProgress(sum(part.size for part in request.parts.values()), counts.total(), counts)


async def call_roll(ledger: Ledger, request: StoredRequest) -> Summary:
    """The roll call as the ledger has it, with the first who were not reached."""
    summary = await summarise(ledger, request)
    (missed,) = [batch async for batch in missed_batches(ledger, request, most=KEPT)]
    return replace(summary, missed=missed)


def run(settings: LedgerAddress, tenant: str, request_id: str, *, timeout: float | None) -> Summary:
    """Follow a request and print its roll call. Raises CommandError."""
    console = open_console()
    hint = f"{program()} report {request_id} --tenant {tenant}"
    try:
        summary = loop.run(_run(settings, console, tenant, request_id, timeout))
    except KeyboardInterrupt:
        typer.echo(f"interrupted; the request goes on without this command: {hint}", err=True)
        raise
    print_roll_call(console, summary, hint=hint)
    return summary


async def _run(
    settings: LedgerAddress, console: Console, tenant: str, request_id: str, timeout: float | None
) -> Summary:
    async with open_ledger(settings) as ledger:
        return await watch(ledger, console, tenant, request_id, timeout=timeout)
