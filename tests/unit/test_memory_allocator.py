"""The memory allocator gives freed blocks of large texts back to the system."""

import subprocess
import sys

import pytest

from tests.support.repository import ROOT

_PROGRAM = """
import sys
from config.memory_allocator import limit_kept_memory

def resident_mib():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4 / 1024

if not limit_kept_memory():
    sys.exit(3)
del_me = bytes(b"x") * (24 << 20)  # without the limit, blocks up to this size stay in the heap after this
del del_me
before = resident_mib()
pieces = [(b"x" * (1 << 20), [object() for _ in range(20_000)]) for _ in range(64)]
pinned = [small for _, small in pieces]
del pieces
kept = resident_mib() - before - 64 * 20_000 * 24 / 2**20
sys.exit(0 if kept < 20 else 1)
"""


def test_freed_blocks_of_large_texts_are_given_back_to_the_system() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], cwd=ROOT, check=False, timeout=60)
    if done.returncode == 3:
        pytest.skip("not glibc")
    assert done.returncode == 0
