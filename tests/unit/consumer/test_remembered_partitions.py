"""Partitions of record keys that are remembered, because the events of a request share their key."""

from aiokafka.partitioner import DefaultPartitioner

from consumer.kafka.kafka_bus import partition_of

PARTITIONS = (0, 1, 2)


def test_the_keys_that_are_remembered_are_bounded_and_have_the_partitions_of_other_clients() -> None:
    keys = [b"%d" % number for number in range(1_500)]
    others = [DefaultPartitioner()(key, PARTITIONS, PARTITIONS) for key in keys]
    assert [partition_of(key, PARTITIONS) for key in keys] == others
    assert partition_of.cache_info().currsize == 1_000
