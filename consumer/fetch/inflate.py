"""Decompression of record batches within a bound. Some tens of KB can hold a gigabyte of zeros."""

import mmap
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import cramjam

MAX_INFLATED_BYTES = 16 * 1024 * 1024
"""Maximum size of a batch after decompression, in bytes. A producer builds batches of 1 MiB at most by default."""
MAX_GROWTH = 4
"""Size after decompression that is always allowed, as a multiple of the size in Kafka. It matters for a topic whose
operator allows batches of several MiB."""

_USUAL_GROWTH = 16
_PIECE_BYTES = 64 * 1024
_GZIP_WITH_HEADER = 31
_MAX_GZIP_MEMBERS = 16
_MAX_ZSTD_WINDOW = 8 * 1024 * 1024
"""Maximum memory of the decoder for a batch that grows unusually, in bytes. No encoder should need more (RFC 8878,
section 3.1.1.1.2)."""
_SNAPPY_BLOCKS_MAGIC = b"\x82SNAPPY\x00"
_SNAPPY_HEADER_BYTES = 16
_SNAPPY_MIN_BLOCK_BYTES = 1024
"""Smallest block that the library of the Java clients writes, in bytes before compression."""


_DecompressInto = Callable[[bytes, Any], Any]
"""Function that decompresses into a buffer, and returns the number of bytes."""


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


def _check_size(pieces: Iterable[bytes], limit: int) -> None:
    """Raise InflateError if pieces of data have more than `limit` bytes. No two of them are in memory together."""
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > limit:
            raise InflateError(f"is larger than {limit:,} bytes after decompression")


def _inflate_gzip(data: bytes, limit: int) -> memoryview:
    """Decompress twice, first to know the size. As a whole, the library would need the memory of the result twice."""
    _check_size(_gzip_pieces(data), limit)
    inflated = bytearray()
    for piece in _gzip_pieces(data):
        inflated += piece
    return memoryview(inflated)


def _gzip_pieces(data: bytes) -> Iterator[bytes]:
    for _ in range(_MAX_GZIP_MEMBERS):
        member = zlib.decompressobj(_GZIP_WITH_HEADER)
        while not member.eof:
            piece = member.decompress(data, _PIECE_BYTES)
            if not piece and not member.eof:
                raise InflateError("is cut off")
            yield piece
            data = member.unconsumed_tail
        data = member.unused_data.lstrip(b"\x00")
        if not data:
            return
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
    usual = _inflate_as_usual(cramjam.lz4.decompress_into, data, limit)
    return _inflate_large(cramjam.lz4.decompress_into, data, limit) if usual is None else usual


def _inflate_zstd(data: bytes, limit: int) -> memoryview:
    """Decompress. 3 KB can hold 100 MB of zeros, so that the size of unusual data is found out first."""
    usual = _inflate_as_usual(cramjam.zstd.decompress_into, data, limit)
    if usual is not None:
        return usual
    _check_size(_zstd_pieces(data), limit)
    return _inflate_large(cramjam.zstd.decompress_into, data, limit)


def _zstd_pieces(data: bytes) -> Iterator[bytes]:
    import zstandard  # noqa: PLC0415  # it takes 1 MB, and ordinary batches do not need it

    decompressor = zstandard.ZstdDecompressor(max_window_size=_MAX_ZSTD_WINDOW)
    with decompressor.stream_reader(data, read_across_frames=True) as reader:
        while piece := reader.read(_PIECE_BYTES):
            yield piece


def _inflate_as_usual(decompress_into: _DecompressInto, data: bytes, limit: int) -> memoryview | None:
    """Return decompressed data that grew as usual, else None.

    The library fails when the buffer is full, and what the frames declare does not matter.
    """
    usual = _USUAL_GROWTH * len(data)
    if usual >= limit:
        return None
    buffer = bytearray(usual)
    try:
        return memoryview(buffer)[: int(decompress_into(data, buffer))]
    except cramjam.DecompressionError:
        return None


def _inflate_large(decompress_into: _DecompressInto, data: bytes, limit: int) -> memoryview:
    large = mmap.mmap(-1, limit)  # only the pages that are written take memory, and all of it goes back at once
    return memoryview(large)[: int(decompress_into(data, large))]


_INFLATE: dict[int, Callable[[bytes, int], bytes | memoryview]] = {
    1: _inflate_gzip,
    2: _inflate_snappy,
    3: _inflate_lz4,
    4: _inflate_zstd,
}
