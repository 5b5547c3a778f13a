"""Following of a request in the ledger until it is completed."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, replace

from rich.console import Console

from cli import event_loop as loop
from cli.clients.ledger_client import open_ledger
from cli.console import open_console
from cli.errors import CommandError, UnknownRequest, sentence
from cli.plain_output import continues_note, print_error, program_name
from cli.report.ledger_summary import not_reached_batches, summarise
from cli.report.print_summary import print_roll_call
from cli.report.summary import Counts, Summary
from cli.settings import LedgerAddress
from cli.tracking.follow_events import timeout_note
from cli.tracking.progress import open_display
from cli.tracking.result_tally import MAX_SHOWN
from core.ids import request_key
from ledger.errors import LedgerUnavailable
from ledger.models import StoredRequest
from ledger.ports import Ledger
from schemas.statuses import WITHOUT_LOG

POLL_SECONDS = 0.5
"""Time between two reads of the ledger, in seconds."""

EXPAND_TIMEOUT_SECONDS = 15.0
"""Maximum time until a consumer has expanded a request, in seconds. After that the request counts as unknown."""


@dataclass(frozen=True, slots=True)
class RequestProgress:
    """Progress of a request in the ledger. It implements `ProgressSource`."""

    expected: int
    reported: int
    counts: Counts


async def watch(  # noqa: PLR0913  # a request, its output, and its limits
    ledger: Ledger,
    console: Console,
    tenant: str,
    request_id: str,
    *,
    timeout: float | None,
    spent_seconds: float = 0.0,
    known_seconds: float = EXPAND_TIMEOUT_SECONDS,
) -> Summary:
    """Follow a request to its end, or for `timeout` seconds, of which `spent_seconds` are over. Return the roll call.

    Raises UnknownRequest. If MongoDB is lost, the CommandError says that the request goes on.
    """
    seconds_left = max(timeout - spent_seconds, 0.1) if timeout else None
    end = time.monotonic() + seconds_left if seconds_left else None
    known_seconds = min(known_seconds, seconds_left or known_seconds)
    try:
        request = await _wait_until_known(ledger, tenant, request_id, known_seconds)
        request = await _follow(ledger, console, request, end)
        summary = await ledger_roll_call(ledger, request)
    except LedgerUnavailable as error:
        note = continues_note(request_id, tenant)
        raise CommandError(f"ROLLCALL_MONGO_URL: {sentence(error)} {note}") from None
    if request.completion is None:
        return replace(summary, notes=(*summary.notes, timeout_note(timeout)))
    return summary


async def _follow(ledger: Ledger, console: Console, request: StoredRequest, end: float | None) -> StoredRequest:
    """Show the progress of a request until it is completed or `end` has passed. Return its last state."""
    with open_display(console, 0) as display:
        while request.completion is None and not (end and time.monotonic() > end):
            display.update(await _request_progress(ledger, request))
            await asyncio.sleep(POLL_SECONDS)
            request = await ledger.requests.get(request.header.key) or request
        display.update(await _request_progress(ledger, request))
    return request


async def _wait_until_known(ledger: Ledger, tenant: str, request_id: str, seconds: float) -> StoredRequest:
    key, end = request_key(tenant, request_id), time.monotonic() + seconds
    while (request := await ledger.requests.get(key)) is None:
        if time.monotonic() > end:
            raise UnknownRequest(tenant, request_id)
        await asyncio.sleep(POLL_SECONDS)
    return request


async def _request_progress(ledger: Ledger, request: StoredRequest) -> RequestProgress:
    counted = await ledger.chunks.counts(request.header.key)
    counts = Counter({(s.value, r and r.value): n for (s, r), n in counted.items() if s not in WITHOUT_LOG})
    return RequestProgress(sum(part.size for part in request.parts.values()), counts.total(), counts)


async def ledger_roll_call(ledger: Ledger, request: StoredRequest) -> Summary:
    """Return the roll call from the ledger, with the first recipients that were not reached."""
    summary = await summarise(ledger, request)
    (not_reached,) = [batch async for batch in not_reached_batches(ledger, request, limit=MAX_SHOWN)]
    return replace(summary, not_reached=not_reached)


def run(settings: LedgerAddress, tenant: str, request_id: str, *, timeout: float | None) -> Summary:
    """Follow a request and print its roll call. Raises CommandError."""
    console = open_console()
    hint = f"{program_name()} report {request_id} --tenant {tenant}"
    try:
        summary = loop.run(_run(settings, console, tenant, request_id, timeout))
    except KeyboardInterrupt:
        print_error(f"interrupted: the request continues without this command. See {hint}")
        raise
    print_roll_call(console, summary, hint=hint)
    return summary


async def _run(
    settings: LedgerAddress, console: Console, tenant: str, request_id: str, timeout: float | None
) -> Summary:
    async with open_ledger(settings) as ledger:
        return await watch(ledger, console, tenant, request_id, timeout=timeout)
