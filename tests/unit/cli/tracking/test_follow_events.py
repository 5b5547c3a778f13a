import asyncio
from collections.abc import Awaitable

from cli.tracking.follow_events import SendAttempt, SilenceReporter, kafka_lost_line
from cli.tracking.result_tally import ResultTally


def lines_of(*events_at: tuple[float, int], published: bool = True) -> list[str | None]:
    silence, tally = SilenceReporter(0.0), ResultTally("req-1", "tnt_test", 2)
    return [silence.next_line(events, tally, at, published=published) for at, events in events_at]


def test_a_wait_is_explained_after_ten_seconds_and_then_less_often() -> None:
    output = lines_of(*((float(at), 0) for at in range(1, 45)))
    assert [at for at, line in enumerate(output, 1) if line] == [10, 20, 40]
    assert output[9] == (
        "no results for 10 s: waiting for a consumer to process the request. Check that `rollcall consumer` is running."
        " If one was killed, Kafka waits ROLLCALL_KAFKA_SESSION_SECONDS (default 45) until others get its partitions."
    )


def test_an_event_restarts_the_interval() -> None:
    assert lines_of((9.0, 0), (9.5, 1), (11.0, 0), (19.0, 0)) == [None] * 4


def test_a_slow_kafka_is_named() -> None:
    (output,) = lines_of((12.0, 0), published=False)
    assert output == "no results for 12 s: Kafka is slow to acknowledge the request"


async def never() -> None:
    await asyncio.Event().wait()


async def done() -> None:
    return None


async def kafka_lost(publishing: Awaitable[None]) -> str:
    task = asyncio.ensure_future(publishing)
    await asyncio.sleep(0)
    try:
        return kafka_lost_line(SendAttempt(ResultTally("req-1", "tnt_test", 2), task, no_more_rejections=is_consumed))
    finally:
        task.cancel()


async def is_consumed() -> bool:
    return True


async def test_a_lost_kafka_is_named_with_the_command_that_follows_the_published_request() -> None:
    assert await kafka_lost(done()) == (
        "Kafka does not answer. Waiting for it. The request continues without this command. "
        "Follow it with `rollcall watch req-1 --tenant tnt_test`."
    )


async def test_a_kafka_that_is_lost_during_the_publication_does_not_promise_that_the_request_continues() -> None:
    assert await kafka_lost(never()) == "Kafka does not answer. Waiting for it."
