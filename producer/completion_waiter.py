"""Callers that wait for a request's completion: not too many, seldom asking, and let go when the service ends."""

import asyncio
from collections.abc import Awaitable, Callable

from core.ids import RequestKey
from ledger.models import Completion
from producer.errors import UnavailableError
from producer.ledger_gateway import LedgerGateway

MOST_WAITING = 500
"""So many callers wait at a time; the next one is answered at once."""
FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 0.5
SLOWER = 1.3
"""By so much each pause is longer than the one before."""

IsDisconnected = Callable[[], Awaitable[bool]]
"""Tells whether the caller hung up."""


class CompletionWaiter:
    """Knows who waits, and lets all of them go."""

    def __init__(self, archive: LedgerGateway, most: int = MOST_WAITING) -> None:
        self._archive = archive
        self._most = most
        self._count = 0
        self._over = asyncio.Event()

    def release_all(self) -> None:
        """Let everybody go with what is known by now, and nobody wait any more."""
        self._over.set()

    async def wait(self, key: RequestKey, seconds: float, gone: IsDisconnected) -> Completion | None:
        """The request's completion, or None when it did not come within so many seconds.

        Raises UnavailableError where nobody can wait: there are too many already, or MongoDB is away.
        """
        if self._count >= self._most:
            raise UnavailableError("too many callers wait already")
        self._count += 1
        try:
            return await self._poll(key, seconds, gone)
        finally:
            self._count -= 1

    async def _poll(self, key: RequestKey, seconds: float, gone: IsDisconnected) -> Completion | None:
        loop = asyncio.get_running_loop()
        end, pause = loop.time() + seconds, FIRST_PAUSE_SECONDS
        while True:
            request = await self._archive.query(lambda ledger: ledger.requests.get(key))
            if request and request.completion:
                return request.completion
            left = end - loop.time()
            if left <= 0 or self._over.is_set() or await gone():
                return None
            await self._sleep(min(pause, left))
            pause = min(pause * SLOWER, LONGEST_PAUSE_SECONDS)

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._over.wait()
        except TimeoutError:
            pass
