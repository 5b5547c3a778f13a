"""Output that a caller does not read: it is dropped after a time, and beyond a number of bytes at once."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from producer.http.unread_output import MAX_UNREAD_BYTES, MIN_READ_BYTES, UnreadOutput, drop_oldest_output

MIB = 1024 * 1024


class FakeTransport(asyncio.Transport):
    """A transport with a number of bytes that wait."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.is_open = True

    def get_write_buffer_size(self) -> int:
        return self.size

    def abort(self) -> None:
        self.is_open = False


class FakeLoop:
    """An event loop whose timers a test fires."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[tuple[Callable[[], None], Any]] = []

    def time(self) -> float:
        return self.now

    def call_later(self, _seconds: float, callback: Callable[[], None]) -> Any:
        timer = _Timer()
        self.timers.append((callback, timer))
        return timer

    def pass_a_window(self) -> None:
        timers, self.timers = self.timers, []
        for callback, timer in timers:
            if not timer.cancelled:
                callback()


class _Timer:
    cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


@pytest.fixture
def loop() -> FakeLoop:
    return FakeLoop()


def waiting(loop: FakeLoop, size: int, since: float = 0.0) -> tuple[UnreadOutput, FakeTransport]:
    transport = FakeTransport(size)
    output = UnreadOutput(transport, loop)  # type: ignore[arg-type]
    loop.now = since
    output.begin()
    return output, transport


def test_a_connection_whose_output_is_not_read_is_closed(loop: FakeLoop) -> None:
    _, transport = waiting(loop, MIB)
    loop.pass_a_window()
    assert not transport.is_open


def test_a_caller_that_reads_slowly_but_enough_keeps_its_connection(loop: FakeLoop) -> None:
    _, transport = waiting(loop, MIB)
    for _ in range(6):
        transport.size -= MIN_READ_BYTES
        loop.pass_a_window()
        assert transport.is_open
    transport.size -= MIN_READ_BYTES - 1
    loop.pass_a_window()
    assert not transport.is_open


def test_a_caller_that_has_read_everything_is_not_watched_any_more(loop: FakeLoop) -> None:
    output, transport = waiting(loop, MIB)
    output.end()
    loop.pass_a_window()
    assert transport.is_open


def test_the_output_that_waited_longest_is_dropped_when_too_many_bytes_wait(loop: FakeLoop) -> None:
    fits = MAX_UNREAD_BYTES // MIB
    pairs = [waiting(loop, MIB, since=number) for number in range(fits + 2)]
    idle = FakeTransport(100 * MIB)
    drop_oldest_output([*(output for output, _ in reversed(pairs)), UnreadOutput(idle, loop)])  # type: ignore[arg-type]
    assert [transport.is_open for _, transport in pairs] == [False, False, *[True] * fits]
    assert idle.is_open, "its caller reads"
