"""Settings of the Python interpreter for a service."""

import sys

SWITCH_SECONDS = 0.0005
"""Time after which a thread lets another one go on, in seconds. By default it is ten times as long.

The event loop waits that long for a thread that renders a long text, and so does each thread that asks MongoDB. A small
request waits for them some twenty times.
"""


def share_time_between_threads() -> None:
    """Let the threads of this process take short turns."""
    sys.setswitchinterval(SWITCH_SECONDS)
