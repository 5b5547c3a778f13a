"""`rollcall bounces --maildir`: the mails of a folder, and where they are afterwards."""

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiokafka.errors import KafkaError

from cli.bounces.maildir import BATCH, Maildir
from cli.errors import CommandError, UsageError
from schemas.receipts import ReceiptStatus
from tests.flow.cli.bounces.producers import UNAVAILABLE, MemoryProducer, a_reader
from tests.unit.providers.bounces.sample_bounces import DELIVERY_ID, POSTFIX, a_report

OTHER = b"Subject: Out of office\n\nI am away.\n"
UNSIGNED = a_report(to="bounces@example.com")
NOT_STOPPED = asyncio.Event()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("new", "cur", "tmp"):
        (tmp_path / name).mkdir()
    return tmp_path


def put(folder: Path, name: str, content: bytes) -> Path:
    path = folder / "new" / name
    path.write_bytes(content)
    return path


def names(folder: Path, inner: str) -> list[str]:
    return sorted(path.name for path in (folder / inner).iterdir())


async def read(folder: Path, producer: MemoryProducer, *, leaves_others: bool = False) -> dict[str, int]:
    reader = a_reader(producer)
    await Maildir(folder, leaves_others=leaves_others).read(reader, NOT_STOPPED)
    return dict(reader.counts)


async def test_each_bounce_is_published_and_moved_as_seen(folder: Path) -> None:
    put(folder, "1.a.host", POSTFIX)
    put(folder, "2.b.host,S=300:2,", OTHER)
    put(folder, "3.c.host", UNSIGNED)
    put(folder, ".hidden", POSTFIX)
    producer = MemoryProducer()

    counts = await read(folder, producer)

    assert counts == {"receipts": 1, "unsigned": 1, "other": 1}
    ((key, receipt),) = producer.records
    assert (key, receipt.delivery_id, receipt.status) == (DELIVERY_ID.encode(), DELIVERY_ID, ReceiptStatus.FAILED)
    assert names(folder, "new") == [".hidden"]
    assert names(folder, "cur") == ["1.a.host:2,S", "2.b.host,S=300:2,", "3.c.host:2,"]


async def test_mails_without_a_receipt_may_be_left_for_another_reader_and_are_counted_once(folder: Path) -> None:
    put(folder, "1.a.host", POSTFIX)
    put(folder, "2.b.host", OTHER)
    producer, maildir = MemoryProducer(), Maildir(folder, leaves_others=True)
    reader = a_reader(producer)

    for _ in range(3):
        await maildir.read(reader, NOT_STOPPED)

    assert dict(reader.counts) == {"receipts": 1, "other": 1}
    assert names(folder, "new") == ["2.b.host"]


@pytest.mark.parametrize("error", [UNAVAILABLE, OSError()])
async def test_mails_stay_until_kafka_has_acknowledged_their_receipts(folder: Path, error: Exception) -> None:
    put(folder, "1.a.host", POSTFIX)
    put(folder, "2.b.host", OTHER)
    producer = MemoryProducer(error=error)

    with pytest.raises((KafkaError, OSError)):
        await read(folder, producer)
    stayed = names(folder, "new")
    producer.error = None
    counts = await read(folder, producer)

    assert stayed == ["1.a.host", "2.b.host"]
    assert counts == {"receipts": 1, "other": 1}
    assert names(folder, "new") == []


async def test_after_a_crash_between_publish_and_move_the_same_receipt_is_published_again(folder: Path) -> None:
    put(folder, "1.a.host", POSTFIX)
    producer = MemoryProducer()
    obstacle = folder / "cur" / "1.a.host:2,S"
    obstacle.mkdir()
    with pytest.raises(CommandError, match="--maildir: cannot move a mail to the folder cur"):
        await read(folder, producer)
    obstacle.rmdir()
    await read(folder, producer)

    (_, first), (_, second) = producer.records
    assert first == second
    assert names(folder, "cur") == ["1.a.host:2,S"]


async def test_more_mails_than_one_batch_are_all_read(folder: Path) -> None:
    for number in range(2 * BATCH + 1):
        put(folder, f"{number}.a.host", POSTFIX)

    assert await read(folder, MemoryProducer()) == {"receipts": 2 * BATCH + 1}


async def test_a_stop_ends_the_pass_after_a_batch(folder: Path) -> None:
    put(folder, "1.a.host", POSTFIX)
    stopped = asyncio.Event()
    stopped.set()

    await Maildir(folder, leaves_others=False).read(a_reader(MemoryProducer()), stopped)

    assert names(folder, "new") == ["1.a.host"]


async def test_the_time_of_arrival_is_that_of_the_file(folder: Path) -> None:
    content = a_report().replace(b"Date: Mon, 30", b"Date: Wed, 99")
    arrived = datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC)
    os.utime(put(folder, "1.a.host", content), (0, arrived.timestamp()))
    producer = MemoryProducer()

    await read(folder, producer)

    assert producer.records[0][1].occurred_at == arrived


async def test_a_link_in_the_folder_is_not_followed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(POSTFIX)
    (folder / "new" / "1.a.host").symlink_to(tmp_path / "secret")

    assert await read(folder, MemoryProducer()) == {}


def test_a_folder_that_is_not_a_maildir_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a Maildir"):
        Maildir(tmp_path, leaves_others=False)
