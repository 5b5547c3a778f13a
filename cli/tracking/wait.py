"""Waits until every recipient of a request has its outcome, and says what it is waiting for."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from rich.console import Console

from cli.errors import CommandError
from cli.report.summary import Summary
from cli.tracking.event_reader import ResultEventReader
from cli.tracking.progress import Display, open_display
from cli.tracking.result_tally import ResultTally
from schemas.statuses import RejectionReason

Settled = Callable[[], Awaitable[bool]]

_FIRST_WORD_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class SendAttempt:
    """A request that is being published and whose roll is being called."""

    roll: ResultTally
    publishing: "asyncio.Task[None]"
    settled: Settled
    """Whether no refusal can follow any more: until then a completion from before this attempt does not count."""
    only_intake: bool = False
    """Whether it ends there: what became of everybody is then asked elsewhere."""

    async def completed_in_this_attempt(self) -> bool:
        """Whether nothing more is to be waited for. Raises what the publishing raised."""
        if self.roll.rejected is not None:
            return True
        if not self.publishing.done():
            return False
        self.publishing.result()
        if self.only_intake:
            return await self.settled()
        return self.roll.concluded or (self.roll.completed is not None and await self.settled())


async def follow_to_end(
    follower: ResultEventReader, attempt: SendAttempt, console: Console, *, timeout: float | None
) -> Summary:
    """Follow the events until the request is completed, or `timeout` seconds are over; the answer is the roll call.

    Raises what `follow` raises.
    """
    in_time = await follow(follower, attempt, console, timeout=timeout)
    summary = attempt.roll.summary()
    return summary if in_time else replace(summary, notes=(*summary.notes, timeout_note(timeout)))


async def follow(follower: ResultEventReader, attempt: SendAttempt, console: Console, *, timeout: float | None) -> bool:
    """Follow the events until the attempt has ended; whether it has within `timeout` seconds.

    Raises what the publishing raises, and CommandError for a refused request, whose publishing is stopped.
    """
    try:
        with open_display(console, attempt.roll.expected) as display:
            in_time = await _wait(follower, attempt, display, timeout)
    finally:
        attempt.publishing.cancel()
        with contextlib.suppress(asyncio.CancelledError, CommandError):
            await attempt.publishing
    if attempt.roll.rejected is not None:
        raise rejection_note(attempt.roll)
    return in_time


def timeout_note(timeout: float | None) -> str:
    """What is said of a request that was not completed within so many seconds."""
    return f"not completed within {timeout:.0f} s; the request goes on without this command"


async def _wait(follower: ResultEventReader, attempt: SendAttempt, display: Display, timeout: float | None) -> bool:
    """Whether the end came in time."""
    deadline = time.monotonic() + timeout if timeout else None
    silence = SilenceReporter(time.monotonic())
    while not await attempt.completed_in_this_attempt():
        heard = await follower.poll(attempt.roll)
        display.update(attempt.roll)
        now = time.monotonic()
        if line := silence.next_line(heard, attempt.roll, now, published=attempt.publishing.done()):
            display.say(line)
        if deadline and now > deadline:
            return False
    return True


class SilenceReporter:
    """Knows when nothing was heard for long enough to say what is missing: after 10 s, 20 s, 40 s and so on."""

    def __init__(self, now: float) -> None:
        self._since = now
        self._next_word = _FIRST_WORD_SECONDS

    def next_line(self, heard: int, roll: ResultTally, now: float, *, published: bool) -> str | None:
        """A sentence when it is time for one; `now` in seconds of a monotonic clock."""
        if heard:
            self._since, self._next_word = now, _FIRST_WORD_SECONDS
            return None
        silent = now - self._since
        if silent < self._next_word:
            return None
        self._next_word *= 2
        return f"nothing heard for {silent:.0f} s: {_missing(roll, published=published)}"


def _missing(roll: ResultTally, *, published: bool) -> str:
    if not published:
        return "Kafka is slow to acknowledge the request"
    if not roll.reported:
        return "waiting for a consumer to take up the request; does one run (`rollcall consumer`)?"
    if roll.reported < roll.expected:
        rest = roll.expected - roll.reported
        return f"waiting for {rest:,} of {roll.expected:,} recipients, perhaps between two attempts"
    return "every recipient is reported, waiting for the completion"


def rejection_note(roll: ResultTally) -> CommandError:
    """The one line of a refused request: which part, why, and where."""
    rejected = roll.rejected
    if rejected is None:
        raise AssertionError("called for a request that was refused")
    part = "" if rejected.part is None else f" (part {rejected.part})"
    where = f"; fields: {', '.join(rejected.fields)}" if rejected.fields else ""
    meaning = RejectionReason(rejected.reason).meaning
    return CommandError(f"request {roll.request_id}{part} was refused: {rejected.reason.value}, {meaning}{where}")
