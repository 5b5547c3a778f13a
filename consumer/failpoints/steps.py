"""A failpoint: the process ends itself with SIGKILL right after a named step, so that a test kills it exactly there."""

import os
import signal

STEPS = (
    "expand_begin",
    "expand_insert",
    "expand_wake",
    "expand_accepted",
    "expand_count",
    "claim",
    "first_send",
    "last_send",
    "log",
    "publish",
    "advance",
    "close",
    "complete",
    "announce",
)
"""The steps of docs/protocol.md, in its order."""
FAILPOINT = rf"^({'|'.join(STEPS)})(:[1-9][0-9]{{0,5}})?$"
"""A step, and after a colon for which time it is done, counted from 1 in each process."""


class Failpoint:
    """Counts how often its step was done."""

    def __init__(self, wanted: str) -> None:
        self.step, _, nth = wanted.partition(":")
        self._left = int(nth or 1)

    def step_done(self) -> None:
        """The step was done once more. After the last time nothing follows: no `finally`, no flush."""
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
