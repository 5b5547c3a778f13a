"""A partition that waits for an open transaction is named in the log: soon, once a minute, and when it goes on."""

from aiokafka import TopicPartition
from prometheus_client import generate_latest
from structlog.testing import capture_logs

from consumer.kafka.transaction_waits import TransactionWaits
from consumer.monitoring.metrics import Metrics

AT = TopicPartition("communication.bulk.requests", 3)
WAITS, GOES_ON = "partition waits for an open transaction", "partition goes on after a transaction"


def test_a_wait_is_logged_after_some_seconds_then_once_a_minute_then_at_its_end() -> None:
    waits = TransactionWaits(Metrics())
    with capture_logs() as lines:
        for second in range(130):
            waits.waiting(AT, 7, float(second))
        waits.ended(AT, 130.0)
        waits.ended(AT, 131.0)
    assert [(line["event"], line["seconds"]) for line in lines] == [
        (WAITS, 5),
        (WAITS, 65),
        (WAITS, 125),
        (GOES_ON, 130),
    ]
    assert {(line["topic"], line["partition"], line["offset"]) for line in lines} == {(*AT, 7)}


def test_a_short_transaction_is_not_logged() -> None:
    waits = TransactionWaits(Metrics())
    with capture_logs() as lines:
        for offset in range(20):
            waits.waiting(AT, offset, offset * 4.0)
        waits.ended(AT, 100.0)
    assert lines == []


def test_the_metric_names_a_partition_only_while_it_waits() -> None:
    metrics = Metrics()
    waits = TransactionWaits(metrics)
    sample = b'rollcall_partition_waits{partition="3",topic="communication.bulk.requests"} 1.0'
    for end in (lambda: waits.ended(AT, 10.0), lambda: waits.keep_only(set())):
        waits.waiting(AT, 7, 0.0)
        waits.waiting(AT, 7, 6.0)
        assert sample in generate_latest(metrics.registry)
        end()
        assert b"rollcall_partition_waits{" not in generate_latest(metrics.registry)


def test_a_partition_that_another_member_reads_now_is_forgotten_without_a_line() -> None:
    waits = TransactionWaits(Metrics())
    waits.waiting(AT, 7, 0.0)
    waits.waiting(AT, 7, 6.0)
    with capture_logs() as lines:
        waits.keep_only({TopicPartition(AT.topic, 2)})
        waits.ended(AT, 10.0)
    assert lines == []
