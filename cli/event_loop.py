"""Event loop of a command, which Ctrl-C ends reliably."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

REPEAT_CANCEL_SECONDS = 5.0
"""Time between two cancellations of the same work, in seconds."""


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run the work as `asyncio.run` does. If it continues after Ctrl-C, cancel it again every five seconds.

    Up to Python 3.11, `asyncio.wait_for` loses a cancellation that arrives at the moment when the awaited work ends.
    Kafka's client uses it in many places. Without the repetition, a command that follows a request would not stop.
    The repetition also cuts short a clean-up that takes longer than five seconds.
    """
    return asyncio.run(_cancellable(work))


async def _cancellable(work: Coroutine[Any, Any, T]) -> T:
    task = asyncio.create_task(work)
    try:
        await asyncio.wait({task})
    finally:
        while not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=REPEAT_CANCEL_SECONDS)
        if not task.cancelled():
            task.exception()  # asyncio would log an exception that nothing reads, also after an interruption
    return task.result()
