"""A task that a stop cancels is awaited, also if it swallows a cancellation."""

import asyncio

from consumer.group_membership import cancel_and_wait


class StubbornTask:
    """A task that swallows cancellations until it has swallowed enough of them."""

    def __init__(self, swallows: int) -> None:
        self.swallows, self.started = swallows, asyncio.Event()

    async def start(self) -> asyncio.Task[None]:
        task = asyncio.create_task(self._run())
        await self.started.wait()
        return task

    async def _run(self) -> None:
        while True:
            self.started.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.swallows -= 1
                if self.swallows < 0:
                    raise


async def test_a_task_that_swallows_a_cancellation_is_cancelled_again() -> None:
    task = await StubbornTask(swallows=1).start()
    await cancel_and_wait({task}, 10.0)
    assert task.cancelled()


async def test_the_wait_for_a_task_that_swallows_every_cancellation_is_bounded() -> None:
    stubborn = StubbornTask(swallows=1_000)
    task = await stubborn.start()
    await cancel_and_wait({task}, 0.01)
    assert not task.done()
    stubborn.swallows = 0
    await cancel_and_wait({task}, 10.0)
    assert task.cancelled()


async def test_a_task_that_has_ended_keeps_its_result() -> None:
    task = asyncio.create_task(asyncio.sleep(0, "joined"))
    await task
    await cancel_and_wait({task}, 10.0)
    assert task.result() == "joined"
