"""Wait until every recipient of a request has an outcome, with lines that tell the reason of a long wait."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from rich.console import Console

from cli.errors import CommandError, sentence
from cli.plain_output import continues_note, printable
from cli.report.summary import Summary
from cli.tracking.event_reader import ResultEventReader
from cli.tracking.progress import Display, open_display
from cli.tracking.result_tally import ResultTally
from schemas.statuses import RejectionReason

RejectionsEnded = Callable[[], Awaitable[bool]]

_FIRST_LINE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class SendAttempt:
    """A request that is being published and followed."""

    tally: ResultTally
    publishing: "asyncio.Task[None]"
    no_more_rejections: RejectionsEnded
    """Returns whether a rejection is no longer possible. Until then an earlier completion does not count."""
    only_intake: bool = False
    """True to stop when a rejection is no longer possible. The caller then reads the outcomes from the ledger."""

    async def completed_in_this_attempt(self) -> bool:
        """Return whether the attempt has ended. Raises the errors of the publication."""
        if self.tally.rejected is not None:
            return True
        if not self.publishing.done():
            return False
        self.publishing.result()
        if self.only_intake:
            return await self.no_more_rejections()
        return self.tally.completed_now or (self.tally.completed is not None and await self.no_more_rejections())


async def follow_to_end(
    reader: ResultEventReader, attempt: SendAttempt, console: Console, *, timeout: float | None
) -> Summary:
    """Follow the events until the request is completed or `timeout` seconds have passed. Return the roll call.

    Raises the errors of `follow`.
    """
    in_time = await follow(reader, attempt, console, timeout=timeout)
    summary = attempt.tally.summary()
    return summary if in_time else replace(summary, notes=(*summary.notes, timeout_note(timeout)))


async def follow(reader: ResultEventReader, attempt: SendAttempt, console: Console, *, timeout: float | None) -> bool:
    """Follow the events until the attempt has ended. Return whether it ended within `timeout` seconds.

    Raises the errors of the publication. Stops the publication of a rejected request and raises CommandError.
    """
    try:
        with open_display(console, attempt.tally.expected) as display:
            in_time = await _wait(reader, attempt, display, timeout)
    finally:
        attempt.publishing.cancel()
        with contextlib.suppress(asyncio.CancelledError, CommandError):
            await attempt.publishing
    if attempt.tally.rejected is not None:
        raise rejection_error(attempt.tally)
    return in_time


def timeout_note(timeout: float | None) -> str:
    """Return the note for a request that was not completed within `timeout` seconds."""
    return f"not completed within {timeout:g} s, but the request continues without this command"


async def _wait(reader: ResultEventReader, attempt: SendAttempt, display: Display, timeout: float | None) -> bool:
    """Return whether the attempt ended in time."""
    deadline = time.monotonic() + timeout if timeout else None
    silence = SilenceReporter(time.monotonic())
    while not await attempt.completed_in_this_attempt():
        events = await reader.poll(attempt.tally)
        display.update(attempt.tally)
        now = time.monotonic()
        if line := silence.next_line(events, attempt.tally, now, published=attempt.publishing.done()):
            display.print_line(line if await reader.answers() else kafka_lost_line(attempt))
        if deadline and now > deadline:
            return False
    return True


class SilenceReporter:
    """Source of a line when no event arrived for some time: after 10 s, 20 s, 40 s and so on."""

    def __init__(self, now: float) -> None:
        self._since = now
        self._next_line_after = _FIRST_LINE_SECONDS

    def next_line(self, events: int, tally: ResultTally, now: float, *, published: bool) -> str | None:
        """Return a line if one is due. `now` is in seconds of a monotonic clock."""
        if events:
            self._since, self._next_line_after = now, _FIRST_LINE_SECONDS
            return None
        silent = now - self._since
        if silent < self._next_line_after:
            return None
        self._next_line_after *= 2
        return f"no results for {silent:.0f} s: {_waiting_for(tally, published=published)}"


def kafka_lost_line(attempt: SendAttempt) -> str:
    """Return the line for a Kafka that does not answer. The command goes on by itself when Kafka is back."""
    if not attempt.publishing.done():
        return "Kafka does not answer. Waiting for it."
    note = continues_note(attempt.tally.request_id, attempt.tally.tenant_id)
    return f"Kafka does not answer. Waiting for it. {note}"


def _waiting_for(tally: ResultTally, *, published: bool) -> str:
    if not published:
        return "Kafka is slow to acknowledge the request"
    if not tally.reported:
        return (
            "waiting for a consumer to process the request. Check that `rollcall consumer` is running. If one was "
            "killed, Kafka waits ROLLCALL_KAFKA_SESSION_SECONDS (default 45) until others get its partitions."
        )
    if tally.reported < tally.expected:
        rest = tally.expected - tally.reported
        return f"waiting for {rest:,} of {tally.expected:,} recipients, which may be between two attempts"
    return "every recipient has a result, waiting for request.completed"


def rejection_error(tally: ResultTally) -> CommandError:
    """Return the error for a rejected request: the part, the reason and the fields."""
    rejected = tally.rejected
    if rejected is None:
        raise AssertionError("must be called for a rejected request")
    part = "" if rejected.part is None else f" (part {rejected.part})"
    fields = f" Fields: {', '.join(map(printable, rejected.fields))}." if rejected.fields else ""
    meaning = sentence(RejectionReason(rejected.reason).meaning)
    return CommandError(f"request {tally.request_id}{part} was rejected: {rejected.reason.value}, {meaning}{fields}")
