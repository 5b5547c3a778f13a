"""When a consumer has had too much of what cannot be used."""

from typing import Any

import pytest

from consumer.flow_control.circuit_breaker import CircuitBreakerLimits, CircuitOpen, IntakeCircuitBreaker

TOPIC = "communication.bulk.requests"


def a_guard(*, run: int = 1_000, share: float = 1.0, sample: int = 10) -> IntakeCircuitBreaker:
    return IntakeCircuitBreaker(CircuitBreakerLimits(run, share, sample))


def taken(guard: IntakeCircuitBreaker, records: str, topic: str = TOPIC) -> int:
    """How many of the records were dealt with, x being poison."""
    for number, record in enumerate(records):
        if record == "x":
            try:
                guard.record_failure(topic, str(number))
            except CircuitOpen:
                return number
        guard.record_done(topic, str(number))
    return len(records)


def test_a_run_of_poison_is_taken_up_to_its_limit() -> None:
    guard = a_guard(run=3)
    assert taken(guard, "xxx.xxx.xxxx") == 11
    assert taken(guard, "x") == 0


def test_a_good_record_ends_a_run() -> None:
    assert taken(a_guard(run=3), "xxx." * 20) == 80


def test_a_share_counts_once_there_is_a_whole_sample() -> None:
    assert taken(a_guard(share=0.5, sample=10), "x" * 10 + "x") == 10
    assert taken(a_guard(share=0.5, sample=10), "x." * 100) == 200
    assert taken(a_guard(share=0.5, sample=10), "x." * 100 + "xx") == 201


def test_a_twentieth_of_poison_is_no_flood() -> None:
    assert taken(a_guard(run=3, share=0.1, sample=100), ("x" + "." * 19) * 100) == 2_000


def test_poison_long_ago_is_forgotten() -> None:
    assert taken(a_guard(share=0.5, sample=10), "x" * 10 + "." * 10 + "x" * 5) == 25


def test_each_topic_has_its_own_count() -> None:
    guard = a_guard(run=2)
    assert taken(guard, "xxx") == 2
    assert taken(guard, "xx", "communication.bulk.requests.express") == 2


def test_a_record_that_is_refused_again_counts_once() -> None:
    guard = a_guard(run=2)
    for _ in range(5):
        guard.record_failure(TOPIC, "here")
    guard.record_done(TOPIC, "here")
    assert taken(guard, "xx") == 1


@pytest.mark.parametrize("limits", [{"run": 3}, {"share": 0.3, "sample": 10}])
def test_of_many_records_in_hand_at_once_no_more_are_taken_than_of_one_after_the_other(limits: dict[str, Any]) -> None:
    guard = a_guard(**limits)
    assert taken(guard, "." * 10) == 10
    for number in range(3):
        guard.record_failure(TOPIC, f"at once {number}")
    with pytest.raises(CircuitOpen):
        guard.record_failure(TOPIC, "one too many")


def test_without_limits_everything_passes() -> None:
    assert taken(IntakeCircuitBreaker(None), "x" * 1_000) == 1_000


def test_what_is_said_names_the_limit() -> None:
    guard = a_guard(run=1)
    taken(guard, "x")
    with pytest.raises(CircuitOpen, match="more than 1 records in a row"):
        guard.record_failure(TOPIC, "here")
