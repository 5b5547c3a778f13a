"""Local Kafka and MongoDB for the demo, the tests and the benchmarks. No part of the product imports it."""

from devstack.errors import StackError
from devstack.kafka import LocalKafka
from devstack.mongo import LocalMongo
from devstack.stack import Stack, start_stack

__all__ = ["LocalKafka", "LocalMongo", "Stack", "StackError", "start_stack"]
