"""Settings of glibc's memory allocator for a service. Other C libraries have none of them."""

import ctypes
from collections.abc import Callable
from typing import cast

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # malloc.h
MMAP_BYTES = 256 * 1024
"""Size from which a block is mapped alone, and given back to the system as soon as it is free, in bytes."""
ARENAS = 2
"""Maximum number of heaps. The default is 8 for each core, and each keeps what its thread needed at most."""


def limit_kept_memory() -> bool:
    """Make the allocator give freed memory back. Return whether it can.

    By default a freed block of 1 MiB raises the threshold to 1 MiB, and so on up to 32 MiB. After that the large blocks
    of texts and records leave holes in the heaps, which are never given back.
    """
    mallopt = _function("mallopt")
    if mallopt is None:
        return False
    options = ((_M_ARENA_MAX, ARENAS), (_M_MMAP_THRESHOLD, MMAP_BYTES), (_M_TRIM_THRESHOLD, MMAP_BYTES))
    results = [mallopt(option, value) for option, value in options]
    return all(results)


def give_back_freed_memory() -> None:
    """Give pages that are free back to the system, also those in the middle of a heap. It takes 0.2 ms.

    What one thread freed is otherwise kept for this thread, while another one needs new memory.
    """
    if trim := _function("malloc_trim"):
        trim(0)


def _function(name: str) -> Callable[..., int] | None:
    try:
        return cast("Callable[..., int]", getattr(ctypes.CDLL(None), name))
    except (AttributeError, OSError):
        return None
