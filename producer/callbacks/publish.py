"""Publishing of receipts to Kafka."""

from collections.abc import Sequence

import structlog

from producer.callbacks.receipt_records import ReceiptRecord
from producer.dependencies import Dependencies
from producer.errors import UnavailableError
from producer.kafka.publisher import PublishError

_log = structlog.get_logger()
NOT_TAKEN = "Kafka did not acknowledge the receipts in time. Send them again."


async def publish_receipts(deps: Dependencies, records: Sequence[ReceiptRecord]) -> None:
    """Publish all receipts of a call. Raises UnavailableError if Kafka does not acknowledge all of them in time."""
    topic = deps.settings.topics.receipts
    # A client that waits for a topic which does not exist looks like one whose records are not acknowledged.
    if await deps.publisher.topic_exists(topic) is False:
        _log.error("topic of receipts missing", topic=topic, fix="rollcall setup")
        raise UnavailableError(NOT_TAKEN)
    try:
        await deps.publisher.publish(topic, records)
    except PublishError:
        raise UnavailableError(NOT_TAKEN) from None
