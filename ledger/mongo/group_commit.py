"""Group commit: the writes of concurrent callers share one command. No write waits for others to come."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from ledger.errors import LedgerError, LedgerRefused

Item = TypeVar("Item")
Result = TypeVar("Result")

MAX_NUMBER = 200
"""Maximum number of documents in a batch."""
MAX_BYTES = 2**20
"""Maximum size of a batch in bytes. A larger item is written alone and at once."""
TURNS_BETWEEN = 2
"""Number of turns of the event loop between two batches. What is ready to be written meanwhile goes into the next one.
Without them a small request took 0.51 commands of MongoDB instead of 0.40."""


class MixedResults(Exception):  # noqa: N818  # it names a reply, not a failure
    """Reply that does not tell which items of a batch it is about. The batch is written again in halves."""


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[Item, Result]):
    """Item whose caller waits."""

    item: Item
    number: int
    size: int
    answer: asyncio.Future[Result]

    def fail(self, error: Exception) -> None:
        """Raise the error in the caller. Each caller gets an object of its own, which its traceback changes."""
        if not self.answer.done():
            self.answer.set_exception(type(error)(*error.args) if isinstance(error, LedgerError) else error)

    def succeed(self, result: Result) -> None:
        """Give the caller its result, unless it was cancelled."""
        if not self.answer.done():
            self.answer.set_result(result)


class GroupCommit(Generic[Item, Result]):
    """Writes of one kind. Items that arrive while a batch is written go into the next batch together.

    `write` takes the items of a batch and returns a result for each. It must be repeatable. Of a batch of several items
    it may raise MixedResults. If it raises this or LedgerRefused, the batch is written again in halves, so that an item
    that is refused fails alone. Any other error goes to every caller of the batch.
    """

    def __init__(self, write: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]]) -> None:
        self._write = write
        self._waiting: deque[_Waiting[Item, Result]] = deque()
        self._writer: asyncio.Task[None] | None = None

    async def add(self, item: Item, *, number: int = 1, size: int = 0) -> Result:
        """Write an item of some documents and bytes with others. Return its result, or raise its error.

        A write whose caller is cancelled may still happen.
        """
        if size > MAX_BYTES:
            return (await self._write([item]))[0]
        answer: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(item, number, size, answer))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_all())
        return await answer

    async def _write_all(self) -> None:
        """Write one batch after the other. The first begins in the next turn, with all items of this turn."""
        while batch := self._take():
            try:
                await self._settle(batch)
            finally:  # without an answer only if the event loop ends
                for waiting in batch:
                    waiting.answer.cancel()
            for _ in range(TURNS_BETWEEN):
                await asyncio.sleep(0)

    def _take(self) -> list[_Waiting[Item, Result]]:
        """Take the items of the next batch. Leave out those whose caller was cancelled."""
        batch: list[_Waiting[Item, Result]] = []
        number = size = 0
        while self._waiting:
            first = self._waiting[0]
            number, size = number + first.number, size + first.size
            if batch and (number > MAX_NUMBER or size > MAX_BYTES):
                break
            self._waiting.popleft()
            if first.answer.done():
                number, size = number - first.number, size - first.size
            else:
                batch.append(first)
        return batch

    async def _settle(self, batch: Sequence[_Waiting[Item, Result]]) -> None:
        """Write a batch and answer its callers."""
        try:
            results = await self._write([waiting.item for waiting in batch])
            answers = list(zip(batch, results, strict=True))
        except Exception as error:  # noqa: BLE001  # it is raised in the callers
            if len(batch) > 1 and isinstance(error, (LedgerRefused, MixedResults)):
                middle = len(batch) // 2
                await asyncio.gather(self._settle(batch[:middle]), self._settle(batch[middle:]))
                return
            for waiting in batch:
                waiting.fail(error)
        else:
            for waiting, result in answers:
                waiting.succeed(result)
