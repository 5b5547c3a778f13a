"""Blocking calls in threads of their own. A MongoDB client that waits for an answer must not delay the process exit."""

import asyncio
import contextlib
import threading
from collections.abc import Callable


async def run_blocking(work: Callable[[], None]) -> None:
    """Run a blocking call in a daemon thread. A caller that stops waiting for it may still end the process."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()

    def run() -> None:
        work()
        with contextlib.suppress(RuntimeError):  # the loop is closed, so no caller waits
            loop.call_soon_threadsafe(done.set)

    threading.Thread(target=run, daemon=True).start()
    await done.wait()
