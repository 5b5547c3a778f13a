"""Memory for large bodies, or places for heavy reads: shared by all tenants, with a maximum for each of them."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from producer.errors import UnavailableError


@dataclass(frozen=True, slots=True)
class RoomBounds:
    """Bounds of a room. The sizes are bytes, or numbers of calls."""

    total: int
    tenant: int
    """Maximum of one tenant."""
    waiting_calls: int
    """Maximum number of calls of one tenant that wait."""
    wait_seconds: float
    """Maximum time in seconds for which a call waits."""


class TenantRoom:
    """Room that calls share. The tenant that has the least of it comes first, and then the call that came first.

    A call that waits for the room of its own tenant delays only later calls of that tenant.
    """

    def __init__(self, bounds: RoomBounds, refusal: str) -> None:
        self._bounds = bounds
        self._refusal = refusal
        self._free = bounds.total
        self._taken: dict[str, int] = defaultdict(int)
        """Room in use by tenant. A tenant that uses none is absent."""
        self._waiters: list[_Waiter] = []

    def share(self, tenant_id: str) -> "RoomShare":
        """Return the room of one call. It is empty at first."""
        return RoomShare(self, tenant_id)

    async def take(self, tenant_id: str, size: int) -> None:
        """Wait until there is room of this size. It must not be more than one tenant may have.

        Raises UnavailableError if the wait takes too long, or too many calls of the tenant wait already.
        """
        if sum(waiter.tenant_id == tenant_id for waiter in self._waiters) >= self._bounds.waiting_calls:
            raise UnavailableError(self._refusal)
        try:
            async with asyncio.timeout(self._bounds.wait_seconds):
                await self._wait(tenant_id, size)
        except TimeoutError:
            raise UnavailableError(self._refusal) from None

    async def _wait(self, tenant_id: str, size: int) -> None:
        waiter = _Waiter(tenant_id, size, asyncio.get_running_loop().create_future())
        self._waiters.append(waiter)
        self._serve()
        try:
            await waiter.served
        except asyncio.CancelledError:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
                self._serve()
            else:
                self.give_back(tenant_id, size)
            raise

    def give_back(self, tenant_id: str, size: int) -> None:
        """Free room, and serve the calls that wait for it."""
        self._free += size
        self._taken[tenant_id] -= size
        if not self._taken[tenant_id]:
            del self._taken[tenant_id]
        self._serve()

    def _serve(self) -> None:
        while (waiter := self._next()) is not None and waiter.size <= self._free:
            self._free -= waiter.size
            self._taken[waiter.tenant_id] += waiter.size
            self._waiters.remove(waiter)
            if not waiter.served.done():  # the task may have been cancelled in this turn
                waiter.served.set_result(None)

    def _next(self) -> "_Waiter | None":
        """Return the call that is served next. Of the first calls of each tenant, the tenant with the least room."""
        first: dict[str, _Waiter] = {}
        for waiter in self._waiters:
            first.setdefault(waiter.tenant_id, waiter)
        taken = {tenant_id: self._taken.get(tenant_id, 0) for tenant_id in first}
        fitting = [waiter for waiter in first.values() if taken[waiter.tenant_id] + waiter.size <= self._bounds.tenant]
        return min(fitting, key=lambda waiter: taken[waiter.tenant_id], default=None)


@dataclass(frozen=True, eq=False, slots=True)
class _Waiter:
    tenant_id: str
    size: int
    served: "asyncio.Future[None]"


class RoomShare:
    """Room of one call. Its context gives the room back at the end."""

    def __init__(self, room: TenantRoom, tenant_id: str) -> None:
        self._room = room
        self._tenant_id = tenant_id
        self.size = 0

    async def take(self, size: int) -> None:
        """Wait for room. Raises UnavailableError."""
        await self._room.take(self._tenant_id, size)
        self.size += size

    def shrink_to(self, size: int) -> None:
        """Give back the room beyond `size`."""
        surplus = self.size - size
        if surplus > 0:
            self.size = size
            self._room.give_back(self._tenant_id, surplus)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.shrink_to(0)
