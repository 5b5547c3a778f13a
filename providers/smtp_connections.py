"""Open connections to one mail server. Their number follows what the server takes."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from providers.connection_slots import ConnectionSlots
from providers.smtp_replies import SessionRefusedError, refuses_login
from providers.smtp_session import MailProgress, SmtpSession

IDLE_SECONDS = 60.0
"""Maximum idle time of a connection, in seconds. Servers and firewalls drop idle connections, often silently."""

SHARED_IDLE_SECONDS = 1.0
"""Maximum idle time after the server refused a connection, in seconds. Another process may need the place."""

REFUSED_SECONDS = 1.0
"""Time after a refusal in which no connection is tried while none is open, in seconds.

A window of mails must not ask a full server once for each mail, nor try a wrong password often enough to lock the user.
"""


class NoConnectionError(Exception):
    """Error if the server takes no connection for now, and none is open. The mail is not to blame.

    The message has codes and fixed words only.
    """


class SmtpConnections:
    """Connections that are idle, in use or being opened. The holder of a slot may take one.

    A refused connection shrinks the limit of the slots to the connections that are open. So a mail waits for one of
    these instead of being refused again and again.
    """

    def __init__(
        self,
        open_session: Callable[[MailProgress], Awaitable[SmtpSession]],
        slots: ConnectionSlots,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._open_session, self._slots, self._monotonic = open_session, slots, monotonic
        self._idle: list[SmtpSession] = []
        self._in_use = 0
        self._opening: set[asyncio.Future[None]] = set()
        self._refused_until = float("-inf")
        self._refusal: tuple[str, SessionRefusedError] | None = None
        """Step and error of the last refusal."""
        self._closed = False

    @property
    def open(self) -> int:
        """Return the number of connections that the server has accepted."""
        return self._in_use + sum(session.usable for session in self._idle)

    async def take(self, progress: MailProgress) -> SmtpSession | None:
        """Return an idle connection, or open one. Return None if the mail has to wait for a connection in use.

        Raises NoConnectionError, or the error of the connection if no other one is open.
        """
        session = self._reuse()
        if session is not None:
            self._in_use += 1
            return session
        if self._refusal and self._monotonic() < self._refused_until and not self.open:
            progress.step = self._refusal[0]
            raise _error_of(*self._refusal)
        opening = asyncio.get_running_loop().create_future()
        self._opening.add(opening)
        try:
            session = await self._open_session(progress)
        except Exception as error:  # noqa: BLE001  # raised again, unless another connection is open
            failure = error
        else:
            self._in_use += 1
            return session
        finally:
            self._opening.discard(opening)
            opening.set_result(None)
        await self._use_others(failure, progress.step)
        return None

    def give_back(self, session: SmtpSession) -> None:
        """Keep the connection for the next mail, if it can still be used."""
        self._in_use -= 1
        if self._closed or not session.usable:
            session.abort()
            return
        session.is_fresh = False
        seconds = SHARED_IDLE_SECONDS if self._slots.is_reduced else IDLE_SECONDS
        session.expiry = asyncio.get_running_loop().call_later(seconds, self._expire, session)
        self._idle.append(session)

    def drop(self, session: SmtpSession) -> None:
        """Close a connection that failed."""
        self._in_use -= 1
        session.abort()

    def shrink(self) -> bool:
        """Shrink the limit to the connections that are open. Return whether there is one, so that a mail can wait."""
        self._slots.shrink(self.open + len(self._opening))
        return self.open > 0

    async def aclose(self) -> None:
        """Close the idle connections. One in use is closed after its mail."""
        self._closed = True
        idle, self._idle = self._idle, []
        for session in idle:
            _stop_timer(session)
        await asyncio.gather(*(session.quit() for session in idle))

    async def _use_others(self, error: Exception, step: str) -> None:
        """Shrink the limit after a connection that failed. Raise the error if no other one is or becomes open."""
        if isinstance(error, SessionRefusedError) and error.is_limit:
            self.shrink()
        others = set(self._opening)
        while not self.open and (others := {other for other in others if not other.done()}):
            await asyncio.wait(others, return_when=asyncio.FIRST_COMPLETED)
        if self.open:
            self.shrink()
            return
        if isinstance(error, SessionRefusedError) and (error.is_limit or refuses_login(error.reply)):
            self._refused_until, self._refusal = self._monotonic() + REFUSED_SECONDS, (step, error)
            error = _error_of(step, error)
        raise error

    def _reuse(self) -> SmtpSession | None:
        """Return the connection that was used last, so that unneeded connections become too old."""
        while self._idle:
            session = self._idle.pop()
            _stop_timer(session)
            if session.usable:
                return session
            session.abort()
        return None

    def _expire(self, session: SmtpSession) -> None:
        if session in self._idle:
            self._idle.remove(session)
            session.abort()


def _error_of(step: str, refusal: SessionRefusedError) -> Exception:
    """Return the error of a mail that meets a refusal: only a limit spends no attempt."""
    return NoConnectionError(f"{step}: {refusal}") if refusal.is_limit else SessionRefusedError(refusal.reply)


def _stop_timer(session: SmtpSession) -> None:
    if session.expiry is not None:
        session.expiry.cancel()
