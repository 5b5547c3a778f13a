"""Stay in the foreground until Ctrl-C or a polite kill, and then end in order instead of at once."""

import contextlib
import signal
import time
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def until_interrupted() -> Iterator[Callable[[], None]]:
    """Gives a function that waits; the block ends quietly on SIGINT or SIGTERM, after what stands in it was unwound."""

    def interrupt(*_: object) -> None:
        # Only the first one counts: what is being stopped must not be interrupted again.
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


def _for_ever() -> None:
    while True:
        time.sleep(3600)
