"""Foreground commands that run until Ctrl-C or SIGTERM, and then end in order."""

import contextlib
import signal
import time
from collections.abc import Callable, Iterator, Sequence

from devstack.errors import StackError
from devstack.processes import Child

Wait = Callable[[Sequence[Child]], None]


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


def _for_ever(children: Sequence[Child]) -> None:
    while True:
        for child in children:
            if (code := child.exit_code()) is not None:
                raise StackError(f"{child.name} ended with exit code {code}: {child.last_words()}")
        time.sleep(0.5)
