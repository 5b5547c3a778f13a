"""What the Kafka client cannot parse is kept sealed, and the next record of its partition goes on."""

import json
from collections.abc import Iterator

import cramjam
import pytest
from aiokafka import ConsumerRecord

from devstack import Stack
from ledger.dead_letter_format import open_record
from tests.e2e.caller import Reader, Results, publish, reading
from tests.e2e.sample_recipients import SECRET, SIMULATOR, a_request
from tests.support.deployment import Deployment, Service, a_deployment, peak_memory_kb
from tests.support.kafka_topics import take_any_timestamp
from tests.support.polling import wait_until
from tests.support.record_batches import RawProducer, a_batch, a_record, varint

PARTITION = 3
MEGABYTE = 1_000_000
MOST_MEMORY_KB = 150_000
YEAR_10000_MS = 253_402_300_800_000


@pytest.fixture(scope="module")
def running(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Deployment, Service]]:
    folder = tmp_path_factory.mktemp("unparsable")
    with (
        a_deployment(stack, folder, PROVIDERS=[SIMULATOR]) as deployment,
        deployment.service("consumer") as consumer,
    ):
        yield deployment, consumer


def a_gigabyte_of_zeros() -> bytes:
    """One record of a gigabyte, which takes 30 KB compressed."""
    fields = b"\x00" + varint(0) + varint(0) + varint(-1) + varint(1_000 * MEGABYTE)
    compressor = cramjam.zstd.Compressor()
    compressor.compress(varint(len(fields) + 1_000 * MEGABYTE + 1) + fields)
    for _ in range(1_000):
        compressor.compress(bytes(MEGABYTE))
    compressor.compress(varint(0))
    return a_batch(payload=bytes(compressor.finish()), codec="zstd", count=1)


async def test_what_cannot_be_parsed_is_kept_and_the_next_record_goes_on(running: tuple[Deployment, Service]) -> None:
    deployment, consumer = running
    topics = deployment.topics
    bad_name = a_batch(a_record(SECRET.encode(), headers=[(b"\xff\xfe", b"")]))
    bomb = a_gigabyte_of_zeros()
    cases = [(topic, batch) for topic in (topics.requests, topics.chunks_express) for batch in (bad_name, bomb)]
    async with (
        reading(deployment.bootstrap, Results(topics.results)) as results,
        reading(deployment.bootstrap, Reader(topics.dead_letters)) as letters,
        RawProducer(deployment.bootstrap) as raw,
    ):
        origins = [f"{t}/{PARTITION}/{await raw.publish(t, PARTITION, batch)}" for t, batch in cases]
        request = a_request(["13900000000"], content="Hello")
        await publish(deployment.bootstrap, topics.requests, request, partition=PARTITION)
        assert (await results.completed(request["request_id"])).by_status == {"sent": 1}
        await wait_until(lambda: len(letters.records) >= len(cases))
    assert reasons(letters) == {(origin, "unreadable") for origin in origins}
    kept = {dict(letter.headers)["origin"].decode(): opened(deployment, letter) for letter in letters.records}
    for origin, (_, batch) in zip(origins, cases, strict=True):
        expected, unchanged = (batch, 16) if batch is bomb else (batch[61:], 0)
        assert (kept[origin] or b"")[unchanged:] == expected[unchanged:]  # a broker sets the offset and the epoch
        topic, partition, offset = origin.split("/")
        assert f'"topic": "{topic}", "partition": {partition}, "offset": {offset}, "problem"' in consumer.said()
    assert peak_memory_kb(consumer) < MOST_MEMORY_KB
    refused = deployment.rollcall("dead-letters", "replay", origins[0], "--force")
    assert refused.exit_code == 1
    assert "raw bytes cannot be published" in refused.stderr
    assert SECRET.encode() not in deployment.said()


async def test_large_records_are_free_as_soon_as_they_are_handled(running: tuple[Deployment, Service]) -> None:
    deployment, consumer = running
    topic, large = deployment.topics.requests, 9 * MEGABYTE
    async with (
        reading(deployment.bootstrap, Results(deployment.topics.results)) as results,
        RawProducer(deployment.bootstrap) as raw,
    ):
        for number in range(20):
            value = encoded({"content": "x" * large, "request_id": f"large-{number}"})
            await raw.publish(topic, PARTITION, a_batch(a_record(value), codec="zstd"))
        for number in range(20):
            assert (await results.rejected(f"large-{number}")).reason == "too_large"
    assert peak_memory_kb(consumer) < MOST_MEMORY_KB + 5 * large // 1_000


async def test_a_timestamp_that_is_not_a_date_is_refused_and_the_next_record_goes_on(
    running: tuple[Deployment, Service],
) -> None:
    deployment, _ = running
    topic = deployment.topics.requests_express
    await take_any_timestamp(deployment.bootstrap, topic)
    bad, good = (a_request(["13900000000"], content="Hello") for _ in range(2))
    async with (
        reading(deployment.bootstrap, Results(deployment.topics.results)) as results,
        RawProducer(deployment.bootstrap) as raw,
    ):
        for timestamp_ms in (YEAR_10000_MS, 2**63 - 1, -2, -(2**63)):
            bad = a_request(["13900000000"], content="Hello")
            batch = a_batch(a_record(encoded(bad)), timestamp_ms=timestamp_ms)
            await raw.publish(topic, PARTITION, batch)
            assert (await results.rejected(bad["request_id"])).reason == "invalid_timestamp"
        await raw.publish(topic, PARTITION, a_batch(a_record(encoded(good)), timestamp_ms=-1))
        assert (await results.completed(good["request_id"])).by_status == {"sent": 1}
    listed = deployment.rollcall("dead-letters", "list", "--reason", "invalid_timestamp", "--json")
    assert len(listed.stdout.splitlines()) == 4


def encoded(request: dict[str, object]) -> bytes:
    return json.dumps(request).encode()


def reasons(letters: Reader) -> set[tuple[str, str]]:
    headers = [dict(letter.headers) for letter in letters.records]
    return {(header["origin"].decode(), header["reason"].decode()) for header in headers}


def opened(deployment: Deployment, letter: ConsumerRecord) -> bytes | None:
    return open_record(deployment.sealer, letter.value).value
