"""Child processes that never outlive this one, and waiting for them."""

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from devstack.errors import StackError

_GUARD = Path(__file__).with_name("guard.py")
_SAID_LINES = 6
_SAID_WIDTH = 300


class Child:
    """A running command with its output in a file, or where this process's goes; it dies with this process (guard.py).

    It has a session of its own, so that Ctrl-C reaches only this process, which then stops its children in order.
    """

    def __init__(
        self, command: Sequence[str | Path], *, log: Path | None, env: Mapping[str, str] | None = None
    ) -> None:
        self.name = " ".join([Path(command[0]).name, *map(str, command[1:2])])
        self.log = log
        with log.open("ab") if log else contextlib.nullcontext() as out:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", _GUARD, *command],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=subprocess.STDOUT if out else None,
                env=dict(os.environ if env is None else env),
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The command's own process id."""
        return self._process.pid

    def exit_code(self) -> int | None:
        """None while it runs; minus the signal's number when a signal ended it."""
        return self._process.poll()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, as SIGSTOP for a process that hangs; nothing happens once it is gone."""
        self._process.send_signal(number)

    def wait(self, seconds: float | None) -> int | None:
        """Its exit code, or None when it still runs after so many seconds; without any it waits to the end."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def stop(self, grace_seconds: float = 15) -> int:
        """Ask it to end, kill it when it has not after the grace; returns its exit code."""
        self._process.terminate()
        if self.wait(grace_seconds) is None:
            self._process.kill()
        return self._gone()

    def kill(self) -> int:
        """End it at once, as kill -9 does; returns its exit code."""
        self._process.kill()
        return self._gone()

    def _gone(self) -> int:
        code = self._process.wait()
        if self._process.stdin:
            self._process.stdin.close()
        return code

    def last_words(self) -> str:
        """The last lines of its output, on one line."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log else []
        return (
            " | ".join(line.strip()[:_SAID_WIDTH] for line in lines[-_SAID_LINES:] if line.strip()) or "it said nothing"
        )


def wait_until_ready(child: Child, probe: Callable[[], bool], *, what: str, deadline_seconds: float) -> None:
    """Poll until the probe says yes; StackError with the child's last words when it ended or the deadline passed."""
    end = time.monotonic() + deadline_seconds
    while not probe():
        code = child.exit_code()
        if code is not None:
            raise StackError(f"{what} ended with exit code {code}: {child.last_words()}")
        if time.monotonic() > end:
            raise StackError(f"{what} is not ready after {deadline_seconds:.0f} s: {child.last_words()}")
        time.sleep(0.05)


def free_port() -> int:
    """A TCP port of the loopback that nobody uses.

    It is taken from below the range that outgoing connections use, so that a server that restarts finds it free still.
    """
    for _ in range(1000):
        port = random.randint(15_000, 31_999)  # noqa: S311 - not a secret
        if is_free(port):
            return port
    raise StackError("no free TCP port between 15000 and 31999", "ss -ltn")


def is_free(port: int) -> bool:
    """Whether a server may listen on this port of the loopback."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def answers(port: int) -> bool:
    """Whether somebody accepts connections on this port of the loopback."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
