"""Failpoint: the process kills itself with SIGKILL right after a named step, at a point that a test chooses."""

import os
import signal

DELIVERY_STEPS = (
    "expand_begin",
    "expand_insert",
    "expand_wake",
    "expand_accepted",
    "expand_count",
    "expand_small",
    "claim",
    "reserve",
    "first_send",
    "last_send",
    "log",
    "publish",
    "advance",
    "close",
    "complete",
    "close_small",
    "announce",
)
"""Steps of expand, deliver and complete in docs/protocol.md, in the same order."""
RECEIPT_STEPS = ("settle", "keep_receipt", "receipt_event")
"""Steps of settle in docs/protocol.md, in the same order."""
STEPS = DELIVERY_STEPS + RECEIPT_STEPS
FAILPOINT = rf"^({'|'.join(STEPS)})(:[1-9][0-9]{{0,5}})?$"
"""Pattern of a failpoint: a step, and after a colon the number of its occurrence from 1 in this process."""


class Failpoint:
    """Counter of the occurrences of one step."""

    def __init__(self, setting: str) -> None:
        self.step, _, nth = setting.partition(":")
        self._left = int(nth or 1)

    def step_done(self) -> None:
        """Count one occurrence. At the last one the process ends at once, without `finally` or flush."""
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
