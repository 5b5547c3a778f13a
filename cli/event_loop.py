"""The event loop of a command, which Ctrl-C ends."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

AGAIN_SECONDS = 5.0


def run(work: Coroutine[Any, Any, T]) -> T:
    """As `asyncio.run`, but work that goes on when Ctrl-C has cancelled it is cancelled again, every five seconds.

    `asyncio.wait_for` forgets a cancellation that comes in the moment in which what it waits for ends (up to Python
    3.11), and Kafka's client is full of it. A command that follows a request would then follow it to its end. What
    closes for longer than that is cut short.
    """
    return asyncio.run(_cancellable(work))


async def _cancellable(work: Coroutine[Any, Any, T]) -> T:
    task = asyncio.create_task(work)
    try:
        await asyncio.wait({task})
    finally:
        while not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=AGAIN_SECONDS)
        if not task.cancelled():
            task.exception()  # what fails while it is being interrupted is said by nobody
    return task.result()
