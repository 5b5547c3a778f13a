"""Kafka: publishing, offsets and subscriptions.

bus.py is the port, kafka_bus.py its implementation on Kafka, memory_bus.py the in-memory implementation.
partition_writer.py writes the records of one partition. record.py is a record as it was read.
offset_tracker.py and group_commits.py commit offsets. read_positions.py commits offsets without a record, and
transaction_waits.py names partitions that wait for an open transaction. subscription_health.py checks that each
subscription still polls. stop_consumer.py stops a consumer while Kafka may be unavailable.
"""
