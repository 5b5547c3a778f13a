"""Event loop that measures its turns in CPU time of its thread, so that a busy machine changes nothing."""

import asyncio
import gc
import time
from collections.abc import Coroutine
from typing import Any


class MeasuredLoop(asyncio.SelectorEventLoop):
    """Loop of the standard library. One turn runs everything that was ready when it began."""

    def __init__(self) -> None:
        super().__init__()
        self.longest = 0.0
        """CPU time of the longest turn, in seconds."""

    def _run_once(self) -> None:
        began = time.thread_time()
        super()._run_once()  # type: ignore[misc]
        self.longest = max(self.longest, time.thread_time() - began)


def longest_turn(work: Coroutine[Any, Any, None]) -> float:
    """Run the work. Return the CPU time of the longest turn of the loop, in seconds, without garbage collection."""
    gc.collect()
    gc.disable()
    try:
        with asyncio.Runner(loop_factory=MeasuredLoop) as runner:
            runner.run(work)
            loop = runner.get_loop()
            assert isinstance(loop, MeasuredLoop)
            return loop.longest
    finally:
        gc.enable()
