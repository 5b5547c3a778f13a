"""Child processes that never outlive this one, and functions that wait for them."""

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
_LAST_LINES = 6
_LINE_WIDTH = 300


class Child:
    """Running command that dies with this process (guard.py).

    Its output goes to a file, or to the output of this process. It has its own session, so that Ctrl-C reaches only
    this process, which then stops its children in order.
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
        """Return the command's own process id."""
        return self._process.pid

    def exit_code(self) -> int | None:
        """Return the exit code, or None while it runs. If a signal ended it, the code is minus the signal's number."""
        return self._process.poll()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, such as SIGSTOP for a process that hangs. Do nothing if the command has ended."""
        self._process.send_signal(number)

    def wait(self, seconds: float | None) -> int | None:
        """Return the exit code, or None if it still runs after `seconds`. Without `seconds`, wait until it ends."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def stop(self, grace_seconds: float = 15) -> int:
        """Ask the command to end, and kill it if it still runs after the grace time. Return its exit code."""
        self._process.terminate()
        if self.wait(grace_seconds) is None:
            self._process.kill()
        return self._gone()

    def kill(self) -> int:
        """Kill the command, as kill -9 does. Return its exit code."""
        self._process.kill()
        return self._gone()

    def _gone(self) -> int:
        code = self._process.wait()
        if self._process.stdin:
            self._process.stdin.close()
        return code

    def last_words(self) -> str:
        """Return the last lines of its output, on one line."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log else []
        return " | ".join(line.strip()[:_LINE_WIDTH] for line in lines[-_LAST_LINES:] if line.strip()) or "no output"


def wait_until_ready(child: Child, probe: Callable[[], bool], *, what: str, deadline_seconds: float) -> None:
    """Poll until the probe returns True. Raise StackError with the child's last output if it ended or is too late."""
    end = time.monotonic() + deadline_seconds
    while not probe():
        code = child.exit_code()
        if code is not None:
            raise StackError(f"{what} ended with exit code {code}: {child.last_words()}")
        if time.monotonic() > end:
            raise StackError(f"{what} is not ready after {deadline_seconds:.0f} s: {child.last_words()}")
        time.sleep(0.05)


def free_port() -> int:
    """Return an unused TCP port of the loopback.

    It is below the range of outgoing connections, so that a server that restarts finds it still free.
    """
    for _ in range(1000):
        port = random.randint(15_000, 31_999)  # noqa: S311 - not a secret
        if is_free(port):
            return port
    raise StackError("no free TCP port between 15000 and 31999", "ss -ltn")


def is_free(port: int) -> bool:
    """Return whether a server can listen on this port of the loopback."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def answers(port: int) -> bool:
    """Return whether a server accepts connections on this port of the loopback."""
    return answers_at("127.0.0.1", port)


def answers_at(host: str, port: int) -> bool:
    """Return whether a server accepts connections at this address."""
    try:
        with socket.create_connection((host, port), timeout=0.5):
            return True
    except OSError:
        return False
