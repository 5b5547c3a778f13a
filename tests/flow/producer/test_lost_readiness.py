"""A service without Kafka or MongoDB says so in one warning."""

from structlog.testing import capture_logs

from producer.kafka.kafka_publisher import KafkaPublisher
from tests.support.polling import wait_until
from tests.support.service import gateway_without_mongodb, some_settings


async def test_a_missing_mongodb_is_one_warning() -> None:
    gateway = gateway_without_mongodb()
    with capture_logs() as lines:
        await gateway.start()
        await wait_until(lambda: lines, seconds=10)
        await gateway.stop()
    (line,) = lines
    assert (line["event"], line["log_level"], line["ready"]) == ("mongodb probed", "warning", False)
    assert line["reason"] == "MongoDB does not answer"


async def test_a_missing_kafka_is_one_warning() -> None:
    publisher = KafkaPublisher(some_settings(kafka_bootstrap="127.0.0.1:9"))
    with capture_logs() as lines:
        await publisher.start()
        await wait_until(lambda: lines, seconds=10)
        await publisher.stop()
    (line,) = lines
    assert (line["event"], line["log_level"], line["ready"]) == ("kafka probed", "warning", False)
    assert line["reason"] == "Kafka does not answer"
