"""Connections to one mail server, and the e-mails that wait for them. Their number follows what the server takes."""

import asyncio
import time
from collections.abc import Callable, Iterable

from core.lane_queue import LaneQueue
from core.send_result import Retry, SendResult
from providers.provider import CLOSED, NO_FREE_CONNECTION
from providers.result_codes import ResultKind, result_for
from providers.shrinking_limit import ShrinkingLimit
from providers.smtp_jobs import MailJob
from providers.smtp_pump import MailPump
from providers.smtp_replies import SessionRefusedError, refuses_login
from providers.smtp_session import MailServer, SmtpSession
from schemas.statuses import Reason

IDLE_SECONDS = 60.0
"""Maximum idle time of a connection, in seconds. Servers and firewalls drop idle connections, often silently."""

SHARED_IDLE_SECONDS = 1.0
"""Maximum idle time after the server refused a connection, in seconds. Another process may need the place."""

REFUSED_SECONDS = 1.0
"""Time after a refusal in which no connection is tried while none is open, in seconds.

A window of mails must not ask a full server once for each mail, nor try a wrong password often enough to lock the user.
"""


class SmtpPool:
    """Queue of e-mails, and the connections that take them.

    A refused connection shrinks the limit to the connections that are open. So an e-mail waits for one of these instead
    of being refused again and again.
    """

    def __init__(
        self,
        server: MailServer,
        make_pump: Callable[[SmtpSession, "SmtpPool"], MailPump],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server, self._make_pump, self._monotonic = server, make_pump, monotonic
        self._limit = ShrinkingLimit(server.connections, monotonic)
        self._queue: LaneQueue[MailJob] = LaneQueue()
        self._pumps: dict[MailPump, asyncio.Task[None]] = {}
        """Open connections, with the tasks that work on them."""
        self._idle: list[MailPump] = []
        self._opening: dict[SmtpSession, asyncio.Task[None]] = {}
        self._has_failed_opening = False
        """True if a connection failed while others were being opened and none was open."""
        self._refusal: SendResult | None = None
        self._refused_until = float("-inf")
        self.closed = False

    @property
    def open(self) -> int:
        """Return the number of connections that can be used."""
        return sum(pump.session.usable for pump in self._pumps)

    def add(self, jobs: Iterable[MailJob]) -> None:
        """Queue e-mails, those of the express lane first. Without a connection they share the last refusal."""
        for job in jobs:
            self._queue.add(job.draft.lane, job)
        if self._refusal and self._monotonic() < self._refused_until and not self.open:
            self._settle_waiting(self._refusal)
        self._serve()

    async def next_job(self, pump: MailPump) -> MailJob | None:
        """Wait for an e-mail. Return None if the connection is to be closed."""
        while pump.session.usable:
            if (job := self._take()) is not None:
                self._serve()
                return job
            if self.closed or not await self._is_woken(pump):
                return None
        return None

    def prefetch(self) -> MailJob | None:
        """Return the next e-mail, if there are enough for every connection."""
        self._serve()
        return self._take() if len(self._queue) > len(self._pumps) + len(self._opening) else None

    def requeue(self, job: MailJob) -> None:
        """Put an e-mail that was certainly not sent before all others."""
        job.pump = None
        if self.closed:
            job.settle(CLOSED)
        elif job.result is None:
            self._queue.add(job.draft.lane, job, first=True)

    def shrink(self, pump: MailPump) -> bool:
        """Reduce the connections to those that are open beside this one. Return whether there is another one."""
        others = sum(other.session.usable for other in self._pumps if other is not pump)
        self._limit.shrink(others + len(self._opening))
        return others > 0

    def give_up_waiting(self, jobs: Iterable[MailJob]) -> None:
        """End the e-mails that no connection took, if there is one: all of them are busy."""
        if self.open:
            for job in jobs:
                if job.pump is None:
                    job.settle(NO_FREE_CONNECTION)
            self._forget_settled()

    def end(self, jobs: Iterable[MailJob]) -> None:
        """End the e-mails of a call whose time is over, or whose caller was cancelled."""
        if not (late := [job for job in jobs if job.result is None]):
            return
        step = next((session.step for session in self._opening), "connecting")
        timed_out = result_for(ResultKind.UNAVAILABLE, self._server.describe(TimeoutError(), step))
        for job in late:
            if job.pump is None:
                job.settle(NO_FREE_CONNECTION if self.open else timed_out)
            else:
                job.pump.expire(job)
        self._forget_settled()

    def close(self) -> None:
        """Begin no more e-mails. Those whose connection is being opened have begun."""
        self.closed = True
        begun = [job for _ in self._opening if (job := self._take())]
        self._settle_waiting(CLOSED)
        for job in begun:
            self._queue.add(job.draft.lane, job)

    async def aclose(self) -> None:
        """Close the connections that are idle or being opened. One at work is closed after its e-mail."""
        self.close()
        self._settle_waiting(CLOSED)
        for session, opening in self._opening.items():
            session.abort()
            opening.cancel()  # it may still wait for the network, without a connection to abort
        ending = [*self._opening.values(), *(self._pumps[pump] for pump in self._idle)]
        while self._idle:
            _wake(self._idle.pop(), go_on=False)
        await asyncio.gather(*ending, return_exceptions=True)
        self._opening.clear()

    def _take(self) -> MailJob | None:
        while self._queue:
            job = self._queue.pop()
            if job.result is None:
                return job
        return None

    def _serve(self) -> None:
        """Wake idle connections for the e-mails that wait, and open more as the limit allows."""
        waiting = len(self._queue)
        while waiting and self._idle:
            waiting -= 1
            _wake(self._idle.pop(), go_on=True)
        while (
            waiting > len(self._opening)
            and not self.closed
            and len(self._pumps) + len(self._opening) < self._limit.value
        ):
            session = SmtpSession(self._server)
            self._opening[session] = asyncio.create_task(self._run(session))

    async def _run(self, session: SmtpSession) -> None:
        """Open a connection, and send e-mails over it until it ends."""
        try:
            async with asyncio.timeout(self._server.timeout_seconds):
                await session.open()
        except Exception as error:  # noqa: BLE001  # the error is the result of the e-mails that wait
            session.abort()
            del self._opening[session]
            self._note_failure(error, session.step)
            return
        pump = self._make_pump(session, self)
        self._pumps[pump] = self._opening.pop(session)
        if self._has_failed_opening:
            self._has_failed_opening = False
            self._limit.shrink(len(self._pumps) + len(self._opening))
        try:
            await pump.run()
        finally:
            del self._pumps[pump]
            self._serve()

    def _note_failure(self, error: Exception, step: str) -> None:
        """Shrink the limit to the connections that are open. If there is none, all e-mails have the same result."""
        if not self._pumps and self._opening:
            self._has_failed_opening = True
            return
        refusal = error if isinstance(error, SessionRefusedError) else None
        if self._pumps or (refusal and refusal.is_limit):
            self._limit.shrink(len(self._pumps) + len(self._opening))
        if self._pumps:
            return
        self._has_failed_opening = False
        result = _result_of_failure(error, self._server.describe(error, step))
        if refusal and (refusal.is_limit or refuses_login(refusal.reply)):
            self._refused_until, self._refusal = self._monotonic() + REFUSED_SECONDS, result
        self._settle_waiting(result)

    def _forget_settled(self) -> None:
        """Remove the e-mails that have a result, so that they are not counted as those that wait."""
        self._queue.retain(lambda job: job.result is None)

    def _settle_waiting(self, result: SendResult) -> None:
        while (job := self._take()) is not None:
            job.settle(result)

    async def _is_woken(self, pump: MailPump) -> bool:
        """Wait until there is an e-mail. Return False if the connection was idle for too long."""
        loop = asyncio.get_running_loop()
        pump.wake = loop.create_future()
        self._idle.append(pump)
        seconds = SHARED_IDLE_SECONDS if self._limit.is_reduced else IDLE_SECONDS
        timer = loop.call_later(seconds, self._end_idle, pump)
        try:
            return await pump.wake
        finally:
            timer.cancel()

    def _end_idle(self, pump: MailPump) -> None:
        if pump in self._idle:  # else it was given an e-mail in this turn of the loop
            self._idle.remove(pump)
            _wake(pump, go_on=False)


def _wake(pump: MailPump, *, go_on: bool) -> None:
    if pump.wake is not None and not pump.wake.done():
        pump.wake.set_result(go_on)


def _result_of_failure(error: Exception, text: str) -> SendResult:
    """Return the result of e-mails for which no connection can be opened. Only a limit spends no attempt."""
    if isinstance(error, SessionRefusedError):
        if error.is_limit:
            return Retry(Reason.RATE_LIMITED, text, unreachable=True)
        if refuses_login(error.reply):
            return result_for(ResultKind.CREDENTIALS, text)
    return result_for(ResultKind.UNAVAILABLE, text)
