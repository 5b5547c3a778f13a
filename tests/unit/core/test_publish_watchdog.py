"""Detection of a Kafka client that publishes nothing any more."""

from core.publish_watchdog import FAILURES, PublishWatchdog
from tests.support.clock import ManualClock

PATIENCE_SECONDS = 60.0


def failed(wedge: PublishWatchdog, times: int = FAILURES) -> None:
    for _ in range(times):
        wedge.publish_timed_out()


def test_many_failures_are_a_stall_and_after_a_while_the_end() -> None:
    clock = ManualClock()
    wedge = PublishWatchdog(PATIENCE_SECONDS, clock)
    failed(wedge, FAILURES - 1)
    assert not wedge.is_stalled
    failed(wedge, 1)
    assert wedge.is_stalled
    assert not wedge.is_dead
    clock.now += PATIENCE_SECONDS
    wedge.ping_finished(answered=True)
    assert wedge.is_dead


def test_few_failures_are_never_the_end() -> None:
    clock = ManualClock()
    wedge = PublishWatchdog(PATIENCE_SECONDS, clock)
    failed(wedge, FAILURES - 1)
    clock.now += 10 * PATIENCE_SECONDS
    assert not wedge.is_dead


def test_an_answered_publish_ends_the_stall() -> None:
    clock = ManualClock()
    wedge = PublishWatchdog(PATIENCE_SECONDS, clock)
    failed(wedge)
    wedge.publish_answered()
    clock.now += PATIENCE_SECONDS
    failed(wedge)
    assert not wedge.is_dead


def test_an_outage_of_kafka_restarts_the_count_of_the_client() -> None:
    clock = ManualClock()
    wedge = PublishWatchdog(PATIENCE_SECONDS, clock)
    failed(wedge)
    clock.now += PATIENCE_SECONDS
    wedge.ping_finished(answered=False)
    assert not wedge.is_stalled
    failed(wedge)
    clock.now += PATIENCE_SECONDS - 1
    assert not wedge.is_dead
    clock.now += 1
    assert wedge.is_dead
