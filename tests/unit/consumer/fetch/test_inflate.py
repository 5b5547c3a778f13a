"""Decompression costs what its bound allows, whatever the data declares."""

import contextlib
import gzip
import struct
import time
import tracemalloc
from pathlib import Path

import cramjam
import pytest
from aiokafka.codec import gzip_encode, lz4_encode, snappy_encode, zstd_encode

from consumer.fetch.inflate import MAX_INFLATED_BYTES, InflateError, inflate, inflated_limit

ENCODE = {1: gzip_encode, 2: snappy_encode, 3: lz4_encode, 4: zstd_encode}
MIB = 1024 * 1024
CPU_SECONDS = 2.0


def zeros(codec: int, size: int) -> bytes:
    """Compressed zeros, without a buffer of that size."""
    if codec == 2:
        block = bytes(cramjam.snappy.compress_raw(bytes(MIB)))
        return b"\x82SNAPPY\x00" + struct.pack(">ii", 1, 1) + (struct.pack(">i", len(block)) + block) * (size // MIB)
    module = {1: cramjam.gzip, 3: cramjam.lz4, 4: cramjam.zstd}[codec]
    compressor = module.Compressor()
    for _ in range(size // MIB):
        compressor.compress(bytes(MIB))
    return bytes(compressor.finish())


@pytest.mark.parametrize("codec", ENCODE)
@pytest.mark.parametrize("size", [0, 1, 1000, 100_000, MAX_INFLATED_BYTES - 1, MAX_INFLATED_BYTES])
def test_what_fits_the_bound_is_decompressed(codec: int, size: int) -> None:
    data = (b"rollcall" * (size // 8 + 1))[:size]
    assert inflate(codec, bytes(ENCODE[codec](data))) == data


@pytest.mark.parametrize("codec", ENCODE)
def test_one_byte_more_is_refused(codec: int) -> None:
    with pytest.raises(InflateError):
        inflate(codec, bytes(ENCODE[codec](bytes(MAX_INFLATED_BYTES + 1))))


@pytest.mark.parametrize("codec", ENCODE)
def test_a_gigabyte_of_zeros_costs_neither_memory_nor_time(codec: int) -> None:
    bomb = zeros(codec, 1_000 * MIB if codec == 4 else 100 * MIB)
    tracemalloc.start()
    began = time.thread_time()
    try:
        with pytest.raises(InflateError):
            inflate(codec, bomb)
        assert time.thread_time() - began < CPU_SECONDS
        assert tracemalloc.get_traced_memory()[1] < 1.5 * inflated_limit(len(bomb))
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("codec", [1, 4])
def test_a_bomb_that_is_refused_never_fills_the_memory_that_its_bound_allows(codec: int) -> None:
    bomb = zeros(codec, 100 * MIB)
    for _ in range(2):  # the first one may import a library
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew (proc_pid_clear_refs(5))
        before = resident_mib("VmRSS")
        with pytest.raises(InflateError):
            inflate(codec, bomb)
    assert resident_mib("VmHWM") - before < MAX_INFLATED_BYTES / MIB / 2


def resident_mib(name: str) -> float:
    """A size of this process from the system's own account of it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))


def empty_frames() -> dict[str, tuple[int, bytes]]:
    widest = bytes.fromhex("28b52ffd00") + bytes([(27 - 10) << 3]) + b"\x01\x00\x00"  # declares a window of 128 MiB
    return {
        "gzip": (1, gzip.compress(b"") * (MIB // 20)),
        "snappy": (2, b"\x82SNAPPY\x00" + struct.pack(">ii", 1, 1) + struct.pack(">ib", 1, 0) * (MIB // 5)),
        "snappy without a size": (2, b"\x82SNAPPY\x00" + struct.pack(">ii", 1, 1) + bytes(MIB)),
        "snappy backwards": (2, b"\x82SNAPPY\x00" + struct.pack(">iiii", 1, 1, -4, -8)),
        "lz4": (3, bytes(lz4_encode(b"")) * (MIB // 11)),
        "zstd": (4, widest * (MIB // 9)),
        "zstd of the largest window": (4, bytes.fromhex("28b52ffd00f8010000")),
    }


@pytest.mark.parametrize(("codec", "data"), empty_frames().values(), ids=empty_frames())
def test_many_empty_frames_cost_no_time(codec: int, data: bytes) -> None:
    began = time.thread_time()
    with contextlib.suppress(InflateError):
        assert not inflate(codec, data)
    assert time.thread_time() - began < CPU_SECONDS


def test_a_frame_that_lies_about_its_size_is_refused() -> None:
    liar = b"\xff\xff\xff\xff\x0f" + bytes(cramjam.snappy.compress_raw(b"abc"))[1:]
    with pytest.raises(InflateError):
        inflate(2, liar)
    one_frame = bytearray(cramjam.zstd.compress(b"abc" * 1000))
    declared = b"\x28\xb5\x2f\xfd\xe0" + struct.pack("<Q", 2**62) + b"\x01\x00\x00"
    for data in (declared, bytes(one_frame[:-3])):
        with pytest.raises(InflateError):
            inflate(4, data)


@pytest.mark.parametrize("codec", [0, 5, 6, 7])
def test_an_unknown_codec_is_refused(codec: int) -> None:
    with pytest.raises(InflateError, match=f"unknown compression codec {codec}"):
        inflate(codec, b"data")


@pytest.mark.parametrize("codec", ENCODE)
def test_an_error_shows_none_of_the_data(codec: int) -> None:
    for data in (b"", b"13800138000", bytes(ENCODE[codec](b"13800138000"))[:-1]):
        with pytest.raises(InflateError) as error:
            inflate(codec, data)
        assert "138" not in str(error.value)


def test_a_batch_of_a_topic_for_large_batches_may_grow_four_times() -> None:
    assert inflated_limit(MIB) == 16 * MIB
    assert inflated_limit(10 * MIB) == 40 * MIB
