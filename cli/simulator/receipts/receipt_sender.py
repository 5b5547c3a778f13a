"""Sender of receipts: it posts them when they are due, and again while the producer asks for that."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

import aiohttp

from cli.simulator.receipts.behaviour import ReceiptBehaviour
from cli.simulator.receipts.counts import ReceiptCounts
from cli.simulator.receipts.plan import ReceiptPlan
from cli.simulator.receipts.waiting import WaitingReceipts
from cli.simulator.received import Delivery
from cli.simulator.signing.signed_call import CallbackSigner, SignedCall, SimulatedReceipt
from providers.http_client import open_session, read_body

MAX_CALLS = 20
"""Maximum number of calls at the same time, without those that come before an answer to a sender."""
MAX_ATTEMPTS = 100
"""Maximum number of calls for one receipt. They take about 45 minutes."""
ANSWER_SECONDS = 10.0
"""Maximum time of one call, in seconds."""

_FIRST_WAIT_SECONDS, _MAX_WAIT_SECONDS = 0.5, 30.0
_TRY_AGAIN = frozenset({408, 429})


class ReceiptSender:
    """Receipts of one simulator. `running` posts them."""

    def __init__(
        self, behaviour: ReceiptBehaviour, seed: int, signer: CallbackSigner, forger: CallbackSigner, per_call: int
    ) -> None:
        self.signer = signer
        self._behaviour, self._forger, self._per_call = behaviour, forger, per_call
        self.max_attempts = MAX_ATTEMPTS
        self._plan = ReceiptPlan(behaviour, seed)
        self._waiting = WaitingReceipts()
        self._on_the_way = 0
        """Number of receipts in calls that are not answered yet."""
        self._counts = ReceiptCounts()
        self._changed = asyncio.Event()
        self._session: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Post receipts within the block. Those that still wait at its end are not sent."""
        async with open_session({}, None, None) as self._session, asyncio.TaskGroup() as tasks:
            posting = tasks.create_task(self._post_when_due())
            try:
                yield
            finally:
                posting.cancel()

    async def take(self, delivery: Delivery) -> None:
        """Plan the receipts of a message that was taken. Return after the calls that come before the answer."""
        for planned in self._plan.receipts_of(delivery):
            if planned.delay_seconds is None:
                if await self._post([planned.receipt]):
                    self._counts.early += 1
            elif len(self._waiting) < self._behaviour.waiting_receipts:
                self._add(planned.receipt, planned.delay_seconds)
            else:
                self._counts.left_out += 1

    def document(self) -> dict[str, int]:
        """Return the counts. A receipt waits until its call is answered."""
        return self._counts.document(len(self._waiting) + self._on_the_way)

    def forget(self) -> None:
        """Forget the counts and the receipts that wait."""
        self._counts = ReceiptCounts()
        self._waiting.clear()

    def _add(self, receipt: SimulatedReceipt, delay_seconds: float) -> None:
        due, next_due = _now() + delay_seconds, self._waiting.next_due
        self._waiting.add(receipt, due)
        if next_due is None or due < next_due:
            self._changed.set()

    async def _post_when_due(self) -> None:
        """Post what is due, with few calls at a time, until this is cancelled."""
        slots = asyncio.Semaphore(MAX_CALLS)
        async with asyncio.TaskGroup() as calls:
            while True:
                await slots.acquire()
                call = calls.create_task(self._post(await self._next_due()))
                call.add_done_callback(lambda _: slots.release())

    async def _next_due(self) -> list[SimulatedReceipt]:
        """Wait until a receipt is due. Return those of the next call."""
        while not (due := self._waiting.take_due(_now(), self._per_call)):
            self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(self._waiting.next_due):
                    await self._changed.wait()
        return due

    async def _post(self, receipts: Sequence[SimulatedReceipt]) -> bool:
        """Make one call, and count it. Return whether it was accepted."""
        self._on_the_way += len(receipts)
        try:
            return await self._post_signed(receipts)
        finally:
            self._on_the_way -= len(receipts)

    async def _post_signed(self, receipts: Sequence[SimulatedReceipt]) -> bool:
        """Make one call, after a forged one or twice if it is so configured. Return whether it was accepted."""
        now, counts, number = datetime.now(UTC), self._counts, len(receipts)
        if self._plan.is_forged(receipts[0]):
            forged = self._forger.sign([receipt.opposite() for receipt in receipts], now)
            counts.forged += number
            if _is_accepted(await self._call(forged)):
                counts.forged_accepted += number
        call = self.signer.sign(receipts, now)
        status = await self._call(call)
        if _is_accepted(status):
            counts.accepted += number
            if self._plan.is_repeated(receipts[0]):
                counts.repeated += number
                await self._call(call)
        elif status is None or status >= 500 or status in _TRY_AGAIN:
            for receipt in receipts:
                self._try_again(receipt)
        else:
            counts.refused += number
        return _is_accepted(status)

    async def _call(self, call: SignedCall) -> int | None:
        """Return the status of the answer, or None without one."""
        assert self._session is not None  # noqa: S101  # `running` has opened it
        try:
            async with (
                asyncio.timeout(ANSWER_SECONDS),
                self._session.post(call.url, data=call.body, headers=call.headers, allow_redirects=False) as answer,
            ):
                await read_body(answer)
                return answer.status
        except (aiohttp.ClientError, OSError):
            return None

    def _try_again(self, receipt: SimulatedReceipt) -> None:
        """Let a receipt wait longer after each call, or give it up."""
        receipt.attempts += 1
        if receipt.attempts >= self.max_attempts:
            self._counts.given_up += 1
            return
        self._counts.tried_again += 1
        self._add(receipt, min(_FIRST_WAIT_SECONDS * 2 ** min(receipt.attempts - 1, 10), _MAX_WAIT_SECONDS))


def _is_accepted(status: int | None) -> bool:
    return status is not None and 200 <= status < 300


def _now() -> float:
    return asyncio.get_running_loop().time()
