"""Common base of Kafka and MongoDB on this machine: start, stop, kill, and start again with the same port and data."""

import signal
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from devstack.errors import StackError
from devstack.processes import Child, free_port, wait_until_ready

_READY_SECONDS = 60


class LocalServer(ABC):
    """Server process with its data in a folder and one port of the loopback for its whole life."""

    def __init__(self, name: str, folder: Path) -> None:
        self._name = name
        self._folder = folder
        self._folder.mkdir(parents=True, exist_ok=True)
        self._port = free_port()
        self._child: Child | None = None

    @abstractmethod
    def launch(self) -> None:
        """Start the server without waiting."""

    @abstractmethod
    def wait(self) -> None:
        """Wait until it serves. Raise StackError if it ended or takes too long."""

    @property
    def port(self) -> int:
        """Return its port of the loopback."""
        return self._port

    @property
    def pid(self) -> int:
        """Return its process id. Raise StackError if it is not running."""
        return self._running().pid

    @property
    def child(self) -> Child:
        """Return its process. Raise StackError if it was not launched."""
        return self._running()

    def start(self) -> None:
        """Start the server and wait until it serves. Raise StackError with the reason if it does not."""
        self.launch()
        self.wait()

    def stop(self) -> None:
        """Shut the server down in order, if it runs."""
        if self._child is not None:
            self._child.stop()
            self._child = None

    def kill(self) -> None:
        """Kill the server as kill -9 does, if it runs."""
        if self._child is not None:
            self._child.kill()
            self._child = None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, such as SIGSTOP for a server that hangs. Raise StackError if it is not running."""
        self._running().signal(number)

    def _run(self, command: Sequence[str | Path], env: Mapping[str, str] | None = None) -> None:
        if self._child is not None and self._child.exit_code() is None:
            raise StackError(f"this {self._name} is already running")
        self.kill()
        self._child = Child(command, log=self._folder / f"{self._name.lower()}.log", env=env)

    def _wait_until(self, probe: Callable[[], bool]) -> None:
        wait_until_ready(self._running(), probe, what=self._name, deadline_seconds=_READY_SECONDS)

    def _running(self) -> Child:
        if self._child is None:
            raise StackError(f"this {self._name} is not running")
        return self._child
