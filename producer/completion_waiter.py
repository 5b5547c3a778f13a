"""Wait of callers for the completion of a request, for `Prefer: wait`.

The number of waiting callers is bounded. Each one polls the ledger at growing intervals. All are released on shutdown.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

from core.ids import RequestKey
from ledger.models import Completion
from producer.errors import UnavailableError
from producer.ledger_gateway import LedgerGateway

MAX_WAITING_CALLERS = 500
"""Maximum number of callers that wait at a time. A further caller gets its answer at once."""
MAX_WAITING_CALLERS_OF_TENANT = 100
"""The same for the callers of one tenant."""
FIRST_PAUSE_SECONDS = 0.05
MAX_PAUSE_SECONDS = 0.5
PAUSE_FACTOR = 1.3
"""Factor between one pause and the next."""

IsDisconnected = Callable[[], Awaitable[bool]]
"""Returns whether the caller closed the connection."""


class CompletionWaiter:
    """Counts the waiting callers and can release all of them."""

    def __init__(
        self,
        gateway: LedgerGateway,
        max_callers: int = MAX_WAITING_CALLERS,
        max_tenant_callers: int = MAX_WAITING_CALLERS_OF_TENANT,
    ) -> None:
        self._gateway = gateway
        self._max_callers = max_callers
        self._max_tenant_callers = max_tenant_callers
        self._waiting_callers: Counter[str] = Counter()
        """Number of waiting callers by tenant. A tenant without any is absent."""
        self._released = asyncio.Event()

    def release_all(self) -> None:
        """End every wait with the state known by then. Later waits end after their first look."""
        self._released.set()

    async def wait(
        self, tenant_id: str, key: RequestKey, seconds: float, is_disconnected: IsDisconnected
    ) -> Completion | None:
        """Return the completion of the request, or None if it is not completed within `seconds`.

        Raises UnavailableError if too many callers wait already, in all or of this tenant, or if MongoDB is not
        available.
        """
        waiting = self._waiting_callers
        if waiting.total() >= self._max_callers or waiting[tenant_id] >= self._max_tenant_callers:
            raise UnavailableError("too many callers are waiting")
        waiting[tenant_id] += 1
        try:
            return await self._poll(key, seconds, is_disconnected)
        finally:
            waiting[tenant_id] -= 1
            if not waiting[tenant_id]:
                del waiting[tenant_id]

    async def _poll(self, key: RequestKey, seconds: float, is_disconnected: IsDisconnected) -> Completion | None:
        loop = asyncio.get_running_loop()
        end, pause = loop.time() + seconds, FIRST_PAUSE_SECONDS
        while True:
            completion = await self._gateway.query(lambda ledger: ledger.requests.completion(key))
            if completion:
                return completion
            remaining = end - loop.time()
            if remaining <= 0 or self._released.is_set() or await is_disconnected():
                return None
            await self._pause(min(pause, remaining))
            pause = min(pause * PAUSE_FACTOR, MAX_PAUSE_SECONDS)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._released.wait()
        except TimeoutError:
            pass
