"""Room for the bytes that a process has in hand. What has no room yet waits, and holds no room while it waits.

Small things of the express lane use all of the room, and those of the bulk lane 7/8. Large ones of the express lane get
3/4 of it, and those of the bulk lane 5/8. So the express lane always has an eighth, and small things one as well. A
tenant has half of the room at most, and an eighth more for small things of the express lane.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from schemas.statuses import Lane

DEFAULT_BYTES_IN_HAND = 20 * 1024 * 1024
"""Maximum size of all chunks and messages that a consumer works on, in bytes."""
SMALL_SHARE = 256
"""A thing is small if this many of its kind fit into the room."""
LARGEST_SHARE = 8
"""A thing counts as this part of the room at most, so that the largest one gets room as well."""

Waiters = deque[tuple[int, asyncio.Future[bool]]]


@dataclass(slots=True)
class _Class:
    """Things that have the same right to the room."""

    limit: int
    """Number of bytes in hand, those of all classes, up to which this class gets room."""
    tenant_limit: int
    """Number of bytes in hand of one tenant, those of all classes, up to which this class gets room."""
    used: int = 0
    waiting: dict[str, Waiters] = field(default_factory=dict)
    """Waiters by tenant. The tenants take turns, in this order."""


class ByteRoom:
    """Bytes that may be in hand at the same time. A class without anything in hand may always take one thing."""

    def __init__(self, limit: int) -> None:
        self.largest = limit // LARGEST_SHARE
        """Number of bytes that a thing counts as at most."""
        self._largest_small = limit // SMALL_SHARE
        half, eighth = limit // 2, limit // 8
        self._small = {Lane.EXPRESS: _Class(limit, half + eighth), Lane.BULK: _Class(limit - eighth, half)}
        self._large = {Lane.EXPRESS: _Class(6 * eighth, half), Lane.BULK: _Class(5 * eighth, half)}
        self._classes = (*self._small.values(), *self._large.values())
        self._used_by: dict[str, int] = {}
        self._number_waiting = 0
        self._closed = False
        self.used = 0
        """Number of bytes in hand."""

    @property
    def has_waiters(self) -> bool:
        """Return whether anything waits for room."""
        return self._number_waiting > 0

    async def take(self, lane: Lane, tenant: str, size: int) -> bool:
        """Wait for room, and take it. Return False, without room, if the process stops. The taker calls `give_back`."""
        if self._closed:
            return False
        its_class, size = self._class_of(lane, size), min(size, self.largest)
        if not self._number_waiting and self._has_room(its_class, tenant, size):
            self._add(its_class, tenant, size)
            return True
        waiter: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        its_class.waiting.setdefault(tenant, deque()).append((size, waiter))
        self._number_waiting += 1
        self._serve()
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.result():
                self.give_back(lane, tenant, size)
            raise

    def give_back(self, lane: Lane, tenant: str, size: int) -> None:
        """Return the room of a thing that is no longer in hand."""
        self._add(self._class_of(lane, size), tenant, -min(size, self.largest))
        if self._number_waiting:
            self._serve()

    def close(self) -> None:
        """End all waits, now and from now on. `take` then returns False."""
        self._closed = True
        for its_class in self._classes:
            for waiters in its_class.waiting.values():
                for _, waiter in waiters:
                    if not waiter.done():
                        waiter.set_result(False)
            its_class.waiting.clear()
        self._number_waiting = 0

    def _class_of(self, lane: Lane, size: int) -> _Class:
        return (self._small if size <= self._largest_small else self._large)[lane]

    def _has_room(self, its_class: _Class, tenant: str, size: int) -> bool:
        if not its_class.used:
            return True
        return self.used + size <= its_class.limit and not self._has_its_share(its_class, tenant, size)

    def _has_its_share(self, its_class: _Class, tenant: str, size: int) -> bool:
        return self._used_by.get(tenant, 0) + size > its_class.tenant_limit

    def _add(self, its_class: _Class, tenant: str, size: int) -> None:
        self.used += size
        its_class.used += size
        if used_by_tenant := self._used_by.get(tenant, 0) + size:
            self._used_by[tenant] = used_by_tenant
        else:
            self._used_by.pop(tenant, None)

    def _serve(self) -> None:
        """Give room to waiters. A tenant with its share is passed over. No one passes a tenant whose turn it is."""
        for its_class in self._classes:
            passed_over = 0
            while passed_over < len(its_class.waiting):
                tenant, waiters = next(iter(its_class.waiting.items()))
                size, waiter = waiters[0]
                if waiter.done():  # its task was cancelled
                    self._end_turn(its_class, tenant)
                elif self._has_room(its_class, tenant, size):
                    self._add(its_class, tenant, size)
                    waiter.set_result(True)
                    self._end_turn(its_class, tenant)
                    passed_over = 0
                elif self._has_its_share(its_class, tenant, size):
                    its_class.waiting[tenant] = its_class.waiting.pop(tenant)
                    passed_over += 1
                else:
                    break

    def _end_turn(self, its_class: _Class, tenant: str) -> None:
        """Move a tenant behind the others, without the waiter that had its turn."""
        waiters = its_class.waiting.pop(tenant)
        waiters.popleft()
        self._number_waiting -= 1
        if waiters:
            its_class.waiting[tenant] = waiters
