"""Access to the ledger for the routes. MongoDB may be unavailable: a call that needs it then fails at once."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from ledger.errors import InvalidConnectionString, LedgerError, LedgerNotReady, LedgerUnavailable
from ledger.ports import Ledger
from producer.errors import UnavailableError

COMMAND_TIMEOUT_MS = 4_000
"""Maximum time of one MongoDB command in milliseconds. The rest of a call's five seconds is for its other work."""
QUERY_TIMEOUT_SECONDS = 4.5
"""Maximum time of one query in seconds, with all its commands."""
PROBE_SECONDS = 2.0
"""Time between two probes of MongoDB, and maximum time of one probe, in seconds."""

CLOSE_SECONDS = 1.0

_NOT_YET = "not connected yet"

T = TypeVar("T")
_log = structlog.get_logger()


class LedgerGateway:
    """Queries the ledger and knows whether MongoDB answers."""

    def __init__(self, connect: Callable[[], Awaitable[Ledger]]) -> None:
        self._connect = connect
        self._ledger: Ledger | None = None
        self._problem: str | None = _NOT_YET
        self._probe_task: asyncio.Task[None] | None = None
        self._failure: LedgerError | None = None
        self._has_failed = asyncio.Event()
        self._indexes_checked = False

    async def start(self) -> None:
        """Open the ledger. MongoDB need not answer yet."""
        try:
            self._ledger = await self._connect()
        except InvalidConnectionString as error:
            self._fail(error)
            return
        self._probe_task = asyncio.create_task(self._probe_repeatedly())

    async def stop(self) -> None:
        """Close the ledger."""
        if self._probe_task is not None:
            self._probe_task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._probe_task
        if self._ledger is not None:
            with contextlib.suppress(TimeoutError):  # MongoDB may be unavailable or frozen
                await asyncio.wait_for(self._ledger.aclose(), CLOSE_SECONDS)

    def problem(self) -> str | None:
        """Return the reason for which the ledger cannot be queried, or None."""
        return self._problem

    async def wait_failed(self) -> LedgerError:
        """Wait until an InvalidConnectionString or a LedgerNotReady shows that the service must not run."""
        await self._has_failed.wait()
        return self._failure or LedgerError()

    async def query(self, operation: Callable[[Ledger], Awaitable[T]]) -> T:
        """Return the result of `operation` on the ledger. Raises UnavailableError within five seconds."""
        if self._ledger is None or self._problem not in (None, _NOT_YET):
            raise UnavailableError("MongoDB is not available, and this call needs it")
        try:
            async with asyncio.timeout(QUERY_TIMEOUT_SECONDS):
                return await operation(self._ledger)
        except (LedgerUnavailable, TimeoutError):
            raise UnavailableError("MongoDB did not answer in time, and this call needs it") from None

    async def _probe_repeatedly(self) -> None:
        while True:
            problem = await self._probe()
            if problem != self._problem:
                log = _log.warning if problem else _log.info
                log("mongodb probed", ready=problem is None, reason=problem, variable="ROLLCALL_MONGO_URL")
            self._problem = problem
            await asyncio.sleep(PROBE_SECONDS)

    async def _probe(self) -> str | None:
        """Return the reason for which the ledger cannot be queried. Check the indexes at the first answer."""
        if self._ledger is None:
            raise AssertionError("not started")
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                await self._ledger.ping()
                if not self._indexes_checked:
                    await self._ledger.check()
                    self._indexes_checked = True
        except LedgerNotReady as error:
            self._fail(error)
            return "indexes are missing"
        except (LedgerUnavailable, TimeoutError):
            return "MongoDB does not answer"
        except LedgerError:
            return "MongoDB refuses"
        return None

    def _fail(self, error: LedgerError) -> None:
        self._failure = error
        self._has_failed.set()
