"""A consumer can be stopped while Kafka is unavailable, and the caller goes on."""

import asyncio

import pytest
from aiokafka.errors import KafkaConnectionError

from consumer.kafka.stop_consumer import stop_consumer


class Stopping:
    """A consumer whose stop ends with an error."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    async def stop(self) -> None:
        raise self._error


@pytest.mark.parametrize("error", [asyncio.CancelledError(), KafkaConnectionError()])
async def test_an_error_of_the_stop_does_not_reach_the_caller(error: BaseException) -> None:
    await stop_consumer(Stopping(error))


async def test_a_caller_that_is_cancelled_during_the_stop_stays_cancelled() -> None:
    class Hanging:
        async def stop(self) -> None:
            await asyncio.Event().wait()

    stopping = asyncio.create_task(stop_consumer(Hanging()))
    await asyncio.sleep(0)
    stopping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopping
