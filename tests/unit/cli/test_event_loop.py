"""Ctrl-C ends a command, even at the moment when Python loses the cancellation."""

import subprocess
import sys

import pytest

from cli import event_loop as loop

FORGETFUL = """
import asyncio, os, signal
from cli import event_loop as loop

async def work():
    ended = asyncio.get_running_loop().create_future()

    def end_and_interrupt():
        ended.set_result(None)
        os.kill(os.getpid(), signal.SIGINT)

    asyncio.get_running_loop().call_soon(end_and_interrupt)
    await asyncio.wait_for(ended, 60)
    try:
        await asyncio.sleep(3600)
    finally:
        print("cleaned up")

try:
    loop.run(work())
except KeyboardInterrupt:
    print("interrupted")
"""


def test_an_interrupt_that_wait_for_loses_is_repeated() -> None:
    done = subprocess.run([sys.executable, "-c", FORGETFUL], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1] == "interrupted"
    assert done.stderr == ""


def test_results_and_errors_are_passed_on() -> None:
    async def answer() -> int:
        return 7

    async def fail() -> None:
        raise ValueError("no")

    assert loop.run(answer()) == 7
    with pytest.raises(ValueError, match="no"):
        loop.run(fail())
