"""Foreground commands that run until Ctrl-C or SIGTERM, and then end in order."""

import contextlib
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from devstack.errors import StackError


class Watched(Protocol):
    """Process, or another server, that may end by itself."""

    @property
    def name(self) -> str:
        """Return its name for messages."""

    def exit_code(self) -> int | None:
        """Return None while it runs."""

    def last_words(self) -> str:
        """Return its last output, on one line."""


Wait = Callable[[Sequence[Watched]], None]


@contextlib.contextmanager
def until_interrupted() -> Iterator[Wait]:
    """Yield a function that waits. The block ends without an error on SIGINT or SIGTERM, after its cleanup.

    The function raises StackError if one of its children ends by itself.
    """

    def interrupt(*_: object) -> None:
        # Only the first signal counts, because the cleanup must not be interrupted.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with contextlib.suppress(KeyboardInterrupt):
            yield _for_ever
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _for_ever(children: Sequence[Watched]) -> None:
    while True:
        for child in children:
            if (code := child.exit_code()) is not None:
                raise StackError(f"{child.name} ended with exit code {code}: {child.last_words()}")
        time.sleep(0.5)
