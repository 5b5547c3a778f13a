"""Decompression of record batches within a bound. Some tens of KB can hold a gigabyte of zeros."""

import mmap
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import cramjam

MAX_INFLATED_BYTES = 16 * 1024 * 1024
"""Maximum size of a batch after decompression, in bytes. A producer builds batches of 1 MiB at most by default."""
MAX_GROWTH = 4
"""Size after decompression that is always allowed, as a multiple of the size in Kafka. It matters for a topic whose
operator allows batches of several MiB."""

_USUAL_GROWTH = 16
_GZIP_WITH_HEADER = 31
_MAX_GZIP_MEMBERS = 16
_GZIP_PIECE_BYTES = 64 * 1024
_SNAPPY_BLOCKS_MAGIC = b"\x82SNAPPY\x00"
_SNAPPY_HEADER_BYTES = 16
_SNAPPY_MIN_BLOCK_BYTES = 1024
"""Smallest block that the library of the Java clients writes, in bytes before compression."""


class InflateError(ValueError):
    """Data that cannot be decompressed, or that is too large after it. The message contains none of the data."""


def inflated_limit(size: int) -> int:
    """Return the maximum size after decompression of a batch with this size, in bytes."""
    return max(MAX_INFLATED_BYTES, MAX_GROWTH * size)


def inflate(codec: int, data: bytes) -> bytes | memoryview:
    """Return decompressed data. `codec` is the number in the attributes of a batch. Raise InflateError."""
    if codec not in _INFLATE:
        raise InflateError(f"has the unknown compression codec {codec}")
    limit = inflated_limit(len(data))
    try:
        return _INFLATE[codec](data, limit)
    except InflateError:
        raise
    except Exception:  # noqa: BLE001  # the libraries raise different errors for broken data
        raise InflateError(f"cannot be decompressed, or not within {limit:,} bytes") from None


def _inflate_gzip(data: bytes, limit: int) -> memoryview:
    """Decompress piece by piece into one buffer. As a whole, the library would need the memory of the result twice."""
    inflated = bytearray()
    for _ in range(_MAX_GZIP_MEMBERS):
        member = zlib.decompressobj(_GZIP_WITH_HEADER)
        while not member.eof:
            before = len(inflated)
            inflated += member.decompress(data, _GZIP_PIECE_BYTES)
            if len(inflated) > limit or (len(inflated) == before and not member.eof):
                raise InflateError(f"is cut off, or not within {limit:,} bytes after decompression")
            data = member.unconsumed_tail
        data = member.unused_data.lstrip(b"\x00")
        if not data:
            return memoryview(inflated)
    raise InflateError("has too many gzip members")


def _inflate_snappy(data: bytes, limit: int) -> bytes:
    """Decompress one block, or the blocks of snappy-java. Each block declares its size, and the library checks it."""
    blocks = list(_snappy_blocks(data, limit)) if data.startswith(_SNAPPY_BLOCKS_MAGIC) else [data]
    if sum(map(cramjam.snappy.decompress_raw_len, blocks)) > limit:
        raise InflateError(f"is larger than {limit:,} bytes after decompression")
    return b"".join(bytes(cramjam.snappy.decompress_raw(block)) for block in blocks)


def _snappy_blocks(data: bytes, limit: int) -> Iterator[bytes]:
    position, most = _SNAPPY_HEADER_BYTES, limit // _SNAPPY_MIN_BLOCK_BYTES
    for _ in range(most):
        if position == len(data):
            return
        (size,) = struct.unpack_from(">i", data, position)
        start, position = position + 4, position + 4 + size
        if size <= 0 or position > len(data):
            break
        yield data[start:position]
    raise InflateError("has snappy blocks of a wrong size")


def _inflate_lz4(data: bytes, limit: int) -> memoryview:
    return _inflate_into(cramjam.lz4.decompress_into, data, limit)


def _inflate_zstd(data: bytes, limit: int) -> memoryview:
    return _inflate_into(cramjam.zstd.decompress_into, data, limit)


def _inflate_into(decompress_into: Callable[[bytes, Any], Any], data: bytes, limit: int) -> memoryview:
    """Decompress into a buffer. The library fails when it is full, and what the frames declare does not matter."""
    usual = _USUAL_GROWTH * len(data)
    if usual < limit:
        buffer = bytearray(usual)
        try:
            return memoryview(buffer)[: int(decompress_into(data, buffer))]
        except cramjam.DecompressionError:
            del buffer
    large = mmap.mmap(-1, limit)  # only the pages that are written take memory, and all of it goes back at once
    return memoryview(large)[: int(decompress_into(data, large))]


_INFLATE: dict[int, Callable[[bytes, int], bytes | memoryview]] = {
    1: _inflate_gzip,
    2: _inflate_snappy,
    3: _inflate_lz4,
    4: _inflate_zstd,
}
