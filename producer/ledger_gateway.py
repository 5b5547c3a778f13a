"""The ledger as the service uses it: it may be away, and then whatever needs it is told so at once."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from ledger.errors import InvalidConnectionString, LedgerError, LedgerNotReady, LedgerUnavailable
from ledger.ports import Ledger
from producer.errors import UnavailableError

ANSWER_MS = 4_000
"""How long one command of MongoDB may take; what is left of a call's five seconds is for the rest of it."""
CALL_SECONDS = 4.5
"""How long one question may take, all its commands together."""
PROBE_SECONDS = 2.0
"""How often MongoDB is asked whether it is there."""

CLOSE_SECONDS = 1.0

_NOT_YET = "not connected yet"

T = TypeVar("T")
_log = structlog.get_logger()


class LedgerGateway:
    """Asks the ledger, and knows whether it answers."""

    def __init__(self, connect: Callable[[], Awaitable[Ledger]]) -> None:
        self._connect = connect
        self._ledger: Ledger | None = None
        self._trouble: str | None = _NOT_YET
        self._keeper: asyncio.Task[None] | None = None
        self._failure: LedgerError | None = None
        self._has_failed = asyncio.Event()
        self._checked = False

    async def start(self) -> None:
        """Open the ledger, whether it answers or not."""
        try:
            self._ledger = await self._connect()
        except InvalidConnectionString as error:
            self._fail(error)
            return
        self._keeper = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """Close the ledger."""
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        if self._ledger is not None:
            with contextlib.suppress(TimeoutError):  # MongoDB may be away, or frozen
                await asyncio.wait_for(self._ledger.aclose(), CLOSE_SECONDS)

    def problem(self) -> str | None:
        """Why nothing can be asked now."""
        return self._trouble

    async def wait_failed(self) -> LedgerError:
        """Wait until it is known that the service must not run: BadAddress, or LedgerNotReady."""
        await self._has_failed.wait()
        return self._failure or LedgerError()

    async def query(self, question: Callable[[Ledger], Awaitable[T]]) -> T:
        """The ledger's answer; raises UnavailableError within five seconds."""
        if self._ledger is None or self._trouble not in (None, _NOT_YET):
            raise UnavailableError("MongoDB is away, and this needs it")
        try:
            async with asyncio.timeout(CALL_SECONDS):
                return await question(self._ledger)
        except (LedgerUnavailable, TimeoutError):
            raise UnavailableError("MongoDB did not answer in time, and this needs it") from None

    async def _keep(self) -> None:
        while True:
            trouble = await self._probe()
            if trouble != self._trouble:
                _log.info("mongodb", ready=trouble is None, trouble=trouble, variable="ROLLCALL_MONGO_URL")
            self._trouble = trouble
            await asyncio.sleep(PROBE_SECONDS)

    async def _probe(self) -> str | None:
        """Why the ledger cannot be asked; the first answer also tells whether its indexes are there."""
        if self._ledger is None:
            raise AssertionError("not started")
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                await self._ledger.ping()
                if not self._checked:
                    await self._ledger.check()
                    self._checked = True
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
